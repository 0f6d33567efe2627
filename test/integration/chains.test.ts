/** Long chains, on every database and in the memory store: what is applied in the end is what would have been, and nobody else waits for it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  badList,
  chainScene,
  DEPENDS,
  INVALID,
  list,
  newList,
  newTodo,
  other,
  remove,
  SUCCESS,
  todo,
  twenty,
} from "../support/chains.js";
import { alice, from, patch, put, uuid } from "../support/letters.js";
import { long } from "../support/long.js";
import { mysql } from "../support/databases.js";
import type { OpenTarget } from "../support/target.js";
import { targets } from "../support/targets.js";

/** Of one note, whose user goes on writing; and how many of them a chain takes. */
const autosaves = long ? 1_800 : 36;
const mostOfChain = long ? 1_000 : 20;

const described = targets.flatMap((target) => [
  { name: target.name, target, foreignKeys: true },
  { name: `${target.name}, without foreign keys`, target, foreignKeys: false },
]);

describe.each(described)("$name", ({ target, foreignKeys }) => {
  let open: OpenTarget;
  let available = true;

  beforeAll(async () => {
    available = await target.available();
    if (available) open = await target.open({ foreignKeys });
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await open.reset();
  });
  afterAll(() => open?.close());

  const made = (config: object = {}) => chainScene(open, config);

  const content = async () => ({
    lists: await open.rows("lists"),
    todos: await open.rows("todos"),
    members: await open.rows("members"),
  });

  describe("a chain of twenty", () => {
    it.each(foreignKeys || long ? ["one device", "two devices"] : ["two devices"])(
      "is, after the first has been mended, what it would have been: %s",
      async (devices) => {
        const expected = made();
        for (const crud of twenty) expect(await expected.send(...crud)).toMatchObject(SUCCESS);
        const whole = await content();
        await open.reset();

        const { sendFrom, deadLetters, all, root } = made();
        const [, ...others] = twenty;
        expect(await sendFrom("phone", badList(list))).toMatchObject(INVALID);
        for (const [index, crud] of others.entries()) {
          const device = devices === "two devices" && index % 2 === 0 ? "tablet" : "phone";
          expect(await sendFrom(device, ...crud)).toMatchObject(DEPENDS);
        }
        expect(await content()).toEqual({ lists: [], todos: [], members: [] });
        const first = await root();
        const letters = await all();
        expect(letters).toHaveLength(20);
        expect(first).toMatchObject({ dependants: 19, errorCode: "INVALID_DATA" });
        expect(first).not.toHaveProperty("root");
        for (const letter of letters.slice(1)) {
          expect(letter).toMatchObject({ root: first.id, dependants: 0 });
        }

        expect(await deadLetters.retry(first.id)).toMatchObject({ status: "failed" });
        expect(await content()).toEqual({ lists: [], todos: [], members: [] });
        expect(await deadLetters.edit(first.id, { crud: [newList(list)] })).toEqual({
          status: "edited",
        });
        const result = await deadLetters.retry(first.id);
        expect(result).toMatchObject({ status: "retried", dependants: { waiting: 0 } });
        expect(result).not.toHaveProperty("dependants.stoppedBy");
        expect(await content()).toEqual(whole);
        for (const letter of await all()) expect(letter.status).toBe("retried");
      },
    );
  });

  it.skipIf(foreignKeys)(
    "a row whose parent has gone waits for whoever would create that again, all the way up",
    async () => {
      const { send, deadLetters, all, root } = made({
        tables: {
          things: { belongsTo: { parent_id: "todos" } },
          hidden_todos: { table: "todos", belongsTo: { list_id: "lists" }, hideForeign: true },
        },
      });
      expect(await send(newList(list), newTodo(1))).toEqual(SUCCESS);
      expect(await send(put("things", uuid(5), { parent_id: todo(1) }))).toEqual(SUCCESS);
      expect(await send(newList(other), newTodo(2, other))).toEqual(SUCCESS);
      expect(await send(remove("lists", list), remove("lists", other))).toEqual(SUCCESS);
      expect(await send(badList(list))).toMatchObject(INVALID);
      // Nobody would make the other list again.
      expect(await send(patch("hidden_todos", todo(2), { description: "x" }))).toEqual(SUCCESS);
      expect(await send(patch("todos", todo(2), { description: "x" }))).toMatchObject({
        failedOperation: { errorCode: "UNAUTHORIZED" },
      });
      const behind = [
        patch("todos", todo(1), { description: "first" }),
        patch("hidden_todos", todo(1), { completed: 1 }),
        patch("things", uuid(5), { size: 5 }),
        put("things", uuid(6), { parent_id: todo(1) }),
        remove("things", uuid(5)),
        remove("todos", todo(1)),
      ];
      for (const entry of behind) expect(await send(entry)).toMatchObject(DEPENDS);
      const { id, dependants } = await root();
      expect(dependants).toBe(behind.length);
      await deadLetters.edit(id, { crud: [newList(list)] });
      expect(await deadLetters.retry(id)).toMatchObject({
        status: "retried",
        dependants: { waiting: 0 },
      });
      expect((await open.rows("todos")).map(({ id: each }) => each)).toEqual([todo(2)]);
      expect((await open.rows("things")).map(({ id: each }) => each)).toEqual([uuid(6)]);
      expect((await all()).filter(({ status }) => status === "open")).toMatchObject([
        { errorCode: "UNAUTHORIZED" },
      ]);
    },
  );

  it.skipIf(!foreignKeys)(
    `${autosaves} autosaves of a refused note stop their own queue alone`,
    { timeout: 300_000 },
    async () => {
      const { send, sendFrom, deadLetters, root, events } = made({
        deadLetters: { open: mostOfChain },
      });
      expect(await send(badList(list))).toMatchObject(INVALID);
      const saved = (n: number) => patch("lists", list, { name: `autosave ${n}` });
      const waits = { status: "retryable_error", retryAfterMs: 30_000 };
      for (let n = 1; n <= autosaves; n += 1) {
        expect(await send(saved(n))).toMatchObject(n <= mostOfChain ? DEPENDS : waits);
      }
      expect(events.filter(({ type }) => type === "chain_full")).toHaveLength(
        autosaves - mostOfChain,
      );
      const { id, dependants } = await root();
      expect(dependants).toBe(mostOfChain);
      // All else goes on, and fails, as ever.
      for (const device of ["tablet", "watch"]) {
        expect(await sendFrom(device, newList(other, device))).toEqual(SUCCESS);
        expect(await sendFrom(device, badList(uuid(7), device))).toMatchObject(INVALID);
      }
      await deadLetters.edit(id, { crud: [newList(list)] });
      expect(await deadLetters.retry(id)).toMatchObject({
        status: "retried",
        dependants: { waiting: 0 },
      });
      for (let n = mostOfChain + 1; n <= autosaves; n += 1) {
        expect(await send(saved(n))).toEqual(SUCCESS);
      }
      expect((await open.rows("lists")).map(({ name }) => name)).toEqual([
        `autosave ${autosaves}`,
        "watch",
      ]);
    },
  );

  // The rows are many, and what they stand for is no matter of the database's.
  it.skipIf(!foreignKeys || (!long && target.name !== "SQLite (better-sqlite3)"))(
    "a letter of more rows than are indexed stands for those of its tables that are not there",
    async () => {
      const { send, root } = made();
      await open.insert({ lists: [{ id: list, name: "Hers", owner_id: "alice" }] });
      const many = Array.from({ length: 9_999 }, (_, n) => put("things", uuid(1_000 + n), {}));
      expect(await send(...many, badList(other))).toMatchObject(INVALID);
      // As many as are indexed: each row is known.
      expect(await send(patch("things", uuid(5), { size: 1 }))).toEqual(SUCCESS);
      expect(await send(patch("things", uuid(1_005), { size: 1 }))).toMatchObject(DEPENDS);
      await open.reset();

      await open.insert({ lists: [{ id: list, name: "Hers", owner_id: "alice" }] });
      const more = [...many, put("things", uuid(999), {}), badList(other)];
      expect(await send(...more)).toMatchObject({
        failedOperation: { errorCode: "INVALID_TRANSACTION" },
      });
      expect(await send(patch("things", uuid(5), { size: 1 }))).toMatchObject(DEPENDS);
      expect(await send(newTodo(1, uuid(77)))).toMatchObject(DEPENDS);
      expect(await root()).toMatchObject({ dependants: 2 });
      // What is there needs nobody, and neither do rows of other tables.
      expect(await send(patch("lists", list, { name: "Still hers" }))).toEqual(SUCCESS);
      expect(await send(newTodo(2))).toEqual(SUCCESS);
      expect(await send(patch("members", `${list}.carol`, { role: "guest" }))).toEqual(SUCCESS);
      // One of its rows that has been made after all is there.
      expect(await send(put("things", uuid(1_005), {}))).toEqual(SUCCESS);
      expect(await send(patch("things", uuid(1_005), { size: 1 }))).toEqual(SUCCESS);
    },
  );

  it.skipIf(!foreignKeys)(
    "who has letters pays the same for one PUT as for two hundred; who has none, nothing",
    async () => {
      const { writes, send, events } = made();
      let opId = 10_000;
      const statements = async (userId: string, rows: number) => {
        const crud = Array.from({ length: rows }, () => put("things", crypto.randomUUID(), {}));
        const body = from("laptop", opId, ...crud);
        opId += rows;
        expect(await writes.processTransaction(body, { principal: { userId } })).toEqual(SUCCESS);
        const told = events.flatMap((event) =>
          event.type === "transaction" ? [event.statements] : [],
        );
        return told.at(-1) ?? 0;
      };
      await statements("bob", 1);
      const [ofOne, ofMany] = [await statements("bob", 1), await statements("bob", 200)];
      for (let n = 0; n < 3; n += 1) {
        expect(await send(badList(uuid(800 + n)))).toMatchObject(INVALID);
      }
      await statements("alice", 1);
      // A user with letters does not fly. On MySQL, a single row of this table is then locked first.
      const locks = target.name === mysql.name ? 1 : 0;
      expect((await statements("alice", 1)) - ofOne).toBe(1 + locks);
      expect((await statements("alice", 200)) - ofMany).toBe(1);
      expect(await statements("bob", 200)).toBe(ofMany);
    },
  );

  it.skipIf(!foreignKeys)("is applied once, however many retry it at once", async () => {
    const { send, deadLetters, all, root, events } = made();
    expect(await send(badList(list))).toMatchObject(INVALID);
    for (let n = 1; n <= 4; n += 1) expect(await send(newTodo(n))).toMatchObject(DEPENDS);
    const { id } = await root();
    await deadLetters.edit(id, { crud: [newList(list)] });
    const ids = (await all()).map((letter) => letter.id);
    const results = await Promise.all(ids.map((each) => deadLetters.retry(each)));
    expect(results.map(({ status }) => status)).toContain("retried");
    for (const { status } of results) expect(["retried", "not_open"]).toContain(status);
    const retried = events.filter(
      (event) => event.type === "dead_letter_handled" && event.outcome === "retried",
    );
    expect(retried).toHaveLength(5);
    expect(await open.rows("todos")).toHaveLength(4);
  });

  it.skipIf(!foreignKeys)(
    "keeps the order in which several devices' dependants are recorded at once",
    async () => {
      const { sendFrom, deadLetters, all, root } = made();
      expect(await sendFrom("phone", badList(list))).toMatchObject(INVALID);
      const devices = Array.from({ length: 6 }, (_, n) => `device ${n}`);
      const answers = await Promise.all(
        devices.map((device, n) =>
          sendFrom(device, newTodo(n), patch("todos", todo(n), { position: n })),
        ),
      );
      for (const answer of answers) expect(answer).toMatchObject(DEPENDS);
      const { id } = await root();
      const { letters } = await deadLetters.list({ root: id, order: "oldest" });
      expect(letters).toHaveLength(6);
      await deadLetters.edit(id, { crud: [newList(list)] });
      expect(await deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect(await open.rows("todos")).toHaveLength(6);
      for (const letter of await all()) expect(letter.status).toBe("retried");
    },
  );

  it.skipIf(!foreignKeys)(
    "takes what comes again without an identity for what it would create",
    async () => {
      const { writes, send } = made();
      const bare = (...crud: readonly object[]) => writes.processTransaction({ crud }, alice);
      expect(await bare(badList(list))).toMatchObject(INVALID);
      const behind = [patch("lists", list, { name: "x" }), newList(other)];
      for (const crud of [[badList(list)], behind]) {
        const created = crud === behind ? other : list;
        expect((await bare(...crud)).status).toBe("fatal_error");
        expect(await send(newList(created))).toEqual(SUCCESS);
        expect(await send(remove("lists", created))).toEqual(SUCCESS);
        expect(await send(patch("lists", created, { name: "late" }))).toEqual(SUCCESS);
        // It has failed anew since.
        expect((await bare(...crud)).status).toBe("fatal_error");
        expect(await send(patch("lists", created, { name: "later" }))).toMatchObject(DEPENDS);
      }
    },
  );
});
