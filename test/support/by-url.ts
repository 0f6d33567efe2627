/** A database that several processes share, by its address: `postgres://…`, `mysql://…`, or `sqlite:FILE`. */
import { type Dialect, Kysely, MysqlDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool as guardMysqlPool } from "../../adapters/mysql2.js";
import { guardPool } from "../../adapters/pg.js";
import { mysqlPool } from "./mysql.js";
import type { TestSchema } from "./schema.js";
import { openSqlite } from "./sqlite-files.js";

export function openByUrl(url: string): Kysely<TestSchema> {
  const [, file] = /^sqlite:(.+)$/.exec(url) ?? [];
  return file === undefined
    ? new Kysely({ dialect: dialectAt(url) })
    : openSqlite(file, "better-sqlite3");
}

function dialectAt(url: string): Dialect {
  if (url.startsWith("mysql:")) {
    return new MysqlDialect({ pool: guardMysqlPool(mysqlPool(url, { connectionLimit: 10 })) });
  }
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 5000, max: 10 });
  return new PostgresDialect({ pool: guardPool(pool) });
}
