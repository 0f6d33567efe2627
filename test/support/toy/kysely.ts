/** A Kysely dialect that is none of those the library knows: SQLite's words, behind an adapter of its own. */
import {
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type QueryCompiler,
  type Kysely,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

/** Not derived from SQLite's, which it only asks. */
class ToyAdapter implements DialectAdapter {
  readonly #sqlite = new SqliteAdapter();
  readonly supportsCreateIfNotExists = this.#sqlite.supportsCreateIfNotExists;
  readonly supportsTransactionalDdl = this.#sqlite.supportsTransactionalDdl;
  readonly supportsReturning = this.#sqlite.supportsReturning;
  readonly acquireMigrationLock: DialectAdapter["acquireMigrationLock"] = (...given) =>
    this.#sqlite.acquireMigrationLock(...given);
  readonly releaseMigrationLock: DialectAdapter["releaseMigrationLock"] = (...given) =>
    this.#sqlite.releaseMigrationLock(...given);
}

/** What a statement of the toy's throws: a class of its own, which no other dialect takes for an error of its database's. */
export class ToyError extends Error {
  readonly toy: string;

  constructor(cause: unknown) {
    super("The toy refuses.", { cause });
    this.name = "ToyError";
    this.toy =
      typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  }
}

class ToyDriver extends SqliteDriver {
  override async acquireConnection(): Promise<DatabaseConnection> {
    return wrapped(await super.acquireConnection());
  }
}

function wrapped(connection: DatabaseConnection): DatabaseConnection {
  return {
    executeQuery: async (query) => {
      try {
        return await connection.executeQuery(query);
      } catch (error) {
        throw new ToyError(error);
      }
    },
    streamQuery: (...given) => connection.streamQuery(...given),
  };
}

export class ToyDialect implements Dialect {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  createDriver(): Driver {
    return new ToyDriver({ database: this.#database });
  }
  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }
  createAdapter(): DialectAdapter {
    return new ToyAdapter();
  }
  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}
