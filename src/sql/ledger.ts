/** The ledger: what has been answered. Its row commits with what it speaks of, so that a transaction sent twice is applied once. Old rows are pruned, but never what a queue sent last. */
import { type Expression, sql, type Transaction } from "kysely";
import { type FatalResult, success, type TransactionResult } from "../model.js";
import { Contention } from "../store/failures.js";
import type { Batch, Claim } from "../store/store.js";
import { parseJson } from "../wire/parse-json.js";
import { typedJson } from "../wire/serialize.js";
import type { Dialect } from "./dialect.js";
import { enterDevice, type Ours } from "./devices.js";
import type { OwnTables } from "./tables.js";

/**
 * Enters a transaction's answer, unless there is one already.
 * An identical transaction that has not been committed yet is waited for. One statement; up to three on a replay, and a few more for a queue's first.
 *
 * @param bounds a SELECT that bounds the transaction's waits, where this is its first statement
 * @throws TooManyDevices
 */
export async function claim(
  ours: Ours,
  dialect: Dialect,
  claimed: Claim,
  bounds: { readonly select: Expression<unknown>; send(): Promise<void> } | undefined,
): Promise<Claimed> {
  const { key: identity, request } = claimed;
  const { tx } = ours;
  if (await enter(ours, dialect, claimed, bounds?.select)) return {};
  let forgotten = false;
  for (let entered = false; ; entered = true) {
    const saved = await tx
      .selectFrom("powersync_ledger")
      .select(["answer", "request"])
      .where("identity", "=", identity)
      .executeTakeFirst();
    if (saved !== undefined) {
      if (saved.request !== request) {
        await tx
          .updateTable("powersync_ledger")
          .set({ request, answered_at: dialect.types.now })
          .where("identity", "=", identity)
          .execute();
      }
      // The library wrote it: it is a fatal result.
      return {
        earlier: saved.answer === null ? success : (parseJson(saved.answer) as FatalResult),
      };
    }
    // Pruned since the INSERT found it: then there is none any more, as the next attempt will see.
    if (entered) throw new Contention("The ledger's row has just been removed.");
    // Without a device nothing was selected, and perhaps nothing bounded.
    await bounds?.send();
    forgotten = await enterDevice(ours, dialect, claimed);
    if (await enter(ours, dialect, claimed, undefined)) return { forgotten };
  }
}

export interface Claimed {
  /** The saved answer: a replay, and nothing may be written. */
  readonly earlier?: TransactionResult;
  /** Another device's rows had to go. */
  readonly forgotten?: boolean;
}

/** False: there is such a row, or the queue is not known. */
async function enter(
  { tx, devices }: Ours,
  dialect: Dialect,
  { key, queue, request, answer: fatalAnswer }: Claim,
  bounds: Expression<unknown> | undefined,
): Promise<boolean> {
  const row = {
    identity: key,
    queue,
    answer: fatalAnswer ? typedJson(fatalAnswer) : null,
    request,
    applied_at: fatalAnswer ? null : dialect.types.now,
  };
  const from = bounds === undefined ? sql`` : sql`(${bounds}) as bounds, `;
  const insert = tx
    .insertInto("powersync_ledger")
    .columns(["identity", "queue", "answer", "request", "applied_at"])
    .expression(
      sql<never>`select ${sql.join(Object.values(row))} from ${from}${devices} as device where device.queue = ${queue}`,
    );
  const { numInsertedOrUpdatedRows } = await (
    dialect.insertIgnore
      ? insert.ignore()
      : insert.onConflict((conflict) => conflict.column("identity").doNothing())
  ).executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

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
