/** Tells the device about a dead letter: a row in one of the application's own tables, written with the letter, which syncs back to the device. */
import type { RejectionOptions, RejectionRow } from "../config/letter-options.js";
import type { DeadLetterContext, Principal } from "../context.js";
import { isFatal, ofApplication } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { DeadLetter } from "../model.js";
import type { Convert } from "../pipeline/convert.js";
import { schemaMissing } from "../pipeline/value-failures.js";
import type { LayerFunction, Layers } from "../pipeline/layers.js";
import { openUnitOf } from "../pipeline/operation.js";
import type { Values } from "../store/store.js";
import { rowOf } from "../wire/entries.js";
import { entriesOf } from "./payload.js";

/**
 * Rejects if no rejection at all can be written, for example because the table is missing. The letter is then not recorded either, and the
 * transaction stays queued. If only this row can't be written, for example because a value does not fit, the letter is recorded without a rejection.
 *
 * @throws TypeError if no table is named
 */
export function createReject<P extends Principal, DB>(
  { table: name, row }: RejectionOptions<P, DB>,
  convert: Convert,
  emit: Emit,
): LayerFunction<Layers<P, DB>["deadLetter"]> {
  if (typeof name !== "string" || name === "") {
    throw new TypeError("deadLetters.rejections: `table` must be the name of a table.");
  }
  const valuesOf = async (
    letter: DeadLetter,
    context: DeadLetterContext<P, DB>,
  ): Promise<Values | undefined> => {
    const usual = usualRow(letter);
    if (row !== undefined) {
      return (await ofApplication(() => row(letter, context, usual))) ?? undefined;
    }
    const table = await openUnitOf(context).unit.table(name);
    if (table === undefined) throw schemaMissing(emit, context, { table: name });
    // The application's table may have any of these columns.
    return Object.fromEntries(
      Object.entries(usual).filter(([column]) => table.columns.has(column)),
    );
  };

  return async (letter, context) => {
    const values = await valuesOf(letter, context);
    if (values === undefined) return letter;
    const { store, unit } = openUnitOf(context);
    const table = await convert.table(unit, name, Object.keys(values), context);
    const add = async () => {
      try {
        const converting = { ...context, lossyNumbers: false };
        return await unit.addAside(table, convert.values(store, table, values, converting));
      } catch (error) {
        // The conversion refused a value before anything was sent, so the transaction can go on.
        if (isFatal(error)) return { error };
        throw error;
      }
    };
    const left = await add();
    if (left !== undefined) {
      const during = "rejection";
      const { error } = left;
      emit({ type: "error", ...correlated(context), during, error, outcome: "ignored" });
    }
    return letter;
  };
}

/** The values of a rejection under the default column names. */
function usualRow(letter: DeadLetter): RejectionRow {
  const { payload, operationIndex } = letter;
  const operation =
    operationIndex === undefined ? undefined : rowOf(entriesOf(payload)[operationIndex]);
  return {
    id: letter.id,
    user_id: storable(letter.userId),
    client_id: storable(letter.clientId),
    error_code: storable(letter.errorCode),
    message: storable(letter.message),
    table_name: storable(operation?.table),
    row_id: storable(operation?.id),
    operation_index: operationIndex ?? null,
    root_id: letter.root ?? null,
    created_at: new Date().toISOString(),
  };
}

/** The most UTF-16 code units of a text. No real name or id is longer. */
const mostOfText = 10_000;

/** Shortens and cleans a text, because devices may send characters that no database stores, and more text than it takes. */
function storable(text: unknown): string | null {
  return typeof text === "string"
    ? text.slice(0, mostOfText).replace(/[\0\p{Surrogate}]/gu, "\ufffd")
    : null;
}
