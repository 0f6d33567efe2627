/** Whatever a body within the limit holds can be recorded as a dead letter, read, edited and retried: what could not be recorded would hold up its queue for ever. */
import { type Kysely } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  createWrites,
  fatal,
  type Principal,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { long } from "../support/long.js";
import type { TestSchema } from "../support/schema.js";

const limit = 16 * 1024 * 1024;
const id = "00000000-0000-4000-8000-000000000001";
const principal = { userId: "alice" };
const encoder = new TextEncoder();

/** Text that fills the body to the limit, in strings as long as one may be. */
const filled = (unit: string) => {
  const bytes = encoder.encode(JSON.stringify(unit)).length - 2;
  const each = Math.floor((4 * 1024 * 1024) / unit.length);
  const strings: string[] = [];
  for (let left = Math.floor((limit - 1_000) / bytes); left > 0; left -= each) {
    strings.push(unit.repeat(Math.min(left, each)));
  }
  return { strings };
};
const inData = (op_data: object, table = "nowhere") => ({
  crud: [{ op: "PUT", table, id, op_id: 1, op_data }],
});
const list = (length: number, member: (index: number) => unknown) => ({
  list: Array.from({ length }, (_, index) => member(index)),
});

const some: Readonly<Record<string, () => object>> = {
  // Two bytes in the body, six where nothing but ASCII is written.
  "text of accents": () => inData(filled("é")),
};
const others: Readonly<Record<string, () => object>> = {
  "a list of 200,000 members": () => inData(list(200_000, (index) => index)),
  "the name of a table": () => ({
    crud: [{ op: "PUT", table: "é".repeat(3_000_000), id: "i".repeat(3_000_000), op_data: {} }],
  }),
  "a list of 4,000,000 members": () => inData(list(4_000_000, (index) => index % 10)),
  "text of control characters": () => inData(filled("\x7f")),
  "text of line breaks": () => inData(filled("\n")),
  quotes: () => inData(filled('"')),
  backslashes: () => inData(filled("\\")),
  apostrophes: () => inData(filled("'")),
  NUL: () => inData(filled("\0")),
  Chinese: () => inData(filled("漢")),
  emoji: () => inData(filled("🎈")),
  "lone surrogates": () => inData(filled("\ud800")),
  numbers: () => inData(list(3_000_000, () => 9e15)),
  "one string beyond the limit of strings": () => inData({ text: "\x7f".repeat(limit - 1_000) }),
  "many rows of long names": () => ({
    crud: Array.from({ length: 1_500 }, (_, index) => ({
      op: "PUT",
      table: `${index}${"é".repeat(2_000)}`,
      id: `${index}${"\x7f".repeat(5_000)}`,
      op_id: index,
      op_data: {},
    })),
  }),
  "what is no transaction": () => ({ crud: filled("\x7f").strings }),
};

/** Compared as text: a difference of some megabytes is not to be printed. */
const same = (one: unknown, other: unknown) =>
  JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]): [string, unknown] => [key, sorted(each)])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe.each(dialects)("a letter of 16 MiB on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<TestSchema>;
  let events: WriteEvent[] = [];

  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db;
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    events = [];
    await database?.reset();
  });
  afterAll(async () => database?.close());

  const open = (config: Partial<WritesConfig<Principal, TestSchema>> = {}): Writes<Principal> =>
    createWrites({
      authenticate: anonymous(),
      database: db,
      tables: { lists: { access: "everyone" } },
      logger: false,
      onEvent: (event) => void events.push(event),
      ...config,
    });

  it.each(Object.entries(long ? { ...some, ...others } : some))(
    "of %s is recorded once, listed, read and exported",
    { timeout: 300_000 },
    async (_name, make) => {
      const writes = open();
      const body = make();
      const options = { principal, clientId: "phone" };
      const answer = await writes.processTransaction(body, options);
      expect(
        events.filter((event) => event.type === "error" && event.outcome === "fatal"),
      ).toHaveLength(1);
      expect(answer.status).toBe("fatal_error");
      expect((await writes.processTransaction(body, options)).status).toBe("fatal_error");
      const { letters } = await writes.deadLetters.list();
      expect(letters).toHaveLength(1);
      const letter = await writes.deadLetters.get(letters[0]?.id ?? "");
      expect(same(letter?.payload, body)).toBe(true);
      const lines: string[] = [];
      for await (const line of writes.deadLetters.export()) lines.push(line);
      expect(lines).toHaveLength(1);
      expect(same((JSON.parse(lines[0] ?? "") as { payload: unknown }).payload, body)).toBe(true);
    },
  );

  const large = (text: string, name: string) => ({
    crud: [
      {
        op: "PUT",
        table: "lists",
        id,
        op_id: 1,
        op_data: { name },
        previous_values: { text: text.repeat(500_000) },
      },
    ],
  });

  it("is edited, again and again, and keeps what was recorded; then it is retried", async () => {
    const refusing = open({
      authorize: () => {
        throw fatal("NOT_NOW", "Not now.");
      },
    });
    const recorded = large("é", "recorded");
    await refusing.processTransaction(recorded, { principal, clientId: "phone" });
    const writes = open();
    const [{ id: letterId } = { id: "" }] = (await writes.deadLetters.list()).letters;
    for (const edited of [
      large("a", "one"),
      { crud: [{ op: "PUT", table: "lists", id, op_data: { name: "small" } }] },
      large("漢", "two"),
    ]) {
      expect(await writes.deadLetters.edit(letterId, edited)).toEqual({ status: "edited" });
      const letter = await writes.deadLetters.get(letterId);
      expect(same(letter?.payload, edited)).toBe(true);
      expect(same(letter?.originalPayload, recorded)).toBe(true);
    }
    expect(await writes.deadLetters.retry(letterId)).toEqual({ status: "retried" });
    expect(await db.selectFrom("lists").select("name").execute()).toEqual([{ name: "two" }]);
    await db.deleteFrom("powersync_dead_letters").execute();
    expect(await db.selectFrom("powersync_letter_parts").select("id").execute()).toEqual([]);
  });

  it("repeated while it waits leaves no parts of its own", async () => {
    const writes = open({ ledger: false });
    const body = inData({ text: "a".repeat(3_000_000) });
    for (let time = 0; time < 2; time += 1) {
      const answer = await writes.processTransaction(body, { principal, clientId: "phone" });
      expect(answer.status).toBe("fatal_error");
    }
    expect(await writes.deadLetters.list()).toMatchObject({ letters: [{ attempts: 2 }] });
    expect(await db.selectFrom("powersync_letter_parts").select("part").execute()).toHaveLength(3);
  });

  it("takes no more of an application's words than an answer has room for", async () => {
    const writes = open({
      authorize: () => {
        throw fatal("NO", "x".repeat(20_000_000), { sent: "x".repeat(20_000_000) });
      },
    });
    const answer = await writes.processTransaction(inData({ name: "a" }, "lists"), {
      principal,
      clientId: "phone",
    });
    expect(answer).toMatchObject({ status: "fatal_error", message: "x".repeat(10_000) });
  });
});
