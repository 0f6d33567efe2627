/**
 * The settings that are sent with each statement, and the server's own settings that break the promise.
 *
 * tedious sends each statement through `sp_executesql`, which restores settings when the statement ends. Each statement therefore contains its settings:
 * an error undoes the whole transaction, waits for locks are limited, and changed rows are counted, whatever the login's own options are.
 */
import { sql } from "kysely";
import type { SettingProblem } from "../../store/tables.js";
import type { SqlTransaction } from "../dialect.js";
import type { Aside, Sending } from "../sending.js";
import { thrown } from "./errors.js";

export const sending: Sending = {
  settled: (statement, { lockMs }) => ({
    ...statement,
    sql: `set xact_abort on; set lock_timeout ${Math.ceil(lockMs)}; set nocount off; ${statement.sql}`,
  }),
  thrown,
};

/** SQL Server has no statement that releases a savepoint. */
export const aside: Aside = {
  begin: "save transaction powersync_aside",
  undo: "rollback transaction powersync_aside",
  // With it on, the statement's failure would undo the whole transaction.
  alone: (statement) => ({ ...statement, sql: `set xact_abort off; ${statement.sql}` }),
};

/** One statement. By its name: on Azure `db_id` may say another number than `sys.databases`. */
export async function settings(tx: SqlTransaction): Promise<readonly SettingProblem[]> {
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
