/** Removes from the ledger what no device can send again: by age, in small batches, and never what a queue sent last. */
import { sql, type Transaction } from "kysely";
import type { Batch } from "../store/store.js";
import type { Dialect } from "./dialect.js";
import type { OwnTables } from "./tables.js";

/** At most `most` rows. */
export async function pruneLedger(
  tx: Transaction<OwnTables>,
  { types }: Dialect,
  retentionMs: number,
  most: number,
): Promise<Batch> {
  const before = sql<Date>`${types.ago(retentionMs)}`;
  const old = await tx
    .selectFrom("powersync_ledger as old")
    .select("old.identity")
    .where("old.answered_at", "<", before)
    .where((eb) => {
      const last = eb
        .selectFrom("powersync_ledger as newest")
        .select("newest.request")
        .whereRef("newest.queue", "=", "old.queue")
        .orderBy("newest.answered_at", "desc")
        .limit(1);
      return eb("old.request", "!=", last);
    })
    .limit(most)
    .execute();
  if (old.length === 0) return { found: 0, removed: 0 };
  const { numDeletedRows } = await tx
    .deleteFrom("powersync_ledger")
    .where(
      "identity",
      "in",
      old.map(({ identity }) => identity),
    )
    // Asked again: a replay may have made one of them young.
    .where("answered_at", "<", before)
    .executeTakeFirst();
  return { found: old.length, removed: Number(numDeletedRows) };
}
