/** SQLite, by `better-sqlite3` or `node:sqlite`. One connection, which Kysely gives to one transaction after the other. */
import { sql } from "kysely";
import type { SettingProblem } from "../../store/tables.js";
import type { Dialect, SqlTransaction } from "../dialect.js";
import { returningRows } from "../statements.js";
import { fingerprint, readColumns, readConstraints, readForeignKeys } from "./schema.js";
import { convert, view } from "./values.js";
import { lockForWriting } from "./lock.js";
import { codes, meaning } from "./errors.js";
import { owners } from "./owners.js";
import { sqliteFamily } from "./family.js";

async function settings(tx: SqlTransaction): Promise<readonly SettingProblem[]> {
  const { rows } = await sql<{ synchronous: unknown }>`pragma synchronous`.execute(
    tx.withoutPlugins(),
  );
  return Number(rows[0]?.synchronous ?? 1) === 0 ? [notSynchronous] : [];
}

const notSynchronous: SettingProblem = {
  code: "not_durable",
  message:
    "The connection has synchronous = OFF: a crash of the machine takes the latest commits with it, though they have been answered, and can destroy the file. Remedy: pragma synchronous = FULL.",
};

export const sqlite: Dialect = {
  name: "sqlite",
  rows: returningRows,
  types: sqliteFamily.types,
  readColumns,
  readConstraints,
  readForeignKeys,
  convert,
  view,
  owners,
  fingerprint,
  // By its settings a driver rounds what is beyond 2^53, or refuses to read it.
  exact: (reference) =>
    sql`case when typeof(${reference}) = 'integer' and abs(${reference} / 2) > 4503599627370495 then cast(${reference} as text) else ${reference} end`,
  codes,
  meaning,
  // A statement runs to its end, for the process waits for it: there is no time to bound but the wait for the lock.
  bound: lockForWriting,
  settings,
};
