/** Rows as documents: what a row's values are in one, and a document as a row. */
import { BSON, type Document, ObjectId, UUID } from "mongodb";
import type { StoredRow, Values } from "../store/change.js";
import { InvalidValue } from "../store/failures.js";
import type { Table } from "../store/tables.js";
import type { IdKind } from "./columns.js";
import { columnIn, ours } from "./commands.js";
import { view, viewed } from "./values.js";

/** What an update makes of a document. */
export interface Fields {
  readonly set: Readonly<Record<string, unknown>>;
  /** Fields that are taken away: nulls that are not kept. */
  readonly unset: readonly string[];
}

/** @throws InvalidValue for more than a document may hold */
export function fieldsOf(table: Table, values: Values): Fields {
  const set: [string, unknown][] = [];
  const unset: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const { field, keepsNull } = columnIn(table, name);
    if (value === null && !keepsNull) unset.push(field);
    else set.push([field, value]);
  }
  const made = Object.fromEntries(set);
  if (sizeOf(made) > mostBytes)
    throw new InvalidValue("The row is larger than a document may be: 16 MiB.");
  return { set: made, unset };
}

const mostBytes = 16 * 1024 * 1024 - 1_024;

/** Looked at closely only where it may matter. */
function sizeOf(document: Document): number {
  return BSON.calculateObjectSize(document, { ignoreUndefined: false });
}

/** A new document, of the key and the values. */
export function newDocument(table: Table, key: Values, values: Values): Document {
  const { set } = fieldsOf(table, { ...values, ...key });
  return Object.hasOwn(set, "_id") ? set : { _id: newId(ours(table).idKind), ...set };
}

function newId(kind: IdKind): unknown {
  if (kind === "objectId") return new ObjectId();
  return kind === "uuid" ? new UUID() : crypto.randomUUID();
}

/** A document as hooks see it: every field that the schema names, `null` where it has none, and those that it does not name. */
export function rowOf(table: Table, document: Document, columns?: readonly string[]): StoredRow {
  const row = new Map<string, unknown>();
  const fields = new Set<string>();
  for (const column of table.columns.keys()) {
    const { field } = columnIn(table, column);
    fields.add(field);
    if (columns === undefined || columns.includes(column))
      row.set(column, view(columnIn(table, column), document[field]));
  }
  for (const [field, value] of Object.entries(document)) {
    if (!fields.has(field) && (columns === undefined || columns.includes(field)))
      row.set(field, viewed(value));
  }
  return Object.freeze(Object.fromEntries(row));
}
