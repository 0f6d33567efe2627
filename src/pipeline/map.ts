/** The default `map`: a client's operation, by its table's rule, becomes a row change in the source database's words and values. */
import type { OperationContext, Principal } from "../context.js";
import { fatal, fatalOfSchema, ofApplication } from "../errors.js";
import type { CrudEntry, OpData, Write } from "../model.js";
import type { Reference } from "./table-rule.js";
import { type Convert, schemaMissing } from "./convert.js";
import type { Emit } from "../events/emit.js";
import { aboutColumns } from "./client-names.js";
import { isVersion } from "./conflict/compile.js";
import { isSameValue, keyOf } from "./key.js";
import type { LayerFunction, Layers } from "./layers.js";
import { type OperationState, stateOf } from "./operation.js";
import { validateRow } from "./row-schema.js";
import type { Rule, Rules } from "./rules.js";

interface Parts {
  readonly convert: Convert;
  readonly emit: Emit;
}

/** What one operation is mapped with. */
interface Mapping extends Parts {
  readonly kept: OperationState;
}

/** Throws fatal UNKNOWN_TABLE and FORBIDDEN_COLUMN for what no rule declares, INVALID_DATA for what its schema refuses, and what the conversion throws. */
export function mapper<P extends Principal, DB>(
  rules: Rules<P, DB>,
  mapping: Parts,
): LayerFunction<Layers<P, DB>["map"]> {
  return async (entry, context) => {
    const rule = rules.get(entry.table);
    if (rule === undefined) {
      throw fatal("UNKNOWN_TABLE", `The table ${quote(entry.table)} is not writable here.`);
    }
    const kept = stateOf(context);
    const { op, table, id } = entry;
    kept.row = { table, id };
    if (rule.validate !== undefined) await validateRow(rule.validate, entry, kept);
    const values = await valuesOf(entry, rule, context, { ...mapping, kept });
    return mapping.convert.write({ op, table, id, values }, rule, context, kept, "pass");
  };
}

async function valuesOf<P extends Principal, DB>(
  entry: CrudEntry,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): Promise<Write["values"]> {
  if (entry.op === "DELETE") return computed(rule.softDelete, context);
  const { kept } = mapping;
  const values = await sent(entry.opData ?? {}, rule, context, mapping);
  if (entry.op === "PATCH") {
    // A PATCH of nothing stays one: it must not touch the row only to set the server's columns.
    return values.size === 0
      ? {}
      : { ...Object.fromEntries(values), ...(await computed(rule.serverColumns, context)) };
  }
  const { insertColumns, serverColumns, insertOnly, ownerColumn } = rule;
  if (ownerColumn !== undefined && !values.has(ownerColumn)) {
    values.set(ownerColumn, context.principal.userId);
    kept.filledOwner = true;
  }
  if (rule.put === "replace") {
    for (const { column, readOnly } of rule.clientColumns?.values() ?? []) {
      // What is set once is not taken away.
      if (readOnly === undefined && !values.has(column) && !insertOnly.has(column))
        values.set(column, null);
    }
  }
  return {
    ...Object.fromEntries(values),
    ...(insertColumns.size > 0 && (await computed(insertColumns, context))),
    ...(serverColumns.size > 0 && (await computed(serverColumns, context))),
  };
}

async function sent<P extends Principal, DB>(
  opData: OpData,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(opData)) {
    if (await repeatsKey(name, value, rule, context, mapping)) continue;
    if (rule.conflict !== undefined && isVersion(name, rule)) continue;
    const column =
      rule.clientColumns === undefined
        ? await anyColumn(name, rule, context, mapping)
        : rule.clientColumns.get(name);
    if (column === undefined || column.readOnly === "reject") {
      if (column === undefined && rule.ignoreUnknown) continue;
      throw fatal("FORBIDDEN_COLUMN", `The column ${quote(name)} is not writable here.`);
    }
    if (column.readOnly === "ignore") continue;
    const converted = column.convert
      ? await valueGiven(() => column.convert?.(value, context))
      : value;
    values.set(
      column.column,
      column.references
        ? await lookUpReference(mapping, column.references, [name, converted], context)
        : converted,
    );
  }
  return values;
}

async function anyColumn<P extends Principal, DB>(
  name: string,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  { emit, kept }: Mapping,
) {
  if (rule.key.columns.includes(name) || isServers(name, rule)) return undefined;
  let { table } = kept;
  if (table?.name !== rule.table || !table.columns.has(name)) {
    table = await kept.unit.table(rule.table, [name]);
    if (table === undefined) throw schemaMissing(emit, context, { table: rule.table });
    kept.table = table;
  }
  const found = table.columns.get(name);
  if (found === undefined || found.unlisted) return undefined;
  // It takes a rule that lists it.
  if (found.generated || found.numbered !== undefined) {
    if (rule.ignoreUnknown) return undefined;
    throw fatalOfSchema("FORBIDDEN_COLUMN", `The column ${quote(name)} is not writable here.`);
  }
  return { column: name, readOnly: undefined, convert: undefined, references: undefined };
}

function isServers<P extends Principal, DB>(
  column: string,
  { serverColumns, insertColumns, softDelete }: Rule<P, DB>,
): boolean {
  return serverColumns.has(column) || insertColumns.has(column) || softDelete?.has(column) === true;
}

/** The value that a reference stands for. Throws fatal FOREIGN_KEY_VIOLATION where it refers to no row. */
async function lookUpReference<P extends Principal, DB>(
  { convert, kept: { store, unit, needs } }: Mapping,
  { table: name, match, take }: Reference,
  [client, value]: readonly [client: string, value: unknown],
  context: OperationContext<P, DB>,
): Promise<unknown> {
  if (value === null || value === undefined) return null;
  const table = await convert.table(unit, name, [match], context);
  const sought = convert.values(store, table, { [match]: value }, context, "sought", client);
  const found = await unit.lookUp(table, sought, take);
  if (found === undefined) {
    const { operationIndex } = context;
    needs?.references.push({ operationIndex, table: name, match: sought });
    const { message, details } = aboutColumns(
      [client],
      "The row that it refers to does not exist.",
    );
    throw fatalOfSchema("FOREIGN_KEY_VIOLATION", message, details);
  }
  return found.value;
}

/** Some clients repeat the row id among the columns; and the columns of a composite key are the client's own too. */
function repeatsKey<P extends Principal, DB>(
  name: string,
  value: unknown,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): boolean | Promise<boolean> {
  if (!rule.key.columns.includes(name)) return false;
  const { [name]: part } = keyOf(rule, context.operation.id, context.principal);
  return String(part) === String(value) || isSamePart(name, [part, value], rule, context, mapping);
}

/** One value may have several spellings, and the column says which. */
async function isSamePart<P extends Principal, DB>(
  name: string,
  [part, value]: readonly [part: unknown, value: unknown],
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  { convert, kept }: Mapping,
): Promise<boolean> {
  const { store, unit } = kept;
  const table = await convert.table(unit, rule.table, [name], context, kept.table);
  kept.table = table;
  const column = table.columns.get(name);
  return column !== undefined && isSameValue(store, column, part, value);
}

async function computed<P extends Principal, DB>(
  columns: Rule<P, DB>["softDelete"],
  context: OperationContext<P, DB>,
): Promise<Write["values"]> {
  const values = new Map<string, unknown>();
  for (const [column, set] of columns ?? []) {
    values.set(column, await valueGiven(() => set(context)));
  }
  return Object.fromEntries(values);
}

/** What a rule's function gives, or its promise does. */
async function valueGiven(run: () => unknown): Promise<unknown> {
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
