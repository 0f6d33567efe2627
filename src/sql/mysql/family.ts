/** MySQL and MariaDB before their dialect is loaded: Kysely's adapter, and how the library's own tables are created. */
import { MysqlAdapter, sql } from "kysely";
import type { Family } from "../family.js";
import type { SqlDatabase } from "../table.js";

const lock = "powersync-writes";
const waitSeconds = 30;

/** The lock belongs to the connection and ends with it. Lock names are global on a server, so the name contains the database's, cut to the allowed length. */
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
      // This only fails if the connection is lost, and then the lock is released anyway.
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
    ago: (ms) => sql`current_timestamp(6) - interval round(${ms} * 1000) microsecond`,
    digits: (column) => sql`cast(${column} as char)`,
    iso: (column) => sql`date_format(${column}, '%Y-%m-%dT%H:%i:%s.%fZ')`,
    at: (iso) => sql`${iso.slice(0, -1).replace("T", " ")}`,
    // Transactions and exact comparison, whatever the server's and the database's defaults are.
    options: sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin`,
  },
  migrate,
  alreadyThere,
};
