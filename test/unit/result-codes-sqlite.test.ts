/** SQLite's result codes: the table is as complete as the header of the SQLite that the tests run. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { meaning, resultCodes } from "../../src/sql/sqlite/errors.js";

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

  it("is read by better-sqlite3's names and by node:sqlite's numbers", () => {
    for (const [name, number, means] of resultCodes) {
      expect(meaning(Object.assign(new Error("secret"), { code: name }))).toBe(means);
      expect(
        meaning(Object.assign(new Error("secret"), { code: "ERR_SQLITE_ERROR", errcode: number })),
      ).toBe(means);
    }
  });

  it.each([
    undefined,
    null,
    "SQLITE_CONSTRAINT_UNIQUE",
    new TypeError("The database connection is not open"),
    { code: "SQLITE_CONSTRAINT_UNHEARD" },
    { code: "ERR_SQLITE_ERROR" },
    { code: "ERR_SQLITE_ERROR", errcode: "2067" },
    { code: "ERR_SQLITE_ERROR", errcode: 12_345 },
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
