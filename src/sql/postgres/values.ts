/** Converts JSON values to parameters for Postgres: text that the server reads by the column's own type. */
import { InvalidValue } from "../../store/failures.js";
import { decimalText, floatText, integerText } from "../../store/numbers.js";
import type { Column } from "../../store/tables.js";
import {
  clockText,
  dateOnly,
  halfUp,
  instantOf,
  instantText,
  keptOf,
  type RoundSecond,
  timeOfDay,
} from "../../store/timestamps.js";
import { booleanOf, bytesOf, hexOf, jsonText, plainText, textOf } from "../../store/values.js";
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson } from "../../wire/serialize.js";
import { boundTypes, intervalText, millionthsNearest, rangeText } from "./times.js";
import { elementsOf } from "./view.js";

/** How a value is converted. */
interface Taking {
  readonly lossyNumbers: boolean;
  readonly exact: boolean;
}

export function convert(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact = false,
): unknown {
  if (value === null || value === undefined) return null;
  // An expression, from a column that the server sets: the database computes it.
  if (typeof value === "object" && "toOperationNode" in value) return value;
  const taking = { lossyNumbers, exact };
  return column.array ? arrayText(column, value, taking) : scalar(column, value, taking);
}

function scalar(column: Column, value: unknown, taking: Taking): string | boolean | Uint8Array {
  const { lossyNumbers, exact } = taking;
  switch (column.type) {
    case "bool":
      return booleanOf(value);
    case "int2":
    case "int4":
    case "int8":
      return integerThatFits(column.type, integerText(value, lossyNumbers));
    case "oid":
      return integerText(value, lossyNumbers);
    case "numeric":
      return decimalText(value, lossyNumbers, digitsOf(column, exact));
    case "float4":
    case "float8":
      return floatText(value, column.type === "float4");
    case "json":
    case "jsonb":
      return jsonText(value, lossyNumbers, stringifyJson);
    case "timestamptz":
      return `${instant(column, value, exact)}+00`;
    case "timestamp":
      return instant(column, value, exact);
    case "date":
      return dateOnly(value);
    case "time":
      return clock(column, value, exact);
    case "timetz":
      return clockInZone(column, value, exact);
    case "interval":
      return intervalText(column, value, exact);
    case "money":
      return decimalText(value, lossyNumbers, { scale: 2, exact });
    case "bytea":
      return bytesOf(value);
    case "uuid":
      return uuidText(value);
    case "text":
    case "varchar":
    case "bpchar":
    case "citext":
      return textThatFits(column, plainText(value, lossyNumbers, stringifyJson));
    case "name":
      return nameThatFits(plainText(value, lossyNumbers, stringifyJson));
    case "bit":
    case "varbit":
    case "inet":
    case "cidr":
      return ownWords(value);
    case "char":
      return oneByte(textOf(value));
    default:
      return Object.hasOwn(boundTypes, column.type)
        ? range(column, ownWords(value), taking)
        : textOf(value);
  }
}

const integerBits = { int2: 16, int4: 32, int8: 64 } as const;

function integerThatFits(type: keyof typeof integerBits, text: string): string {
  // A length limit, because parsing millions of digits takes seconds.
  const digits = text.replace(/^([+-]?)0+(?=\d)/, "$1").replace("+", "");
  const number = digits.length <= 20 ? BigInt(digits) : undefined;
  if (number === undefined || BigInt.asIntN(integerBits[type], number) !== number)
    throw new InvalidValue("The number is out of range.");
  return text;
}

/** The forms that the server accepts: there may be a hyphen after any four digits. */
const uuidSpelling = /^(?:[\da-f]{4}(?:-?[\da-f]{4}){7}|\{[\da-f]{4}(?:-?[\da-f]{4}){7}\})$/i;

function uuidText(value: unknown): string {
  const text = textOf(value);
  if (!uuidSpelling.test(text)) throw new InvalidValue("The value is not a UUID.");
  return text;
}

/** Text only: Postgres would read the number 101 as the bits of five, or as the network 101.0.0.0. */
function ownWords(value: unknown): string {
  if (typeof value !== "string") throw new InvalidValue("The value is not text.");
  return textOf(value);
}

/** One byte: Postgres silently keeps only the first byte of a longer text. */
function oneByte(text: string): string {
  if (!/^[\0-\x7f]?$/.test(text)) throw new InvalidValue("The text is longer than one byte.");
  return text;
}

function range({ name, type }: Column, text: string, taking: Taking): string {
  const { [type]: bound = "" } = boundTypes;
  const column = {
    name,
    type: bound,
    array: false,
    nullable: false,
    hasDefault: false,
    generated: false,
  };
  return rangeText(type, text, (each) => String(scalar(column, each, taking)));
}

function digitsOf({ scale, precision }: Column, exact: boolean) {
  if (scale === undefined) return {};
  return { scale, exact, ...(precision !== undefined && { precision }) };
}

function instant({ scale = 6 }: Column, value: unknown, exact: boolean): string {
  return instantText(keptOf(instantOf(value), scale, exact, nearestInstant));
}

