/** SQLite before its dialect is loaded: Kysely's adapter, how the library's own tables are created, and the write lock of a database file. */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Expression,
  sql,
  SqliteAdapter,
} from "kysely";
import { retryable } from "../../errors.js";
import type { LockLimit, TimeLimits } from "../dialect.js";
import type { Family } from "../family.js";
import type { SqlDatabase, SqlTransaction } from "../table.js";
import { meaning } from "./errors.js";

export const sqliteFamily: Family = {
  name: "sqlite",
  adapter: SqliteAdapter,
  rowSecurity: false,
  deferral: true,
  types: {
    text: "text",
    longText: "text",
    timestamp: "text",
    // The same form in which clients' timestamps are stored.
    now: sql`(strftime('%Y-%m-%d %H:%M:%f', 'now'))`,
    ago: (ms) => sql`strftime('%Y-%m-%d %H:%M:%f', 'now', printf('-%.3f seconds', ${ms} / 1000.0))`,
    iso: (column) => sql`replace(${column}, ' ', 'T') || 'Z'`,
    at: (iso) => sql`${iso.slice(0, -1).replace("T", " ")}`,
  },
  migrate: migrateInTurn,
};

const firstPauseMs = 4;
const longestPauseMs = 64;
const migrationMs = 15_000;

/**
 * Takes the write lock before the transaction reads anything, and waits for it without blocking the process. Kysely begins with a plain BEGIN, which locks
 * nothing. A transaction that reads first and then writes, while another process has written, fails at once (BUSY, BUSY_SNAPSHOT), however long the
 * connection would wait. Any DELETE takes the lock when it starts; this one deletes nothing.
 */
export async function lockForWriting(
  tx: SqlTransaction,
  { lockMs }: TimeLimits,
  ledger: Expression<unknown> | undefined,
): Promise<void> {
  if (ledger === undefined) return;
  try {
    await inTurn(() => sql`delete from ${ledger} where 0`.execute(tx), lockMs);
  } catch (error) {
    // Without the library's tables, the first write takes the lock. If that comes too late, the whole transaction is tried again.
    if (meaning(error) !== "schema") throw error;
  }
}

/** The same for a transaction that Kysely's driver does not begin. */
export async function beginForWriting(
  connection: DatabaseConnection,
  { lockMs }: LockLimit,
): Promise<void> {
  await inTurn(() => connection.executeQuery(CompiledQuery.raw("begin immediate")), lockMs);
}

/** Runs changes in a transaction that holds the lock from its beginning. Readers can block COMMIT of a rollback journal; then all of it is tried again. */
async function migrateInTurn(
  db: SqlDatabase,
  run: (on: SqlDatabase) => Promise<void>,
): Promise<void> {
  const migration = async (tx: SqlTransaction) => {
    // Creating a table takes the lock. This one surely does not exist yet.
    await sql`create table powersync_writes_lock (locked integer)`.execute(tx);
    await sql`drop table powersync_writes_lock`.execute(tx);
    await run(tx);
  };
  await inTurn(() => db.transaction().execute(migration), migrationMs);
}

/** Waits between tries, because SQLite's own wait blocks the whole process, and a connection may have none. */
async function inTurn(run: () => Promise<unknown>, ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      await run();
      return;
    } catch (error) {
      if (meaning(error) !== "contention") throw error;
      if (performance.now() >= until) throw retryable("Others are writing right now.");
    }
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
