/** Makes a row's key from the client's row id and, with the rule's `split`, from the caller. */
import type { Principal, RequestContext } from "../context.js";
import { type FatalError, fatalOfSchema, isFatal } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { Write } from "../model.js";
import { ServerValue } from "../store/failures.js";
import type { Store, Values } from "../store/store.js";
import type { Column, Table } from "../store/tables.js";
import { uuidOf } from "../store/values.js";
import { stringifyJson } from "../wire/serialize.js";
import { rowId } from "./column-messages.js";
import type { Convert } from "./convert.js";
import type { Rule } from "./rules.js";

/**
 * A row's key by column, not yet converted. Throws what the rule's `split` throws, and fatal INVALID_DATA if the id does not have as many values as
 * the key has columns.
 *
 * @param principal who sent the row; holds the user id alone if no more is known
 */
export function keyOf<P extends Principal, DB>(
  { key }: Pick<Rule<P, DB>, "key">,
  id: string,
  principal: Principal,
): Values {
  const { columns, split } = key;
  // May hold less than a whole `P`: see `SplitContext`.
  const parts = split === undefined ? [id] : split(id, { principal: principal as P });
  if (parts.length !== columns.length) throw invalidKey();
  const values: [string, unknown][] = [];
  for (const [index, column] of columns.entries()) values.push([column, parts[index]]);
  return Object.fromEntries(values);
}

export function invalidKey(): FatalError {
  const message = "The row's id is not of the form that its table needs.";
  return fatalOfSchema("INVALID_DATA", message, { column: rowId });
}

interface KeyContext extends RequestContext {
  readonly principal: Principal;
  readonly lossyNumbers: boolean;
}

/** The converted key of a write's row. Throws what `keyOf` and the conversion throw, and ServerValue if the caller's own id does not fit its column. */
type KeyFor<P extends Principal, DB> = (
  store: Store,
  table: Table,
  rule: Rule<P, DB>,
  write: Pick<Write, "op" | "id">,
  context: KeyContext,
) => Values;

export function createKeyFor<P extends Principal, DB>(
  convert: Pick<Convert, "values">,
  emit: Emit,
): KeyFor<P, DB> {
  const reported = new Set<string>();

  const tellRespelled = (
    store: Store,
    { columns }: Table,
    { name }: Rule<P, DB>,
    id: string,
    [sent, stored]: readonly [sent: Values, stored: Values],
    context: KeyContext,
  ): void => {
    for (const [column, part] of Object.entries(sent)) {
      const canonical = uuidOf(part);
      const known = columns.get(column);
      if (canonical === undefined || canonical === part || known === undefined) continue;
      // A part that comes from the caller was not spelled by the client, and a text column keeps every spelling.
      if (!id.includes(String(part)) || store.view(known, stored[column]) !== canonical) continue;
      reported.add(name);
      emit({ type: "row_id_respelled", ...correlated(context), table: name, column, id });
    }
  };

  return (store, table, rule, { op, id }, context) => {
    const parts = keyOf(rule, id, context.principal);
    // The key of an existing row is only looked for, so its column may be one that the database computes.
    const use = op === "PUT" ? "key" : "sought";
    try {
      const key = convert.values(store, table, parts, context, use, rowId);
      // Reported only for a PUT, because only a PUT makes a row, and once for each rule.
      if (op === "PUT" && !reported.has(rule.name))
        tellRespelled(store, table, rule, id, [parts, key], context);
      return key;
    } catch (error) {
      if (!isFatal(error) || rule.key.split === undefined) throw error;
      const { userId } = context.principal;
      for (const [column, part] of Object.entries(parts)) {
        if (part !== userId || id.includes(userId)) continue;
        const known = table.columns.get(column);
        if (known !== undefined && !fits(store, known, part))
          throw new ServerValue(table.name, column, "The caller's id is part of the key.", error);
      }
      throw error;
    }
  };
}

function fits(store: Store, column: Column, value: unknown): boolean {
  try {
    store.convert({ ...column, generated: false }, value, false, true);
    return true;
  } catch {
    return false;
  }
}

/** Whether two values are the same to a column, in any spelling: a UUID in capitals, a number as text. Text is compared exactly. */
export function isSameValue(store: Store, column: Column, one: unknown, other: unknown): boolean {
  try {
    const [first, second] = [one, other].map((value) => {
      const stored = store.convert({ ...column, generated: false }, value, false, true);
      const shown = store.view(column, stored);
      // Not compared as a `Date`: for a column without a zone it is local time, in which two different times can be the same.
      return stringifyJson(shown instanceof Date ? stored : shown);
    });
    return first === second;
  } catch {
    return false;
  }
}
