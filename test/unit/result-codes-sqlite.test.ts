/** SQLite's result codes: the docs' list is as complete as the header of the SQLite that the tests run. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { resultCodes } from "../../docs/generate/codes/sqlite.js";
import { meaning } from "../../src/sql/sqlite/errors.js";

const driverError = (fields: object) => Object.assign(new Error("secret"), fields);

const root = dirname(createRequire(import.meta.url).resolve("better-sqlite3/package.json"));
const header = readFileSync(join(root, "deps/sqlite3/sqlite3.h"), "utf8");

function publishedCodes(): Map<string, number> {
  const all = /CAPI3REF: Result Codes[^]*?CAPI3REF: Flags For File Open/.exec(header)?.[0] ?? "";
  const codes = new Map<string, number>();
  for (const [, name = "", primary = "", extended] of all.matchAll(
    /^#define (SQLITE_\w+)\s+\(?(\w+)(?:\s*\|\s*\((\d+)<<8\))?/gm,
  )) {
    codes.set(name, (codes.get(primary) ?? Number(primary)) | (Number(extended ?? 0) << 8));
  }
  return codes;
}

describe("the table of result codes", () => {
  it("has every published code, by name and number", () => {
    const table = new Map(resultCodes.map(([name, number]) => [name, number]));
    const published = publishedCodes();
    expect(published.size).toBeGreaterThan(110);
    expect(table).toEqual(published);
    expect(table.size).toBe(resultCodes.length);
  });

  it.each([
    ["SQLITE_IOERR_UNHEARD", 10 | (99 << 8), "outage"],
    ["SQLITE_BUSY_UNHEARD", 5 | (99 << 8), "contention"],
    // Not known to be the data's fault.
    ["SQLITE_CONSTRAINT_UNHEARD", 19 | (99 << 8), "other"],
    ["SQLITE_ERROR_UNHEARD", 1 | (99 << 8), "other"],
    ["SQLITE_UNHEARD", 57, "other"],
  ])(
    "leaves %s to its primary code, where all of that one's mean the same",
    (code, number, means) => {
      expect(meaning(driverError({ code }))).toBe(means);
      expect(meaning(driverError({ code: "ERR_SQLITE_ERROR", errcode: number }))).toBe(means);
    },
  );

  it.each([
    undefined,
    null,
    "SQLITE_CONSTRAINT_UNIQUE",
    new TypeError("The database connection is not open"),
    { code: "ERR_SQLITE_ERROR" },
    { code: "ERR_SQLITE_ERROR", errcode: "2067" },
    { code: 2067 },
  ])("knows nothing of %o", (error) => {
    expect(meaning(error)).toBeUndefined();
  });

  it("makes nothing fatal but a broken constraint and data that does not fit", () => {
    const fatal = resultCodes.filter(([, , means]) => /^[A-Z]/.test(means)).map(([name]) => name);
    expect(fatal.filter((name) => !name.startsWith("SQLITE_CONSTRAINT"))).toEqual([
      "SQLITE_TOOBIG",
      "SQLITE_MISMATCH",
    ]);
  });
});
