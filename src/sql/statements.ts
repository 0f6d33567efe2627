/** Statements that change and judge one row, for databases with ON CONFLICT and RETURNING; and the pieces that other databases' share. Names come from rules and schema alone. */
import { type Expression, type RawBuilder, sql, type SqlBool } from "kysely";
import type { BoundScope, Put, RowStatements, SqlTransaction, Target } from "./dialect.js";
import { Contention } from "../store/failures.js";
import type { Effect, Values } from "../store/store.js";
import { retryable } from "../errors.js";

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
function judgment(filter: Expression<SqlBool>) {
  return sql<number>`case when ${filter} then 1 else 0 end`;
}

/** Drivers give a boolean as such, as a number, as a bigint or as its digits. */
function holds(ok: unknown): boolean {
  return ok === true || ok === 1 || ok === 1n || ok === "1";
}

/** The filter that finds the row. */
export function isRow({ key }: Pick<Target, "key">): Expression<SqlBool> {
  const parts = Object.entries(key).map(([column, value]) => sql`${sql.id(column)} = ${value}`);
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}

/** An UPDATE must set something: the key to itself changes nothing, and still locks and judges the row. */
export function nonEmpty(key: Values, values: Values): Values {
  if (Object.keys(values).length > 0) return values;
  return Object.fromEntries(Object.keys(key).map((column) => [column, sql`${sql.id(column)}`]));
}

/** How often a row that appears between a statement and the look at it is tried again. */
const tries = 3;

export const returningRows: RowStatements = {
  put: async (tx, target, put) => {
    // An INSERT is refused for a missing value before the database looks whether the row exists; so such a PUT tries the row first.
    const first =
      put.incomplete && !put.seenAbsent
        ? await repeated(tx, target, () => update(tx, target, put.changes))
        : "absent";
    return first === "absent" ? upsert(tx, target, put) : first;
  },
  patch: (tx, target, values) => repeated(tx, target, () => update(tx, target, values)),
  softDelete: (tx, target, values) =>
    repeated(tx, target, async () => {
      const { numUpdatedRows } = await scoped(
        updating(tx, target, values),
        target,
      ).executeTakeFirst();
      return numUpdatedRows > 0n ? "written" : "absent";
    }),
  remove: (tx, target) =>
    repeated(tx, target, async () => {
      const statement = tx.deleteFrom(target.table).where(isRow(target));
      const { numDeletedRows } = await scoped(statement, target).executeTakeFirst();
      return numDeletedRows > 0n ? "written" : "absent";
    }),
};

async function upsert(tx: SqlTransaction, target: Target, put: Put): Promise<Effect> {
  const { values, changes, seenAbsent } = put;
  const { table, key, scope } = target;
  const statement = tx
    .insertInto(table)
    .values({ ...values, ...key })
    .onConflict((conflict) => {
      const onKey = conflict.columns(Object.keys(key));
      return seenAbsent
        ? onKey.doNothing()
        : scoped(onKey.doUpdateSet(proposed(key, changes)), target);
    });
  if (scope === undefined) {
    const { numInsertedOrUpdatedRows } = await statement.executeTakeFirst();
    if (seenAbsent && numInsertedOrUpdatedRows === 0n) return judgeTaken(tx, target, put);
    return "written";
  }
  const rows = await statement.returning([verdict(scope)]).execute();
  if (seenAbsent && rows.length === 0) return judgeTaken(tx, target, put);
  // No row comes back where the stored one did not satisfy the scope: it was left as it was.
  return judged(tx, target, rows, "foreign");
}

/** There is a row where there was none. One that still can't be seen is hidden by a policy of the database's, which is to refuse it in its own words. */
async function judgeTaken(tx: SqlTransaction, target: Target, put: Put): Promise<Effect> {
  if ((await probe(tx, { ...target, scope: undefined })) !== "absent") throw appeared();
  return upsert(tx, target, { ...put, seenAbsent: false });
}

async function update(tx: SqlTransaction, target: Target, values: Values): Promise<Effect> {
  const { scope } = target;
  const statement = updating(tx, target, values);
  if (scope === undefined) {
    const { numUpdatedRows } = await statement.executeTakeFirst();
    return numUpdatedRows > 0n ? "written" : "absent";
  }
  const rows = await scoped(statement, target)
    .returning([verdict(scope)])
    .execute();
  return judged(tx, target, rows, "absent");
}

function updating(tx: SqlTransaction, target: Target, values: Values) {
  return tx.updateTable(target.table).set(nonEmpty(target.key, values)).where(isRow(target));
}

function scoped<Q extends { where(filter: Expression<SqlBool>): Q }>(
  statement: Q,
  { scope }: Target,
): Q {
  return scope === undefined ? statement : statement.where(scope.filter);
}

/** Nothing was changed: because there is no such row, because it is foreign, or because it has only just appeared? */
async function repeated(
  tx: SqlTransaction,
  target: Target,
  statement: () => Promise<Effect>,
): Promise<Effect> {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const effect = await statement();
    if (effect !== "absent" || target.scope === undefined) return effect;
    const now = await probe(tx, target);
    if (now !== "written") return now;
  }
  throw retryable("The row is being changed by others just now.");
}

type VerdictRow = { readonly ok: number | null };

/** A scope that reads other tables sees them as they were before the statement, so it is asked again after it. */
function verdict({ filter, rowOnly }: BoundScope) {
  const ok: Expression<number | null> = rowOnly ? judgment(filter) : sql<null>`null`;
  return sql<number | null>`${ok}`.as("ok");
}

async function judged(
  tx: SqlTransaction,
  target: Target,
  [row]: readonly VerdictRow[],
  none: Effect,
): Promise<Effect> {
  if (row === undefined) return none;
  const within = target.scope?.rowOnly ? holds(row.ok) : (await probe(tx, target)) === "written";
  return within ? "written" : "left";
}

function proposed(key: Values, values: Values): Record<string, RawBuilder<unknown>> {
  const columns = Object.keys(nonEmpty(key, values));
  return Object.fromEntries(columns.map((column) => [column, sql`${sql.id("excluded", column)}`]));
}
