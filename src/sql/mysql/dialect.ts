/** MySQL and MariaDB, by `mysql2` and Kysely's MysqlDialect. */
import { sql } from "kysely";
import type { Database, Dialect } from "../dialect.js";
import { lockingRows } from "../statements-locking.js";
import { access, fingerprint, readColumns, readConstraints } from "./schema.js";
import { convert, sameText } from "./values.js";
import { meaning } from "./errors.js";
import { prepare } from "./session.js";

export const mysql: Dialect = {
  name: "mysql",
  rows: lockingRows(meaning),
  // At the server's own REPEATABLE READ, looking for a row that is not there yet would lock the gap, against everybody else who inserts one.
  isolation: "read committed",
  insertIgnore: true,
  types: {
    // TEXT ends at 64 kB, and escaped text is up to six times as long.
    text: sql`mediumtext`,
    longText: sql`longtext`,
    timestamp: sql`timestamp(6)`,
    now: sql`current_timestamp(6)`,
    ago: (ms) => sql`current_timestamp(6) - interval ${Math.round(ms * 1000)} microsecond`,
    iso: (column) => sql`date_format(${column}, '%Y-%m-%dT%H:%i:%s.%fZ')`,
    at: (iso) => sql`${iso.slice(0, -1).replace("T", " ")}`,
    // Transactions and exact comparison, whatever the server's and the database's defaults are.
    options: sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin`,
  },
  readColumns,
  readConstraints,
  convert,
  // By its settings the driver rounds what is beyond 2^53.
  exact: (reference, { type }) => (type === "bigint" ? sql`cast(${reference} as char)` : reference),
  rowLock: sql`for update`,
  sameText,
  fingerprint,
  access,
  meaning,
  prepare,
  // Kysely destroys mysql2's connection first; and then it is offered none to send a KILL through.
  abandon: async (connection) => connection.killSession?.(async () => {}),
  migrate,
  alreadyThere,
};

// Changes of the schema, where each commits at once: one process after the other, and what an interrupted one has done is not done again.
const lock = "powersync-writes";
const waitSeconds = 30;

/** The lock is the connection's, and ends with it. Its name is for the whole server, so the database's name goes into it, cut to what fits. */
async function migrate(db: Database, run: (on: Database) => Promise<void>): Promise<void> {
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
