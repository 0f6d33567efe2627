/** The client's names for a table's columns, and how a failure's message names columns. */
import type { Column } from "../store/tables.js";
import { typeName } from "../store/owners.js";
import type { Principal } from "../context.js";
import type { Rule } from "./rules.js";

interface Naming {
  readonly key: { readonly columns: readonly string[] };
  readonly clientColumns?: ReadonlyMap<string, { readonly column: string }>;
  readonly serverColumns: ReadonlyMap<string, unknown>;
  readonly insertColumns: ReadonlyMap<string, unknown>;
  readonly softDelete?: ReadonlyMap<string, unknown>;
}

/** The client's name for the row id, whatever the key's columns are called. */
export const rowId = "id";

/**
 * The client's name for a column. `undefined`: only the database or the server sets the column, and clients are not told of it.
 *
 * @param name the source database's name
 */
export function clientName(
  { key, clientColumns, serverColumns, insertColumns, softDelete }: Naming,
  name: string,
  column?: Pick<Column, "generated" | "numbered">,
): string | undefined {
  if (key.columns.includes(name)) return rowId;
  for (const [client, each] of clientColumns ?? []) if (each.column === name) return client;
  if (clientColumns !== undefined || column?.generated || column?.numbered) return undefined;
  const isServers = serverColumns.has(name) || insertColumns.has(name) || softDelete?.has(name);
  return isServers ? undefined : name;
}

/** The columns that a failure is about, by the client's names. */
interface ColumnDetails {
  readonly column: string;
  /** All of them, if there are several. */
  readonly columns?: readonly string[];
}

/** Adds the columns that a failure is about to its message and details. */
export function aboutColumns(
  names: readonly string[],
  message: string,
): { readonly message: string; readonly details?: ColumnDetails } {
  const columns = [...new Set(names)];
  const [column, second] = columns;
  if (column === undefined) return { message };
  const listed = columns.map((each) => JSON.stringify(each)).join(", ");
  return second === undefined
    ? { message: `Column ${listed}: ${message}`, details: { column } }
    : { message: `Columns ${listed}: ${message}`, details: { column, columns } };
}

const numbers =
  /^(?:(?:small|medium|big|tiny)?int|integer|int[248]|serial|(?:big|small)serial|numeric|decimal|oid)\b/;

export function isNumberType(type: string): boolean {
  return numbers.test(type);
}

/** @param table the source database's name */
export function numericKeyWarning(table: string, { name, type, array, numbered }: Column): string {
  const counted = numbered === undefined ? "" : " that the database numbers";
  return `"${table}"."${name}" is of type ${typeName({ type, array })}${counted}, and PowerSync's clients make UUIDs for row ids: a row with such an id is a dead letter (INVALID_DATA). Remedy: give the table a uuid column that is unique, and name it in "id"; other tables refer to it by "references". Only where the app makes whole numbers itself, leave it.`;
}

/** Also for a column that no client may send: the answer names it by the only name that there is. */
export function answerName<P extends Principal, DB>(
  column: string,
  { clientColumns }: Pick<Rule<P, DB>, "clientColumns">,
): string {
  for (const [name, each] of clientColumns ?? []) if (each.column === column) return name;
  return column;
}
