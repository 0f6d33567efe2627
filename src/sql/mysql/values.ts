/**
 * JSON values as parameters for MySQL and MariaDB. What the server would cut, round, pad or replace is refused here, for even in strict mode it
 * does so with some: spaces at the end of a text, letters in another case for an enumeration, a fraction of a second, a number for a year.
 */
import { type Expression, sql, type SqlBool } from "kysely";
import type { Column } from "../dialect.js";
import { dateOnly, fine, timeText, utcTimestamp } from "../timestamps.js";
import {
  booleanOf,
  bytesOf,
  decimalText,
  floatText,
  hexOf,
  integerText,
  InvalidValue,
  jsonText,
  plainText,
  textOf,
  uuidOf,
} from "../values.js";
import { stringifyJson } from "../../wire/json.js";

export function convert(column: Column, value: unknown, lossyNumbers: boolean): unknown {
  if (value === null || value === undefined) {
    if (column.nullReplaced) throw new InvalidValue("The value can't be NULL.");
    return null;
  }
  switch (column.type) {
    case "boolean":
      return booleanOf(value);
    case "tinyint":
    case "smallint":
    case "mediumint":
    case "int":
    case "bigint":
      return integer(column, value, lossyNumbers);
    case "bit":
      return within(0n, bits(column.precision ?? 1), integerText(value, lossyNumbers));
    case "decimal":
      return signed(column, decimalText(value, lossyNumbers, column.scale, column.precision));
    case "float":
    case "double":
      return signed(column, floating(column, value));
    case "json":
      return documentFor(column, value, lossyNumbers);
    case "timestamp":
    case "datetime":
      return fine(utcTimestamp(value), column.scale ?? 0);
    case "date":
      return dateOnly(value);
    case "time":
      return fine(timeOfDay(value), column.scale ?? 0);
    case "year":
      return year(value);
    case "enum":
      return wordOf(column, value);
    case "set":
      return wordsOf(column, value);
    case "binary":
    case "varbinary":
    case "tinyblob":
    case "blob":
    case "mediumblob":
    case "longblob":
      return binary(column, value);
    case "uuid":
      return uuidOf(value) ?? refuse("The value is not a UUID.");
    default:
      return textFor(column, value, lossyNumbers);
  }
}

function refuse(message: string): never {
  throw new InvalidValue(message);
}

const sizes: Readonly<Record<string, number>> = {
  tinyint: 8,
  smallint: 16,
  mediumint: 24,
  int: 32,
  bigint: 64,
};

function integer({ type, unsigned }: Column, value: unknown, lossyNumbers: boolean): bigint {
  const size = sizes[type] ?? 64;
  const text = integerText(value, lossyNumbers);
  return unsigned
    ? within(0n, bits(size), text)
    : within(-bits(size - 1) - 1n, bits(size - 1), text);
}

/** The greatest number of so many bits. */
function bits(size: number): bigint {
  return (1n << BigInt(size)) - 1n;
}

/** As a `bigint`, which mysql2 writes as digits; the column's text would be compared with a key as a floating-point number. */
function within(least: bigint, greatest: bigint, text: string): bigint {
  // Millions of digits take seconds to read.
  const digits = text.replace(/^([+-]?)0+(?=\d)/, "$1");
  const number = digits.length <= 21 ? BigInt(digits) : undefined;
  if (number === undefined || number < least || number > greatest)
    throw new InvalidValue("The number is out of range.");
  return number;
}

function signed({ unsigned }: Column, text: string): string {
  return unsigned && /^-.*[1-9]/.test(text.replace(/e.*$/i, ""))
    ? refuse("The number is below zero.")
    : text;
}

/** FLOAT(7,2) rounds to its digits, as DECIMAL does. */
function floating({ type, scale, precision }: Column, value: unknown): string {
  if (scale !== undefined) decimalText(value, false, scale, precision);
  return floatText(value, type === "float");
}

const time = /^(-?\d{2,3}):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?$/;

/** A time of day, or a span of up to 838 hours. */
function timeOfDay(value: unknown): string {
  const match = typeof value === "string" ? time.exec(value.trim()) : null;
  if (match === null) throw new InvalidValue("The value is not a time.");
  if (Math.abs(Number(match[1])) > 838) throw new InvalidValue("The time is out of range.");
  return timeText(match);
}

/** The server would take 70 for 1970. */
function year(value: unknown): bigint {
  const number = within(0n, 2155n, integerText(value, false));
  return number === 0n || number >= 1901n ? number : refuse("The year is out of range.");
}

/** BINARY(16) is where a UUID is kept by its bytes. */
function binary({ type, length = 0 }: Column, value: unknown): unknown {
  const id = type === "binary" && length === 16 ? uuidOf(value) : undefined;
  const hex = id === undefined ? hexOf(bytesOf(value)) : id.replaceAll("-", "");
  if (hex.length > length * 2) throw new InvalidValue("The data is too long.");
  if (type === "binary" && hex.length < length * 2)
    throw new InvalidValue(`The data must be ${length} bytes long.`);
  // Bytes as a parameter have no form that every version of the driver writes alike.
  return sql`unhex(${hex})`;
}

// Text, and words of a list, for columns of MySQL and MariaDB: refused where the column would keep something else.
function textFor(column: Column, value: unknown, lossyNumbers: boolean): string {
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
function documentFor({ length }: Column, value: unknown, lossyNumbers: boolean): string {
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
function wordOf({ members = [] }: Column, value: unknown): string {
  const word = textOf(value);
  if (!members.includes(word)) throw new InvalidValue("The value is not in the column's list.");
  return word;
}

/** Members of a SET, from a JSON array, its text, or the server's own form: with commas between them. */
function wordsOf(column: Column, value: unknown): string {
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
