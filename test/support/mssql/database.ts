/** The test databases for SQL Server: its own, where `DATABASE_URL_MSSQL` names one, and SQLite dressed up as it. */
import Database from "better-sqlite3";
import { Kysely, MssqlDialect, sql, SqliteDialect } from "kysely";
import * as tarn from "tarn";
import * as tedious from "tedious";
import { createTables } from "../../../src/index.js";
import { isChosen } from "../chosen.js";
import { createTestTables, type OpenOptions, prepared, type TestDatabase } from "../databases.js";
import { empty } from "../empty.js";
import { type TestSchema, tableNames } from "../schema.js";
import { sqliteGiven, sqliteRow, sqliteTables } from "../sqlite.js";
import { DressedDialect, type Sent } from "./dressed.js";
import { mssqlGiven, mssqlRow, mssqlTables } from "./tables.js";

export interface MssqlTestDialect {
  readonly name: string;
  readonly concurrent: boolean;
  available(): Promise<boolean>;
  open(options?: OpenOptions): Promise<TestDatabase>;
}

/** `mssql://sa:secret@127.0.0.1:1433/master`, of a login that may create databases. There is none that would be expected anywhere. */
export const mssqlUrl = process.env["DATABASE_URL_MSSQL"] ?? "";

/** Each suite in a database of its own. */
export const mssql: MssqlTestDialect = {
  name: "SQL Server",
  concurrent: true,
  available: async () => mssqlUrl !== "" && isChosen("mssql"),
  open: async (options) => {
    const name = `powersync_writes_${crypto.randomUUID().replaceAll("-", "")}`;
    await administer(`create database ${name}`);
    const url = new URL(mssqlUrl);
    url.pathname = `/${name}`;
    return prepared({
      ...options,
      dialect: mssqlDialect(url.href, options?.connections),
      tables: mssqlTables,
      plain: mssqlRow,
      given: mssqlGiven,
      drop: () =>
        administer(
          `alter database ${name} set single_user with rollback immediate; drop database ${name}`,
        ),
    });
  },
};

export function mssqlDialect(
  url: string,
  connections = 10,
  acquireTimeoutMillis = 30_000,
): MssqlDialect {
  const { hostname, port, username, password, pathname } = new URL(url);
  return new MssqlDialect({
    tarn: { ...tarn, options: { min: 0, max: connections, acquireTimeoutMillis } },
    tedious: {
      ...tedious,
      connectionFactory: () =>
        new tedious.Connection({
          server: hostname,
          authentication: {
            type: "default",
            options: {
              userName: decodeURIComponent(username),
              password: decodeURIComponent(password),
            },
          },
          options: {
            port: Number(port || 1433),
            database: pathname.slice(1),
            trustServerCertificate: true,
          },
        }),
    },
  });
}

async function administer(statement: string): Promise<void> {
  const db = new Kysely<unknown>({ dialect: mssqlDialect(mssqlUrl, 1) });
  try {
    await sql.raw(statement).execute(db);
  } finally {
    await db.destroy();
  }
}

/**
 * @param sent is told of each statement: the golden ones are looked for among them
 * @param settled whether a statement of a transaction must bring its settings along: all of the library's, but for those of the command, which only read
 */
export function dressed(sent?: (statement: Sent) => void, settled = true): MssqlTestDialect {
  return {
    name: "the statements for SQL Server, on SQLite",
    concurrent: false,
    available: async () => isChosen("sqlite"),
    open: async () => {
      const database = new Database(":memory:").defaultSafeIntegers(true);
      const plain = new Kysely<TestSchema>({ dialect: new SqliteDialect({ database }) });
      await createTestTables(plain, immediate);
      await createTables(plain);
      const db = new Kysely<TestSchema>({ dialect: new DressedDialect(database, sent, settled) });
      return {
        db,
        plain: sqliteRow,
        given: sqliteGiven,
        reset: () => empty(plain, tableNames),
        close: async () => {
          await db.destroy();
          await plain.destroy();
        },
      };
    },
  };
}

/** SQL Server has no constraint that waits for COMMIT. */
const immediate = sqliteTables.map((statement) =>
  statement.replace(" deferrable initially deferred", ""),
);