/** The beginning of Postgres' time scale. Before it, halves are rounded down. */
const year2000 = Date.UTC(2000) / 1000;

const nearestInstant: RoundSecond = ({ seconds, fraction }, digits) => {
  const millionths = millionthsNearest(fraction);
  return seconds < year2000
    ? 1_000_000 - halfUp(1_000_000 - millionths, digits)
    : halfUp(millionths, digits);
};

function clock({ scale = 6 }: Column, value: unknown, exact: boolean): string {
  const nearest: RoundSecond = ({ fraction }, digits) =>
    halfUp(millionthsNearest(fraction), digits);
  return clockText(keptOf(timeOfDay(value), scale, exact, nearest));
}

const zoned = /^(.*?) ?(Z|[+-]\d\d(?::?\d\d)?)$/i;

/** A time of day with a zone. Without one it is in UTC; Postgres itself would use the connection's zone. */
function clockInZone(column: Column, value: unknown, exact: boolean): string {
  const [, time = value, zone = "+00"] = zoned.exec(textOf(value).trim()) ?? [];
  return `${clock(column, time, exact)}${zone.toUpperCase() === "Z" ? "+00" : zone}`;
}

/** Postgres removes spaces beyond the length, and at the end of a CHAR, without an error. Such texts are refused here. */
function textThatFits({ type, length = Number.POSITIVE_INFINITY }: Column, text: string): string {
  if (text.length > length && Array.from(text).length > length) {
    throw new InvalidValue(`The text is longer than ${length} characters.`);
  }
  if (type === "bpchar" && text.endsWith(" ")) {
    throw new InvalidValue("The column does not keep spaces at the end.");
  }
  return text;
}

/** Postgres cuts longer names without an error. */
function nameThatFits(text: string): string {
  if (text.length > 63 || new TextEncoder().encode(text).length > 63)
    throw new InvalidValue("The name is longer than 63 bytes.");
  return text;
}

/** An array literal, from a JSON array, its text, or a one-dimensional literal. */
function arrayText(column: Column, value: unknown, taking: Taking): string {
  const list = typeof value === "string" ? listOf(value) : value;
  // A JSON string may contain the literal, too.
  if (typeof list === "string" && isFlatLiteral(list)) return literalText(column, list, taking);
  if (!Array.isArray(list)) throw new InvalidValue("The value is not an array.");
  if (!column.type.startsWith("json")) dimensionsOf(list, 1);
  return arrayLiteral(column, list, taking);
}

/** Types whose elements Postgres silently rounds or reinterprets. */
const readHere: ReadonlySet<string> = new Set([
  "numeric",
  "money",
  "timestamptz",
  "timestamp",
  "date",
  "time",
  "timetz",
  "interval",
  "float4",
  "float8",
]);

/** In a literal, elements of other types have Postgres' own form, which differs from a client's: bytes are hexadecimal digits. */
function literalText(column: Column, literal: string, taking: Taking): string {
  const text = textOf(literal);
  if (!readHere.has(column.type)) return text;
  const elements = elementsOf(text, (element) => element);
  return Array.isArray(elements) ? arrayLiteral(column, elements, taking) : text;
}

// Before version 17, Postgres makes an empty array of a literal whose sub-arrays differ in length. Nested arrays must therefore be JSON.
const flatLiteral = /^\s*\{(?:[^{}"\\]|\\.|"(?:[^"\\]|\\.)*")*\}\s*$/s;

function isFlatLiteral(text: string): boolean {
  if (!text.trimStart().startsWith("{")) return false;
  if (flatLiteral.test(text)) return true;
  throw new InvalidValue("The text is not a flat array literal.");
}

function listOf(text: string): unknown {
  if (isFlatLiteral(text)) return text;
  try {
    return parseJson(text);
  } catch {
    throw new InvalidValue("The text is not a JSON array.");
  }
}

/** The most dimensions that Postgres supports. */
const mostDimensions = 6;

/** The lengths by dimension. Lists of different lengths, and nested empty lists, are refused, because some servers store an empty array for them. */
function dimensionsOf(list: readonly unknown[], dimension: number): string {
  if (dimension > mostDimensions) throw new InvalidValue("The array has too many dimensions.");
  if (dimension > 1 && list.length === 0) throw new InvalidValue("The array holds an empty list.");
  const shapes = new Set(
    list.map((each) => (Array.isArray(each) ? dimensionsOf(each, dimension + 1) : "")),
  );
  if (shapes.size > 1) throw new InvalidValue("The array's lists differ in length.");
  return `${list.length},${[...shapes].join("")}`;
}

function arrayLiteral(column: Column, list: readonly unknown[], taking: Taking): string {
  const elements = list.map((value) => {
    if (value === null || value === undefined) return "NULL";
    if (Array.isArray(value) && !column.type.startsWith("json"))
      return arrayLiteral(column, value, taking);
    const element = scalar(column, value, taking);
    const text = element instanceof Uint8Array ? `\\x${hexOf(element)}` : String(element);
    return `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}
