/** The default `persist`: one write becomes one row change, idempotent, inside the rule's scope. */
import { fatal, type FatalError } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { LayerFunction, Layers, OperationContext, Principal } from "../pipeline/layers.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { seenAbsent, written } from "../pipeline/stored-row.js";
import type { Write, WriteOutcome } from "../model.js";
import type { ConvertRow } from "./convert.js";
import type { Connection } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import {
  appeared,
  type Effect,
  type RowStatements,
  type Target,
  type Values,
} from "./statements.js";
import type { Catalog, TableSchema } from "./schema.js";
import { bindScope } from "./scope.js";

interface PersistParts {
  readonly catalog: Catalog;
  readonly convertRow: ConvertRow;
  readonly emit: Emit;
}

/** Throws fatal UNAUTHORIZED, what `convertRow` throws, and the database's own errors. */
export function persister<P extends Principal, DB>(
  rules: Rules<P, DB>,
  { catalog, convertRow, emit }: PersistParts,
): LayerFunction<Layers<P, DB>["persist"]> {
  return async (write, context) => {
    const rule = rules.get(write.table);
    if (rule === undefined) throw new Error("A write names a table that has no rule.");
    const names = Object.keys(write.values);
    if (write.op === "PATCH" && names.length === 0) return { effect: "unchanged" };

    const row = { ...write.values, ...keyOf(rule, write.id) };
    // The key of a row that exists is only looked for, so the database may be the one that makes it.
    const lookedFor = write.op === "PUT" ? [] : rule.key.columns;
    const { values: converted, schema } = await convertRow(rule.table, row, context, lookedFor);
    const tx = context.tx as unknown as Connection;
    const target = {
      table: rule.table,
      key: only(rule.key.columns, converted),
      scope: await bindScope(rule, context, (table) => catalog.read(tx, table)),
    };
    const values = only(names, converted);
    const seen = await seenAbsent(context, write);
    written(context);
    const { rows } = dialectOf(tx);
    if (write.op === "PUT") {
      const changes = only(
        names.filter((name) => !rule.insertColumns.has(name)),
        converted,
      );
      const incomplete = missesRequired(schema, target, values);
      const put = { values, changes, incomplete, seenAbsent: seen };
      return outcome(await rows.put(tx, target, put), write, rule, context, emit);
    }
    const effect = await change(rows, tx, write.op, target, values);
    if (seen && effect !== "absent") throw appeared();
    return outcome(effect, write, rule, context, emit);
  };
}

function only(names: readonly string[], values: Values): Values {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

function change(
  rows: RowStatements,
  tx: Connection,
  op: "PATCH" | "DELETE",
  target: Target,
  values: Values,
): Promise<Effect> {
  if (op === "PATCH") return rows.patch(tx, target, values);
  return Object.keys(values).length > 0
    ? rows.softDelete(tx, target, values)
    : rows.remove(tx, target);
}

function missesRequired({ columns }: TableSchema, { key }: Target, values: Values): boolean {
  for (const { name, nullable, hasDefault, generated } of columns.values()) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    const given = Object.hasOwn(key, name) || (value ?? null) !== null;
    if (!given && !nullable && !hasDefault && !generated) return true;
  }
  return false;
}

function outcome<P extends Principal, DB>(
  effect: Effect,
  write: Write,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  emit: Emit,
): WriteOutcome {
  if (effect === "written") return { effect };
  // Only what was left alone can be hidden; what has been written must be undone.
  if (effect === "left" || (effect === "foreign" && (write.op === "PUT" || !rule.hideForeign))) {
    throw fatal("UNAUTHORIZED", "The caller may not write this row.");
  }
  if (write.op !== "PUT") {
    const { op, table, id } = write;
    const { operationIndex } = context;
    emit({ type: "row_missing", ...correlated(context), table, id, op, operationIndex });
  }
  return { effect: "missing" };
}

// A row's key, of the one text that a client has for it.
export function notAKey(): FatalError {
  return fatal("INVALID_DATA", "The row's id is not of the form that its table needs.");
}

/** By column, not yet converted. Throws fatal INVALID_DATA where the id has not as many values as the key has columns. */
export function keyOf<P extends Principal, DB>({ key }: Rule<P, DB>, id: string): Values {
  const parts = key.split(id);
  if (parts.length !== key.columns.length) throw notAKey();
  return Object.fromEntries(key.columns.map((column, index) => [column, parts[index]]));
}
