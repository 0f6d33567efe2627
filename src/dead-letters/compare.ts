/** Compares a letter with the current rows: the values that the device had, the stored values, and the values that the letter would write. */
import type { Principal } from "../context.js";
import type { Rule, Rules } from "../pipeline/rules.js";
import { inUnit } from "../process/classify.js";
import type { Letter } from "../store/letters.js";
import type { Store, StoredRow } from "../store/store.js";
import type { Table } from "../store/tables.js";
import { membersOf, rowOf } from "../wire/entries.js";
import { entriesOf } from "./payload.js";
import { rowPlaceOf } from "./row-states.js";
import type { ComparedColumn, ComparedOperation, LetterComparison } from "./types.js";

/** The most operations whose rows are read. Each is read in a transaction of its own, so that a failure does not affect the others. */
const mostRead = 50;

/** @param sender for keys that depend on the principal */
export async function compareLetter<P extends Principal, DB>(
  rules: Rules<P, DB>,
  store: Store,
  letter: Letter,
  sender: Principal,
): Promise<LetterComparison> {
  const entries = entriesOf(letter.payload);
  const operations: ComparedOperation[] = [];
  for (const [index, entry] of entries.slice(0, mostRead).entries()) {
    operations.push(await compared(store, rules, entry, index, sender));
  }
  return { operations, more: Math.max(0, entries.length - mostRead) };
}

async function compared<P extends Principal, DB>(
  store: Store,
  rules: Rules<P, DB>,
  entry: unknown,
  operationIndex: number,
  sender: Principal,
): Promise<ComparedOperation> {
  const { op, table, id } = rowOf(entry);
  const { op_data: yours, previous_values: base } = membersOf(entry);
  const rule = typeof table === "string" ? rules.get(table) : undefined;
  const read =
    rule === undefined || typeof id !== "string"
      ? undefined
      : await currentRow(store, rule, id, sender);
  return {
    operationIndex,
    ...(typeof op === "string" && { op }),
    ...(typeof table === "string" && { table }),
    ...(typeof id === "string" && { id }),
    ...(isMembers(base) && { base }),
    ...(isMembers(yours) && { yours }),
    ...(read?.row !== undefined && { theirs: read.row }),
    ...(rule && read && { columns: columnsOf(rule, read.table) }),
  };
}

/** Reads a row. `row` is absent if the row can't be read, and `null` if there is none. `undefined`: not even the table can be read. */
async function currentRow<P extends Principal, DB>(
  store: Store,
  rule: Rule<P, DB>,
  id: string,
  sender: Principal,
): Promise<
  { readonly table: Table; readonly row?: Readonly<Record<string, unknown>> | null } | undefined
> {
  let table: Table | undefined;
  try {
    return await inUnit(store, async (unit) => {
      table = await unit.table(rule.table);
      if (table === undefined) return undefined;
      const named = [{ table: rule.name, id }];
      const place = await rowPlaceOf({ store, unit }, rule, named, sender);
      const [key] = place?.keys ?? [];
      if (place === undefined || key === undefined) return { table };
      const row = await unit.read(place.table, key);
      return { table, row: row === undefined ? null : byClientNames(rule, row) };
    });
  } catch {
    // The login role may lack the grant, the row may be locked, or the driver may be unable to read a value.
    return table && { table };
  }
}

function byClientNames<P extends Principal, DB>(
  { clientColumns, key }: Rule<P, DB>,
  row: StoredRow,
): Readonly<Record<string, unknown>> {
  const named: readonly (readonly [string, string])[] =
    clientColumns === undefined
      ? Object.keys(row).map((column) => [column, column])
      : Array.from(clientColumns, ([name, { column }]) => [name, column]);
  return Object.fromEntries(
    named.flatMap(([name, column]) =>
      key.columns.includes(column) || !Object.hasOwn(row, column)
        ? []
        : [[name, shown(row[column])]],
    ),
  );
}

/** The value in the form in which a client sends it in JSON: bytes as base64. */
function shown(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  let bytes = "";
  for (const byte of value) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}

function columnsOf<P extends Principal, DB>(
  rule: Rule<P, DB>,
  { columns }: Table,
): readonly ComparedColumn[] {
  const { clientColumns, serverColumns, insertColumns, key } = rule;
  const named: readonly (readonly [string, string])[] =
    clientColumns === undefined
      ? Array.from(columns.keys(), (column) => [column, column])
      : Array.from(clientColumns, ([name, { column }]) => [name, column]);
  return named.flatMap(([name, column]) => {
    const found = columns.get(column);
    const refused =
      clientColumns === undefined
        ? serverColumns.has(column) || insertColumns.has(column) || key.columns.includes(column)
        : clientColumns.get(name)?.readOnly !== undefined;
    if (refused || found?.generated === true) return [];
    return [
      {
        name,
        ...(found && {
          type: found.array ? `${found.type}[]` : found.type,
          nullable: found.nullable,
          ...(found.members && { members: found.members }),
        }),
      },
    ];
  });
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
