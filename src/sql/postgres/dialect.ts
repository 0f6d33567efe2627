/** Postgres, by `pg` or PGlite. */
import { CompiledQuery, type RawBuilder, sql } from "kysely";
import type { SettingProblem } from "../../store/tables.js";
import type { Dialect, HungSessions, TimeLimits } from "../dialect.js";
import { closeRequest } from "../pool-requests.js";
import { lockingRows } from "../rows/locking-statements.js";
import { returningRows } from "../rows/statements.js";
import type { SqlTransaction } from "../table.js";
import { blamed, codes, meaning, taken } from "./errors.js";
import { postgresFamily } from "./family.js";
import { merging, owners, same } from "./operators.js";
import { become, becoming, inspect } from "./rls.js";
import { locking } from "./rows.js";
import {
  access,
  columnNames,
  comparable,
  fingerprint,
  quoted,
  readColumns,
  readConstraints,
  readForeignKeys,
} from "./schema.js";
import { readTraits } from "./traits.js";
import { convert } from "./values.js";
import { view } from "./view.js";

/**
 * The settings for the transaction's time limits, and for how the server reads a time without a zone, an interval that begins with a minus, and NULL in a
 * list. The last time limit frees the locks of a process or network that has gone silent.
 */
function timeLimits({ lockMs, statementMs, asynchronousCommit }: TimeLimits): RawBuilder<unknown> {
  // Only `off` is changed. Other settings, such as `local`, wait for this server's disk and stay as they are.
  const durable = asynchronousCommit
    ? sql``
    : sql`, set_config('synchronous_commit', case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, true)`;
  return sql`
    select set_config('lock_timeout', ${`${lockMs}ms`}, true),
      set_config('statement_timeout', ${`${statementMs}ms`}, true),
      set_config('TimeZone', 'UTC', true),
      set_config('IntervalStyle', 'postgres', true),
      set_config('array_nulls', 'on', true),
      set_config('idle_in_transaction_session_timeout', ${`${statementMs}ms`}, true)
      ${durable}
  `;
}

async function settings(tx: SqlTransaction): Promise<readonly SettingProblem[]> {
  const { rows } = await sql<{ value: string }>`
    select current_setting('synchronous_commit') as value
  `.execute(tx.withoutPlugins());
  return rows[0]?.value === "off" ? [asynchronous] : [];
}

const asynchronous: SettingProblem = {
  code: "not_durable",
  message:
    "The database has synchronous_commit = off: a crash takes the latest commits with it, though they have been answered. The library's own transactions set it to on, unless the configuration says asynchronousCommit; yours don't. Remedy: alter system set synchronous_commit = on, or alter role or alter database where it has been set there.",
};

/** A wait for a lock, or a statement, has taken too long. */
const waited: ReadonlySet<string | undefined> = new Set(["55P03", "57014"]);

/**
 * Ends transactions of the library whose rest never arrives, because the network went silent or a process was stopped between the packets of a flight.
 * The server waits for the rest and holds locks. No timeout of the session applies then, except `transaction_timeout` of Postgres 17.
 */
const hungSessions: HungSessions = {
  isSuspected: (error) => waited.has(codes(error)[0]),
  // A session is `active` until everything it was sent has been answered. A COPY is active, too, but may wait for its client for any time.
  end: async (tx, tables, olderThanMs) => {
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity as session
      where datname = current_database() and usename = session_user and pid <> pg_backend_pid()
        and state = 'active' and wait_event = 'ClientRead' and query !~* '^\\s*copy\\M'
        and xact_start < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
        and exists (
          select from pg_locks as held where held.pid = session.pid and held.locktype = 'relation'
            and held.relation = any(array[${sql.join(tables.map((table) => sql`to_regclass(${quoted(table)})::oid`))}])
        )
    `.execute(tx);
  },
};

export const postgres: Dialect = {
  name: "postgres",
  rows: returningRows,
  lockingRows: lockingRows(locking),
  same,
  merging,
  types: postgresFamily.types,
  readColumns,
  columnNames,
  readTraits,
  readConstraints,
  readForeignKeys,
  convert,
  view,
  owners,
  rowSecurity: { become, becoming, inspect },
  // The weakest lock that prevents changes: others can still insert rows that refer to it.
  rowLock: { behind: sql`for no key update` },
  shareLock: (alias) => ({ behind: sql`for share of ${sql.ref(alias)}` }),
  fingerprint,
  comparable,
  access,
  codes,
  meaning,
  taken,
  blamed,
  setTimeLimits: async (tx, timeouts) => {
    await timeLimits(timeouts).execute(tx);
  },
  timeLimits: timeLimits,
  defer: sql`set constraints all deferred`,
  settings,
  hungSessions: hungSessions,
  flight: "judged",
  tookLong: (error) => codes(error)[0] === "57014",
  abandon: async (connection) => {
    await connection.executeQuery(CompiledQuery.raw(closeRequest));
  },
};
