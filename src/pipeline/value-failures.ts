/** The errors for values that can't be stored, and for tables and columns that are missing: whose fault it is, and what to do. */
import type { RequestContext } from "../context.js";
import { fatalOfSchema, keptQueued, type RetryableError, retryable } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { ErrorCode } from "../model.js";
import { ServerValue } from "../store/failures.js";
import { typeName } from "../store/owners.js";
import type { Column, Table } from "../store/tables.js";
import { aboutColumns, clientName } from "./column-messages.js";

/** Where a value comes from. */
interface Origin {
  /** `set`: from the configuration. */
  readonly use: string;
  /** The client's name for the value; or `rule`, which knows it. */
  readonly client?: string;
  readonly rule?: Parameters<typeof clientName>[0];
}

/** The failure for a value that its column can't store: the device's fault, unless the configuration set the value. */
export function unfit(
  code: ErrorCode,
  why: string,
  table: Table,
  column: Column,
  { use, client, rule }: Origin,
): Error {
  if (use === "set") return new ServerValue(table.name, column.name, why);
  const name = client ?? (rule && clientName(rule, column.name, column));
  const { message, details } = aboutColumns(name === undefined ? [] : [name], why);
  const cause = new Error(`${table.name}.${column.name}, of type ${typeName(column)}`);
  return Object.assign(fatalOfSchema(code, message, details), { cause });
}

/** The error for a declared table or column that is missing: a deployment may be under way, so the device keeps its write until it is complete. */
export function schemaMissing(
  emit: Emit,
  context: RequestContext,
  where: { readonly table: string; readonly column?: string },
): RetryableError {
  emit({ type: "schema_missing", ...correlated(context), ...where });
  return retryable("The database is being changed right now.");
}

export function precisionLost(
  emit: Emit,
  table: string,
  column: string,
  context: RequestContext,
): Error {
  const cure =
    "Mount powersync-writes before the body parser, so that it reads the body itself; or send the integer as text.";
  emit({ type: "precision_lost", ...correlated(context), table, column, cure });
  return keptQueued("The server can't read this integer exactly right now.");
}
