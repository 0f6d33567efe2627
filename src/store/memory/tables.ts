/** The tables of a memory store: their description, its compiled form, and the error for a refused statement. */
import type { StoredRow } from "../store.js";
import type { Meaning } from "../failures.js";
import type { Column, DeferredPlace, Table } from "../tables.js";
import { convert, type MemoryType, type Stored } from "./values.js";
import { Contention, InvalidValue, RowTaken } from "../failures.js";

/** A column of a table in memory. */
export interface MemoryColumn {
  readonly type: MemoryType;
  /** Whether the column holds a list of such values. Default false. */
  readonly array?: boolean;
  /** Default true; false for the columns of the key. */
  readonly nullable?: boolean;
  /** What a new row gets if it brings no value: a value, or a function that returns one. */
  readonly default?: unknown;
  /** Makes the column one that the database fills: numbered from 1, or computed from the row. */
  readonly generated?: "increment" | ((row: StoredRow) => unknown);
  /** The most characters of a text. */
  readonly length?: number;
  /** The most digits of a decimal number. */
  readonly precision?: number;
  /** Digits after the decimal point, of a decimal number or of a second. */
  readonly scale?: number;
}

/** A foreign key of a table in memory. */
export interface MemoryReference {
  readonly table: string;
  /** The column that is referred to. Default: the other table's key. */
  readonly column?: string;
  /** What happens to the row if the other one is deleted. Default: the deletion is refused. */
  readonly onDelete?: "cascade" | "set null";
  /** Whether the reference is checked only at COMMIT. Default false. */
  readonly deferred?: boolean;
}

/** A table in memory. */
export interface MemoryTable {
  /** By column name: the type alone, or a description. */
  readonly columns: Readonly<Record<string, MemoryType | MemoryColumn>>;
  /** The columns of the primary key. Default `["id"]`. */
  readonly key?: readonly string[];
  /** Columns that are unique together if none of them is NULL. The key is always unique. */
  readonly unique?: readonly (readonly string[])[];
  /** Foreign keys, by column: the table whose key the column refers to, or a description. */
  readonly references?: Readonly<Record<string, string | MemoryReference>>;
  /** Must return true for every row, which it gets as hooks see it. */
  readonly check?: (row: StoredRow) => boolean;
}

/** The tables, by `name` or `schema.name`. */
export type MemoryTables = Readonly<Record<string, MemoryTable>>;

export type Row = Readonly<Record<string, Stored>>;

export interface Definition extends Table {
  /** The key first. */
  readonly unique: readonly (readonly string[])[];
  readonly check: MemoryTable["check"];
  readonly defaults: ReadonlyMap<string, () => unknown>;
  readonly computed: ReadonlyMap<string, (row: StoredRow) => unknown>;
  readonly counted: ReadonlySet<string>;
  readonly references: readonly BoundReference[];
  /** References of other tables to this one. */
  readonly referredBy: readonly BoundReference[];
}

export interface BoundReference {
  readonly from: Definition;
  readonly column: string;
  readonly to: Definition;
  readonly by: string;
  readonly onDelete: MemoryReference["onDelete"];
  readonly deferred: boolean;
}

const types: Readonly<Record<MemoryType, true>> = {
  text: true,
  uuid: true,
  integer: true,
  bigint: true,
  decimal: true,
  float: true,
  boolean: true,
  timestamp: true,
  date: true,
  time: true,
  json: true,
  binary: true,
};

/** @throws TypeError if the descriptions contradict each other */
export function defineMemoryTables(tables: MemoryTables): ReadonlyMap<string, Definition> {
  const references = new Map<string, BoundReference[]>();
  const referredBy = new Map<string, BoundReference[]>();
  const listOf = (lists: Map<string, BoundReference[]>, name: string): BoundReference[] => {
    const list = lists.get(name) ?? [];
    lists.set(name, list);
    return list;
  };
  const definitions = new Map(
    Object.entries(tables).map(([name, table]) => {
      const links = { references: listOf(references, name), referredBy: listOf(referredBy, name) };
      return [name, { ...define(name, table), ...links }] as const;
    }),
  );
  for (const [name, { references: given = {} }] of Object.entries(tables)) {
    for (const [column, reference] of Object.entries(given)) {
      const found = referenceOf(definitions, name, column, reference);
      listOf(references, name).push(found);
      listOf(referredBy, found.to.name).push(found);
    }
  }
  const all = [...references.values()].flat();
  const waiting = all.filter(({ deferred }) => deferred);
  for (const table of definitions.values()) {
    const declared = deferredPlace(table, waiting);
    Object.assign(table, { deferred: { declared, asked: deferredPlace(table, all) } });
  }
  return definitions;
}

