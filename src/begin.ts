/** Begins a database transaction as the application wants it: isolated, and never waiting without bound. */
import type { IsolationLevel, Kysely, Transaction } from "kysely";
import type { Timeouts } from "./limits.js";
import { createWatch, endStatements, guarded, type Watch } from "./guard.js";
import type { Own } from "./own.js";
import type { Connection, Database, Dialect } from "./persist/dialect.js";
import { dialectOf } from "./persist/dialects.js";

export interface TransactionSettings {
  readonly isolation: IsolationLevel | undefined;
  readonly timeouts: Timeouts;
  readonly own: Own;
}

/** Commits what `run` resolves to; rolls back if it rejects or a statement has failed, and rejects with that error. */
export async function begin<DB, T>(
  database: Kysely<DB>,
  { isolation, timeouts, own }: TransactionSettings,
  run: (tx: Transaction<DB>) => Promise<T>,
  watch: Watch = createWatch(),
): Promise<T> {
  const dialect = dialectOf(database);
  const level = isolation ?? dialect.isolation;
  // Kept apart, for a ROLLBACK that fails throws its own error over the one that matters.
  let first: { readonly error: unknown } | undefined;
  const inTransaction = (on: Kysely<DB>) => {
    const builder = on.transaction();
    return (level === undefined ? builder : builder.setIsolationLevel(level)).execute(
      async (plain) => {
        try {
          const unplugged = plain.withoutPlugins() as unknown as Connection;
          await dialect.bound?.(unplugged, timeouts, own.table("powersync_ledger"));
          const result = await run(guarded(plain, watch));
          await endStatements(watch);
          return result;
        } catch (error) {
          first = { error };
          // Before ROLLBACK, for what comes behind it belongs to no transaction.
          await endStatements(watch).catch(() => undefined);
          throw error;
        }
      },
    );
  };
  try {
    return await (dialect.prepare === undefined
      ? inTransaction(database)
      : prepared(dialect.prepare, database, timeouts, inTransaction));
  } catch (error) {
    throw first === undefined ? error : first.error;
  }
}

/** On a connection whose settings are put back as they were. */
function prepared<DB, T>(
  prepare: NonNullable<Dialect["prepare"]>,
  database: Kysely<DB>,
  timeouts: Timeouts,
  run: (connection: Kysely<DB>) => Promise<T>,
): Promise<T> {
  return database.connection().execute(async (connection) => {
    const restore = await prepare(connection.withoutPlugins() as unknown as Database, timeouts);
    try {
      return await run(connection);
    } finally {
      // The transaction has ended, well or badly, and that stands. What fails here is a connection that is lost anyway.
      await restore().catch(() => undefined);
    }
  });
}
