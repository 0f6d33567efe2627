/** What everything in a transaction is sent with. */
import type { ClientSession, Collection, Document, Filter } from "mongodb";
import type { Values } from "../store/change.js";
import type { Table } from "../store/tables.js";
import type { MongoColumn, MongoTable } from "./columns.js";
import type { Own } from "./own.js";

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
  const projection = fields && Object.fromEntries([["_id", 1], ...fields.map((name) => [name, 1])]);
  const options = {
    ...on,
    ...(projection && { projection }),
    ...(exactly && { collation: { locale: "simple" } }),
  };
  return send(() => collection(table.name).findOne(filter, options));
}
