import { describe, expect, it } from "vitest";
import { defaultLimits, type Limits } from "../../src/wire/limits.js";
import { measure } from "../../src/wire/upload.js";

const limits: Limits = { ...defaultLimits, operations: 3, depth: 3, keys: 6, stringLength: 10 };
const put = (opData: unknown): unknown => ({ op: "PUT", table: "t", id: "1", op_data: opData });

describe("measure", () => {
  it.each<[string, unknown[]]>([
    ["no operation", []],
    ["as many operations as allowed", [put({}), put({}), put({})]],
    ["as deep as allowed", [put({ a: { b: [1] } })]],
    ["as many keys as allowed", [put({ a: 1, b: 2, c: 3 }), put({ a: { b: 1, c: 2 } })]],
    ["as long a text as allowed", [put({ a: "1234567890", "1234567890": 1 })]],
    ["operations that are none", [null, 1, "1234567890"]],
    ["numbers of any size", [put({ a: Infinity, b: 2n ** 200n })]],
  ])("lets pass: %s", (_name, operations) => {
    expect(measure(operations, limits)).toBeUndefined();
  });

  it.each<[string, unknown[], number | undefined, RegExp]>([
    ["operations", [1, 2, 3, 4], undefined, /more than 3 operations/],
    ["depth", [put({}), put({ a: { b: [[]] } })], 1, /more than 3 levels/],
    ["depth of another member", [{ old: [[[[]]]] }], 0, /more than 3 levels/],
    ["keys", [put({ a: 1, b: 2, c: 3 }), put({ a: { b: 1, c: 2, d: 3 } })], 1, /more than 6 keys/],
    ["text", [put({ a: ["12345678901"] })], 0, /longer than 10 /],
    ["a key's text", [put({ "12345678901": "1" })], 0, /longer than 10 /],
    ["the id", [put({}), { id: "12345678901" }], 1, /longer than 10 /],
  ])("names the breach: %s", (_name, operations, operationIndex, message) => {
    const breach = measure(operations, limits);
    expect(breach?.message).toMatch(message);
    expect(breach?.operationIndex).toBe(operationIndex);
    expect(Object.keys(breach ?? {})).toEqual(
      operationIndex === undefined ? ["message"] : ["message", "operationIndex"],
    );
  });

  it.each([
    [250_000, 50_000],
    [500_000, 100_000],
  ])("with %i keys in all, bounds those of one object at %i", (keys, most) => {
    const of = (count: number) =>
      put({
        map: Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1])),
      });
    const wide = { ...defaultLimits, keys, values: Infinity };
    expect(measure([of(most)], wide)).toBeUndefined();
    const breach = measure([put({}), of(most + 1)], wide);
    expect(breach).toEqual({ message: `An object has more than ${most} keys.`, operationIndex: 1 });
  });

  it("does not recurse, and stops early", () => {
    const deep: unknown = JSON.parse(`${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`);
    expect(measure([put({ deep })], defaultLimits)?.message).toMatch(/64 levels/);
    const cycle: Record<string, unknown> = {};
    cycle.inside = cycle;
    expect(measure([put(cycle)], defaultLimits)?.message).toMatch(/64 levels/);
  });
});
