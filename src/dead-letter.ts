/** The default `deadLetter`: a transaction that can't be applied is kept whole, beside the data. */
import { canonicalJson } from "./json.js";
import type { LayerFunction, Layers, Principal } from "./layer.js";
import type { Own } from "./own.js";

/** One statement, in the transaction that also enters the answer in the ledger. */
export function storeDeadLetter<P extends Principal, DB>(
  own: Own,
): LayerFunction<Layers<P, DB>["deadLetter"]> {
  return async (letter, { tx }) => {
    await own
      .on(tx)
      .insertInto("powersync_dead_letters")
      .values({
        id: letter.id,
        error_code: escaped(letter.errorCode),
        message: escaped(letter.message),
        operation_index: letter.operationIndex ?? null,
        user_id: escaped(letter.userId),
        client_id: letter.clientId === undefined ? null : escaped(letter.clientId),
        queue_id: letter.queueId === undefined ? null : escaped(letter.queueId),
        identity: letter.identity ?? null,
        payload: canonicalJson(letter.payload),
      })
      .execute();
    return letter;
  };
}

/** As inside a JSON text, so that no NUL and no lone surrogate makes a letter unstorable, and nothing is lost. */
export function escaped(text: string): string {
  return canonicalJson(text).slice(1, -1);
}
