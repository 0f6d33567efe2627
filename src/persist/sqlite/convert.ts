/**
 * JSON values as parameters for SQLite. It takes whatever it is given, and a column's affinity may change it without a word;
 * so what the declared type means is enforced here, exactly as a stricter database would.
 */
import { stringifyJson } from "../../json.js";
import type { Column } from "../dialect.js";
import { dateOnly, timeText, utcTimestamp } from "../timestamp.js";
import {
  booleanOf,
  bytesOf,
  decimalText,
  floatText,
  InvalidValue,
  integerText,
  jsonText,
  numberText,
  plainText,
  textOf,
  uuidOf,
} from "../value.js";
import { double, exactNumber, int64, looksNumeric } from "./numeric.js";
import { kindOf, rangeOf } from "./types.js";

type Parameter = string | number | bigint | Uint8Array | null;

/** Integers are `bigint`: a driver binds every JavaScript number as a double, and refuses booleans. */
export function convert(column: Column, value: unknown, lossyNumbers: boolean): Parameter {
  if (value === null || value === undefined) return nothing(column);
  const kind = kindOf(column.type);
  switch (kind) {
    case "boolean":
      return booleanOf(value) ? 1n : 0n;
    case "integer":
      return integer(column.type, integerText(value, lossyNumbers));
    case "decimal":
      return exactNumber(decimalText(value, lossyNumbers, column.scale, column.precision));
    case "real":
      return double(floatText(value));
    case "text":
      return limited(column, textual(value, lossyNumbers));
    case "blob":
      return fitting(column, bytesOf(value));
    case "json": {
      // A document that is a number becomes one in the column.
      const text = jsonText(value, lossyNumbers, stringifyJson);
      return looksNumeric(text) ? exactNumber(text) : text;
    }
    case "uuid":
      // With its hyphens, for 32 digits alone may be a number to SQLite.
      return uuidOf(value) ?? refuse("The value is not a uuid.");
    case "timestamp":
      return utcTimestamp(value);
    case "date":
      return dateOnly(value);
    case "time":
      return timeOfDay(value);
    case "any":
    case "other":
      return undeclared(value, lossyNumbers, kind);
  }
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

function textual(value: unknown, lossyNumbers: boolean): string {
  return plainText(value, lossyNumbers, stringifyJson);
}

function limited({ length }: Column, text: string): string {
  if (length !== undefined && text.length > length && Array.from(text).length > length) {
    throw new InvalidValue(`The text is longer than ${length} characters.`);
  }
  return text;
}

function fitting({ length }: Column, bytes: Uint8Array): Uint8Array {
  if (length !== undefined && bytes.length > length) {
    throw new InvalidValue(`The value is longer than ${length} bytes.`);
  }
  return bytes;
}

const timeForm = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6})0*)?)?$/;

function timeOfDay(value: unknown): string {
  const match = timeForm.exec(textOf(value).trim());
  if (match === null) throw new InvalidValue("The value is not a time of day.");
  return timeText(match);
}

function undeclared(value: unknown, lossyNumbers: boolean, kind: "any" | "other"): Parameter {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "boolean" || typeof value === "bigint" || Number.isInteger(value)) {
    return int64(integerText(value, lossyNumbers));
  }
  if (typeof value === "number") return double(numberText(value));
  const text = textual(value, lossyNumbers);
  if (kind === "any" || !looksNumeric(text)) return text;
  const number = exactNumber(text);
  if (String(number) !== text) {
    throw new InvalidValue("The column's type makes a number of this text, and would change it.");
  }
  return number;
}
