/** Values as JSON text, in three styles, and the digest of one. Nothing recurses, so that no depth of nesting overflows the stack. */
import { isSliceOver, nextSlice } from "./slices.js";
import { joinBytes, nodeCrypto, digestOfBytes } from "./bytes.js";

/** The one digest of a value, whatever the order of its keys: hex SHA-256. Large values are written in slices. */
export function sha256(value: unknown): Promise<string> {
  return digestOf(piecesOf(value, canonical));
}

/** The same for a list of values that may be long, and need never be there as a whole. */
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
    // No canonical JSON has a line break.
    out += "\n";
  }
  yield out;
}

async function digestOf(pieces: Generator<string, undefined>): Promise<string> {
  if (nodeCrypto === undefined) return digestOfBytes(await bytesOfPieces(pieces));
  const hash = nodeCrypto.createHash("sha256");
  let piece = pieces.next();
  while (!piece.done) {
    // Of canonical JSON, which is ASCII: its bytes are its characters.
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
    // Undefined for what has no JSON, whatever its type says.
    return (JSON.stringify(value) as string | undefined) ?? "null";
  } catch {
    // A bigint, or too deep. A cycle, or a `toJSON` that throws, fails in the same way below.
    return serialize(value, plainStyle);
  }
}

/**
 * The one text of a value: keys sorted by code unit, ASCII alone (everything else and control characters as `\uXXXX`, so that any
 * database stores it), `bigint` as its digits. What JSON.parse reads as Infinity or -0 is written so that it is read as the same again.
 *
 * @throws TypeError where the value contains itself
 */
export function canonicalJson(value: unknown): string {
  return serialize(value, canonical);
}

/** Canonical JSON, but a whole number beyond 2^53 that is no `bigint` is written so that `parseJson` reads a number again. */
export function typedJson(value: unknown): string {
  return serialize(value, typed);
}

/** The same, in slices: for what may be large. */
export async function typedJsonOfLarge(value: unknown): Promise<string> {
  let whole = "";
  for (const piece of piecesOf(value, typed)) {
    whole += piece;
    if (isSliceOver()) await nextSlice();
  }
  return whole;
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
// One class: a choice would take the stack for a run of millions of characters.
const needsEscape = /[^ !#-[\]-~]+/g;

function asciiText(text: string): string {
  return needsNoEscape.test(text) ? `"${text}"` : `"${text.replace(needsEscape, escaped)}"`;
}

/** A run of characters at a time, for a call costs more than a character. */
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
  /** What goes in front of the next member. */
  separator: "" | ",";
}

function serialize(root: unknown, style: Style): string {
  let whole = "";
  for (const piece of piecesOf(root, style)) whole += piece;
  return whole;
}

/** Of one piece, about: what is written of a small value is one. */
const pieceUnits = 32 * 1024;

const manyKeys = 10_000;

/** The value's JSON, piece by piece. An empty piece says that time has passed. */
function* piecesOf(root: unknown, style: Style): Generator<string, undefined> {
  const value = jsonValue(root);
  if (!isContainer(value)) {
    if (isLongText(value)) yield* piecesOfText(value, style);
    else yield serializeScalar(value, style);
    return;
  }
  const outer: Frame[] = [];
  // Brent's way to find a cycle: an ancestor to be met again, taken anew whenever the depth has doubled.
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
      // To sort so many keys takes a while.
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

/** A long text. Every unit is written by itself, so it can be cut anywhere; but a pair of surrogates is one character to JSON.stringify. */
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

/** Of a container that has nothing in it: millions of them need no frame. */
function emptyText(container: object): "[]" | "{}" | undefined {
  if (Array.isArray(container)) return container.length === 0 ? "[]" : undefined;
  for (const _ in container) return undefined;
  return "{}";
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
