/** Reads an SQLite error by its result code: `better-sqlite3` gives the name, `node:sqlite` the number. */
import type { Meaning } from "../dialect.js";
import { resultCodes } from "./codes.js";

const byName: ReadonlyMap<unknown, Meaning> = new Map(
  resultCodes.map(([name, , meaning]) => [name, meaning]),
);
const byNumber: ReadonlyMap<unknown, Meaning> = new Map(
  resultCodes.map(([, number, meaning]) => [number, meaning]),
);

export function meaning(error: unknown): Meaning | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return error.code === "ERR_SQLITE_ERROR" && "errcode" in error
    ? byNumber.get(error.errcode)
    : byName.get(error.code);
}
