/** The default `map`: turns a client's operation, by its table's rule, into a row change with the source database's names and values. */
import type { OperationContext, Principal } from "../context.js";
import { fatal, fatalOfSchema, ofApplication } from "../errors.js";
import type { CrudEntry, OpData, Write } from "../model.js";
import type { ClientColumn, Reference } from "./table-rule.js";
import type { Convert } from "./convert.js";
import type { Emit } from "../events/emit.js";
import { aboutColumns } from "./column-messages.js";
import { isVersion } from "./conflict/compile.js";
import { isSameValue, keyOf } from "./key.js";
import type { LayerFunction, Layers, MaybePromise } from "./layers.js";
import { type OperationState, stateOf } from "./operation.js";
import { validateRow } from "./row-schema.js";
import type { Rule, Rules } from "./rules.js";
import type { Column } from "../store/tables.js";
import { schemaMissing } from "./value-failures.js";

interface Parts {
  readonly convert: Convert;
  readonly emit: Emit;
}

/** What the mapping of one operation needs. */
interface Mapping extends Parts {
  readonly state: OperationState;
}

/** Throws fatal UNKNOWN_TABLE and FORBIDDEN_COLUMN for what no rule declares, INVALID_DATA for what the rule's schema refuses, and what the conversion throws. */
export function mapper<P extends Principal, DB>(
  rules: Rules<P, DB>,
  mapping: Parts,
): LayerFunction<Layers<P, DB>["map"]> {
  return (entry, context) => {
    const rule = rules.get(entry.table);
    if (rule === undefined) {
      throw fatal("UNKNOWN_TABLE", `The table ${quote(entry.table)} is not writable here.`);
    }
    const state = stateOf(context);
    const { op, table, id } = entry;
    state.row = { table, id };
    const { validate } = rule;
    const values =
      validate === undefined
        ? valuesOf(entry, rule, context, { ...mapping, state })
        : validateRow(validate, entry, state).then(() =>
            valuesOf(entry, rule, context, { ...mapping, state }),
          );
    const convert = (given: Write["values"]) =>
      mapping.convert.write({ op, table, id, values: given }, rule, context, state, "pass");
    return values instanceof Promise ? values.then(convert) : convert(values);
  };
}

function valuesOf<P extends Principal, DB>(
  entry: CrudEntry,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): MaybePromise<Write["values"]> {
  if (entry.op === "DELETE") return computed(rule.softDelete, context);
  const complete = (values: Map<string, unknown>): MaybePromise<Write["values"]> => {
    // A PATCH without values stays empty: it must not touch the row only to set the server's columns.
    if (entry.op === "PATCH")
      return values.size === 0 ? {} : withComputed(values, [rule.serverColumns], context);
    addMissing(values, rule, context, mapping.state);
    return withComputed(values, [rule.insertColumns, rule.serverColumns], context);
  };
  const values = sent(entry.opData ?? {}, rule, context, mapping);
  return values instanceof Promise ? values.then(complete) : complete(values);
}

/** Adds what a PUT sets although the client left it out. */
function addMissing<P extends Principal, DB>(
  values: Map<string, unknown>,
  { insertOnly, ownerColumn, put, clientColumns }: Rule<P, DB>,
  { principal }: OperationContext<P, DB>,
  state: OperationState,
): void {
  if (ownerColumn !== undefined && !values.has(ownerColumn)) {
    values.set(ownerColumn, principal.userId);
    state.filledOwner = true;
  }
  if (put !== "replace") return;
  for (const { column, readOnly } of clientColumns?.values() ?? []) {
    // An `insertOnly` column keeps its value.
    if (readOnly === undefined && !values.has(column) && !insertOnly.has(column))
      values.set(column, null);
  }
}

/** The client's values by the source database's names. Most need neither application code nor the database, and are not awaited. */
function sent<P extends Principal, DB>(
  opData: OpData,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): MaybePromise<Map<string, unknown>> {
  const values = new Map<string, unknown>();
  const names = Object.keys(opData);
  const from = (start: number): MaybePromise<Map<string, unknown>> => {
    for (let index = start; index < names.length; index += 1) {
      const name = names[index] as string;
      const column = plainColumn(name, rule, mapping.state);
      if (column !== undefined) {
        values.set(column, opData[name]);
        continue;
      }
      const adding = addValue(values, name, opData[name], rule, context, mapping);
      return adding.then(() => from(index + 1));
    }
    return values;
  };
  return from(0);
}

/** The source column of a value that is written as the client sent it. `undefined`: there is more to be asked about it. */
function plainColumn<P extends Principal, DB>(
  name: string,
  rule: Rule<P, DB>,
  { table }: OperationState,
): string | undefined {
  if (rule.conflict !== undefined || rule.key.columns.includes(name)) return undefined;
  if (rule.clientColumns !== undefined) {
    const listed = rule.clientColumns.get(name);
    const isPlain = (listed?.readOnly ?? listed?.convert ?? listed?.references) === undefined;
    return isPlain ? listed?.column : undefined;
  }
  if (table?.name !== rule.table || isServers(name, rule)) return undefined;
  const found = table.columns.get(name);
  const isDatabases = found?.generated === true || found?.numbered !== undefined;
  return found === undefined || found.unlisted || isDatabases ? undefined : name;
}

