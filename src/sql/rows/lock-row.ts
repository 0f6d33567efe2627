/** Finds, locks and judges a row before it is written, and decides what it means if the statement then changes nothing. */
import { type Expression, sql, type SqlBool } from "kysely";
import { retryable } from "../../errors.js";
import type { Effect, Values } from "../../store/store.js";
import type { RowLock } from "../dialect.js";
import { selectInScope, withLock } from "../select.js";
import type { SqlTransaction, Verb } from "../table.js";
import { isTrue, probe } from "./statements.js";
import type { Put, SameValue, Target } from "./target.js";

/** What differs between databases when a row is locked before it is written. */
export interface LockingDialect {
  /** The lock of the SELECT. Absent: nobody else can write in the meantime. */
  lock?(verb: Verb): RowLock;
  /** Whether statements can return what they have written, and triggers can skip rows. */
  readonly returning: boolean;
  /** Whether the number of changed rows may include rows that triggers changed, and rows that an INSTEAD OF trigger did not change. Absent: it is exact. */
  readonly uncounted?: true;
  /** A column's value as text. */
  text(reference: Expression<unknown>): Expression<string>;
  /** Prevents others from creating the row. Absent: the database itself does. */
  reserve?(tx: SqlTransaction, target: Target): Promise<void>;
  /**
   * Sends the INSERT. If the row's key is taken although the row was just looked for, it throws Contention: the row has appeared, so the transaction is
   * tried again and changes it.
   *
   * @returns how many rows were inserted; or `hidden`, where it was tried again, and the row still can't be seen
   */
  insert(tx: SqlTransaction, target: Target, put: NewRow): Promise<InsertOutcome>;
  readonly same: SameValue;
  /** Identifies the version of a row, and whether this transaction made it. Absent: the database has no policies. */
  readonly version?: { readonly of: Expression<unknown>; readonly ours: Expression<SqlBool> };
}

type NewRow = Pick<Put, "values" | "neverChanges">;

export type InsertOutcome =
  | { readonly count: bigint; readonly row?: { readonly ok: number | null } }
  | "hidden";

interface Found {
  readonly effect: Effect;
  /** The row's parents before the write, if they can't be read after it. */
  readonly parents?: Values;
}

/** The lock of a SELECT that must see the current row, even if the transaction reads from an older snapshot. */
export function rowLockOf(
  { traits }: Target,
  locking: LockingDialect,
  verb: Verb = "update",
): RowLock | undefined {
  return traits?.lockable === false ? undefined : locking.lock?.(verb);
}

/** Locks the row and judges it. */
export async function lockRow(
  tx: SqlTransaction,
  target: Target,
  locking: LockingDialect,
  verb: Verb,
): Promise<Found> {
  const { traits } = target;
  const lock = rowLockOf(target, locking, verb);
  const found = await lockOnce(tx, target, locking, lock);
  if (found.effect !== "absent" || lock === undefined || !traits?.rowSecurity) return found;
  // FOR UPDATE also applies the policies for UPDATE. A row that only they hide is visible to a plain SELECT.
  const shown = await probe(tx, target);
  if (shown !== "written") return { effect: shown };
  // Unless the row appeared between the two statements.
  const again = await lockOnce(tx, target, locking, lock);
  return again.effect === "absent" ? { effect: "refused" } : again;
}

async function lockOnce(
  tx: SqlTransaction,
  target: Target,
  { returning, text }: LockingDialect,
  lock: RowLock | undefined,
): Promise<Found> {
  const { scope, traits } = target;
  // A write that returns the row returns its parents as well.
  const isReturned = returning && !traits?.rewritten.has("update");
  const parents = isReturned ? [] : (scope?.parts?.parents ?? []);
  const asking = selectInScope(tx, target).select(
    parents.map(({ column }) => sql<unknown>`${text(sql.id(column))}`.as(`of ${column}`)),
  );
  const rows = await withLock(asking, lock).execute();
  const [row] = rows;
  if (row === undefined) return { effect: "absent" };
  // If nothing makes the key unique, the statement would change all rows that have it.
  if (scope !== undefined && !rows.every(({ ok }) => isTrue(ok))) return { effect: "foreign" };
  const named = row as Values;
  return {
    effect: "written",
    parents: Object.fromEntries(parents.map(({ column }) => [column, named[`of ${column}`]])),
  };
}

/** Explains a statement that changed nothing, although the row was locked and in its scope, or did not exist. */
export async function whyUnchanged(
  tx: SqlTransaction,
  target: Target,
  verb: Verb,
): Promise<Effect> {
  const { traits, lessons } = target;
  if (traits?.lockable === false && verb !== "insert" && (await probe(tx, target)) === "absent")
    return "absent";
  // The trigger may have been created after the table was read.
  const known = traits?.declining.has(verb) ? traits : await target.readTraits();
  if (known?.declining.has(verb) !== true)
    throw retryable("Others are changing the row right now.");
  lessons.lockFirst.add(verb);
  return "declined";
}
