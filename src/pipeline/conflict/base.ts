/** A write whose rule says what becomes of it where others have changed the row, and what was sent of the row before it. */
import type { OperationContext, Principal } from "../../context.js";
import { fatal, misconfigured, ofApplication } from "../../errors.js";
import type { Write } from "../../model.js";
import type { Change } from "../../store/store.js";
import type { Convert } from "../convert.js";
import type { OperationState } from "../operation.js";
import type { Rule } from "../rules.js";
import type { Conflict } from "./compile.js";

export interface Asked<P extends Principal, DB> {
  readonly change: Change;
  readonly write: Write;
  readonly rule: Rule<P, DB>;
  readonly conflict: Conflict<P, DB>;
  readonly context: OperationContext<P, DB>;
  readonly kept: OperationState;
  readonly convert: Convert;
}

/** Also for a column that no client may send: the answer names it by the only name that there is. */
export function clientName<P extends Principal, DB>(
  column: string,
  { clientColumns }: Pick<Rule<P, DB>, "clientColumns">,
): string {
  for (const [name, each] of clientColumns ?? []) if (each.column === column) return name;
  return column;
}

/** @param column by the client's name; absent: none of them has been sent */
export function baseMissing(column?: string): Error {
  const message = "The change does not say what it was made on.";
  return fatal("CONFLICT_BASE_MISSING", message, column === undefined ? undefined : { column });
}

/** A value as the column would store it, rounded like that. Throws fatal INVALID_DATA, and retryable where the table lacks the column. */
export function asStored<P extends Principal, DB>(
  column: string,
  value: unknown,
  { convert, context, change: { table }, kept: { store } }: Asked<P, DB>,
): unknown {
  if (!table.columns.has(column))
    throw misconfigured(`conflict names "${column}", and ${table.name} has no such column.`);
  return convert.values(store, table, { [column]: value }, context, "compared")[column];
}

/**
 * The row as the device had it before its change, by the source database's names. The key, and what neither rule nor table has, is left out.
 * Throws fatal INVALID_DATA, and what the rule's `convert` throws.
 */
export async function baseOf<P extends Principal, DB>(
  asked: Asked<P, DB>,
): Promise<ReadonlyMap<string, unknown>> {
  const { change, rule, context, kept, convert } = asked;
  const { clientColumns, key, conflict } = rule;
  const { store, unit } = kept;
  const base = new Map<string, unknown>();
  for (const [name, value] of Object.entries(context.previousValues ?? {})) {
    const listed = clientColumns?.get(name);
    const column = listed?.column ?? name;
    const isKnown = clientColumns === undefined || listed || conflict?.version === name;
    if (!isKnown || key.columns.includes(column) || !change.table.columns.has(column)) continue;
    let given = value;
    if (listed?.convert) given = await ofApplication(() => listed.convert?.(value, context));
    if (listed?.references && given !== null && given !== undefined) {
      const { table: other, match, take } = listed.references;
      const table = await convert.table(unit, other, [match], context);
      const sought = convert.values(store, table, { [match]: given }, context, "sought");
      const found = await unit.lookUp(table, sought, take);
      // What it referred to has gone, and what it was stored as can't be told.
      if (found === undefined) continue;
      given = found.value;
    }
    base.set(column, asStored(column, given, asked));
  }
  return base;
}
