/**
 * Counts the values in a JSON text before any of it is parsed. A few kilobytes of gzip can become millions of values, each of which takes fifty times its
 * text in memory. A transaction beyond the limits is never parsed: it is set aside as text, so that it can be answered, and recorded whole.
 */
import { endOfString, endsLiteral } from "./parse-json.js";
import { isSliceOver, nextSlice } from "./slices.js";

/** The bound that a part of a body exceeds, which is why it is set aside. */
export type Excess = "values" | "depth" | "keys";

/** The text of a part of a body that holds more than the limits allow. */
export class Unread {
  readonly text: string;
  readonly excess: Excess;

  constructor(text: string, excess: Excess) {
    this.text = text;
    this.excess = excess;
  }

  toJSON(): string {
    return this.text;
  }
}

/** The position of a part that is set aside: in the text, and in the body as a member or as an element of that member. */
export interface AsidePart {
  readonly start: number;
  readonly end: number;
  readonly key: string;
  readonly index?: number;
  readonly excess: Excess;
}

/** The limits of a part. */
export interface SurveyBounds {
  readonly values: number;
  /** The most levels of nesting in the text. */
  readonly depth: number;
  /** The most keys of one object. */
  readonly keysOfObject: number;
}

export interface Survey {
  /** The number of JSON values outside of the parts that are set aside: containers, texts, numbers, `true`, `false`, `null`. */
  readonly values: number;
  /** The number of elements of the list `transactions`. */
  readonly transactions: number;
  /** The number of keys of the body itself, if it is an object. */
  readonly keys: number;
  /** In the order of the text. */
  readonly aside: readonly AsidePart[];
}

const mostOfLiteral = 1024 * 1024;

/** The number of characters between two looks at the clock. */
const stretch = 128 * 1024;

/** Where a bound was last exceeded. */
interface Breach {
  at: number;
  excess: Excess;
}

/**
 * Counts the values in a text. The text may not be JSON: a parser would then stop before it has read more values than are counted. Members of an object that
 * exceed the bounds are set aside, and so are elements of its list `transactions`. Without bounds, nothing is set aside.
 */
export async function survey(text: string, bounds?: SurveyBounds): Promise<Survey> {
  const most = bounds?.values ?? Infinity;
  const deepest = bounds?.depth ?? Infinity;
  const mostKeys = bounds?.keysOfObject ?? Infinity;
  const breach: Breach = { at: -1, excess: "depth" };
  const parts = createParts(text, most, breach);
  // The numbers of keys of the open objects, by depth.
  const keys = [0, 0];
  let values = 0;
  let depth = 0;
  let isObject = false;
  let inList = false;
  let lookAt = stretch;
  let key = 0;
  let keyEnd = 0;
  let afterText = false;
  let at = 0;
  while (at < text.length) {
    if (at >= lookAt) {
      if (isSliceOver()) await nextSlice();
      lookAt = at + stretch;
    }
    const code = text.charCodeAt(at);
    switch (code) {
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        at++;
        continue;
      case 0x22 /* " */: {
        const end = endOfString(text, at);
        // The text has no closing quote, so no parser gets beyond it.
        if (end === 0) return parts.survey(values, keys);
        values++;
        afterText = true;
        if (depth === 1) {
          key = at;
          keyEnd = end;
        }
        at = end;
        continue;
      }
      case 0x3a /* : */:
        // The text before it was a key, and not a value. A colon after anything else is not JSON, and must not reduce the count.
        if (afterText) {
          values--;
          if (bounds !== undefined && depth <= deepest) {
            const known = (keys[depth] ?? 0) + 1;
            keys[depth] = known;
            // The keys of the body itself are checked by the caller.
            if (depth > 1 && known > mostKeys) {
              breach.at = at;
              breach.excess = "keys";
            }
          }
        }
        at++;
        if (depth === 1 && isObject) parts.beginMember(key, keyEnd, at, values);
        break;
      case 0x2c /* , */:
        if (depth === 1) parts.endMember(at, values);
        else if (inList && depth === 2) parts.endElement(at, values);
        at++;
        break;
      case 0x7b /* { */:
      case 0x5b /* [ */:
        depth++;
        if (depth === 1) isObject = code === 0x7b;
        // Before the list itself is counted, because it does not belong to its first element.
        else if (depth === 2 && code === 0x5b) inList = parts.beginList(at + 1, values + 1);
        if (depth > deepest) {
          breach.at = at;
          breach.excess = "depth";
        } else if (bounds !== undefined) keys[depth] = 0;
        values++;
        at++;
        break;
      case 0x7d /* } */:
      case 0x5d /* ] */:
        if (inList && depth === 2) {
          parts.endElement(at, values);
          inList = false;
        } else if (depth === 1) parts.endMember(at, values);
        depth--;
        at++;
        break;
      default: {
        const start = at++;
        while (at < text.length && !endsLiteral(text.charCodeAt(at))) at++;
        // No column stores a number with so many digits, and the engine would take long to read it.
        values += at - start > mostOfLiteral ? most + 1 : 1;
      }
    }
    afterText = false;
  }
  return parts.survey(values, keys);
}

