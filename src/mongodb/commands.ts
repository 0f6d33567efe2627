/** What every command of a transaction is sent with, and the filters and finds that the store is made of. */
import { BSON, type ClientSession, type Collection, type Document, type Filter } from "mongodb";
import type { Values } from "../store/change.js";
import type { Table } from "../store/tables.js";
import type { MongoColumn, MongoTable } from "./columns.js";
import type { Own } from "./own-collections.js";

export interface Sending {
  readonly own: Own;
  collection(name: string): Collection;
  /** The options of every call to the driver. */
  readonly on: { readonly session: ClientSession; readonly maxTimeMS: number };
  /** Sends one statement and tracks it. See `Watch`. */
  send<T>(run: () => Promise<T>): Promise<T>;
  /** See `Unit.table`. */
  tableOf(name: string, columns?: readonly string[]): Promise<MongoTable | undefined>;
  /** The time of the unit, in microseconds since 1970. */
  readonly now: number;
  /** The `_id` of the stored document that is being written, if there is one. Because of a collation, it may differ from the key by which it was found. */
  readonly written?: unknown;
  /** What scopes have found in other collections, by `queryKey`, while nothing is written there. Absent: nothing is remembered, and every query is sent. */
  readonly remembered?: Map<string, Promise<Document | null>>;
}

export const micros = 1_000;

export function dateOf(now: number): Date {
  return new Date(Math.floor(now / micros));
}

/** The port's table as this store's own type: every table that this store is given was made by it. */
export function ours(table: Table): MongoTable {
  return table as MongoTable;
}

export function columnIn(table: Table, name: string): MongoColumn {
  const column = ours(table).columns.get(name);
  if (column === undefined) throw new Error(`${table.name} has no field ${name} right now.`);
  return column;
}

/** A filter for documents that have exactly these values. A list that contains one of them does not match. */
export function filterOf(table: Table, values: Values): Filter<Document> {
  const parts = Object.entries(values).map(([name, value]) =>
    exactly(columnIn(table, name), value),
  );
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { $and: parts };
}

/** A filter for documents that have one of these keys. All keys have the same columns. */
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

/** Finds the first matching document, with `_id` and these fields. @param exactly ignores the collection's collation */
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

/** Finds all matching documents, with `_id` and these fields. */
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

/** The most keys in one find: MongoDB's manual advises against hundreds in `$in`, and up to 101 documents come in the first answer. */
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
