/** The test tables in SQLite's words, its rows as JSON has them, and rows as its drivers take them. */
import type { Row } from "./databases.js";

export const sqliteTables: readonly string[] = [
  `create table lists (
    id uuid primary key, name text, owner_id text, created_at datetime, settings json, labels json
  )`,
  `create table todos (
    id uuid primary key, list_id uuid references lists (id) on delete cascade, description text not null,
    completed boolean, position double precision, created_at datetime
  )`,
  `create table things (
    id uuid primary key, code varchar(8) unique, amount numeric(12, 2), size int4 check (size >= 0), big bigint,
    parent_id uuid references things (id) deferrable initially deferred,
    stock int4 not null default 1, doubled integer generated always as (size * 2) stored
  )`,
  `create table members (list_id uuid, user_name varchar(40), role text, primary key (list_id, user_name))`,
  `create table authors (number integer primary key, uuid uuid not null unique, name text)`,
  `create table books (
    number integer primary key, uuid uuid not null unique, title text, author integer references authors (number)
  )`,
];

export function sqliteRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value === null ? null : plain(column, value),
    ]),
  );
}

function plain(column: string, value: unknown): unknown {
  switch (column) {
    case "completed":
      return Number(value) === 1;
    case "settings":
    case "labels":
      return JSON.parse(String(value));
    case "amount":
      return Number(value).toFixed(2);
    case "big":
      return String(value);
    case "created_at":
      return new Date(`${String(value).replace(" ", "T")}Z`).toISOString();
    default:
      return typeof value === "bigint" ? Number(value) : value;
  }
}

/** Neither driver takes a boolean or an object. */
export function sqliteGiven(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, given(value)]));
}

function given(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}
