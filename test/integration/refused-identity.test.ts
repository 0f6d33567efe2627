/** A transaction that is refused as it came has an identity, too: it is recorded once, and is not applied again when its letter has been retried. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { WritesConfig } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { alice, from, put, uuid, writesWithEvents } from "../support/letters.js";
import type { TestSchema } from "../support/schema.js";
import type { TestPrincipal } from "../support/writes.js";

type Limits = WritesConfig<TestPrincipal, TestSchema>["limits"];

const list = (n: number, name: unknown = "Groceries") => put("lists", uuid(n), { name });
const nested = (levels: number): unknown => {
  let value: unknown = "deep";
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};

/** What passes each limit: what is sent, and the limit that refuses it. */
const beyond: readonly (readonly [string, Limits, readonly object[]])[] = [
  ["operations", { operations: 1 }, [list(1), list(2)]],
  ["text", { stringLength: 36 }, [list(1, "x".repeat(37))]],
  ["depth", { depth: 4 }, [put("lists", uuid(1), { name: "deep", settings: nested(8) })]],
  ["keys", { keys: 2 }, [list(1), list(2), list(3)]],
];

describe.each(dialects)("on $name", ({ available, open }) => {
  let database: TestDatabase | undefined;
  let db: TestDatabase["db"];

  beforeAll(async () => {
    if (!(await available())) return;
    database = await open();
    ({ db } = database);
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    await database?.reset();
  });
  afterAll(() => database?.close());

  const refused = { status: "fatal_error", failedOperation: { errorCode: "INVALID_TRANSACTION" } };
  const names = async () =>
    (await db.selectFrom("lists").select("name").orderBy("id").execute()).map(({ name }) => name);
  const counted = async (table: "powersync_dead_letters" | "powersync_ledger") => {
    const all = db.selectFrom(table).select((eb) => eb.fn.countAll<string>().as("count"));
    return Number((await all.executeTakeFirstOrThrow()).count);
  };

  it.each(beyond)(
    "what has too much of %s, once the limit is raised",
    async (_of, limits, crud) => {
      const body = from("phone", 1, ...crud);
      const strict = writesWithEvents(db, { limits });
      expect(await strict.writes.processTransaction(body, alice)).toMatchObject(refused);
      expect(await strict.writes.processTransaction(body, alice)).toMatchObject(refused);
      const [letter] = (await strict.letters.list()).letters;
      expect(letter).toMatchObject({
        attempts: 1,
        identity: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect([await counted("powersync_dead_letters"), await counted("powersync_ledger")]).toEqual([
        1, 1,
      ]);

      const { writes, letters } = writesWithEvents(db);
      expect(await letters.retry(letter?.id ?? "", { force: true })).toEqual({ status: "retried" });
      await db.updateTable("lists").set({ name: "Changed" }).execute();
      for (const again of [strict.writes, writes]) {
        expect(await again.processTransaction(body, alice)).toMatchObject(refused);
        expect(
          await again.processBatch({ transactions: [body] }, { ...alice, clientId: "phone" }),
        ).toMatchObject([refused]);
      }
      expect(await names()).toEqual(crud.map(() => "Changed"));
      expect(await counted("powersync_dead_letters")).toBe(1);
      // The same from another device is another transaction.
      expect(await writes.processTransaction({ ...body, client_id: "tablet" }, alice)).toEqual({
        status: "success",
      });
    },
  );

  it("what was applied before the limit was lowered", async () => {
    const body = from("phone", 1, list(1), list(2));
    const { writes } = writesWithEvents(db);
    expect(await writes.processTransaction(body, alice)).toEqual({ status: "success" });
    const strict = writesWithEvents(db, { limits: { operations: 1 } });
    expect(await strict.writes.processTransaction(body, alice)).toEqual({ status: "success" });
    expect(await counted("powersync_dead_letters")).toBe(0);
  });

  it("what can't be understood, once it has been put right", async () => {
    const bad = { client_id: "phone", crud: [{ ...list(1), op: "UPSERT", op_id: 1 }] };
    const { writes, letters } = writesWithEvents(db);
    expect(await writes.processTransaction(bad, alice)).toMatchObject(refused);
    const [letter] = (await letters.list()).letters;
    const id = letter?.id ?? "";
    const row = { op: "PUT", type: "lists", id: uuid(1) };
    for (const bad of [row, { ...row, op_data: {}, opData: { name: "Groceries" } }]) {
      expect(await letters.edit(id, { crud: [bad] })).toMatchObject({ status: "invalid" });
    }
    const good = { crud: [{ ...row, opData: { name: "Groceries" } }] };
    expect(await letters.edit(id, good)).toEqual({ status: "edited" });
    expect(await letters.get(id)).toMatchObject({ payload: { crud: [list(1)] } });
    expect(await letters.retry(id, { force: true })).toEqual({ status: "retried" });
    await db.updateTable("lists").set({ name: "Changed" }).execute();
    for (const body of [bad, { ...bad, later: 1 }, from("phone", 1, ...bad.crud)]) {
      expect(await writes.processTransaction(body, alice)).toMatchObject(refused);
    }
    expect(await names()).toEqual(["Changed"]);
    expect(await counted("powersync_dead_letters")).toBe(1);
  });

  it("none where its ids can't be read: the letter that waits counts the repeats", async () => {
    const { writes, letters } = writesWithEvents(db);
    const bodies = [
      { crud: [{ ...list(1), op: "UPSERT", op_id: 1 }] },
      { client_id: "phone", crud: [{ ...list(2), op_id: "1" }] },
      { client_id: "phone", crud: [{ ...list(3), op_id: 1, opId: 2 }] },
      { client_id: "phone", crud: [{ ...list(4), op: "UPSERT", op_id: 1 }, "none"] },
    ];
    for (const body of [...bodies, ...bodies]) {
      expect(await writes.processTransaction(body, alice)).toMatchObject(refused);
    }
    const { letters: found } = await letters.list();
    expect(found.map(({ attempts, identity }) => [attempts, identity])).toEqual(
      bodies.map(() => [2, undefined]),
    );
    expect(await counted("powersync_ledger")).toBe(0);
  });

  it("asks the application nothing about a repeat that has been recorded", async () => {
    const body = from("phone", 1, list(1), list(2));
    const recording = writesWithEvents(db, { limits: { operations: 1 } });
    await recording.writes.processTransaction(body, alice);
    const asked: unknown[] = [];
    const asking = writesWithEvents(db, {
      limits: { operations: 1 },
      deadLetters: { requiresClientHandling: (failed: unknown) => asked.push(failed) > 0 },
    });
    expect(await asking.writes.processTransaction(body, alice)).toMatchObject({
      ...refused,
      requiresClientHandling: false,
    });
    expect(asked).toEqual([]);
  });
});
