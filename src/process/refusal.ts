/** The failure of a transaction that was refused as invalid before it could be applied. */
import { fatal } from "../errors.js";
import type { InvalidTransaction } from "../model.js";

interface Refusal {
  readonly kind: "failed";
  readonly error: Error;
  readonly during: "validate";
  readonly operationIndex?: number;
}

export function refusalOf({
  invalid,
  errorCode = "INVALID_TRANSACTION",
  details,
  operationIndex,
}: InvalidTransaction): Refusal {
  return {
    kind: "failed",
    error: fatal(errorCode, invalid, details),
    during: "validate",
    ...(operationIndex !== undefined && { operationIndex }),
  };
}
