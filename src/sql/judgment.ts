/** How a row is found by its key, and asked whether a filter holds for it. */
import { type Expression, sql, type SqlBool } from "kysely";
import type { SqlDatabase, Target } from "./dialect.js";

/** Asks whether the row is there, and in its scope. */
export function probing(tx: SqlDatabase, target: Target) {
  const { table, scope } = target;
  const ok = scope === undefined ? sql<number>`1` : judgment(scope.filter);
  return tx
    .selectFrom(table)
    .select([ok.as("ok")])
    .where(isRow(target));
}

/** A number: a filter that is a bare parameter would come back as whatever the driver makes of it. */
export function judgment(filter: Expression<SqlBool>) {
  return sql<number>`case when ${filter} then 1 else 0 end`;
}

/** The filter that finds the row. */
export function isRow({ key }: Pick<Target, "key">): Expression<SqlBool> {
  const parts = Object.entries(key).map(([column, value]) => sql`${sql.id(column)} = ${value}`);
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}
