import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/wire/parse-json.js";
import { canonicalJson, stringifyJson } from "../../src/wire/serialize.js";

const nest = (levels: number, inside: string): string =>
  "[".repeat(levels) + inside + "]".repeat(levels);
const nestObjects = (levels: number, inside: string): string =>
  '{"a":'.repeat(levels) + inside + "}".repeat(levels);

// Not toStrictEqual below: it is misled by members named `constructor`.
/** Any JSON value, lone surrogates and hostile keys included. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string().map((text) => `${text}\ud800\u0000`),
);
const anyKey = fc.oneof(anyText, fc.constantFrom("__proto__", "constructor", "toString", "1", ""));
const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.maxSafeInteger(),
    anyText,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(anyKey, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

// A double beyond 2^53 is written as a large integer, too.
const largeNumber = /(?:^|[:,[\s])-?\d{16}/;

describe("parseJson", () => {
  it("equals JSON.parse where there are no large integers", () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom(undefined, 2, "\t"), (value, space) => {
        const text = JSON.stringify(value, undefined, space) as string;
        fc.pre(!largeNumber.test(text));
        // Not JSON.parse: see the next test.
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(value));
      }),
    );
  });

  it("reads keys as they are written, also where V8 takes them for others that it has seen", () => {
    const ends = ["\\", "\t", '"', "\n", "\u0001", "\\t", "\t\t", "\\\\", "\\a"];
    const pairs = ends.flatMap((seen) => ends.map((key) => [seen, key] as const));
    for (const [place, [seen, key]] of pairs.entries()) {
      for (const before of ["", "a", "日"]) {
        const text = (end: string) =>
          JSON.stringify({ [`${before}@${place}`]: 1, [before + end]: 2 });
        const kept: unknown = JSON.parse(text(seen));
        expect(JSON.stringify(parseJson(text(key)))).toBe(text(key));
        expect(JSON.stringify(kept)).toBe(text(seen));
      }
    }
  });

  it("reads everything around a large integer as JSON.parse does", () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom(undefined, 2, "\r\n"), (value, space) => {
        const text = JSON.stringify([{ value }, 0], undefined, space) as string;
        fc.pre(!largeNumber.test(text));
        const large = text.replace(/0\s*\]$/, "9223372036854775807]");
        const [read, integer] = parseJson(large) as [unknown, bigint];
        expect(JSON.stringify(read)).toBe(JSON.stringify({ value }));
        expect(integer).toBe(9223372036854775807n);
      }),
    );
  });

  it.each([
    ["9223372036854775807", 9223372036854775807n],
    ["-9223372036854775808", -9223372036854775808n],
    ["18446744073709551615", 18446744073709551615n],
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["-9007199254740993", -9007199254740993n],
    ["1234567890123456", 1234567890123456],
    ["12345678901234567.0", 12345678901234568],
    ["12345678901234567e0", 12345678901234568],
    ["-0.12345678901234568", -0.12345678901234568],
    ["1e400", Infinity],
    ["-1e400", -Infinity],
  ])("reads %s exactly, alone and inside", (text, value) => {
    expect(parseJson(text)).toBe(value);
    expect(parseJson(` \n[ ${text} , ${text}]`)).toStrictEqual([value, value]);
    expect(parseJson(`{"a":\t${text}\n,"b":{"c":${text}}}`)).toStrictEqual({
      a: value,
      b: { c: value },
    });
  });

  it("leaves digits inside text alone", () => {
    const text =
      '{"a":"12345678901234567890","b":", 12345678901234567890","c":"\\\\\\",:12345678901234567","d":""}';
    expect(parseJson(text)).toStrictEqual(JSON.parse(text));
  });

  it("does not spend time on integers that no column holds", () => {
    expect(parseJson(`[${"9".repeat(308)}]`)).toStrictEqual([BigInt("9".repeat(308))]);
    expect(parseJson(`[${"9".repeat(5_000_000)}]`)).toStrictEqual([Infinity]);
  });

  it("keeps hostile keys harmless", () => {
    const value = parseJson(
      '{"__proto__":{"polluted":12345678901234567890},"constructor":1}',
    ) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect("polluted" in {}).toBe(false);
  });

  it("takes the last of two equal keys, as JSON.parse does", () => {
    expect(parseJson('{"a":12345678901234567890,"a":1}')).toStrictEqual({ a: 1 });
  });

  it.each([
    "",
    "{",
    "[1,]",
    "[12345678901234567890",
    "nul",
    "[12345678901234567890]]",
    "{'a':1}",
    "012",
  ])("refuses %j", (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it.each([10_000, 200_000])("copes with %i levels", (levels) => {
    for (const text of [
      nest(levels, "12345678901234567890"),
      nestObjects(levels, "12345678901234567890"),
    ]) {
      expect(canonicalJson(parseJson(text)) === text).toBe(true);
    }
  });
});

describe("canonicalJson", () => {
  it("comes back from JSON.parse", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(isDeepStrictEqual(JSON.parse(canonicalJson(value)), value)).toBe(true);
      }),
    );
  });

  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(anyKey, anyJson, { noNullPrototype: true }), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(object));
      }),
    );
  });

  it("sorts keys by code unit and writes ASCII alone", () => {
    const value = {
      "\uff00": 1,
      "\u{1f600}": 2,
      b: '\u0000\n"\\\u007fé\ud800',
      a: [undefined, -0, 1e21],
    };
    expect(canonicalJson(value)).toBe(
      '{"a":[null,-0,1e+21],"b":"\\u0000\\u000a\\"\\\\\\u007f\\u00e9\\ud800","\\ud83d\\ude00":2,"\\uff00":1}',
    );
    fc.assert(fc.property(anyJson, (value) => /^[ -~]*$/.test(canonicalJson(value))));
  });

  it("writes a bigint as a number's digits, and tells large ones apart", () => {
    expect(canonicalJson({ a: 5n })).toBe(canonicalJson({ a: 5 }));
    expect(canonicalJson([9007199254740993n])).toBe("[9007199254740993]");
  });

  it("tells numbers beyond a double from NULL", () => {
    expect(canonicalJson([Infinity, -Infinity, Number.NaN])).toBe("[1e999,-1e999,null]");
  });

  it("leaves out members without JSON, as JSON.stringify does", () => {
    const value = {
      a: undefined,
      b: () => 1,
      c: Symbol("c"),
      d: 1,
      e: new Date(0),
      f: [() => 1],
      g: {},
    };
    expect(canonicalJson(value)).toBe(JSON.stringify(value));
    expect(canonicalJson({ a: undefined })).toBe("{}");
    expect(canonicalJson(undefined)).toBe("null");
  });

  it("throws where a value contains itself, and not where it is met twice", () => {
    const shared = { a: 1 };
    expect(canonicalJson([shared, [shared], shared])).toBe('[{"a":1},[{"a":1}],{"a":1}]');
    const cycle: Record<string, unknown> = { before: [[[shared]]] };
    cycle.inside = [[shared], { shared, further: { cycle } }];
    expect(() => canonicalJson(cycle)).toThrow(TypeError);
    expect(() => canonicalJson([shared, [[cycle]]])).toThrow(TypeError);
  });
});

describe("stringifyJson", () => {
  it("equals JSON.stringify where there is no bigint", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(stringifyJson(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it("equals JSON.stringify around a bigint", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(stringifyJson({ value, large: 2n ** 63n })).toBe(
          `{"value":${JSON.stringify(value)},"large":9223372036854775808}`,
        );
      }),
    );
  });

  it("copes with depth, with what has no JSON, and with cycles", () => {
    expect(stringifyJson(JSON.parse(nest(100_000, "1")))).toBe(nest(100_000, "1"));
    expect(stringifyJson(undefined)).toBe("null");
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => stringifyJson(cycle)).toThrow(TypeError);
  });
});
