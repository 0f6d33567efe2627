/** Writes values as JSON text, in three styles, and computes their digests. Nothing recurses, so no depth of nesting overflows the stack. */
import { isSliceOver, nextSlice } from "./slices.js";
import { joinBytes, nodeCrypto, digestOfBytes } from "./bytes.js";

/** The hex SHA-256 of a value's canonical JSON. It does not depend on the order of keys. Large values are processed in slices. */
export function sha256(value: unknown): Promise<string> {
  return digestOf(piecesOf(value, canonical));
}

/** The same for a list of values, which may be long and is never held in memory as a whole. */
export function sha256OfAll(values: Iterable<unknown>): Promise<string> {
  return digestOf(linesOf(values));
}

function* linesOf(values: Iterable<unknown>): Generator<string, undefined> {
  let out = "";
  for (const value of values) {
    for (const piece of piecesOf(value, canonical)) {
      out += piece;
      if (piece !== "" && out.length < pieceUnits) continue;
      yield out;
      out = "";
    }
    // Canonical JSON contains no line break, so this separates the values.
    out += "\n";
  }
  yield out;
}

async function digestOf(pieces: Generator<string, undefined>): Promise<string> {
  if (nodeCrypto === undefined) return digestOfBytes(await bytesOfPieces(pieces));
  const hash = nodeCrypto.createHash("sha256");
  let piece = pieces.next();
  while (!piece.done) {
    // Canonical JSON is ASCII, so each character is one byte.
    hash.update(piece.value, "latin1");
    piece = pieces.next();
    if (!piece.done && isSliceOver()) await nextSlice();
  }
  return hash.digest("hex");
}

async function bytesOfPieces(
  pieces: Generator<string, undefined>,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const encoded: Uint8Array[] = [];
  for (const piece of pieces) {
    encoded.push(encoder.encode(piece));
    if (isSliceOver()) await nextSlice();
  }
  return joinBytes(encoded);
}

/** JSON.stringify, but `bigint` is written as its digits. A value that has no JSON is `null`. */
export function stringifyJson(value: unknown): string {
  try {
    // Returns undefined for a value without JSON, although its type does not say so.
    return (JSON.stringify(value) as string | undefined) ?? "null";
  } catch {
    // The value contains a bigint, or is nested too deep. For a cycle, or a `toJSON` that throws, the code below throws as well.
    return serialize(value, plainStyle);
  }
}

/**
 * Canonical JSON: keys are sorted by code unit, and `bigint` is written as its digits. The text is ASCII, with all other characters and control characters
 * as `\uXXXX`, so that any database stores it. Infinity and -0 are written so that JSON.parse reads them again.
 *
 * @throws TypeError if the value contains itself
 */
export function canonicalJson(value: unknown): string {
  return serialize(value, canonical);
}

/** Canonical JSON, except that a whole number beyond 2^53 that is not a `bigint` is written so that `parseJson` reads a number again. */
export function typedJson(value: unknown): string {
  return serialize(value, typed);
}

/** The same in slices, for values that may be large. */
export async function typedJsonOfLarge(value: unknown): Promise<string> {
  let whole = "";
  for (const piece of piecesOf(value, typed)) {
    whole += piece;
    if (isSliceOver()) await nextSlice();
  }
  return whole;
}

/** Escapes a text as in JSON. A text with NUL or an unpaired surrogate then becomes storable, and nothing is lost. */
export function escapeText(text: string): string {
  return canonicalJson(text).slice(1, -1);
}

/** Reverses `escapeText`. */
export function unescapeText(escaped: string): string {
  return JSON.parse(`"${escaped}"`) as string;
}

interface Style {
  readonly keys: (object: object) => string[];
  readonly text: (text: string) => string;
  readonly number: (number: number) => string;
}

