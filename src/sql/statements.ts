/** What it takes to change one row. Names come from rules and schema alone. */
import { type Expression, sql, type SqlBool } from "kysely";
import type { SqlTransaction, Target } from "./dialect.js";
import { Contention } from "../store/failures.js";
import type { Effect, Values } from "../store/store.js";

/** What was decided when there was no such row is to be decided again. */
export function appeared(): Contention {
  return new Contention("The row was not there when context.stored() was asked, and now it is.");
}

/** Where the row stands now: in scope (`written`), outside it, or nowhere. */
export async function probe(tx: SqlTransaction, target: Target, lock = false): Promise<Effect> {
  const row = await probing(tx, target, lock).executeTakeFirst();
  if (row === undefined) return "absent";
  return target.scope === undefined || holds(row.ok) ? "written" : "foreign";
}

/** The statement that asks. */
export function probing(tx: SqlTransaction, target: Target, lock: boolean) {
  const { table, scope } = target;
  const ok = scope === undefined ? sql<number>`1` : judgment(scope.filter);
  const statement = tx
    .selectFrom(table)
    .select([ok.as("ok")])
    .where(isRow(target));
  return lock ? statement.forUpdate() : statement;
}

/** A number: a filter that is a bare parameter would come back as whatever the driver makes of it. */
export function judgment(filter: Expression<SqlBool>) {
  return sql<number>`case when ${filter} then 1 else 0 end`;
}

/** Drivers give a boolean as such, as a number, as a bigint or as its digits. */
export function holds(ok: unknown): boolean {
  return ok === true || ok === 1 || ok === 1n || ok === "1";
}

/** The filter that finds the row. */
export function isRow({ key }: Target): Expression<SqlBool> {
  const parts = Object.entries(key).map(([column, value]) => sql`${sql.id(column)} = ${value}`);
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}

/** An UPDATE must set something: the key to itself changes nothing, and still locks and judges the row. */
export function nonEmpty(key: Values, values: Values): Values {
  if (Object.keys(values).length > 0) return values;
  return Object.fromEntries(Object.keys(key).map((column) => [column, sql`${sql.id(column)}`]));
}
