/** The test tables in Postgres' words, and its rows as JSON has them. */
import type { Row } from "./databases.js";

export const postgresTables: readonly string[] = [
  `create table lists (
    id uuid primary key, name text, owner_id text, created_at timestamptz, settings jsonb, labels text[]
  )`,
  `create table todos (
    id uuid primary key, list_id uuid references lists (id) on delete cascade, description text not null,
    completed boolean, position double precision, created_at timestamptz
  )`,
  `create table things (
    id uuid primary key, code varchar(8) unique, amount numeric(12, 2), size integer check (size >= 0), big bigint,
    parent_id uuid references things (id) deferrable initially deferred,
    stock integer not null default 1, doubled integer generated always as (size * 2) stored
  )`,
  `create table members (list_id uuid, user_name varchar(40), role text, primary key (list_id, user_name))`,
  `create table authors (number integer generated always as identity primary key, uuid uuid not null unique, name text)`,
  `create table books (
    number integer generated always as identity primary key, uuid uuid not null unique, title text,
    author integer references authors (number)
  )`,
];

export function postgresRow(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, plain(column, value)]),
  );
}

function plain(column: string, value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  // PGlite gives a number, a bigint or text, by its size.
  return column === "big" && value !== null ? String(value) : value;
}
