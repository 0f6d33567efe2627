/**
 * One database transaction, with the configured isolation, a time limit, and a watch on its statements. If a statement fails, the whole transaction fails,
 * even if somebody catches the error: some databases have already undone everything, and would commit the following statements one by one. COMMIT waits
 * for every answer, and statements that come too late are not sent.
 */
import type {
  DatabaseConnection,
  Expression,
  IsolationLevel,
  Kysely,
  QueryExecutor,
  Transaction,
} from "kysely";
import { ApplicationFailure } from "../errors.js";
import { createDeadline } from "../store/deadline.js";
import { CallerLeft } from "../store/failures.js";
import type { UnitTimeouts } from "../store/store.js";
import {
  clientOf,
  closeUnlessAnswered,
  lateError,
  prepareSession,
  sendWithSettings,
  skipBegin,
} from "./connection.js";
import type { Dialect, TimeLimits } from "./dialect.js";
import { flightRequest, lending, type Lending } from "./pool-requests.js";
import type { SqlTransaction } from "./table.js";

interface TransactionOptions {
  readonly isolation: IsolationLevel | undefined;
  readonly timeouts: UnitTimeouts & TimeLimits;
  /** See `UnitOptions`. */
  readonly waitedMs: number;
  /** What `Dialect.setTimeLimits` needs. Absent: the first statement of `run` sets the time limits itself. */
  readonly limits: { readonly ledger?: Expression<unknown> } | undefined;
  /** If it is aborted before BEGIN is sent, nothing begins. */
  readonly signal?: AbortSignal;
}

/**
 * Commits what `run` resolves to; rolls back if it rejects or a statement has failed, and rejects with that error.
 * After `transactionMs` it rejects at once. Then only ROLLBACK is sent, but a COMMIT that was already sent may still take effect.
 *
 * @throws CallerLeft
 */
export async function inTransaction<DB, T>(
  database: Kysely<DB>,
  dialect: Dialect,
  { isolation, timeouts, waitedMs, signal, limits }: TransactionOptions,
  watch: Watch,
  run: (tx: Transaction<DB>) => Promise<T>,
): Promise<T> {
  const level = isolation ?? dialect.isolation;
  let held: DatabaseConnection | undefined;
  // Stored separately, because a ROLLBACK that fails would replace it with its own error.
  let first: { readonly error: unknown } | undefined;
  const deadline = createDeadline(timeouts.transactionMs - waitedMs, () => {
    const late = lateError(watch, timeouts);
    watch.state = "given up";
    closeUnlessAnswered(work, dialect, () => held);
    return late;
  });
  const throwIfLate = () => {
    if (deadline.late !== undefined) throw deadline.late;
  };

  const transaction = (on: Kysely<DB>) => {
    const builder = on.transaction();
    const isSet = level === undefined || dialect.prepare !== undefined;
    return (isSet ? builder : builder.setIsolationLevel(level)).execute(async (plain) => {
      try {
        throwIfLate();
        if (limits !== undefined) {
          // Without the application's plugins, which may rename tables or add a schema.
          const ours = plain.withoutPlugins() as unknown as SqlTransaction;
          await dialect.setTimeLimits?.(ours, timeouts, limits.ledger);
        }
        // If a hook hangs, but no statement does, the connection is still usable.
        watch.answeredAt = performance.now();
        const result = await Promise.race([run(guardedTransaction(plain, watch)), deadline.passed]);
        await Promise.race([endStatements(watch), deadline.passed]);
        throwIfLate();
        return result;
      } catch (thrown) {
        const error = judgedByStatement(thrown, watch);
        first = { error };
        // Before ROLLBACK, because later statements would belong to no transaction.
        await Promise.race([endStatements(watch), deadline.passed]).catch(() => undefined);
        throw error;
      }
    });
  };

  // The transaction ends before the connection is back in its pool.
  let end: (outcome: Promise<T>) => void = () => {};
  const ended = new Promise<T>((resolve) => (end = resolve));
  const work = database.connection().execute(async (on) => {
    if (signal?.aborted) throw new CallerLeft();
    throwIfLate();
    const connection = await heldConnection(on);
    held = connection;
    watch.begunAt = performance.now();
    if (dialect.statementSettings !== undefined)
      return sendWithSettings(dialect.statementSettings, connection, timeouts, () =>
        transaction(on),
      );
    if (dialect.prepare === undefined) return transaction(on);
    const settings = { timeouts, isolation: level };
    const prepared = await prepareSession(dialect.prepare, dialect, connection, settings);
    skipBegin(connection);
    const outcome = transaction(on);
    end(outcome);
    await prepared.release(outcome, (error) => error === first?.error);
    return outcome;
  });
  // If there are no settings to restore, or nothing has begun.
  const over = () => end(work);
  work.then(over, over);

  try {
    return await Promise.race([ended, deadline.passed]);
  } catch (error) {
    throw first === undefined ? error : first.error;
  } finally {
    deadline.end();
  }
}

/** The connection that this Kysely object holds. */
async function heldConnection<DB>(on: Kysely<DB>): Promise<DatabaseConnection> {
  return on.getExecutor().provideConnection(async (connection) => connection);
}

