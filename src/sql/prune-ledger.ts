/** Removes old rows of the ledger in small steps, but never what a queue sent last. */
import { type Expression, sql, type Transaction } from "kysely";
import type { Pruned, PruneStep } from "../store/prune.js";
import { atMost } from "./at-most.js";
import type { Dialect } from "./dialect.js";
import type { OwnTables } from "./tables.js";

/**
 * Looks at old rows by age, at most `most`, and removes those whose queue has gone past them: a request that began later than the latest one
 * which held the row has brought a transaction that was no replay. A request of replays alone ends nothing: the device may still lack the other answers.
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
      // From the end of the index, and in its whole order: MySQL would walk through all of a busy queue otherwise.
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

  // Two plain ranges: not every database finds the one range in a comparison of two columns.
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

/** What a step's `next` says. */
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
    // Asked again: a replay may have made one of them young.
    .where("answered_at", "<", before)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
