/**
 * How much a JSON text holds, counted before any of it is parsed. A few kilobytes of gzip can become millions of values, and each takes fifty times its
 * text in memory. What is beyond the limit is never parsed: a transaction is set aside as text, so that it can be answered and kept whole.
 */
import { endOfString, endsLiteral } from "./parse-json.js";
import { isSliceOver, nextSlice } from "./slices.js";

/** Why a part of a body is set aside: the bound that it passes. */
export type Excess = "values" | "depth" | "keys";

/** A part of a body that holds more than may be read, as it came. */
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

/** Where a part that is set aside stands in the text, and in the body: a member of it, or an element of that member. */
export interface AsidePart {
  readonly start: number;
  readonly end: number;
  readonly key: string;
  readonly index?: number;
  readonly excess: Excess;
}

/** What a part may hold. */
export interface SurveyBounds {
  readonly values: number;
  /** Levels of the text. */
  readonly depth: number;
  /** Keys of one object. */
  readonly keysOfObject: number;
}

export interface Survey {
  /** JSON values outside the parts that are set aside: containers, texts, numbers, `true`, `false`, `null`. */
  readonly values: number;
  /** Elements of the list `transactions`. */
  readonly transactions: number;
  /** Keys of the body itself, where it is an object. */
  readonly keys: number;
  /** In the text's order. */
  readonly aside: readonly AsidePart[];
}

const mostOfLiteral = 1024 * 1024;

/** How many characters are looked at before the clock is. */
const stretch = 128 * 1024;

/** Where a bound was passed last. */
interface Breach {
  at: number;
  excess: Excess;
}

/**
 * Counts the values of a text, which need not be JSON: no prefix of it that a parser gets through has more than are counted. An object's members that
 * hold more than the bounds allow are set aside; of its list `transactions`, the elements that do. Without bounds nothing is.
 */
export async function survey(text: string, bounds?: SurveyBounds): Promise<Survey> {
  const most = bounds?.values ?? Infinity;
  const deepest = bounds?.depth ?? Infinity;
  const mostKeys = bounds?.keysOfObject ?? Infinity;
  const breach: Breach = { at: -1, excess: "depth" };
  const parts = createParts(text, most, breach);
  // Of the objects that are open, by their depth.
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
        // It has no end: no parser gets beyond it.
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
        // What stands in front of it was a key, and no value. Behind anything else it is no JSON, and must not hide what came before.
        if (afterText) {
          values--;
          if (bounds !== undefined && depth <= deepest) {
            const known = (keys[depth] ?? 0) + 1;
            keys[depth] = known;
            // Those of the body itself are for the caller to judge.
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
        // Before the list itself is counted: it is no part of its first element.
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
        // Nobody stores a number of so many digits, and the engine takes long to read it.
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
      // Of a key that comes again the last one counts.
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

/** No member of a body has this name: what is found under it is put nowhere. */
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

/** The text with `null` in place of what is set aside. */
export function without(text: string, aside: readonly AsidePart[]): string {
  let read = "";
  let at = 0;
  for (const { start, end } of aside) {
    read += `${text.slice(at, start)}null`;
    at = end;
  }
  return read + text.slice(at);
}

/** Puts what was set aside back into what has been made of the rest, unread. */
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
