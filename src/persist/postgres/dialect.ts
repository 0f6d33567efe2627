/** Postgres, by `pg` or PGlite. */
import { sql } from "kysely";
import type { Dialect } from "../dialect.js";
import { readColumns } from "./columns.js";
import { convert } from "./convert.js";
import { meaning } from "./sqlstate.js";

export const postgres: Dialect = {
  name: "postgres",
  readColumns,
  convert,
  meaning,
  lockForMigration: async (tx) => {
    // CREATE TABLE IF NOT EXISTS alone fails where two processes run it at once.
    await sql`select pg_advisory_xact_lock(hashtext('powersync-writes'))`.execute(tx);
  },
};
