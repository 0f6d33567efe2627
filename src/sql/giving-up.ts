/** What happens when a transaction takes too long: its error, and the end of its connection. */
import type { DatabaseConnection } from "kysely";
import { keptQueued, retryable } from "../errors.js";
import type { UnitTimeouts } from "../store/store.js";
import type { Dialect } from "./dialect.js";

export function tookTooLong({ transactionMs }: UnitTimeouts): Error {
  const cause = `The transaction had not ended after ${transactionMs} ms (timeouts.transactionMs), the wait for its turn and for a connection included. Where a hook asks the database by another connection than \`tx\`, it may wait for the one that the transaction holds: use \`tx\`. Otherwise see what holds locks, and whether the pool is large enough.`;
  return keptQueued("The database is taking too long right now.", new Error(cause));
}

/** The transaction is too large for its time, or the database is too far away. That does not pass by itself, so it counts for parking. */
export function isTooSlow({ transactionMs }: UnitTimeouts): Error {
  const text = `The transaction had not ended after ${transactionMs} ms (timeouts.transactionMs), though each of its statements was answered soon.`;
  const failure = retryable("The transaction takes longer than the server allows.");
  return Object.assign(failure, { cause: new Error(text) });
}

/** Whether the time was spent in many short steps, not in waiting for a lock, a connection, a hook, or a silent database. */
export function wasAtWork(
  { answeredAt, longestMs }: { readonly answeredAt?: number; readonly longestMs: number },
  { lockMs, transactionMs }: UnitTimeouts,
): boolean {
  if (answeredAt === undefined) return false;
  const waitingMs = performance.now() - answeredAt;
  return Math.max(longestMs, waitingMs) < Math.min(lockMs, transactionMs / 4);
}

const rollbackMs = 1_000;

/** A connection that answers the ROLLBACK returns to its pool. One that does not is closed, if the driver allows that. */
export function giveUp(
  work: Promise<unknown>,
  dialect: Dialect,
  connection: () => DatabaseConnection | undefined,
): void {
  const timer = setTimeout(() => {
    const held = connection();
    if (held !== undefined) dialect.abandon?.(held).catch(() => undefined);
  }, rollbackMs);
  const settled = () => clearTimeout(timer);
  work.then(settled, settled);
}
