/** The dialects there are. */
import { MysqlAdapter, PostgresAdapter, type QueryExecutorProvider, SqliteAdapter } from "kysely";
import type { Dialect } from "./dialect.js";
import { mysql } from "./mysql/dialect.js";
import { postgres } from "./postgres/dialect.js";
import { sqlite } from "./sqlite/dialect.js";

/** @throws TypeError for a dialect that the library does not support */
export function dialectOf(db: QueryExecutorProvider): Dialect {
  const { adapter } = db.getExecutor();
  // PGlite's adapter is a Postgres adapter too.
  if (adapter instanceof PostgresAdapter) return postgres;
  if (adapter instanceof MysqlAdapter) return mysql;
  if (adapter instanceof SqliteAdapter) return sqlite;
  throw new TypeError(
    `powersync-writes supports Kysely's Postgres, PGlite, MySQL and SQLite dialects; this one has a ${adapter.constructor.name}.`,
  );
}
