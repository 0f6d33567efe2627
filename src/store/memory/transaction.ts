/** What hooks get as `tx`. */
import type { StoredRow, Values } from "../store.js";
import { type Definition, MemoryError } from "./tables.js";
import { columnOf, type Rows, viewRow } from "./rows.js";
import { convert } from "./values.js";

/**
 * An open database transaction of a memory store. Each call is answered at once; one that is refused throws, and undoes the whole transaction.
 * Values are converted by the columns' types. Where `where` has several columns, a row must have all of these values.
 */
export interface MemoryTransaction {
  /** The first row that has these values; `undefined` where there is none. */
  get(table: string, where: Values): StoredRow | undefined;
  /** In the order in which they were inserted. */
  all(table: string, where?: Values): readonly StoredRow[];
  insert(table: string, values: Values): StoredRow;
  /** @returns how many rows had these values */
  update(table: string, where: Values, values: Values): number;
  /** @returns how many rows had these values */
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
          // It may have gone with another one.
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
      // Left out, it would mean every row.
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