/** The body's members, and the elements of `transactions`. */
function createParts(text: string, most: number, breach: Readonly<Breach>) {
  let aside: AsidePart[] = [];
  let valuesAside = 0;
  let member: { key: string; start: number; values: number; isList: boolean } | undefined;
  let element = { start: 0, values: 0, index: 0 };

  /** `null` stands in its place, and is a value. */
  const setAside = (part: AsidePart, values: number): void => {
    aside.push(part);
    valuesAside += values - 1;
  };

  /** Of what began there. */
  const excessOf = (start: number, held: number): Excess | undefined =>
    breach.at >= start ? breach.excess : held > most ? "values" : undefined;

  return {
    beginMember: (from: number, to: number, start: number, values: number): void => {
      const key = keyText(text.slice(from, to));
      member = { key, start, values, isList: false };
      // If a key is repeated, the last one counts.
      if (aside.length > 0) aside = aside.map((part) => (part.key === key ? unused(part) : part));
    },
    beginList: (start: number, values: number): boolean => {
      if (member?.key !== "transactions") return false;
      member.isList = true;
      element = { start, values, index: 0 };
      return true;
    },
    endElement: (end: number, values: number): void => {
      const held = values - element.values;
      const { start, index } = element;
      const excess = excessOf(start, held);
      if (excess !== undefined) setAside({ start, end, key: "transactions", index, excess }, held);
      element = { start: end + 1, values, index: index + 1 };
    },
    endMember: (end: number, values: number): void => {
      if (member === undefined) return;
      const { key, start, isList } = member;
      const held = values - member.values;
      const excess = isList ? undefined : excessOf(start, held);
      if (excess !== undefined) setAside({ start, end, key, excess }, held);
      member = undefined;
    },
    survey: (values: number, keys: readonly number[]): Survey => ({
      values: values - valuesAside,
      transactions: element.index,
      keys: keys[1] ?? 0,
      aside,
    }),
  };
}

/** A name that no member of a body has. */
const nowhere = "";

function unused({ start, end, excess }: AsidePart): AsidePart {
  return { start, end, key: nowhere, excess };
}

function keyText(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return nowhere;
  }
}

/** The text with `null` in place of each part that is set aside. */
export function without(text: string, aside: readonly AsidePart[]): string {
  let read = "";
  let at = 0;
  for (const { start, end } of aside) {
    read += `${text.slice(at, start)}null`;
    at = end;
  }
  return read + text.slice(at);
}

/** Puts the parts that were set aside into the parsed value, as unread text. */
export function putAside(body: unknown, text: string, aside: readonly AsidePart[]): void {
  const members = body as Record<string, unknown>;
  for (const { start, end, key, index, excess } of aside) {
    if (!Object.hasOwn(members, key)) continue;
    const unread = new Unread(text.slice(start, end), excess);
    if (index === undefined) {
      Object.defineProperty(members, key, {
        value: unread,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    } else (members[key] as unknown[])[index] = unread;
  }
}
