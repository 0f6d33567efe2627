/** The default `persist`: one write becomes one row change, idempotent, inside the rule's scope. */
import { fatal } from "../errors.js";
import { correlated, type Emit } from "../event.js";
import type { LayerFunction, Layers, OperationContext, Principal } from "../layer.js";
import type { Rule, Rules } from "../rules.js";
import type { Write, WriteOutcome } from "../write.js";
import type { ConvertRow } from "./convert.js";
import type { Connection } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import type { Effect, Target, Values } from "./rows.js";
import type { TableSchema } from "./schema.js";
import { bindScope } from "./scope.js";

/** Throws fatal UNAUTHORIZED, what `convertRow` throws, and the database's own errors. */
export function persister<P extends Principal, DB>(
  rules: Rules<P, DB>,
  convertRow: ConvertRow,
  emit: Emit,
): LayerFunction<Layers<P, DB>["persist"]> {
  return async (write, context) => {
    const rule = rules.get(write.table);
    if (rule === undefined) throw new Error("A write names a table that has no rule.");
    const names = Object.keys(write.values);
    if (write.op === "PATCH" && names.length === 0) return { effect: "unchanged" };

    const row = { ...write.values, ...keyOf(rule, write) };
    // The key of a row that exists is only looked for, so the database may be the one that makes it.
    const lookedFor = write.op === "PUT" ? [] : rule.key.columns;
    const { values: converted, schema } = await convertRow(rule.table, row, context, lookedFor);
    const target = {
      table: rule.table,
      key: only(rule.key.columns, converted),
      scope: bindScope(rule, context),
    };
    const values = only(names, converted);
    const tx = context.tx as unknown as Connection;
    const effect = await change(tx, write, target, values, schema);
    return outcome(effect, write, rule, context, emit);
  };
}

function keyOf<P extends Principal, DB>({ key }: Rule<P, DB>, { id }: Write): Values {
  const parts = key.split(id);
  if (parts.length !== key.columns.length) {
    throw fatal("INVALID_DATA", "The row's id is not of the form that its table needs.");
  }
  return Object.fromEntries(key.columns.map((column, index) => [column, parts[index]]));
}

function only(names: readonly string[], values: Values): Values {
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

function change(
  tx: Connection,
  { op }: Write,
  target: Target,
  values: Values,
  schema: TableSchema,
): Promise<Effect> {
  const { rows } = dialectOf(tx);
  switch (op) {
    case "PUT":
      return rows.put(tx, target, values, missesRequired(schema, target, values));
    case "PATCH":
      return rows.patch(tx, target, values);
    case "DELETE":
      return Object.keys(values).length > 0
        ? rows.softDelete(tx, target, values)
        : rows.remove(tx, target);
  }
}

function missesRequired({ columns }: TableSchema, { key }: Target, values: Values): boolean {
  for (const { name, nullable, hasDefault, generated } of columns.values()) {
    const given = Object.hasOwn(key, name) || (values[name] ?? null) !== null;
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
