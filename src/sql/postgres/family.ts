/** Postgres before its dialect is loaded: Kysely's adapter, and how the library's own tables are created. */
import { PostgresAdapter, sql } from "kysely";
import type { Family } from "../family.js";

export const postgresFamily: Family = {
  name: "postgres",
  // PGlite's adapter is a subclass of it.
  adapter: PostgresAdapter,
  rowSecurity: true,
  deferral: true,
  types: {
    text: "text",
    longText: "text",
    timestamp: "timestamptz",
    now: sql`now()`,
    ago: (ms) => sql`now() - ${ms}::double precision * interval '1 millisecond'`,
    agoByStatement: (ms) =>
      sql`statement_timestamp() - ${ms}::double precision * interval '1 millisecond'`,
    iso: (column) => sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    at: (iso) => sql`${iso}::timestamptz`,
  },
  migrate: (db, run) =>
    // READ COMMITTED, so that tables that others created during the wait for the lock are visible.
    db
      .transaction()
      .setIsolationLevel("read committed")
      .execute(async (tx) => {
        // CREATE TABLE IF NOT EXISTS alone fails if two processes run it at the same time.
        await sql`select pg_advisory_xact_lock(hashtext('powersync-writes'))`.execute(tx);
        await run(tx);
      }),
};
