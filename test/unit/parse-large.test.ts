/** Large texts are read as `parseJson` reads them, and refused where it refuses them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/wire/parse-json.js";
import { parseLarge } from "../../src/wire/parse-large.js";
import { canonicalJson } from "../../src/wire/serialize.js";

type Read = { readonly value: string } | "refused";

async function read(parse: (text: string) => unknown, text: string): Promise<Read> {
  try {
    return { value: canonicalJson(await parse(text)) };
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    return "refused";
  }
}

async function expectSame(text: string): Promise<Read> {
  const large = await read(parseLarge, text);
  expect(large).toEqual(await read(parseJson, text));
  return large;
}

/** Members that make whatever is around them larger than a piece. */
const filler = (units: number) => `"${"x".repeat(units)}"`;

describe("parseLarge", () => {
  it("reads small texts", async () => {
    for (const text of ["1", " null ", '"a,b"', "[]", "{}", ' [1,{"a":[2]}] ', ""]) {
      await expectSame(text);
    }
  });

  it("reads what is larger than a piece at every level", async () => {
    const big = filler(20_000);
    const list = `[${[big, "1", "[]", `{"a":${big}}`, `[${big},${big},[${big}]]`, "{}"].join(" , ")}]`;
    const object = `{"a":${list},"b" : 9007199254740993, "__proto__":${list},"a":{"c":${list},"d":1},"\\u0062":[${big}]}`;
    for (const text of [list, object, ` [${object},${list},[],${object}]\n`]) {
      expect(await expectSame(text)).not.toBe("refused");
    }
  });

  it("keeps integers beyond 2^53 in every piece", async () => {
    const integers = Array.from({ length: 20_000 }, (_, index) => 2n ** 60n + BigInt(index));
    expect(await parseLarge(`{"a":[${integers.join()}]}`)).toStrictEqual({ a: integers });
  });

  it("reads random values with members of every size", async () => {
    const sizes = fc.constantFrom("0", '"y"', filler(15_000), filler(40_000), "9007199254740993");
    const { text } = fc.letrec<{ text: string }>((tie) => ({
      text: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        sizes,
        fc.array(tie("text"), { maxLength: 4 }).map((each) => `[ ${each.join(",")}]`),
        fc
          .array(fc.tuple(fc.constantFrom("a", "b", "__proto__"), tie("text")), { maxLength: 4 })
          .map((each) => `{${each.map(([key, value]) => `"${key}":${value}`).join(" ,")} }`),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(text, async (each) => {
        expect(await expectSame(each)).not.toBe("refused");
      }),
      { numRuns: 100 },
    );
  });

  it("refuses what is no JSON, wherever the pieces end", async () => {
    const big = filler(40_000);
    const wrong = [
      "[1,,2]",
      "[,1]",
      "[1,]",
      '{"a":1,}',
      "{,}",
      "[1}",
      "[1]]",
      "[1][2]",
      "[1] 2",
      "2 [1]",
      "[[1] [2]]",
      "[1 [2]]",
      '{"a":1 "b":2}',
      '{"a":[1]"b":[2]}',
      '{"a" [1]}',
      '{[1]:"a"}',
      '{"a":"b":[1]}',
      '{"a"}',
      "[1",
      '{"a":[1',
      "1,2",
      "]",
      '["a',
      '[1,"\u0000"]',
      "[1\u00a0]",
    ];
    for (const text of wrong) {
      expect(await expectSame(text), text).toBe("refused");
      // Each value becomes large by turns, and all do.
      const digits = [...text.matchAll(/[12]/g)].map(({ index }) => index);
      for (const at of digits) {
        const larger = `${text.slice(0, at)}${big},${big}${text.slice(at + 1)}`;
        expect(await expectSame(larger), text).toBe("refused");
      }
      expect(await expectSame(text.replaceAll(/[12]/g, `${big},${big}`)), text).toBe("refused");
      await expectSame(`[${big},${text}`);
      await expectSame(`[${big},${big},${text},${big}]`);
    }
  });
});
