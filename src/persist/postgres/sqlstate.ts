/**
 * What Postgres' error codes mean for a write.
 * Source: PostgreSQL documentation, appendix A. A code that is not here, and has no class here, is retryable.
 */
import type { ErrorMeaning } from "../dialect.js";

const codes: Readonly<Record<string, ErrorMeaning>> = {
  "23001": { fatal: "FOREIGN_KEY_VIOLATION" },
  "23502": { fatal: "NOT_NULL_VIOLATION" },
  "23503": { fatal: "FOREIGN_KEY_VIOLATION" },
  "23505": { fatal: "UNIQUE_VIOLATION" },
  "23514": { fatal: "CHECK_VIOLATION" },
  "44000": { fatal: "CHECK_VIOLATION" },
  // RAISE EXCEPTION without a code: how a trigger refuses a row.
  P0001: { fatal: "CONSTRAINT_VIOLATION" },
  "40001": { retryable: "contention" },
  "40P01": { retryable: "contention" },
  // The table or column is declared; the statement found it missing or changed: a deployment is under way.
  "0A000": { retryable: "schema" },
  "42703": { retryable: "schema" },
  "42704": { retryable: "schema" },
  "42804": { retryable: "schema" },
  "42P01": { retryable: "schema" },
  "42501": { retryable: "permission" },
};

const classes: Readonly<Record<string, ErrorMeaning>> = {
  "08": { retryable: "outage" },
  "22": { fatal: "INVALID_DATA" },
  "23": { fatal: "CONSTRAINT_VIOLATION" },
  "53": { retryable: "outage" },
  "57": { retryable: "outage" },
  "58": { retryable: "outage" },
};

export function meaning(error: unknown): ErrorMeaning | undefined {
  const code = sqlstateOf(error);
  if (code === undefined) return undefined;
  if (Object.hasOwn(codes, code)) return codes[code];
  const category = code.slice(0, 2);
  return Object.hasOwn(classes, category) ? classes[category] : undefined;
}

function sqlstateOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code)
    ? error.code
    : undefined;
}
