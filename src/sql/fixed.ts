/** What a row that is there must hold, beside its scope: a write changes nothing where it holds something else, and is refused by what that is. */
import { type Expression, sql, type SqlBool } from "kysely";
import { ColumnsFixed } from "../store/failures.js";
import { MergeRefused } from "../store/merge.js";
import type { SqlTransaction, Target } from "./dialect.js";
import { any } from "./owned.js";
import { locked, type RowLock } from "./row-lock.js";
import { isRow, judgment } from "./judgment.js";

/** The statement changes nothing where the row holds other values in columns that are set once, or does not take the write. */
export function unchanging<Q extends { where(filter: Expression<SqlBool>): Q }>(
  statement: Q,
  target: Target,
): Q {
  const { guards = [] } = target;
  const fixed = fixedFilters(target).reduce((all, [, filter]) => all.where(filter), statement);
  return guards.reduce((all, { filter }) => all.where(filter), fixed);
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
 * @param lock of the SELECT
 * @throws ColumnsFixed, MergeRefused
 */
export async function throwIfFixed(
  tx: SqlTransaction,
  target: Target,
  lock?: RowLock,
): Promise<void> {
  const { guards = [] } = target;
  const filters = fixedFilters(target);
  if (filters.length + guards.length === 0) return;
  const asking = tx
    .selectFrom(target.table)
    .select([
      ...filters.map(([, filter], index) => judgment(filter).as(`f${index}`)),
      ...guards.map(({ filter }, index) => judgment(filter).as(`g${index}`)),
    ])
    .where(isRow(target));
  const [row] = await locked(asking, lock).execute();
  if (row === undefined) return;
  const held: Readonly<Record<string, unknown>> = row;
  const fails = (name: string) => Number(held[name]) !== 1;
  const others = filters.flatMap(([name], index) => (fails(`f${index}`) ? [name] : []));
  if (others.length > 0) throw new ColumnsFixed(others);
  const refusals = guards.filter((_, index) => fails(`g${index}`)).map(({ effect }) => effect);
  if (refusals.length > 0)
    throw new MergeRefused(refusals.includes("conflict") ? "conflict" : "outdated");
}
