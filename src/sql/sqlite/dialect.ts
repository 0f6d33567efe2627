/** SQLite, by `better-sqlite3` or `node:sqlite`. One connection, which Kysely gives to one transaction after the other. */
import { CompiledQuery, type DatabaseConnection, sql } from "kysely";
import type { SettingProblem } from "../../store/tables.js";
import type { Dialect } from "../dialect.js";
import { mayByTrying } from "../permissions.js";
import { lockingRows } from "../rows/locking-statements.js";
import { returningRows } from "../rows/statements.js";
import type { SqlTransaction } from "../table.js";
import { blamed, codes, meaning } from "./errors.js";
import { beginForWriting, lockForWriting, sqliteFamily } from "./family.js";
import { merging, owners, same } from "./operators.js";
import { locking, runs } from "./rows.js";
import {
  columnNames,
  fingerprint,
  readColumns,
  readConstraints,
  readForeignKeys,
} from "./schema.js";
import { readTraits } from "./traits.js";
import { convert, view } from "./values.js";

async function settings(tx: SqlTransaction): Promise<readonly SettingProblem[]> {
  const { rows } = await sql<{ synchronous: unknown }>`pragma synchronous`.execute(
    tx.withoutPlugins(),
  );
  return Number(rows[0]?.synchronous ?? 1) === 0 ? [notSynchronous] : [];
}

/** Some failures, such as a full disk, have already rolled back. */
async function rollback(connection: DatabaseConnection): Promise<void> {
  try {
    await connection.executeQuery(CompiledQuery.raw("rollback"));
  } catch (error) {
    if (!String(error).includes("no transaction is active")) throw error;
  }
}

const notSynchronous: SettingProblem = {
  code: "not_durable",
  message:
    "The connection has synchronous = OFF: a crash of the machine takes the latest commits with it, though they have been answered, and can destroy the file. Remedy: pragma synchronous = FULL.",
};

export const sqlite: Dialect = {
  name: "sqlite",
  rows: returningRows,
  lockingRows: lockingRows(locking),
  runs,
  same,
  merging,
  types: sqliteFamily.types,
  readColumns,
  columnNames,
  readTraits,
  readConstraints,
  may: mayByTrying(meaning, (statement) => CompiledQuery.raw(`explain ${statement.sql}`)),
  readForeignKeys,
  convert,
  view,
  owners,
  fingerprint,
  // Depending on its settings, a driver rounds integers beyond 2^53, or refuses to read them.
  exact: (reference) =>
    sql`case when typeof(${reference}) = 'integer' and abs(${reference} / 2) > 4503599627370495 then cast(${reference} as text) else ${reference} end`,
  codes,
  meaning,
  blamed,
  // A statement blocks the process until it ends, so only the wait for the lock can be limited.
  setTimeLimits: lockForWriting,
  flight: "answered",
  transactions: { begin: beginForWriting, rollback },
  // The setting ends with the transaction.
  defer: sql`pragma defer_foreign_keys = on`,
  settings,
};
