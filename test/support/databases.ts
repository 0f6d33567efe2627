/** Real databases for the tests, one for each test file: PGlite in the process, and a database of its own on the Postgres server. */
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import { createTables } from "../../src/index.js";
import { createTestTables, type TestSchema, tableNames } from "./schema.js";
import { postgresAvailable, postgresUrl } from "./servers.js";

export interface TestDatabase {
  readonly db: Kysely<TestSchema>;
  /** Empties every table. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface TestDialect {
  readonly name: string;
  /** Several connections, so that transactions can really meet. */
  readonly concurrent: boolean;
  available(): Promise<boolean>;
  open(options?: OpenOptions): Promise<TestDatabase>;
}

export interface OpenOptions {
  /** Connections in the pool, where there is one. Default 10. */
  readonly connections?: number;
  /** Without the library's own tables. */
  readonly bare?: boolean;
}

export const pglite: TestDialect = {
  name: "PGlite",
  concurrent: false,
  available: async () => true,
  open: (options) =>
    prepared(new Kysely({ dialect: new PGliteDialect({ pglite: new PGlite() }) }), options),
};

export const postgres: TestDialect = {
  name: "Postgres",
  concurrent: true,
  available: postgresAvailable,
  open: async (options) => {
    const { url, drop } = await createPostgresDatabase();
    const pool = guardPool(new pg.Pool({ connectionString: url, max: options?.connections ?? 10 }));
    const { close, ...database } = await prepared(
      new Kysely({ dialect: new PostgresDialect({ pool }) }),
      options,
    );
    return {
      ...database,
      close: async () => {
        await close();
        await drop();
      },
    };
  },
};

export const dialects: readonly TestDialect[] = [pglite, postgres];

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

async function prepared(
  db: Kysely<TestSchema>,
  { bare = false }: OpenOptions = {},
): Promise<TestDatabase> {
  await createTestTables(db);
  if (!bare) await createTables(db);
  return {
    db,
    reset: async () => {
      const tables = bare ? tableNames.slice(0, 3) : tableNames;
      for (const table of tables) await db.deleteFrom(table).execute();
    },
    close: () => db.destroy(),
  };
}
