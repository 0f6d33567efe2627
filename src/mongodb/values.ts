/** Converts values to what documents store, exactly or not at all, and back to what hooks see. */
import { Binary, Decimal128, Double, Int32, Long, ObjectId, UUID } from "mongodb";
import { InvalidValue } from "../store/failures.js";
import type { Column, OwnerKind } from "../store/tables.js";
import { halfUp, instantOf, keptOf, millionthsOf, type RoundSecond } from "../store/timestamps.js";
import { booleanOf, bytesOf, jsonText, plainText, textOf, uuidOf } from "../store/values.js";
import {
  decimalText,
  floatText,
  integerText,
  plainDecimal,
  withoutTrailingZeros,
} from "../store/numbers.js";
import { canonicalJson, stringifyJson, typedJson } from "../wire/serialize.js";
import { parseJson } from "../wire/parse-json.js";
import type { MongoColumn } from "./columns.js";

/** See `Store.convert`. The result has the type that the schema names, as the driver writes it. */
export function convert(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact = false,
): unknown {
  return converted(column as MongoColumn, value, { lossyNumbers, exact });
}

interface How {
  readonly lossyNumbers: boolean;
  readonly exact: boolean;
}

function converted(column: MongoColumn, value: unknown, how: How): unknown {
  if (value === null || value === undefined) return null;
  const { types } = column;
  if (types.length === 0) return isBson(value) ? value : plainValue(value, how);
  const given = isBson(value) ? viewed(value) : value;
  let refused: unknown;
  for (const type of types) {
    try {
      return one(type, column, given, how);
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      refused ??= error;
    }
  }
  throw refused;
}

function one(type: string, column: MongoColumn, value: unknown, how: How): unknown {
  const { lossyNumbers, exact } = how;
  switch (type) {
    case "string":
      return textThatFits(column, plainText(value, lossyNumbers, stringifyJson));
    case "uuid":
      return uuid(value);
    case "objectId":
      return objectId(value);
    case "bool":
      return booleanOf(value);
    case "int":
      return new Int32(Number(integer(value, lossyNumbers, 32)));
    case "long":
      return Long.fromBigInt(integer(value, lossyNumbers, 64));
    case "double":
      return new Double(Number(floatText(value)));
    case "decimal":
      return decimal(decimalText(value, lossyNumbers));
    case "number":
      return plainNumber(typeof value === "string" ? numberOf(value) : value, how);
    case "date":
      return date(value, exact);
    case "binData":
      return typeof value === "string" && dashedUuid.test(value) ? uuid(value) : bytes(value);
    case "object":
      return documentOf(column, value, how);
    case "array":
      return listOf(column, value, how);
    default:
      throw new InvalidValue(`A field of type ${type} takes no value from here.`);
  }
}

const dashedUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function textThatFits({ length = Number.POSITIVE_INFINITY }: MongoColumn, text: string): string {
  if (text.length > length && Array.from(text).length > length)
    throw new InvalidValue(`The text is longer than ${length} characters.`);
  return text;
}

function uuid(value: unknown): UUID {
  const text = uuidOf(value);
  if (text === undefined) throw new InvalidValue("The value is not a UUID.");
  return new UUID(text);
}

/** Only lower case is accepted, so that two texts never stand for the same id. */
function objectId(value: unknown): ObjectId {
  if (typeof value !== "string" || !/^[0-9a-f]{24}$/.test(value))
    throw new InvalidValue("The value is not an ObjectId: 24 hex digits, in lower case.");
  return new ObjectId(value);
}

const mostDigits = 19;

function integer(value: unknown, lossyNumbers: boolean, bits: 32 | 64): bigint {
  const digits = integerText(value, lossyNumbers);
  // The length is checked first, because parsing millions of digits would take seconds.
  const number = digits.replace(/^[+-]?0*/, "").length > mostDigits ? undefined : BigInt(digits);
  if (number === undefined || BigInt.asIntN(bits, number) !== number)
    throw new InvalidValue("The number is too large.");
  return number;
}

function decimal(text: string): Decimal128 {
  try {
    return Decimal128.fromString(text);
  } catch {
    throw new InvalidValue("The number has more than the 34 digits that a decimal keeps.");
  }
}

const rounded: RoundSecond = ({ fraction }, digits) => halfUp(millionthsOf(fraction), digits);

function date(value: unknown, exact: boolean): Date {
  const { seconds, fraction } = keptOf(instantOf(value), 3, exact, rounded);
  return new Date(seconds * 1_000 + Number(fraction.padEnd(3, "0")));
}

function bytes(value: unknown): Binary {
  return new Binary(bytesOf(value));
}

/** A text is parsed as JSON, because the client's SQLite stores objects as text. */
function documentOf({ properties }: MongoColumn, value: unknown, how: How): unknown {
  const document = parsed(value, how);
  if (typeof document !== "object" || document === null || Array.isArray(document))
    throw new InvalidValue("The value is not a JSON object.");
  return fields(document, how, properties);
}

function listOf({ items }: MongoColumn, value: unknown, how: How): unknown {
  const list = parsed(value, how);
  if (!Array.isArray(list)) throw new InvalidValue("The value is not a JSON array.");
  return list.map((each: unknown) => element(items, each, how));
}

