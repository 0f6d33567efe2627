/**
 * Converts JSON values to parameters for SQLite, and parameters to the form in which the driver reads the column. SQLite accepts any value, and a column's
 * affinity may silently change it. The declared type is therefore enforced here, as a stricter database would do.
 */
import { InvalidValue } from "../../store/failures.js";
import type { Column } from "../../store/tables.js";
import { clockOf, clockText, dateOnly, instantOf, instantText } from "../../store/timestamps.js";
import { booleanOf, bytesOf, jsonText, plainText, textOf, uuidOf } from "../../store/values.js";
import {
  decimalText,
  type Digits,
  floatText,
  integerText,
  numberText,
  withoutTrailingZeros,
} from "../../store/numbers.js";
import { stringifyJson } from "../../wire/serialize.js";
import { type ColumnKind, columnKindOf, rangeOf } from "./declared-types.js";

type Parameter = string | number | bigint | Uint8Array | null;

/** Kysely expressions are not changed. Integers become `bigint`, because drivers bind every JavaScript number as a double, and refuse booleans. */
export function convert(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact = false,
): unknown {
  if (value === null || value === undefined) return nothing(column);
  // An expression, from a column that the server sets: the database computes it.
  if (typeof value === "object" && "toOperationNode" in value) return value;
  return parameter(column, value, lossyNumbers, exact);
}

/** Parsed once for each column, because columns are used often. */
const kinds = new WeakMap<Column, ColumnKind>();

function parameter(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact: boolean,
): Parameter {
  const kind = kinds.get(column) ?? columnKindOf(column.type);
  kinds.set(column, kind);
  switch (kind) {
    case "boolean":
      return booleanOf(value) ? 1n : 0n;
    case "integer":
      return integer(column.type, integerText(value, lossyNumbers));
    case "decimal":
      return exactNumber(decimalText(value, lossyNumbers, digitsOf(column, exact)));
    case "real":
      return double(floatText(value));
    case "text":
      return textual(column, value, lossyNumbers);
    case "blob":
      return bytesThatFit(column, bytesOf(value));
    case "json": {
      // A document that is only a number is stored as a number.
      const text = jsonText(value, lossyNumbers, stringifyJson);
      return looksNumeric(text) ? exactNumber(text) : text;
    }
    case "uuid":
      // With hyphens, because SQLite may read 32 digits as a number.
      return uuidOf(value) ?? refuse("The value is not a uuid.");
    case "timestamp":
      return instantText(instantOf(value));
    case "date":
      return dateOnly(value);
    case "time":
      return timeOfDay(value);
    case "any":
    case "other":
      return undeclared(value, lossyNumbers, kind);
  }
}

/**
 * Converts the result of `convert` to the form in which drivers read the column by default, for application code that compares it with a stored row. An
 * integer beyond 2^53 becomes text, as the library reads it.
 */
export function view(_column: Column, parameter: unknown): unknown {
  if (typeof parameter !== "bigint") return parameter ?? null;
  const number = Number(parameter);
  return Number.isSafeInteger(number) ? number : parameter.toString();
}

function refuse(message: string): never {
  throw new InvalidValue(message);
}

function nothing({ nullReplaced }: Column): null {
  if (nullReplaced) throw new InvalidValue("The value can't be NULL.");
  return null;
}

function integer(type: string, digits: string): bigint {
  const value = int64(digits);
  const { min, max } = rangeOf(type);
  if (value < min || value > max) throw new InvalidValue("The number is too large.");
  return value;
}

/** SQLite ignores the declared scale. Only a scale of 0, for whole numbers, is enforced here. */
function digitsOf({ scale = 0, precision }: Column, exact: boolean): Digits {
  if (precision === undefined) return {};
  return exact || scale <= 0 ? { scale, precision, exact: true } : { precision: precision - scale };
}

function textual({ length }: Column, value: unknown, lossyNumbers: boolean): string {
  const text = plainText(value, lossyNumbers, stringifyJson);
  if (length !== undefined && text.length > length && Array.from(text).length > length) {
    throw new InvalidValue(`The text is longer than ${length} characters.`);
  }
  return text;
}

