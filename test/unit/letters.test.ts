/** The small rooms of the letters: ids in order, numbers that keep their type, rows that are named, paths of the admin routes. */
import { describe, expect, it } from "vitest";
import { adminRouteOf } from "../../src/admin/routes.js";
import { parseJson } from "../../src/wire/parse-json.js";
import { escapeText, typedJson, unescapeText } from "../../src/wire/serialize.js";
import { createNextId, holdsRounded, namedRows } from "../../src/dead-letters/payload.js";

describe("ids", () => {
  it("are uuids that sort in the order in which they were made, also when the clock goes back", () => {
    let now = 1_800_000_000_000;
    const next = createNextId(() => now);
    const ids: string[] = [];
    for (let n = 0; n < 20_000; n += 1) {
      if (n === 10_000) now -= 5_000;
      if (n % 6_000 === 0) now += 1;
      ids.push(next());
    }
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) {
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    }
    expect(createNextId()().slice(0, 8)).toBe(
      Date.now().toString(16).padStart(12, "0").slice(0, 8),
    );
  });
});

describe("typedJson", () => {
  it.each([2 ** 53, -(2 ** 60), 1e21, 1e300, 0.1, -0, 7, 2n ** 53n, -(2n ** 64n), Infinity])(
    "keeps %s what it is",
    (value) => {
      expect(parseJson(typedJson({ a: [value] }))).toStrictEqual({ a: [value] });
    },
  );

  it("escapes text, and back", () => {
    for (const text of ["", 'a"b\\', "nul \0", "half \ud800", "😀", "\\u0000"]) {
      expect(unescapeText(escapeText(text))).toBe(text);
      expect(escapeText(text)).toMatch(/^[ -~]*$/);
    }
  });
});

describe("rounded integers", () => {
  it("are found wherever they are", () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    for (const value of [1, 2n ** 70n, "9007199254740993", 1e300, 0.5, cyclic, null, undefined]) {
      expect(holdsRounded({ a: [value] })).toBe(false);
    }
    expect(holdsRounded({ a: [{ b: 2 ** 53 }] })).toBe(true);
    expect(holdsRounded(-(2 ** 60))).toBe(true);
  });
});

describe("named rows", () => {
  it("are those of any shape, each once", async () => {
    const entry = { table: "a", id: "1" };
    expect(await namedRows({ crud: [entry, entry, { type: "b", id: "1" }] })).toEqual([
      entry,
      { table: "b", id: "1" },
    ]);
    expect(await namedRows({ batch: [entry] })).toEqual([entry]);
    const none = [
      null,
      7,
      "x",
      [],
      {},
      { crud: 7 },
      { crud: [null, 7, { table: 1, id: 2 }, { id: "1" }] },
    ];
    for (const payload of none) expect(await namedRows(payload)).toEqual([]);
  });
});

describe("the admin's paths", () => {
  it.each([
    ["GET", "/admin", { name: "list" }],
    ["get", "/admin/?limit=1", { name: "list" }],
    ["GET", "/admin/export", { name: "export" }],
    ["GET", "/admin/7", { name: "get", id: "7" }],
    ["PUT", "/admin/7", { name: "edit", id: "7" }],
    ["POST", "/admin/retry", { name: "retryAll" }],
    ["POST", "/admin/discard", { name: "discardAll" }],
    ["POST", "/admin/7/retry", { name: "retry", id: "7" }],
    ["POST", "/admin/7/discard", { name: "discard", id: "7" }],
    ["POST", "/admin", undefined],
    ["POST", "/admin/7", undefined],
    ["GET", "/admin/7/retry", undefined],
    ["POST", "/admin/7/export", undefined],
    ["OPTIONS", "/admin", undefined],
    ["GET", "/administrator", undefined],
    ["GET", "/other/admin", undefined],
  ])("%s %s", (method, url, expected) => {
    expect(adminRouteOf("/admin", method, url)).toEqual(expected);
  });
});
