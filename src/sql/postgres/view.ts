/** Converts parameters to the form in which `pg` reads the column, and parses array literals. */
import type { Column } from "../../store/tables.js";
import { uuidOf } from "../../store/values.js";
import { plainDecimal } from "../../store/numbers.js";
import { parseJson } from "../../wire/parse-json.js";

/**
 * Converts the result of `convert` to the form in which `pg` reads the column by default, for application code that compares it with a stored row.
 * For types with a special form, such as intervals and arrays of an enumeration, the result is the text, or a list of texts.
 */
export function view(column: Column, parameter: unknown): unknown {
  if (parameter === null || parameter === undefined) return null;
  // Booleans, bytes and Kysely's expressions.
  if (typeof parameter !== "string") return parameter;
  return column.array
    ? elementsOf(parameter, (element) => elementView(column, element))
    : textView(column, parameter);
}

function textView({ type, scale, length = 0 }: Column, text: string): unknown {
  switch (type) {
    case "int2":
    case "int4":
    case "oid":
    case "float8":
      return Number(text);
    case "float4":
      return nearestSingle(Number(text));
    case "int8":
    case "numeric":
      return plainDecimal(text, type === "int8" ? 0 : scale);
    case "json":
    case "jsonb":
      return parsedOr(text);
    case "timestamptz":
      return new Date(text.replace(" ", "T").replace(/\+00$/, "Z"));
    // The driver reads times without a zone in the process's zone.
    case "timestamp":
      return new Date(text.replace(" ", "T"));
    case "date":
      return new Date(`${text}T00:00:00`);
    case "uuid":
      return uuidOf(text) ?? text;
    case "bpchar":
      return `${text}${" ".repeat(Math.max(0, length - Array.from(text).length))}`;
    default:
      return text;
  }
}

/** The number that Postgres writes for a `real`: the nearest of those with the fewest digits. */
function nearestSingle(number: number): number {
  const single = Math.fround(number);
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return Number(single.toPrecision(9));
}

/** An element of a client's array literal may not be valid JSON. The server will refuse it. */
function parsedOr(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

// A bracket or comma, a quoted element, or a plain one.
const literalToken = /([{},])|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+)/gsy;

/** The elements of an array literal. For a malformed literal any list will do, because the server refuses it. */
export function elementsOf(literal: string, one: (element: string) => unknown): unknown {
  const outer: unknown[][] = [];
  let list: unknown[] = [];
  for (const [, mark, quoted, plain = ""] of literal.matchAll(literalToken)) {
    if (mark === "{") {
      const inner: unknown[] = [];
      list.push(inner);
      outer.push(list);
      list = inner;
    } else if (mark === "}") {
      list = outer.pop() ?? list;
    } else if (quoted !== undefined) {
      list.push(one(unescaped(quoted)));
    } else if (plain.trim() !== "") {
      const isNull = plain.trim().toUpperCase() === "NULL";
      list.push(isNull ? null : one(unescaped(plain.trim())));
    }
  }
  return list[0] ?? literal;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}

/** `pg` reads the elements of a `numeric[]` as floating-point numbers, but a `numeric` as text. */
function elementView(column: Column, text: string): unknown {
  switch (column.type) {
    case "bool":
      return /^(?:t|y|on|1)/i.test(text);
    case "numeric":
      return Number(plainDecimal(text, column.scale));
    case "bytea":
      return /^\\x(?:[\da-f]{2})*$/i.test(text) ? bytesOfHex(text.slice(2)) : text;
    default:
      return textView(column, text);
  }
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
