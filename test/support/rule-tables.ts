/** Tables for rules that the other tests have no use for: rows that belong to rows, also of their own table, and columns that the server sets. */
import { type Kysely, sql } from "kysely";
import type { TestDatabase } from "./databases.js";
import { empty } from "./empty.js";
import type { TestSchema } from "./schema.js";

export interface RuleTables {
  folders: { id: string; owner_id: string | null; parent_id: string | null; name: string | null };
  notes: { id: string; folder_id: string | null; body: string | null; revision: number | null };
  stamped: {
    id: string;
    body: string | null;
    big: unknown;
    created_by: string | null;
    updated_by: string | null;
    deleted_at: string | null;
  };
  folder_members: { id: string; folder_id: string | null; user_id: string | null };
  pairs: { a: string; b: string; owner_id: string | null; body: string | null };
}

export type RuleSchema = TestSchema & RuleTables;

const tables: Readonly<Record<keyof RuleTables, string>> = {
  folders:
    "id varchar(40) primary key, owner_id varchar(40), parent_id varchar(40), name varchar(40)",
  notes: "id varchar(40) primary key, folder_id varchar(40), body varchar(80), revision integer",
  stamped:
    "id varchar(40) primary key, body varchar(40), big bigint, created_by varchar(40), updated_by varchar(40), deleted_at varchar(40)",
  folder_members: "id varchar(40) primary key, folder_id varchar(40), user_id varchar(40)",
  pairs: "a varchar(40), b varchar(40), owner_id varchar(40), body varchar(40), primary key (a, b)",
};
const names = Object.keys(tables) as (keyof RuleTables)[];

/** With its server's own collation, where there is one: on MariaDB and MySQL one that takes `a` for `A`. */
export async function createRuleTables({ db }: TestDatabase): Promise<Kysely<RuleSchema>> {
  for (const name of names) await sql.raw(`create table ${name} (${tables[name]})`).execute(db);
  return db as unknown as Kysely<RuleSchema>;
}

export async function emptyRuleTables(db: Kysely<RuleSchema>): Promise<void> {
  await empty(db, names);
}
