/** A row's key: what the client's row id says of it, and what the caller does. */
import type { Principal, RequestContext } from "../context.js";
import { type FatalError, fatalOfSchema, isFatal } from "../errors.js";
import { type Emit, correlated } from "../emit.js";
import type { Write } from "../model.js";
import { ServerValue } from "../store/failures.js";
import type { Store, Values } from "../store/store.js";
import type { Column, Table } from "../store/tables.js";
import { uuidOf } from "../store/values.js";
import { stringifyJson } from "../wire/serialize.js";
import { rowId } from "./client-names.js";
import type { Convert } from "./convert.js";
import type { Rule } from "./rules.js";

/**
 * A row's key by column, not yet converted. Throws what the rule's `split` throws, and fatal INVALID_DATA where the id has not as many values as
 * the key has columns.
 *
 * @param principal whose row it is; of somebody of whom only the id is known, no more than that
 */
export function keyOf<P extends Principal, DB>(
  { key }: Pick<Rule<P, DB>, "key">,
  id: string,
  principal: Principal,
): Values {
  const { columns, split } = key;
  // The documentation says where `split` may be given less.
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

/** The key of the row that a write is about, converted. Throws as `keyOf` and the conversion do, and ServerValue where the caller's own id does not fit its column. */
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
  const told = new Set<string>();

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
      // What is the caller's, no client has spelled. And a column of text keeps every spelling.
      if (!id.includes(String(part)) || store.view(known, stored[column]) !== canonical) continue;
      told.add(name);
      emit({ type: "row_id_respelled", ...correlated(context), table: name, column, id });
    }
  };

  return (store, table, rule, { op, id }, context) => {
    const parts = keyOf(rule, id, context.principal);
    // The key of a row that exists is only looked for, so the database may be the one that makes it.
    const use = op === "PUT" ? "key" : "sought";
    try {
      const key = convert.values(store, table, parts, context, use, rowId);
      // Only a PUT makes a row, and once is enough.
      if (op === "PUT" && !told.has(rule.name))
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

/** Whether a column takes two values for one, whatever their spelling: a UUID in capitals, a number as text. Letter by letter where it is text. */
export function isSameValue(store: Store, column: Column, one: unknown, other: unknown): boolean {
  try {
    const [first, second] = [one, other].map((value) => {
      const stored = store.convert({ ...column, generated: false }, value, false, true);
      const shown = store.view(column, stored);
      // As a `Date`, what has no zone is the process's own time, which can be one for two.
      return stringifyJson(shown instanceof Date ? stored : shown);
    });
    return first === second;
  } catch {
    return false;
  }
}
