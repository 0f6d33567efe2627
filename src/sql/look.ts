/** A row is looked for, locked and judged before it is written; and what it means when nothing has been written then. */
import { type Expression, sql, type SqlBool } from "kysely";
import { retryable } from "../errors.js";
import type { Effect, Values } from "../store/store.js";
import type { Dialect, Put, SqlTransaction, Target } from "./dialect.js";
import type { Verb } from "./traits.js";
import { probing } from "./judgment.js";
import { locked, type RowLock } from "./row-lock.js";
import { holds, probe } from "./statements.js";

/** How a database does it. */
export interface Locking {
  /** Of the SELECT that looks. Absent: nobody else can write meanwhile. */
  lock?(verb: Verb): RowLock;
  /** A statement can give back what it has written, and triggers can pass over rows. */
  readonly returning: boolean;
  /** The number of rows that a statement has changed may hold what triggers have changed, and what a trigger in its place has not. Absent: it is exact. */
  readonly uncounted?: true;
  /** A column's value as text. */
  text(reference: Expression<unknown>): Expression<string>;
  /** Keeps others from making the row, where the database does not. Absent: it does. */
  reserve?(tx: SqlTransaction, target: Target): Promise<void>;
  /**
   * Sends the INSERT. Where the row's own key is taken, though it has just been looked for, it throws Contention: there is a row to change, and the
   * transaction is tried again.
   *
   * @returns how many rows were inserted; or `hidden`, where it was tried again, and the row still can't be seen
   */
  insert(tx: SqlTransaction, target: Target, put: InsertedPut): Promise<Inserted>;
  readonly same: Dialect["same"];
  /** By what one version of a row is told from the next, and whether one that has just been made is this transaction's. Absent: the database has no policies. */
  readonly version?: { readonly of: Expression<unknown>; readonly ours: Expression<SqlBool> };
}

type InsertedPut = Pick<Put, "values" | "neverChanges">;

export type Inserted =
  | { readonly count: bigint; readonly row?: { readonly ok: number | null } }
  | "hidden";

interface Found {
  readonly effect: Effect;
  /** What the row's parents are before it is written; where nothing tells it behind the write. */
  readonly parents?: Values;
}

/** The lock of a SELECT that looks at the row as it is, also where the transaction reads from an older snapshot. */
export function lockOf(
  { traits }: Target,
  locking: Locking,
  verb: Verb = "update",
): RowLock | undefined {
  return traits?.lockable === false ? undefined : locking.lock?.(verb);
}

/** Locks the row and judges it. */
export async function look(
  tx: SqlTransaction,
  target: Target,
  locking: Locking,
  verb: Verb,
): Promise<Found> {
  const { traits } = target;
  const lock = lockOf(target, locking, verb);
  const found = await lookOnce(tx, target, locking, lock);
  if (found.effect !== "absent" || lock === undefined || !traits?.rowSecurity) return found;
  // FOR UPDATE asks the policies for UPDATE, too. What they hide from it can be seen.
  const shown = await probe(tx, target);
  if (shown !== "written") return { effect: shown };
  // Unless it has come between the two.
  const again = await lookOnce(tx, target, locking, lock);
  return again.effect === "absent" ? { effect: "refused" } : again;
}

async function lookOnce(
  tx: SqlTransaction,
  target: Target,
  { returning, text }: Locking,
  lock: RowLock | undefined,
): Promise<Found> {
  const { scope, traits } = target;
  const told = returning && !traits?.rewritten.has("update");
  const parents = told ? [] : (scope?.parts?.parents ?? []);
  const asking = probing(tx, target).select(
    parents.map(({ column }) => sql<unknown>`${text(sql.id(column))}`.as(`of ${column}`)),
  );
  const [row] = await locked(asking, lock).execute();
  if (row === undefined) return { effect: "absent" };
  if (scope !== undefined && !holds(row.ok)) return { effect: "foreign" };
  const named = row as Values;
  return {
    effect: "written",
    parents: Object.fromEntries(parents.map(({ column }) => [column, named[`of ${column}`]])),
  };
}

/** The row was there, locked and in its scope, or there was none; and the statement has changed nothing. */
export async function declined(tx: SqlTransaction, target: Target, verb: Verb): Promise<Effect> {
  const { traits, lessons } = target;
  if (traits?.lockable === false && verb !== "insert" && (await probe(tx, target)) === "absent")
    return "absent";
  // A trigger may be younger than what has been read of the table.
  const known = traits?.declining.has(verb) ? traits : await target.look();
  if (known?.declining.has(verb) !== true)
    throw retryable("Others are changing the row right now.");
  lessons.careful.add(verb);
  return "declined";
}
