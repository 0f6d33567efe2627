/**
 * One database transaction: isolated as configured, never waiting without bound, whatever becomes of the connection, and watched. A statement
 * that fails is the whole transaction's failure, whoever catches its error: some databases have undone everything by then and would commit
 * what follows statement by statement. COMMIT waits for every answer, and what is sent too late is not sent at all.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Expression,
  type IsolationLevel,
  type Kysely,
  type QueryExecutor,
  type Transaction,
} from "kysely";
import { ApplicationFailure, misconfigured } from "../errors.js";
import { createDeadline } from "../store/deadline.js";
import { CallerLeft } from "../store/failures.js";
import type { UnitTimeouts } from "../store/store.js";
import {
  closeUnlessAnswered,
  tooSlow,
  prepareSession,
  withStatementSettings,
  tookTooLong,
  wasAtWork,
} from "./connection.js";
import type { Dialect, TimeLimits } from "./dialect.js";
import {
  flightRequest,
  lending,
  type Lending,
  type LentClient,
  clientRequest,
} from "./pool-requests.js";
import type { SqlTransaction } from "./table.js";

interface TransactionOptions {
  readonly isolation: IsolationLevel | undefined;
  readonly timeouts: UnitTimeouts & TimeLimits;
  /** See `UnitOptions`. */
  readonly waitedMs: number;
  /** What the statement that bounds the transaction's waits needs: see `Dialect.bound`. Absent: the first statement of `run` bounds them itself. */
  readonly limits: { readonly ledger?: Expression<unknown> } | undefined;
  /** Aborted before BEGIN is sent: nothing is begun. */
  readonly signal?: AbortSignal;
}

/**
 * Commits what `run` resolves to; rolls back if it rejects or a statement has failed, and rejects with that error.
 * When `transactionMs` have passed it rejects at once: nothing more is sent but ROLLBACK, and a COMMIT that was on its way may yet be heeded.
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
  // Kept apart, for a ROLLBACK that fails throws its own error over the one that matters.
  let first: { readonly error: unknown } | undefined;
  const deadline = createDeadline(timeouts.transactionMs - waitedMs, () => {
    const slow = wasAtWork(watch, timeouts);
    watch.state = "given up";
    closeUnlessAnswered(work, dialect, () => held);
    return slow ? tooSlow(timeouts) : tookTooLong(timeouts);
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
          // Plugins of the application's (other names, another schema) are not for it.
          const ours = plain.withoutPlugins() as unknown as SqlTransaction;
          await dialect.setTimeLimits?.(ours, timeouts, limits.ledger);
        }
        // A hook may hang where no statement does: the connection is then as good as ever.
        watch.answeredAt = performance.now();
        const result = await Promise.race([run(guardedTransaction(plain, watch)), deadline.passed]);
        await Promise.race([endStatements(watch), deadline.passed]);
        throwIfLate();
        return result;
      } catch (thrown) {
        const error = judgedByStatement(thrown, watch);
        first = { error };
        // Before ROLLBACK, for what comes behind it belongs to no transaction.
        await Promise.race([endStatements(watch), deadline.passed]).catch(() => undefined);
        throw error;
      }
    });
  };

  // The connection's way back to its pool may be longer than the transaction.
  let end: (outcome: Promise<T>) => void = () => {};
  const ended = new Promise<T>((resolve) => (end = resolve));
  const work = database.connection().execute(async (on) => {
    if (signal?.aborted) throw new CallerLeft();
    throwIfLate();
    const connection = await connectionOf(on);
    held = connection;
    watch.begunAt = performance.now();
    if (dialect.statementSettings !== undefined)
      return withStatementSettings(dialect.statementSettings, connection, timeouts, () =>
        transaction(on),
      );
    if (dialect.prepare === undefined) return transaction(on);
    const settings = { timeouts, isolation: level };
    const prepared = await prepareSession(dialect.prepare, dialect, on, connection, settings);
    const outcome = transaction(on);
    end(outcome);
    await prepared.release(outcome, (error) => error === first?.error);
    return outcome;
  });
  // Without anything to put back; or where nothing has been begun.
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

async function connectionOf<DB>(on: Kysely<DB>): Promise<DatabaseConnection> {
  return on.getExecutor().provideConnection(async (connection) => connection);
}

export interface Watch {
  /** By `performance.now()`, before BEGIN was sent: the transaction sees nothing earlier. */
  begunAt: number;
  /** Statements that the database has answered, for the events. */
  statements: number;
  /** By `performance.now()`: when the latest of them was answered. Absent before the transaction has begun. */
  answeredAt?: number;
  /** From one answer to the next. */
  longestMs: number;
  /** The first statement's failure. */
  failure?: { readonly error: unknown };
  /** Statements whose senders have not been told the outcome. */
  untold: number;
  /** What the connection is asked for, or still busy with. */
  readonly underWay: Set<Promise<unknown>>;
  /** See `createSqlStores`. */
  readonly statement: ((text: string) => void) | undefined;
  /** See `Lending`. */
  readonly inner: { open: boolean };
  /** `ending`: no statement is taken any more. `given up`: nor is one sent that was taken before. */
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

