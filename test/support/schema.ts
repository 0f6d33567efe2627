/** The tables that the tests write to: the demo's, and what is needed to break every kind of rule. */
import type { Generated } from "kysely";
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
