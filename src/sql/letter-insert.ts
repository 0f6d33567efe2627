/** The default `deadLetter`: a transaction that can't be applied is kept whole, beside the data. */
import { type ExpressionBuilder, type OperandExpression, sql } from "kysely";
import { sha256 } from "../wire/digest.js";
import { canonicalJson, escapeText, typedJson } from "../wire/json.js";
import type { LayerFunction, Layers, Principal } from "../pipeline/layers.js";
import { holdsRounded, namedRows, principalText } from "../dead-letters/payload.js";
import type { Own, OwnTables } from "./tables.js";
import { dialectOf } from "./dialects.js";
import type { DeadLetter } from "../model.js";

/**
 * Two statements, in the transaction that also enters the answer in the ledger. A payload whose letter is still open makes no second one.
 *
 * @param keepPrincipal whether the letter says who sent it beyond the user id
 */
export function storeDeadLetter<P extends Principal, DB>(
  own: Own,
  keepPrincipal: boolean,
): LayerFunction<Layers<P, DB>["deadLetter"]> {
  return async (letter, { tx, principal }) => {
    const on = own.on(tx);
    const { insertIgnore, types } = dialectOf(tx);
    const content = await contentOf(letter);
    const insert = on.insertInto("powersync_dead_letters").values({
      id: letter.id,
      error_code: escapeText(letter.errorCode),
      message: escapeText(letter.message),
      operation_index: letter.operationIndex ?? null,
      user_id: escapeText(letter.userId),
      client_id: letter.clientId === undefined ? null : escapeText(letter.clientId),
      queue_id: letter.queueId === undefined ? null : escapeText(letter.queueId),
      identity: letter.identity ?? null,
      payload: typedJson(letter.payload),
      subject: await sha256(letter.userId),
      content,
      open_content: content,
      principal: keepPrincipal ? (principalText(principal) ?? null) : null,
      row_hashes: letter.rowStates === undefined ? null : canonicalJson(letter.rowStates),
      table_names: tableNames(letter.payload),
      lossy_numbers: letter.lossyNumbers && holdsRounded(letter.payload) ? 1 : 0,
      last_seen_at: types.now,
    });
    const repeated = {
      error_code: escapeText(letter.errorCode),
      message: escapeText(letter.message),
      operation_index: letter.operationIndex ?? null,
      attempts: (eb: ExpressionBuilder<OwnTables, "powersync_dead_letters">) => oneMore(eb),
      last_seen_at: types.now,
    };
    await (
      insertIgnore
        ? insert.onDuplicateKeyUpdate(repeated)
        : insert.onConflict((conflict) => conflict.column("open_content").doUpdateSet(repeated))
    ).execute();
    const { id, attempts } = await on
      .selectFrom("powersync_dead_letters")
      .select(["id", "attempts"])
      .where("open_content", "=", content)
      .executeTakeFirstOrThrow();
    return { ...letter, id, attempts: Number(attempts) };
  };
}

/** What makes two letters the same one. */
function contentOf({ userId, clientId, queueId, payload }: DeadLetter): Promise<string> {
  return sha256([userId, clientId ?? null, queueId ?? null, payload]);
}

/** Each between commas, so that one can be looked for. A comma in a name is escaped. */
export function tableNames(payload: unknown): string {
  const names = new Set(namedRows(payload).map(({ table }) => tableName(table)));
  return `,${[...names].join(",")},`;
}

export function tableName(name: string): string {
  return escapeText(name).replaceAll(",", "\\u002c");
}

function oneMore(
  eb: ExpressionBuilder<OwnTables, "powersync_dead_letters">,
): OperandExpression<number> {
  return sql<number>`${eb.ref("powersync_dead_letters.attempts")} + 1`;
}
