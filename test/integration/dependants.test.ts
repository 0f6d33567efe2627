/** What needs a row that a dead letter would create waits behind it, on every database and in the memory store: nothing of it is answered `success` before. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createAdmin } from "../../src/admin/admin.js";
import { fatal } from "../../src/index.js";
import {
  badList,
  chainScene,
  DEPENDS,
  FATAL,
  INVALID,
  list,
  newList,
  newTodo,
  other,
  remove,
  SUCCESS,
  todo,
} from "../support/chains.js";
import { alice, bob, from, patch, put, uuid } from "../support/letters.js";
import type { OpenTarget } from "../support/target.js";
import { targets } from "../support/targets.js";

describe.each(targets)("$name", (target) => {
  let open: OpenTarget;
  let available = true;

  beforeAll(async () => {
    available = await target.available();
    if (available) open = await target.open();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await open.reset();
  });
  afterAll(() => open?.close());

  const made = (config: object = {}) => chainScene(open, config);

  describe("what depends", () => {
    it("is a PATCH and a DELETE of the row, by any spelling and any of the client's tables", async () => {
      const { send, all, events } = made();
      const id = "abcdefab-0000-4000-8000-000000000001";
      expect(await send(put("todos", id, { list_id: list, description: null }))).toMatchObject({
        status: "fatal_error",
      });
      expect(await send(patch("open_todos", id, { description: "x" }))).toMatchObject(DEPENDS);
      expect(await send(remove("my_todos", id.toUpperCase()))).toMatchObject(DEPENDS);
      // Another row, and another user's.
      expect(await send(patch("open_todos", uuid(9), { description: "x" }))).toEqual(SUCCESS);
      expect(await all()).toHaveLength(3);
      const [{ id: first } = { id: "" }, ...behind] = await all();
      const recorded = events.filter((event) => event.type === "dead_letter");
      expect(recorded[0]).not.toHaveProperty("root");
      expect(recorded.slice(1)).toMatchObject(
        behind.map((letter) => ({ id: letter.id, root: first, repeat: false })),
      );
      const told = events.filter((event) => event.type === "row_missing");
      expect(told).toMatchObject([{ id: uuid(9), op: "PATCH", operationIndex: 0 }]);
    });

    it("is nobody else's", async () => {
      const { send, writes } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      const body = from("tablet", 1, patch("lists", list, { name: "Bob's" }));
      expect(await writes.processTransaction(body, bob)).toEqual(SUCCESS);
    });

    it("is a row whose parent is missing, by a foreign key, by belongsTo, or by a reference", async () => {
      const { send, root, all } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(
        await send(put("open_todos", todo(1), { list_id: list, description: "x" })),
      ).toMatchObject(DEPENDS);
      expect(await send(put("members", `${list}.alice`, { role: "x" }))).toMatchObject(DEPENDS);
      expect(await root()).toMatchObject({ dependants: 2 });
      expect(await send(put("authors", uuid(3), { name: { not: "text" }, uuid: 7 }))).toMatchObject(
        { status: "fatal_error" },
      );
      expect(
        await send(put("books", uuid(4), { title: "A book", author_id: uuid(3) })),
      ).toMatchObject(DEPENDS);
      expect(await all()).toHaveLength(5);
    });

    it("is not one whose parent nobody would create, or whose parent is there", async () => {
      const { send, all } = made();
      await open.insert({ lists: [{ id: other, name: "Bob's", owner_id: "bob" }] });
      expect(await send(badList(list))).toMatchObject(INVALID);
      // Bob's: no letter will ever make it hers.
      expect(await send(newList(other))).toMatchObject({
        failedOperation: { errorCode: "UNAUTHORIZED" },
      });
      expect(await send(newTodo(1, other))).toMatchObject({
        failedOperation: { errorCode: "UNAUTHORIZED" },
      });
      expect(
        await send(put("open_todos", todo(2), { list_id: uuid(77), description: "x" })),
      ).toMatchObject({
        failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION" },
      });
      for (const letter of await all()) expect(letter).not.toHaveProperty("root");
    });

    it("is the whole transaction, at the first operation that needs it", async () => {
      const { send, all } = made();
      await open.insert({ lists: [{ id: other, name: "Hers", owner_id: "alice" }] });
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(
        await send(
          patch("lists", other, { name: "Changed" }),
          patch("lists", list, { name: "x" }),
          badList(uuid(8)),
        ),
      ).toMatchObject({
        failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER", operationIndex: 1 },
      });
      expect(await open.rows("lists")).toMatchObject([{ name: "Hers" }]);
      expect(await all()).toHaveLength(2);
    });

    it("is anything absent, where a letter can't be read or names too many rows", async () => {
      const { writes, send } = made();
      expect(
        await writes.processTransaction({ client_id: "phone", crud: "what?" }, alice),
      ).toMatchObject({ status: "fatal_error" });
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject(DEPENDS);
      await open.reset();
      const many = Array.from({ length: 10_001 }, (_, n) => put("things", uuid(1000 + n), {}));
      expect(await send(...many)).toMatchObject({
        failedOperation: { errorCode: "INVALID_TRANSACTION" },
      });
      expect(await send(patch("things", uuid(5), { size: 1 }))).toMatchObject(DEPENDS);
      expect(await send(patch("lists", list, { name: "x" }))).toEqual(SUCCESS);
    });

    it.each([
      ["the contract's", (id: string) => ({ table: "lists", id, op_data: { name: "x" } })],
      ["an SDK's", (id: string) => ({ type: "lists", id, data: { name: "x" } })],
      ["another's", (id: string) => ({ type: "lists", id, opData: { name: "x" } })],
    ])("is what a refused transaction names, in %s words", async (_name, row) => {
      const { writes, send } = made();
      // It has no transaction to be applied: its metadata is none.
      const refused = { client_id: "phone", crud: [{ op: "PUT", ...row(list), metadata: 7 }] };
      expect(await writes.processTransaction(refused, alice)).toMatchObject({
        failedOperation: { errorCode: "INVALID_TRANSACTION" },
      });
      expect(await send(patch("lists", uuid(77), { name: "x" }))).toEqual(SUCCESS);
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject(DEPENDS);
    });

    it.each([
      ["tables", (id: string) => ({ crud: [{ ...put("things", id, {}), type: "lists" }] })],
      [
        "lists of operations",
        (id: string) => ({ crud: [put("things", id, {})], batch: [put("lists", id, {})] }),
      ],
    ])("is what either says of a refused transaction's two %s", async (_name, body) => {
      const { writes, send } = made();
      expect(
        await writes.processTransaction({ client_id: "phone", ...body(list) }, alice),
      ).toMatchObject({ failedOperation: { errorCode: "INVALID_TRANSACTION" } });
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject(DEPENDS);
    });

    it("stays queued where the client says so, and nothing is recorded", async () => {
      const asked: unknown[] = [];
      const requiresClientHandling = ({ errorCode }: { errorCode: string }) => {
        asked.push(errorCode);
        return errorCode === "DEPENDS_ON_DEAD_LETTER";
      };
      const { send, all } = made({ deadLetters: { requiresClientHandling } });
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject({
        requiresClientHandling: true,
      });
      expect(asked).toEqual(["INVALID_DATA", "DEPENDS_ON_DEAD_LETTER"]);
      expect(await all()).toHaveLength(1);
    });

    it("is answered the same when it is sent again, and recorded once", async () => {
      const { writes, all } = made();
      expect(await writes.processTransaction(from("phone", 1, badList(list)), alice)).toMatchObject(
        INVALID,
      );
      const body = from("phone", 2, patch("lists", list, { name: "x" }));
      for (let time = 0; time < 3; time += 1) {
        expect(await writes.processTransaction(body, alice)).toMatchObject(DEPENDS);
      }
      expect(await all()).toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
    });

    it("keeps its place where the same content comes again without an identity", async () => {
      const { writes, deadLetters, all, root } = made();
      const bare = (...crud: readonly object[]) => writes.processTransaction({ crud }, alice);
      expect(await bare(badList(list))).toMatchObject(INVALID);
      for (const name of ["a", "b", "b", "a"]) {
        expect(await bare(patch("lists", list, { name }))).toMatchObject(DEPENDS);
      }
      expect(await all()).toMatchObject([{}, { attempts: 1 }, { attempts: 2 }, { attempts: 1 }]);
      const { id } = await root();
      await deadLetters.edit(id, { crud: [newList(list)] });
      expect(await deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect(await open.rows("lists")).toMatchObject([{ name: "a" }]);
    });
  });

  describe("what ends it", () => {
    it("is an applied PUT of the row: the letter is stale, also when the row is gone again", async () => {
      const { send, deadLetters, root } = made();
      expect(await send(badList(list, "old"))).toMatchObject(INVALID);
      expect(await send(patch("lists", list, { name: "between" }))).toMatchObject(DEPENDS);
      expect(await send(newList(list, "new"))).toEqual(SUCCESS);
      expect(await send(patch("lists", list, { name: "newer" }))).toEqual(SUCCESS);
      expect(await open.rows("lists")).toMatchObject([{ name: "newer" }]);
      const { id, status } = await root();
      expect(status).toBe("stale");
      expect(await send(remove("lists", list))).toEqual(SUCCESS);
      // Nothing would create it any more.
      expect(await send(patch("lists", list, { name: "late" }))).toEqual(SUCCESS);
      expect(await deadLetters.retry(id)).toMatchObject({ status: "stale" });
      expect(await open.rows("lists")).toEqual([]);
      await deadLetters.edit(id, { crud: [newList(list, "mended")] });
      expect(await deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect(await open.rows("lists")).toMatchObject([{ name: "between" }]);
    });

    it("is not a PUT that fails", async () => {
      const { send, root } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await send(newList(list), badList(other))).toMatchObject(INVALID);
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject(DEPENDS);
      expect(await root()).toMatchObject({ status: "open" });
    });

    it("is the PUT that is written, whatever hooks have made of the one that was sent", async () => {
      const { send, all } = made({
        hooks: {
          map: {
            after: (write: { id: string; values: { name?: string } } | null) => {
              if (write?.values.name === "nowhere") return null;
              return write?.values.name === "elsewhere" ? { ...write, id: other } : write;
            },
          },
        },
        authorize: ({ values }: { values: { name?: string } }) => {
          if (values.name === "refused") throw fatal("REFUSED", "Not that name.");
        },
      });
      for (const id of [list, other]) {
        expect(await send(newList(id, "refused"))).toMatchObject(FATAL);
      }
      expect(await send(newList(list, "nowhere"))).toEqual(SUCCESS);
      expect(await send(patch("lists", list, { name: "x" }))).toMatchObject(DEPENDS);
      expect(await send(newList(list, "elsewhere"))).toEqual(SUCCESS);
      expect(await send(patch("lists", list, { name: "y" }))).toMatchObject(DEPENDS);
      expect(await send(remove("lists", other))).toEqual(SUCCESS);
      expect(await send(patch("lists", other, { name: "z" }))).toEqual(SUCCESS);
      expect(await all()).toMatchObject([
        { status: "open", dependants: 2 },
        { status: "stale", dependants: 0 },
        {},
        {},
      ]);
    });

    it("is a row that comes behind its own DELETE", async () => {
      const { send } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await send(remove("lists", list), newList(list, "again"))).toEqual(SUCCESS);
      expect(await open.rows("lists")).toMatchObject([{ name: "again" }]);
    });
  });

  describe("retrying", () => {
    it("stops at the first that fails, which is the root of those behind it", async () => {
      const { send, deadLetters, all, root } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await send(newTodo(1))).toMatchObject(DEPENDS);
      expect(await send(newTodo(2), put("things", uuid(5), { size: -1 }))).toMatchObject(DEPENDS);
      expect(await send(patch("todos", todo(2), { description: "x" }))).toMatchObject(DEPENDS);
      expect(await send(patch("lists", list, { name: "last" }))).toMatchObject(DEPENDS);
      const { id } = await root();
      await deadLetters.edit(id, { crud: [newList(list)] });
      const [, second, third, fourth, fifth] = await all();
      expect(await deadLetters.retry(id)).toMatchObject({
        status: "retried",
        dependants: {
          retried: [second?.id],
          waiting: 3,
          stoppedBy: { id: third?.id, errorCode: "CHECK_VIOLATION", operationIndex: 1 },
        },
      });
      expect(await all()).toMatchObject([
        { status: "retried" },
        { status: "retried" },
        { status: "open", dependants: 2, errorCode: "CHECK_VIOLATION", attempts: 2 },
        { status: "open", root: third?.id },
        { status: "open", root: third?.id },
      ]);
      expect(await open.rows("lists")).toMatchObject([{ name: "New" }]);
      // Still behind it, and new ones too.
      expect(await send(remove("todos", todo(2)))).toMatchObject(DEPENDS);
      await deadLetters.edit(third?.id ?? "", { crud: [newTodo(2)] });
      // By the name of any of them.
      expect(await deadLetters.retry(fifth?.id ?? "")).toMatchObject({
        status: "retried",
        dependants: { retried: [third?.id, fourth?.id, expect.any(String)], waiting: 0 },
      });
      expect(await open.rows("lists")).toMatchObject([{ name: "last" }]);
      expect((await open.rows("todos")).map(({ id: each }) => each)).toEqual([todo(1)]);
    });

    it("judges all of them before anything is written", async () => {
      const { send, deadLetters, root } = made();
      await open.insert({ lists: [{ id: other, name: "Hers", owner_id: "alice" }] });
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(
        await send(patch("lists", list, { name: "x" }), patch("lists", other, { name: "y" })),
      ).toMatchObject(DEPENDS);
      await open.change("lists", other, { name: "Somebody else's" });
      const { id } = await root();
      await deadLetters.edit(id, { crud: [newList(list)] });
      expect(await deadLetters.retry(id)).toEqual({
        status: "stale",
        rows: [{ table: "lists", id: other }],
      });
      expect(await open.rows("lists")).toHaveLength(1);
      expect(await deadLetters.retry(id, { force: true })).toMatchObject({ status: "retried" });
      expect((await open.rows("lists")).map(({ name }) => name)).toEqual(["x", "y"]);
    });

    it("of a letter that needs another chain's row leaves it as it was", async () => {
      const { send, deadLetters, all } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await send(badList(other))).toMatchObject(INVALID);
      expect(
        await send(patch("lists", list, { name: "a" }), patch("lists", other, { name: "b" })),
      ).toMatchObject(DEPENDS);
      const [first, second, third] = await all();
      expect(third?.root).toBe(first?.id);
      await deadLetters.edit(first?.id ?? "", { crud: [newList(list)] });
      expect(await deadLetters.retry(first?.id ?? "")).toMatchObject({
        status: "retried",
        dependants: {
          stoppedBy: { id: third?.id, errorCode: "DEPENDS_ON_DEAD_LETTER", operationIndex: 1 },
        },
      });
      await deadLetters.edit(second?.id ?? "", { crud: [newList(other)] });
      expect(await deadLetters.retry(second?.id ?? "")).toEqual({ status: "retried" });
      expect(await deadLetters.retry(third?.id ?? "", { force: true })).toEqual({
        status: "retried",
      });
      expect((await open.rows("lists")).map(({ name }) => name)).toEqual(["a", "b"]);
    });

    it("of many at once retries each once", async () => {
      const { send, sendFrom, deadLetters, all, root } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await sendFrom("tablet", newTodo(1))).toMatchObject(DEPENDS);
      expect(await send(patch("todos", todo(1), { description: "x" }))).toMatchObject(DEPENDS);
      expect(await deadLetters.retryAll({})).toMatchObject({ retried: 0, failed: 1, skipped: 2 });
      const { id } = await root();
      await deadLetters.edit(id, { crud: [newList(list)] });
      expect(await deadLetters.retryAll({ errorCode: "DEPENDS_ON_DEAD_LETTER" })).toMatchObject({
        retried: 2,
        failed: 0,
      });
      for (const letter of await all()) expect(letter).toMatchObject({ status: "retried" });
      expect(await open.rows("todos")).toMatchObject([{ description: "x" }]);
    });
  });

  describe("discarding", () => {
    it("of a root says what becomes of its dependants", async () => {
      const { send, deadLetters, all, root } = made();
      const chain = async () => {
        expect(await send(badList(list))).toMatchObject(INVALID);
        expect(await send(newTodo(1))).toMatchObject(DEPENDS);
        expect(await send(patch("todos", todo(1), { description: "x" }))).toMatchObject(DEPENDS);
        return (await root()).id;
      };
      let id = await chain();
      expect(await deadLetters.discard(id, "No.")).toEqual({
        status: "has_dependants",
        dependants: 2,
      });
      for (const letter of await all()) expect(letter.status).toBe("open");
      expect(await deadLetters.discard(id, "No.", { dependants: "discard" })).toEqual({
        status: "discarded",
      });
      for (const letter of await all())
        expect(letter).toMatchObject({ status: "discarded", reason: "No." });
      // Nothing would create them any more.
      expect(await send(patch("lists", list, { name: "x" }))).toEqual(SUCCESS);
      expect(await send(remove("todos", todo(1)))).toEqual(SUCCESS);

      await open.reset();
      id = await chain();
      expect(await deadLetters.discard(id, "No.", { dependants: "keep" })).toEqual({
        status: "discarded",
      });
      const [, second, third] = await all();
      expect(second).toMatchObject({ status: "open", dependants: 1 });
      expect(second).not.toHaveProperty("root");
      expect(third).toMatchObject({ status: "open", root: second?.id });
      expect(await send(remove("todos", todo(1)))).toEqual(SUCCESS);
    });

    it("of many at once takes a chain that is meant as a whole, and leaves roots of others", async () => {
      const { send, sendFrom, deadLetters, root } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await sendFrom("tablet", newTodo(1))).toMatchObject(DEPENDS);
      const { id } = await root();
      expect(await deadLetters.discardAll({ clientId: "phone" }, "No.")).toEqual({
        discarded: 0,
        ids: [],
        refused: [id],
      });
      expect(await deadLetters.discardAll({}, "No.")).toMatchObject({ discarded: 2 });
    });
  });

  it("is shown and refused by the admin routes, too", async () => {
    const { writes, send, root, all } = made();
    const { handle } = createAdmin(writes, { guard: () => true });
    const ask = async (method: string, path: string, body?: object) => {
      const { status, body: text } = await handle({
        method,
        url: `/api/admin/dead-letters${path}`,
        headers: new Headers({ "content-type": "application/json" }),
        body: async () => body,
        signal: new AbortController().signal,
      });
      return { status, body: JSON.parse(text) as unknown };
    };
    expect(await send(badList(list))).toMatchObject(INVALID);
    expect(await send(newTodo(1))).toMatchObject(DEPENDS);
    const { id } = await root();
    expect(await ask("GET", `?root=${id}`)).toMatchObject({
      status: 200,
      body: { letters: [{ root: id, dependants: 0, error_code: "DEPENDS_ON_DEAD_LETTER" }] },
    });
    expect(await ask("POST", `/${id}/discard`, { reason: "No." })).toMatchObject({
      status: 409,
      body: { status: "has_dependants", dependants: 1 },
    });
    const unknown = { reason: "No.", dependants: "forget" };
    expect(await ask("POST", `/${id}/discard`, unknown)).toMatchObject({ status: 400 });
    await ask("PUT", `/${id}`, { payload: { crud: [newList(list), badList(other)] } });
    expect(await ask("POST", `/${id}/retry`, {})).toMatchObject({ status: 422 });
    expect(await send(newTodo(2), put("things", uuid(5), { size: -1 }))).toMatchObject(DEPENDS);
    expect(await send(remove("todos", todo(2)))).toMatchObject(DEPENDS);
    const [, , third, fourth] = await all();
    await ask("PUT", `/${id}`, { payload: { crud: [newList(list)] } });
    expect(await ask("POST", `/${id}/retry`, {})).toMatchObject({
      status: 200,
      body: {
        status: "retried",
        dependants: {
          retried: [expect.any(String)],
          waiting: 2,
          stopped_by: { id: third?.id, error_code: "CHECK_VIOLATION", operation_index: 1 },
        },
      },
    });
    const filter = { error_code: "CHECK_VIOLATION" };
    expect(await ask("POST", "/discard", { filter, reason: "No." })).toMatchObject({
      status: 200,
      body: { discarded: 0, refused: [third?.id] },
    });
    expect(
      await ask("POST", "/discard", { filter, reason: "No.", dependants: "discard" }),
    ).toMatchObject({ status: 200, body: { discarded: 2, ids: [third?.id, fourth?.id] } });
  });

  describe("editing", () => {
    it("says anew what the letter would create", async () => {
      const { send, deadLetters, root } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      const { id } = await root();
      await deadLetters.edit(id, { crud: [badList(other)] });
      expect(await send(patch("lists", list, { name: "x" }))).toEqual(SUCCESS);
      expect(await send(patch("lists", other, { name: "x" }))).toMatchObject(DEPENDS);
    });
  });

  describe("what it costs", () => {
    it("is nothing for a caller without letters", async () => {
      const { send, writes, events } = made();
      let opId = 100;
      const statements = async (userId: string) => {
        const body = from("laptop", opId, patch("lists", uuid(50), { name: "x" }));
        opId += 1;
        await writes.processTransaction(body, { principal: { userId } });
        return events
          .flatMap((event) => (event.type === "transaction" ? event.statements : []))
          .at(-1);
      };
      await statements("bob");
      const without = await statements("bob");
      expect(await send(badList(list))).toMatchObject(INVALID);
      expect(await statements("bob")).toBe(without);
      // Looked at, rolled back, and done again.
      expect(await statements("alice")).toBeGreaterThan(without ?? 0);
      // The claim, the write, and a look whether there is such a row.
      expect(without).toBeLessThanOrEqual(3);
    });
  });

  describe("parking", () => {
    it("leaves a letter that others depend on, too", async () => {
      const failing = {
        lists: {
          owner: "owner_id",
          authorize: (write: { op: string }) => {
            if (write.op === "PUT") throw new Error("A bug.");
          },
        },
      };
      const { send, writes } = made({
        tables: failing,
        parking: { afterHours: 0, attempts: 2 },
        logger: false,
      });
      const body = from("phone", 1000, newList(list));
      for (let time = 0; time < 6; time += 1) {
        const result = await writes.processTransaction(body, alice);
        if (result.status === "fatal_error") break;
        expect(await send(put("things", uuid(60 + time), { size: 1 }))).toEqual(SUCCESS);
      }
      expect(await writes.processTransaction(body, alice)).toMatchObject({
        failedOperation: { errorCode: "RETRIES_EXHAUSTED" },
      });
      expect(await send(remove("lists", list))).toMatchObject(DEPENDS);
    });
  });

  describe("at the same time", () => {
    it("a root that is retried while a dependant is recorded leaves nothing behind, and nothing undone", async () => {
      const { send, sendFrom, deadLetters, all, root } = made();
      for (let time = 0; time < 5; time += 1) {
        await open.reset();
        expect(await send(badList(list))).toMatchObject(INVALID);
        const { id } = await root();
        await deadLetters.edit(id, { crud: [newList(list)] });
        const [retried, ...answers] = await Promise.all([
          deadLetters.retry(id),
          ...[0, 1, 2].map((n) =>
            sendFrom(`tablet ${n}`, patch("lists", list, { settings: { [`n${n}`]: n } })),
          ),
        ]);
        expect(retried).toMatchObject({ status: "retried" });
        // Whoever came too late to be applied with it has been applied by itself.
        const applied = answers.filter(({ status }) => status === "success").length;
        const recorded = answers.filter(({ status }) => status === "fatal_error").length;
        expect(applied + recorded).toBe(3);
        const letters = await all();
        expect(letters).toHaveLength(1 + recorded);
        for (const letter of letters) expect(letter.status).toBe("retried");
      }
    });
  });

  describe("bounds", () => {
    it("count a chain as one letter, and at a chain's bound its queue waits while other devices go on", async () => {
      const { send, sendFrom, all, events } = made({ deadLetters: { open: 3 } });
      expect(await send(badList(list))).toMatchObject(INVALID);
      for (let n = 0; n < 3; n += 1) {
        expect(await send(patch("lists", list, { name: `draft ${n}` }))).toMatchObject(DEPENDS);
      }
      expect(await send(patch("lists", list, { name: "one too many" }))).toMatchObject({
        status: "retryable_error",
        retryAfterMs: 30_000,
      });
      const [{ id } = { id: "" }] = await all();
      expect(events.filter(({ type }) => type === "chain_full")).toMatchObject([
        { id, userId: "alice", clientId: "phone" },
      ]);
      expect(await sendFrom("tablet", newList(other))).toEqual(SUCCESS);
      // Two letters more may wait.
      expect(await sendFrom("tablet", badList(uuid(8)))).toMatchObject(INVALID);
      expect(await sendFrom("tablet", badList(uuid(9)))).toMatchObject(INVALID);
      expect(await all()).toHaveLength(6);
    });

    it("don't count what comes again without an id", async () => {
      const { writes, send, all } = made({ deadLetters: { open: 2 } });
      expect(await send(badList(list))).toMatchObject(INVALID);
      const anew = (name: string) => {
        const { op_id: _, ...entry } = { op_id: 0, ...patch("lists", list, { name }) };
        return writes.processTransaction({ crud: [entry] }, { ...alice, clientId: "phone" });
      };
      for (const name of ["one", "two", "two", "two"])
        expect(await anew(name)).toMatchObject(DEPENDS);
      expect((await all()).map(({ attempts }) => attempts)).toEqual([1, 1, 3]);
      // Behind another one it is no repetition.
      expect(await anew("one")).toMatchObject({ status: "retryable_error" });
    });

    it("count the bytes of a chain, of which half may be one chain's", async () => {
      const { send, sendFrom, all, events } = made({ deadLetters: { openBytes: 4_000 } });
      const long = "x".repeat(1_500);
      expect(await send(badList(list))).toMatchObject(INVALID);
      for (let n = 0; n < 2; n += 1) {
        expect(await send(patch("lists", list, { name: `${long}${n}` }))).toMatchObject(DEPENDS);
      }
      for (const device of ["phone", "tablet"]) {
        expect(await sendFrom(device, patch("lists", list, { name: device }))).toMatchObject({
          status: "retryable_error",
          retryAfterMs: 30_000,
        });
      }
      expect(events.filter(({ type }) => type === "chain_full")).toHaveLength(2);
      // The device has more than half of its user's room, the user less than all.
      const tooMany = { status: "retryable_error", tooManyDeadLetters: true };
      expect(await send(badList(uuid(8)))).toMatchObject(tooMany);
      expect(await sendFrom("tablet", badList(uuid(9)))).toMatchObject(INVALID);
      const next = patch("lists", uuid(9), { name: long });
      expect(await sendFrom("tablet", next)).toMatchObject(DEPENDS);
      // Now the user has, and what would stand behind a chain that takes more has no room, either.
      expect(await sendFrom("watch", { ...next, op_data: { name: "N" } })).toMatchObject(tooMany);
      expect(await sendFrom("desk", newList(other))).toEqual(SUCCESS);
      expect(await all()).toHaveLength(5);
    });
  });

  describe("forget(userId)", () => {
    it("leaves nothing of a chain, and nothing that anything could depend on", async () => {
      const { writes, send, all, events } = made();
      expect(await send(badList(list))).toMatchObject(INVALID);
      for (let n = 1; n < 4; n += 1) expect(await send(newTodo(n))).toMatchObject(DEPENDS);
      const bobs = { ...from("laptop", 1, badList(other)) };
      expect(await writes.processTransaction(bobs, bob)).toMatchObject(INVALID);
      // Four letters, and four answers.
      expect(await writes.forget("alice")).toBe(8);
      expect(await all()).toMatchObject([{ userId: "bob" }]);
      expect(await send(patch("lists", list, { name: "Late" }))).toEqual(SUCCESS);
      expect(events.at(-1)).toMatchObject({ type: "transaction", status: "success" });
      const behind = from("laptop", 2, patch("lists", other, { name: "Late" }));
      expect(await writes.processTransaction(behind, bob)).toMatchObject(DEPENDS);
    });
  });
});
