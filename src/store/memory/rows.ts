/** The rows of a memory store as one unit sees them. Changes that break a constraint are refused. */
import type { StoredRow, Values } from "../store.js";
import type { Column } from "../tables.js";
import { type Definition, MemoryError, type BoundReference, type Row } from "./tables.js";
import { convert, type Stored, view } from "./values.js";

/** A row with its number, which is never used twice. */
type Numbered = readonly [number: number, row: Row];

/** The rows of each table. Values are converted. */
export interface Rows {
  /** @throws MemoryError if there is no such table */
  table(name: string): Definition;
  /** The rows that have these values, in the order in which they were inserted. */
  matching(table: Definition, values: Values): Numbered[];
  find(table: Definition, values: Values): Numbered | undefined;
  numbered(table: Definition, number: number): Numbered | undefined;
  /** @throws MemoryError if a constraint does not hold, as do `update` and `remove` */
  insert(table: Definition, values: Values): Row;
  update(table: Definition, [number, row]: Numbered, values: Values): Row;
  remove(table: Definition, [number, row]: Numbered): void;
  /** @throws MemoryError if a deferred reference does not hold */
  checkDeferred(): void;
  /** Returns a function that undoes all changes made since. */
  mark(): () => void;
}

/** Counters for numbered columns. Like a database's sequences, they are not rolled back. */
export interface Counters {
  next(name: string): number;
  /** Raises the counter to a number that a row has brought along. */
  raise(name: string, number: number): void;
}

/** The name of the counter that numbers the rows of all tables. No column has this name. */
const everyRow = "";

/** @param deferring checks every reference at COMMIT only */
export function openRows(
  definitions: ReadonlyMap<string, Definition>,
  overlays: ReadonlyMap<string, Overlay<number, Row>>,
  counters: Counters,
  deferring = false,
): Rows {
  const changed = new Set<Definition>();
  const waits = ({ deferred }: BoundReference): boolean => deferring || deferred;

  const rowsOf = ({ name }: Definition): Overlay<number, Row> => {
    const rows = overlays.get(name);
    if (rows === undefined) throw noTable(name);
    return rows;
  };

  const matching = (table: Definition, values: Values): Numbered[] => {
    const wanted = Object.entries(values);
    for (const [name] of wanted) columnOf(table, name);
    const found: Numbered[] = [];
    for (const one of rowsOf(table).entries()) {
      if (wanted.every(([name, value]) => one[1][name] === value)) found.push(one);
    }
    return found;
  };

  const find = (table: Definition, values: Values): Numbered | undefined =>
    matching(table, values)[0];

  const has = (table: Definition, column: string, value: Stored): boolean =>
    find(table, { [column]: value }) !== undefined;

  const store = (table: Definition, number: number, given: Row, before: Row | undefined): Row => {
    const row = completedRow(table, given);
    checkRow(table, row);
    const differs = (column: string) => before === undefined || before[column] !== row[column];
    for (const columns of table.unique) {
      if (!columns.some(differs) || columns.some((column) => row[column] === null)) continue;
      const same = Object.fromEntries(columns.map((column) => [column, row[column]]));
      if (matching(table, same).some(([other]) => other !== number)) {
        throw new MemoryError("UNIQUE_VIOLATION", `${table.name}: ${columns.join(", ")} is taken.`);
      }
    }
    rowsOf(table).set(number, row);
    changed.add(table);
    for (const reference of table.references) {
      if (!waits(reference) && differs(reference.column)) checkReference(reference, row);
    }
    return row;
  };

  const checkReference = ({ from, column, to, by }: BoundReference, row: Row): void => {
    const value = row[column] ?? null;
    if (value === null || has(to, by, value)) return;
    throw new MemoryError(
      "FOREIGN_KEY_VIOLATION",
      `${from.name}.${column} refers to no row of ${to.name}.`,
    );
  };

  /** Checks that no row refers to a value that is gone. */
  const checkLeft = (reference: BoundReference, before: Row): void => {
    const { from, column, to, by } = reference;
    const value = before[by] ?? null;
    if (waits(reference) || value === null || has(to, by, value) || !has(from, column, value))
      return;
    throw new MemoryError(
      "FOREIGN_KEY_VIOLATION",
      `A row of ${from.name} refers to this one of ${to.name} by ${column}.`,
    );
  };

  /** @param after collects the checks to run once everything that goes with the row has been removed */
  const removeWith = (table: Definition, [number, row]: Numbered, after: (() => void)[]): void => {
    rowsOf(table).delete(number);
    changed.add(table);
    for (const reference of table.referredBy) {
      const { from, column, by, onDelete } = reference;
      const value = row[by] ?? null;
      if (onDelete === undefined || value === null) {
        after.push(() => checkLeft(reference, row));
        continue;
      }
      for (const child of matching(from, { [column]: value })) {
        if (onDelete === "set null")
          store(from, child[0], { ...child[1], [column]: null }, child[1]);
        // In a circle of references, the child may be gone already.
        else if (rowsOf(from).get(child[0]) !== undefined) removeWith(from, child, after);
      }
    }
  };

  return {
    table: (name) => {
      const table = definitions.get(name);
      if (table === undefined) throw noTable(name);
      return table;
    },
    matching,
    find,
    numbered: (table, number) => {
      const row = rowsOf(table).get(number);
      return row && [number, row];
    },
    insert: (table, values) => {
      for (const name of Object.keys(values)) columnOf(table, name);
      const given = new Map(Object.entries(values as Row));
      // Built from entries, because a column may be called "constructor" or "__proto__".
      const row = Object.fromEntries(
        Array.from(table.columns, ([name, column]) => {
          const value = given.get(name);
          if (value !== undefined) return [name, value];
          if (table.counted.has(name)) return [name, counters.next(`${table.name}.${name}`)];
          return [name, defaultOf(table, column)];
        }),
      );
      for (const name of table.counted) counters.raise(`${table.name}.${name}`, Number(row[name]));
      return store(table, counters.next(everyRow), row, undefined);
    },
    update: (table, [number, before], values) => {
      for (const name of Object.keys(values)) columnOf(table, name);
      const after = store(table, number, { ...before, ...(values as Row) }, before);
      for (const reference of table.referredBy) {
        if (before[reference.by] !== after[reference.by]) checkLeft(reference, before);
      }
      return after;
    },
    remove: (table, numbered) => {
      const after: (() => void)[] = [];
      removeWith(table, numbered, after);
      for (const check of after) check();
    },
    checkDeferred: () => {
      for (const table of definitions.values()) {
        for (const reference of table.references) {
          if (!waits(reference) || !(changed.has(table) || changed.has(reference.to))) continue;
          for (const [, row] of rowsOf(table).entries()) checkReference(reference, row);
        }
      }
    },
    mark: () => {
      const undo = Array.from(overlays.values(), (rows) => rows.mark());
      return () => {
        for (const each of undo) each();
      };
    },
  };
}

