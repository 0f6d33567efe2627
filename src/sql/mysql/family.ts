/** MySQL and MariaDB, as far as it must be known before a database is used: by which adapter Kysely names it, and how the library's own tables are made. */
import { MysqlAdapter, sql } from "kysely";
import type { SqlDatabase } from "../dialect.js";
import type { Family } from "../family.js";

const lock = "powersync-writes";
const waitSeconds = 30;

/** The lock is the connection's, and ends with it. Its name is for the whole server, so the database's name goes into it, cut to what fits. */
async function migrate(db: SqlDatabase, run: (on: SqlDatabase) => Promise<void>): Promise<void> {
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

function alreadyThere(error: unknown): boolean {
  return (
    error instanceof Error &&
    "errno" in error &&
    typeof error.errno === "number" &&
    duplicates.has(error.errno)
  );
}

export const mysqlFamily: Family = {
  name: "mysql",
  adapter: MysqlAdapter,
  rowSecurity: false,
  deferral: false,
  types: {
    // TEXT ends at 64 kB, and escaped text is up to six times as long.
    text: sql`mediumtext`,
    longText: sql`longtext`,
    timestamp: sql`timestamp(6)`,
    now: sql`current_timestamp(6)`,
    ago: (ms) => sql`current_timestamp(6) - interval ${Math.round(ms * 1000)} microsecond`,
    digits: (column) => sql`cast(${column} as char)`,
    iso: (column) => sql`date_format(${column}, '%Y-%m-%dT%H:%i:%s.%fZ')`,
    at: (iso) => sql`${iso.slice(0, -1).replace("T", " ")}`,
    // Transactions and exact comparison, whatever the server's and the database's defaults are.
    options: sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin`,
  },
  migrate,
  alreadyThere,
};
