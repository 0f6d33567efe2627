/** How often transactions have failed in a way that might have passed. Times are the database's own, on both sides of every comparison. */
import { type Expression, sql, type Transaction } from "kysely";
import type { AttemptStore, Pruned, PruneStep } from "../../store/bookkeeping.js";
import type { Dialect } from "../dialect.js";
import { insertOrChange, removeOld } from "./rows.js";
import type { OwnTables } from "./tables.js";

export function attemptStore(tx: Transaction<OwnTables>, dialect: Dialect): AttemptStore {
  return {
    count: (content, gapMs) => countFailure(tx, dialect, content, gapMs),
    isExhausted: (content, threshold, appliedAgoMs) =>
      isExhausted(tx, dialect, content, threshold, appliedAgoMs),
    forget: async (content) => {
      await tx.deleteFrom("powersync_attempts").where("content", "=", content).execute();
    },
  };
}

/** Enters a failure. After `gapMs` milliseconds without one, the count starts again. */
async function countFailure(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  content: string,
  gapMs: number,
): Promise<void> {
  const { now } = dialect.types;
  const begun = sql<string>`${dialect.types.ago(gapMs)}`;
  const row = { content, attempts: 1, first_failed_at: now, last_failed_at: now };
  await insertOrChange(
    dialect,
    { tx, table: "powersync_attempts", key: ["content"] },
    [row],
    (stored) => {
      const unless = (value: Expression<unknown>, anew: Expression<unknown>) =>
        sql`case when ${stored("last_failed_at")} < ${begun} then ${anew} else ${value} end`;
      return {
        attempts: unless(sql`${stored("attempts")} + 1`, sql.lit(1)),
        first_failed_at: unless(stored("first_failed_at"), now),
        previous_failed_at: stored("last_failed_at"),
        last_failed_at: now,
      };
    },
  );
}

/**
 * Whether it has failed too often and for too long while others succeed: one has been applied between its last two failures.
 *
 * @param appliedAgoMs how long ago this process last applied a transaction, if it has; for transactions without a ledger row
 */
async function isExhausted(
  tx: Transaction<OwnTables>,
  { types: { ago } }: Dialect,
  content: string,
  { attempts, afterMs }: { readonly attempts: number; readonly afterMs: number },
  appliedAgoMs: number | undefined,
): Promise<boolean> {
  const row = await tx
    .selectFrom("powersync_attempts as failed")
    .select("failed.content")
    .where("failed.content", "=", content)
    .where("failed.attempts", ">=", attempts)
    .where("failed.first_failed_at", "<=", sql<Date>`${ago(afterMs)}`)
    .where((eb) => {
      const applied = eb.exists(
        eb
          .selectFrom("powersync_ledger as applied")
          .select("applied.identity")
          // `answered_at` has an index, but a replay updates it. `applied_at` has none, and stays.
          .whereRef("applied.answered_at", ">", "failed.previous_failed_at")
          .whereRef("applied.applied_at", ">", "failed.previous_failed_at"),
      );
      if (appliedAgoMs === undefined) return applied;
      return eb.or([
        applied,
        eb("failed.previous_failed_at", "<", sql<Date>`${ago(appliedAgoMs)}`),
      ]);
    })
    .executeTakeFirst();
  return row !== undefined;
}

/** Deletes entries that have not failed for this long, at most `most`. */
export async function pruneAttempts(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  step: PruneStep,
): Promise<Pruned> {
  const attempts = { table: "powersync_attempts", key: "content", at: "last_failed_at" } as const;
  return removeOld(tx, dialect, attempts, step);
}
