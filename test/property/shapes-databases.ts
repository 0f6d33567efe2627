/** The databases that the shapes are made in, each with a login that policies and grants bind. */
import { Kysely, type Logger, MysqlDialect, sql } from "kysely";
import { betterSqlite3 } from "../support/databases.js";
import { createTables } from "../../src/index.js";
import { createMysqlDatabase, mysqlPool } from "../support/mysql.js";
import { type MysqlServer, mysqlServers, postgresAvailable } from "../support/servers.js";
import { supabaseOnPglite, supabaseOnPostgres } from "../support/supabase.js";
import type { Family, Shape } from "./shapes.js";
import { mysqlShape } from "./shapes-mysql.js";
import { postgresShape } from "./shapes-postgres.js";
import { sqliteShape } from "./shapes-sqlite.js";
import { users } from "./shapes.js";

export type Schema = Record<string, Record<string, unknown>>;

export interface Opened {
  readonly family: Family;
  /** Whom nothing binds. */
  readonly admin: Kysely<Schema>;
  /** As whom a shape is written to, and the role that is taken for it. */
  as(shape: Shape): { readonly database: Kysely<Schema>; readonly role?: string };
  make(shape: Shape): Promise<void>;
  close(): Promise<void>;
}

interface Place {
  readonly name: string;
  available(): Promise<boolean>;
  open(log: Logger): Promise<Opened>;
}

async function run(db: Kysely<Schema>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const circles = (text: string, user = text) => [
  "create table effects (what varchar(80))",
  `create table circles (id ${text} primary key, user_id ${user})`,
  `insert into circles values ('alice', '${users.alice}'), ('bob', '${users.bob}')`,
];
const anew = [
  "drop view if exists live",
  "drop table if exists items",
  "drop table if exists circles",
  "drop table if exists effects",
];

const supabase = (await postgresAvailable()) ? supabaseOnPostgres : supabaseOnPglite;
const postgres: Place = {
  name: supabase.name,
  available: supabase.available,
  open: async (log) => {
    const { admin: opened, connect, roles, close } = await supabase.open();
    const admin = opened as unknown as Kysely<Schema>;
    const login = connect({ log }) as unknown as Kysely<Schema>;
    // PGlite has one connection.
    const owner = (supabase === supabaseOnPglite
      ? login
      : connect({ user: "postgres", log })) as unknown as Kysely<Schema>;
    const role = roles.authenticated;
    return {
      family: "postgres",
      admin,
      close,
      as: ({ policies, grants }) =>
        policies === "none" && grants === "all" ? { database: owner } : { database: login, role },
      make: (shape) =>
        run(admin, [
          "drop view if exists live",
          "drop table if exists items cascade",
          ...anew.slice(2),
          ...circles("text", "uuid"),
          ...postgresShape(shape, `"${role}"`),
          ...["items", "circles"].map((each) => `alter table ${each} enable row level security`),
          "create policy all_of_it on circles using (true)",
        ]),
    };
  },
};

const text = "varchar(40) character set utf8mb4 collate utf8mb4_bin";

function onMysql(server: MysqlServer): Place {
  return {
    name: server.name,
    available: server.available,
    open: async (log) => {
      const { url, drop } = await createMysqlDatabase(server);
      const on = (to: string, limit: number) =>
        new Kysely<Schema>({
          dialect: new MysqlDialect({ pool: mysqlPool(to, { connectionLimit: limit }) }),
          log,
        });
      const admin = on(url, 2);
      await createTables(admin);
      const user = `shapes_${crypto.randomUUID().slice(0, 8)}`;
      const name = `'${user}'@'%'`;
      // What is granted of a table stays granted, whatever becomes of the table.
      await run(admin, [
        "create table items (id varchar(40))",
        "create table circles (id varchar(40))",
        "create table effects (id varchar(40))",
        `create user ${name}`,
        `grant select, insert on items to ${name}`,
        `grant select on circles to ${name}`,
        `grant insert on effects to ${name}`,
      ]);
      const { rows } = await sql<{ name: string }>`
        select table_name as name from information_schema.tables where table_schema = database() and table_name like 'powersync%'`.execute(
        admin,
      );
      await run(
        admin,
        rows.map(
          ({ name: table }) => `grant select, insert, update, delete on ${table} to ${name}`,
        ),
      );
      const as = new URL(url);
      as.username = user;
      const login = on(as.href, 1);
      return {
        family: "mysql",
        admin,
        as: ({ grants }) => ({ database: grants === "all" ? admin : login }),
        make: (shape) => run(admin, [...anew, ...circles(text), ...mysqlShape(shape)]),
        close: async () => {
          await run(admin, [`drop user ${name}`]);
          for (const each of [login, admin]) await each.destroy();
          await drop();
        },
      };
    },
  };
}

const sqlite: Place = {
  name: "SQLite",
  available: betterSqlite3.available,
  open: async (log) => {
    const { db, close } = await betterSqlite3.open({ log });
    const admin = db as unknown as Kysely<Schema>;
    return {
      family: "sqlite",
      admin,
      as: () => ({ database: admin }),
      make: (shape) => run(admin, [...anew, ...circles("text"), ...sqliteShape(shape)]),
      close,
    };
  },
};

export const places: readonly Place[] = [postgres, ...mysqlServers.map(onMysql), sqlite];
