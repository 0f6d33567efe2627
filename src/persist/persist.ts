/** The default `persist`: one write becomes one row change, idempotent, inside the rule's scope. */
import { fatal, retryable } from "../errors.js";
import type { Emit } from "../event.js";
import type { LayerFunction, Layers, OperationContext, Principal } from "../layer.js";
import type { Rule, Rules } from "../rules.js";
import type { Write, WriteOutcome } from "../write.js";
import type { Column, Connection, Dialect } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import { type Catalog, schemaMissing, type TableSchema } from "./schema.js";
import { bindScope } from "./scope.js";
import type { Effect, Target, Values } from "./rows.js";
import { InvalidValue, PrecisionLost } from "./value.js";

/**
 * Throws fatal UNAUTHORIZED and INVALID_DATA, the database's own errors, and retryable where a declared table or column is missing just now.
 */
export function persister<P extends Principal, DB>(
  rules: Rules<P, DB>,
  catalog: Catalog,
  emit: Emit,
): LayerFunction<Layers<P, DB>["persist"]> {
  return async (write, context) => {
    const rule = rules.get(write.table);
    if (rule === undefined) throw new Error("A write names a table that has no rule.");
    if (write.op === "PATCH" && Object.keys(write.values).length === 0)
      return { effect: "unchanged" };

    const tx = context.tx as unknown as Connection;
    const { key, values, schema } = await convertRow(tx, rule, write, context, catalog, emit);
    const target = { table: rule.table, key: rule.key, id: key, scope: bindScope(rule, context) };
    const effect = await change(tx, write, target, values, () =>
      missesRequired(schema, rule, values),
    );
    return outcome(effect, write, rule, context, emit);
  };
}

function change(
  tx: Connection,
  { op }: Write,
  target: Target,
  values: Values,
  incomplete: () => boolean,
): Promise<Effect> {
  const { rows } = dialectOf(tx);
  switch (op) {
    case "PUT":
      return rows.put(tx, target, values, incomplete());
    case "PATCH":
      return rows.patch(tx, target, values);
    case "DELETE":
      return Object.keys(values).length > 0
        ? rows.softDelete(tx, target, values)
        : rows.remove(tx, target);
  }
}

function outcome<P extends Principal, DB>(
  effect: Effect,
  write: Write,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  emit: Emit,
): WriteOutcome {
  if (effect === "written") return { effect };
  if (effect === "foreign" && (write.op === "PUT" || !rule.hideForeign)) {
    throw fatal("UNAUTHORIZED", "The caller may not write this row.");
  }
  if (write.op !== "PUT") {
    const { correlationId, operationIndex } = context;
    emit({
      type: "row_missing",
      correlationId,
      table: write.table,
      id: write.id,
      op: write.op,
      operationIndex,
    });
  }
  return { effect: "missing" };
}

function missesRequired<P extends Principal, DB>(
  schema: TableSchema,
  rule: Rule<P, DB>,
  values: Values,
): boolean {
  for (const { name, nullable, hasDefault, generated } of schema.columns.values()) {
    if (!nullable && !hasDefault && !generated && name !== rule.key && values[name] === undefined)
      return true;
  }
  return false;
}

async function convertRow<P extends Principal, DB>(
  tx: Connection,
  rule: Rule<P, DB>,
  write: Write,
  context: OperationContext<P, DB>,
  catalog: Catalog,
  emit: Emit,
): Promise<{ key: unknown; values: Values; schema: TableSchema }> {
  const dialect = dialectOf(tx);
  const needed = [rule.key, ...Object.keys(write.values)];
  let schema = await catalog.read(tx, rule.table);
  if (missing(schema, needed) !== undefined) schema = await catalog.reread(tx, rule.table);
  const column = missing(schema, needed);
  if (schema === undefined || column !== undefined) {
    throw schemaMissing(emit, context, {
      table: rule.table,
      ...(schema && column !== undefined && { column }),
    });
  }
  const { columns } = schema;
  const one = (name: string, value: unknown): unknown =>
    convertValue(dialect, rule, columns.get(name) as Column, value, context, emit);
  return {
    key: one(rule.key, write.id),
    values: Object.fromEntries(
      Object.entries(write.values).map(([name, value]) => [name, one(name, value)]),
    ),
    schema,
  };
}

function missing(schema: TableSchema | undefined, names: readonly string[]): string | undefined {
  return names.find((name) => schema?.columns.has(name) !== true);
}

function convertValue<P extends Principal, DB>(
  dialect: Dialect,
  rule: Rule<P, DB>,
  column: Column,
  value: unknown,
  context: OperationContext<P, DB>,
  emit: Emit,
): unknown {
  // A Kysely expression, from a column that the server sets; JSON can't hold one.
  if (
    typeof value === "object" &&
    value !== null &&
    "toOperationNode" in value &&
    typeof value.toOperationNode === "function"
  ) {
    return value;
  }
  if (column.generated) {
    throw fatal("FORBIDDEN_COLUMN", "The database computes one of these columns itself.");
  }
  try {
    return dialect.convert(column, value, context.lossyNumbers);
  } catch (error) {
    if (error instanceof InvalidValue) throw fatal("INVALID_DATA", error.message);
    if (error instanceof PrecisionLost) {
      const cure =
        "Mount powersync-writes before the body parser, so that it reads the body itself; or send the integer as text.";
      emit({
        type: "precision_lost",
        correlationId: context.correlationId,
        table: rule.name,
        column: column.name,
        cure,
      });
      throw retryable("The server can't read this integer exactly just now.");
    }
    throw error;
  }
}