/** A default that does not fit is the server's mistake and not the client's, so it is not reported as invalid data. */
function defaultOf(table: Definition, column: Column): Stored {
  try {
    return convert(column, table.defaults.get(column.name)?.(), false);
  } catch (cause) {
    throw new MemoryError("other", `${table.name}.${column.name} can't have its default.`, cause);
  }
}

function completedRow(table: Definition, row: Row): Row {
  if (table.computed.size === 0) return Object.freeze(row);
  const seen = viewRow(table, row);
  const computed = Array.from(table.computed, ([name, compute]) => [
    name,
    convert(columnOf(table, name), compute(seen), false),
  ]);
  return Object.freeze({ ...row, ...Object.fromEntries(computed) });
}

function checkRow(table: Definition, row: Row): void {
  for (const { name, nullable } of table.columns.values()) {
    if (row[name] === null && !nullable) {
      throw new MemoryError("NOT_NULL_VIOLATION", `${table.name}.${name} must not be NULL.`);
    }
  }
  if (table.check !== undefined && !table.check(viewRow(table, row))) {
    throw new MemoryError("CHECK_VIOLATION", `${table.name}: the check does not hold.`);
  }
}

/** @throws MemoryError if the table has no such column */
export function columnOf({ name, columns }: Definition, column: string): Column {
  const found = columns.get(column);
  if (found === undefined) throw new MemoryError("schema", `${name} has no column ${column}.`);
  return found;
}

function noTable(name: string): MemoryError {
  return new MemoryError("schema", `There is no table ${name}.`);
}

/** A copy of a row as hooks see it. */
export function viewRow({ columns }: Definition, row: Row): StoredRow {
  const values = Array.from(columns.values(), (column) => [
    column.name,
    view(column, row[column.name]),
  ]);
  return Object.freeze(Object.fromEntries(values) as Values);
}

/** A unit's uncommitted changes on top of what is committed. */
export interface Overlay<K, V extends object> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
  /** In the order in which the keys were first set. */
  entries(): Iterable<readonly [K, V]>;
  /** Returns a function that undoes all changes made since. */
  mark(): () => void;
  commit(): void;
}

export function overlay<K, V extends object>(committed: Map<K, V>): Overlay<K, V> {
  let changes = new Map<K, V | undefined>();
  return {
    get: (key) => (changes.has(key) ? changes.get(key) : committed.get(key)),
    set: (key, value) => void changes.set(key, value),
    delete: (key) => void changes.set(key, undefined),
    *entries() {
      for (const [key, value] of committed) {
        const seen = changes.has(key) ? changes.get(key) : value;
        if (seen !== undefined) yield [key, seen];
      }
      for (const [key, value] of changes) {
        if (value !== undefined && !committed.has(key)) yield [key, value];
      }
    },
    mark: () => {
      const kept = new Map(changes);
      return () => {
        changes = new Map(kept);
      };
    },
    commit: () => {
      for (const [key, value] of changes) {
        if (value === undefined) committed.delete(key);
        else committed.set(key, value);
      }
      changes = new Map();
    },
  };
}
