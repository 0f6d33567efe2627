/** How Postgres locks and inserts a row before and while it is written. */
import { sql } from "kysely";
import type { LockingDialect } from "../rows/lock-row.js";
import { verdict } from "../rows/statements.js";
import type { Target } from "../rows/target.js";
import { wasKeyTaken, retryLocked } from "../rows/unchanged.js";
import { meaning, taken } from "./errors.js";
import { same } from "./operators.js";

/** The transaction's number, and the row's, which is only the lower half of one. */
const currentXid = sql`pg_current_xact_id()::text::numeric`;
const rowXid = sql`xmin::text::numeric`;
const xidCycle = sql.lit(2 ** 32);

export const locking: LockingDialect = {
  // The weakest sufficient lock: unless the row is deleted, others can still insert rows that refer to it.
  lock: (verb) => ({ behind: verb === "delete" ? sql`for update` : sql`for no key update` }),
  returning: true,
  text: (reference) => sql`cast(${reference} as text)`,
  // Nothing else prevents two concurrent INSERTs. The lock is a statement of its own, because only the next statement sees what was committed during the wait.
  reserve: async (tx, { table, key, traits }) => {
    const names = Object.keys(key);
    if (traits?.keys === undefined || traits.keys.some((each) => isSame(each, names))) return;
    const row = JSON.stringify([table, ...Object.values(key).map(String)]);
    await sql`select pg_advisory_xact_lock(hashtextextended(${row}, 0))`.execute(tx);
  },
  insert: async (tx, target, { values, neverChanges }) => {
    const { table, key, scope, traits } = target;
    const statement = tx.insertInto(table).values({ ...values, ...key });
    try {
      // Without a scope nothing has to be returned, and RETURNING would require the right to read the row.
      if (scope === undefined || traits?.rewritten.has("insert")) {
        const { numInsertedOrUpdatedRows = 0n } = await statement.executeTakeFirst();
        return { count: numInsertedOrUpdatedRows };
      }
      const [row] = await statement.returning(verdict(scope, traits)).execute();
      return row === undefined ? { count: 0n } : { count: 1n, row };
    } catch (error) {
      const ofKey = isOfKey(error, target);
      const { view = false, rowSecurity, readable } = traits ?? {};
      // The error names the table's columns, and a view's columns may have other names.
      if (meaning(error) !== "UNIQUE_VIOLATION" || !(ofKey || view)) throw error;
      const isBlind = Object.keys(key).some((name) => readable?.has(name) === false);
      if (neverChanges && isBlind) return "hidden";
      // Either the row was inserted after it was looked for, or it existed before this transaction and could not be seen.
      if (wasKeyTaken(target) !== true) throw retryLocked(target, true);
      if (ofKey && (view || rowSecurity)) return "hidden";
      // A trigger has changed the row's key, or another constraint of the view's table is violated.
      throw error;
    }
  },
  same,
  version: {
    of: sql`concat(tableoid, ' ', ctid)`,
    // A row of an uncommitted transaction is visible only to that transaction, including its savepoints.
    ours: sql`pg_xact_status((
      ${currentXid} - mod(${currentXid}, ${xidCycle}) + ${rowXid} + case
        when ${rowXid} - mod(${currentXid}, ${xidCycle}) > ${xidCycle} / 2 then -${xidCycle}
        when mod(${currentXid}, ${xidCycle}) - ${rowXid} > ${xidCycle} / 2 then ${xidCycle}
        else 0
      end
    )::text::xid8) = 'in progress'`,
  },
};

/**
 * Whether the error is about the row's key. The constraint may have more columns than the key, as with a partitioned table. The error names no columns if
 * the role may not see the row.
 */
function isOfKey(error: unknown, { key, traits }: Target): boolean {
  const name =
    typeof error === "object" && error !== null && "constraint" in error
      ? String(error.constraint)
      : "";
  const columns = traits?.constraints?.get(name) ?? taken(error);
  return Object.keys(key).every((each) => columns.includes(each));
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
