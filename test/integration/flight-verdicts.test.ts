/** What is not plainly good in a transaction that is sent as a whole is found out step by step: no verdict of a flight takes it for good. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type Writes } from "../../src/index.js";
import { drivers, type TestDatabase } from "../support/databases.js";
import type { TestPrincipal } from "../support/writes.js";

/** Those through whose guards whole transactions go. MariaDB's pool is guarded if that is asked for. */
const flying = drivers.filter(({ flies, family }) => flies || family === "mysql");

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

describe.each(flying)("the verdicts of a flight on $name", (dialect) => {
  let database: TestDatabase;
  let isOpen = false;
  let writes: Writes<TestPrincipal>;
  let together: Writes<TestPrincipal>;
  let unentered: Writes<TestPrincipal>;
  let events: WriteEvent[] = [];
  let device = 0;
  let opId = 0;

  beforeAll(async () => {
    isOpen = await dialect.available();
    if (!isOpen) return;
    database = await dialect.open({ flights: true });
    const serve = (config: object = {}) =>
      createWrites<TestPrincipal, never>({
        authenticate: () => ({ userId: "" }),
        database: database.db as never,
        tables: { lists: { owner: "owner_id" }, todos: { belongsTo: { list_id: "lists" } } },
        logger: false,
        onEvent: (event) => events.push(event),
        ...config,
      });
    writes = serve();
    unentered = serve({ ledger: false });
    together = serve({ commit: "per-request", onFatal: "skip" });
  });
  afterAll(async () => {
    if (isOpen) await database.close();
  });

  const put = (table: string, n: number, op_data: object) => ({
    op: "PUT",
    table,
    id: uuid(n),
    op_data,
  });
  const patch = (table: string, n: number, op_data: object) => ({
    op: "PATCH",
    table,
    id: uuid(n),
    op_data,
  });
  const remove = (table: string, n: number) => ({ op: "DELETE", table, id: uuid(n) });

  /** As the user's latest device. */
  const send = async (userId: string, ...crud: readonly object[]) => {
    events = [];
    const body = {
      client_id: `device ${device}`,
      crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
    };
    const result = await writes.processTransaction(body, { principal: { userId } });
    const [answered] = events.filter((event) => event.type === "transaction");
    return {
      result,
      flown: answered?.flown,
      missing: events.flatMap((event) => (event.type === "row_missing" ? [event.id] : [])),
    };
  };
  const counts = async () => ({
    lists: (await database.db.selectFrom("lists").select("id").execute()).length,
    todos: (await database.db.selectFrom("todos").select("id").execute()).length,
  });

  // Alice's list 1 with todos 11 to 14, and Bob's list 2 with todos 21 to 24. Both devices are known, and fly.
  beforeEach(async ({ skip }) => {
    skip(!isOpen);
    await database.reset();
    device += 1;
    for (const [userId, list] of [
      ["alice", 1],
      ["bob", 2],
    ] as const) {
      await send(userId, put("lists", list, { name: "a" }));
      await send(
        userId,
        ...[1, 2, 3, 4].map((n) =>
          put("todos", list * 10 + n, { list_id: uuid(list), description: "a" }),
        ),
      );
    }
    for (let time = 0; time < 4; time += 1) {
      await send("bob", put("lists", 2, { name: "b" }));
      await send("alice", put("lists", 1, { name: "b" }));
    }
    const ready = await send("alice", put("lists", 1, { name: "c" }));
    expect(ready).toEqual({ result: { status: "success" }, flown: true, missing: [] });
  });

  it.each([
    ["a list of somebody else's is put over", () => [put("lists", 2, { name: "x" })]],
    ["one is given away", () => [patch("lists", 1, { owner_id: "bob" })]],
    ["one is put for somebody else", () => [put("lists", 3, { owner_id: "bob", name: "x" })]],
    [
      "two are, and one not",
      () => [put("lists", 3, { name: "x" }), put("lists", 2, { name: "x" })],
    ],
    [
      "one is put for oneself, and one for somebody else",
      () => [
        put("lists", 3, { name: "x", owner_id: "alice" }),
        put("lists", 4, { name: "x", owner_id: "bob" }),
      ],
    ],
    ["a list of somebody else's is changed", () => [patch("lists", 2, { name: "x" })]],
    ["a list of somebody else's is deleted", () => [remove("lists", 2)]],
    ["a todo of somebody else's is deleted", () => [remove("todos", 21)]],
    [
      "todos are deleted, one of them somebody else's",
      () => [remove("todos", 11), remove("todos", 99), remove("todos", 22), remove("todos", 12)],
    ],
    [
      "a todo is put into somebody else's list",
      () => [put("todos", 15, { list_id: uuid(2), description: "x" })],
    ],
    [
      "two are, and one not",
      () => [
        put("todos", 15, { list_id: uuid(1), description: "x" }),
        put("todos", 16, { list_id: uuid(2), description: "x" }),
      ],
    ],
    [
      "todos of somebody else's are put over",
      () => [
        put("todos", 11, { list_id: uuid(1), description: "x" }),
        put("todos", 21, { list_id: uuid(1), description: "x" }),
      ],
    ],
    ["a todo goes to somebody else's list", () => [patch("todos", 11, { list_id: uuid(2) })]],
  ])("refuse where %s", async (_name, crud) => {
    const before = await counts();
    const { result, flown } = await send("alice", ...crud());
    expect(result).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "UNAUTHORIZED" },
    });
    expect(flown).toBe(false);
    expect(await counts()).toEqual(before);
  });

  it.each([
    ["is changed", () => patch("lists", 2, { name: "x" })],
    ["is deleted", () => remove("todos", 21)],
    ["gets a todo", () => put("todos", 15, { list_id: uuid(2), description: "x" })],
  ])(
    "are of the changes alone where the device is not known: a list of somebody else's %s",
    async (_name, foreign) => {
      const before = await counts();
      const crud = [patch("lists", 1, { name: "mine" }), foreign()];
      const body = { transaction_id: (opId += 1), crud };
      expect(
        await writes.processTransaction(body, { principal: { userId: "alice" } }),
      ).toMatchObject({
        status: "fatal_error",
        failedOperation: { errorCode: "UNAUTHORIZED", operationIndex: 1 },
      });
      expect(await counts()).toEqual(before);
      const rows = await database.db.selectFrom("lists").select("name").orderBy("id").execute();
      expect(rows).toEqual([{ name: "c" }, { name: "b" }]);
    },
  );

  it("tell of the rows that a run of DELETEs has not found", async () => {
    const crud = [11, 91, 12, 92, 93, 13].map((n) => remove("todos", n));
    expect(await send("alice", ...crud)).toEqual({
      result: { status: "success" },
      flown: true,
      missing: [91, 92, 93].map(uuid),
    });
    expect(await counts()).toEqual({ lists: 2, todos: 5 });
    // And of one that it has deleted itself.
    expect(await send("alice", remove("todos", 14), remove("todos", 14))).toEqual({
      result: { status: "success" },
      flown: true,
      missing: [uuid(14)],
    });
  });

  it("take the later of two PUTs of a row", async () => {
    const crud = ["x", "y"].map((name) => put("lists", 1, { name }));
    expect(await send("alice", ...crud)).toMatchObject({ flown: true });
    const rows = await database.db
      .selectFrom("lists")
      .select("name")
      .where("id", "=", uuid(1))
      .execute();
    expect(rows).toEqual([{ name: "y" }]);
  });

  it("take a list that is deleted, and then its todos", async () => {
    const crud = [remove("lists", 1), remove("todos", 11), remove("todos", 12)];
    expect(await send("alice", ...crud)).toEqual({
      result: { status: "success" },
      flown: true,
      missing: [11, 12].map(uuid),
    });
    expect(await counts()).toEqual({ lists: 1, todos: 4 });
  });

  it("leave a row that is not there to be looked for", async () => {
    expect(await send("alice", patch("lists", 77, { name: "x" }))).toEqual({
      result: { status: "success" },
      flown: false,
      missing: [uuid(77)],
    });
  });

  it("leave a repeat to the ledger", async () => {
    const body = {
      client_id: `device ${device}`,
      crud: [{ ...patch("lists", 1, { name: "once" }), op_id: (opId += 1) }],
    };
    const principal = { userId: "alice" };
    await writes.processTransaction(body, { principal });
    await send("alice", patch("lists", 1, { name: "later" }));
    events = [];
    await writes.processTransaction(body, { principal });
    expect(events.find((event) => event.type === "transaction")).toMatchObject({
      ledger: "hit",
      flown: false,
    });
    const rows = await database.db
      .selectFrom("lists")
      .select("name")
      .where("id", "=", uuid(1))
      .execute();
    expect(rows).toEqual([{ name: "later" }]);
  });

  it("leave to the careful way what an open dead letter may be there to create", async () => {
    const lost = await send("alice", put("todos", 31, { list_id: uuid(1), description: null }));
    expect(lost.result).toMatchObject({ failedOperation: { errorCode: "NOT_NULL_VIOLATION" } });
    for (let time = 0; time < 3; time += 1) await send("alice", put("lists", 1, { name: "z" }));
    expect((await send("alice", remove("todos", 31))).result).toMatchObject({
      failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" },
    });
  });

  it("ask for open dead letters without a ledger, too", async () => {
    const send = async (...crud: readonly object[]) => {
      events = [];
      const result = await unentered.processTransaction(
        { crud },
        { principal: { userId: "alice" } },
      );
      const [answered] = events.filter((event) => event.type === "transaction");
      return { result, flown: answered?.flown };
    };
    await send(patch("lists", 1, { name: "d" }), remove("todos", 99));
    expect(await send(patch("lists", 1, { name: "e" }))).toMatchObject({ flown: true });
    await send(put("todos", 31, { list_id: uuid(1), description: null }));
    await send(put("lists", 1, { name: "z" }));
    expect(await send(remove("todos", 31))).toMatchObject({
      result: { failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } },
      flown: false,
    });
  });

  it("are of all transactions of a request, where these commit together", async () => {
    const bodies = (...transactions: readonly (readonly object[])[]) => ({
      client_id: `device ${device}`,
      transactions: transactions.map((crud) => ({
        crud: crud.map((entry) => ({ ...entry, op_id: (opId += 1) })),
      })),
    });
    const sendAll = async (body: object) => {
      events = [];
      const results = await together.processBatch(body, { principal: { userId: "alice" } });
      const told = events.filter((event) => event.type === "transaction");
      return {
        results: results.map(({ status }) => status),
        flown: told.map((each) => each.flown),
      };
    };
    const todo = (n: number, list = 1) =>
      put("todos", n, { list_id: uuid(list), description: "x" });
    const good = bodies([todo(15), todo(16)], [patch("todos", 15, { completed: 1 })], [todo(17)]);
    const success = "success";
    await sendAll(bodies([todo(18)]));
    expect(await sendAll(good)).toEqual({
      results: [success, success, success],
      flown: [true, true, true],
    });
    expect(await sendAll(good)).toMatchObject({ results: [success, success, success] });
    const bad = bodies([todo(31)], [todo(32), todo(33, 2)], [patch("todos", 31, { completed: 1 })]);
    expect(await sendAll(bad)).toMatchObject({ results: [success, "fatal_error", success] });
    expect(await counts()).toEqual({ lists: 2, todos: 13 });
  });

  it("are all in vain at a new device's first, and its next one flies, however many came at once", async () => {
    device += 1;
    const several = Array.from({ length: 8 }, (_, n) => send("alice", put("lists", 100 + n, {})));
    for (const { result } of await Promise.all(several))
      expect(result).toEqual({ status: "success" });
    expect(await send("alice", put("lists", 110, {}))).toMatchObject({ flown: true });
  });
});
