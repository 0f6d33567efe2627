/** The ledger: what has been answered. Its row commits with what it speaks of, so that a transaction sent twice is applied once. */
import { type Expression, sql, type Transaction } from "kysely";
import type { Identity } from "../process/identity.js";
import { parseJson, typedJson } from "../wire/json.js";
import type { OwnTables } from "./tables.js";
import { dialectOf } from "./dialects.js";
import { Contention } from "./statements.js";
import { type FatalResult, success, type TransactionResult } from "../model.js";

/** What a claim is made with. */
interface Claim {
  readonly identity: Identity;
  /** The request that it came with: what a device sent last is never pruned, so a replay belongs to the later one. */
  readonly request: string;
  /** A SELECT that bounds the transaction's waits, where this is its first statement. */
  readonly bounds: Expression<unknown> | undefined;
  /** Absent: success. */
  readonly fatalAnswer?: FatalResult;
}

/**
 * Enters a transaction's answer, unless there is one already.
 * An identical transaction that has not been committed yet is waited for. One statement; up to three on a replay.
 *
 * @returns the saved answer: a replay, and nothing may be written
 */
export async function claim(
  tx: Transaction<OwnTables>,
  { identity: { key, client }, request, bounds, fatalAnswer }: Claim,
): Promise<TransactionResult | undefined> {
  const dialect = dialectOf(tx);
  const answer = fatalAnswer ? typedJson(fatalAnswer) : null;
  const row = {
    identity: key,
    client,
    answer,
    request,
    applied_at: fatalAnswer ? null : dialect.types.now,
  };
  const into = tx.insertInto("powersync_ledger");
  const insert =
    bounds === undefined
      ? into.values(row)
      : into
          .columns(["identity", "client", "answer", "request", "applied_at"])
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
    .where("identity", "=", key)
    .executeTakeFirst();
  // Pruned since the INSERT found it: then there is none any more, as the next attempt will see.
  if (saved === undefined) throw new Contention("The ledger's row has just been removed.");
  if (saved.request !== request) {
    await tx
      .updateTable("powersync_ledger")
      .set({ request, answered_at: dialect.types.now })
      .where("identity", "=", key)
      .execute();
  }
  // The library wrote it: it is a fatal result.
  return saved.answer === null ? success : (parseJson(saved.answer) as FatalResult);
}
