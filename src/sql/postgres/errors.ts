/** What an error of Postgres means for a write, by its SQLSTATE. */
import type { Meaning } from "../../store/store.js";

/** SQLSTATEs by meaning. Two characters stand for a class: every code in it that is not listed elsewhere, an extension's and a trigger's own included. */
export const sqlstates: Readonly<Record<Meaning, readonly string[]>> = {
  NOT_NULL_VIOLATION: ["23502"],
  UNIQUE_VIOLATION: ["23505"],
  FOREIGN_KEY_VIOLATION: ["23001", "23503"],
  // 44000: WITH CHECK OPTION.
  CHECK_VIOLATION: ["23514", "44000"],
  // P0001: RAISE EXCEPTION, by which a trigger refuses a row.
  CONSTRAINT_VIOLATION: ["23", "P0001"],
  // 54000 and 54001: a limit that the value passes, such as an index's row size.
  INVALID_DATA: ["22", "54000", "54001"],
  // The generator's limit: it is the table that has none left, and not the row's data.
  exhausted: ["2200H"],
  contention: ["40001", "40P01", "72000"],
  busy: ["55006", "55P03"],
  schema: [
    "0A000",
    "26000",
    "3F000",
    "42703",
    "42704",
    "42804",
    "42846",
    "42883",
    "428C9",
    "42P01",
    "42P10",
  ],
  permission: ["42501"],
  outage: [
    "08",
    "53",
    "57",
    "58",
    "25006",
    "25P03",
    "25P04",
    "28000",
    "28P01",
    "3D000",
    "40003",
    "XX001",
    "XX002",
  ],
  // 57014: a statement took too long or was canceled, while the database is up.
  other: ["57014"],
};

const meanings = new Map(
  Object.entries(sqlstates).flatMap(([meaning, codes]) =>
    codes.map((code) => [code, meaning as Meaning] as const),
  ),
);

/** `undefined`: the error is not the server's. */
export function meaning(error: unknown): Meaning | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const { code } = error;
  if (typeof code !== "string" || !isSqlstate(code)) return undefined;
  return meanings.get(code) ?? meanings.get(code.slice(0, 2)) ?? "other";
}

/** A socket's EPIPE has the form of one. Node's other codes are longer. */
function isSqlstate(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE";
}

/** The columns that a unique constraint's error names: of an expression there is none. The words around them are in the server's language. */
export function taken(error: unknown): readonly string[] {
  const detail =
    typeof error === "object" && error !== null && "detail" in error ? String(error.detail) : "";
  const start = detail.indexOf("(") + 1;
  const names = detail.slice(start, Math.max(start, detail.indexOf(")=(", start)));
  return names.split(", ").map((name) => name.replace(/^"(.*)"$/s, "$1").replaceAll('""', '"'));
}
