/** Converts a caller's id to what an owner column stores, exactly or not at all: two ids must never become one value, and one id never two. */
import { InvalidValue, ServerValue } from "./failures.js";
import { withoutTrailingZeros } from "./numbers.js";
import type { MemberValue } from "./conditions.js";
import type { Column, OwnerKind } from "./tables.js";

/** The required form of an id, for messages. */
export const ownerForms: Readonly<Record<Exclude<OwnerKind, "text">, string>> = {
  number: "a whole number, without zeros or a sign in front",
  uuid: "a UUID",
  date: "a day, YYYY-MM-DD",
};

const forms: Readonly<Record<Exclude<OwnerKind, "text">, RegExp>> = {
  number: /^(?:0|-?[1-9]\d{0,64})$/,
  uuid: /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i,
  date: /^\d{4}-\d{2}-\d{2}$/,
};

/** @throws ServerValue if the column can't hold this id exactly. @param kind `undefined` if the column can't hold users' ids at all */
export function ownerValue(
  store: OwnerConverting,
  kind: OwnerKind | undefined,
  { table, column, userId }: { table: string; column: Column; userId: string },
): unknown {
  try {
    return convertExactly(store, kind, column, userId);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new ServerValue(table, column.name, `It is the rule's "owner". ${error.message}`);
  }
}

/**
 * A value that the configuration compares a column with, as the column stores it: exactly, or not at all.
 *
 * @throws ServerValue if the column can't hold it as it is
 */
export function heldValue(
  store: OwnerConverting,
  kind: OwnerKind | undefined,
  { table, column, value }: { table: string; column: Column; value: Exclude<MemberValue, null> },
): unknown {
  try {
    return heldExactly(store, kind, column, value);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new ServerValue(table, column.name, `It is in the rule's "where". ${error.message}`);
  }
}

function heldExactly(
  { convert, view }: OwnerConverting,
  kind: OwnerKind | undefined,
  column: Column,
  value: Exclude<MemberValue, null>,
): unknown {
  if (kind === undefined && typeof value !== "boolean")
    throw new InvalidValue(
      `A column of type ${typeName(column)} is compared with true, false and null alone.`,
    );
  if ((kind === "uuid" || kind === "date") && !forms[kind].test(String(value)))
    throw new InvalidValue(`The value is not ${ownerForms[kind]}.`);
  if (column.members?.includes(String(value)) === false)
    throw new InvalidValue("The value is not in the column's list.");
  const stored = convert(column, value, false, true);
  const isItself = kind === "uuid" || kind === "date" || (kind === "text" && value === stored);
  if (!isItself && spelled(view(column, stored)) !== spelled(value))
    throw new InvalidValue("The column would store another value.");
  return stored;
}

/** One spelling for a boolean that a database stores as a number, and for a decimal with trailing zeros. */
function spelled(value: unknown): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  const text = String(value);
  if (!/^-?\d+\.\d+$/.test(text)) return text;
  const [whole = "", fraction = ""] = text.split(".");
  const kept = withoutTrailingZeros(fraction);
  return kept === "" ? whole : `${whole}.${kept}`;
}

/** The part of a store that is needed. */
interface OwnerConverting {
  convert(column: Column, value: unknown, lossyNumbers: boolean, exact?: boolean): unknown;
  view(column: Column, converted: unknown): unknown;
}

function convertExactly(
  { convert, view }: OwnerConverting,
  kind: OwnerKind | undefined,
  column: Column,
  userId: string,
): unknown {
  if (kind === undefined) {
    throw new InvalidValue(`A column of type ${typeName(column)} can't hold a user's id.`);
  }
  if (kind !== "text" && !forms[kind].test(userId)) {
    throw new InvalidValue(`The caller's id is not ${ownerForms[kind]}.`);
  }
  if (column.members?.includes(userId) === false) {
    throw new InvalidValue("The caller's id is not in the column's list.");
  }
  const stored = convert(column, userId, false);
  // A column that stores the nearest number instead would confuse two users.
  const kept = kind === "number" ? String(view(column, stored)).replace(/\.0+$/, "") : userId;
  if (kept !== userId) throw new InvalidValue("The column does not keep all of the id's digits.");
  return stored;
}

/** The name of a column's type for messages, such as `int[]`. */
export function typeName({ type, array }: Pick<Column, "type" | "array">): string {
  return `${type === "" ? "no type" : type}${array ? "[]" : ""}`;
}