async function addValue<P extends Principal, DB>(
  values: Map<string, unknown>,
  name: string,
  value: unknown,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): Promise<void> {
  if (await repeatsKey(name, value, rule, context, mapping)) return;
  if (rule.conflict !== undefined && isVersion(name, rule)) return;
  let column: (Partial<ClientColumn<P, DB>> & { column: string }) | undefined =
    rule.clientColumns?.get(name);
  if (rule.clientColumns === undefined) {
    const found = await unlistedColumn(name, rule, context, mapping);
    const isDatabases = found?.generated === true || found?.numbered !== undefined;
    // A client may write such a column only if the rule lists it.
    if (isDatabases && !found?.unlisted && !rule.ignoreUnknown)
      throw fatalOfSchema("FORBIDDEN_COLUMN", `The column ${quote(name)} is not writable here.`);
    if (found !== undefined && !found.unlisted && !isDatabases) column = { column: name };
  }
  if (column === undefined && rule.key.columns.includes(name) && !rule.ignoreUnknown) {
    const message = `The column ${quote(name)} holds another value than the row's id.`;
    throw fatal("FORBIDDEN_COLUMN", message);
  }
  if (column === undefined || column.readOnly === "reject") {
    if (column === undefined && rule.ignoreUnknown) return;
    throw fatal("FORBIDDEN_COLUMN", `The column ${quote(name)} is not writable here.`);
  }
  if (column.readOnly === "ignore") return;
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

/** The table's column, if the rule lists none. `undefined`: a client may not write it. */
function unlistedColumn<P extends Principal, DB>(
  name: string,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): MaybePromise<Column | undefined> {
  if (rule.key.columns.includes(name) || isServers(name, rule)) return undefined;
  const { table } = mapping.state;
  const known = table?.name === rule.table ? table.columns.get(name) : undefined;
  return known ?? columnNow(name, rule, context, mapping);
}

/** Reads the table again, which may have got the column since. */
async function columnNow<P extends Principal, DB>(
  name: string,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  { emit, state }: Mapping,
): Promise<Column | undefined> {
  const table = await state.unit.table(rule.table, [name]);
  if (table === undefined) throw schemaMissing(emit, context, { table: rule.table });
  state.table = table;
  return table.columns.get(name);
}

function isServers<P extends Principal, DB>(
  column: string,
  { serverColumns, insertColumns, softDelete }: Rule<P, DB>,
): boolean {
  return serverColumns.has(column) || insertColumns.has(column) || softDelete?.has(column) === true;
}

/** Looks up the value to store for a reference. Throws fatal FOREIGN_KEY_VIOLATION if there is no such row. */
async function lookUpReference<P extends Principal, DB>(
  { convert, state: { store, unit, needs } }: Mapping,
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

/** Whether a column only repeats a part of the key: some clients send the row id as a column, too, and clients have the columns of a composite key. */
function repeatsKey<P extends Principal, DB>(
  name: string,
  value: unknown,
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  mapping: Mapping,
): MaybePromise<boolean> {
  if (!rule.key.columns.includes(name)) return false;
  const { [name]: part } = keyOf(rule, context.operation.id, context.principal);
  return String(part) === String(value) || isSamePart(name, [part, value], rule, context, mapping);
}

/** Compares by the column's type, because a value may have several spellings. */
async function isSamePart<P extends Principal, DB>(
  name: string,
  [part, value]: readonly [part: unknown, value: unknown],
  rule: Rule<P, DB>,
  context: OperationContext<P, DB>,
  { convert, state }: Mapping,
): Promise<boolean> {
  const { store, unit } = state;
  const table = await convert.table(unit, rule.table, [name], context, state.table);
  state.table = table;
  const column = table.columns.get(name);
  return column !== undefined && isSameValue(store, column, part, value);
}

/** The values of a PUT or PATCH, and those that the configuration computes. */
function withComputed<P extends Principal, DB>(
  values: ReadonlyMap<string, unknown>,
  columns: readonly Rule<P, DB>["serverColumns"][],
  context: OperationContext<P, DB>,
): MaybePromise<Write["values"]> {
  const given = Object.fromEntries(values);
  if (columns.every(({ size }) => size === 0)) return given;
  return (async () => {
    let all: Write["values"] = given;
    for (const each of columns) all = { ...all, ...(await computed(each, context)) };
    return all;
  })();
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

/** The value that a rule's function returns, or that its promise resolves to. */
async function valueGiven(run: () => unknown): Promise<unknown> {
  const { given } = await ofApplication(async () => {
    const value = run();
    // Only promises are awaited, because some of Kysely's expressions can't be.
    return { given: value instanceof Promise ? ((await value) as unknown) : value };
  });
  return given;
}

/** A name from the client for a message, shortened and escaped. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
