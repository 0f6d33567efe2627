/** MySQL and MariaDB: the test tables in their words, their rows as JSON has them, and rows as mysql2 takes them. */
import { type Kysely, sql } from "kysely";
import mysql from "mysql2";
import type { Row } from "./databases.js";
import type { TestSchema } from "./schema.js";
import type { MysqlServer } from "./servers.js";

export const mysqlTables = ({ uuid }: MysqlServer): readonly string[] => [
  // Exact comparison: a caller's name in other letters is another caller.
  `create table lists (
    id ${uuid} primary key, name text, owner_id varchar(255) collate utf8mb4_bin, created_at timestamp(6) null,
    settings json, labels json
  )`,
  `create table todos (
    id ${uuid} primary key, list_id ${uuid}, description text not null, completed boolean, position double,
    created_at timestamp(6) null, foreign key (list_id) references lists (id) on delete cascade
  )`,
  `create table things (
    id ${uuid} primary key, code varchar(8) unique, amount decimal(12, 2), size integer check (size >= 0), big bigint,
    parent_id ${uuid} references things (id), stock integer not null default 1,
    doubled integer generated always as (size * 2) stored
  )`,
  `create table members (list_id ${uuid}, user_name varchar(40), role text, primary key (list_id, user_name))`,
  `create table authors (number integer auto_increment primary key, uuid ${uuid} not null unique, name text)`,
  `create table books (
    number integer auto_increment primary key, uuid ${uuid} not null unique, title text,
    author integer references authors (number)
  )`,
];

/** As an application sets it up: integers keep all their digits, and times are read as the UTC that the server is told to speak. */
export function mysqlPool(url: string, options: mysql.PoolOptions = {}): mysql.Pool {
  return mysql.createPool({
    uri: url,
    supportBigNumbers: true,
    bigNumberStrings: true,
    timezone: "Z",
    ...options,
  });
}

/** An empty database with a name of its own. */
export async function createMysqlDatabase(
  server: MysqlServer,
): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `powersync_writes_${crypto.randomUUID().replaceAll("-", "")}`;
  await administer(server, `create database ${name}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(server, `drop database if exists ${name}`) };
}

async function administer({ url }: MysqlServer, statement: string): Promise<void> {
  const connection = mysql.createConnection(url).promise();
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}

/** Bytes of the longest statement that the server takes: 16 MB on MariaDB, four times as much on MySQL as they come. */
export async function packetOf(db: Kysely<TestSchema>): Promise<number> {
  const { rows } = await sql<{
    bytes: unknown;
  }>`select @@global.max_allowed_packet as bytes`.execute(db);
  return Number(rows[0]?.bytes);
}

export function mysqlRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, plain(column, value)]),
  );
}

function plain(column: string, value: unknown): unknown {
  if (value === null) return null;
  if (value instanceof Date) return value.toISOString();
  switch (column) {
    case "completed":
      return value === 1;
    case "settings":
    case "labels":
      return typeof value === "string" ? JSON.parse(value) : value;
    case "big":
      return String(value);
    default:
      return value;
  }
}

/** mysql2 would spell an object's members out as assignments. */
export function mysqlGiven(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      typeof value === "object" && value !== null && !(value instanceof Date)
        ? JSON.stringify(value)
        : value,
    ]),
  );
}

/** In front of a transaction of the library's: the connection's settings are changed. */
export function isChangingSettings(statement: string): boolean {
  return statement.startsWith("set @powersync_writes = 1");
}

/** Behind each transaction of the library's, and perhaps behind its answer: the connection's settings are put back. */
export function isPuttingBack(statement: string): boolean {
  return statement.startsWith("set @powersync_writes = null");
}