/** @param waiting the references that are checked at COMMIT */
function deferredPlace(table: Links, waiting: readonly BoundReference[]): DeferredPlace {
  if (waiting.length === 0) return "none";
  // The table, and the tables whose rows a deletion changes as well.
  const reached = new Set([table]);
  for (const { references, referredBy } of reached) {
    if ([...references, ...referredBy].some((each) => waiting.includes(each))) return "here";
    for (const { from, onDelete } of referredBy) if (onDelete !== undefined) reached.add(from);
  }
  return "elsewhere";
}

type Links = Pick<Definition, "references" | "referredBy">;

function define(
  name: string,
  { columns: given, key = ["id"], unique = [], check }: MemoryTable,
): Omit<Definition, "references" | "referredBy"> {
  const described = Object.entries(given).map(
    ([column, one]) => [column, typeof one === "string" ? { type: one } : one] as const,
  );
  const columns = new Map(
    described.map(([column, one]) => [column, definedColumn(name, column, one, key)]),
  );
  for (const column of [key, ...unique].flat()) {
    if (!columns.has(column)) throw new TypeError(`memoryStore: ${name} has no column ${column}.`);
  }
  const defaults = new Map<string, () => unknown>();
  const computed = new Map<string, (row: StoredRow) => unknown>();
  const counted = new Set<string>();
  for (const [column, { default: value, generated }] of described) {
    if (typeof value === "function") defaults.set(column, value as () => unknown);
    else if (value !== undefined) defaults.set(column, () => value);
    if (typeof generated === "function") computed.set(column, generated);
    else if (generated === "increment") counted.add(column);
  }
  return { name, columns, unique: [key, ...unique], check, defaults, computed, counted };
}

function definedColumn(
  table: string,
  name: string,
  given: MemoryColumn,
  key: readonly string[],
): Column {
  const { type, array = false, nullable = !key.includes(name), generated } = given;
  if (!Object.hasOwn(types, type)) {
    const known = Object.keys(types).join(", ");
    throw new TypeError(`memoryStore: ${table}.${name} has the type ${String(type)}: ${known}.`);
  }
  const { length, precision, scale, default: value } = given;
  const column = {
    name,
    type,
    array,
    nullable,
    hasDefault: value !== undefined || generated === "increment",
    generated: generated !== undefined,
    ...(generated === "increment" && {
      numbered: { end: 2n ** (type === "integer" ? 31n : 63n) - 1n },
    }),
    ...(length !== undefined && { length }),
    ...(precision !== undefined && { precision }),
    ...(scale !== undefined && { scale }),
  };
  if (typeof value !== "function") checkDefault(table, column, value);
  return column;
}

function checkDefault(table: string, column: Column, value: unknown): void {
  try {
    convert(column, value, false);
  } catch (error) {
    throw new TypeError(`memoryStore: ${table}.${column.name} can't have its default.`, {
      cause: error,
    });
  }
}

function referenceOf(
  definitions: ReadonlyMap<string, Definition>,
  table: string,
  column: string,
  given: string | MemoryReference,
): BoundReference {
  const reference: MemoryReference = typeof given === "string" ? { table: given } : given;
  const from = definitions.get(table);
  const to = definitions.get(reference.table);
  const [key = [], ...others] = to?.unique ?? [];
  const by = reference.column ?? (key.length === 1 ? key[0] : undefined);
  const unique = [key, ...others].some((columns) => columns.length === 1 && columns[0] === by);
  if (from?.columns.has(column) !== true || to === undefined || by === undefined || !unique) {
    throw new TypeError(
      `memoryStore: ${table}.${column} must be a column that refers to a table by a column which is unique there.`,
    );
  }
  if (from.columns.get(column)?.type !== to.columns.get(by)?.type) {
    throw new TypeError(`memoryStore: ${table}.${column} must be of the type of ${to.name}.${by}.`);
  }
  const { onDelete, deferred = false } = reference;
  return { from, column, to, by, onDelete, deferred };
}

/**
 * The error for a statement that the store refuses.
 *
 * @example
 * await assert.rejects(store.transaction((tx) => tx.insert("lists", { id: null })), MemoryError);
 */
export class MemoryError extends Error {
  readonly meaning: Meaning;

  constructor(meaning: Meaning, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "MemoryError";
    this.meaning = meaning;
  }
}

export function meaningOf(error: unknown): Meaning {
  if (error instanceof MemoryError) return error.meaning;
  if (error instanceof Contention) return "contention";
  if (error instanceof RowTaken) return "UNIQUE_VIOLATION";
  return error instanceof InvalidValue ? "INVALID_DATA" : "other";
}

/** Whether the error is about the data, and not about the statement. */
export function isRefusedData(error: unknown): boolean {
  const meaning = meaningOf(error);
  return meaning === meaning.toUpperCase();
}
