/**
 * Ends transactions of the library whose rest never arrives, because the network went silent or a process was stopped between the packets of a flight.
 * The server waits for the rest and holds locks. No time-out of the session applies then, except `transaction_timeout` of Postgres 17.
 */
import { sql } from "kysely";
import type { Stranded } from "../dialect.js";
import { codes } from "./errors.js";
import { quoted } from "./schema.js";

/** A wait for a lock, or a statement, has taken too long. */
const waited: ReadonlySet<string | undefined> = new Set(["55P03", "57014"]);

export const stranded: Stranded = {
  isSuspected: (error) => waited.has(codes(error)[0]),
  // A session is `active` until everything it was sent has been answered. A COPY is active, too, but may wait for its client as long as it likes.
  end: async (tx, tables, olderThanMs) => {
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity as session
      where datname = current_database() and usename = session_user and pid <> pg_backend_pid()
        and state = 'active' and wait_event = 'ClientRead' and query !~* '^\\s*copy\\M'
        and xact_start < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
        and exists (
          select from pg_locks as held where held.pid = session.pid and held.locktype = 'relation'
            and held.relation = any(array[${sql.join(tables.map((table) => sql`to_regclass(${quoted(table)})::oid`))}])
        )
    `.execute(tx);
  },
};
