/** Converts a row's values to what its columns store. `map` converts first; values that a later hook sets are converted before they are written. */
import type { Principal, RequestContext } from "../context.js";
import { type Emit, correlated } from "../events/emit.js";
import { type clientName, isNumberType, numericKeyWarning, rowId } from "./column-messages.js";
import type { Write } from "../model.js";
import { InvalidValue, PrecisionLost } from "../store/failures.js";
import type { Store, Unit, Values } from "../store/store.js";
import type { Column, Table } from "../store/tables.js";
import { uuidOf } from "../store/values.js";
import { stringifyJson } from "../wire/serialize.js";
import type { MaybePromise } from "./layers.js";
import type { ConvertedValue, OperationState } from "./operation.js";
import type { Rule } from "./rules.js";
import { precisionLost, schemaMissing, unfit } from "./value-failures.js";

/** The context of a conversion. */
interface Converting extends RequestContext {
  readonly lossyNumbers: boolean;
}

interface ConvertingWrite extends Converting {
  readonly principal: Principal;
}

/**
 * What a value is used for. `sent`: the client's value, which is written. `set`: the configuration's value, which is written. `key`: identifies a row that
 * is written. `sought`: identifies a row that is looked for. `compared`: compared with what a row holds, and rounded as it would be when written.
 */
type ValueUse = "sent" | "set" | "key" | "sought" | "compared";

interface ValueHow {
  readonly use: ValueUse;
  readonly exact: boolean;
  /** The client's name for the value; or `rule`, which knows it. If both are absent, the client has no name for it. */
  readonly client?: string;
  readonly rule?: Parameters<typeof clientName>[0];
}

export interface Convert {
  /**
   * The table, with these columns. Throws retryable if the table or one of the columns is missing right now.
   *
   * @param known the table as it was read before
   */
  table(
    unit: Unit,
    name: string,
    columns: readonly string[],
    context: RequestContext,
    known?: Table,
  ): MaybePromise<Table>;
  /**
   * Converts values of columns that the table has. Values of a `key`, and those that are `sought`, are never rounded.
   * Throws fatal INVALID_DATA for a value that can't be stored, fatal FORBIDDEN_COLUMN for a column that the database computes, and retryable for an
   * integer that may have been rounded before the library saw it.
   *
   * @param use see `ValueUse`; default `sent`
   * @param client the client's name for the value, for the message of a failure
   */
  values(
    store: Store,
    table: Table,
    values: Values,
    context: Converting,
    use?: Exclude<ValueUse, "set">,
    client?: string,
  ): Values;
  /**
   * Converts the values of a write that are new or have changed. Returns the write with its values as layers and hooks see them, and keeps the stored
   * form in `state`.
   *
   * @param missing what to do if the database lacks a value's column, or the table, right now: `throws` as `table` does; `pass` leaves the value as it is,
   * because the application's own `persist` may handle it
   */
  write<P extends Principal, DB>(
    write: Write,
    rule: Rule<P, DB>,
    context: ConvertingWrite,
    state: OperationState,
    missing: "throws" | "pass",
  ): MaybePromise<Write>;
}

