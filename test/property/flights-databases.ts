/** The databases on which whole transactions are sent at once, and on each the same tables: one for each trait that a statement must follow, beside plain ones. */
import Database from "better-sqlite3";
import { type Dialect, Kysely, MysqlDialect, PostgresDialect, sql, SqliteDialect } from "kysely";
import pg from "pg";
import { guardPool as guardMysqlPool } from "../../adapters/mysql2.js";
import { guardPool } from "../../adapters/pg.js";
import { guardDatabase } from "../../adapters/sqlite.js";
import { createTables, type TableRule } from "../../src/index.js";
import { everyDatabase, isChosen } from "../support/chosen.js";
import { createPostgresDatabase } from "../support/databases.js";
import { long } from "../support/long.js";
import { createMysqlDatabase, mysqlPool } from "../support/mysql.js";
import { nodeSqlite } from "../support/node-sqlite.js";
import {
  mariadbServer,
  type MysqlServer,
  mysqlServer,
  postgresAvailable,
} from "../support/servers.js";
import type { TestPrincipal } from "../support/writes.js";

export type FlightDb = Kysely<Record<string, Record<string, unknown>>>;

export interface FlightDatabase {
  readonly name: string;
  /** How many sequences are tried. */
  readonly sequences: number;
  available(): Promise<boolean>;
  /** @param flights false: one statement after the other */
  open(flights: boolean): Promise<{ readonly db: FlightDb; close(): Promise<void> }>;
}

interface Words {
  readonly uuid: string;
  readonly json: string;
  /** The type of the callers' names, which are compared exactly. */
  readonly owner: string;
  readonly list: string;
  readonly numbered: string;
  /** The type of a key that ignores capitals, where the database has one. */
  readonly label: string;
  readonly stamping: readonly string[];
}

const schema = ({ uuid, json, owner, list, numbered, label, stamping }: Words) => [
  `create table boards (id ${uuid} primary key, owner_id ${owner}, name text)`,
  `create table cards (
    id ${uuid} primary key, board_id ${uuid}, text text not null, done boolean, place numeric(6, 2), tags ${list}, data ${json},
    foreign key (board_id) references boards (id) on delete cascade
  )`,
  `create table codes (
    id ${uuid} primary key, owner_id ${owner}, code varchar(6) unique, above ${uuid}, foreign key (above) references codes (id)
  )`,
  `create table stamped (id ${uuid} primary key, owner_id ${owner}, name text, stamp int not null default 0)`,
  ...stamping,
  `create table shared (
    id ${uuid} primary key, owner_id ${owner}, name text, size int not null default 7,
    doubled int generated always as (size * 2) stored
  )`,
  `create table labels (id ${label} primary key, note text)`,
  `create table pairs (a varchar(20), b int, note text, primary key (a, b))`,
  `create table notes (number ${numbered}, uuid ${uuid} not null unique, title text)`,
  `create table kept (id ${uuid} primary key, author varchar(20), name varchar(20) not null)`,
  `create table firsts (id ${uuid} primary key, name varchar(20) not null, note text)`,
  `create table hidden (id ${uuid} primary key, owner_id ${owner}, name text, gone int)`,
];

/** In an order in which they can be emptied. */
export const tableNames =
  "cards boards codes stamped shared labels pairs notes kept firsts hidden".split(" ");

/** Rolled back inserts may use up numbers. */
export const comparedColumns: Readonly<Record<string, readonly string[]>> = {
  notes: ["uuid", "title"],
};

export const rules = {
  boards: { owner: "owner_id" },
  cards: { belongsTo: { board_id: "boards" } },
  codes: { owner: "owner_id" },
  stamped: {
    scope: (_eb: unknown, { principal }: { principal: TestPrincipal }) =>
      sql<boolean>`${sql.ref("owner_id")} = ${principal.userId}`,
    owner: "owner_id",
  },
  // Whoever gives a row to somebody else keeps it only as one of all.
  shared: {
    scope: (_eb: unknown, { principal }: { principal: TestPrincipal }) =>
      sql<boolean>`${sql.ref("owner_id")} = ${principal.userId} or ${sql.ref("name")} = 'ours'`,
  },
  labels: { access: "everyone" },
  pairs: { access: "everyone", id: ["a", "b"] },
  notes: { access: "everyone", id: "uuid" },
  kept: { access: "everyone", insertOnly: ["author"] },
  firsts: { access: "everyone", put: "insert" },
  hidden: { owner: "owner_id", delete: { set: { gone: () => 1 } } },
} as unknown as Readonly<Record<string, TableRule<TestPrincipal, never>>>;

