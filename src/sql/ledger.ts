/** The ledger: what has been answered. Its row commits with what it speaks of, so that a transaction sent twice is applied once. */
import { type Expression, sql, type Transaction } from "kysely";
import { type FatalResult, success, type TransactionResult } from "../model.js";
import { Contention } from "../store/failures.js";
import type { Claim } from "../store/store.js";
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
  { identity, queue, request, answer: fatalAnswer }: Claim,
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
