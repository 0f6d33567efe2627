/** Postgres, as far as it must be known before a database is used: by which adapter Kysely names it, and how the library's own tables are made. */
import { PostgresAdapter, sql } from "kysely";
import type { Family } from "../family.js";

export const postgresFamily: Family = {
  name: "postgres",
  // PGlite's adapter is derived from it.
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
    // At READ COMMITTED, whatever the default is: what others have made while this one waited for the lock must be seen.
    db
      .transaction()
      .setIsolationLevel("read committed")
      .execute(async (tx) => {
        // CREATE TABLE IF NOT EXISTS alone fails where two processes run it at once.
        await sql`select pg_advisory_xact_lock(hashtext('powersync-writes'))`.execute(tx);
        await run(tx);
      }),
};
