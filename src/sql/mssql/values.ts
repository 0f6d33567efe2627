/**
 * Converts JSON values to parameters for SQL Server, and parameters to the form in which `tedious` reads the column. Most are sent as text, which the server
 * converts to the column's type: the driver can't be told a parameter's type, and would send a decimal as a double.
 */
import { type Expression, sql } from "kysely";
import { InvalidValue } from "../../store/failures.js";
import {
  decimalText,
  floatText,
  integerText,
  plainDecimal,
  withoutTrailingZeros,
} from "../../store/numbers.js";
import type { Column } from "../../store/tables.js";
import {
  clockText,
  dateOnly,
  instantOf,
  instantText,
  keptOf,
  type Reading,
  timeOfDay,
} from "../../store/timestamps.js";
import { booleanOf, bytesOf, hexOf, jsonText, uuidOf } from "../../store/values.js";
import { stringifyJson } from "../../wire/serialize.js";
import { conversion } from "../rows/values.js";
import { collationOf, textFor } from "./text.js";

/** The value for which an expression of `convert` stands. */
const shown = new WeakMap<object, unknown>();

function standingFor<T>(expression: Expression<T>, value: unknown): Expression<T> {
  shown.set(expression, value);
  return conversion(expression);
}

export function convert(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
  exact = false,
): unknown {
  if (value === null || value === undefined) return null;
  // From a column that the server sets: the database computes it; or what has been converted.
  if (typeof value === "object" && "toOperationNode" in value) return value;
  switch (column.type) {
    case "bit":
      return booleanOf(value);
    case "tinyint":
    case "smallint":
    case "int":
    case "bigint":
      return integer(column.type, integerText(value, lossyNumbers));
    case "decimal":
    case "numeric":
      return plainDecimal(decimalText(value, lossyNumbers, { ...sizesOf(column), exact }));
    case "money":
    case "smallmoney":
      return money(column, decimalText(value, lossyNumbers, { ...sizesOf(column), exact }));
    case "float":
    case "real":
      return floatText(value, column.type === "real");
    case "date":
      return dateOnly(value);
    case "time":
      return timeOf(value, column.scale ?? 7, exact);
    case "datetime2":
      return instantText(instant(value, column.scale ?? 7, exact));
    case "datetimeoffset":
      return `${instantText(instant(value, column.scale ?? 7, exact))} +00:00`;
    case "datetime":
      return dateTime(instantOf(value), exact);
    case "smalldatetime":
      return minute(instantOf(value), exact);
    case "uniqueidentifier":
      return uuidOf(value) ?? refuse("The value is not a uuid.");
    case "json":
      // JSON in a text column with a check. The column has a length.
      return column.length === undefined && column.charset === undefined
        ? jsonText(value, lossyNumbers, stringifyJson, deepest)
        : textFor(column, jsonText(value, lossyNumbers, stringifyJson, deepest), lossyNumbers);
    case "binary":
    case "varbinary":
    case "image":
      return binary(column, value);
    case "char":
    case "nchar":
      return fixedText(column, textFor(column, value, lossyNumbers));
    default:
      return textFor(column, value, lossyNumbers);
  }
}

/** The server fills the column with spaces. It does the same to this value, so that their bytes are equal. */
function fixedText({ type, length, charset }: Column, text: string): unknown {
  if (length === undefined) return text;
  const collation = charset === undefined ? undefined : collationOf(charset);
  const given = collation === undefined ? sql`${text}` : sql`${text} collate ${sql.raw(collation)}`;
  return standingFor(sql`convert(${sql.raw(type)}(${sql.lit(length)}), ${given})`, text);
}

/** The levels of nesting that the server's own functions support. */
const deepest = 128;

function refuse(message: string): never {
  throw new InvalidValue(message);
}

