/** The ledger: what has been answered. Its row commits with what it speaks of, so that a transaction sent twice is applied once. Old rows are pruned, but never what a queue sent last. */
import { type Expression, sql, type Transaction } from "kysely";
import { type FatalResult, success, type TransactionResult } from "../model.js";
import { Contention } from "../store/failures.js";
import type { Batch, Claim } from "../store/store.js";
import { parseJson } from "../wire/parse-json.js";
import { typedJson } from "../wire/serialize.js";
import type { Dialect } from "./dialect.js";
import type { OwnTables } from "./tables.js";

/**
 * Enters a transaction's answer, unless there is one already.
 * An identical transaction that has not been committed yet is waited for. One statement; up to three on a replay.
 *
 * @param bounds a SELECT that bounds the transaction's waits, where this is its first statement
 * @returns the saved answer: a replay, and nothing may be written
 */
export async function claim(
  tx: Transaction<OwnTables>,
  dialect: Dialect,
  { key: identity, queue, request, answer: fatalAnswer }: Claim,
  bounds: Expression<unknown> | undefined,
): Promise<TransactionResult | undefined> {
  const answer = fatalAnswer ? typedJson(fatalAnswer) : null;
  const row = {
    identity,
    queue,
    answer,
    request,
    applied_at: fatalAnswer ? null : dialect.types.now,
  };
  const into = tx.insertInto("powersync_ledger");
  const insert =
    bounds === undefined
      ? into.values(row)
      : into
          .columns(["identity", "queue", "answer", "request", "applied_at"])
          .expression(
            sql<never>`select ${sql.join(Object.values(row))} from (${bounds}) as bounds`,
          );
  const { numInsertedOrUpdatedRows } = await (
    dialect.insertIgnore
      ? insert.ignore()
      : insert.onConflict((conflict) => conflict.column("identity").doNothing())
  ).executeTakeFirst();
  if (numInsertedOrUpdatedRows === 1n) return undefined;

  const saved = await tx
    .selectFrom("powersync_ledger")
    .select(["answer", "request"])
    .where("identity", "=", identity)
    .executeTakeFirst();
  // Pruned since the INSERT found it: then there is none any more, as the next attempt will see.
  if (saved === undefined) throw new Contention("The ledger's row has just been removed.");
  if (saved.request !== request) {
    await tx
      .updateTable("powersync_ledger")
      .set({ request, answered_at: dialect.types.now })
      .where("identity", "=", identity)
      .execute();
  }
  // The library wrote it: it is a fatal result.
  return saved.answer === null ? success : (parseJson(saved.answer) as FatalResult);
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
