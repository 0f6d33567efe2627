/** Values are counted before they are parsed, and what has too many is set aside. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBody } from "../../src/http/body.js";
import { defaultLimits } from "../../src/wire/limits.js";
import { putAside, survey, Unread, without } from "../../src/wire/survey.js";
import { normalizeUpload } from "../../src/wire/upload.js";

const count = async (text: string, values = Infinity, depth = 1_000, keysOfObject = Infinity) =>
  survey(text, { values, depth, keysOfObject });

/** The values of what has been parsed, with those of keys that come again. */
function valuesOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((sum, each) => sum + valuesOf(each), 1);
}

describe("survey", () => {
  it("counts what JSON.parse makes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.constantFrom(0, 1, 3), async (value, spaces) => {
        const { values, aside } = await count(JSON.stringify(value, null, spaces));
        expect({ values, aside }).toEqual({ values: valuesOf(value), aside: [] });
      }),
    );
  });

  it("sets aside what holds a number of more digits than anybody stores", async () => {
    const of = (digits: number) =>
      `{"crud":[{"op_data":{"a":${"7".repeat(digits)}}}],"client_id":"x"}`;
    expect((await count(of(1024 * 1024), 500, 64)).aside).toEqual([]);
    const text = of(1024 * 1024 + 1);
    const { aside, values } = await count(text, 500, 64);
    expect(aside.map(({ key }) => key)).toEqual(["crud"]);
    expect(values).toBeLessThan(10);
  });

  it("counts all that a parser gets through before it fails", async () => {
    const million = `[${"{},".repeat(100_000)}`;
    for (const rest of [
      "",
      ":".repeat(200_000),
      '"":'.repeat(50_000),
      "]".repeat(1_000),
      '"',
      "}{",
    ]) {
      expect((await count(million + rest)).values).toBeGreaterThanOrEqual(100_001);
    }
  });

  it("sets aside the transactions and members that have too many, and no others", async () => {
    const big = "[1,2,3,4,5,6,7,8]";
    const text = `{"client_id":"c","transactions":[{"crud":[1]} , {"crud":${big}},{"crud":[]},${big}],"x":${big} ,"y":[]}`;
    const { values, transactions, aside } = await count(text, 8);
    expect(aside.map(({ start, end }) => text.slice(start, end).trim())).toEqual([
      `{"crud":${big}}`,
      big,
      big,
    ]);
    const rest = without(text, aside);
    expect(values).toBe(valuesOf(JSON.parse(rest)));
    expect(transactions).toBe(4);
    const body = JSON.parse(rest) as Record<string, unknown>;
    putAside(body, text, aside);
    expect(body).toEqual({
      client_id: "c",
      transactions: [
        { crud: [1] },
        new Unread(` {"crud":${big}}`, "values"),
        { crud: [] },
        new Unread(big, "values"),
      ],
      x: new Unread(`${big} `, "values"),
      y: [],
    });
  });

  it("sets aside what is nested too deeply", async () => {
    const text = '{"transactions":[[[[[]]]],[[]]],"x":[[[[[[]]]]]]}';
    const { aside } = await count(text, 100, 5);
    expect(aside.map(({ key, index }) => [key, index])).toEqual([
      ["transactions", 0],
      ["x", undefined],
    ]);
  });

  it("sets aside an object with too many keys, however deep it is, and no others", async () => {
    const many = '{"a":1,"b":[2],"c":3,"d":4}';
    const text = `{"transactions":[{"crud":[{"x":${many}}]},{"crud":[{"a":{"b":1,"c":{"d":1}}},{"e":[":",":"]}]}],"batch":${many}}`;
    const { aside, values, keys } = await count(text, 100, 100, 3);
    expect(aside.map(({ key, index, excess }) => [key, index, excess])).toEqual([
      ["transactions", 0, "keys"],
      ["batch", undefined, "keys"],
    ]);
    expect(values).toBe(valuesOf(JSON.parse(without(text, aside))));
    expect(keys).toBe(2);
  });

  it("knows a key however it is written, and the last of several", async () => {
    const big = "[1,2,3,4,5,6,7,8]";
    const text = `{"transactions":[${big}],"crud":${big},"transact\\u0069ons":[1,${big}],"crud":[]}`;
    const { aside } = await count(text, 5);
    const body = JSON.parse(without(text, aside)) as Record<string, unknown>;
    putAside(body, text, aside);
    expect(body).toEqual({ transactions: [1, new Unread(big, "values")], crud: [] });
  });

  it("leaves no prototype", async () => {
    const text = '{"__proto__":[1,2,3,4],"a":1}';
    const { aside } = await count(text, 3);
    const body = JSON.parse(without(text, aside)) as object;
    putAside(body, text, aside);
    expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
    expect(Object.keys(body)).toEqual(["__proto__", "a"]);
  });
});

