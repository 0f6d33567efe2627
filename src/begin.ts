/** Begins a database transaction as the application wants it: isolated, and never waiting without bound, whatever becomes of the connection. */
import type { DatabaseConnection, IsolationLevel, Kysely, Transaction } from "kysely";
import { createDeadline } from "./deadline.js";
import { retryable } from "./errors.js";
import { createWatch, endStatements, guarded, type Watch } from "./guard.js";
import type { Timeouts } from "./limits.js";
import type { Own } from "./own/own.js";
import type { Connection, Database, Dialect } from "./persist/dialect.js";
import { dialectOf } from "./persist/dialects.js";

type TransactionTimeouts = Pick<Timeouts, "lockMs" | "statementMs" | "transactionMs">;

export interface TransactionSettings {
  readonly isolation: IsolationLevel | undefined;
  readonly timeouts: TransactionTimeouts;
  readonly own: Own;
}

export interface BeginOptions {
  /** The first statement of `run` bounds the transaction itself, by the dialect's `bounds`. */
  readonly boundsItself?: boolean;
  readonly watch?: Watch;
  /** Aborted before BEGIN is sent: nothing is begun. */
  readonly signal?: AbortSignal;
}

/** The caller had left before anything was begun. */
export class CallerLeft extends Error {}

/**
 * Commits what `run` resolves to; rolls back if it rejects or a statement has failed, and rejects with that error.
 * When `transactionMs` have passed it rejects at once: nothing more is sent but ROLLBACK, and a COMMIT that was on its way may yet be heeded.
 */
export async function begin<DB, T>(
  database: Kysely<DB>,
  { isolation, timeouts, own }: TransactionSettings,
  run: (tx: Transaction<DB>) => Promise<T>,
  { watch = createWatch(), signal, boundsItself = false }: BeginOptions = {},
): Promise<T> {
  const dialect = dialectOf(database);
  const level = isolation ?? dialect.isolation;
  const deadline = createDeadline(timeouts.transactionMs, () => {
    watch.state = "given up";
    giveUp(work, dialect, () => held);
    return tookTooLong(timeouts);
  });
  let held: DatabaseConnection | undefined;
  // Kept apart, for a ROLLBACK that fails throws its own error over the one that matters.
  let first: { readonly error: unknown } | undefined;

  const inTransaction = (on: Kysely<DB>) => {
    const builder = on.transaction();
    return (level === undefined ? builder : builder.setIsolationLevel(level)).execute(
      async (plain) => {
        try {
          deadline.check();
          if (!boundsItself) {
            const unplugged = plain.withoutPlugins() as unknown as Connection;
            await dialect.bound?.(unplugged, timeouts, own.table("powersync_ledger"));
          }
          // A hook may hang where no statement does: the connection is then as good as ever.
          const result = await deadline.bound(run(guarded(plain, watch)));
          await deadline.bound(endStatements(watch));
          deadline.check();
          return result;
        } catch (error) {
          first = { error };
          // Before ROLLBACK, for what comes behind it belongs to no transaction.
          await deadline.bound(endStatements(watch)).catch(() => undefined);
          throw error;
        }
      },
    );
  };

  const work = database.connection().execute(async (on) => {
    if (signal?.aborted) throw new CallerLeft();
    deadline.check();
    held = await connectionOf(on);
    return dialect.prepare === undefined
      ? inTransaction(on)
      : prepared(dialect.prepare, on, timeouts, inTransaction);
  });

  try {
    return await deadline.bound(work);
  } catch (error) {
    throw first === undefined ? error : first.error;
  } finally {
    deadline.end();
  }
}

/** With the connection's settings put back as they were. */
async function prepared<DB, T>(
  prepare: NonNullable<Dialect["prepare"]>,
  connection: Kysely<DB>,
  timeouts: TransactionTimeouts,
  run: (connection: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const restore = await prepare(connection.withoutPlugins() as unknown as Database, timeouts);
  try {
    return await run(connection);
  } finally {
    // The transaction has ended, well or badly, and that stands. What fails here is a connection that is lost anyway.
    await restore().catch(() => undefined);
  }
}

async function connectionOf<DB>(on: Kysely<DB>): Promise<DatabaseConnection | undefined> {
  let connection: DatabaseConnection | undefined;
  await on.getExecutor().provideConnection(async (provided) => {
    connection = provided;
  });
  return connection;
}

function tookTooLong({ transactionMs }: TransactionTimeouts): Error {
  return Object.assign(retryable("The database takes too long just now."), {
    staysQueued: true,
    cause: new Error(
      `The transaction had not ended after ${transactionMs} ms (timeouts.transactionMs), the wait for a connection included.`,
    ),
  });
}

const rollbackMs = 1_000;

/** A connection that takes the ROLLBACK goes back to its pool as it should. One that does not is ended, where the driver allows. */
function giveUp(
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
