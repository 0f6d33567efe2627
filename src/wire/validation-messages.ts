/** What the validators find, in words that are safe to show. */
import type { ValidationError } from "./generated/validate.js";

export const expected = 'Expected a JSON object with "transactions", "crud" or "batch".';

export function envelopeFault(error: ValidationError | undefined): string {
  switch (error?.instancePath) {
    case "/transactions":
      return '"transactions" must be a list of at least one transaction.';
    case "/client_id":
    case "/clientId":
    case "/queue_id":
    case "/queueId":
      return `"${error.instancePath.slice(1)}" must be text, of at most 1024 characters.`;
    default:
      return expected;
  }
}

/** Paths hold the contract's names and indexes alone, never the client's text. */
export function transactionFault(error: ValidationError | undefined): string {
  if (error === undefined) return "The transaction is not valid.";
  const { instancePath, keyword, params } = error;
  const path = instancePath
    .slice(1)
    .replace(/\/(\d+)/g, "[$1]")
    .replaceAll("/", ".");
  const subject = path === "" ? "The transaction" : path;
  switch (keyword) {
    case "required":
      return params.missingProperty === "type"
        ? `${subject} has no "table".`
        : `${subject} has no "${String(params.missingProperty)}".`;
    case "not":
      return `${subject} has no "op_data".`;
    case "enum":
      return `${subject} must be one of ${(params.allowedValues as readonly string[]).join(", ")}.`;
    case "minLength":
      return `${subject} must not be empty.`;
    case "minimum":
    case "maximum":
      return `${subject} must be an integer within ±${Number.MAX_SAFE_INTEGER}.`;
    case "type":
      return `${subject} must be ${typeInWords(params.type)}.`;
    default:
      return `${subject} is not valid.`;
  }
}

function typeInWords(type: unknown): string {
  const [kind] = [type].flat().filter((each) => each !== "null");
  switch (kind) {
    case "string":
      return "text";
    case "array":
      return "a list";
    case "object":
      return "an object";
    case "integer":
      return `an integer within ±${Number.MAX_SAFE_INTEGER}`;
    default:
      return String(kind);
  }
}
