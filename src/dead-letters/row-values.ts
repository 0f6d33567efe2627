/** Values of a row that is looked for, or would be created, as its columns have them. */
import type { OpenUnit } from "../pipeline/operation.js";
import type { Values } from "../store/store.js";
import type { Column, Table } from "../store/tables.js";
import { folded, foldedText } from "./row-hashes.js";

/** The table's own names of the columns. */
export function byColumns({ columns }: Table, values: Values): Values {
  const names = new Map(Array.from(columns.keys(), (name) => [folded(name), name]));
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [names.get(folded(name)) ?? name, value]),
  );
}

/** `undefined`: no row has these values. */
export function convertedValues(
  { store }: OpenUnit,
  { columns }: Table,
  values: Values,
): Values | undefined {
  try {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        const column: Column | undefined = columns.get(name);
        if (column === undefined) throw new Error("There is no such column.");
        return [name, store.convert({ ...column, generated: false }, value, false, true)];
      }),
    );
  } catch {
    return undefined;
  }
}

/** What converted values are to application code, or as they came: a store's own objects, and expressions, have no text of their own. */
export function told({ store }: OpenUnit, { columns }: Table, values: Values, raw: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const column = columns.get(name);
      const shown = column === undefined ? undefined : store.view(column, value);
      return [name, foldedText(shown) === undefined ? raw[name] : shown];
    }),
  );
}
