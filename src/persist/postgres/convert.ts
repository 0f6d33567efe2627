/** JSON values as parameters for Postgres: text that the server reads by the column's own type, so that nothing is rounded on the way. */
import { parseJson, stringifyJson } from "../../json.js";
import type { Column } from "../dialect.js";
import { dateOnly, utcTimestamp } from "../timestamp.js";
import {
  booleanOf,
  bytesOf,
  decimalText,
  floatText,
  hexOf,
  InvalidValue,
  integerText,
  jsonText,
  plainText,
  textOf,
} from "../value.js";

export function convert(column: Column, value: unknown, lossyNumbers: boolean): unknown {
  if (value === null || value === undefined) return null;
  return column.array
    ? arrayText(column, value, lossyNumbers)
    : scalar(column, value, lossyNumbers);
}

function scalar(
  column: Column,
  value: unknown,
  lossyNumbers: boolean,
): string | boolean | Uint8Array {
  switch (column.type) {
    case "bool":
      return booleanOf(value);
    case "int2":
    case "int4":
    case "int8":
    case "oid":
      return integerText(value, lossyNumbers);
    case "numeric":
      return decimalText(value, lossyNumbers, column.scale);
    case "float4":
    case "float8":
      return floatText(value, column.type === "float4");
    case "json":
    case "jsonb":
      return jsonText(value, lossyNumbers, stringifyJson);
    case "timestamptz":
      return `${utcTimestamp(value)}+00`;
    case "timestamp":
      return utcTimestamp(value);
    case "date":
      return dateOnly(value);
    case "bytea":
      return bytesOf(value);
    case "text":
    case "varchar":
    case "bpchar":
    case "citext":
    case "name":
      return plainText(value, lossyNumbers, stringifyJson);
    default:
      return textOf(value);
  }
}

/** An array literal, from a JSON array or its text; the literal itself is passed on. */
function arrayText(column: Column, value: unknown, lossyNumbers: boolean): string {
  const list = typeof value === "string" ? listOf(value) : value;
  if (typeof list === "string") return textOf(list);
  if (!Array.isArray(list)) throw new InvalidValue("The value is not an array.");
  return literal(column, list, lossyNumbers);
}

function listOf(text: string): unknown {
  if (text.trimStart().startsWith("{")) return text;
  try {
    return parseJson(text);
  } catch {
    throw new InvalidValue("The text is not a JSON array.");
  }
}

function literal(column: Column, list: readonly unknown[], lossyNumbers: boolean): string {
  const elements = list.map((value) => {
    if (value === null || value === undefined) return "NULL";
    if (Array.isArray(value) && !column.type.startsWith("json"))
      return literal(column, value, lossyNumbers);
    const element = scalar(column, value, lossyNumbers);
    const text = element instanceof Uint8Array ? `\\x${hexOf(element)}` : String(element);
    return `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}
