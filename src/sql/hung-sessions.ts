/** Behind a wait for a lock that took too long: ends the sessions that would hold it for ever, because their clients are silent and have given up. */
import type { Kysely } from "kysely";
import type { UnitTimeouts } from "../store/store.js";
import type { Dialect, TimeLimits } from "./dialect.js";
import type { Own } from "./own-tables/tables.js";
import { sourceTable } from "./schema.js";
import type { SqlTransaction } from "./table.js";
import { createWatch, inTransaction } from "./transaction.js";

/** What is known of a database's sessions. */
export interface SessionChecks {
  /** By `performance.now()`: when they were last looked at. */
  checkedAt: number;
}

/** Every transaction of the library's holds one of them from its first statement on. */
const heldFirst = ["powersync_ledger", "powersync_dead_letters"] as const;

/** A process with other time-outs may wait for its transaction longer than this one would. */
const patience = 2;

/** Nobody waits longer for their answer because of it. */
const mostMs = 1_000;

/**
 * Never rejects: what has failed has failed, and is tried again.
 *
 * @param gaveUp the transaction was not waited for any longer, whatever the error
 */
export type EndHungSessions = (error: unknown, gaveUp: boolean) => Promise<void>;

/** @returns `undefined` where the server ends such sessions by itself */
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
