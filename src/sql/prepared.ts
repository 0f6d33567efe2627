/**
 * Prepares a connection for one transaction on databases whose settings outlive it. One statement saves and changes the settings, and begins the
 * transaction. After the transaction another statement restores them; only the connection's next user waits for it.
 */
import { CompiledQuery, type DatabaseConnection, type Kysely } from "kysely";
import type { Dialect, SessionSettings, SqlDatabase } from "./dialect.js";
import { giveUp } from "./giving-up.js";

interface Prepared {
  /**
   * Restores the settings after the transaction has ended. If it is not known to have ended, or they can't be restored, the connection is closed. Never rejects.
   *
   * @param isUndone whether the transaction failed with this error, and has been rolled back
   */
  release(outcome: Promise<unknown>, isUndone: (error: unknown) => boolean): Promise<void>;
}

/** From here on the connection is in a transaction, so Kysely's own BEGIN is not sent. */
export async function prepare<DB>(
  set: NonNullable<Dialect["prepare"]>,
  dialect: Dialect,
  on: Kysely<DB>,
  connection: DatabaseConnection,
  settings: SessionSettings,
): Promise<Prepared> {
  const restore = await set(on.withoutPlugins() as unknown as SqlDatabase, settings);
  answerBegin(connection);
  return {
    release: async (outcome, isUndone) => {
      const isOver = await outcome.then(() => true, isUndone);
      const restoring = (async () => {
        // Restoring the settings would commit the open transaction.
        if (!isOver) await connection.executeQuery(CompiledQuery.raw("rollback"));
        await restore();
      })();
      giveUp(restoring, dialect, () => connection);
      await restoring.catch(() => dialect.abandon?.(connection).catch(() => undefined));
    },
  };
}

/** Skips the next statement if it is Kysely's BEGIN, because the transaction has begun. A driver that begins in another way may do so. */
function answerBegin(connection: DatabaseConnection): void {
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
