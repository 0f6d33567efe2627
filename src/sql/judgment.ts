/** Finds a row by its key, and evaluates filters on it. */
import { type Expression, sql, type SqlBool } from "kysely";
import type { SqlDatabase, Target } from "./dialect.js";

/** Selects whether the row exists and is in its scope. */
export function probing(tx: SqlDatabase, target: Target) {
  const { table, scope } = target;
  const ok = scope === undefined ? sql<number>`1` : judgment(scope.filter);
  return tx
    .selectFrom(table)
    .select([ok.as("ok")])
    .where(isRow(target));
}

/** The filter as 1 or 0. A filter that is only a parameter would be returned in whatever form the driver gives it. */
export function judgment(filter: Expression<SqlBool>) {
  return sql<number>`case when ${filter} then 1 else 0 end`;
}

/** The filter that finds the row. */
export function isRow({ key }: Pick<Target, "key">): Expression<SqlBool> {
  const parts = Object.entries(key).map(([column, value]) => sql`${sql.id(column)} = ${value}`);
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}
