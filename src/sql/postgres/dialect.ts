/** Postgres, by `pg` or PGlite. */
import { CompiledQuery, type RawBuilder, sql } from "kysely";
import { abandonment } from "../abandonment.js";
import type { Dialect, StatementBounds } from "../dialect.js";
import { returningRows } from "../statements.js";
import { meaning, taken } from "./errors.js";
import { owners } from "./owners.js";
import { become, inspect } from "./rls.js";
import { access, comparable, fingerprint, readColumns, readConstraints } from "./schema.js";
import { convert } from "./values.js";
import { view } from "./view.js";
import { postgresFamily } from "./family.js";

/** The last one is for a process or a network that goes without a word: what it has locked is free again in time. */
function bounds({ lockMs, statementMs }: StatementBounds): RawBuilder<unknown> {
  return sql`
    select set_config('lock_timeout', ${`${lockMs}ms`}, true),
      set_config('statement_timeout', ${`${statementMs}ms`}, true),
      set_config('TimeZone', 'UTC', true),
      set_config('idle_in_transaction_session_timeout', ${`${statementMs}ms`}, true)
  `;
}

export const postgres: Dialect = {
  name: "postgres",
  rows: returningRows,
  types: postgresFamily.types,
  readColumns,
  readConstraints,
  convert,
  view,
  owners,
  rowSecurity: { become, inspect },
  // The weakest that keeps the row as it is: rows that refer to it can still come.
  rowLock: sql`for no key update`,
  fingerprint,
  comparable,
  access,
  meaning,
  taken,
  bound: async (tx, timeouts) => {
    await bounds(timeouts).execute(tx);
  },
  bounds,
  abandon: async (connection) => {
    await connection.executeQuery(CompiledQuery.raw(abandonment));
  },
};
