/** Reads JSON without loss: integers beyond 2^53 become `bigint`. Nothing recurses, so no depth of nesting overflows the stack. */

// Sixteen digits at the beginning of a value: only such a text can contain an integer that a number can't hold.
const mayHoldLargeInteger = /[:,[]\s*-?\d{16}/;
const wholeNumber = /^-?\d+$/;

/**
 * Longer integers are read as Infinity, as JSON.parse does. No column can store them, and converting millions of digits to a bigint takes seconds.
 */
const mostFiniteDigits = 308;

/**
 * A key with an escape, or a text after a comma. V8 compares the raw text of a key with the key that it has seen in the same place before, but only up to
 * the key's length without escapes: after `{"a\\":1}`, it reads `{"a\t":1}` as the former (V8 13.6, in Node 24).
 */
const mayHoldEscapedKey = /[{,]\s*"[^"\\]*\\/;

/**
 * JSON.parse, but integers beyond 2^53 become `bigint` (up to 308 digits).
 *
 * @throws SyntaxError if the text is not JSON
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Most bodies end here. The test is much cheaper than the parsing.
  return typeof value === "number" ||
    mayHoldLargeInteger.test(text) ||
    (text.includes("\\") && mayHoldEscapedKey.test(text))
    ? readExactly(text)
    : value;
}

/** Reads a text that is known to be JSON. A reviver is not used: it takes twice as long, and overflows the stack at a few thousand levels. */
function readExactly(text: string): unknown {
  // The containers around the one that is being filled, each with the key under which its inner one belongs.
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
        value = numberOf(text.slice(start, at));
      }
    }
    if (container === undefined) return value;
    if (Array.isArray(container)) container.push(value);
    else setOwn(container, key as string, value);
    key = undefined;
  }
}

export type Container = unknown[] | Record<string, unknown>;

/** The position after the closing quote; 0 if there is none. */
export function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === 0x5c) before--;
    // An even number of backslashes escape each other, and not the quote.
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

export function endsLiteral(code: number): boolean {
  return code === 0x2c || code === 0x7d || code === 0x5d || code <= 0x20;
}

function numberOf(source: string): unknown {
  if (source === "true") return true;
  if (source === "false") return false;
  if (source === "null") return null;
  const number = Number(source);
  return Number.isSafeInteger(number) ||
    source.length > mostFiniteDigits ||
    !wholeNumber.test(source)
    ? number
    : BigInt(source);
}

/** Makes `__proto__` an ordinary member, as JSON.parse does. Assigning it would replace the object's prototype. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
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
