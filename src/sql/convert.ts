/** A row's values as the driver's parameters, by the real types of its columns. */
import { fatal, retryable } from "../errors.js";
import { correlated, type Emit } from "../events.js";
import type { Transaction } from "kysely";
import type { RequestContext } from "../pipeline/layers.js";
import type { Column, Connection } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import type { Values } from "./statements.js";
import { type Catalog, schemaMissing, type TableSchema } from "./schema.js";
import { InvalidValue, PrecisionLost } from "./values.js";

/**
 * Throws fatal INVALID_DATA for what can't be stored exactly, FORBIDDEN_COLUMN for what the database computes,
 * and retryable where a declared table or column is missing just now, or an integer has been rounded already.
 */
export type ConvertRow = <DB>(
  table: string,
  values: Values,
  context: ConvertContext<DB>,
  /** Columns that are compared, and not written. */
  lookedFor?: readonly string[],
) => Promise<{ readonly values: Values; readonly schema: TableSchema }>;

/** What it needs of an operation's. */
interface ConvertContext<DB> extends RequestContext {
  readonly tx: Transaction<DB>;
  readonly lossyNumbers: boolean;
}

export function createConvertRow(catalog: Catalog, emit: Emit): ConvertRow {
  return async (table, values, context, lookedFor = []) => {
    const tx = context.tx as unknown as Connection;
    const dialect = dialectOf(tx);
    const names = Object.keys(values);
    let schema = await catalog.read(tx, table);
    if (missing(schema, names) !== undefined) schema = await catalog.reread(tx, table);
    const absent = missing(schema, names);
    if (schema === undefined || absent !== undefined) {
      const where = { table, ...(schema && absent !== undefined && { column: absent }) };
      throw schemaMissing(emit, context, where);
    }
    const { columns } = schema;
    const converted = names.map((name) => {
      const known = columns.get(name) as Column;
      const column = lookedFor.includes(name) ? { ...known, generated: false } : known;
      try {
        return [name, convertValue(dialect.convert, column, values[name], context.lossyNumbers)];
      } catch (error) {
        if (error instanceof PrecisionLost) throw precisionLost(emit, table, name, context);
        throw error instanceof InvalidValue ? fatal("INVALID_DATA", error.message) : error;
      }
    });
    return { values: Object.fromEntries(converted) as Values, schema };
  };
}

function missing(schema: TableSchema | undefined, names: readonly string[]): string | undefined {
  return names.find((name) => schema?.columns.has(name) !== true);
}

function convertValue(
  convert: (column: Column, value: unknown, lossyNumbers: boolean) => unknown,
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
): unknown {
  // A Kysely expression, from a column that the server sets.
  if (isExpression(value)) return value;
  if (column.generated) {
    throw fatal("FORBIDDEN_COLUMN", "The database computes one of these columns itself.");
  }
  return convert(column, value, lossyNumbers);
}

/** JSON can't hold a function, so nothing that a client sends is one. */
function isExpression(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "toOperationNode" in value &&
    typeof value.toOperationNode === "function"
  );
}

function precisionLost(emit: Emit, table: string, column: string, context: RequestContext): Error {
  const cure =
    "Mount powersync-writes before the body parser, so that it reads the body itself; or send the integer as text.";
  emit({ type: "precision_lost", ...correlated(context), table, column, cure });
  return Object.assign(retryable("The server can't read this integer exactly just now."), {
    staysQueued: true,
  });
}
