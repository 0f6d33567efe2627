/** How SQLite inserts a row, and how it writes several in one statement. */
import { type RawBuilder, sql } from "kysely";
import type { LockingDialect } from "../rows/lock-row.js";
import { beginInsert } from "../rows/or-abort.js";
import { scoped, verdict } from "../rows/statements.js";
import type { RunStatements } from "../rows/target.js";
import { asNumber } from "../select.js";
import { same } from "./operators.js";

export const locking: LockingDialect = {
  returning: true,
  text: (reference) => sql`cast(${reference} as text)`,
  insert: async (tx, target, { values }) => {
    const { key, scope, traits } = target;
    const statement = beginInsert(tx, target).values({ ...values, ...key });
    const returned = scope === undefined ? [sql<number>`1`.as("ok")] : verdict(scope, traits);
    // Changed rows of a view are not counted, but returned.
    const [row] = await statement.returning(returned).execute();
    return row === undefined ? { count: 0n } : { count: 1n, row };
  },
  same,
};

/** PUTs of several rows in one statement, which returns a row for each row that was written. */
export const runs: RunStatements = {
  least: 2,
  // Older versions allow only 999 parameters.
  mostParameters: 900,
  put: (db, target, columns, changed, rows) => {
    const { key, scope } = target;
    const names = changed.length > 0 ? changed : Object.keys(key);
    const changes: Record<string, RawBuilder<unknown>> = Object.fromEntries(
      names.map((name) => [name, sql`${sql.id("excluded", name)}`]),
    );
    const ok = scope?.rowOnly === true ? asNumber(scope.filter) : sql<number>`1`;
    return beginInsert(db, target)
      .columns([...columns])
      .expression(sql<never>`values ${rows}`)
      .onConflict((conflict) =>
        scoped(conflict.columns(Object.keys(key)).doUpdateSet(changes), target),
      )
      .returning(ok.as("ok"));
  },
  isPut: ({ rows }, number) =>
    rows.length === number &&
    (rows as readonly { readonly ok: unknown }[]).every(({ ok }) => Number(ok) === 1),
};
