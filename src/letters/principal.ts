/** The principal as a letter keeps it, for whoever tries the transaction again. */
import { canonicalJson } from "../json.js";

const mostCharacters = 64 * 1024;
const mostValues = 10_000;

/** Its JSON; `undefined` where that would not be the same value again, or is too large. */
export function principalText(principal: unknown): string | undefined {
  if (!isPlain(principal)) return undefined;
  const text = canonicalJson(principal);
  return text.length > mostCharacters ? undefined : text;
}

/** Nothing but what JSON can say. Instances of classes have more to them than their members. */
function isPlain(root: unknown): boolean {
  const open: unknown[] = [root];
  for (let count = 0; open.length > 0; count += 1) {
    // Whatever contains itself ends here, too.
    if (count > mostValues) return false;
    const value = open.pop();
    if (typeof value === "object" && value !== null) {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
        return false;
      open.push(...Object.values(value));
    } else if (!isScalar(value)) return false;
  }
  return true;
}

function isScalar(value: unknown): boolean {
  switch (typeof value) {
    case "number":
      // A whole number beyond 2^53 would come back as a bigint.
      return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    case "bigint":
      return !Number.isSafeInteger(Number(value));
    case "string":
    case "boolean":
    case "undefined":
      return true;
    default:
      return value === null;
  }
}
