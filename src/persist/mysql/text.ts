/** Text, and words of a list, for columns of MySQL and MariaDB: refused where the column would keep something else. */
import { type Expression, type SqlBool, sql } from "kysely";
import { stringifyJson } from "../../json.js";
import type { Column } from "../dialect.js";
import { InvalidValue, jsonText, plainText, textOf } from "../value.js";

export function textFor(column: Column, value: unknown, lossyNumbers: boolean): string {
  const text = plainText(value, lossyNumbers, stringifyJson);
  refuseForeign(column, text);
  // Spaces beyond the length are cut without an error, also in strict mode.
  const { length = Number.POSITIVE_INFINITY } = column;
  if (text.length * 4 > length && sizeOf(column, text) > length)
    throw new InvalidValue("The text is too long.");
  if (column.type === "char" && text.endsWith(" "))
    throw new InvalidValue("The column does not keep spaces at the end.");
  return text;
}

/** A JSON document's text. MariaDB's documents are text, which has a length; it takes one level of nesting less than it says, MySQL a hundred. */
export function documentFor({ length }: Column, value: unknown, lossyNumbers: boolean): string {
  const text = jsonText(value, lossyNumbers, stringifyJson, length === undefined ? 100 : 31);
  if (surrogate.test(text)) {
    for (const [word] of text.matchAll(words)) {
      if (surrogate.test(word) && !(JSON.parse(word) as string).isWellFormed())
        throw new InvalidValue("The text holds a character that can't be stored.");
    }
  }
  return text;
}

/** Neither server takes half of a pair, also where it is escaped. */
const surrogate = /\\u[dD]/;
const words = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/** A member of an ENUM. The server would take one in other letters, or, of digits, the one at that place. */
export function wordOf({ members = [] }: Column, value: unknown): string {
  const word = textOf(value);
  if (!members.includes(word)) throw new InvalidValue("The value is not in the column's list.");
  return word;
}

/** Members of a SET, from a JSON array, its text, or the server's own form: with commas between them. */
export function wordsOf(column: Column, value: unknown): string {
  const words = new Set(listOf(value).map((word) => wordOf(column, word)));
  // In the order in which the server keeps them.
  return (column.members ?? []).filter((member) => words.has(member)).join(",");
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const text = textOf(value);
  if (text === "") return [];
  if (!text.startsWith("[")) return text.split(",");
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    throw new InvalidValue("The text is not a JSON array.");
  }
}

const utf8 = new TextEncoder();

/** CHAR and VARCHAR count characters, the others bytes. */
function sizeOf({ type, charset = "utf8mb4" }: Column, text: string): number {
  if (type === "char" || type === "varchar" || !charset.startsWith("utf8")) return countOf(text);
  return utf8.encode(text).length;
}

function countOf(text: string): number {
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}

/** 0x80 to 0x9F of what MySQL calls latin1, where a character is assigned. */
const windows1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

/** Characters that a character set has not. The server knows better for the sets that are not here, and refuses too; but not where it compares a key. */
const foreign: Readonly<Record<string, RegExp>> = {
  ascii: /[^\0-\x7f]/,
  latin1: new RegExp(`[^\\0-\\x7f\\xa0-\\xff${windows1252}]`),
  utf8: /[\ud800-\udfff]/,
  utf8mb3: /[\ud800-\udfff]/,
  ucs2: /[\ud800-\udfff]/,
};

function refuseForeign({ charset }: Column, text: string): void {
  if (charset !== undefined && Object.hasOwn(foreign, charset) && foreign[charset]?.test(text))
    throw new InvalidValue("The column's character set has not all of the text's characters.");
}

/** Most collations take `a` for `A` and `á`, and spaces at the end for nothing. Its bytes are the text's own. */
export function sameText(
  reference: Expression<unknown>,
  text: string,
  { type }: Column,
): Expression<SqlBool> | undefined {
  if (!/char|text|enum/.test(type)) return undefined;
  return sql<SqlBool>`cast(convert(${reference} using utf8mb4) as binary) = cast(${text} as binary)`;
}
