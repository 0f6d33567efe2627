/** The ledger: what has been answered. Its row commits with what it speaks of, so that a transaction sent twice is applied once. */
import type { Transaction } from "kysely";
import type { Identity } from "./identity.js";
import { canonicalJson } from "./json.js";
import { type OwnTables } from "./own-tables.js";
import { dialectOf } from "./persist/dialects.js";
import { type FatalResult, success, type TransactionResult } from "./result.js";

/**
 * Enters a transaction's answer, unless there is one already.
 * An identical transaction that has not been committed yet is waited for. One statement; two on a replay.
 *
 * @returns the saved answer: a replay, and nothing may be written
 */
export async function claim(
  tx: Transaction<OwnTables>,
  { key, client }: Identity,
  fatalAnswer?: FatalResult,
): Promise<TransactionResult | undefined> {
  const insert = tx
    .insertInto("powersync_ledger")
    .values({ identity: key, client, answer: fatalAnswer ? canonicalJson(fatalAnswer) : null });
  const { numInsertedOrUpdatedRows } = await (
    dialectOf(tx).insertIgnore
      ? insert.ignore()
      : insert.onConflict((conflict) => conflict.column("identity").doNothing())
  ).executeTakeFirst();
  if (numInsertedOrUpdatedRows === 1n) return undefined;

  const saved = await tx
    .selectFrom("powersync_ledger")
    .select("answer")
    .where("identity", "=", key)
    .executeTakeFirstOrThrow();
  // The library wrote it: it is a fatal result.
  return saved.answer === null ? success : (JSON.parse(saved.answer) as FatalResult);
}