const plainStyle: Style = {
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
// A single character class: with alternatives, a run of millions of characters would overflow the stack.
const needsEscape = /[^ !#-[\]-~]+/g;

function asciiText(text: string): string {
  return needsNoEscape.test(text) ? `"${text}"` : `"${text.replace(needsEscape, escaped)}"`;
}

/** Escapes a whole run of characters, because a call for each character would be slower. */
function escaped(run: string): string {
  let out = "";
  for (let index = 0; index < run.length; index += 1) {
    const unit = run.charCodeAt(index);
    out += unit === 0x22 || unit === 0x5c ? `\\${run[index]}` : `\\u${hex4(unit)}`;
  }
  return out;
}

const hex2 = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hex4(unit: number): string {
  return `${hex2[unit >> 8]}${hex2[unit & 0xff]}`;
}

/** A container that is being written. */
interface Frame {
  readonly container: object;
  /** Absent for an array. */
  readonly keys: readonly string[] | undefined;
  readonly size: number;
  next: number;
  /** The text before the next member. */
  separator: "" | ",";
}

function serialize(root: unknown, style: Style): string {
  let whole = "";
  for (const piece of piecesOf(root, style)) whole += piece;
  return whole;
}

/** The approximate length of a piece. A small value is a single piece. */
const pieceUnits = 32 * 1024;

const manyKeys = 10_000;

/** The value's JSON in pieces. An empty piece means that work was done without output, so that the caller can look at the clock. */
function* piecesOf(root: unknown, style: Style): Generator<string, undefined> {
  const value = jsonValue(root);
  if (!isContainer(value)) {
    if (isLongText(value)) yield* piecesOfText(value, style);
    else yield serializeScalar(value, style);
    return;
  }
  const outer: Frame[] = [];
  // Brent's cycle detection: the depth-first walk is in a cycle if it meets this ancestor again. A new one is chosen whenever the depth has doubled.
  let ancestor: object | undefined;
  let frame = frameOf(value, style);
  let out = frame.keys === undefined ? "[" : "{";

  for (;;) {
    const { container, keys, size } = frame;
    let inner: object | undefined;
    while (inner === undefined && frame.next < size) {
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
      if (isContainer(member)) {
        const empty = emptyText(member);
        if (empty === undefined) inner = member;
        else out += empty;
      } else if (isLongText(member)) {
        yield out;
        yield* piecesOfText(member, style);
        out = "";
      } else out += serializeScalar(member, style);
      if (out.length >= pieceUnits) {
        yield out;
        out = "";
      }
    }
    if (inner !== undefined) {
      outer.push(frame);
      if (inner === ancestor) throw new TypeError("A value that contains itself has no JSON.");
      if ((outer.length & (outer.length - 1)) === 0) ancestor = inner;
      frame = frameOf(inner, style);
      out += frame.keys === undefined ? "[" : "{";
      // Sorting this many keys takes a while.
      if (frame.size > manyKeys && frame.keys !== undefined) yield "";
      continue;
    }
    out += keys === undefined ? "]" : "}";
    if (container === ancestor) ancestor = undefined;
    const around = outer.pop();
    if (around === undefined) {
      yield out;
      return;
    }
    frame = around;
  }
}

/** Writes a long text in pieces. It is not cut within a surrogate pair, because JSON.stringify would escape the halves. */
function* piecesOfText(text: string, style: Style): Generator<string, undefined> {
  yield '"';
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + pieceUnits, text.length);
    if (isHighSurrogate(text.charCodeAt(end - 1)) && end < text.length) end++;
    yield style.text(text.slice(at, end)).slice(1, -1);
    at = end;
  }
  yield '"';
}

function isLongText(value: unknown): value is string {
  return typeof value === "string" && value.length > pieceUnits;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function frameOf(container: object, style: Style): Frame {
  const keys = Array.isArray(container) ? undefined : style.keys(container);
  const size = keys === undefined ? (container as readonly unknown[]).length : keys.length;
  return { container, keys, size, next: 0, separator: "" };
}

/** The text of an empty container, for which no frame is needed: there may be millions of them. */
function emptyText(container: object): "[]" | "{}" | undefined {
  if (Array.isArray(container)) return container.length === 0 ? "[]" : undefined;
  for (const _ in container) return undefined;
  return "{}";
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** The value that JSON writes in place of this one, as given by its `toJSON`. */
function jsonValue(value: unknown): unknown {
  if (!isContainer(value)) return value;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? (toJSON.call(value, "") as unknown) : value;
}

function serializeScalar(value: unknown, style: Style): string {
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