function bytesThatFit({ length }: Column, bytes: Uint8Array): Uint8Array {
  if (length !== undefined && bytes.length > length) {
    throw new InvalidValue(`The value is longer than ${length} bytes.`);
  }
  return bytes;
}

const timeForm = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?$/;

function timeOfDay(value: unknown): string {
  const match = timeForm.exec(textOf(value).trim());
  if (match === null) throw new InvalidValue("The value is not a time of day.");
  return clockText(clockOf(match));
}

function undeclared(value: unknown, lossyNumbers: boolean, kind: "any" | "other"): Parameter {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "boolean" || typeof value === "bigint" || Number.isInteger(value)) {
    return int64(integerText(value, lossyNumbers));
  }
  if (typeof value === "number") return double(numberText(value));
  const text = plainText(value, lossyNumbers, stringifyJson);
  if (kind === "any" || !looksNumeric(text)) return text;
  const number = exactNumber(text);
  if (String(number) !== text) {
    throw new InvalidValue("The column's type makes a number of this text, and would change it.");
  }
  return number;
}

// SQLite stores a number as an integer of 64 bits or as a double. A column of NUMERIC affinity (any type whose name SQLite does not know, such as DECIMAL,
// DATE, JSON or STRING) converts text that looks like a number, and silently rounds what neither can hold.

const least = -(2n ** 63n);
const greatest = 2n ** 63n - 1n;
const mostIntegerDigits = 19;

// White space as SQLite knows it.
const numeric = /^[\t-\r ]*([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?[\t-\r ]*$/;

/** Text that a column of NUMERIC affinity would store as a number. */
function looksNumeric(text: string): boolean {
  return numeric.test(text);
}

/** An integer's digits, as a parameter. The driver binds every JavaScript number as a double. */
function int64(digits: string): bigint {
  if (digits.replace(/^[+-]?0*/, "").length > mostIntegerDigits) throw numberTooLarge();
  const integer = BigInt(digits.replace("+", ""));
  if (integer < least || integer > greatest) throw numberTooLarge();
  return integer;
}

/** A decimal number's text as a parameter for a column that stores integers or doubles. Refused if neither is exact. */
function exactNumber(text: string): bigint | number {
  const { sign, digits, exponent } = partsOf(text);
  if (digits === "") return 0n;
  if (exponent >= 0) {
    if (digits.length + exponent > mostIntegerDigits) throw numberTooLarge();
    return int64(`${sign}${digits}${"0".repeat(exponent)}`);
  }
  const number = Number(text);
  // A double is read back as its shortest text.
  const kept = partsOf(String(number));
  if (kept.digits !== digits || kept.exponent !== exponent) {
    throw new InvalidValue("The number has more digits than the column can hold exactly.");
  }
  return number;
}

/** For a REAL column: the nearest double, but never an infinity, and zero only for zero. */
function double(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number)) throw numberTooLarge();
  if (number === 0 && partsOf(text).digits !== "") {
    throw new InvalidValue("The number is too small.");
  }
  return number;
}

/** The sign, the digits without surrounding zeros, and the last digit's power of ten. */
function partsOf(text: string): {
  readonly sign: string;
  readonly digits: string;
  readonly exponent: number;
} {
  const match = numeric.exec(text);
  if (match === null) throw new InvalidValue("The value is not a number.");
  const [, sign = "", whole = "", fraction = "", onlyFraction = "", power = "0"] = match;
  const all = `${whole}${fraction}${onlyFraction}`;
  const kept = withoutTrailingZeros(all);
  return {
    sign: sign === "-" ? "-" : "",
    digits: kept.replace(/^0+/, ""),
    exponent: Number(power) - fraction.length - onlyFraction.length + all.length - kept.length,
  };
}

function numberTooLarge(): InvalidValue {
  return new InvalidValue("The number is too large.");
}
