/** The dialects there are. */
import { PostgresAdapter, type QueryExecutorProvider } from "kysely";
import type { Dialect } from "./dialect.js";
import { postgres } from "./postgres/dialect.js";

/** @throws TypeError for a dialect that the library does not support */
export function dialectOf(db: QueryExecutorProvider): Dialect {
  const { adapter } = db.getExecutor();
  // PGlite's adapter is a Postgres adapter too.
  if (adapter instanceof PostgresAdapter) return postgres;
  throw new TypeError(
    `powersync-writes supports Kysely's Postgres and PGlite dialects; this one has a ${adapter.constructor.name}.`,
  );
}
