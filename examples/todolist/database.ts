/** Opens the SQL database that `DATABASE_URL` names. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import Sqlite from "better-sqlite3";
import { Kysely, MysqlDialect, PGliteDialect, PostgresDialect, SqliteDialect } from "kysely";
import mysql from "mysql2";
import pg from "pg";
import { guardPool as guardMysqlPool } from "../../adapters/mysql2.js";
import { guardPool } from "../../adapters/pg.js";
import { guardDatabase } from "../../adapters/sqlite.js";
import type { Database } from "./schema.js";

export interface OpenDatabase {
  readonly db: Kysely<Database>;
  /** The name for the log. Not the URL, which may contain a password. */
  readonly name: string;
  /** The database ends with the process, and no PowerSync service can read it. */
  readonly inMemory?: true;
}

/**
 * Opens PGlite in memory without a URL, PGlite in a folder for `file:DIR`, SQLite for `sqlite:FILE`, and a server for `postgres://…` and `mysql://…`.
 * For `mssql://…` see `sql-server.ts`, for `mongodb://…` see `mongodb.ts`.
 *
 * @throws Error with a message for the user, for any other URL
 */
export function openDatabase(url: string | undefined): OpenDatabase {
  if (url === undefined || url === "") {
    return { db: pglite("memory://"), name: "PGlite, in memory", inMemory: true };
  }
  if (url.startsWith("file:")) {
    const folder = url.startsWith("file:///") ? fileURLToPath(url) : url.slice("file:".length);
    if (folder === "")
      throw new Error("DATABASE_URL=file: needs a folder, as in file:./.demo-data");
    mkdirSync(folder, { recursive: true });
    return { db: pglite(folder), name: `PGlite, in ${folder}` };
  }
  if (/^postgres(ql)?:\/\//.test(url)) {
    const pool = new pg.Pool({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      // A network may drop a connection silently. This limits the wait for an answer.
      query_timeout: 30_000,
      keepAlive: true,
    });
    guardPool(pool);
    const dialect = new PostgresDialect({ pool });
    return { db: new Kysely<Database>({ dialect }), name: "Postgres" };
  }
  if (url.startsWith("mysql://")) {
    // The library's transactions use UTC, so values are read as UTC as well.
    const pool = mysql.createPool({ uri: url, connectTimeout: 5_000, timezone: "Z" });
    const dialect = new MysqlDialect({ pool: guardMysqlPool(pool) });
    return { db: new Kysely<Database>({ dialect }), name: "MySQL or MariaDB" };
  }
  if (url.startsWith("sqlite:")) {
    const file = url.slice("sqlite:".length);
    if (file === "")
      throw new Error("DATABASE_URL=sqlite: needs a file, as in sqlite:./.demo-data.db");
    return { db: sqlite(file), name: `SQLite, ${file}` };
  }
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? "no scheme";
  throw new Error(
    `DATABASE_URL: this demo can't use ${scheme}. Leave it unset for PGlite in memory, or use file:DIR, sqlite:FILE, postgres://…, mysql://…, mongodb://… or mssql://….`,
  );
}

function pglite(folder: string): Kysely<Database> {
  return new Kysely<Database>({
    dialect: new PGliteDialect({ pglite: () => PGlite.create(folder) }),
  });
}

function sqlite(file: string): Kysely<Database> {
  const open = () => {
    mkdirSync(dirname(file), { recursive: true });
    // The driver blocks the process while it waits for a lock, so its wait is short. The library waits without blocking.
    const database = new Sqlite(file, { timeout: 100 });
    database.pragma("journal_mode = wal");
    database.pragma("foreign_keys = on");
    return guardDatabase(database);
  };
  // Opened by the first query, and again after a failure, because the server may start before its database.
  return new Kysely<Database>({ dialect: new SqliteDialect({ database: async () => open() }) });
}
