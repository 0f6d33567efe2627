/** Converts values to what the memory store keeps: text, numbers and booleans only, so that rows can be shared and values compared by `===`. */
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson, typedJson } from "../../wire/serialize.js";
import {
  clockText,
  dateOnly,
  instantOf,
  instantText,
  keptOf,
  millionthsOf,
  type Reading,
  type RoundSecond,
  timeOfDay,
} from "../timestamps.js";
import { booleanOf, bytesOf, jsonText, plainText, uuidOf } from "../values.js";
import { decimalText, floatText, integerText } from "../numbers.js";
import { InvalidValue } from "../failures.js";
import type { Column } from "../tables.js";

/** The types of columns. The comments name the JavaScript values that a row has when it is read. */
export type MemoryType =
  /** `string` */
  | "text"
  /** `string` */
  | "uuid"
  /** 32 bits: `number` */
  | "integer"
  /** 64 bits: `string` of digits */
  | "bigint"
  /** `string` of digits, as many after the decimal point as the column's `scale` says */
  | "decimal"
  /** `number` */
  | "float"
  | "boolean"
  /** `Date`. Microseconds are stored, but a `Date` can't show them. */
  | "timestamp"
  /** `string`, `YYYY-MM-DD` */
  | "date"
  /** `string`, `HH:MM:SS` */
  | "time"
  /** The parsed value */
  | "json"
  /** `Uint8Array`; clients send base64 */
  | "binary";

export type Stored = string | number | boolean | null;

export function convert(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact = false,
): Stored {
  if (value === null || value === undefined) return null;
  return column.array
    ? listText(column, value, lossyNumbers, exact)
    : scalar(column, value, lossyNumbers, exact);
}

function scalar(column: Column, value: unknown, lossyNumbers: boolean, exact: boolean): Stored {
  switch (column.type as MemoryType) {
    case "text":
      return textThatFits(column, plainText(value, lossyNumbers, stringifyJson));
    case "uuid":
      return uuid(value);
    case "integer":
      return Number(integer(value, lossyNumbers, 32));
    case "bigint":
      return integer(value, lossyNumbers, 64).toString();
    case "decimal":
      return decimal(column, decimalText(value, lossyNumbers, { ...sizesOf(column), exact }));
    case "float":
      return Number(floatText(value));
    case "boolean":
      return booleanOf(value);
    case "timestamp":
      return `${instantText(kept(column, instantOf(value), exact)).replace(" ", "T")}Z`;
    case "date":
      return dateOnly(value);
    case "time":
      return clockText(kept(column, timeOfDay(value), exact));
    case "json":
      return document(value, lossyNumbers);
    case "binary":
      return btoa(Array.from(bytesOf(value), (byte) => String.fromCharCode(byte)).join(""));
  }
}

function sizesOf({ scale, precision }: Column) {
  return {
    ...(scale !== undefined && { scale }),
    ...(precision !== undefined && { precision }),
  };
}

/** Rounds halves up. */
const rounded: RoundSecond = ({ fraction }, digits) =>
  millionthsOf(fraction.slice(0, digits)) +
  (fraction.charAt(digits) >= "5" ? 10 ** (6 - digits) : 0);

function kept({ scale = 6 }: Column, reading: Reading, exact: boolean): Reading {
  return keptOf(reading, scale, exact, rounded);
}

function textThatFits({ length = Number.POSITIVE_INFINITY }: Column, text: string): string {
  if (text.length > length && Array.from(text).length > length) {
    throw new InvalidValue(`The text is longer than ${length} characters.`);
  }
  return text;
}

function uuid(value: unknown): string {
  const text = uuidOf(value);
  if (text === undefined) throw new InvalidValue("The value is not a UUID.");
  return text;
}

const mostDigits = 19;

function integer(value: unknown, lossyNumbers: boolean, bits: 32 | 64): bigint {
  const digits = integerText(value, lossyNumbers);
  // The length is checked first, because parsing millions of digits would take seconds.
  const number = digits.replace(/^[+-]?0*/, "").length > mostDigits ? undefined : BigInt(digits);
  if (number === undefined || BigInt.asIntN(bits, number) !== number) {
    throw new InvalidValue("The number is too large.");
  }
  return number;
}

const mostDecimals = 1_000;

/** The canonical text of a number: no exponent, and no zeros except those that the scale requires. */
function decimal({ scale = 0 }: Column, text: string): string {
  const [mantissa = "", power = "0"] = text.toLowerCase().replace(/^[+-]/, "").split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const shift = Number(power);
  if (Math.abs(shift) > mostDecimals) throw new InvalidValue("The number has too many digits.");
  const digits = `${"0".repeat(Math.max(0, -shift))}${whole}${fraction}${"0".repeat(Math.max(0, shift))}`;
  const point = Math.max(0, -shift) + whole.length + shift;
  const before = digits.slice(0, point).replace(/^0+(?=.)/, "") || "0";
  const behind = withoutZeros(digits.slice(point)).padEnd(scale, "0");
  const negative = text.startsWith("-") && /[1-9]/.test(digits);
  return `${negative ? "-" : ""}${before}${behind === "" ? "" : `.${behind}`}`;
}

/** A loop, because a regular expression takes quadratic time on long runs of zeros inside the digits. */
function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}

/** JSON text with sorted keys, so that equal documents have equal texts. */
function document(value: unknown, lossyNumbers: boolean): string {
  return typedJson(parseJson(jsonText(value, lossyNumbers, typedJson)));
}

/** The text of a JSON array. It has one dimension, except that elements of type `json` may be lists themselves. */
function listText(column: Column, value: unknown, lossyNumbers: boolean, exact: boolean): string {
  const list = typeof value === "string" ? parsedText(value) : value;
  if (!Array.isArray(list)) throw new InvalidValue("The value is not an array.");
  return typedJson(
    list.map((element: unknown) =>
      element === null || element === undefined
        ? null
        : scalar(column, element, lossyNumbers, exact),
    ),
  );
}

function parsedText(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new InvalidValue("The text is not a JSON array.");
  }
}

/** Makes a new value on every call, so that a reader can't change the stored row. */
export function view(column: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (!column.array) return viewScalar(column, value as Stored);
  // The store wrote this text itself, so it is a valid list.
  const list = parseJson(String(value)) as readonly Stored[];
  return list.map((element) => (element === null ? null : viewScalar(column, element)));
}

function viewScalar({ type }: Column, value: Stored): unknown {
  switch (type as MemoryType) {
    case "timestamp":
      return new Date(String(value));
    case "json":
      return parseJson(String(value));
    case "binary":
      return Uint8Array.from(atob(String(value)), (character) => character.charCodeAt(0));
    default:
      return value;
  }
}
