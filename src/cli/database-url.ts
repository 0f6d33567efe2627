/** Opens a database by its URL: finds its kind, makes a Kysely object, and remembers the parts of the URL that must never be shown. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import {
  Kysely,
  MysqlDialect,
  PostgresDialect,
  type Dialect,
  type MysqlPool,
  type PostgresPool,
  type SqliteDatabase,
  SqliteDialect,
  MssqlDialect,
  type MssqlDialectConfig,
  type TediousConnection,
} from "kysely";
import { guardDatabase } from "../../adapters/sqlite.js";
import { remedyOf } from "../sql/errors.js";
import { Problem, UsageProblem } from "./command.js";
import { describeError, type Io } from "./io.js";
import { driver, installed } from "./packages.js";

export const databaseKinds = ["postgres", "mysql", "mssql", "sqlite"] as const;
export type DatabaseKind = (typeof databaseKinds)[number];

export interface GivenDatabase {
  readonly kind: DatabaseKind;
  /** The file of an SQLite database. */
  readonly file?: string;
}

/** @throws UsageProblem for an invalid URL. The message does not repeat the URL, because it may contain a password. */
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
  if (file === "")
    throw new UsageProblem("The database's URL must name a file, such as sqlite:app.db.");
  return file;
}

/** Remembers the URL's password in every spelling, even if the URL can't be parsed. */
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
      // The password is not URL-encoded, so there is only this spelling.
    }
  }
}

/** Opens the database. The connection is made at the first use, and closed when the command ends. @throws Problem */
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
      return sqlServerDialect(url, { tarn, tedious, connectMs });
    }
    case "sqlite":
      return new SqliteDialect({ database: await openSqlite(file ?? "", io) });
  }
}

async function openSqlite(given: string, io: Io): Promise<SqliteDatabase> {
  const file = resolve(io.cwd, given);
  if (!existsSync(file)) throw new Problem(`The SQLite file ${given} does not exist.`);
  const found = await installed<new (file: string) => SqliteDatabase>("better-sqlite3", io);
  if (found !== undefined) return guardDatabase(new found(file));
  // Loaded on demand, because Node prints a warning when it is.
  const { DatabaseSync } = await import("node:sqlite");
  return guardDatabase(new DatabaseSync(file));
}

type Tarn = Omit<MssqlDialectConfig["tarn"], "options">;
type Tedious = Omit<MssqlDialectConfig["tedious"], "connectionFactory"> & {
  readonly Connection: new (settings: object) => TediousConnection;
};

interface Drivers {
  readonly tarn: Tarn;
  readonly tedious: Tedious;
  readonly connectMs: number;
}

/** @throws Problem for an invalid URL, and for a URL without a database. The message does not repeat the URL. */
function sqlServerDialect(text: string, { tarn, tedious, connectMs }: Drivers): MssqlDialect {
  const url = URL.parse(text);
  const database = percentDecoded(url?.pathname.slice(1) ?? "");
  if (url === null || url.hostname === "" || database === "") {
    throw new Problem(
      "The database's URL is not valid. It must look like mssql://user:password@127.0.0.1:1433/app.",
    );
  }
  const { hostname, port, username, password, searchParams } = url;
  const connectionFactory = () =>
    new tedious.Connection({
      server: hostname,
      authentication: {
        type: "default",
        options: { userName: percentDecoded(username), password: percentDecoded(password) },
      },
      options: {
        port: port === "" ? 1433 : Number(port),
        database,
        connectTimeout: connectMs,
        trustServerCertificate: searchParams.get("trustServerCertificate") === "true",
      },
    });
  // By default, the pool tries again until the time is over, and hides the error.
  const options = { min: 0, max: 2, acquireTimeoutMillis: connectMs, propagateCreateError: true };
  return new MssqlDialect({
    tarn: { ...tarn, options },
    tedious: { ...tedious, connectionFactory },
  });
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The driver's error, and what can be done about it if that is known. */
export function describeDatabaseError(error: unknown, io: Io): string {
  const text = describeError(error, io).replace(/\.$/, "");
  const remedy = remedyOf(error);
  return remedy === undefined || text.includes("Remedy: ") ? text : `${text}. Remedy: ${remedy}`;
}
