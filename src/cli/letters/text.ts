/** Formats outcomes and payloads of letters for a terminal. */
import type { DiscardResult, RetryResult } from "../../dead-letters/types.js";
import { counted, oneLine } from "../io.js";
import { stringifyJson } from "../../wire/serialize.js";

/** The outcome of a retry in one line. */
export function retryOutcome(result: RetryResult | { readonly status: "skipped" }): string {
  switch (result.status) {
    case "retried": {
      const { retried = [], stoppedBy } = result.dependants ?? {};
      const also =
        retried.length === 0 ? "" : `, and ${counted(retried.length, "letter")} of its chain`;
      const stopped =
        stoppedBy === undefined
          ? ""
          : `; ${stoppedBy.id} stopped the rest: ${oneLine(stoppedBy.message)}`;
      return `retried${also}${stopped}`;
    }
    case "stale": {
      const rows = result.rows.map(({ table, id }) => `${table} ${id}`).join(", ");
      return `stale: rows have changed since it was recorded (${oneLine(rows)}). To apply it anyway, use --force`;
    }
    case "changed":
      return "not retried: someone else has edited it";
    case "failed":
      return `failed${result.retryable ? ", but may succeed later" : ` (${result.errorCode ?? "unknown"})`}: ${oneLine(result.message)}`;
    case "not_open":
      return `not open: it has already been ${result.is}`;
    case "not_found":
      return "there is no such letter";
    case "skipped":
      return "skipped: an earlier letter of the same device still waits";
  }
}

/** The outcome of a discard in one line. */
export function discardOutcome(result: DiscardResult): string {
  switch (result.status) {
    case "discarded":
      return "discarded";
    case "has_dependants":
      return `not discarded: it has ${counted(result.dependants, "dependant")}. Use --dependants discard or --dependants keep`;
    case "changed":
      return "not discarded: someone else has edited it";
    case "not_open":
      return `not open: it has already been ${result.is}`;
    case "not_found":
      return "there is no such letter";
  }
}

/** Formats JSON with line breaks, and keeps all digits of 64-bit integers. */
export function prettyJson(value: unknown): string {
  return indented(stringifyJson(value));
}

/** Adds line breaks to JSON text that has no spaces. Numbers are copied as text, so none is rounded. */
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
