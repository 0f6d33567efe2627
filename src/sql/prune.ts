/** Removes from the ledger what no device can send again: by age, in small batches, and never what a device sent last. */
import { type Kysely, sql, type Transaction } from "kysely";
import { begin, type TransactionSettings } from "./transaction.js";
import { type Batch, failuresKeptMs, pruneFailed } from "./attempts.js";
import { dialectOf } from "./dialects.js";

const batch = 500;
/** More is left to the next time. */
const mostBatches = 1_000;

/** Rejects with the database's errors. Resolves to how many rows are gone. */
export async function pruneLedger<DB>(
  database: Kysely<DB>,
  settings: TransactionSettings,
  retentionMs: number,
  stopped: () => boolean,
): Promise<number> {
  return inBatches(() => pruneBatch(database, settings, retentionMs), stopped);
}

/** The same with the counts of failures that have stopped. */
export async function pruneFailures<DB>(
  database: Kysely<DB>,
  settings: TransactionSettings,
  stopped: () => boolean,
): Promise<number> {
  const prune = (transaction: Transaction<DB>) =>
    pruneFailed(settings.own.on(transaction), failuresKeptMs, batch);
  return inBatches(() => begin(database, settings, prune), stopped);
}

async function inBatches(prune: () => Promise<Batch>, stopped: () => boolean): Promise<number> {
  let removed = 0;
  for (let count = 0; count < mostBatches && !stopped(); count += 1) {
    const { found, gone } = await prune();
    removed += gone;
    if (found < batch) break;
  }
  return removed;
}

/** A transaction of its own: nobody waits for more than a batch. */
async function pruneBatch<DB>(
  database: Kysely<DB>,
  settings: TransactionSettings,
  retentionMs: number,
): Promise<Batch> {
  return begin(database, settings, async (transaction) => {
    const tx = settings.own.on(transaction);
    const before = sql<Date>`${dialectOf(tx).types.ago(retentionMs)}`;
    const old = await tx
      .selectFrom("powersync_ledger as old")
      .select("old.identity")
      .where("old.answered_at", "<", before)
      .where((eb) => {
        // Rows of the first form have no request: a client that has sent nothing since keeps them all.
        const last = eb
          .selectFrom("powersync_ledger as newest")
          .select("newest.request")
          .whereRef("newest.client", "=", "old.client")
          .orderBy("newest.answered_at", "desc")
          .limit(1);
        const none = sql.lit("");
        return eb(eb.fn.coalesce("old.request", none), "!=", eb.fn.coalesce(last, none));
      })
      .limit(batch)
      .execute();
    if (old.length === 0) return { found: 0, gone: 0 };
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
    return { found: old.length, gone: Number(numDeletedRows) };
  });
}
