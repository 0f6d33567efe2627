/** Begins a database transaction as the application wants it: isolated, and never waiting without bound. */
import type { IsolationLevel, Kysely, Transaction } from "kysely";
import type { Timeouts } from "./limits.js";
import type { Connection, Database } from "./persist/dialect.js";
import { dialectOf } from "./persist/dialects.js";

export interface TransactionSettings {
  readonly isolation: IsolationLevel | undefined;
  readonly timeouts: Timeouts;
}

/** Commits what `run` resolves to; rolls back if it rejects, and rejects with its error, or with the rollback's own. */
export function begin<DB, T>(
  database: Kysely<DB>,
  { isolation, timeouts }: TransactionSettings,
  run: (tx: Transaction<DB>) => Promise<T>,
): Promise<T> {
  const dialect = dialectOf(database);
  const level = isolation ?? dialect.isolation;
  const inTransaction = (on: Kysely<DB>) => {
    const builder = on.transaction();
    return (level === undefined ? builder : builder.setIsolationLevel(level)).execute(
      async (tx) => {
        await dialect.bound?.(tx.withoutPlugins() as unknown as Connection, timeouts);
        return run(tx);
      },
    );
  };
  if (dialect.prepare === undefined) return inTransaction(database);
  return database.connection().execute(async (connection) => {
    const restore = await dialect.prepare?.(
      connection.withoutPlugins() as unknown as Database,
      timeouts,
    );
    try {
      return await inTransaction(connection);
    } finally {
      // The transaction has ended, well or badly, and that stands. What fails here is a connection that is lost anyway.
      await restore?.().catch(() => undefined);
    }
  });
}
