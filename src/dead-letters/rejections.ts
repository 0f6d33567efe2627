/** Feedback to the device: a row in a table of the application's own, which syncs back, written with the dead letter. */
import type { RejectionOptions, RejectionRow } from "../config/letter-options.js";
import type { DeadLetterContext, Principal } from "../context.js";
import { isFatal, ofApplication } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { DeadLetter } from "../model.js";
import { type Convert, schemaMissing } from "../pipeline/convert.js";
import type { LayerFunction, Layers } from "../pipeline/layers.js";
import { openUnitOf } from "../pipeline/operation.js";
import type { Values } from "../store/store.js";
import { rowOf } from "../wire/entries.js";
import { entriesOf } from "./payload.js";

/**
 * Rejects with what keeps every rejection from being written, as a missing table does: the letter is then not recorded either, and the
 * transaction stays queued. What only this row can't have, as a value that does not fit, leaves the letter without a rejection.
 *
 * @throws TypeError where no table is named
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
    // Whichever of them the table has.
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
        // Nothing has been sent to the database yet.
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

/** The columns that a table of rejections usually has. */
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

/** UTF-16 code units: more is no name and no id. */
const mostOfText = 10_000;

/** Devices may send what no database stores, and more than it takes. */
function storable(text: unknown): string | null {
  return typeof text === "string"
    ? text.slice(0, mostOfText).replace(/[\0\p{Surrogate}]/gu, "\ufffd")
    : null;
}
