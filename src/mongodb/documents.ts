/** Converts between rows and documents. */
import { BSON, type Document, ObjectId, UUID } from "mongodb";
import type { StoredRow, Values } from "../store/change.js";
import { InvalidValue } from "../store/failures.js";
import type { Table } from "../store/tables.js";
import type { IdKind } from "./columns.js";
import { columnIn, ours } from "./commands.js";
import { view, viewed } from "./values.js";

/** The fields that an update changes. */
export interface Fields {
  readonly set: Readonly<Record<string, unknown>>;
  /** Fields to remove: their values are nulls that are not stored. */
  readonly unset: readonly string[];
}

/** @throws InvalidValue if the values are larger than a document may be */
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

function sizeOf(document: Document): number {
  return BSON.calculateObjectSize(document, { ignoreUndefined: false });
}

/** A new document with this key and these values. */
export function newDocument(table: Table, key: Values, values: Values): Document {
  const { set } = fieldsOf(table, { ...values, ...key });
  return Object.hasOwn(set, "_id") ? set : { _id: newId(ours(table).idKind), ...set };
}

function newId(kind: IdKind): unknown {
  if (kind === "objectId") return new ObjectId();
  return kind === "uuid" ? new UUID() : crypto.randomUUID();
}

/** A document as hooks see it: every field that the schema names, with `null` if it is absent, and all other fields that it has. */
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
