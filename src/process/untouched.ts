/**
 * Reports entries that a mutator has left without effect. Entries beside a mutation are not applied, because the mutator writes instead. If it leaves
 * one of their rows unchanged, the device may have shown something that is never written, so an event is emitted.
 */
import type { Principal } from "../context.js";
import type { RowStateReader } from "../dead-letters/row-states.js";
import { type Emit, correlated } from "../events/emit.js";
import type { CrudEntry } from "../model.js";
import type { OpenUnit } from "../pipeline/operation.js";
import { rowName } from "../store/letters.js";
import type { Call } from "./call.js";

/**
 * Reads the rows before the mutators run. The function that it resolves to reads them again afterwards, and emits the events. `undefined`: no entry is
 * left out.
 *
 * @param made the entries that are run or applied
 */
export type WatchLeft = (
  open: OpenUnit,
  crud: readonly CrudEntry[],
  made: ReadonlySet<CrudEntry>,
) => Promise<(() => Promise<void>) | undefined>;

/** Costs a statement or two for each table, twice, but only if a mutation's transaction holds other entries. */
export function createWatchLeft<P extends Principal>(
  reader: RowStateReader,
  call: Call<P>,
  emit: Emit,
): WatchLeft {
  return async (open, crud, made) => {
    const left = [...crud.entries()].filter(([, entry]) => !made.has(entry));
    if (left.length === 0) return undefined;
    const named = new Map(left.map(([, entry]) => [rowName(entry), entry]));
    const rows = Array.from(named.values(), ({ table, id }) => ({ table, id }));
    const read = async () => {
      const states = await reader.read(open, rows, call.principal);
      return new Map(states.rows.map((row) => [rowName(row), row.hash]));
    };
    const before = await read();
    return async () => {
      const now = await read();
      for (const [operationIndex, { op, table, id }] of left) {
        const hash = before.get(rowName({ table, id }));
        if (hash === undefined || hash !== now.get(rowName({ table, id }))) continue;
        emit({ type: "entry_unmatched", ...correlated(call), op, table, id, operationIndex });
      }
    };
  };
}
