/** Converts a client's values to numbers, text, JSON, UUIDs and bytes, exactly or not at all. Used by the conversions of every store. */
import { InvalidValue } from "./failures.js";
import { refuseRounded } from "./numbers.js";

/** The boolean that SQLite or JSON writes as 0 or 1, as `true` or `false`, or as a text of these. */
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

/** Text that a database can store: no NUL, and no unpaired surrogate, which a driver would silently replace. */
export function textOf(value: unknown): string {
  if (typeof value === "object") throw new InvalidValue("The value is not text.");
  const text = String(value);
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new InvalidValue("The text holds a character that can't be stored.");
  }
  return text;
}

/** Text from any value that a client may send for a text column: numbers as digits, objects and lists as JSON. */
export function plainText(
  value: unknown,
  lossyNumbers: boolean,
  stringify: (value: unknown) => string,
): string {
  refuseUnfit(value, lossyNumbers);
  return textOf(typeof value === "object" ? stringify(value) : value);
}

/**
 * The text of a JSON document. A string is taken to be such a text already, as in the client's SQLite; any other value is serialized.
 *
 * @param deepest the most levels of nesting that the database accepts
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

/** The default limit of nesting: SQLite's own parser accepts 1,000 levels. */
const deepestJson = 1_000;

/** Refuses numbers that JSON can't write, such as Infinity, which 1e400 is parsed as, and integers that may have been rounded. */
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

/** The canonical form of a UUID, so that one UUID is one key. `undefined`: the value is no UUID. */
export function uuidOf(value: unknown): string | undefined {
  const match = typeof value === "string" ? uuidForm.exec(value.trim()) : null;
  if (match === null || (match[1] === undefined) !== (match[7] === undefined)) return undefined;
  return match.slice(2, 7).join("-").toLowerCase();
}

/** Binary data: base64 text from a client, or bytes from a rule's function. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string") throw new InvalidValue("The value is not base64.");
  const text = textOf(value);
  // `atob` accepts white space and missing padding, so the result must encode to the same text again.
  let decoded: string;
  try {
    decoded = atob(text);
  } catch {
    throw new InvalidValue("The value is not base64.");
  }
  if (btoa(decoded) !== text) throw new InvalidValue("The value is not base64.");
  // A loop, because `Uint8Array.from` makes a list of the characters first and is far slower.
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}

export function hexOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

/** Whether a JSON text has more levels of brackets than `most`. Brackets inside its strings don't count. */
function isNestedDeeper(text: string, most: number): boolean {
  if (text.length <= most) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22 /* " */:
        inString = !inString;
        break;
      case 0x5c /* \ */:
        if (inString) at += 1;
        break;
      case 0x5b /* [ */:
      case 0x7b /* { */:
        if (inString) break;
        depth += 1;
        if (depth > most) return true;
        break;
      case 0x5d /* ] */:
      case 0x7d /* } */:
        if (!inString) depth -= 1;
        break;
    }
  }
  return false;
}
