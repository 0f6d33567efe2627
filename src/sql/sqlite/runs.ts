/** PUTs of several rows in one statement, on SQLite. It returns a row for each row that was written. */
import { type RawBuilder, sql } from "kysely";
import type { RunStatements } from "../dialect.js";
import { judgment } from "../judgment.js";
import { holds, scoped } from "../statements.js";

export const runs: RunStatements = {
  least: 2,
  // Older versions allow only 999 parameters.
  mostParameters: 900,
  put: (tx, target, columns, changed, rows) => {
    const { table, key, scope } = target;
    const names = changed.length > 0 ? changed : Object.keys(key);
    const changes: Record<string, RawBuilder<unknown>> = Object.fromEntries(
      names.map((name) => [name, sql`${sql.id("excluded", name)}`]),
    );
    const ok = scope?.rowOnly === true ? judgment(scope.filter) : sql<number>`1`;
    return tx
      .insertInto(table)
      .columns([...columns])
      .expression(sql<never>`values ${rows}`)
      .onConflict((conflict) =>
        scoped(conflict.columns(Object.keys(key)).doUpdateSet(changes), target),
      )
      .returning(ok.as("ok"));
  },
  isPut: ({ rows }, number) =>
    rows.length === number &&
    (rows as readonly { readonly ok: unknown }[]).every(({ ok }) => holds(ok)),
};
