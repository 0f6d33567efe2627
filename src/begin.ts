/** Begins a database transaction as the application wants it: isolated, and never waiting without bound. */
import type { IsolationLevel, Kysely, Transaction } from "kysely";
import type { Connection } from "./persist/dialect.js";
import { dialectOf } from "./persist/dialects.js";

/** How long the database may wait or work; then the transaction is undone, and the answer is retryable. */
export interface Timeouts {
  /** For a lock that another transaction holds, in milliseconds. Default 5,000. */
  readonly lockMs: number;
  /** For one statement, in milliseconds. Default 15,000. */
  readonly statementMs: number;
}

export const defaultTimeouts: Timeouts = { lockMs: 5_000, statementMs: 15_000 };

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
  const builder = database.transaction();
  return (level === undefined ? builder : builder.setIsolationLevel(level)).execute(async (tx) => {
    await dialect.bound?.(tx.withoutPlugins() as unknown as Connection, timeouts);
    return run(tx);
  });
}
