/**
 * A connection that is set for one transaction, where settings outlive it: before it begins, in one statement that begins it as well; and back as it
 * was when it has ended, which nobody waits for but the connection's next user.
 */
import { CompiledQuery, type DatabaseConnection, type Kysely } from "kysely";
import type { Dialect, SessionSettings, SqlDatabase } from "./dialect.js";
import { giveUp } from "./giving-up.js";

interface Prepared {
  /**
   * Puts the settings back once the transaction has ended. A connection of which that can't be said, or which can't be put back, is ended. Never rejects.
   *
   * @param isUndone whether the transaction failed with this error, and has been rolled back
   */
  release(outcome: Promise<unknown>, isUndone: (error: unknown) => boolean): Promise<void>;
}

/** From here on the connection is in a transaction, and Kysely's own BEGIN is not sent. */
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
        // To put it back would commit what is still open.
        if (!isOver) await connection.executeQuery(CompiledQuery.raw("rollback"));
        await restore();
      })();
      giveUp(restoring, dialect, () => connection);
      await restoring.catch(() => dialect.abandon?.(connection).catch(() => undefined));
    },
  };
}

/** The next statement is Kysely's BEGIN, which has been done. A driver that begins in another way is let do so. */
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
