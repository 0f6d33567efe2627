/**
 * What a transaction does with its connection: it sends statements with settings, prepares and restores the session, and closes a connection that does
 * not answer in time.
 */
import { CompiledQuery, type DatabaseConnection, type QueryResult } from "kysely";
import { keptQueued, misconfigured, retryable } from "../errors.js";
import type { UnitTimeouts } from "../store/store.js";
import type { Dialect, LockLimit, SessionSettings, StatementSettings } from "./dialect.js";
import { clientRequest, flightRequest, type LentClient } from "./pool-requests.js";

/** The error of a transaction whose time is over. */
export function lateError(
  watch: { readonly answeredAt?: number; readonly longestMs: number },
  timeouts: UnitTimeouts,
): Error {
  return wasAtWork(watch, timeouts) ? tooSlow(timeouts) : tookTooLong(timeouts);
}

/** The transaction had to wait: for its turn, a connection, a lock, a hook or the network. */
export function tookTooLong({ transactionMs }: UnitTimeouts): Error {
  const cause = `The transaction had not ended after ${transactionMs} ms (timeouts.transactionMs), including the wait for its turn and for a connection. If a hook queries the database through another connection than \`tx\`, it may be waiting for the one that the transaction holds: use \`tx\`. Otherwise check what holds locks, and whether the pool is large enough.`;
  return keptQueued("The database is taking too long right now.", new Error(cause));
}

/** The transaction is too large for its time, or the database is too far away. That does not pass by itself, so it counts for parking. */
function tooSlow({ transactionMs }: UnitTimeouts): Error {
  const text = `The transaction had not ended after ${transactionMs} ms (timeouts.transactionMs), although each of its statements was answered quickly.`;
  const failure = retryable("The transaction takes longer than the server allows.");
  return Object.assign(failure, { cause: new Error(text) });
}

/** Whether the time was spent in many short steps, not in waiting for a lock, a connection, a hook, or a silent database. */
function wasAtWork(
  { answeredAt, longestMs }: { readonly answeredAt?: number; readonly longestMs: number },
  { lockMs, transactionMs }: UnitTimeouts,
): boolean {
  if (answeredAt === undefined) return false;
  const waitingMs = performance.now() - answeredAt;
  return Math.max(longestMs, waitingMs) < Math.min(lockMs, transactionMs / 4);
}

/** COMMIT has been sent, and its answer is not known. */
export function unknownOutcome(cause: unknown): Error {
  const error = new Error("It is unknown whether the transaction was committed.", { cause });
  return keptQueued("The database can't be reached right now.", error);
}

const rollbackMs = 1_000;

/** A connection that answers the ROLLBACK returns to its pool. One that does not is closed, if the driver allows that. */
export function closeUnlessAnswered(
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

interface PreparedSession {
  /**
   * Restores the settings after the transaction has ended. Closes the connection if it is unknown whether the transaction has ended, or if the settings
   * can't be restored. Never rejects.
   *
   * @param isUndone whether the transaction failed with this error, and has been rolled back
   */
  release(outcome: Promise<unknown>, isUndone: (error: unknown) => boolean): Promise<void>;
}

/**
 * Prepares a connection for one transaction on databases whose settings outlive it. One statement saves and changes the settings, and begins the
 * transaction, so Kysely's own BEGIN must not be sent. After the transaction another statement restores them; only the connection's next user waits for it.
 */
export async function prepareSession(
  set: NonNullable<Dialect["prepare"]>,
  dialect: Dialect,
  connection: DatabaseConnection,
  settings: SessionSettings,
): Promise<PreparedSession> {
  const close = () => dialect.abandon?.(connection).catch(() => undefined);
  const changing = set(connection, settings);
  // Some of the settings may have been changed.
  changing.catch(close);
  const restore = await changing;
  return {
    release: async (outcome, isUndone) => {
      const isOver = await outcome.then(() => true, isUndone);
      const restoring = (async () => {
        // Restoring the settings would commit the open transaction.
        if (!isOver) await connection.executeQuery(CompiledQuery.raw("rollback"));
        await restore();
      })();
      closeUnlessAnswered(restoring, dialect, () => connection);
      await restoring.catch(close);
    },
  };
}

/** Skips the next statement if it is Kysely's BEGIN, because the transaction has already begun. Any other statement is sent. */
export function skipBegin(connection: DatabaseConnection): void {
  const own = Object.getOwnPropertyDescriptor(connection, "executeQuery");
  const answer: DatabaseConnection["executeQuery"] = (query, ...options) => {
    if (own === undefined) Reflect.deleteProperty(connection, "executeQuery");
    else Object.defineProperty(connection, "executeQuery", own);
    return query.sql === "begin"
      ? Promise.resolve({ rows: [] })
      : connection.executeQuery(query, ...options);
  };
  Object.defineProperty(connection, "executeQuery", { value: answer, configurable: true });
}

/** While `run` runs, every statement that goes through the connection is sent with these settings, also the application's. */
export async function sendWithSettings<T>(
  sending: StatementSettings,
  connection: DatabaseConnection,
  limits: LockLimit,
  run: () => Promise<T>,
): Promise<T> {
  const { executeQuery, streamQuery } = connection;
  const owns = ["executeQuery", "streamQuery"].map(
    (name) => [name, Object.getOwnPropertyDescriptor(connection, name)] as const,
  );
  const settled = (statement: CompiledQuery) => sending.withSettings(statement, limits);
  const replaced: DatabaseConnection = {
    executeQuery: async (query, ...options) => {
      try {
        return (await executeQuery.call(connection, settled(query), ...options)) as never;
      } catch (error) {
        throw sending.thrown(error);
      }
    },
    streamQuery: (query, ...options) =>
      streamQuery.call(connection, settled(query), ...options) as never,
  };
  for (const [name, value] of Object.entries(replaced))
    Object.defineProperty(connection, name, { value, configurable: true, writable: true });
  try {
    return await run();
  } finally {
    for (const [name, own] of owns) {
      if (own === undefined) Reflect.deleteProperty(connection, name);
      else Object.defineProperty(connection, name, own);
    }
  }
}

/** @throws RetryableError if the pool is not guarded, or has another driver */
export async function clientOf(connection: DatabaseConnection): Promise<LentClient> {
  const { rows } = await connection.executeQuery<{ client: LentClient }>(
    CompiledQuery.raw(clientRequest),
  );
  if (rows[0] !== undefined) return rows[0].client;
  throw misconfigured(
    "connectionOf(tx) needs the driver's client. Give the dialect a guarded pool: new PostgresDialect({ pool: guardPool(pool) }).",
  );
}

/** Whether the pool or database is guarded, and sends several statements without waiting for answers. */
export async function supportsFlights(connection: {
  executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>>;
}): Promise<boolean> {
  const { rows } = await connection.executeQuery(CompiledQuery.raw(flightRequest));
  return (rows as readonly { readonly flies: unknown }[])[0]?.flies === true;
}
