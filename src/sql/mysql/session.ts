/**
 * The settings of a connection while a transaction of the library runs on it.
 *
 * MySQL has no settings that end with the transaction. The connection's own settings are therefore saved in user variables, changed for the transaction,
 * and restored after it, so that the pool's next user finds the connection unchanged. Saved values are never overwritten: a connection that was not
 * restored still has its original settings.
 *
 * - Waits and statements are limited in time. MariaDB limits every statement and the time between two; MySQL only reading statements, and the
 *   waits of the others.
 * - The time zone is UTC, so that a TIMESTAMP is the instant that was sent, whatever the server's or the pool's zone, also in the hour that
 *   a zone has twice.
 * - Strict mode is on, even if the server's is off: nothing is truncated, rounded up or replaced without an error. A zero stays a zero, also in an
 *   AUTO_INCREMENT column. Backslashes escape, as mysql2 assumes: otherwise a quote after a backslash would end the text. Text of a CHAR column is read
 *   without padding, because with it the text would differ from the one that was sent.
 * - The settings begin the transaction, because they turn `autocommit` off, and it ends with COMMIT. A `completion_type` that chains transactions would
 *   open another one. The isolation level is set for the session during the transaction.
 * - A SELECT returns all of its rows, and no statement is refused for its plan (`sql_select_limit`, `sql_safe_updates`, `sql_big_selects`). NULL equals
 *   nothing (`sql_auto_is_null`).
 */
import { CompiledQuery, sql } from "kysely";
import type { SettingProblem, SettingsAsked } from "../../store/tables.js";
import type { Dialect, SessionSettings, TimeLimits } from "../dialect.js";
import { changeSettings, restoreSettings } from "../pool-requests.js";
import type { SqlTransaction } from "../table.js";

interface Asked extends Pick<TimeLimits, "lockMs" | "statementMs"> {
  readonly isolation: SessionSettings["isolation"];
}

interface Setting {
  readonly name: string;
  /** As SQL. */
  readonly value: (asked: Asked) => string;
  /** The number's type, because a user variable that may be NULL holds it as text, which the setting does not accept. */
  readonly number?: "unsigned" | "decimal(20, 6)";
  /** On or off. MariaDB saves the word instead of a number. */
  readonly flag?: true;
  /** Opens a conditional comment, so that servers without the setting ignore it. */
  readonly only?: "/*M!100101" | "/*M!100300" | "/*!50708" | "/*!50720";
}

const settings: readonly Setting[] = [
  {
    name: "innodb_lock_wait_timeout",
    number: "unsigned",
    value: ({ lockMs }) => seconds(lockMs),
  },
  // For metadata locks, which a change of the schema takes. The server's default is a day or more.
  { name: "lock_wait_timeout", number: "unsigned", value: ({ lockMs }) => seconds(lockMs) },
  {
    name: "max_statement_time",
    only: "/*M!100101",
    number: "decimal(20, 6)",
    value: ({ statementMs }) => (statementMs / 1000).toFixed(3),
  },
  {
    name: "max_execution_time",
    only: "/*!50708",
    number: "unsigned",
    value: ({ statementMs }) => statementMs.toFixed(0),
  },
  // Frees the locks of a process or network that has gone silent. MySQL ends an idle transaction only with its session.
  {
    name: "wait_timeout",
    number: "unsigned",
    value: ({ statementMs }) => seconds(statementMs),
  },
  {
    name: "idle_transaction_timeout",
    only: "/*M!100300",
    number: "unsigned",
    value: ({ statementMs }) => seconds(statementMs),
  },
  { name: "time_zone", value: () => "'+00:00'" },
  {
    name: "sql_mode",
    value: () =>
      "concat_ws(',', replace(replace(@@session.sql_mode, 'NO_BACKSLASH_ESCAPES', ''), 'PAD_CHAR_TO_FULL_LENGTH', ''), 'STRICT_ALL_TABLES', 'NO_AUTO_VALUE_ON_ZERO')",
  },
  ...(["tx_isolation", "transaction_isolation"] as const).map((name): Setting => ({
    name,
    only: name === "tx_isolation" ? "/*M!100101" : "/*!50720",
    value: ({ isolation }) =>
      isolation === undefined
        ? `@@session.${name}`
        : `'${isolation.toUpperCase().replace(" ", "-")}'`,
  })),
  // With it off, a transaction begins with the first statement that reads or writes. An open transaction is committed first, as BEGIN would do.
  {
    name: "autocommit",
    number: "unsigned",
    flag: true,
    value: () => "0, session autocommit = 1, session autocommit = 0",
  },
  { name: "completion_type", value: () => "'NO_CHAIN'" },
  { name: "sql_select_limit", number: "unsigned", value: () => "18446744073709551615" },
  { name: "sql_safe_updates", number: "unsigned", flag: true, value: () => "0" },
  { name: "sql_big_selects", number: "unsigned", flag: true, value: () => "1" },
  { name: "sql_auto_is_null", number: "unsigned", flag: true, value: () => "0" },
];

