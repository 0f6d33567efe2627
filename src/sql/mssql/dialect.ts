/** SQL Server and Azure SQL, by `tedious`, `tarn` and Kysely's MssqlDialect. */
import { sql } from "kysely";
import type { SettingProblem } from "../../store/tables.js";
import type { Dialect, Savepoint, StatementSettings } from "../dialect.js";
import { lockingRows } from "../rows/locking-statements.js";
import type { SqlTransaction } from "../table.js";
import { blamed, codes, meaning, thrown } from "./errors.js";
import { mssqlFamily } from "./family.js";
import { exact, merging, owners, same } from "./operators.js";
import { locking, runs } from "./rows.js";
import {
  columnNames,
  fingerprint,
  readColumns,
  readConstraints,
  readForeignKeys,
} from "./schema.js";
import { collationOf } from "./text.js";
import { readTraits } from "./traits.js";
import { convert, view } from "./values.js";

/**
 * tedious sends each statement through `sp_executesql`, which restores settings when the statement ends. Each statement therefore contains its settings:
 * an error undoes the whole transaction, waits for locks are limited, and changed rows are counted, whatever the login's own options are.
 */
const statementSettings: StatementSettings = {
  withSettings: (statement, { lockMs }) => ({
    ...statement,
    sql: `set xact_abort on; set lock_timeout ${Math.ceil(lockMs)}; set nocount off; ${statement.sql}`,
  }),
  thrown,
};

/** SQL Server has no statement that releases a savepoint. */
const savepoint: Savepoint = {
  begin: "save transaction powersync_aside",
  undo: "rollback transaction powersync_aside",
  // With it on, the statement's failure would undo the whole transaction.
  alone: (statement) => ({ ...statement, sql: `set xact_abort off; ${statement.sql}` }),
};

/** One statement. The database is found by its name, because on Azure `db_id` may return another number than `sys.databases`. */
async function settings(tx: SqlTransaction): Promise<readonly SettingProblem[]> {
  const { rows } = await sql<{ durability: unknown }>`
    select d.delayed_durability as durability from sys.databases as d where d.name = db_name()
  `.execute(tx.withoutPlugins());
  return Number(rows[0]?.durability ?? 0) === forced ? [notDurable] : [];
}

const forced = 2;

const notDurable: SettingProblem = {
  code: "not_durable",
  message:
    "The database has DELAYED_DURABILITY = FORCED: a crash takes the latest commits with it, though they have been answered. Remedy: alter database current set delayed_durability = disabled.",
};

export const mssql: Dialect = {
  name: "mssql",
  rows: lockingRows(locking),
  runs,
  same,
  merging,
  inserts: "merge",
  top: true,
  // The server allows 2,100.
  mostParameters: 2_000,
  savepoint: savepoint,
  statementSettings: statementSettings,
  types: mssqlFamily.types,
  readColumns,
  columnNames,
  readTraits,
  readConstraints,
  readForeignKeys,
  convert,
  view,
  exact,
  // Converted to the column's type: compared with the driver's Unicode text, the column would be converted row by row, without its index.
  keyParameter: ({ type, charset }, value) => {
    const collation = charset === undefined ? undefined : collationOf(charset);
    if (collation === undefined || typeof value !== "string") return value;
    return type === "char" || type === "varchar"
      ? sql`convert(varchar(8000), ${value} collate ${sql.raw(collation)})`
      : value;
  },
  rowLock: { beside: sql`with (updlock, rowlock)` },
  shareLock: () => ({ beside: sql`with (repeatableread, rowlock)` }),
  owners,
  fingerprint,
  codes,
  meaning,
  blamed,
  settings,
  // The driver asks the server to cancel the statement, and closes the connection if there is no answer.
  abandon: async (connection) => connection.cancelQuery?.(async () => {}),
};
