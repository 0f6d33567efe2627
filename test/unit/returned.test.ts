/** What hooks and checks return by mistake: the device is not to blame, nothing is approved or written, and the log says what to return instead. */
import { describe, expect, it } from "vitest";
import { createWrites, fatal } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";

const entry = { op: "PUT", table: "lists", id: crypto.randomUUID(), op_data: { name: "Milk" } };
const waits = { status: "retryable_error", message: "The change can't be made right now." };

async function outcomeWith(config: object) {
  const store = memoryStore({ tables: { lists: { columns: { id: "uuid", name: "text" } } } });
  const lines: string[] = [];
  const writes = createWrites({
    authenticate: () => ({ userId: "alice" }),
    database: store,
    tables: { lists: { access: "everyone" } },
    logger: { error: (line: string) => void lines.push(line), warn: () => undefined },
    ...config,
  } as never);
  const result = await writes.processTransaction(
    { crud: [entry] },
    { principal: { userId: "alice" } },
  );
  return { result, lines, rows: store.rows("lists") };
}

const made = { op: "PUT", table: "lists", id: entry.id, values: { name: "Milk" } };

describe("a hook that returns", () => {
  it.each<[what: string, config: object, says: RegExp]>([
    [
      "false, to refuse a write",
      { hooks: { authorize: { before: () => false } } },
      /hooks\.authorize\.before returned false\. Remedy: return nothing .* to refuse it, throw fatal\(code, message\)\./,
    ],
    [
      "true, to allow it",
      { hooks: { authorize: { after: () => true } } },
      /hooks\.authorize\.after returned true\. Remedy:/,
    ],
    [
      "an error instead of throwing it",
      { hooks: { authorize: { before: () => fatal("NO", "No.") } } },
      /hooks\.authorize\.before returned an error instead of throwing it\. Remedy:/,
    ],
    [
      "a part of the entry",
      { hooks: { map: { before: () => ({ opData: { name: "Bread" } }) } } },
      /hooks\.map\.before returned an object without "op"\. Remedy: .* a changed copy/,
    ],
    [
      "a part of the write",
      { hooks: { map: { after: () => ({ ...made, table: undefined }) } } },
      /map, or a hook after it, returned an object without "table"\. Remedy:/,
    ],
    [
      "a text in front of persist",
      { hooks: { persist: { before: () => "private" } } },
      /hooks\.persist\.before returned a string\. Remedy:/,
    ],
    [
      "the rows of its own statement",
      { hooks: { persist: { after: async () => [{ numInsertedOrUpdatedRows: 1n }] } } },
      /hooks\.persist\.after returned a list\. Remedy: return nothing/,
    ],
  ])("%s", async (_what, config, says) => {
    const { result, lines, rows } = await outcomeWith(config);
    expect(result).toMatchObject(waits);
    expect(rows).toEqual([]);
    expect(lines).toEqual([expect.stringMatching(says)]);
    expect(lines.join()).not.toContain("private");
  });

  it("what it was given, changed or as it is, or nothing", async () => {
    const same = <T>(given: T) => given;
    const { result, rows } = await outcomeWith({
      hooks: [
        {
          map: {
            before: (given: object) => ({ ...given, opData: { name: "Bread" } }),
            after: same,
          },
          authorize: { before: same, after: same },
          persist: { before: same, after: same },
        },
        { authorize: { before: () => undefined } },
      ],
    });
    expect(result).toMatchObject({ status: "success" });
    expect(rows).toMatchObject([{ name: "Bread" }]);
  });

  it("null in place of a mapped write, which leaves the operation out", async () => {
    const { result, rows } = await outcomeWith({ hooks: { map: { after: () => null } } });
    expect(result).toMatchObject({ status: "success" });
    expect(rows).toEqual([]);
  });
});

describe("a replaced map that returns", () => {
  it.each<[what: string, map: () => unknown, says: RegExp]>([
    ["nothing", () => undefined, /map, or a hook after it, returned undefined\. Remedy:/],
    ["an empty object", () => ({}), /returned an object without "op"\. Remedy:/],
  ])("%s", async (_what, map, says) => {
    const { result, lines, rows } = await outcomeWith({ map });
    expect(result).toMatchObject(waits);
    expect(rows).toEqual([]);
    expect(lines).toEqual([expect.stringMatching(says)]);
  });
});