/** All values are computed before one is assigned. */
function assignments(one: (setting: Setting) => string): string {
  return settings
    .map((setting) =>
      setting.only === undefined ? `, ${one(setting)}` : `${setting.only} , ${one(setting)} */`,
    )
    .join(" ");
}

const keptSetting = (name: string) => `@powersync_writes_${name}`;
const keepSettings = assignments(({ name, flag }) => {
  const now = `@@session.${name}`;
  return `${keptSetting(name)} = coalesce(${keptSetting(name)}, ${flag ? `if(${now}, 1, 0)` : now})`;
});
const putBack = assignments(({ name, number }) => {
  const value =
    number === undefined ? keptSetting(name) : `cast(${keptSetting(name)} as ${number})`;
  return `session ${name} = ${value}`;
});
const forgetSettings = assignments(({ name }) => `${keptSetting(name)} = null`);
const restoring = CompiledQuery.raw(`${restoreSettings} ${putBack} ${forgetSettings}`);

/** The function that a store prepares its connections with. It keeps the latest statement, because most transactions of a store have the same settings. */
export function createPrepare(): NonNullable<Dialect["prepare"]> {
  let latest: { readonly asked: string; readonly changing: CompiledQuery } | undefined;
  return async (connection, { timeouts, isolation }) => {
    const asked = `${timeouts.lockMs} ${timeouts.statementMs} ${isolation}`;
    if (latest?.asked !== asked) {
      const set = assignments(
        ({ name, value }) => `session ${name} = ${value({ ...timeouts, isolation })}`,
      );
      latest = { asked, changing: CompiledQuery.raw(`${changeSettings} ${keepSettings} ${set}`) };
    }
    await connection.executeQuery(latest.changing);
    return async () => {
      await connection.executeQuery(restoring);
    };
  };
}

function seconds(ms: number): string {
  return Math.max(1, Math.ceil(ms / 1000)).toFixed(0);
}

/** The size of the library's largest statement: an escaped part of a letter's payload, and the rest of its row. */
const leastPacket = 4 * 1024 * 1024;

/** Finds settings of the server that break the promise or are too small. */
export async function settingProblems(
  tx: SqlTransaction,
  { bodyBytes }: SettingsAsked,
): Promise<readonly SettingProblem[]> {
  const { rows } = await sql<{ packet: unknown; flush: unknown }>`
    select @@max_allowed_packet as packet, @@innodb_flush_log_at_trx_commit as flush
  `.execute(tx.withoutPlugins());
  const problems: SettingProblem[] = [];
  const [{ packet, flush } = { packet: Infinity, flush: 1 }] = rows;
  const needed = Math.max(leastPacket, Math.min(bodyBytes, Number.MAX_SAFE_INTEGER));
  if (Number(packet) < needed) {
    problems.push({
      code: "too_small",
      message: `The server has max_allowed_packet = ${Number(packet)}, and limits.bodyBytes is ${bodyBytes}: a row as large as a body may be can't be written, and waits on the device. Remedy: set max_allowed_packet to ${needed} or more, twice as much for text full of quotes; or lower limits.bodyBytes.`,
    });
  }
  if (Number(flush) !== 1) {
    problems.push({
      code: "not_durable",
      message: `The server has innodb_flush_log_at_trx_commit = ${Number(flush)}: a crash takes the latest commits with it, though they have been answered. Remedy: set global innodb_flush_log_at_trx_commit = 1, and in the server's configuration.`,
    });
  }
  return problems;
}
