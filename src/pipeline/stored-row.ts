/** The row that an operation is about, as it was before the write: read when a check or a hook first asks for it, and once. */
import type { OperationContext, Principal, StoredRow } from "./layers.js";

/** A row by the client's words: the key of its rule, and its id. */
interface RowName {
  readonly table: string;
  readonly id: string;
}

export type ReadRow<P extends Principal, DB> = (
  row: RowName,
  context: OperationContext<P, DB>,
) => Promise<StoredRow | undefined>;

/** What one operation has seen. */
interface Sight {
  /** Layers and hooks may make another row of what the device sent. */
  row: RowName;
  written: boolean;
  readonly seen: Map<string, Promise<StoredRow | undefined>>;
}

// On the context itself, so that it lives as long as the operation, and is nobody's business.
const sight = Symbol("sight");

/** Gives an operation's context its `stored()`. */
export function withStored<P extends Principal, DB>(
  context: Omit<OperationContext<P, DB>, "stored">,
  read: ReadRow<P, DB>,
): OperationContext<P, DB> {
  const { table, id } = context.operation;
  const state: Sight = { row: { table, id }, written: false, seen: new Map() };
  const complete: OperationContext<P, DB> = {
    ...context,
    stored: () => {
      const name = nameOf(state.row);
      const known = state.seen.get(name);
      if (known !== undefined) return known;
      const reading = state.written ? Promise.reject(tooLate()) : read(state.row, complete);
      // Whoever does not wait for it must not end the process; a statement that fails ends the transaction anyway.
      reading.catch(() => undefined);
      state.seen.set(name, reading);
      return reading;
    },
  };
  return Object.assign(complete, { [sight]: state });
}

/** From here on `stored()` is about this row. */
export function turnTo(context: object, { table, id }: RowName): void {
  const state = sightOf(context);
  if (state !== undefined) state.row = { table, id };
}

/** From here on the row is not what it was. */
export function written(context: object): void {
  const state = sightOf(context);
  if (state !== undefined) state.written = true;
}

/** Whether somebody has asked for this row, and has been told that there is none. */
export async function seenAbsent(context: object, row: RowName): Promise<boolean> {
  const reading = sightOf(context)?.seen.get(nameOf(row));
  return reading !== undefined && (await reading) === undefined;
}

function sightOf(context: { readonly [sight]?: Sight }): Sight | undefined {
  return context[sight];
}

function nameOf({ table, id }: RowName): string {
  return JSON.stringify([table, id]);
}

function tooLate(): Error {
  return new Error(
    "context.stored() was asked for the first time behind the write. Ask before it; the answer is kept for the operation.",
  );
}