/** @param isSeen whether application code outside the rules sees converted values */
export function createConvert(emit: Emit, isSeen: boolean): Convert {
  const reported = new Set<string>();
  /** Reports a UUID for a key that is a number, once for each table. */
  const tellUnfit = (table: Table, column: Column, value: unknown, context: Converting): void => {
    if (!isNumberType(column.type) || uuidOf(value) === undefined || reported.has(table.name))
      return;
    reported.add(table.name);
    const where = { table: table.name, column: column.name };
    const message = numericKeyWarning(table.name, column);
    emit({ type: "row_id_unfit", ...correlated(context), ...where, message });
  };

  const one = (
    store: Store,
    table: Table,
    column: Column,
    value: unknown,
    context: Converting,
    how: ValueHow,
  ): unknown => {
    const { use, exact } = how;
    if (column.generated && use !== "sought" && use !== "compared") {
      if (how.client === rowId) tellUnfit(table, column, value, context);
      const why = "The database computes one of these columns itself.";
      throw unfit("FORBIDDEN_COLUMN", why, table, column, how);
    }
    try {
      const converted = store.convert(column, value, context.lossyNumbers, exact);
      const isCounted = column.numbered !== undefined && (use === "sent" || use === "key");
      if (isCounted) refuseHigh(column.numbered, converted);
      return converted;
    } catch (error) {
      if (error instanceof PrecisionLost)
        throw precisionLost(emit, table.name, column.name, context);
      if (!(error instanceof InvalidValue)) throw error;
      if (how.client === rowId) tellUnfit(table, column, value, context);
      throw unfit("INVALID_DATA", error.message, table, column, how);
    }
  };

  const tableNow = async (
    unit: Unit,
    name: string,
    columns: readonly string[],
    context: RequestContext,
  ): Promise<Table> => {
    const table = await unit.table(name, columns);
    const absent = missingColumn(table, columns);
    if (table === undefined || absent !== undefined) {
      throw schemaMissing(emit, context, {
        table: name,
        ...(table !== undefined && absent !== undefined && { column: absent }),
      });
    }
    return table;
  };

  const tableWith: Convert["table"] = (unit, name, columns, context, known) =>
    known?.name === name && missingColumn(known, columns) === undefined
      ? known
      : tableNow(unit, name, columns, context);

  /** Converts the values that are new or have changed, and replaces those that layers and hooks see otherwise than they were given. */
  const convertAll = <P extends Principal, DB>(
    write: Write,
    rule: Rule<P, DB>,
    context: ConvertingWrite,
    { converted, store, set }: OperationState,
    table: Table,
  ): Write => {
    const showing = isSeen || (rule.authorize ?? rule.persist) !== undefined;
    let values: Record<string, unknown> | undefined;
    for (const name of Object.keys(write.values)) {
      const value = write.values[name];
      let known = converted.get(name);
      if (known === undefined || isChanged(known, value)) {
        const column = table.columns.get(name);
        if (column !== undefined) {
          const isSet = setsColumn(rule, write, name, context);
          if (isSet) set.add(name);
          else set.delete(name);
          const use = isSet ? "set" : "sent";
          const exact = isExact(rule, name);
          const stored = one(store, table, column, value, context, { use, exact, rule });
          known = showing
            ? shownValue(store.view(column, stored), stored)
            : { stored, shown: stored };
          converted.set(name, known);
        }
      }
      if (known === undefined || Object.is(known.shown, value)) continue;
      // A copy has the same columns, so that even one called "__proto__" is replaced and not lost.
      values ??= { ...write.values };
      values[name] = known.shown;
    }
    // What the application has made is never passed on as it is: it may use the object again.
    return values === undefined && !showing
      ? write
      : { ...write, values: values ?? { ...write.values } };
  };

  return {
    table: tableWith,
    // Objects are built from entries, here and below, because an assignment to a column called "__proto__" would be lost.
    values: (store, table, values, context, use = "sent", client) => {
      const converted: [string, unknown][] = [];
      for (const [name, value] of Object.entries(values)) {
        const column = declaredColumn(table, name);
        const how = {
          use,
          exact: use !== "sent" && use !== "compared",
          ...(client !== undefined && { client }),
        };
        converted.push([name, one(store, table, column, value, context, how)]);
      }
      return Object.fromEntries(converted);
    },
    write: (write, rule, context, state, whereMissing) => {
      const { converted, unit } = state;
      // A hook may have turned the write into one on another table.
      if (state.table?.name !== rule.table) {
        converted.clear();
        state.set.clear();
        state.table = undefined;
      }
      const fresh: string[] = [];
      for (const name of Object.keys(write.values)) {
        const known = converted.get(name);
        if (known === undefined || isChanged(known, write.values[name])) fresh.push(name);
      }
      if (fresh.length === 0) return write;
      if (state.table !== undefined && missingColumn(state.table, fresh) === undefined)
        return convertAll(write, rule, context, state, state.table);
      const reading =
        whereMissing === "throws"
          ? tableNow(unit, rule.table, fresh, context)
          : unit.table(rule.table, fresh);
      return reading.then((table) => {
        state.table = table;
        return table === undefined ? write : convertAll(write, rule, context, state, table);
      });
    },
  };
}

/** Whether the configuration set the value, so that the device is not at fault if it does not fit. An owner's id counts as set, even if the client sent it. */
function setsColumn<P extends Principal, DB>(
  { serverColumns, insertColumns, softDelete, ownerColumn }: Rule<P, DB>,
  { op, values }: Write,
  column: string,
  { principal }: ConvertingWrite,
): boolean {
  if (op === "DELETE") return softDelete?.has(column) === true;
  if (serverColumns.has(column) || insertColumns.has(column)) return true;
  return column === ownerColumn && values[column] === principal.userId;
}

/** Refuses a client's value above half of the range: the database would continue numbering from it, and too few numbers would be left. */
function refuseHigh({ end }: NonNullable<Column["numbered"]>, converted: unknown): void {
  const digits = String(converted);
  const number = /^\+?\d+$/.test(digits) ? BigInt(digits.replace("+", "")) : undefined;
  if (number === undefined ? Number(digits) > Number(end / 2n) : number > end / 2n)
    throw new InvalidValue("The number is too large for a column that the database numbers.");
}

/** Whether a value with more digits than the column keeps is refused instead of rounded. */
function isExact<P extends Principal, DB>(
  { exact: { identifying, said, otherwise = false } }: Pick<Rule<P, DB>, "exact">,
  column: string,
): boolean {
  return identifying.has(column) || (said.get(column) ?? otherwise);
}

function shownValue(shown: unknown, stored: unknown): ConvertedValue {
  return typeof shown === "object" && shown !== null && shown !== stored
    ? { shown, stored, snapshot: stringifyJson(shown) }
    : { shown, stored };
}

function isChanged({ shown, snapshot }: ConvertedValue, value: unknown): boolean {
  return !Object.is(shown, value) || (snapshot !== undefined && stringifyJson(value) !== snapshot);
}

/** The first of the columns that the table lacks. */
function missingColumn(table: Table | undefined, columns: readonly string[]): string | undefined {
  for (const column of columns) if (table?.columns.has(column) !== true) return column;
  return undefined;
}

function declaredColumn({ columns }: Table, name: string): Column {
  const column = columns.get(name);
  if (column === undefined)
    throw new Error("A value is for a column that its table does not have.");
  return column;
}

/** The stored form of a write's values after `Convert.write`, by column. Without the key's columns, which always hold the row's id, whatever a hook sets. */
export function storedValues(
  { values }: Write,
  keyColumns: readonly string[],
  { converted }: OperationState,
): Values {
  let isSame = true;
  for (const name of Object.keys(values)) {
    isSame &&= !keyColumns.includes(name) && Object.is(converted.get(name)?.stored, values[name]);
  }
  if (isSame) return values;
  return Object.fromEntries(
    Object.keys(values)
      .filter((name) => !keyColumns.includes(name))
      .map((name) => [name, converted.get(name)?.stored]),
  );
}
