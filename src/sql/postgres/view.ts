/** Shows parameters for Postgres as `pg` reads the column, and takes array literals apart. */
import { parseJson } from "../../wire/parse-json.js";
import type { Column } from "../../store/tables.js";
import { plainDecimal, uuidOf } from "../../store/values.js";

/**
 * A parameter that `convert` made, as `pg` by its defaults reads the column: for application code that compares it with a stored row.
 * Where the driver has a form of its own, such as for an interval or an array of an enumeration, it is the text, or a list of texts.
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
    // The driver reads what has no zone in the process's own.
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

/** The number that Postgres writes for a `real`: of those with the fewest digits, the nearest. */
function nearestSingle(number: number): number {
  const single = Math.fround(number);
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return Number(single.toPrecision(9));
}

/** A client's own array literal may hold an element that is no JSON. The server will refuse it. */
function parsedOr(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

// A bracket or comma, a quoted element, or a plain one.
const literalToken = /([{},])|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+)/gsy;

/** The elements of an array literal. The server refuses what is not well formed, so any list will do for that. */
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

/** `pg` reads the numbers of a `numeric[]` as floating-point ones, other than a `numeric`. */
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
