/** Values as the memory store keeps them: text, numbers and booleans alone, so that a row can be shared and two values compared by `===`. */
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
import {
  booleanOf,
  bytesOf,
  decimalText,
  floatText,
  integerText,
  jsonText,
  plainText,
  uuidOf,
} from "../values.js";
import { InvalidValue } from "../failures.js";
import type { Column } from "../tables.js";

/** In brackets, as what a row that is read has its values. */
export type MemoryType =
  /** `string`, as are the next one, `bigint`, `decimal`, `date` and `time`. */
  | "text"
  | "uuid"
  /** Of 32 bits: `number`. */
  | "integer"
  /** Of 64 bits, as digits. */
  | "bigint"
  /** As digits, with as many behind the point as the column's `scale` says. */
  | "decimal"
  /** `number` */
  | "float"
  | "boolean"
  /** `Date`. Microseconds are kept, and can't be seen in it. */
  | "timestamp"
  /** `YYYY-MM-DD` */
  | "date"
  /** `HH:MM:SS` */
  | "time"
  /** The value itself. */
  | "json"
  /** `Uint8Array`; base64 from a client. */
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

/** Halves up. */
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
  // Not made a number first: of millions of digits that would take seconds.
  const number = digits.replace(/^[+-]?0*/, "").length > mostDigits ? undefined : BigInt(digits);
  if (number === undefined || BigInt.asIntN(bits, number) !== number) {
    throw new InvalidValue("The number is too large.");
  }
  return number;
}

const mostDecimals = 1_000;

/** The one text of a number: no exponent, and no zeros but those that the scale asks for. */
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

/** Not by a regular expression, which would take the square of the length of zeros in between. */
function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}

/** With its keys in order, so that equal documents are equal texts. */
function document(value: unknown, lossyNumbers: boolean): string {
  return typedJson(parseJson(jsonText(value, lossyNumbers, typedJson)));
}

/** A JSON array's text: of one dimension, except that an element of JSON may be a list itself. */
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

/** Made anew each time: what a reader does to it changes no row. */
export function view(column: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (!column.array) return viewScalar(column, value as Stored);
  // The store wrote it.
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