export interface Watch {
  /** By `performance.now()`, before BEGIN was sent: the transaction sees nothing earlier. */
  begunAt: number;
  /** Statements that the database has answered, for the events. */
  statements: number;
  /** By `performance.now()`: when the latest of them was answered. Absent before the transaction has begun. */
  answeredAt?: number;
  /** The longest time from one answer to the next. */
  longestMs: number;
  /** The first statement's failure. */
  failure?: { readonly error: unknown };
  /** The number of statements whose senders do not know the outcome yet. */
  untold: number;
  /** Requests that wait for the connection or use it. */
  readonly underWay: Set<Promise<unknown>>;
  /** See `createSqlStores`. */
  readonly statement: ((text: string) => void) | undefined;
  /** See `Lending`. */
  readonly inner: { open: boolean };
  /** `ending`: no statement is accepted any more. `given up`: statements that were accepted before are not sent either. */
  state: "open" | "ending" | "given up";
}

export function createWatch(statement?: (text: string) => void): Watch {
  return {
    statement,
    begunAt: 0,
    statements: 0,
    longestMs: 0,
    untold: 0,
    underWay: new Set(),
    inner: { open: false },
    state: "open",
  };
}

/** @throws ApplicationFailure if a statement failed, and the application caught its error and continued */
export function throwFailure({ failure }: Watch): void {
  if (failure !== undefined) throw new ApplicationFailure(failure.error);
}

/** The application's own library may wrap the driver's error in another one. The database's error decides. */
function judgedByStatement(error: unknown, { failure }: Watch): unknown {
  if (failure === undefined || !(error instanceof ApplicationFailure)) return error;
  return new ApplicationFailure(error.cause, failure);
}

/**
 * Accepts no more statements, and waits for those that were sent: a statement that a hook did not await must neither be decided without its answer nor
 * reach the connection's next user.
 *
 * @throws ApplicationFailure if there were such statements
 */
async function endStatements(watch: Watch): Promise<void> {
  // A stream, or a statement with a signal, returns the connection a moment after its last answer.
  if (watch.untold === 0 && watch.underWay.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  watch.state = "ending";
  const left = watch.untold + watch.underWay.size > 0 || watch.inner.open;
  while (watch.underWay.size > 0) await Promise.allSettled(watch.underWay);
  if (!left) return throwFailure(watch);
  throw new ApplicationFailure(
    new Error(
      "A hook left a statement unawaited: await everything that is sent through `tx`. The transaction has been undone.",
      { cause: watch.failure?.error },
    ),
  );
}

/** The same transaction, but after a statement has failed, or the transaction has ended, it sends no more statements. */
function guardedTransaction<DB>(tx: Transaction<DB>, watch: Watch): Transaction<DB> {
  // A plugin that does nothing, so that the object and its executor are new.
  const own = tx.withPlugin(noPlugin);
  watched(own.getExecutor(), watch);
  return own;
}

const noPlugin: Parameters<Transaction<unknown>["withPlugin"]>[0] = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => result,
};

type Provide = QueryExecutor["provideConnection"];
type Execute = QueryExecutor["executeQuery"];

/** Every statement asks its executor for the connection. Executors that are derived from it are watched, too. */
function watched(executor: QueryExecutor, watch: Watch): QueryExecutor {
  const provide: Provide = executor.provideConnection.bind(executor);
  const provideConnection: Provide = async (consumer, ...options) => {
    if (watch.state !== "open") throw tooLate();
    const provided = provide(
      async (connection) => {
        if (watch.state === "given up") throw tooLate();
        throwFailure(watch);
        try {
          const result = await consumer(connection);
          watch.statements += 1;
          const now = performance.now();
          watch.longestMs = Math.max(watch.longestMs, now - (watch.answeredAt ?? now));
          watch.answeredAt = now;
          return result;
        } catch (error) {
          watch.failure ??= { error };
          throw error;
        }
      },
      ...options,
    );
    watch.underWay.add(provided);
    try {
      return await provided;
    } finally {
      watch.underWay.delete(provided);
    }
  };

  const execute: Execute = executor.executeQuery.bind(executor);
  const executeQuery: Execute = async (...query) => {
    if (watch.state !== "open") throw tooLate();
    watch.untold += 1;
    try {
      if (query[0].sql !== flightRequest) watch.statement?.(query[0].sql);
      return await execute(...query);
    } finally {
      watch.untold -= 1;
    }
  };

  const withPlugin: QueryExecutor["withPlugin"] = executor.withPlugin.bind(executor);
  const withPlugins: QueryExecutor["withPlugins"] = executor.withPlugins.bind(executor);
  const withPluginAtFront: QueryExecutor["withPluginAtFront"] =
    executor.withPluginAtFront.bind(executor);
  const withoutPlugins: QueryExecutor["withoutPlugins"] = executor.withoutPlugins.bind(executor);
  return Object.assign(executor, {
    provideConnection,
    executeQuery,
    withPlugin: (plugin: Parameters<typeof withPlugin>[0]) => watched(withPlugin(plugin), watch),
    withPlugins: (plugins: Parameters<typeof withPlugins>[0]) =>
      watched(withPlugins(plugins), watch),
    withPluginAtFront: (plugin: Parameters<typeof withPluginAtFront>[0]) =>
      watched(withPluginAtFront(plugin), watch),
    withoutPlugins: () => watched(withoutPlugins(), watch),
    [lending]: {
      watch,
      send: async (use) => {
        watch.untold += 1;
        try {
          return await provideConnection(async (connection) => use(await clientOf(connection)));
        } finally {
          watch.untold -= 1;
        }
      },
    } satisfies Lending,
  });
}

function tooLate(): Error {
  return new Error(
    "The transaction has ended: `tx` takes no more statements. Await everything that is sent through it before the hook returns.",
  );
}
