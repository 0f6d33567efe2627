/** The demo's tables: as Kysely's types, and as they are made at the start. */
import { type ColumnType, type Kysely, sql } from "kysely";
import { createTables } from "../../src/index.js";

export interface Database {
  lists: {
    id: string;
    name: string | null;
    owner_id: string | null;
    created_at: ColumnType<Date | null, Date | string | null | undefined>;
    settings: ColumnType<unknown, string | null | undefined>;
    labels: string[] | null;
  };
  todos: {
    id: string;
    list_id: string | null;
    description: string;
    completed: boolean | null;
    position: number | null;
    created_at: ColumnType<Date | null, Date | string | null | undefined>;
  };
}

const statements = [
  sql`create table if not exists lists (
    id uuid primary key,
    name text,
    owner_id text,
    created_at timestamptz default now(),
    settings jsonb,
    labels text[]
  )`,
  // Some clients delete a list alone and leave its todos to the database.
  sql`create table if not exists todos (
    id uuid primary key,
    list_id uuid references lists (id) on delete cascade,
    description text not null,
    completed boolean,
    position double precision,
    created_at timestamptz default now()
  )`,
  // Every write of a todo looks for its list, and every deletion of a list for its todos.
  sql`create index if not exists todos_list_id on todos (list_id)`,
];

// Two processes that start together both find no table and both create it; this lock lets one go first.
const creating = 8_273_465_190n;

async function createSchema(db: Kysely<Database>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${creating})`.execute(tx);
    for (const statement of statements) await statement.execute(tx);
  });
  await createTables(db);
}

/**
 * Makes the tables, trying again until the database is there. Resolves to false where `signal` ended it before.
 *
 * @param onFailure told about each failed attempt and the wait before the next
 */
export async function prepare(
  db: Kysely<Database>,
  signal: AbortSignal,
  onFailure: (error: unknown, nextMs: number) => void,
): Promise<boolean> {
  for (let delay = 250; !signal.aborted; delay = Math.min(delay * 2, 10_000)) {
    try {
      await createSchema(db);
      return true;
    } catch (error) {
      if (signal.aborted) break;
      onFailure(error, delay);
      await pause(delay, signal);
    }
  }
  return false;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
