/** How statements are sent where a database needs more than their text. */
import type { CompiledQuery, DatabaseConnection } from "kysely";

/** In milliseconds. */
interface Bounds {
  readonly lockMs: number;
}

/** Statements around one that may fail without undoing what is before it. */
export interface Aside {
  readonly begin: string;
  /** Undoes what has been done since `begin`. */
  readonly undo: string;
  /** Absent: the savepoint needs no end. */
  readonly end?: string;
  /** The statement, so that its failure ends nothing but itself. Absent: it is so anyway. */
  alone?(statement: CompiledQuery): CompiledQuery;
}

export const standardAside: Aside = {
  begin: "savepoint powersync_aside",
  undo: "rollback to savepoint powersync_aside",
  end: "release savepoint powersync_aside",
};

/** For databases on which a setting ends with the statement that makes it: each statement brings the transaction's settings along. */
export interface Sending {
  settled(statement: CompiledQuery, bounds: Bounds): CompiledQuery;
  /** The one error that a statement failed with, where the driver gives several. */
  thrown(error: unknown): unknown;
}

/** While `run` runs, statements that go through the connection are sent so, those of the application's too. */
export async function sentSo<T>(
  sending: Sending,
  connection: DatabaseConnection,
  bounds: Bounds,
  run: () => Promise<T>,
): Promise<T> {
  const { executeQuery, streamQuery } = connection;
  const owns = ["executeQuery", "streamQuery"].map(
    (name) => [name, Object.getOwnPropertyDescriptor(connection, name)] as const,
  );
  const settled = (statement: CompiledQuery) => sending.settled(statement, bounds);
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
