/** The default `map`: a client's operation, by its table's rule, becomes a row change in the source database's words. */
import type { CrudEntry, OpData, Write } from "../model.js";
import { fatal, ofApplication } from "../errors.js";
import type { LayerFunction, Layers, OperationContext, Principal } from "./layers.js";
import type { Rule, Rules } from "./rules.js";
import type { Reference } from "../table-rule.js";
import { turnTo } from "./stored-row.js";

/** The columns that the source table has just now. `unknown`: a name that the last reading of the schema did not show. */
type ColumnsOf<P extends Principal, DB> = (
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  unknown: string,
) => Promise<ReadonlySet<string>>;

/** The value that a reference stands for. Throws fatal FOREIGN_KEY_VIOLATION where it refers to no row. */
type LookUp<P extends Principal, DB> = (
  reference: Reference,
  value: unknown,
  context: OperationContext<P, DB>,
) => Promise<unknown>;

/** What the mapper asks the database. */
export interface Lookups<P extends Principal, DB> {
  readonly columnsOf: ColumnsOf<P, DB>;
  readonly lookUp: LookUp<P, DB>;
}

/**
 * Throws fatal UNKNOWN_TABLE and FORBIDDEN_COLUMN for what no rule declares.
 */
export function mapper<P extends Principal, DB>(
  rules: Rules<P, DB>,
  lookups: Lookups<P, DB>,
): LayerFunction<Layers<P, DB>["map"]> {
  return async (entry, context) => {
    const rule = rules.get(entry.table);
    if (rule === undefined) {
      throw fatal("UNKNOWN_TABLE", `The table ${quote(entry.table)} is not writable here.`);
    }
    turnTo(context, entry);
    const { op, table, id } = entry;
    return { op, table, id, values: await valuesOf(entry, rule, context, lookups) };
  };
}

async function valuesOf<P extends Principal, DB>(
  entry: CrudEntry,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  lookups: Lookups<P, DB>,
): Promise<Write["values"]> {
  if (entry.op === "DELETE") return computed(rule.softDelete, context);
  const values = await sent(entry.opData ?? {}, rule, context, lookups);
  if (entry.op === "PATCH") {
    // A PATCH of nothing stays one: it must not touch the row only to set the server's columns.
    return values.size === 0
      ? {}
      : { ...Object.fromEntries(values), ...(await computed(rule.serverColumns, context)) };
  }
  if (rule.owner !== undefined && !values.has(rule.owner)) {
    values.set(rule.owner, context.principal.userId);
  }
  if (rule.replace) {
    for (const { column, readOnly } of rule.clientColumns?.values() ?? []) {
      if (readOnly === undefined && !values.has(column)) values.set(column, null);
    }
  }
  return {
    ...Object.fromEntries(values),
    ...(await computed(rule.insertColumns, context)),
    ...(await computed(rule.serverColumns, context)),
  };
}

async function sent<P extends Principal, DB>(
  opData: OpData,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  { columnsOf, lookUp }: Lookups<P, DB>,
): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(opData)) {
    if (repeatsKey(name, value, rule, context)) continue;
    const column =
      rule.clientColumns === undefined
        ? await anyColumn(name, rule, context, columnsOf)
        : rule.clientColumns.get(name);
    if (column === undefined || column.readOnly === "reject") {
      if (column === undefined && rule.ignoreUnknown) continue;
      throw fatal("FORBIDDEN_COLUMN", `The column ${quote(name)} is not writable here.`);
    }
    if (column.readOnly === "ignore") continue;
    const converted = column.convert
      ? await settled(() => column.convert?.(value, context))
      : value;
    values.set(
      column.column,
      column.references ? await lookUp(column.references, converted, context) : converted,
    );
  }
  return values;
}

async function anyColumn<P extends Principal, DB>(
  name: string,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  columnsOf: ColumnsOf<P, DB>,
) {
  if (rule.key.columns.includes(name) || rule.softDelete?.has(name)) return undefined;
  if (!(await columnsOf(rule, context, name)).has(name)) return undefined;
  return { column: name, readOnly: undefined, convert: undefined, references: undefined };
}

/** Some clients repeat the row id among the columns; and the columns of a composite key are the client's own too. */
function repeatsKey<P extends Principal, DB>(
  name: string,
  value: unknown,
  { key }: Rule<P, DB>,
  { operation }: OperationContext<P, DB>,
): boolean {
  const index = key.columns.indexOf(name);
  return index >= 0 && String(key.split(operation.id)[index]) === String(value);
}

async function computed<P extends Principal, DB>(
  columns: Rule<P, DB>["softDelete"],
  context: OperationContext<P, DB>,
): Promise<Write["values"]> {
  const values = new Map<string, unknown>();
  for (const [column, set] of columns ?? []) {
    values.set(column, await settled(() => set(context)));
  }
  return Object.fromEntries(values);
}

/** What a rule's function gives, or its promise does. */
async function settled(run: () => unknown): Promise<unknown> {
  const { given } = await ofApplication(async () => {
    const value = run();
    // Kysely's expressions are left alone: some don't let themselves be awaited.
    return { given: value instanceof Promise ? ((await value) as unknown) : value };
  });
  return given;
}

/** The client's own word, short and escaped, so that a message can name it. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
