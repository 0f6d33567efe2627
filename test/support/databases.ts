/** Real databases for the tests, one for each test file: PGlite and SQLite in the process, and a database of its own on the Postgres, the MariaDB and the MySQL server. */
import Database from "better-sqlite3";
import {
  type Dialect,
  Kysely,
  type Logger,
  MysqlDialect,
  PGliteDialect,
  PostgresDialect,
  sql,
  type SqliteDatabase,
  SqliteDialect,
} from "kysely";
import pg from "pg";
import { guardPool as guardMysqlPool } from "../../adapters/mysql2.js";
import { guardPool } from "../../adapters/pg.js";
import { guardDatabase } from "../../adapters/sqlite.js";
import { createTables } from "../../src/index.js";
import { isChosen, everyDatabase } from "./chosen.js";
import { empty } from "./empty.js";
import { long } from "./long.js";
import { createMysqlDatabase, mysqlGiven, mysqlPool, mysqlRow, mysqlTables } from "./mysql.js";
import { nodeSqlite } from "./node-sqlite.js";
import { startPglite } from "./pglite.js";
import { postgresRow, postgresTables } from "./postgres.js";
import { appTableNames, type TestSchema, tableNames } from "./schema.js";
import {
  mariadbServer,
  type MysqlServer,
  mysqlServer,
  postgresAvailable,
  postgresUrl,
} from "./servers.js";
import { sqliteGiven, sqliteRow, sqliteTables } from "./sqlite.js";

export type Row = Readonly<Record<string, unknown>>;

export interface TestDatabase {
  readonly db: Kysely<TestSchema>;
  /** A row as JSON has it: drivers differ in what they make of times, booleans, JSON and 64-bit integers. */
  plain(row: Row): Row;
  /** The other way: a row as this driver takes it. */
  given(row: Row): Row;
  /** Empties every table. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface TestDialect {
  readonly name: string;
  /** Whose words it speaks. */
  readonly family: "postgres" | "mysql" | "sqlite";
  /** Has a type for UUIDs. Elsewhere they are text, and so is whatever else is sent for one. */
  readonly uuids: boolean;
  /** Several connections, so that transactions can really meet. */
  readonly concurrent: boolean;
  /** Whole transactions are sent at once, where nothing of the application's runs in between. */
  readonly flies: boolean;
  available(): Promise<boolean>;
  open(options?: OpenOptions): Promise<TestDatabase>;
}

export interface OpenOptions {
  /** Connections in the pool, where there is one. Default 10. */
  readonly connections?: number;
  /** Default: as the dialect's `flies`. */
  readonly flights?: boolean;
  /** Without the library's own tables. */
  readonly bare?: boolean;
  /** Sees every statement. */
  readonly log?: Logger;
}

export const pglite: TestDialect = {
  name: "PGlite",
  family: "postgres",
  uuids: true,
  concurrent: false,
  flies: false,
  available: async () => isChosen("pglite"),
  open: async (options) =>
    prepared({
      ...options,
      dialect: new PGliteDialect({ pglite: await startPglite() }),
      tables: postgresTables,
      plain: postgresRow,
    }),
};

export const postgres: TestDialect = {
  name: "Postgres",
  family: "postgres",
  uuids: true,
  concurrent: true,
  flies: true,
  available: postgresAvailable,
  open: async (options) => {
    const { url, drop } = await createPostgresDatabase();
    const pool = guardPool(
      new pg.Pool({ connectionString: url, max: options?.connections ?? 10 }),
      { flights: options?.flights ?? true },
    );
    const dialect = new PostgresDialect({ pool });
    return prepared({ ...options, dialect, tables: postgresTables, plain: postgresRow, drop });
  },
};

export const mariadb = onMysqlServer(mariadbServer);
export const mysql = onMysqlServer(mysqlServer);

