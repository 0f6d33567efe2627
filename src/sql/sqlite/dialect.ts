/** SQLite, by `better-sqlite3` or `node:sqlite`. One connection, which Kysely gives to one transaction after the other. */
import { CompiledQuery, sql } from "kysely";
import type { SettingProblem } from "../../store/tables.js";
import type { Dialect, SameValue, SqlTransaction } from "../dialect.js";
import { returningRows, verdict } from "../statements.js";
import type { Locking } from "../look.js";
import { mayByTrying } from "../may.js";
import { carefulRows } from "../statements-locking.js";
import {
  columnNames,
  fingerprint,
  readColumns,
  readConstraints,
  readForeignKeys,
} from "./schema.js";
import { convert, view } from "./values.js";
import { lockForWriting } from "./lock.js";
import { blamed, codes, meaning } from "./errors.js";
import { merging } from "./merging.js";
import { owners } from "./owners.js";
import { runs } from "./runs.js";
import { readTraits } from "./traits.js";
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

export const same: SameValue = (reference, _column, value) =>
  sql`${reference} is ${value} collate binary`;

export const locking: Locking = {
  returning: true,
  text: (reference) => sql`cast(${reference} as text)`,
  insert: async (tx, { table, key, scope, traits }, { values }) => {
    const statement = tx.insertInto(table).values({ ...values, ...key });
    const returned = scope === undefined ? [sql<number>`1`.as("ok")] : verdict(scope, traits);
    // Changed rows of a view are not counted, but returned.
    const [row] = await statement.returning(returned).execute();
    return row === undefined ? { count: 0n } : { count: 1n, row };
  },
  same,
};

export const sqlite: Dialect = {
  name: "sqlite",
  rows: returningRows,
  carefulRows: carefulRows(locking),
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
  bound: lockForWriting,
  // The setting ends with the transaction.
  defer: sql`pragma defer_foreign_keys = on`,
  settings,
};