describe("a body with more values than may be read", () => {
  const limits = { ...defaultLimits, values: 1_000, transactions: 3 };
  const crud = (values: number) =>
    `[{"op":"PUT","table":"t","id":"1","op_data":{"a":[${"1,".repeat(values)}1]}}]`;
  const read = async (text: string, setsAside = true, within = limits) => {
    const request = {
      method: "POST",
      url: "/api/data",
      headers: new Headers({ "content-type": "application/json" }),
      body: async () => text,
      signal: new AbortController().signal,
    };
    return (await readBody(request, within, undefined, { setsAside })).value;
  };

  it("has its other transactions read, and that one kept whole", async () => {
    const text = `{"client_id":"c","transactions":[{"crud":${crud(900)}},{"crud":${crud(1_000)}},{"crud":[]}]}`;
    const { clientId, transactions } = normalizeUpload(await read(text), limits);
    expect(clientId).toBe("c");
    expect(transactions).toMatchObject([
      { crud: [{ table: "t" }] },
      {
        invalid: expect.stringContaining("more than 1000 values") as string,
        raw: `{"crud":${crud(1_000)}}`,
      },
      { crud: [] },
    ]);
  });

  it.each(["crud", "batch"])("is kept whole where it is the transaction, as `%s`", async (name) => {
    const text = `{"client_id":"c","transaction_id":7,"${name}":${crud(1_000)}}`;
    const { clientId, transactions } = normalizeUpload(await read(text), limits);
    expect(clientId).toBe("c");
    expect(transactions).toMatchObject([
      { invalid: expect.any(String) as string, raw: { transaction_id: 7, [name]: crud(1_000) } },
    ]);
  });

  it("is refused where all its transactions together have them", async () => {
    const each = `{"crud":${crud(900)}}`;
    const body = `{"transactions":[${[each, each, each].join()}]}`;
    await expect(read(body)).rejects.toMatchObject({ status: 413 });
    await expect(
      read(`{"transactions":[${[each, each, each, each].join()}]}`),
    ).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("at most 3") as string,
    });
    await expect(read(`[${"1,".repeat(2_000)}1]`)).rejects.toMatchObject({ status: 413 });
  });

  it("is refused where it is no upload", async () => {
    await expect(read(`{"payload":[${"1,".repeat(2_000)}1]}`, false)).rejects.toMatchObject({
      status: 413,
    });
  });

  it("has an object with too many keys: kept whole, and the others are read", async () => {
    const keys = Array.from({ length: 50_001 }, (_, index) => `"${index.toString(36)}":1`);
    const large = `{"crud":[{"op":"PUT","table":"t","id":"1","op_data":{${keys.join()}}}]}`;
    const values = 200_000;
    const text = `{"transactions":[${large},{"crud":[]}]}`;
    const body = await read(text, true, { ...limits, values });
    expect(normalizeUpload(body, { ...limits, values }).transactions).toEqual([
      { invalid: "An object has more than 50000 keys.", raw: large },
      expect.objectContaining({ crud: [] }),
    ]);
    const members = `{"transactions":[],${keys.join()}}`;
    await expect(read(members, true, { ...limits, values })).rejects.toMatchObject({
      status: 413,
      message: "The body has more than 50000 members.",
    });
  });

  it("is measured alike where another parser has read it", () => {
    const parsed: unknown = JSON.parse(`{"crud":${crud(1_000)}}`);
    expect(normalizeUpload(parsed, limits).transactions).toMatchObject([
      { invalid: "The transaction has more than 1000 values.", operationIndex: 0 },
    ]);
  });
});