/** @throws ApplicationFailure where a statement has failed, and somebody has caught its error and gone on */
export function throwFailure({ failure }: Watch): void {
  if (failure !== undefined) throw new ApplicationFailure(failure.error);
}

/** A library of the application's own wraps its driver's error in one of its own. What the database said is what counts. */
function judgedByStatement(error: unknown, { failure }: Watch): unknown {
  if (failure === undefined || !(error instanceof ApplicationFailure)) return error;
  return new ApplicationFailure(error.cause, failure);
}

/**
 * No statement is taken from here on, and those under way are waited for: what a hook has left unawaited must neither be decided without
 * its answer nor reach the connection's next user.
 *
 * @throws ApplicationFailure where there were any
 */
async function endStatements(watch: Watch): Promise<void> {
  // A stream, or a statement with a signal, gives the connection back a moment after its last answer.
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

/** The same transaction; after a statement has failed, or the transaction has ended, it sends no other. */
function guardedTransaction<DB>(tx: Transaction<DB>, watch: Watch): Transaction<DB> {
  // A new object, and with it an executor that is nobody else's.
  const own = tx.withPlugin(noPlugin);
  watchedExecutor(own.getExecutor(), watch);
  return own;
}

const noPlugin: Parameters<Transaction<unknown>["withPlugin"]>[0] = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => result,
};

type Provide = QueryExecutor["provideConnection"];
type Execute = QueryExecutor["executeQuery"];

/** Every statement asks its executor for the connection; what is derived from the executor is watched too. */
function watchedExecutor(executor: QueryExecutor, watch: Watch): QueryExecutor {
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
    withPlugin: (plugin: Parameters<typeof withPlugin>[0]) =>
      watchedExecutor(withPlugin(plugin), watch),
    withPlugins: (plugins: Parameters<typeof withPlugins>[0]) =>
      watchedExecutor(withPlugins(plugins), watch),
    withPluginAtFront: (plugin: Parameters<typeof withPluginAtFront>[0]) =>
      watchedExecutor(withPluginAtFront(plugin), watch),
    withoutPlugins: () => watchedExecutor(withoutPlugins(), watch),
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

/** @throws RetryableError where the pool is not guarded, or has another driver */
async function clientOf(connection: DatabaseConnection): Promise<LentClient> {
  const { rows } = await connection.executeQuery<{ client: LentClient }>(
    CompiledQuery.raw(clientRequest),
  );
  if (rows[0] !== undefined) return rows[0].client;
  throw misconfigured(
    "connectionOf(tx) needs the driver's client. Give the dialect a guarded pool: new PostgresDialect({ pool: guardPool(pool) }).",
  );
}

function tooLate(): Error {
  return new Error(
    "The transaction has ended: `tx` takes no more statements. Await everything that is sent through it before the hook returns.",
  );
}
