/**
 * Converts JSON values to parameters for MySQL and MariaDB, and parameters to the form in which `mysql2` reads the column. Values that the server would
 * truncate, round, pad or replace are refused here, because it changes some even in strict mode: spaces at the end of a text, letters in another case for
 * an enumeration, a fraction of a second, a number for a year.
 */
import { sql } from "kysely";
import { InvalidValue } from "../../store/failures.js";
import type { Column } from "../../store/tables.js";
import {
  clockOf,
  clockText,
  dateOnly,
  halfUp,
  instantOf,
  instantText,
  keptOf,
  millionthsOf,
  type RoundSecond,
} from "../../store/timestamps.js";
import { booleanOf, bytesOf, hexOf, uuidOf } from "../../store/values.js";
import { decimalText, floatText, integerText, plainDecimal } from "../../store/numbers.js";
import { parseJson } from "../../wire/parse-json.js";
import { conversion } from "../rows/values.js";
import { documentFor, textFor, wordOf, wordsOf } from "./text.js";

export function convert(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact = false,
): unknown {
  if (value === null || value === undefined) {
    if (column.nullReplaced) throw new InvalidValue("The value can't be NULL.");
    return null;
  }
  // From a column that the server sets: the database computes it; or binary data that has been converted.
  if (typeof value === "object" && "toOperationNode" in value) return value;
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
      return inLimits(0n, bitsValue(column.precision ?? 1), integerText(value, lossyNumbers));
    case "decimal":
      return signedText(column, decimalText(value, lossyNumbers, { ...sizesOf(column), exact }));
    case "float":
    case "double":
      return signedText(column, floating(column, value, exact));
    case "json":
      return documentFor(column, value, lossyNumbers, exact);
    case "timestamp":
    case "datetime":
      return instantText(keptOf(instantOf(value), column.scale ?? 0, exact, roundingOf(column)));
    case "date":
      return dateOnly(value);
    case "time":
      return timeOfDay(column, value, exact);
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

const integerBits: Readonly<Record<string, number>> = {
  tinyint: 8,
  smallint: 16,
  mediumint: 24,
  int: 32,
  bigint: 64,
};

function integer({ type, unsigned }: Column, value: unknown, lossyNumbers: boolean): bigint {
  const size = integerBits[type] ?? 64;
  const text = integerText(value, lossyNumbers);
  return unsigned
    ? inLimits(0n, bitsValue(size), text)
    : inLimits(-bitsValue(size - 1) - 1n, bitsValue(size - 1), text);
}

/** The greatest number with this many bits. */
function bitsValue(size: number): bigint {
  return (1n << BigInt(size)) - 1n;
}

/** As a `bigint`, which mysql2 writes as digits: a text would be compared with a key as a floating-point number. */
function inLimits(least: bigint, greatest: bigint, text: string): bigint {
  // Millions of digits take seconds to read.
  const digits = text.replace(/^([+-]?)0+(?=\d)/, "$1");
  const number = digits.length <= 21 ? BigInt(digits) : undefined;
  if (number === undefined || number < least || number > greatest)
    throw new InvalidValue("The number is out of range.");
  return number;
}

function signedText({ unsigned }: Column, text: string): string {
  return unsigned && /^-[0.]*[1-9]/.test(text) ? refuse("The number is below zero.") : text;
}

function sizesOf({ scale, precision }: Column) {
  return {
    ...(scale !== undefined && { scale }),
    ...(precision !== undefined && { precision }),
  };
}

/** FLOAT(7,2) rounds to its digits by floating-point arithmetic: halves to the even digit, and many decimal halves are not exact. */
function floating(column: Column, value: unknown, exact: boolean): string {
  const { type, scale } = column;
  if (scale === undefined) return floatText(value, type === "float");
  if (exact || scale === 0) decimalText(value, false, { ...sizesOf(column), exact });
  const number = Number(floatText(value, type === "float"));
  const below = Math.floor(number);
  const text = String(below + nearestEven((number - below) * 10 ** scale) / 10 ** scale);
  return decimalText(text, false, { ...sizesOf(column), exact: false });
}

function nearestEven(number: number): number {
  const below = Math.floor(number);
  const over = number - below;
  if (over !== 0.5) return over < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** The server reads seven digits, and ignores the rest. */
const rounded: RoundSecond = ({ fraction }, digits) =>
  halfUp(millionthsOf(fraction) + (fraction.charAt(6) >= "5" ? 1 : 0), digits);
const cut: RoundSecond = ({ fraction }, digits) => millionthsOf(fraction.slice(0, digits));

/** MariaDB truncates unless its `sql_mode` says that it rounds. MySQL rounds unless its `sql_mode` says that it truncates. */
function roundingOf({ cutsSeconds }: Column): RoundSecond {
  return cutsSeconds ? cut : rounded;
}

const timeForm = /^(-)?(\d{2,3}):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?$/;
/** 838:59:59 */
const longestTime = 839 * 3600 - 1;

/** A time of day, or a span of up to 838 hours. */
function timeOfDay(column: Column, value: unknown, exact: boolean): string {
  const match = typeof value === "string" ? timeForm.exec(value.trim()) : null;
  if (match === null) throw new InvalidValue("The value is not a time.");
  const [, sign = "", ...clock] = match;
  const given = clockOf(["", ...clock]);
  const kept = keptOf(given, column.scale ?? 0, exact, roundingOf(column));
  // Servers differ in what they do with the last second's fraction.
  if (
    kept.seconds > longestTime ||
    (kept.fraction !== given.fraction && given.seconds === longestTime)
  )
    throw new InvalidValue("The time is out of range.");
  const isZero = kept.seconds === 0 && kept.fraction === "";
  return `${isZero ? "" : sign}${clockText(kept)}`;
}

/** The server would read 70 as 1970. */
function year(value: unknown): bigint {
  const number = inLimits(0n, 2155n, integerText(value, false));
  return number === 0n || number >= 1901n ? number : refuse("The year is out of range.");
}

/** A BINARY(16) column may store a UUID by its bytes. */
function binary({ type, length = 0 }: Column, value: unknown): unknown {
  const id = type === "binary" && length === 16 ? uuidOf(value) : undefined;
  const hex = id === undefined ? hexOf(bytesOf(value)) : id.replaceAll("-", "");
  if (hex.length > length * 2) throw new InvalidValue("The data is too long.");
  if (type === "binary" && hex.length < length * 2)
    throw new InvalidValue(`The data must be ${length} bytes long.`);
  // Not bytes as a parameter, because versions of the driver write them in different forms.
  return conversion(sql`unhex(${hex})`);
}

/**
 * Converts the result of `convert` to the form in which `mysql2` reads the column from a pool with `timezone: "Z"`, for application code that compares it
 * with a stored row. A BIGINT becomes text, as the library reads it.
 */
export function view(column: Column, parameter: unknown): unknown {
  const { type, precision = 1 } = column;
  switch (typeof parameter) {
    case "undefined":
      return null;
    case "boolean":
      // A `bit(1)` is a boolean too; a `tinyint(1)` has more digits.
      return precision === 1 ? bitsView(1, BigInt(parameter)) : Number(parameter);
    case "bigint":
      if (type === "bit") return bitsView(precision, parameter);
      return type === "bigint" ? parameter.toString() : Number(parameter);
    case "string":
      return textView(column, parameter);
    default:
      // NULL, and Kysely's expressions.
      return parameter;
  }
}

function textView({ type, scale }: Column, text: string): unknown {
  switch (type) {
    case "decimal":
      return plainDecimal(text, scale ?? 0);
    case "float":
      // The server writes no more than six digits of a FLOAT that has no scale.
      return Number(scale === undefined ? Math.fround(Number(text)).toPrecision(6) : text);
    case "double":
      return Number(text);
    case "json":
      return parseJson(text);
    case "timestamp":
    case "datetime":
      return new Date(`${text.replace(" ", "T")}Z`);
    case "date":
      return new Date(`${text}T00:00:00Z`);
    case "time": {
      const [whole = "", fraction = ""] = text.split(".");
      const hours = whole.replace(/^(-?)0(?=\d\d:)/, "$1");
      return scale === undefined || scale === 0 ? hours : `${hours}.${fraction.padEnd(scale, "0")}`;
    }
    default:
      return text;
  }
}

/** The bytes of a bit field, the highest first. */
function bitsView(size: number, value: bigint): Uint8Array {
  const bytes = Math.ceil(size / 8);
  return Uint8Array.from({ length: bytes }, (_, index) =>
    Number((value >> BigInt(8 * (bytes - 1 - index))) & 0xffn),
  );
}