const ranges: Readonly<Record<string, readonly [least: bigint, greatest: bigint]>> = {
  tinyint: [0n, 255n],
  smallint: [-(2n ** 15n), 2n ** 15n - 1n],
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

function integer(type: string, text: string): bigint {
  // A length limit, because parsing millions of digits takes seconds.
  const digits = text.replace(/^([+-]?)0+(?=\d)/, "$1");
  const number = digits.length <= 20 ? BigInt(digits.replace("+", "")) : undefined;
  const [least, greatest] = ranges[type] ?? [0n, 0n];
  if (number === undefined || number < least || number > greatest)
    return refuse("The number is out of range.");
  return number;
}

function sizesOf({ scale, precision }: Column) {
  return {
    ...(scale !== undefined && { scale }),
    ...(precision !== undefined && { precision }),
  };
}

/** `money` and `smallmoney` are 64-bit and 32-bit integers of ten-thousandths. Text must be converted to them explicitly. */
function money({ type }: Column, text: string): Expression<unknown> {
  const plain = plainDecimal(text, 4);
  integer(type === "money" ? "bigint" : "int", plain.replace(".", ""));
  return standingFor(sql`convert(${sql.raw(type)}, ${plain})`, plain);
}

/** A BINARY(16) column stores a UUID by its bytes. Not sent as a `Buffer`, which not every runtime has. */
function binary({ type, length }: Column, value: unknown): Expression<unknown> {
  const id = type === "binary" && length === 16 ? uuidOf(value) : undefined;
  const hex = id === undefined ? hexOf(bytesOf(value)) : id.replaceAll("-", "");
  if (length !== undefined && hex.length > length * 2) refuse("The data is too long.");
  if (type === "binary" && length !== undefined && hex.length < length * 2)
    refuse(`The data must be ${length} bytes long.`);
  return standingFor(
    sql`convert(varbinary(max), ${hex}, 2)`,
    id === undefined ? bytesOf(value) : bytesOfHex(hex),
  );
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
}

/**
 * Converts the result of `convert` to the form in which `tedious` reads the column by default, for application code that compares it with a stored row. A
 * decimal becomes text, as the library reads it.
 */
export function view(column: Column, parameter: unknown): unknown {
  if (typeof parameter === "object" && parameter !== null)
    return shown.has(parameter) ? shown.get(parameter) : parameter;
  switch (column.type) {
    case "tinyint":
    case "smallint":
    case "int":
      return typeof parameter === "bigint" ? Number(parameter) : parameter;
    case "bigint":
      return typeof parameter === "bigint" ? parameter.toString() : parameter;
    default:
      return typeof parameter === "string" ? textView(column, parameter) : (parameter ?? null);
  }
}

function textView({ type, scale }: Column, text: string): unknown {
  switch (type) {
    case "decimal":
    case "numeric":
      return plainDecimal(text, scale ?? 0);
    case "float":
      return Number(text);
    case "real":
      return Math.fround(Number(text));
    case "date":
      return new Date(`${text}T00:00:00Z`);
    case "time":
      return new Date(`1970-01-01T${text}Z`);
    case "datetime":
    case "datetime2":
    case "smalldatetime":
      return new Date(`${text.replace(" ", "T")}Z`);
    case "datetimeoffset":
      return new Date(`${text.replace(" ", "T").replace(" +00:00", "")}Z`);
    case "uniqueidentifier":
      return text.toUpperCase();
    default:
      return text;
  }
}

/** Rounds to a number of digits, at most seven; halves up. */
function rounded(reading: Reading, digits: number, exact: boolean): Reading {
  const { seconds, fraction } = reading;
  if (fraction.length <= digits) return reading;
  // Throws.
  if (exact) return keptOf(reading, digits, true, () => 0);
  const up = fraction.charAt(digits) >= "5" ? 1n : 0n;
  const kept = (BigInt(`1${fraction.slice(0, digits)}`) + up).toString();
  const carried = kept.startsWith("2") ? 1 : 0;
  return { seconds: seconds + carried, fraction: withoutTrailingZeros(kept.slice(1)) };
}

function instant(value: unknown, digits: number, exact: boolean): Reading {
  return rounded(instantOf(value), digits, exact);
}

const daySeconds = 86_400;

function timeOf(value: unknown, digits: number, exact: boolean): string {
  const kept = rounded(timeOfDay(value), digits, exact);
  if (kept.seconds >= daySeconds) throw new InvalidValue("The time is out of range.");
  return clockText(kept);
}

const firstDateTime = Date.UTC(1753, 0, 1) / 1000;
const ticksPerMs = 0.3;

/** DATETIME stores multiples of 1/300 of a second: `.000`, `.003`, `.007`. */
function dateTime(reading: Reading, exact: boolean): string {
  const { seconds, fraction } = rounded(reading, 3, exact);
  const ms = Number(fraction.padEnd(3, "0"));
  const kept = Math.round(Math.round(ms * ticksPerMs) / ticksPerMs);
  if (exact && kept !== ms)
    throw new InvalidValue("The column keeps three hundredths of a second.");
  const at = seconds + (kept === 1000 ? 1 : 0);
  if (at < firstDateTime) throw new InvalidValue("The year is out of range.");
  // The only form that does not depend on the session's language.
  const text = instantText({ seconds: at, fraction: "" }).replace(" ", "T");
  return `${text}.${String(kept % 1000).padStart(3, "0")}`;
}

const firstMinute = Date.UTC(1900, 0, 1) / 1000;
const lastMinute = Date.UTC(2079, 5, 6, 23, 59) / 1000;

/** SMALLDATETIME stores minutes. Up to 29.998 seconds are rounded down. */
function minute({ seconds, fraction }: Reading, exact: boolean): string {
  const over = ((seconds % 60) + 60) % 60;
  if (exact && (over !== 0 || fraction !== ""))
    throw new InvalidValue("The column keeps no seconds.");
  const isLater = over > 29 || (over === 29 && fraction.padEnd(3, "0").slice(0, 3) > "998");
  const at = seconds - over + (isLater ? 60 : 0);
  if (at < firstMinute || at > lastMinute) throw new InvalidValue("The date is out of range.");
  return instantText({ seconds: at, fraction: "" }).replace(" ", "T");
}
