/** Reads a Postgres error by its SQLSTATE. What no table knows is nobody's to judge. */
import type { Meaning } from "../dialect.js";
import { classes, sqlstates } from "./codes.js";

const byCode: ReadonlyMap<string, Meaning> = new Map(
  sqlstates.map(([code, , meaning]) => [code, meaning]),
);

export function meaning(error: unknown): Meaning | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const category = code.slice(0, 2);
  return byCode.get(code) ?? (Object.hasOwn(classes, category) ? classes[category] : undefined);
}

/** Five digits and capitals; the socket's own codes are longer, but for EPIPE, which no table has. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code)
    ? error.code
    : undefined;
}
