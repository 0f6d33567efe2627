/** Reads a client's values as numbers, text, JSON, UUIDs and bytes, exactly or not at all, for the conversions of every dialect. */
import { InvalidValue, PrecisionLost } from "./failures.js";
import { isNestedDeeper } from "./nesting.js";

const digitsAlone = /^[+-]?\d+$/;
const decimalForm = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Digits of an integer, exact. */
export function integerText(value: unknown, lossyNumbers: boolean): string {
  if (typeof value === "number") {
    if (!Number.isInteger(value)) throw new InvalidValue("The value is not a whole number.");
    refuseRounded(value, lossyNumbers);
    return BigInt(value).toString();
  }
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "boolean") return value ? "1" : "0";
  const text = trimmed(value);
  if (!digitsAlone.test(text)) throw new InvalidValue("The value is not a whole number.");
  return text;
}

export interface Digits {
  /** How many the column keeps behind the point. Absent: all. */
  readonly scale?: number;
  /** How many in all, with those. */
  readonly precision?: number;
  /** Throws for a number of more digits behind the point, in place of rounding it. */
  readonly exact?: boolean;
}

/**
 * Digits of a decimal number, with at most `scale` of them behind the point and `precision` in all. Where the column keeps fractions, more of them
 * are rounded, halves away from zero, as every database rounds a decimal; where it keeps none, the value must be whole.
 */
export function decimalText(
  value: unknown,
  lossyNumbers: boolean,
  { scale, precision, exact = false }: Digits = {},
): string {
  if (typeof value === "number") refuseRounded(value, lossyNumbers);
  const given = numberText(value);
  const rounds = scale !== undefined && decimals(given) > scale;
  if (rounds && (exact || scale <= 0)) {
    throw new InvalidValue(`The value has more than ${scale} digits behind the point.`);
  }
  const text = rounds ? roundedTo(given, scale) : given;
  if (precision !== undefined && wholeDigits(text) > precision - (scale ?? 0)) {
    throw new InvalidValue("The number is too large.");
  }
  return text;
}

/** A number of more digits behind the point than `scale`, in the plain form of so many: halves go away from zero. */
function roundedTo(text: string, scale: number): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [before = "", behind = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const digits = `${before}${behind}`;
  /** How many of the digits stay; below zero where there are zeros between the point's last kept place and the first digit. */
  const kept = digits.length - (behind.length - Number(exponent) - scale);
  const upward = kept >= 0 && digits.charAt(kept) >= "5";
  const whole = digits.slice(0, Math.max(0, kept)).padStart(scale + 1, "0");
  const units = upward ? incremented(whole) : whole;
  const point = units.length - scale;
  const number = `${units.slice(0, point)}.${units.slice(point)}`;
  return mantissa.startsWith("-") && /[1-9]/.test(units) ? `-${number}` : number;
}

/** Digits plus one; not by a number, which takes the square of their count. */
function incremented(digits: string): string {
  let nines = digits.length;
  while (digits.charCodeAt(nines - 1) === 0x39) nines -= 1;
  const head = digits.slice(0, nines);
  const zeros = "0".repeat(digits.length - nines);
  return head === ""
    ? `1${zeros}`
    : `${head.slice(0, -1)}${String(Number(head.slice(-1)) + 1)}${zeros}`;
}

/** A floating-point number's text; never NaN or an infinity. */
export function numberText(value: unknown): string {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new InvalidValue("The number is too large.");
    return String(value);
  }
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "boolean") return value ? "1" : "0";
  const text = trimmed(value);
  if (!decimalForm.test(text)) throw new InvalidValue("The value is not a number.");
  return text;
}

/**
 * The same for a column that keeps the nearest number: never an infinity, and zero only for zero. A fraction has a nearest number; an integer is
 * meant as it is, and must be one that a double holds or is written as. Of a `single` nobody expects more than its seven digits.
 */
export function floatText(value: unknown, single = false): string {
  const text = numberText(value);
  const number = single ? Math.fround(Number(text)) : Number(text);
  const digits = significant(text);
  if (!Number.isFinite(number)) throw new InvalidValue("The number is too large.");
  if (number === 0 && digits !== "") throw new InvalidValue("The number is too small.");
  const whole = !single && digits.length > 15 && decimals(text) <= 0;
  if (
    whole &&
    ![String(number), String(BigInt(number))].some((kept) => significant(kept) === digits)
  )
    throw new InvalidValue("The number has more digits than the column can hold exactly.");
  return text;
}

/** Whether a double is written with the same digits as the number. */
export function isDouble(text: string): boolean {
  const kept = String(Number(text));
  return significant(kept) === significant(text) && decimals(kept) === decimals(text);
}

function trimmed(value: unknown): string {
  if (typeof value !== "string") throw new InvalidValue("The value is not a number.");
  return value.trim();
}

/** Throws where an earlier body parser has rounded an integer, and its digits would matter. */
function refuseRounded(value: number, lossyNumbers: boolean): void {
  if (lossyNumbers && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new PrecisionLost();
  }
}

/** The digits of a number between its outer zeros; none of zero. */
function significant(text: string): string {
  const [mantissa = ""] = text.toLowerCase().split("e");
  return withoutTrailingZeros(mantissa.replace(/[+.-]/g, "").replace(/^0+/, ""));
}

