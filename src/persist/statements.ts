/** The statements that change one row, for databases with ON CONFLICT and RETURNING. Names come from rules and schema alone. */
import { type Expression, type RawBuilder, type SqlBool, sql } from "kysely";
import type { Connection } from "./dialect.js";
import type { BoundScope } from "./scope.js";

/** One row, and what must hold for it. */
export interface Target {
  readonly table: string;
  readonly key: string;
  readonly id: unknown;
  readonly scope: BoundScope | undefined;
}

export type Values = Readonly<Record<string, unknown>>;

/** `foreign`: a row outside the scope, before or after the statement. `absent`: there is no such row. */
export type Effect = "written" | "foreign" | "absent";

/**
 * Inserts the row, or changes the given columns of the one that has its key; any other unique constraint stays a violation.
 * One statement, and a second where the scope reads other tables.
 */
export async function upsert(tx: Connection, target: Target, values: Values): Promise<Effect> {
  const { table, key, id, scope } = target;
  const statement = tx
    .insertInto(table)
    .values({ ...values, [key]: id })
    .onConflict((conflict) => {
      const update = conflict.column(key).doUpdateSet(proposed(key, values));
      return scope === undefined ? update : update.where(scope.filter);
    });
  if (scope === undefined) {
    await statement.execute();
    return "written";
  }
  // No row comes back where the stored one did not satisfy the scope: it was left as it was.
  return judged(tx, target, await statement.returning([verdict(scope)]).execute(), "foreign");
}

/** Changes columns of the row that has the key. One statement; more where the scope reads other tables, or nothing was changed. */
export async function update(tx: Connection, target: Target, values: Values): Promise<Effect> {
  const { table, key, id, scope } = target;
  const statement = tx.updateTable(table).set(nonEmpty(key, values)).where(sql.id(key), "=", id);
  if (scope === undefined) {
    const { numUpdatedRows } = await statement.executeTakeFirst();
    return numUpdatedRows > 0n ? "written" : "absent";
  }
  const rows = await statement
    .where(scope.filter)
    .returning([verdict(scope)])
    .execute();
  return judged(tx, target, rows, "absent");
}

/** A soft delete: only the stored row must be in scope, the row after it may have left. */
export async function updateDeleted(
  tx: Connection,
  target: Target,
  values: Values,
): Promise<Effect> {
  const { table, key, id, scope } = target;
  const statement = tx.updateTable(table).set(nonEmpty(key, values)).where(sql.id(key), "=", id);
  const scoped = scope === undefined ? statement : statement.where(scope.filter);
  const { numUpdatedRows } = await scoped.executeTakeFirst();
  return numUpdatedRows > 0n ? "written" : "absent";
}

export async function remove(tx: Connection, target: Target): Promise<Effect> {
  const { table, key, id, scope } = target;
  const statement = tx.deleteFrom(table).where(sql.id(key), "=", id);
  const scoped = scope === undefined ? statement : statement.where(scope.filter);
  const { numDeletedRows } = await scoped.executeTakeFirst();
  return numDeletedRows > 0n ? "written" : "absent";
}

/** Where the row stands now: in scope (`written`), outside it, or nowhere. */
export async function probe(tx: Connection, target: Target, scope: BoundScope): Promise<Effect> {
  const row = await tx
    .selectFrom(target.table)
    .select([sql<SqlBool | null>`${scope.filter}`.as("ok")])
    .where(sql.id(target.key), "=", target.id)
    .executeTakeFirst();
  if (row === undefined) return "absent";
  return holds(row.ok) ? "written" : "foreign";
}

type Verdict = { readonly ok: SqlBool | null };

/** A scope that reads other tables sees them as they were before the statement, so it is asked again after it. */
function verdict({ filter, rowOnly }: BoundScope) {
  const ok: Expression<SqlBool | null> = rowOnly ? filter : sql<null>`null`;
  return sql<SqlBool | null>`${ok}`.as("ok");
}

async function judged(
  tx: Connection,
  target: Target,
  rows: readonly Verdict[],
  none: Effect,
): Promise<Effect> {
  const [row] = rows;
  if (row === undefined) return none;
  if (target.scope === undefined || target.scope.rowOnly)
    return holds(row.ok) ? "written" : "foreign";
  return (await probe(tx, target, target.scope)) === "written" ? "written" : "foreign";
}

function holds(ok: SqlBool | null): boolean {
  return ok === true || ok === 1;
}

function proposed(key: string, values: Values): Record<string, RawBuilder<unknown>> {
  const columns = Object.keys(nonEmpty(key, values));
  return Object.fromEntries(columns.map((column) => [column, sql`${sql.id("excluded", column)}`]));
}

/** An UPDATE must set something: the key to itself changes nothing, and still locks and judges the row. */
function nonEmpty(key: string, values: Values): Record<string, unknown> {
  return Object.keys(values).length > 0 ? { ...values } : { [key]: sql`${sql.id(key)}` };
}