describe("over HTTP", () => {
  async function answerWith(config: object, columns: object = { name: "text" }) {
    const lines: string[] = [];
    const note = (line: string) => void lines.push(line);
    const store = memoryStore({ tables: { lists: { columns: { id: "uuid", ...columns } } } });
    const writes = createWrites({
      authenticate: () => ({ userId: "alice" }),
      database: store,
      tables: { lists: { access: "everyone" } },
      logger: { error: note, warn: note },
      ...config,
    } as never);
    const answer = await writes.handle({
      method: "POST",
      url: "/api/data",
      headers: new Headers({ "content-type": "application/json" }),
      body: async () => JSON.stringify({ transactions: [{ crud: [entry] }] }),
      signal: new AbortController().signal,
    } as never);
    return { answer, lines, rows: store.rows("lists") };
  }

  it.each<[what: string, hook: object, says: RegExp]>([
    ["a text", { after: () => "ok" }, /hooks\.respond\.after returned a string\. Remedy:/],
    ["its body alone", { before: () => ({ body: "{}" }) }, /returned an object without "status"/],
    [
      "a body that is no text",
      { after: (given: object) => ({ ...given, body: { ok: true } }) },
      /hooks\.respond\.after returned a response whose body is no text\. Remedy: .*JSON\.stringify/,
    ],
  ])(
    "a hook of respond that returns %s: the device gets its results",
    async (_what, hook, says) => {
      const { answer, lines, rows } = await answerWith({ hooks: { respond: hook } });
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        200,
        { results: [{ status: "success" }] },
      ]);
      expect(rows).toHaveLength(1);
      expect(lines).toEqual([expect.stringMatching(says)]);
    },
  );

  it.each<[what: string, config: object]>([
    ["the body as it came", { validate: (body: unknown) => body }],
    ["nothing", { validate: () => undefined }],
    ["false, in a hook", { hooks: { validate: { after: () => false } } }],
  ])("a validate that returns %s: nothing is taken for the device's mistake", async (_, config) => {
    const { answer, lines, rows } = await answerWith(config);
    expect(answer.status).toBe(500);
    expect(rows).toEqual([]);
    expect(lines).toEqual([
      expect.stringMatching(/validate, or a hook after it, returned .*\. Remedy: return what/),
    ]);
  });

  it("a hook of deadLetter that returns false: the failure is not recorded, and waits", async () => {
    const config = { hooks: { deadLetter: { before: () => false } } };
    const { answer, lines } = await answerWith(config, { title: "text" });
    expect(JSON.parse(answer.body)).toMatchObject({ results: [{ status: "retryable_error" }] });
    expect(lines).toEqual([
      expect.stringMatching(/hooks\.deadLetter\.before returned false\. Remedy: return nothing/),
    ]);
  });
});

describe("a check that returns false", () => {
  const no = () => false;
  const asked = async () => false;
  it.each<[what: string, config: object, says: RegExp]>([
    [
      "in a rule",
      { tables: { lists: { authorize: no } } },
      /tables\.lists\.authorize returned false/,
    ],
    [
      "in a rule, later",
      { tables: { lists: { authorize: asked } } },
      /tables\.lists\.authorize returned false/,
    ],
    ["for every table", { authorize: no }, /TypeError: authorize returned false/],
  ])("%s approves nothing", async (_what, config, says) => {
    const { result, lines, rows } = await outcomeWith(config);
    expect(result).toMatchObject(waits);
    expect(rows).toEqual([]);
    expect(lines).toEqual([expect.stringMatching(says)]);
    expect(lines).toEqual([
      expect.stringContaining("Remedy: to refuse it, throw fatal(code, message); to allow it"),
    ]);
  });

  it("is the only one that is refused: others are approved", async () => {
    for (const value of [undefined, null, true, 0, "no"]) {
      const { result } = await outcomeWith({ tables: { lists: { authorize: () => value } } });
      expect(result).toMatchObject({ status: "success" });
    }
  });
});

describe("authenticate that returns", () => {
  it.each<[what: string, returned: unknown, says: RegExp]>([
    [
      "nothing",
      undefined,
      /Remedy: have authenticate return \{ userId \}.* throws unauthenticated/,
    ],
    ["false", false, /Remedy: have authenticate return \{ userId \}.* throws unauthenticated/],
    [
      "another member",
      { id: "alice" },
      /Remedy: have authenticate return \{ userId \}, or your route/,
    ],
    ["a number", { userId: 7 }, /Remedy: have authenticate return .* as text: String\(id\)\./],
  ])("%s", async (_what, returned, says) => {
    const lines: string[] = [];
    const writes = createWrites({
      authenticate: () => returned,
      database: memoryStore({ tables: { lists: { columns: { id: "uuid" } } } }),
      tables: { lists: { access: "everyone" } },
      logger: { error: (line: string) => void lines.push(line), warn: () => undefined },
    } as never);
    const { status } = await writes.handle({
      method: "POST",
      url: "/api/data",
      headers: new Headers({ "content-type": "application/json" }),
      body: async () => JSON.stringify({ crud: [entry] }),
      signal: new AbortController().signal,
    } as never);
    expect(status).toBe(503);
    expect(lines).toEqual([expect.stringMatching(says)]);
  });
});

it("a route of the application's own that passes no principal: nothing is written, and the promise does not reject", async () => {
  const lines: string[] = [];
  const writes = createWrites({
    authenticate: () => ({ userId: "alice" }),
    database: memoryStore({ tables: { lists: { columns: { id: "uuid" } } } }),
    tables: { lists: { access: "everyone" } },
    logger: { error: (line: string) => void lines.push(line), warn: () => undefined },
  });
  const process = writes.processTransaction as (body: unknown) => Promise<unknown>;
  expect(await process({ crud: [] })).toMatchObject({ status: "retryable_error" });
  expect(lines).toEqual([expect.stringMatching(/your route pass it as `principal`/)]);
});
