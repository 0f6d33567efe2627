/** After a wait for a lock that took too long: ends sessions that would hold the lock forever, because their clients are silent and have given up. */
import type { Kysely } from "kysely";
import type { UnitTimeouts } from "../store/store.js";
import type { Dialect, TimeLimits } from "./dialect.js";
import type { Own } from "./own-tables/tables.js";
import { sourceTable } from "./schema.js";
import type { SqlTransaction } from "./table.js";
import { createWatch, inTransaction } from "./transaction.js";

/** When a database was last searched for hung sessions. */
export interface SessionChecks {
  /** By `performance.now()`. */
  checkedAt: number;
}

/** Every transaction of the library locks one of these tables with its first statement. */
const heldFirst = ["powersync_ledger", "powersync_dead_letters"] as const;

/** Another process may have longer timeouts, so a session is ended only after a multiple of this process's own. */
const patience = 2;

/** The answer to the caller waits for this search, so its time is limited. */
const mostMs = 1_000;

/**
 * Never rejects: a search that fails is repeated after a later error.
 *
 * @param gaveUp whether the library has stopped waiting for the transaction; then the error does not matter
 */
export type EndHungSessions = (error: unknown, gaveUp: boolean) => Promise<void>;

/** @returns `undefined` if the server ends such sessions by itself */
export function createEndHungSessions<DB>(
  db: Kysely<DB>,
  dialect: Dialect,
  own: Own,
  timeouts: UnitTimeouts & TimeLimits,
  sessions: SessionChecks,
): EndHungSessions | undefined {
  const { hungSessions } = dialect;
  if (hungSessions === undefined) return undefined;
  const { lockMs, transactionMs } = timeouts;
  const settings = {
    isolation: undefined,
    timeouts: { ...timeouts, transactionMs: Math.min(transactionMs, mostMs) },
    waitedMs: 0,
    limits: {},
  };
  return async (error, gaveUp) => {
    const now = performance.now();
    if (!gaveUp && !hungSessions.isSuspected(error)) return;
    if (now - sessions.checkedAt < Math.min(lockMs, transactionMs)) return;
    sessions.checkedAt = now;
    await inTransaction(db, dialect, settings, createWatch(), async (tx) => {
      const ours = own.on(tx) as unknown as SqlTransaction;
      const tables = heldFirst.map((name) => sourceTable(ours, name));
      await hungSessions.end(ours, tables, patience * transactionMs);
    }).catch(() => undefined);
  };
}
