/** Formats JSON with line breaks, and keeps all digits of 64-bit integers. */
import { stringifyJson } from "../../wire/serialize.js";

export function prettyJson(value: unknown): string {
  return indented(stringifyJson(value));
}

/** Takes JSON text without spaces. Numbers are copied as text, so none is rounded. */
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

/** Splits the text into tokens. An empty list or object is one token. */
const tokens = /\{\}|\[\]|"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
