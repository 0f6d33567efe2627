/** Decides who is at fault if the database refuses a change: the device, the configuration that set a value, or the database that chose a number. */
import { fatal, fatalOfSchema } from "../errors.js";
import { ColumnsFixed, Contention, ServerValue } from "../store/failures.js";
import type { Change } from "../store/store.js";
import type { OperationState } from "./operation.js";

/**
 * The error to report for a refused change. It is the configuration's fault if a value that it set is NULL in a column that forbids NULL, or if such a
 * value is the only one that the database can have refused. It is the database's own fault if it chose a number that is taken.
 */
export function errorForRefused(
  cause: unknown,
  { table, key, values }: Change,
  state: OperationState,
): unknown {
  const { set, store, fixed } = state;
  if (cause instanceof ColumnsFixed) {
    const [column = ""] = cause.columns;
    const message = "The column is set when its row is made, and stays as it is.";
    return fatal("FORBIDDEN_COLUMN", message, { column: fixed?.get(column) ?? column });
  }
  const meaning = store.meaning(cause);
  if (meaning === "UNIQUE_VIOLATION") {
    const brought = (name: string) => Object.hasOwn(values, name) || Object.hasOwn(key, name);
    const given = store
      .taken?.(cause)
      .find((name) => table.columns.get(name)?.numbered !== undefined && !brought(name));
    return given === undefined
      ? cause
      : new Contention(
          `The database has given a number for ${table.name}.${given} that is taken. It gives the next one when it is tried again.`,
        );
  }
  if (meaning === "generated") {
    // The message, in the server's language, contains the name of the column.
    const said = cause instanceof Error ? cause.message : "";
    return [...set].some((name) => said.includes(name))
      ? cause
      : fatalOfSchema("FORBIDDEN_COLUMN", "A column is not writable here.");
  }
  if (set.size === 0) return cause;
  const isSure = (name: string, value: unknown): boolean => {
    const column = table.columns.get(name);
    return value === null || column === undefined || store.isSure?.(column, value) !== false;
  };
  const given = Object.entries(values).filter(([name]) => set.has(name));
  switch (meaning) {
    case "NOT_NULL_VIOLATION": {
      const none = given.find(
        ([name, value]) => value === null && table.columns.get(name)?.nullable === false,
      );
      return none === undefined
        ? cause
        : new ServerValue(table.name, none[0], "It is NULL.", cause);
    }
    case "INVALID_DATA": {
      const blamed = store.blamed?.(cause, table).columns ?? [];
      const [first] = blamed;
      if (first !== undefined)
        return blamed.every((name) => set.has(name))
          ? new ServerValue(table.name, first, "The database refuses it.", cause)
          : cause;
      const unsure = given.find(
        ([name, value]) => typeof value !== "object" && !isSure(name, value),
      );
      const sent = Object.entries({ ...values, ...key }).filter(([name]) => !set.has(name));
      return unsure === undefined || !sent.every(([name, value]) => isSure(name, value))
        ? cause
        : new ServerValue(table.name, unsure[0], "The database refuses it.", cause);
    }
    default:
      return cause;
  }
}