function element(column: MongoColumn | undefined, value: unknown, how: How): unknown {
  return column === undefined ? nested(value, how) : converted(column, value, how);
}

/** The most levels of nesting within a field. MongoDB accepts 100 in a document, of which the row itself is one. */
const deepest = 95;

function parsed(value: unknown, { lossyNumbers }: How): unknown {
  if (typeof value === "string")
    return parseJson(jsonText(value, lossyNumbers, typedJson, deepest));
  // Checks only the depth and the numbers.
  jsonText(value, lossyNumbers, typedJson, deepest);
  return value;
}

function fields(
  document: object,
  how: How,
  properties?: ReadonlyMap<string, MongoColumn>,
): Readonly<Record<string, unknown>> {
  const made: [string, unknown][] = [];
  for (const [name, value] of Object.entries(document)) {
    // Operators, and a name by which the driver recognizes BSON values.
    if (name.startsWith("$") || name.includes("\0") || name === "_bsontype")
      throw new InvalidValue("A field's name begins with $, or is one that MongoDB does not take.");
    textOf(name);
    made.push([name, element(properties?.get(name), value, how)]);
  }
  return Object.fromEntries(made);
}

function nested(value: unknown, how: How): unknown {
  if (value === undefined) return null;
  if (value === null || isBson(value)) return value;
  if (Array.isArray(value)) return value.map((each: unknown) => nested(each, how));
  return typeof value === "object" && !(value instanceof Uint8Array)
    ? fields(value, how)
    : scalar(value, how);
}

/** A value whose type no schema names: it is stored as it is. */
function plainValue(value: unknown, how: How): unknown {
  if (typeof value === "object" && !(value instanceof Uint8Array)) {
    jsonText(value, how.lossyNumbers, typedJson, deepest);
    return nested(value, how);
  }
  return scalar(value, how);
}

function scalar(value: unknown, how: How): unknown {
  if (typeof value === "boolean") return value;
  if (value instanceof Uint8Array) return new Binary(value);
  return typeof value === "number" || typeof value === "bigint"
    ? plainNumber(value, how)
    : textOf(value);
}

/** An integer gets a type by its size. Any other number is a double. */
function plainNumber(value: unknown, { lossyNumbers }: How): unknown {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    if (Number.isInteger(value)) integerText(value, lossyNumbers);
    return new Double(Number(floatText(value)));
  }
  const number = integer(value, lossyNumbers, 64);
  return BigInt.asIntN(32, number) === number ? new Int32(Number(number)) : Long.fromBigInt(number);
}

function numberOf(text: string): number | bigint {
  return /^[+-]?\d{1,20}$/.test(text.trim()) ? BigInt(text) : Number(floatText(text));
}

function isBson(value: unknown): value is object {
  return (
    value instanceof Date ||
    (typeof value === "object" && value !== null && "_bsontype" in value && !isOwnText(value))
  );
}

/** Whether `_bsontype` comes from JSON: instances of the driver's classes inherit it, and never have it as their own member. */
function isOwnText(value: object): boolean {
  return Object.hasOwn(value, "_bsontype");
}

/** See `Store.view`. 64-bit integers become `bigint`, decimals their digits, ids their text, and binary data `Uint8Array`. */
export function view(_: Column, stored: unknown): unknown {
  return viewed(stored);
}

export function viewed(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") return value;
  if (value instanceof Date) return new Date(value);
  if (Array.isArray(value)) return value.map(viewed);
  if (value instanceof Int32 || value instanceof Double) return value.valueOf();
  if (value instanceof Long) return value.toBigInt();
  if (value instanceof Decimal128) return plainDecimal(value.toString());
  if (value instanceof ObjectId) return value.toHexString();
  if (value instanceof Binary)
    return value.sub_type === Binary.SUBTYPE_UUID
      ? value.toUUID().toString()
      : Uint8Array.from(value.value());
  if (isBson(value)) return String(value);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, viewed(each)]));
}

/** Whether two stored values are equal. Numbers of different types can be equal. */
export function isSame(one: unknown, other: unknown): boolean {
  return comparable(one) === comparable(other);
}

/** A text that is the same for equal values. */
export function comparable(value: unknown): string {
  const shown = viewed(value);
  const kind = value instanceof Decimal128 || typeof shown === "bigint" ? "number" : typeof shown;
  const text = kind === "number" ? digitsOf(String(shown)) : canonicalJson(shown);
  return `${shown instanceof Date ? "date" : kind} ${text}`;
}

function digitsOf(text: string): string {
  const plain = plainDecimal(text);
  return plain.includes(".") ? withoutTrailingZeros(plain).replace(/\.$/, "") : plain;
}

const ownerKinds: Readonly<Record<string, OwnerKind>> = {
  any: "text",
  string: "text",
  objectId: "text",
  uuid: "uuid",
  binData: "uuid",
  int: "number",
  long: "number",
  decimal: "number",
  number: "number",
};

/** The kind of user ids that the column can hold. */
export function ownerKind({ type, array }: Column): OwnerKind | undefined {
  return array ? undefined : ownerKinds[type];
}
