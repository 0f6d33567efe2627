/** What a transaction that can't be applied comes to, wherever it is tried. */
import { fatal } from "../errors.js";
import type { InvalidTransaction } from "../model.js";

export function refusalOf({
  invalid,
  errorCode = "INVALID_TRANSACTION",
  details,
  operationIndex,
}: InvalidTransaction) {
  return {
    kind: "failed" as const,
    error: fatal(errorCode, invalid, details),
    during: "validate" as const,
    ...(operationIndex !== undefined && { operationIndex }),
  };
}
