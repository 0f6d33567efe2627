/** JSON with line breaks, for people, in which integers of 64 bits keep all their digits. */
import { stringifyJson } from "../../wire/serialize.js";

export function prettyJson(value: unknown): string {
  return indented(stringifyJson(value));
}

/** Of JSON text without spaces. Numbers are never read, so none is rounded. */
function indented(json: string): string {
  let out = "";
  let depth = 0;
  const lineBreak = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of json.matchAll(tokens)) {
    if (token === "{" || token === "[") {
      depth += 1;
      out += token + lineBreak();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      out += lineBreak() + token;
    } else if (token === ",") out += token + lineBreak();
    else out += token === ":" ? ": " : token;
  }
  return out;
}

/** Empty lists and objects are one token. */
const tokens = /\{\}|\[\]|"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
