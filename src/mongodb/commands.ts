/** What everything in a transaction is sent with. */
import { BSON, type ClientSession, type Collection, type Document, type Filter } from "mongodb";
import type { Values } from "../store/change.js";
import type { Table } from "../store/tables.js";
import type { MongoColumn, MongoTable } from "./columns.js";
import type { Own } from "./own-collections.js";

export interface Sending {
  readonly own: Own;
  collection(name: string): Collection;
  /** Options of every call. */
  readonly on: { readonly session: ClientSession; readonly maxTimeMS: number };
  /** Sends one statement, and watches it. */
  send<T>(run: () => Promise<T>): Promise<T>;
  /** As `Unit.table`. */
  tableOf(name: string, columns?: readonly string[]): Promise<MongoTable | undefined>;
  /** The unit's time, in microseconds since 1970. */
  readonly now: number;
  /** The `_id` of the document that is written, where one has been found: a collation may have found it by another text than its own. */
  readonly written?: unknown;
  /** What scopes have found in other collections, for as long as nothing is written there. Absent: they ask each time. */
  readonly remembered?: Map<string, Promise<Document | null>>;
}

export const micros = 1_000;

export function dateOf(now: number): Date {
  return new Date(Math.floor(now / micros));
}

/** The port's tables and columns are this store's own. */
export function ours(table: Table): MongoTable {
  return table as MongoTable;
}

export function columnIn(table: Table, name: string): MongoColumn {
  const column = ours(table).columns.get(name);
  if (column === undefined) throw new Error(`${table.name} has no field ${name} right now.`);
  return column;
}

/** Fields that hold just these values, no list among them that has one. */
export function filterOf(table: Table, values: Values): Filter<Document> {
  const parts = Object.entries(values).map(([name, value]) =>
    exactly(columnIn(table, name), value),
  );
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { $and: parts };
}

/** Documents that have one of these keys, which name the same columns. */
export function filterOfAny(table: Table, keys: readonly Values[]): Filter<Document> {
  const [name, ...more] = Object.keys(keys[0] ?? {});
  if (name === undefined || more.length > 0)
    return { $or: keys.map((key) => filterOf(table, key)) };
  const { field } = columnIn(table, name);
  const $in = keys.map((key) => key[name]);
  if (field === "_id") return { _id: { $in } } as Filter<Document>;
  return { [field]: { $in, $not: { $type: "array" } } };
}

export function exactly({ field }: MongoColumn, value: unknown): Filter<Document> {
  if (field === "_id") return { _id: { $eq: value } } as Filter<Document>;
  return { [field]: { $eq: value, $not: { $type: "array" } } };
}

/** The first document that the filter finds, with these fields beside `_id`. @param exactly the collection's collation is not asked */
export function findOne(
  { collection, on, send }: Sending,
  table: Table,
  filter: Filter<Document>,
  fields?: readonly string[],
  exactly = false,
): Promise<Document | null> {
  const options = {
    ...on,
    ...projecting(fields),
    ...(exactly && { collation: { locale: "simple" } }),
  };
  return send(() => collection(table.name).findOne(filter, options));
}

/** Finds all of them, with these fields beside `_id`. */
export function findAll(
  { collection, on, send }: Sending,
  table: Table,
  filter: Filter<Document>,
  fields?: readonly string[],
  limit?: number,
): Promise<readonly Document[]> {
  const options = { ...on, ...projecting(fields), ...(limit !== undefined && { limit }) };
  return send(() => collection(table.name).find(filter, options).toArray());
}

/** Keys that one find asks for: the server's manual advises against hundreds, and so many documents come in one answer. */
export const mostAtOnce = 100;

function projecting(fields: readonly string[] | undefined) {
  if (fields === undefined) return {};
  return { projection: Object.fromEntries(["_id", ...fields].map((name) => [name, 1])) };
}

/** Finds a document of another collection, for a scope: the remembered one, if this query has been sent before in the run. */
export async function findOther(
  sending: Sending,
  table: Table,
  filter: Filter<Document>,
  fields: readonly string[],
  exactly = false,
): Promise<Document | null> {
  const { remembered } = sending;
  if (remembered === undefined) return findOne(sending, table, filter, fields, exactly);
  const asked = queryKey(table, filter, fields, exactly);
  const found = remembered.get(asked) ?? findOne(sending, table, filter, fields, exactly);
  remembered.set(asked, found);
  return found;
}

/** The key under which `Sending.remembered` holds what a query has found. */
export function queryKey(
  table: Table,
  filter: Filter<Document>,
  fields: readonly string[],
  exactly = false,
): string {
  return BSON.EJSON.stringify([table.name, filter, fields, exactly], { relaxed: false });
}
