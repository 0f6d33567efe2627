/** The rows that are there before, and what all rows are in the end: of any database, through Kysely. */
import { createHash } from "node:crypto";
import { type Kysely, MysqlAdapter, PostgresAdapter, sql } from "kysely";
import type { Database } from "../../../examples/todolist/schema.js";
import { filled, listId, listRow, todoId, todoRow } from "./workloads.js";

const chunk = 500;

/** Empties all tables, fills those of the application, and lets the planner know: statements are planned for tables as they are in use. */
export async function fill(db: Kysely<Database>): Promise<void> {
  for (const table of [
    "powersync_ledger",
    "powersync_devices",
    "powersync_accounts",
    "powersync_named",
    "todos",
    "lists",
  ]) {
    await sql`delete from ${sql.table(table)}`.execute(db);
  }
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  // SQLite's and mysql2's drivers take no `true`; Postgres takes no 0.
  const boolean = isPostgres ? (value: number) => value === 1 : (value: number) => value;
  const time = (text: string) => (isPostgres || isMysql(db) ? new Date(text) : text);
  await inChunks(
    filled.lists,
    (number) => {
      const row = listRow(number);
      return { id: listId(number), ...row, created_at: time(row.created_at) };
    },
    (rows) =>
      db
        .insertInto("lists")
        .values(rows as never)
        .execute(),
  );
  await inChunks(
    filled.todos,
    (number) => {
      const row = todoRow(number, (number % filled.lists) + 1);
      return {
        id: todoId(number),
        ...row,
        completed: boolean(row.completed),
        created_at: time(row.created_at),
      };
    },
    (rows) =>
      db
        .insertInto("todos")
        .values(rows as never)
        .execute(),
  );
  if (isPostgres) await sql`vacuum analyze`.execute(db);
  else if (isMysql(db)) await sql`analyze table lists, todos`.execute(db);
  else await sql`analyze`.execute(db);
}

function isMysql(db: Kysely<Database>): boolean {
  return db.getExecutor().adapter instanceof MysqlAdapter;
}

async function inChunks(
  count: number,
  make: (number: number) => object,
  insert: (rows: readonly object[]) => Promise<unknown>,
): Promise<void> {
  for (let from = 1; from <= count; from += chunk) {
    const size = Math.min(chunk, count - from + 1);
    await insert(Array.from({ length: size }, (_, index) => make(from + index)));
  }
}

/** The same text for the same rows. */
export async function digestOfRows(db: Kysely<Database>): Promise<string> {
  const hash = createHash("sha256");
  for (const table of ["lists", "todos"] as const) {
    const rows = await db.selectFrom(table).selectAll().execute();
    const texts = rows.map((row) =>
      JSON.stringify({ ...row, created_at: new Date(row.created_at ?? 0).toISOString() }),
    );
    hash.update(`${table} ${rows.length}\n${texts.sort().join("\n")}`);
  }
  return hash.digest("hex");
}
