/** Whose versions a write may overwrite: the one that it names, and the writer's own since then. */
import { expect, it } from "vitest";
import { type VersionRecord, versionsAllowed, versionWritten } from "../../src/store/change.js";

const column = "version";
const subject = "";
const record: VersionRecord = { writer: "a", version: 6n, since: 3n };
const allowed = (base: bigint | null | "new", writer: string | undefined, known = record) =>
  versionsAllowed({ column, subject, base, ...(writer !== undefined && { writer }) }, known);

it.each<[string, bigint | null | "new", string | undefined, readonly (bigint | null)[]]>([
  ["its own since its base", 4n, "a", [4n, 6n]],
  ["all that it has written", 3n, "a", [3n, 6n]],
  ["not what others wrote before", 2n, "a", [2n]],
  ["not from a base that there never was", 7n, "a", [7n]],
  ["not from none, where others began", null, "a", [null]],
  ["no row, where others made it", "new", "a", []],
  ["another's", 4n, "b", [4n]],
  ["nobody's", 4n, undefined, [4n]],
])("allows %s", (_name, base, writer, expected) => {
  expect(allowed(base, writer)).toEqual(expected);
});

it("allows all of a row that the writer has made", () => {
  const made: VersionRecord = { writer: "a", version: 2n, since: 0n };
  expect(allowed(null, "a", made)).toEqual([null, 2n]);
  expect(allowed("new", "a", made)).toEqual([2n]);
  expect(allowed(0n, "a", made)).toEqual([0n, 2n]);
  expect(allowed("new", "b", made)).toEqual([]);
});

it("asks nothing without a base", () => {
  expect(versionsAllowed({ column, subject, writer: "a" }, undefined)).toEqual([]);
});

it.each<[string, string, bigint, bigint]>([
  ["goes on", "a", 7n, 3n],
  ["begins anew behind another's", "b", 7n, 6n],
  ["begins anew where something is missing between", "a", 8n, 7n],
  ["begins anew with a new row", "a", 1n, 0n],
])("%s", (_name, writer, version, since) => {
  expect(versionWritten(writer, version, record)).toEqual({ writer, version, since });
});
