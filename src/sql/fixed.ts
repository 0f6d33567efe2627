/** Conditions on the stored row beside its scope: columns that are set once, and guards. If one fails, the write changes nothing and is refused. */
import { type Expression, sql, type SqlBool } from "kysely";
import { ColumnsFixed } from "../store/failures.js";
import { MergeRefused } from "../store/change.js";
import type { SqlTransaction, Target } from "./dialect.js";
import { any } from "./owned.js";
import { locked, type RowLock } from "./row-lock.js";
import { isRow, judgment } from "./judgment.js";

/** Adds filters, so that the statement changes nothing if the row has other values in columns that are set once, or a guard refuses the write. */
export function unchanging<Q extends { where(filter: Expression<SqlBool>): Q }>(
  statement: Q,
  target: Target,
): Q {
  const { guards = [] } = target;
  const fixed = fixedFilters(target).reduce((all, [, filter]) => all.where(filter), statement);
  return guards.reduce((all, { filter }) => all.where(filter), fixed);
}

/** The filters by column. Columns are qualified with the table, because bare names would be ambiguous after ON CONFLICT. */
function fixedFilters({ table, columns, fixed }: Target): readonly [string, Expression<SqlBool>][] {
  return Object.entries(fixed?.values ?? {}).flatMap(([name, value]) => {
    const column = columns.get(name);
    if (fixed === undefined || column === undefined) return [];
    const same = fixed.same(any.ref(`${table}.${name}`), column, value);
    return [[name, sql<SqlBool>`(${same})`]];
  });
}

/**
 * Call it for a row that exists in its scope and was not changed by the write.
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
