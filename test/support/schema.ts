/** The tables that the tests write to: the demo's, and what is needed to break every kind of rule. */
import { type Generated, type Kysely, sql } from "kysely";
import type { OwnTables } from "../../src/own-tables.js";

export interface TestTables {
  lists: {
    id: string;
    name: string | null;
    owner_id: string | null;
    created_at: Date | string | null;
    settings: unknown;
    labels: string[] | null;
  };
  todos: {
    id: string;
    list_id: string | null;
    description: string;
    completed: boolean | null;
    position: number | null;
    created_at: Date | string | null;
  };
  /** One constraint of each kind, and a column that the database computes. */
  things: {
    id: string;
    code: string | null;
    amount: string | null;
    size: number | null;
    big: string | null;
    parent_id: string | null;
    stock: Generated<number>;
    doubled: Generated<number | null>;
  };
}

export type TestSchema = TestTables & OwnTables;

/** In an order in which they can be emptied. */
export const tableNames = [
  "todos",
  "lists",
  "things",
  "powersync_ledger",
  "powersync_dead_letters",
] as const;

export async function createTestTables(db: Kysely<TestSchema>): Promise<void> {
  await sql`
    create table lists (
      id uuid primary key, name text, owner_id text, created_at timestamptz, settings jsonb, labels text[]
    )`.execute(db);
  await sql`
    create table todos (
      id uuid primary key, list_id uuid references lists (id) on delete cascade, description text not null,
      completed boolean, position double precision, created_at timestamptz
    )`.execute(db);
  await sql`
    create table things (
      id uuid primary key, code varchar(8) unique, amount numeric(12, 2), size integer check (size >= 0), big bigint,
      parent_id uuid references things (id) deferrable initially deferred,
      stock integer not null default 1, doubled integer generated always as (size * 2) stored
    )`.execute(db);
}
