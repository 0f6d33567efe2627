/** What the library has to know of the toy. Beside the folder nothing of the library's names it. */
import { sql } from "kysely";
import type { Dialect } from "../../../src/sql/dialect.js";
import {
  fingerprint,
  readColumns,
  columnNames,
  readConstraints,
  readForeignKeys,
} from "../../../src/sql/sqlite/schema.js";
import { owners } from "../../../src/sql/sqlite/operators.js";
import { convert, view } from "../../../src/sql/sqlite/values.js";
import { returningRows } from "../../../src/sql/rows/statements.js";
import type { Meaning } from "../../../src/store/failures.js";
import { ToyError } from "./kysely.js";

const meanings: Readonly<Record<string, Meaning>> = {
  SQLITE_CONSTRAINT_CHECK: "CHECK_VIOLATION",
  SQLITE_CONSTRAINT_FOREIGNKEY: "FOREIGN_KEY_VIOLATION",
  SQLITE_CONSTRAINT_NOTNULL: "NOT_NULL_VIOLATION",
  SQLITE_CONSTRAINT_PRIMARYKEY: "UNIQUE_VIOLATION",
  SQLITE_CONSTRAINT_UNIQUE: "UNIQUE_VIOLATION",
  SQLITE_ERROR: "schema",
};

export const toy: Dialect = {
  name: "toy",
  rows: returningRows,
  types: {
    text: "text",
    longText: "text",
    timestamp: "text",
    now: sql`(strftime('%Y-%m-%d %H:%M:%f', 'now'))`,
    ago: (ms) => sql`strftime('%Y-%m-%d %H:%M:%f', 'now', printf('-%.3f seconds', ${ms} / 1000.0))`,
    iso: (column) => sql`replace(${column}, ' ', 'T') || 'Z'`,
    at: (iso) => sql`${iso.slice(0, -1).replace("T", " ")}`,
  },
  readColumns,
  columnNames,
  readConstraints,
  readForeignKeys,
  convert,
  view,
  owners,
  same: (reference, _column, value) => sql`${reference} is ${value}`,
  merging: {
    typed: (_column, value) => sql`${value}`,
    sum: (reference, _column, yours, base) =>
      sql`(coalesce(${reference}, 0) + (${yours} - ${base}))`,
    union: (_reference, _column, value) => sql`${value}`,
  },
  fingerprint,
  codes: (error) => (error instanceof ToyError ? [error.toy] : []),
  meaning: (error) => (error instanceof ToyError ? (meanings[error.toy] ?? "other") : undefined),
};
