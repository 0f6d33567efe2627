/** Databases of the suite's own: servers that it may stop, kill and fill, files, and one inside the server process; each with a history of all that is written. */
import { Kysely, MysqlDialect, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { createTables } from "../../src/index.js";
import type { Protocol } from "../support/messages.js";
import { mysqlPool } from "../support/mysql.js";
import { createOwnMysql, type OwnMysql } from "../support/own-mysql.js";
import { createOwnPostgres, type OwnPostgres } from "../support/own-postgres.js";
import { openSqlite, sqliteFile } from "../support/sqlite-files.js";
import { until } from "../support/uploads.js";
import type { FoundLetter, HistoryEntry } from "./check.js";
import { mysqlTables, pgliteTables, postgresTables, sqliteTables, tables } from "./tables.js";
import { removed, wrote } from "./workload.js";

export const databaseNames = ["postgres", "mysql", "sqlite", "pglite"] as const;
export type DatabaseName = (typeof databaseNames)[number];

/** Where databases are made; a file and a process's own have no server to stop. */
export interface DatabaseServer {
  readonly name: DatabaseName;
  stop(): Promise<void>;
  crash(): Promise<void>;
  start(): Promise<void>;
  /** An empty database with the suite's tables and the library's. */
  open(): Promise<Database>;
  end(): Promise<void>;
}

export interface Database {
  readonly name: DatabaseName;
  readonly server: DatabaseServer;
  /** Where it is reached over the network: by which protocol, and at which port. */
  readonly network?: { readonly protocol: Protocol; readonly port: number };
  /** The application's, whose role can be kept from things. */
  readonly role: string;
  url(port: number, current?: string): string;
  /** For a database in the process: statements that make the tables. */
  readonly tables?: readonly string[];
  /** As its administrator, past all proxies. */
  query<Row = Record<string, unknown>>(statement: string): Promise<readonly Row[]>;
  /** In place of `query`, for what only the process can ask. */
  askThrough(ask: (statement: string) => Promise<readonly unknown[]>): void;
  history(): Promise<readonly HistoryEntry[]>;
  drop(): Promise<void>;
}

const password = "secret";
let opened = 0;

export function createServer(name: DatabaseName): Promise<DatabaseServer> {
  switch (name) {
    case "postgres":
      return postgresServer();
    case "mysql":
      return mysqlServer();
    case "sqlite":
      return Promise.resolve(fileServer());
    case "pglite":
      return Promise.resolve(processServer());
  }
}

export async function letters(
  database: Database,
): Promise<readonly (FoundLetter & { id: string })[]> {
  return database.query(
    "select id, status, payload from powersync_dead_letters order by created_at, id",
  );
}

export async function rows(database: Database): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const table of tables) {
    const all = await database.query<{ id: string; tag: string }>(
      `select id, tag from ${table} where tag is not null`,
    );
    for (const { id, tag } of all) found.set(`${table} ${id}`, tag);
  }
  return found;
}

async function postgresServer(): Promise<DatabaseServer> {
  // Its log is read back as the history: every change of every commit, with no trigger that would keep the library from its faster ways.
  const own: OwnPostgres = await createOwnPostgres([
    "wal_level=logical",
    "max_replication_slots=60",
  ]);
  const server: DatabaseServer = {
    name: "postgres",
    stop: own.stop,
    crash: own.crash,
    start: own.start,
    end: own.remove,
    open: async () => {
      opened += 1;
      const name = `faults_${opened}`;
      const role = `app_${opened}`;
      await own.query(`create role ${role} login password '${password}'`);
      await own.query(`create database ${name}`);
      const pool = new pg.Pool({ connectionString: own.url(name), max: 1 });
      pool.on("error", () => undefined);
      const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
      for (const statement of postgresTables) await sql.raw(statement).execute(db);
      await createTables(db);
      const granted = `grant select, insert, update, delete on all tables in schema public to ${role}`;
      await sql.raw(granted).execute(db);
      await db.destroy();
      await own.query(
        `select pg_create_logical_replication_slot('${name}', 'test_decoding')`,
        name,
      );
      const read: HistoryEntry[] = [];
      return {
        ...remote(server, "postgres", own.port, role, name),
        query: (statement) => own.query(statement, name) as Promise<never>,
        history: async () => {
          const changes = `select xid::text as unit, data from pg_logical_slot_get_changes('${name}', null, null) where data like 'table public.%'`;
          for (const change of await own.query<LogicalChange>(changes, name))
            read.push(...decoded(change));
          return read;
        },
        drop: async () => {
          await own.query(`select pg_drop_replication_slot('${name}')`);
          await own.query(`drop database ${name} with (force)`);
          await own.query(`drop role ${role}`);
        },
      };
    },
  };
  return server;
}

