/**
 * Finds out why a statement changed nothing: a column that is set once has another value, or a guard refused the write. If neither is the reason, or if
 * only the upsert was refused, the transaction is run again with the row locked first.
 */
import { type Expression, sql, type SqlBool } from "kysely";
import { MergeRefused } from "../../store/change.js";
import { ColumnsFixed, Contention } from "../../store/failures.js";
import type { Effect } from "../../store/store.js";
import type { Dialect, RowLock } from "../dialect.js";
import { asNumber, keyFilter, withLock } from "../select.js";
import { eb, type Lessons, type SqlTransaction } from "../table.js";
import type { Target } from "./target.js";

/** Adds filters, so that the statement changes nothing if the row has other values in columns that are set once, or a guard refuses the write. */
export function withConditions<Q extends { where(filter: Expression<SqlBool>): Q }>(
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
    const same = fixed.same(eb.ref(`${table}.${name}`), column, value);
    return [[name, sql<SqlBool>`(${same})`]];
  });
}

/**
 * Call it for a row that exists in its scope and was not changed by the write.
 *
 * @param lock of the SELECT
 * @throws ColumnsFixed, MergeRefused
 */
export async function throwIfRefused(
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
      ...filters.map(([, filter], index) => asNumber(filter).as(`f${index}`)),
      ...guards.map(({ filter }, index) => asNumber(filter).as(`g${index}`)),
    ])
    .where(keyFilter(target));
  const [row] = await withLock(asking, lock).execute();
  if (row === undefined) return;
  const held: Readonly<Record<string, unknown>> = row;
  const fails = (name: string) => Number(held[name]) !== 1;
  const others = filters.flatMap(([name], index) => (fails(`f${index}`) ? [name] : []));
  if (others.length > 0) throw new ColumnsFixed(others);
  const refusals = guards.filter((_, index) => fails(`g${index}`)).map(({ effect }) => effect);
  if (refusals.length > 0)
    throw new MergeRefused(refusals.includes("conflict") ? "conflict" : "outdated");
}

/** The application may have decided on the row's absence, so the transaction must run again. */
export function rowAppeared(): Contention {
  return new Contention("The row was not there when context.stored() was asked, and now it is.");
}

/**
 * Whether an upsert may have been refused although the INSERT or UPDATE alone would be accepted. Policies may accept the INSERT of a row that is not
 * visible yet. If the row exists, it is only changed, but the proposed row may lack a value, violate a CHECK, have a generated value that can't be
 * computed, or be refused by a trigger for INSERT, with whatever error the trigger or its statements raise.
 */
export function upsertAsksMore(
  { lockingRows, meaning }: Dialect,
  { traits, columns }: Target,
  error: unknown,
  incomplete: boolean,
): boolean {
  // If all rows are locked first, there is no upsert.
  if (lockingRows === undefined || traits === undefined) return false;
  const isTriggered = traits.declining.has("insert");
  switch (meaning(error)) {
    case "permission":
      return traits.stricterUpsert === true;
    case "NOT_NULL_VIOLATION":
      // For what the columns are known to require, an UPDATE has been tried first. They may require more by now.
      return traits.view || !incomplete;
    case "CHECK_VIOLATION":
      return true;
    case "INVALID_DATA":
      return isTriggered || [...columns.values()].some(({ generated }) => generated);
    case "CONSTRAINT_VIOLATION":
    case "FOREIGN_KEY_VIOLATION":
    case "UNIQUE_VIOLATION":
      return isTriggered;
    default:
      return false;
  }
}

/** How many writes are remembered: more than are run again at the same time. */
const mostUnexplained = 1_000;

/**
 * Makes the transaction run again, with the row locked and judged first.
 *
 * @param taken whether its key was taken, although no row was found
 */
export function retryLocked(target: Target, taken = false): Contention {
  const { unexplained } = target.lessons;
  if (unexplained.size >= mostUnexplained) unexplained.clear();
  const { operationIndex } = target;
  unexplained.set(writeName(target), taken ? { at: performance.now(), operationIndex } : undefined);
  return new Contention("The statement changed nothing, and it can't be told why.");
}

/** Whether the key was found taken before this transaction began, although no row is visible: then no concurrent insert is the reason. */
export function wasKeyTaken(target: Target): boolean | undefined {
  const { operationIndex, begunAt, lessons } = target;
  const taken = lessons.unexplained.get(writeName(target));
  return taken?.operationIndex === operationIndex ? taken.at < begunAt : undefined;
}

/** Whether the write was tried before, in a transaction that was rolled back. */
export function isUnexplained(write: Named, { unexplained }: Lessons): boolean {
  return unexplained.has(writeName(write));
}

/** Remembers what a write has shown that was unexplained before, and was made with the row locked first. */
export function learnFrom(target: Target, effect: Effect): void {
  const { op, traits, lessons } = target;
  if (lessons.unexplained.size === 0 || !isUnexplained(target, lessons)) return;
  // It stays unexplained, because a later write of the same transaction may be the one that was meant. But the key of this one was not taken.
  if (wasKeyTaken(target) !== undefined) lessons.unexplained.set(writeName(target), undefined);
  // Either there was contention, or the policies accept an INSERT but no upsert. Then more such rows may come.
  if (op === "PUT" && effect === "written" && traits?.stricterUpsert)
    lessons.lockFirst.add("insert");
}

type Named = Pick<Target, "op" | "key">;

/** Identifies the write among those of its table. */
function writeName({ op, key }: Named): string {
  return JSON.stringify([op, ...Object.values(key).map(String)]);
}
