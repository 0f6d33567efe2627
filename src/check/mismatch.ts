/** A mismatch, and its message. */
import type { Mismatch } from "./types.js";

export function error(
  code: Mismatch["code"],
  table: string,
  column: string | undefined,
  message: string,
): Mismatch {
  return mismatch("error", code, table, column, message);
}

export function warning(
  code: Mismatch["code"],
  table: string,
  column: string | undefined,
  message: string,
): Mismatch {
  return mismatch("warning", code, table, column, message);
}

/** Makes a mismatch whose message begins with the option's place in the configuration. */
export function mismatch(
  severity: Mismatch["severity"],
  code: Mismatch["code"],
  table: string,
  column: string | undefined,
  message: string,
): Mismatch {
  return {
    severity,
    code,
    table,
    ...(column !== undefined && { column }),
    message: `tables.${table}: ${message}`,
  };
}
