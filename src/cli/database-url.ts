/** Opens a database by its URL: its kind, a Kysely object for it, and the parts of the URL that must never be shown. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  Kysely,
  MysqlDialect,
  PostgresDialect,
  type Dialect,
  type MysqlPool,
  type PostgresPool,
  type SqliteDatabase,
  SqliteDialect,
} from "kysely";
import { Problem, UsageProblem } from "./command.js";
import type { Io } from "./io.js";
import { sqlServer, type Tarn, type Tedious } from "./sql-server.js";

export const databaseKinds = ["postgres", "mysql", "mssql", "sqlite"] as const;
export type DatabaseKind = (typeof databaseKinds)[number];

export interface GivenDatabase {
  readonly kind: DatabaseKind;
  /** The file of an SQLite database. */
  readonly file?: string;
}

/** @throws UsageProblem for a URL that is not valid; the message does not repeat it, because it may contain a password */
export function readDatabaseUrl(url: string, secrets: Set<string>): GivenDatabase {
  rememberSecrets(url, secrets);
  const [, scheme = ""] = /^([a-z][a-z\d+]*):/i.exec(url) ?? [];
  switch (scheme.toLowerCase()) {
    case "postgres":
    case "postgresql":
      return { kind: "postgres" };
    case "mysql":
    case "mariadb":
      return { kind: "mysql" };
    case "mssql":
    case "sqlserver":
      return { kind: "mssql" };
    case "sqlite":
    case "file":
      return { kind: "sqlite", file: fileOf(url.slice(scheme.length + 1)) };
  }
  // A path without a scheme.
  if (/\.(?:db|sqlite3?)$/i.test(url) && scheme.length < 2) return { kind: "sqlite", file: url };
  throw new UsageProblem(
    "The database's URL must begin with postgres://, mysql://, mssql:// or sqlite:, such as sqlite:app.db.",
  );
}

function fileOf(rest: string): string {
  const file = rest.replace(/^\/\/(?=[^/]|\/)/, "");
  if (file === "") throw new UsageProblem("The database's URL names no file: sqlite:app.db.");
  return file;
}

/** The password in every spelling, even if the URL can't be parsed. */
export function rememberSecrets(url: string, secrets: Set<string>): void {
  const [, given = ""] = /^[a-z][\w+.-]*:\/\/[^:/@\s]*:(.*)@/i.exec(url) ?? [];
  const parameters = Array.from(
    url.matchAll(/[?&](?:password|sslpassword|token|authToken)=([^&#]*)/gi),
    ([, value = ""]) => value,
  );
  for (const secret of [given, ...parameters].filter((each) => each !== "")) {
    secrets.add(secret);
    try {
      secrets.add(decodeURIComponent(secret));
    } catch {
      // It is not URL-encoded, so there is only this spelling.
    }
  }
}

/** Opens the database. It connects when it is first used, and is closed when the command ends. @throws Problem */
export async function openDatabase(
  url: string,
  { kind, file }: GivenDatabase,
  io: Io,
): Promise<Kysely<unknown>> {
  const db = new Kysely<unknown>({ dialect: await dialectOf(url, kind, file, io) });
  io.whenDone(() => db.destroy());
  return db;
}

const connectMs = 10_000;

async function dialectOf(
  url: string,
  kind: DatabaseKind,
  file: string | undefined,
  io: Io,
): Promise<Dialect> {
  switch (kind) {
    case "postgres": {
      const { Pool } = await driver<{
        Pool: new (
          options: object,
        ) => PostgresPool & { on(event: "error", told: () => void): void };
      }>("pg", io);
      const pool = new Pool({ connectionString: url, max: 2, connectionTimeoutMillis: connectMs });
      // Without a listener, the end of an idle connection would end the process.
      pool.on("error", () => undefined);
      return new PostgresDialect({ pool });
    }
    case "mysql": {
      const { createPool } = await driver<{ createPool: (options: object) => MysqlPool }>(
        "mysql2",
        io,
      );
      const uri = url.replace(/^mariadb:/i, "mysql:");
      const pool = createPool({
        uri,
        connectionLimit: 2,
        connectTimeout: connectMs,
        timezone: "Z",
      });
      return new MysqlDialect({ pool });
    }
    case "mssql": {
      const tarn = await driver<Tarn>("tarn", io);
      const tedious = await driver<Tedious>("tedious", io);
      return sqlServer(url, { tarn, tedious, connectMs });
    }
    case "sqlite":
      return new SqliteDialect({ database: await openSqlite(file ?? "", io) });
  }
}

async function openSqlite(given: string, io: Io): Promise<SqliteDatabase> {
  const file = resolve(io.cwd, given);
  if (!existsSync(file)) throw new Problem(`There is no SQLite file ${given}.`);
  const found = await installed<new (file: string) => SqliteDatabase>("better-sqlite3", io);
  if (found !== undefined) return new found(file);
  const { nodeSqlite } = await import("./node-sqlite.js");
  return nodeSqlite(file);
}

/** @throws Problem if the driver is not installed */
async function driver<Driver>(name: string, io: Io): Promise<Driver> {
  const found = await installed<Driver>(name, io);
  if (found === undefined) {
    throw new Problem(`The package "${name}" is not installed. Run \`npm install ${name}\`.`);
  }
  return found;
}

/** Imports the application's copy of a package, or else this package's. */
async function installed<Driver>(name: string, io: Io): Promise<Driver | undefined> {
  for (const from of [join(io.cwd, "any.js"), import.meta.url]) {
    try {
      const file = createRequire(from).resolve(name);
      const module = (await import(pathToFileURL(file).href)) as { readonly default: Driver };
      return module.default;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return undefined;
}
