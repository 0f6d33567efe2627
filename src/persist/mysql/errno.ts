/** Reads an error of mysql2: the server's by its number, the driver's own by its code or words. What no table knows is nobody's to judge. */
import type { Meaning } from "../dialect.js";
import { clientCodes, clientMessages, errors, signals } from "./codes.js";

const byNumber = new Map(
  errors.map(([errno, , meaning, sqlstate]) => [errno, { meaning, sqlstate }]),
);

/** ER_SIGNAL_EXCEPTION. */
const signal = 1644;

export function meaning(error: unknown): Meaning | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errno, code, sqlState } = error as DriverError;
  const state = typeof sqlState === "string" ? sqlState : "";
  const signaled = state.slice(0, 2);
  if ((errno === signal || signaled === "45") && Object.hasOwn(signals, signaled))
    return signals[signaled];
  const row = typeof errno === "number" ? byNumber.get(errno) : undefined;
  if (row !== undefined && (row.sqlstate === undefined || row.sqlstate === state))
    return row.meaning;
  const lost =
    (typeof code === "string" && clientCodes.has(code)) ||
    clientMessages.some((message) => message.test(error.message));
  return lost ? "outage" : undefined;
}

interface DriverError extends Error {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly sqlState?: unknown;
}
