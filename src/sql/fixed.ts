/** Columns that a row keeps as it was made with: a write that would change one changes nothing, and is refused by their names. */
import { type Expression, sql, type SqlBool } from "kysely";
import { ColumnsFixed } from "../store/failures.js";
import type { SqlTransaction, Target } from "./dialect.js";
import { any } from "./owned.js";
import { isRow, judgment } from "./judgment.js";

/** The statement changes nothing where the row holds other values in columns that are set once. */
export function unchanging<Q extends { where(filter: Expression<SqlBool>): Q }>(
  statement: Q,
  target: Target,
): Q {
  return fixedFilters(target).reduce((all, [, filter]) => all.where(filter), statement);
}

/** By column. Its table's name in front of it, for behind ON CONFLICT it would be ambiguous. */
function fixedFilters({ table, columns, fixed }: Target): readonly [string, Expression<SqlBool>][] {
  return Object.entries(fixed?.values ?? {}).flatMap(([name, value]) => {
    const column = columns.get(name);
    if (fixed === undefined || column === undefined) return [];
    const same = fixed.same(any.ref(`${table}.${name}`), column, value);
    return [[name, sql<SqlBool>`(${same})`]];
  });
}

/**
 * Asked of a row that is there, in its scope, and has not been changed.
 *
 * @param lock stands behind the SELECT
 * @throws ColumnsFixed
 */
export async function throwIfFixed(
  tx: SqlTransaction,
  target: Target,
  lock?: Expression<unknown>,
): Promise<void> {
  const filters = fixedFilters(target);
  if (filters.length === 0) return;
  const asking = tx
    .selectFrom(target.table)
    .select(filters.map(([, filter], index) => judgment(filter).as(`f${index}`)))
    .where(isRow(target));
  const [row] = await (lock === undefined ? asking : asking.modifyEnd(lock)).execute();
  if (row === undefined) return;
  const others = filters.flatMap(([name], index) => (Number(row[`f${index}`]) === 1 ? [] : [name]));
  if (others.length > 0) throw new ColumnsFixed(others);
}
