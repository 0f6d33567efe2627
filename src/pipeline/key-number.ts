/** The warning about a key that is a number, although PowerSync's clients make UUIDs. */
import { typeName } from "../store/owners.js";
import type { Column } from "../store/tables.js";

const numbers =
  /^(?:(?:small|medium|big|tiny)?int|integer|int[248]|serial|(?:big|small)serial|numeric|decimal|oid)\b/;

export function isNumber(type: string): boolean {
  return numbers.test(type);
}

/** @param table the source database's name */
export function keyNumber(table: string, { name, type, array, numbered }: Column): string {
  const counted = numbered === undefined ? "" : " that the database numbers";
  return `"${table}"."${name}" is of type ${typeName({ type, array })}${counted}, and PowerSync's clients make UUIDs for row ids: a row with such an id is a dead letter (INVALID_DATA). Remedy: give the table a uuid column that is unique, and name it in "id"; other tables refer to it by "references". Only where the app makes whole numbers itself, leave it.`;
}
