/** Whose fault it is that the database refuses a change: the device's; the configuration's, which gave a value; or the database's own, which gave a number. */
import { fatal, fatalOfSchema } from "../errors.js";
import { ColumnsFixed, Contention, ServerValue } from "../store/failures.js";
import type { Change } from "../store/store.js";
import type { OperationState } from "./operation.js";

/**
 * What a failure of the database's really is. Where the configuration gave one of the values: a NULL where none may be; or a value of a type of which
 * the database alone knows what fits, while all that the client sent is sure to. Where the database gave one: a number that is taken.
 */
export function faultOf(
  cause: unknown,
  { table, key, values }: Change,
  kept: OperationState,
): unknown {
  const { set, store, fixed } = kept;
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
    // The error names the column, in a sentence of the server's language.
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
      const told = store.blamed?.(cause, table).columns ?? [];
      const [blamed] = told;
      if (blamed !== undefined)
        return told.every((name) => set.has(name))
          ? new ServerValue(table.name, blamed, "The database refuses it.", cause)
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
