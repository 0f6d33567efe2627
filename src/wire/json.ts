/**
 * JSON in and out without loss: integers beyond 2^53 are `bigint`, and nothing recurses, so that no depth of nesting overflows the stack.
 */

// Sixteen digits where a member begins: only such text can hold an integer that a number can't carry.
const mayHoldLargeInteger = /[:,[]\s*-?\d{16}/;
const integer = /^-?\d+$/;

/**
 * Longer integers are read as JSON.parse reads them, as Infinity: no column holds them,
 * and turning millions of digits into a bigint takes seconds.
 */
const maxDigits = 308;

/**
 * A key with an escape in it, or a text behind a comma. V8 compares a key, as it is written, with the one that it has seen in that place before,
 * by the length that it has without its escapes: after `{"a\\":1}`, it reads `{"a\t":1}` as the former (V8 13.6, in Node 24).
 */
const mayHoldEscapedKey = /[{,]\s*"[^"\\]*\\/;

/**
 * JSON.parse, but integers beyond 2^53 become `bigint` (up to 308 digits).
 *
 * @throws SyntaxError where the text is no JSON
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // The usual body ends here: the test costs next to nothing beside the parse.
  return typeof value === "number" ||
    mayHoldLargeInteger.test(text) ||
    (text.includes("\\") && mayHoldEscapedKey.test(text))
    ? readExactly(text)
    : value;
}

/** Reads text that is known to be JSON. Not a reviver: that takes twice as long, and overflows the stack at a few thousand levels. */
function readExactly(text: string): unknown {
  // The containers around the one being filled, each with the key that this one will have in it.
  const outer: { container: Container; key: string | undefined }[] = [];
  let container: Container | undefined;
  let key: string | undefined;
  let at = 0;

  for (;;) {
    const code = text.charCodeAt(at);
    let value: unknown;
    switch (code) {
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
      case 0x2c /* , */:
      case 0x3a /* : */:
        at++;
        continue;
      case 0x7b /* { */:
      case 0x5b /* [ */:
        if (container !== undefined) outer.push({ container, key });
        container = code === 0x5b ? [] : {};
        key = undefined;
        at++;
        continue;
      case 0x7d /* } */:
      case 0x5d /* ] */: {
        value = container;
        ({ container, key } = outer.pop() ?? { container: undefined, key: undefined });
        at++;
        break;
      }
      case 0x22 /* " */: {
        const end = endOfString(text, at);
        const inside = text.slice(at + 1, end - 1);
        value = inside.includes("\\") ? JSON.parse(text.slice(at, end)) : inside;
        at = end;
        if (container !== undefined && key === undefined && !Array.isArray(container)) {
          key = value as string;
          continue;
        }
        break;
      }
      default: {
        const start = at;
        while (at < text.length && !endsLiteral(text.charCodeAt(at))) at++;
        value = literal(text.slice(start, at));
      }
    }
    if (container === undefined) return value;
    if (Array.isArray(container)) container.push(value);
    else setOwn(container, key as string, value);
    key = undefined;
  }
}

type Container = unknown[] | Record<string, unknown>;

/** Behind the closing quote. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === 0x5c) before--;
    // An even number of backslashes: they escape each other, and not the quote.
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

function endsLiteral(code: number): boolean {
  return code === 0x2c || code === 0x7d || code === 0x5d || code <= 0x20;
}

function literal(source: string): unknown {
  if (source === "true") return true;
  if (source === "false") return false;
  if (source === "null") return null;
  const number = Number(source);
  return Number.isSafeInteger(number) || source.length > maxDigits || !integer.test(source)
    ? number
    : BigInt(source);
}

/** Assigning `__proto__` would replace the object's prototype; JSON.parse makes an ordinary member of it, and so does this. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  } else {
    object[key] = value;
  }
}

/** JSON.stringify, but `bigint` is written as its digits. A value that has no JSON is `null`. */
export function stringifyJson(value: unknown): string {
  try {
    // Undefined for what has no JSON, whatever its type says.
    return (JSON.stringify(value) as string | undefined) ?? "null";
  } catch {
    // A bigint, or too deep. A cycle, or a `toJSON` that throws, fails in the same way below.
    return write(value, plain);
  }
}

/**
 * The one text of a value: keys sorted by code unit, ASCII alone (everything else and control characters as `\uXXXX`, so that any
 * database stores it), `bigint` as its digits. What JSON.parse reads as Infinity or -0 is written so that it is read as the same again.
 *
 * @throws TypeError where the value contains itself
 */
export function canonicalJson(value: unknown): string {
  return write(value, canonical);
}

/** Canonical JSON, but a whole number beyond 2^53 that is no `bigint` is written so that `parseJson` reads a number again. */
export function typedJson(value: unknown): string {
  return write(value, typed);
}

/** As inside a JSON text, so that no NUL and no lone surrogate makes a text unstorable, and nothing is lost. */
export function escapeText(text: string): string {
  return canonicalJson(text).slice(1, -1);
}

/** The way back. */
export function unescapeText(escaped: string): string {
  return JSON.parse(`"${escaped}"`) as string;
}

interface Style {
  readonly keys: (object: object) => string[];
  readonly text: (text: string) => string;
  readonly number: (number: number) => string;
}

const plain: Style = {
  keys: Object.keys,
  text: JSON.stringify,
  number: (number) => (Number.isFinite(number) ? String(number) : "null"),
};

const canonical: Style = {
  keys: (object) => Object.keys(object).toSorted(),
  text: asciiText,
  number(number) {
    if (number === 0) return Object.is(number, -0) ? "-0" : "0";
    if (Number.isFinite(number)) return String(number);
    return Number.isNaN(number) ? "null" : number > 0 ? "1e999" : "-1e999";
  },
};

const typed: Style = {
  ...canonical,
  number: (number) =>
    Number.isInteger(number) && !Number.isSafeInteger(number)
      ? number.toExponential()
      : canonical.number(number),
};

const needsNoEscape = /^[ !#-[\]-~]*$/;
const needsEscape = /["\\]|[^ -~]/g;

function asciiText(text: string): string {
  if (needsNoEscape.test(text)) return `"${text}"`;
  return `"${text.replace(needsEscape, (unit) =>
    unit === '"' || unit === "\\"
      ? `\\${unit}`
      : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )}"`;
}

/** A container that is being written. */
interface Frame {
  readonly container: object;
  /** Absent for an array. */
  readonly keys: readonly string[] | undefined;
  readonly size: number;
  next: number;
  /** What goes in front of the next member. */
  separator: "" | ",";
}

function write(root: unknown, style: Style): string {
  const value = jsonValue(root);
  if (!isContainer(value)) return scalar(value, style);
  const outer: Frame[] = [];
  // Brent's way to find a cycle: an ancestor to be met again, taken anew whenever the depth has doubled.
  let ancestor: object | undefined;
  let frame = frameOf(value, style);
  let out = frame.keys === undefined ? "[" : "{";

  for (;;) {
    const inner = members(frame);
    if (inner !== undefined) {
      outer.push(frame);
      if (inner === ancestor) throw new TypeError("A value that contains itself has no JSON.");
      if ((outer.length & (outer.length - 1)) === 0) ancestor = inner;
      frame = frameOf(inner, style);
      out += frame.keys === undefined ? "[" : "{";
      continue;
    }
    out += frame.keys === undefined ? "]" : "}";
    if (frame.container === ancestor) ancestor = undefined;
    const around = outer.pop();
    if (around === undefined) return out;
    frame = around;
  }

  /** Writes members as far as the next container, and returns that. */
  function members(frame: Frame): object | undefined {
    const { container, keys, size } = frame;
    while (frame.next < size) {
      const key = keys === undefined ? frame.next : (keys[frame.next] as string);
      const member = jsonValue((container as Record<string | number, unknown>)[key]);
      frame.next++;
      if (typeof key === "string") {
        if (member === undefined || typeof member === "function" || typeof member === "symbol")
          continue;
        out += `${frame.separator}${style.text(key)}:`;
      } else {
        out += frame.separator;
      }
      frame.separator = ",";
      if (isContainer(member)) return member;
      out += scalar(member, style);
    }
    return undefined;
  }
}

function frameOf(container: object, style: Style): Frame {
  const keys = Array.isArray(container) ? undefined : style.keys(container);
  const size = keys === undefined ? (container as readonly unknown[]).length : keys.length;
  return { container, keys, size, next: 0, separator: "" };
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** What stands for a value in JSON: a Date knows its own text. */
function jsonValue(value: unknown): unknown {
  if (!isContainer(value)) return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? (toJSON.call(value, "") as unknown) : value;
}

function scalar(value: unknown, style: Style): string {
  switch (typeof value) {
    case "string":
      return style.text(value);
    case "number":
      return style.number(value);
    case "boolean":
    case "bigint":
      return String(value);
    default:
      return "null";
  }
}
