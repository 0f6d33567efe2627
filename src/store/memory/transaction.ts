/** The `tx` of hooks on a memory store. */
import type { StoredRow, Values } from "../store.js";
import { type Definition, MemoryError } from "./tables.js";
import { columnOf, type Rows, viewRow } from "./rows.js";
import { convert } from "./values.js";

/**
 * An open database transaction of a memory store. Calls are synchronous. A call that is refused throws, and the whole transaction is rolled back.
 * Values are converted by the columns' types. A row matches `where` if it has all of these values.
 */
export interface MemoryTransaction {
  /** The first row that matches; `undefined` if there is none. */
  get(table: string, where: Values): StoredRow | undefined;
  /** All rows that match, in the order in which they were inserted. */
  all(table: string, where?: Values): readonly StoredRow[];
  insert(table: string, values: Values): StoredRow;
  /** @returns the number of rows that matched */
  update(table: string, where: Values, values: Values): number;
  /** @returns the number of rows that matched */
  delete(table: string, where: Values): number;
}

/** @param statement runs each call, or refuses it */
export function openTransaction(rows: Rows, statement: <T>(run: () => T) => T): MemoryTransaction {
  return {
    get: (name, where) =>
      statement(() => {
        const table = rows.table(name);
        const found = rows.find(table, convertedRow(table, where));
        return found && viewRow(table, found[1]);
      }),
    all: (name, where = {}) =>
      statement(() => {
        const table = rows.table(name);
        return rows
          .matching(table, convertedRow(table, where))
          .map(([, row]) => viewRow(table, row));
      }),
    insert: (name, values) =>
      statement(() => {
        const table = rows.table(name);
        return viewRow(table, rows.insert(table, written(table, values)));
      }),
    update: (name, where, values) =>
      statement(() => {
        const table = rows.table(name);
        const found = rows.matching(table, convertedRow(table, where));
        for (const each of found) rows.update(table, each, written(table, values));
        return found.length;
      }),
    delete: (name, where) =>
      statement(() => {
        const table = rows.table(name);
        const found = rows.matching(table, convertedRow(table, where));
        for (const [number] of found) {
          // The row may have been deleted with another one.
          const left = rows.numbered(table, number);
          if (left !== undefined) rows.remove(table, left);
        }
        return found.length;
      }),
  };
}

function convertedRow(table: Definition, values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      // If such a condition were left out, every row would match.
      if (value === undefined) throw new MemoryError("other", `${table.name}.${name}: no value.`);
      return [name, convert(columnOf(table, name), value, false)];
    }),
  );
}

function written(table: Definition, values: Values): Values {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  for (const [name] of given) {
    if (table.computed.has(name)) {
      throw new MemoryError("generated", `${table.name}.${name} is computed, and takes no value.`);
    }
  }
  return convertedRow(table, Object.fromEntries(given));
}
