/** JSON values as parameters for Postgres: text that the server reads by the column's own type, so that nothing is rounded on the way. */
import { stringifyJson } from "../../json.js";
import type { Column } from "../dialect.js";
import { dateOnly, utcTimestamp } from "../timestamp.js";
import {
  booleanOf,
  decimalText,
  InvalidValue,
  integerText,
  jsonText,
  numberText,
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
      return numberText(value);
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
      return value instanceof Uint8Array ? value : base64(value);
    case "text":
    case "varchar":
    case "bpchar":
    case "citext":
    case "name":
      // A client whose column is text may well hold JSON in it.
      return textOf(typeof value === "object" ? stringifyJson(value) : value);
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
    return JSON.parse(text);
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
    const text = element instanceof Uint8Array ? hex(element) : String(element);
    return `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}

function base64(value: unknown): Uint8Array {
  const text = textOf(value);
  // `atob` forgives white space and missing padding; what it decodes must come back as the same text.
  let bytes: string;
  try {
    bytes = atob(text);
  } catch {
    throw new InvalidValue("The value is not base64.");
  }
  if (btoa(bytes) !== text) throw new InvalidValue("The value is not base64.");
  return Uint8Array.from(bytes, (character) => character.charCodeAt(0));
}

function hex(bytes: Uint8Array): string {
  return `\\x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