function onMysqlServer(server: MysqlServer): TestDialect {
  return {
    name: server.name,
    family: "mysql",
    uuids: server.uuid === "uuid",
    concurrent: true,
    flies: server === mysqlServer,
    available: server.available,
    open: async (options) => {
      const { url, drop } = await createMysqlDatabase(server);
      const pool = mysqlPool(url, { connectionLimit: options?.connections ?? 10 });
      // On MySQL with a guard, on MariaDB without unless it is asked for: the suites show that both work.
      const { flights = true } = options ?? {};
      const isGuarded = server === mysqlServer || options?.flights === true;
      const guarded = () => guardMysqlPool(pool, { flights });
      const dialect = new MysqlDialect({ pool: isGuarded ? guarded() : pool });
      const of = { plain: mysqlRow, given: mysqlGiven, tables: mysqlTables(server), drop };
      return prepared({ ...options, ...of, dialect });
    },
  };
}

/**
 * With a guard; the files of `sqlite-files.ts` are opened without. Integers are read as `bigint`, so that a test sees all their digits; the library does
 * without.
 */
export const betterSqlite3 = sqlite("SQLite (better-sqlite3)", () =>
  guardDatabase(new Database(":memory:").defaultSafeIntegers(true)),
);
export const sqliteOfNode = sqlite("SQLite (node:sqlite)", () =>
  nodeSqlite(":memory:", { bigInts: true }),
);

function sqlite(name: string, database: () => SqliteDatabase): TestDialect {
  return {
    name,
    family: "sqlite",
    uuids: true,
    concurrent: false,
    flies: true,
    available: async () => isChosen("sqlite"),
    open: (options) =>
      prepared({
        ...options,
        dialect: new SqliteDialect({ database: database() }),
        tables: sqliteTables,
        plain: sqliteRow,
        given: sqliteGiven,
      }),
  };
}

/** With each driver. */
export const drivers: readonly TestDialect[] = [
  pglite,
  postgres,
  mariadb,
  mysql,
  betterSqlite3,
  sqliteOfNode,
];

const mysqlFamily = everyDatabase ? [mariadb, mysql] : [];

/** Each database once, with its first driver: what suites run on that need several connections, or a server's own ways. */
export const databases: readonly TestDialect[] = [postgres, ...mysqlFamily, betterSqlite3];

/**
 * What most suites run on. The second driver of a database is left to the conformance cases and `npm run test:long`, MySQL and MariaDB also to
 * `.ci/run`: see `everyDatabase`. Without a Postgres server PGlite stands in for it.
 */
export const dialects: readonly TestDialect[] = long
  ? drivers
  : [...((await postgresAvailable()) ? [] : [pglite]), ...databases];

/** For what needs Postgres' ways and no certain one: the server, which takes half of PGlite's time, or PGlite, which is always there. */
export const somePostgres = (await postgresAvailable()) ? postgres : pglite;

/** An empty database with a name of its own. */
export async function createPostgresDatabase(): Promise<{
  url: string;
  drop: () => Promise<void>;
}> {
  const name = `powersync_writes_${crypto.randomUUID().replaceAll("-", "")}`;
  await administer(`create database ${name}`);
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(`drop database if exists ${name} with (force)`) };
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export interface Preparation extends OpenOptions {
  readonly dialect: Dialect;
  /** Statements that make the test tables. */
  readonly tables: readonly string[];
  readonly plain: TestDatabase["plain"];
  /** Default: as it is. */
  readonly given?: TestDatabase["given"];
  /** Removes the database itself. */
  readonly drop?: () => Promise<void>;
}

export async function prepared({
  dialect,
  tables,
  plain,
  given = (row) => row,
  drop,
  bare = false,
  log,
}: Preparation): Promise<TestDatabase> {
  const db = new Kysely<TestSchema>({ dialect, ...(log && { log }) });
  await createTestTables(db, tables);
  if (!bare) await createTables(db);
  return {
    db,
    plain,
    given,
    reset: () => empty(db, bare ? appTableNames : tableNames),
    close: async () => {
      await db.destroy();
      await drop?.();
    },
  };
}

export async function createTestTables(
  db: Kysely<TestSchema>,
  tables: readonly string[] = postgresTables,
): Promise<void> {
  for (const statement of tables) await sql.raw(statement).execute(db);
}
