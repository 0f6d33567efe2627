/**
 * JSON values as parameters for SQLite. It takes whatever it is given, and a column's affinity may change it without a word;
 * so what the declared type means is enforced here, exactly as a stricter database would.
 */
import { stringifyJson } from "../../wire/json.js";
import type { Column } from "../dialect.js";
import { dateOnly, timeText, utcTimestamp } from "../timestamps.js";
import {
  booleanOf,
  bytesOf,
  decimalText,
  floatText,
  integerText,
  InvalidValue,
  jsonText,
  numberText,
  plainText,
  textOf,
  uuidOf,
} from "../values.js";
import { double, exactNumber, int64, looksNumeric } from "./numeric.js";

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

/*
 * What a column's declared type means. SQLite takes any words for a type and any value for a column; what it does with them is decided by the
 * affinity, and what the words were meant to say is decided here.
 */

/** `any`: no type, whose values SQLite leaves as they are. `other`: words that say nothing, in a column that turns number-like text into numbers. */
type Kind =
  | "boolean"
  | "integer"
  | "decimal"
  | "real"
  | "text"
  | "blob"
  | "json"
  | "uuid"
  | "timestamp"
  | "date"
  | "time"
  | "any"
  | "other";

const kinds: Readonly<Record<string, Kind>> = {
  bool: "boolean",
  boolean: "boolean",
  bit: "boolean",
  int: "integer",
  integer: "integer",
  serial: "integer",
  bigserial: "integer",
  smallserial: "integer",
  numeric: "decimal",
  decimal: "decimal",
  dec: "decimal",
  number: "decimal",
  json: "json",
  jsonb: "json",
  uuid: "uuid",
  guid: "uuid",
  uniqueidentifier: "uuid",
  timestamp: "timestamp",
  timestamptz: "timestamp",
  "timestamp with time zone": "timestamp",
  "timestamp without time zone": "timestamp",
  datetime: "timestamp",
  datetime2: "timestamp",
  smalldatetime: "timestamp",
  date: "date",
  time: "time",
  "time without time zone": "time",
  binary: "blob",
  varbinary: "blob",
  bytea: "blob",
  image: "blob",
};

/** INT and INTEGER have no other bounds than SQLite's own; a type that says how many bits it has is meant so. */
const integerBits: Readonly<Record<string, number>> = {
  tinyint: 8,
  smallint: 16,
  int2: 16,
  smallserial: 16,
  mediumint: 24,
  int4: 32,
  bigint: 64,
  int8: 64,
};

/** @param type as `readColumns` gives it: lower case, without what is in parentheses */
function kindOf(type: string): Kind {
  if (Object.hasOwn(kinds, type)) return kinds[type] as Kind;
  if (
    Object.hasOwn(integerBits, signed(type)) ||
    /^(?:unsigned )?(?:big )?int(?:eger)?(?: unsigned)?$/.test(type)
  )
    return "integer";
  return byAffinity(type);
}

/** The range that the type's words allow; SQLite itself allows 64 bits. */
function rangeOf(type: string): { readonly min: bigint; readonly max: bigint } {
  const unsigned = /\bunsigned\b/.test(type);
  const name = signed(type);
  const bits = BigInt(Object.hasOwn(integerBits, name) ? (integerBits[name] as number) : 64);
  if (!unsigned) {
    // Of a TINYINT it is not known whether it has a sign.
    const max = bits === 8n ? 255n : 2n ** (bits - 1n) - 1n;
    return { min: -(2n ** (bits - 1n)), max };
  }
  return { min: 0n, max: bits === 64n ? 2n ** 63n - 1n : 2n ** bits - 1n };
}

function signed(type: string): string {
  return type.replace(/ ?\bunsigned\b ?/, "");
}

/** Section 3.1 of "Datatypes In SQLite", in its order. */
function byAffinity(type: string): Kind {
  if (type.includes("int")) return "other";
  if (/char|clob|text/.test(type)) return "text";
  if (type === "") return "any";
  if (type.includes("blob")) return "blob";
  return /real|floa|doub/.test(type) ? "real" : "other";
}
