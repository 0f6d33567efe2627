/** Node's own module, in the form that Kysely's SQLite dialect takes. */
import { DatabaseSync } from "node:sqlite";
import type { SqliteDatabase } from "kysely";
import { guardDatabase } from "../../adapters/sqlite.js";

export interface NodeSqliteOptions {
  readonly readOnly?: boolean;
  /** Integers are read as `bigint`; without it, one that is no safe number throws. */
  readonly bigInts?: boolean;
}

export function nodeSqlite(
  file: string,
  { readOnly = false, bigInts = false }: NodeSqliteOptions = {},
): SqliteDatabase {
  return guardDatabase(new DatabaseSync(file, { readOnly, readBigInts: bigInts }));
}