async function opened(dialect: Dialect, words: Words, drop?: () => Promise<void>) {
  const db: FlightDb = new Kysely({ dialect });
  for (const statement of schema(words)) await sql.raw(statement).execute(db);
  await createTables(db);
  const close = async () => {
    await db.destroy();
    await drop?.();
  };
  return { db, close };
}

const postgres: FlightDatabase = {
  name: "Postgres",
  sequences: long ? 1_000 : 40,
  available: postgresAvailable,
  open: async (flights) => {
    const { url, drop } = await createPostgresDatabase();
    const pool = guardPool(new pg.Pool({ connectionString: url, max: 3 }), { flights });
    const words: Words = {
      uuid: "uuid",
      json: "jsonb",
      owner: "text",
      list: "text[]",
      numbered: "serial primary key",
      label: "text",
      stamping: [
        `create function stamp() returns trigger language plpgsql as 'begin
          if new.name = ''declined'' then return null; end if; new.stamp := old.stamp + 1; return new; end'`,
        `create trigger stamping before update on stamped for each row execute function stamp()`,
      ],
    };
    return opened(new PostgresDialect({ pool }), words, drop);
  },
};

const onMysql = (server: MysqlServer): FlightDatabase => ({
  name: server.name,
  sequences: long ? 300 : everyDatabase ? 30 : 6,
  available: server.available,
  open: async (flights) => {
    const { url, drop } = await createMysqlDatabase(server);
    const pool = guardMysqlPool(mysqlPool(url, { connectionLimit: 3 }), { flights });
    const words: Words = {
      uuid: server.uuid,
      json: "json",
      owner: "varchar(20) collate utf8mb4_bin",
      list: "json",
      numbered: "int auto_increment primary key",
      label: "varchar(20) collate utf8mb4_unicode_ci",
      stamping: [
        `create trigger stamping before update on stamped for each row set new.stamp = old.stamp + 1`,
      ],
    };
    return opened(new MysqlDialect({ pool }), words, drop);
  },
});

const onSqlite = (
  name: string,
  sequences: number,
  guarded: () => ReturnType<typeof guardDatabase>,
): FlightDatabase => ({
  name: `SQLite (${name})`,
  sequences,
  available: async () => isChosen("sqlite"),
  open: async (flights) => {
    const database = guarded();
    const words: Words = {
      uuid: "uuid",
      json: "json",
      owner: "text",
      list: "json",
      numbered: "integer primary key",
      label: "text collate nocase",
      stamping: [
        `create trigger declining before update on stamped when new.name = 'declined' begin select raise(ignore); end`,
        `create trigger stamping after update of name on stamped begin
          update stamped set stamp = old.stamp + 1 where id = new.id; end`,
      ],
    };
    // Without the guard's mark, no connection says that it can.
    const plain = { prepare: answering(database.prepare), close: database.close };
    return opened(new SqliteDialect({ database: flights ? database : plain }), words);
  },
});

/** A database that executes the question for flights as the statement that it is. */
function answering(
  prepare: ReturnType<typeof guardDatabase>["prepare"],
): ReturnType<typeof guardDatabase>["prepare"] {
  return (text) => prepare(`${text} `);
}

export const flightDatabases: readonly FlightDatabase[] = [
  postgres,
  onMysql(mariadbServer),
  onMysql(mysqlServer),
  onSqlite("better-sqlite3", long ? 1_000 : 60, () => guardDatabase(new Database(":memory:"))),
  onSqlite("node:sqlite", long ? 1_000 : 20, () => nodeSqlite(":memory:")),
];
