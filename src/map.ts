/** The default `map`: a client's operation, by its table's rule, becomes a row change in the source database's words. */
import type { CrudEntry, OpData } from "./crud.js";
import { fatal } from "./errors.js";
import type { LayerFunction, Layers, OperationContext, Principal } from "./layer.js";
import type { Rule, Rules } from "./rules.js";
import type { Write } from "./write.js";

/** The columns that the source table has just now. `unknown`: a name that the last reading of the schema did not show. */
export type ColumnsOf<P extends Principal, DB> = (
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  unknown: string,
) => Promise<ReadonlySet<string>>;

/**
 * Throws fatal UNKNOWN_TABLE and FORBIDDEN_COLUMN for what no rule declares.
 */
export function mapper<P extends Principal, DB>(
  rules: Rules<P, DB>,
  columnsOf: ColumnsOf<P, DB>,
): LayerFunction<Layers<P, DB>["map"]> {
  return async (entry, context) => {
    const rule = rules.get(entry.table);
    if (rule === undefined) {
      throw fatal("UNKNOWN_TABLE", `The table ${quote(entry.table)} is not writable here.`);
    }
    const { op, table, id } = entry;
    return { op, table, id, values: await valuesOf(entry, rule, context, columnsOf) };
  };
}

async function valuesOf<P extends Principal, DB>(
  entry: CrudEntry,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  columnsOf: ColumnsOf<P, DB>,
): Promise<Write["values"]> {
  if (entry.op === "DELETE") return computed(rule.softDelete, context);
  const values = await sent(entry.opData ?? {}, rule, context, columnsOf);
  if (entry.op === "PATCH") {
    // A PATCH of nothing stays one: it must not touch the row only to set the server's columns.
    return values.size === 0
      ? {}
      : { ...Object.fromEntries(values), ...computed(rule.serverColumns, context) };
  }
  if (rule.replace) {
    for (const { column, readOnly } of rule.clientColumns?.values() ?? []) {
      if (readOnly === undefined && !values.has(column)) values.set(column, null);
    }
  }
  if (rule.owner !== undefined && !values.has(rule.owner)) {
    values.set(rule.owner, context.principal.userId);
  }
  return { ...Object.fromEntries(values), ...computed(rule.serverColumns, context) };
}

async function sent<P extends Principal, DB>(
  opData: OpData,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  columnsOf: ColumnsOf<P, DB>,
): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(opData)) {
    // Some clients repeat the row id among the columns.
    if (name === rule.key && value === context.operation.id) continue;
    const column =
      rule.clientColumns === undefined
        ? await anyColumn(name, rule, context, columnsOf)
        : rule.clientColumns.get(name);
    if (column === undefined || column.readOnly === "reject") {
      if (column === undefined && rule.ignoreUnknown) continue;
      throw fatal("FORBIDDEN_COLUMN", `The column ${quote(name)} is not writable here.`);
    }
    if (column.readOnly === "ignore") continue;
    values.set(column.column, column.convert ? column.convert(value, context) : value);
  }
  return values;
}

async function anyColumn<P extends Principal, DB>(
  name: string,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  columnsOf: ColumnsOf<P, DB>,
) {
  if (name === rule.key || !(await columnsOf(rule, context, name)).has(name)) return undefined;
  return { column: name, readOnly: undefined, convert: undefined };
}

function computed<P extends Principal, DB>(
  columns: Rule<P, DB>["softDelete"],
  context: OperationContext<P, DB>,
): Write["values"] {
  if (columns === undefined || columns.size === 0) return {};
  return Object.fromEntries([...columns].map(([column, set]) => [column, set(context)]));
}

/** The client's own word, short and escaped, so that a message can name it. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
