/** What every dialect's conversion of values shares. */

/** The value can't be stored as it is in a column of that type. The message is safe to show. */
export class InvalidValue extends Error {}

/** An integer beyond 2^53 that an earlier body parser has already rounded, for a column that would keep it exactly. */
export class PrecisionLost extends Error {}

const integer = /^[+-]?\d+$/;
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

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
  if (!integer.test(text)) throw new InvalidValue("The value is not a whole number.");
  return text;
}

/** Digits of a decimal number, exact; at most `scale` of them behind the point, and `precision` in all with those. */
export function decimalText(
  value: unknown,
  lossyNumbers: boolean,
  scale?: number,
  precision?: number,
): string {
  if (typeof value === "number") refuseRounded(value, lossyNumbers);
  const text = numberText(value);
  if (scale !== undefined && decimals(text) > scale) {
    throw new InvalidValue(`The value has more than ${scale} digits behind the point.`);
  }
  if (precision !== undefined && wholeDigits(text) > precision - (scale ?? 0)) {
    throw new InvalidValue("The number is too large.");
  }
  return text;
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
  if (!decimal.test(text)) throw new InvalidValue("The value is not a number.");
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

/** The digits of a number between its outer zeros; none of zero. */
function significant(text: string): string {
  const [mantissa = ""] = text.toLowerCase().split("e");
  return withoutTrailingZeros(mantissa.replace(/[+.-]/g, "").replace(/^0+/, ""));
}

/** `true` and `false` from what SQLite and JSON make of them. */
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
  if (nesting(text, deepest) > deepest) throw new InvalidValue("The JSON is nested too deep.");
  try {
    if (typeof value === "string") JSON.parse(value);
  } catch {
    throw new InvalidValue("The text is not valid JSON.");
  }
  return textOf(text);
}

/** Deeper than people write, and within what every database's own reader stands: SQLite's takes 1,000 levels. */
const deepestJson = 1_000;

/** How deep a JSON text is nested; no more than `enough` need be told from it. Brackets inside its strings don't count. */
function nesting(text: string, enough: number): number {
  if (text.length <= enough) return 0;
  let deepest = 0;
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[{\]}]|"(?:[^"\\]|\\.)*"/g)) {
    if (bracket === "[" || bracket === "{") deepest = Math.max(deepest, (depth += 1));
    else if (bracket === "]" || bracket === "}") depth -= 1;
  }
  return deepest;
}

/** Binary data, which comes as base64 from a client and as it is from a rule. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string") throw new InvalidValue("The value is not base64.");
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

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function trimmed(value: unknown): string {
  if (typeof value !== "string") throw new InvalidValue("The value is not a number.");
  return value.trim();
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

/** In linear time, which a regular expression would not take: texts may be long, and made to hurt. */
export function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}

/** How many digits before the point it takes to write the number. */
function wholeDigits(text: string): number {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const first = `${whole}${fraction}`.search(/[1-9]/);
  return first === -1 ? 0 : Math.max(0, whole.length - first + Number(exponent));
}

function refuseRounded(value: number, lossyNumbers: boolean): void {
  if (lossyNumbers && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new PrecisionLost();
  }
}

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

const uuid =
  /^(\{)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})(\})?$/i;

/** In one form, so that one uuid is one key. `undefined`: the value is none. */
export function uuidOf(value: unknown): string | undefined {
  const match = typeof value === "string" ? uuid.exec(value.trim()) : null;
  if (match === null || (match[1] === undefined) !== (match[7] === undefined)) return undefined;
  return match.slice(2, 7).join("-").toLowerCase();
}
