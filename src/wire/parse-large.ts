/** Parses large JSON texts in pieces, so that other requests are answered in between. Each piece is parsed by `parseJson`. */
import { type Container, endOfString, parseJson, setOwn } from "./parse-json.js";
import { isSliceOver, nextSlice } from "./slices.js";

/** The length of a piece, in characters: it takes less than a millisecond for most texts, and a few milliseconds for the worst. */
const pieceUnits = 32 * 1024;

/** A container that is open at the reader's position. */
interface Open {
  readonly isList: boolean;
  /** Its opening bracket. */
  readonly start: number;
  /** Created once the container turns out to be longer than a piece. */
  container: Container | undefined;
  /** The position of the first member that has not been parsed yet. */
  rest: number;
  /** The position of the member that is being read. */
  member: number;
  /** What may follow `rest`: members, members or none, or, after a member that was parsed by itself, nothing before the next comma. */
  expects: "members" | "members or none" | "nothing";
}

/**
 * `parseJson` for a large text.
 *
 * @throws SyntaxError if the text is not JSON
 */
export async function parseLarge(text: string): Promise<unknown> {
  const open: Open[] = [];
  // Everything before this position has been parsed.
  let parsed = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    switch (code) {
      case 0x22 /* " */:
        at = endOfString(text, at) - 1;
        if (at < 0) throw notJson();
        break;
      case 0x7b /* { */:
      case 0x5b /* [ */:
        open.push({
          isList: code === 0x5b,
          start: at,
          container: undefined,
          rest: at + 1,
          member: at + 1,
          expects: "members or none",
        });
        break;
      case 0x2c /* , */: {
        const top = open.at(-1);
        if (top === undefined) throw notJson();
        if (at - parsed >= pieceUnits || top.expects === "nothing") {
          if (top.container === undefined) makeAll(open, text);
          addRest(top, text, at);
          top.expects = "members";
          top.rest = at + 1;
          parsed = at + 1;
          if (isSliceOver()) await nextSlice();
        }
        top.member = at + 1;
        break;
      }
      case 0x7d /* } */:
      case 0x5d /* ] */: {
        const closed = open.pop();
        if (closed?.isList !== (code === 0x5d)) throw notJson();
        const around = open.at(-1);
        if (closed.container !== undefined) addRest(closed, text, at);
        else if (around === undefined) return parseJson(text);
        else break;
        if (around === undefined) {
          if (isBlank(text.slice(0, closed.start)) && isBlank(text.slice(at + 1))) {
            return closed.container;
          }
          throw notJson();
        }
        around.expects = "nothing";
        around.rest = at + 1;
        parsed = at + 1;
        if (isSliceOver()) await nextSlice();
        break;
      }
      default:
    }
  }
  if (open.length > 0) throw notJson();
  return parseJson(text);
}

/** Creates the open containers, each inside the one around it, after parsing the members before it. */
function makeAll(open: readonly Open[], text: string): void {
  for (const [index, inner] of open.entries()) {
    if (inner.container !== undefined) continue;
    inner.container = inner.isList ? [] : {};
    const outer = open[index - 1];
    if (outer?.container === undefined) continue;
    if (outer.member > outer.rest) addRest(outer, text, outer.member - 1);
    else if (outer.expects === "nothing") throw notJson();
    const before = text.slice(outer.member, inner.start);
    if (Array.isArray(outer.container)) {
      if (!isBlank(before)) throw notJson();
      outer.container.push(inner.container);
    } else {
      // The key and the colon.
      const [key] = Object.keys(parseJson(`{${before}null}`) as object);
      setOwn(outer.container, key as string, inner.container);
    }
  }
}

function addRest({ container, rest, expects, isList }: Open, text: string, end: number): void {
  const members = text.slice(rest, end);
  if (expects !== "members" && isBlank(members)) return;
  // A comma without a member after it is not JSON either.
  if (expects === "nothing" || isBlank(members)) throw notJson();
  const parts = parseJson(isList ? `[${members}]` : `{${members}}`) as Container;
  if (Array.isArray(container)) for (const part of parts as unknown[]) container.push(part);
  else {
    for (const key of Object.keys(parts)) {
      setOwn(container as Record<string, unknown>, key, (parts as Record<string, unknown>)[key]);
    }
  }
}

const space = /^[ \t\r\n]*$/;

function isBlank(text: string): boolean {
  return space.test(text);
}

function notJson(): SyntaxError {
  return new SyntaxError("The text is no JSON.");
}
