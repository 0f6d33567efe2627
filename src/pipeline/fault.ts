/** Whose fault it is that the database refuses a change: the device's, or the configuration's, which gave one of the values. */
import { ServerValue } from "../store/failures.js";
import type { Change } from "../store/store.js";
import type { OperationState } from "./operation.js";

/**
 * What a failure of the database's is, when the configuration gave one of the values: a NULL where none may be; or a value of a type of which the
 * database alone knows what fits, where all that the client sent is sure to.
 */
export function faultOf(cause: unknown, { key, values }: Change, kept: OperationState): unknown {
  const { set, store, table } = kept;
  if (set.size === 0 || table === undefined) return cause;
  const isSure = (name: string, value: unknown): boolean => {
    const column = table.columns.get(name);
    return value === null || column === undefined || store.isSure?.(column, value) !== false;
  };
  const given = Object.entries(values).filter(([name]) => set.has(name));
  switch (store.meaning(cause)) {
    case "NOT_NULL_VIOLATION": {
      const none = given.find(
        ([name, value]) => value === null && table.columns.get(name)?.nullable === false,
      );
      return none === undefined
        ? cause
        : new ServerValue(table.name, none[0], "It is NULL.", cause);
    }
    case "INVALID_DATA": {
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