interface LogicalChange {
  readonly unit: string;
  readonly data: string;
}

function decoded({ unit, data }: LogicalChange): readonly HistoryEntry[] {
  const [, table = "", op = "", rest = ""] = /^table public\.(\w+): (\w+): (.*)$/s.exec(data) ?? [];
  if (!(tables as readonly string[]).includes(table)) return [];
  const row = rest.slice(Math.max(0, rest.indexOf("new-tuple: ")));
  const [, id = ""] = /\bid\[uuid\]:'([^']+)'/.exec(row) ?? [];
  const [, tag] = /\btag\[text\]:'([^']*)'/.exec(row) ?? [];
  // The rows that are there from the beginning have none.
  if (tag === undefined) return [];
  return [{ effect: (op === "DELETE" ? removed : wrote)(table, id, tag), unit }];
}

async function mysqlServer(): Promise<DatabaseServer> {
  const own: OwnMysql = await createOwnMysql();
  const server: DatabaseServer = {
    name: "mysql",
    stop: own.stop,
    crash: own.crash,
    start: own.start,
    end: own.remove,
    open: async () => {
      opened += 1;
      const name = `faults_${opened}`;
      const role = `app_${opened}`;
      await own.query(
        `create database ${name}; create user ${role} identified by '${password}'; grant select, insert, update, delete on ${name}.* to ${role}`,
      );
      for (const statement of mysqlTables) await own.query(statement, name);
      const db = new Kysely<unknown>({
        dialect: new MysqlDialect({
          pool: mysqlPool(`mysql://root@127.0.0.1:${own.port}/${name}`, { connectionLimit: 1 }),
        }),
      });
      await createTables(db);
      await db.destroy();
      return {
        ...remote(server, "mysql", own.port, role, name),
        query: (statement) => own.query(statement, name),
        history: () => own.query("select effect from history order by number", name),
        drop: async () => {
          await own.query(`drop database ${name}; drop user ${role}`);
        },
      };
    },
  };
  return server;
}

function remote(
  server: DatabaseServer,
  protocol: "postgres" | "mysql",
  port: number,
  role: string,
  name: string,
) {
  return {
    name: protocol,
    server,
    network: { protocol, port },
    role,
    url: (through: number, current = password) =>
      `${protocol}://${role}:${current}@127.0.0.1:${through}/${name}`,
    askThrough: () => undefined,
  };
}

const none = async () => {};

function fileServer(): DatabaseServer {
  const server: DatabaseServer = {
    name: "sqlite",
    stop: none,
    crash: none,
    start: none,
    end: none,
    open: async () => {
      const { file, remove } = sqliteFile();
      const db = openSqlite(file, "better-sqlite3");
      // Several processes: readers are not to keep writers waiting.
      await sql`pragma journal_mode = wal`.execute(db);
      await sql`pragma busy_timeout = 5000`.execute(db);
      for (const statement of sqliteTables) await sql.raw(statement).execute(db);
      await createTables(db);
      // Servers that are busy may be so for longer than the driver waits.
      const query = async <Row>(statement: string) => {
        let rows: readonly Row[] = [];
        await until(async () => {
          try {
            rows = (await sql.raw<Row>(statement).execute(db)).rows;
            return true;
          } catch (error) {
            if ((error as { readonly code?: unknown }).code === "SQLITE_BUSY") return false;
            throw error;
          }
        });
        return rows;
      };
      return {
        name: "sqlite",
        server,
        role: "",
        url: () => `sqlite:${file}`,
        query,
        askThrough: () => undefined,
        history: () => query<HistoryEntry>("select effect from history order by number"),
        drop: async () => {
          await db.destroy();
          remove();
        },
      };
    },
  };
  return server;
}

function processServer(): DatabaseServer {
  const server: DatabaseServer = {
    name: "pglite",
    stop: none,
    crash: none,
    start: none,
    end: none,
    open: async () => {
      let ask = async (_statement: string): Promise<readonly unknown[]> => [];
      const query = (async (statement: string) => ask(statement)) as Database["query"];
      return {
        name: "pglite",
        server,
        role: "",
        url: () => "pglite:",
        tables: pgliteTables,
        query,
        askThrough: (given) => {
          ask = given;
        },
        history: () => query<HistoryEntry>("select effect from history order by number"),
        drop: none,
      };
    },
  };
  return server;
}
