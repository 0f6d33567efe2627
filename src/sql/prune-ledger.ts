/** Deletes old rows of the ledger in small steps, but never the last request of a queue. */
import { type Expression, sql, type Transaction } from "kysely";
import type { Pruned, PruneStep } from "../store/bookkeeping.js";
import { atMost } from "./at-most.js";
import type { Dialect } from "./dialect.js";
import type { OwnTables } from "./tables.js";

/**
 * Looks at the oldest rows, at most `most`, and deletes those that their queue has passed: a later request than the last one with this row has brought a
 * transaction that was not a replay. A request that only has replays does not count, because the device may still lack the other answers.
 */
export async function pruneLedger(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  { olderThanMs, most, from }: PruneStep,
): Promise<Pruned> {
  const { types } = dialect;
  const before = sql<Date>`${types.ago(olderThanMs)}`;
  const old = tx
    .selectFrom("powersync_ledger as old")
    .select(["old.identity"])
    .select(({ ref }) => sql<string>`${types.iso(ref("old.answered_at"))}`.as("at"))
    .select(({ and, eb, ref, selectFrom }) => {
      // Descending, by all columns of the index: otherwise MySQL scans all rows of a busy queue.
      const latest = selectFrom("powersync_ledger as later")
        .whereRef("later.queue", "=", "old.queue")
        .orderBy("later.queue", "desc")
        .orderBy("later.first_request_at", "desc")
        .$call((query) => atMost(dialect, query, 1));
      const passed = and([
        eb(latest.select("later.first_request_at"), ">", ref("old.request_at")),
        eb(latest.select("later.first_request"), "!=", ref("old.request")),
      ]);
      return sql<number>`case when ${passed} then 1 else 0 end`.as("passed");
    })
    .where("old.answered_at", "<", before);

  // Two plain conditions, because not every database uses the index for a comparison of two columns at once.
  const position = prunedUpTo(from);
  const looked =
    position === undefined
      ? []
      : await old
          .where("old.answered_at", "=", sql<Date>`${types.at(position.at)}`)
          .where("old.identity", ">", position.identity)
          .orderBy("old.identity")
          .$call((query) => atMost(dialect, query, most))
          .execute();
  if (looked.length < most) {
    const later =
      position === undefined
        ? old
        : old.where("old.answered_at", ">", sql<Date>`${types.at(position.at)}`);
    const rows = await later
      .orderBy("old.answered_at")
      .orderBy("old.identity")
      .$call((query) => atMost(dialect, query, most - looked.length))
      .execute();
    looked.push(...rows);
  }

  const passed = looked.filter((row) => Number(row.passed) === 1);
  const removed = await removeOld(
    tx,
    passed.map(({ identity }) => identity),
    before,
  );
  const end = looked.length < most ? undefined : looked.at(-1);
  return { removed, ...(end !== undefined && { next: `${end.at} ${end.identity}` }) };
}

/** The position at which the next step continues. */
function prunedUpTo(from: string | undefined): { at: string; identity: string } | undefined {
  const [at, identity] = from?.split(" ") ?? [];
  return at === undefined || identity === undefined ? undefined : { at, identity };
}

async function removeOld(
  tx: Transaction<OwnTables>,
  identities: readonly string[],
  before: Expression<Date>,
): Promise<number> {
  if (identities.length === 0) return 0;
  const { numDeletedRows } = await tx
    .deleteFrom("powersync_ledger")
    .where("identity", "in", identities)
    // The condition is repeated, because a replay may have renewed one of the rows in the meantime.
    .where("answered_at", "<", before)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