/** How many digits behind the point it takes to write the number; below 0 where whole digits are zeros. */
function decimals(text: string): number {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  if (!/[1-9]/.test(mantissa)) return Number.NEGATIVE_INFINITY;
  const [whole = "", behind = ""] = mantissa.split(".");
  const fraction = withoutTrailingZeros(behind);
  const zeros = fraction === "" ? whole.length - withoutTrailingZeros(whole).length : 0;
  return fraction.length - zeros - Number(exponent);
}

/** How many digits before the point it takes to write the number. */
function wholeDigits(text: string): number {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const first = `${whole}${fraction}`.search(/[1-9]/);
  return first === -1 ? 0 : Math.max(0, whole.length - first + Number(exponent));
}

/** A loop is linear on any text; the regular expression `/0+$/` is quadratic on a long run of zeros that is not at the end. */
export function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}

/** The largest exponent that is written out as zeros. */
const mostZeros = 1_000;

/**
 * The text of a number that `decimalText` gave, as databases write a decimal column: no exponent, no zeros before the first digit,
 * and as many digits behind the point as the column keeps, or as the text has. A text with a very large exponent stays as it is.
 */
export function plainDecimal(text: string, scale?: number): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const power = Number(exponent);
  if (Math.abs(power) > mostZeros) return text;
  const [before = "", behind = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const point = before.length + power;
  const digits = `${before}${behind}`.padEnd(point, "0");
  const kept = Math.max(0, scale ?? behind.length - power);
  const fraction = point < 0 ? `${"0".repeat(-point)}${digits}` : digits.slice(point);
  const integer = digits.slice(0, Math.max(0, point)).replace(/^0+(?=\d)/, "") || "0";
  const number = kept === 0 ? integer : `${integer}.${fraction.slice(0, kept).padEnd(kept, "0")}`;
  return mantissa.startsWith("-") && /[1-9]/.test(number) ? `-${number}` : number;
}

/** The truth value that SQLite and JSON write as 0 and 1, `true` and `false`, or a text of these. */
export function booleanOf(value: unknown): boolean {
  switch (typeof value === "string" ? value.trim().toLowerCase() : value) {
    case true:
    case 1:
    case 1n:
    case "1":
    case "t":
    case "true":
      return true;
    case false:
    case 0:
    case 0n:
    case "0":
    case "f":
    case "false":
      return false;
    default:
      throw new InvalidValue("The value is neither true nor false.");
  }
}

/** Text that a database can hold: no NUL, no half of a surrogate pair (which a driver would silently replace). */
export function textOf(value: unknown): string {
  if (typeof value === "object") throw new InvalidValue("The value is not text.");
  const text = String(value);
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new InvalidValue("The text holds a character that can't be stored.");
  }
  return text;
}

/** Text from whatever a client's text column may hold: numbers by their digits, objects and lists as JSON. */
export function plainText(
  value: unknown,
  lossyNumbers: boolean,
  stringify: (value: unknown) => string,
): string {
  refuseUnfit(value, lossyNumbers);
  return textOf(typeof value === "object" ? stringify(value) : value);
}

/**
 * A JSON document's text: text is taken to be one already, as it is in the client's SQLite; anything else is written as one.
 *
 * @param deepest levels of nesting that the database takes
 */
export function jsonText(
  value: unknown,
  lossyNumbers: boolean,
  stringify: (value: unknown) => string,
  deepest = deepestJson,
): string {
  if (typeof value !== "string") refuseUnfit(value, lossyNumbers);
  const text = typeof value === "string" ? value : stringify(value);
  if (isNestedDeeper(text, deepest)) throw new InvalidValue("The JSON is nested too deep.");
  try {
    if (typeof value === "string") JSON.parse(value);
  } catch {
    throw new InvalidValue("The text is not valid JSON.");
  }
  return textOf(text);
}

/** Deeper than people write, and within what every database's own reader stands: SQLite's takes 1,000 levels. */
const deepestJson = 1_000;

/** JSON has no word for NaN and the infinities, which 1e400 is read as. */
function refuseUnfit(value: unknown, lossyNumbers: boolean): void {
  const open: unknown[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === "number") {
      if (!Number.isFinite(next)) throw new InvalidValue("The number is too large.");
      refuseRounded(next, lossyNumbers);
    } else if (typeof next === "object" && next !== null) {
      for (const member of Object.values(next)) if (member !== null) open.push(member);
    }
  }
}

const uuidForm =
  /^(\{)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})(\})?$/i;

/** A UUID in one form, so that one UUID is one key. `undefined`: the value is none. */
export function uuidOf(value: unknown): string | undefined {
  const match = typeof value === "string" ? uuidForm.exec(value.trim()) : null;
  if (match === null || (match[1] === undefined) !== (match[7] === undefined)) return undefined;
  return match.slice(2, 7).join("-").toLowerCase();
}

/** Binary data, which comes as base64 from a client and as it is from a rule. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string") throw new InvalidValue("The value is not base64.");
  const text = textOf(value);
  // `atob` forgives white space and missing padding; what it decodes must come back as the same text.
  let decoded: string;
  try {
    decoded = atob(text);
  } catch {
    throw new InvalidValue("The value is not base64.");
  }
  if (btoa(decoded) !== text) throw new InvalidValue("The value is not base64.");
  // A hundred times as fast as `Uint8Array.from`, which makes a list of the characters first.
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}

export function hexOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
