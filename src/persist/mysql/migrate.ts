/** Changes of the schema, where each commits at once: one process after the other, and what an interrupted one has done is not done again. */
import { sql } from "kysely";
import type { Database } from "../dialect.js";

const lock = "powersync-writes";
const waitSeconds = 30;

/** The lock is the connection's, and ends with it. Its name is for the whole server, so the database's name goes into it, cut to what fits. */
export async function migrate(db: Database, run: (on: Database) => Promise<void>): Promise<void> {
  const name = sql`left(concat(${lock}, ' ', coalesce(database(), '')), 64)`;
  await db.connection().execute(async (on) => {
    const { rows } = await sql<{
      locked: unknown;
    }>`select get_lock(${name}, ${waitSeconds}) as locked`.execute(on.withoutPlugins());
    if (Number(rows[0]?.locked) !== 1) {
      throw new Error("Another process is still making the library's tables.");
    }
    try {
      await run(on);
    } finally {
      // What fails here is a connection that is lost anyway, and the lock with it.
      await sql`select release_lock(${name})`.execute(on).catch(() => undefined);
    }
  });
}

/** A column, an index. Tables are made IF NOT EXISTS. */
const duplicates: ReadonlySet<number> = new Set([1060, 1061]);

export function alreadyThere(error: unknown): boolean {
  return (
    error instanceof Error &&
    "errno" in error &&
    typeof error.errno === "number" &&
    duplicates.has(error.errno)
  );
}
