/** The tables that the tests write to: the demo's, and what is needed to break every kind of rule. */
import type { Generated } from "kysely";
import type { OwnTables } from "../../src/sql/own-tables/tables.js";

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

export interface KeyTables {
  /** A composite key. */
  members: { list_id: string; user_name: string; role: string | null };
  /** Sequential keys, of rows that clients know by uuid. */
  authors: { number: Generated<number>; uuid: string; name: string | null };
  books: { number: Generated<number>; uuid: string; title: string | null; author: number | null };
}

export type TestSchema = TestTables & KeyTables & OwnTables;

/** Also too long for a UUID's column in a database that has no type for one. */
export const noUuid = "not-a-uuid, and longer than one would be";

/** In an order in which they can be emptied. */
export const appTableNames = ["todos", "lists", "things", "members", "books", "authors"] as const;
export const tableNames = [
  ...appTableNames,
  "powersync_ledger",
  "powersync_letter_rows",
  "powersync_devices",
  "powersync_accounts",
  "powersync_named",
  "powersync_versions",
  "powersync_letter_parts",
  "powersync_dead_letters",
  "powersync_checkpoints",
  "powersync_attempts",
] as const;

/** So that rows can be compared one by one. */
export const rowOrder = {
  lists: "id",
  todos: "id",
  things: "id",
  members: "list_id, user_name",
  authors: "uuid",
  books: "uuid",
} as const;
