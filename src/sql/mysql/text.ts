/** Converts text for columns of MySQL and MariaDB, and refuses text that the column would change. */
import { InvalidValue } from "../../store/failures.js";
import type { Column } from "../../store/tables.js";
import { jsonText, plainText, textOf } from "../../store/values.js";
import { isDouble } from "../../store/numbers.js";
import { stringifyJson } from "../../wire/serialize.js";

/** Accepts text that the column stores unchanged. */
export function textFor(column: Column, value: unknown, lossyNumbers: boolean): string {
  const text = plainText(value, lossyNumbers, stringifyJson);
  refuseForeign(column, text);
  // Spaces beyond the length are removed without an error, even in strict mode.
  const { length = Number.POSITIVE_INFINITY } = column;
  if (text.length * 4 > length && sizeOf(column, text) > length)
    throw new InvalidValue("The text is too long.");
  if (column.type === "char" && text.endsWith(" "))
    throw new InvalidValue("The column does not keep spaces at the end.");
  return text;
}

/** A JSON document's text. MariaDB stores documents as text, which has a length, and accepts 31 levels of nesting. MySQL accepts 100. */
export function documentFor(
  { length }: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact: boolean,
): string {
  const isText = length !== undefined;
  const text = jsonText(value, lossyNumbers, stringifyJson, isText ? 31 : 100);
  if (exact && !isText) refuseInexact(text);
  if (surrogate.test(text) && hasHalfPair(text))
    throw new InvalidValue("The text holds a character that can't be stored.");
  return text;
}

const least = -(2n ** 63n);
const greatest = 2n ** 64n - 1n;

/** MySQL stores integers of 64 bits exactly, and any other number as the nearest double. */
function refuseInexact(json: string): void {
  let inString = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json.charAt(at);
    if (character === "\\") at += 1;
    else if (character === '"') inString = !inString;
    else if (!inString && /[-\d]/.test(character)) {
      let end = at + 1;
      while (/[\d.eE+-]/.test(json.charAt(end))) end += 1;
      const number = json.slice(at, end);
      const isWhole =
        /^-?\d{1,20}$/.test(number) && BigInt(number) >= least && BigInt(number) <= greatest;
      if (!isWhole && !isDouble(number))
        throw new InvalidValue("The JSON holds a number of more digits than the column can keep.");
      at = end - 1;
    }
  }
}

/** Both servers refuse half of a surrogate pair, even if it is escaped. */
const surrogate = /\\u[dD]/;
const escapes = /\\(?:u([\da-fA-F]{4})|.)/g;

/** @param json contains no unescaped half, so both halves of a pair are escapes, one after the other */
function hasHalfPair(json: string): boolean {
  /** The position at which the second half must follow. */
  let expected: number | undefined;
  for (const { index, 0: escape, 1: digits = "0" } of json.matchAll(escapes)) {
    const unit = Number.parseInt(digits, 16);
    const isSecond = unit >= 0xdc00 && unit < 0xe000;
    if (isSecond ? index !== expected : expected !== undefined) return true;
    expected = unit >= 0xd800 && unit < 0xdc00 ? index + escape.length : undefined;
  }
  return expected !== undefined;
}

/** A member of an ENUM, spelled exactly. The server would ignore case, and read digits as a member's position. */
export function wordOf({ members = [] }: Column, value: unknown): string {
  const word = textOf(value);
  if (!members.includes(word)) throw new InvalidValue("The value is not in the column's list.");
  return word;
}

/** Members of a SET, from a JSON array, its text, or the server's own form: with commas between them. */
export function wordsOf(column: Column, value: unknown): string {
  const words = new Set(parsedList(value).map((word) => wordOf(column, word)));
  // In the order in which the server stores them.
  return (column.members ?? []).filter((member) => words.has(member)).join(",");
}

function parsedList(value: unknown): readonly unknown[] {
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

const encoder = new TextEncoder();

/** CHAR and VARCHAR count characters, the others bytes. */
function sizeOf({ type, charset = "utf8mb4" }: Column, text: string): number {
  if (type === "char" || type === "varchar" || !charset.startsWith("utf8")) return countOf(text);
  return encoder.encode(text).length;
}

function countOf(text: string): number {
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}

/** Characters that a character set lacks. The server itself refuses them when it stores a value, but not when it compares a key. */
const foreign: Readonly<Record<string, RegExp>> = {
  ascii: /[^\0-\x7f]/,
  // MySQL's latin1 is windows-1252: the characters beyond U+00FF are those that it has at 0x80 to 0x9F.
  latin1: /[^\0-\x7f\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/,
  utf8: /[\ud800-\udfff]/,
  utf8mb3: /[\ud800-\udfff]/,
  ucs2: /[\ud800-\udfff]/,
};

function refuseForeign({ charset }: Column, text: string): void {
  if (charset !== undefined && Object.hasOwn(foreign, charset) && foreign[charset]?.test(text))
    throw new InvalidValue("The column's character set has not all of the text's characters.");
}
