/** A row's values as its columns store them. Conversion is `map`'s work; what a later hook puts in is converted before it is written. */
import type { OperationContext, Principal, RequestContext } from "../context.js";
import { fatal, type FatalError, type RetryableError, retryable } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { Write } from "../model.js";
import { InvalidValue, PrecisionLost } from "../store/failures.js";
import type { Column, Store, Table, Unit, Values } from "../store/store.js";
import { stateOf } from "./operation.js";
import type { Rule } from "./rules.js";

/** What a conversion is made with. */
export interface Converting extends RequestContext {
  readonly lossyNumbers: boolean;
}

export interface Convert {
  /** The table, with these columns. Throws retryable where one of them, or the table, is missing just now. */
  table(
    unit: Unit,
    name: string,
    columns: readonly string[],
    context: RequestContext,
  ): Promise<Table>;
  /**
   * Values of columns that the table has.
   * Throws fatal INVALID_DATA for what can't be stored as it is, FORBIDDEN_COLUMN for what the database computes, retryable for an integer that
   * had been rounded before the library saw it.
   *
   * @param compared the columns are compared with the values, and not written
   */
  values(
    store: Store,
    table: Table,
    values: Values,
    context: Converting,
    compared?: boolean,
  ): Values;
  /** The write with its values as layers and hooks see them. Only what has not been converted yet is. */
  write<P extends Principal, DB>(
    write: Write,
    rule: Rule<P, DB>,
    context: OperationContext<P, DB>,
  ): Promise<Write>;
}

/** @param seen whether application code gets to see what has been converted */
export function createConvert(
  emit: Emit,
  seen: (rule: { readonly authorize?: unknown }) => boolean,
): Convert {
  const one = (
    store: Store,
    table: Table,
    column: Column,
    value: unknown,
    context: Converting,
  ): unknown => {
    if (column.generated) {
      throw fatal("FORBIDDEN_COLUMN", "The database computes one of these columns itself.");
    }
    try {
      return store.convert(column, value, context.lossyNumbers);
    } catch (error) {
      if (error instanceof PrecisionLost)
        throw precisionLost(emit, table.name, column.name, context);
      throw error instanceof InvalidValue ? fatal("INVALID_DATA", error.message) : error;
    }
  };

  const tableWith: Convert["table"] = async (unit, name, columns, context) => {
    const table = await unit.table(name, columns);
    const absent = columns.find((column) => table?.columns.has(column) !== true);
    if (table === undefined || absent !== undefined) {
      throw schemaMissing(emit, context, {
        table: name,
        ...(table !== undefined && absent !== undefined && { column: absent }),
      });
    }
    return table;
  };

  return {
    table: tableWith,
    values: (store, table, values, context, compared = false) =>
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => {
          const known = columnOf(table, name);
          const column = compared ? { ...known, generated: false } : known;
          return [name, one(store, table, column, value, context)];
        }),
      ),
    write: async (write, rule, context) => {
      const kept = stateOf(context);
      const { converted, store, unit } = kept;
      // A hook may have made a write on another table of it.
      if (kept.convertedFor !== rule.table) converted.clear();
      kept.convertedFor = rule.table;
      const fresh = Object.entries(write.values).filter(([name, value]) => {
        const known = converted.get(name);
        return known === undefined || !Object.is(known.shown, value);
      });
      if (fresh.length === 0) return write;
      const names = fresh.map(([name]) => name);
      const table = await tableWith(unit, rule.table, names, context);
      const showing = seen(rule);
      for (const [name, value] of fresh) {
        const column = columnOf(table, name);
        const stored = one(store, table, column, value, context);
        converted.set(name, { stored, shown: showing ? store.view(column, stored) : stored });
      }
      const values = Object.fromEntries(
        Object.keys(write.values).map((name) => [name, converted.get(name)?.shown]),
      );
      return { ...write, values };
    },
  };
}

function columnOf({ columns }: Table, name: string): Column {
  const column = columns.get(name);
  if (column === undefined)
    throw new Error("A value is for a column that its table does not have.");
  return column;
}

/** By column, what is stored of a write that `Convert.write` has seen last. */
export function storedValues<P extends Principal, DB>(
  { values }: Write,
  context: OperationContext<P, DB>,
): Values {
  const { converted } = stateOf(context);
  return Object.fromEntries(Object.keys(values).map((name) => [name, converted.get(name)?.stored]));
}

/** A row's key by column, not yet converted. Throws fatal INVALID_DATA where the id has not as many values as the key has columns. */
export function keyOf({ key }: { readonly key: Rule<never, never>["key"] }, id: string): Values {
  const parts = key.split(id);
  if (parts.length !== key.columns.length) throw invalidKey();
  return Object.fromEntries(key.columns.map((column, index) => [column, parts[index]]));
}

export function invalidKey(): FatalError {
  return fatal("INVALID_DATA", "The row's id is not of the form that its table needs.");
}

/** Declared, but not there: a deployment is under way, and the device keeps its write until it is over. */
export function schemaMissing(
  emit: Emit,
  context: RequestContext,
  where: { readonly table: string; readonly column?: string },
): RetryableError {
  emit({ type: "schema_missing", ...correlated(context), ...where });
  return retryable("The database is being changed just now.");
}

function precisionLost(emit: Emit, table: string, column: string, context: RequestContext): Error {
  const cure =
    "Mount powersync-writes before the body parser, so that it reads the body itself; or send the integer as text.";
  emit({ type: "precision_lost", ...correlated(context), table, column, cure });
  return Object.assign(retryable("The server can't read this integer exactly just now."), {
    staysQueued: true,
  });
}
