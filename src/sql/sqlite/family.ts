/** SQLite before its dialect is loaded: Kysely's adapter, and how the library's own tables are created. */
import { SqliteAdapter, sql } from "kysely";
import type { Family } from "../family.js";
import { migrateInTurn } from "./lock.js";

export const sqliteFamily: Family = {
  name: "sqlite",
  adapter: SqliteAdapter,
  rowSecurity: false,
  deferral: true,
  types: {
    text: "text",
    longText: "text",
    timestamp: "text",
    // The same form in which clients' timestamps are stored.
    now: sql`(strftime('%Y-%m-%d %H:%M:%f', 'now'))`,
    ago: (ms) => sql`strftime('%Y-%m-%d %H:%M:%f', 'now', ${`-${(ms / 1000).toFixed(3)} seconds`})`,
    iso: (column) => sql`replace(${column}, ' ', 'T') || 'Z'`,
    at: (iso) => sql`${iso.slice(0, -1).replace("T", " ")}`,
  },
  migrate: migrateInTurn,
};
