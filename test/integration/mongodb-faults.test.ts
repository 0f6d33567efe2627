/**
 * What becomes of a transaction on MongoDB when something fails around it: applied once, or not at all and sent again. On the responder, which drops connections and
 * answers with errors where it is told to; it is no MongoDB.
 */
import { setTimeout } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import {
  createCollections,
  type MongoDatabase,
  type MongoOptions,
  mongodb,
  type MongoTransaction,
} from "../../src/mongodb/index.js";
import { isChosen } from "../support/chosen.js";
import {
  type Fault,
  type Responder,
  startResponder,
} from "../support/mongodb-responder/responder.js";

interface Caller {
  readonly userId: string;
}

const principal: Caller = { userId: "alice" };
const id = (n: number) => `list-${n}`;

describe.skipIf(!isChosen("mongodb"))("MongoDB's faults", () => {
  let responder: Responder;
  let client: MongoClient;

  const open = async (
    options: Partial<WritesConfig<Caller, MongoDatabase>> = {},
    own: Partial<MongoOptions> = {},
  ) => {
    const store = mongodb(client, { database: "app", ...own });
    await createCollections(store);
    for (const name of ["lists", "audit"]) await client.db("app").createCollection(name);
    const events: WriteEvent[] = [];
    const writes = createWrites<Caller, MongoDatabase>({
      authenticate: () => principal,
      database: store,
      logger: false,
      onEvent: (event) => void events.push(event),
      tables: { lists: { owner: "owner_id", columns: ["name", "owner_id"] } },
      ...options,
    });
    let last = 0;
    const send = async (opId = (last += 1)) => {
      const crud = [
        { op: "PUT", table: "lists", id: id(opId), op_id: opId, op_data: { name: "a" } },
      ];
      const [result] = await writes.processBatch(
        { client_id: "phone", transactions: [{ crud }] },
        { principal },
      );
      return result?.status;
    };
    const lists = () => client.db("app").collection("lists").countDocuments();
    const answered = () => client.db("app").collection("powersync_ledger").countDocuments();
    return { store, writes, send, lists, answered, events };
  };

  beforeEach(async () => {
    responder = await startResponder();
    client = new MongoClient(responder.url, { serverSelectionTimeoutMS: 2_000 });
  });
  afterEach(async () => {
    await client.close();
    await responder.close();
  });

  const commit = (fault: Omit<Fault, "command">): void =>
    responder.inject({ command: "commitTransaction", ...fault });

  it("asks the driver's own second try what has become of a COMMIT", async () => {
    const { send, lists, answered } = await open();
    commit({ drop: "after" });
    expect(await send(1)).toBe("success");
    expect([await lists(), await answered()]).toEqual([1, 1]);
  });

  it.each([
    ["was never heard", "before", 0],
    ["was heeded", "after", 1],
  ] as const)(
    "is retryable where nobody knows of the COMMIT, which %s; and is applied once in the end",
    async (_, drop, kept) => {
      const { send, lists, answered } = await open();
      commit({ drop, times: 2 });
      expect(await send(1)).toBe("retryable_error");
      expect(await lists()).toBe(kept);
      // Not run again by the library itself.
      expect(responder.seen.filter((name) => name === "commitTransaction")).toHaveLength(2);
      responder.abortTransactions();
      expect(await send(1)).toBe("success");
      expect([await lists(), await answered()]).toEqual([1, 1]);
    },
  );

  it.each([
    ["the server runs out of time", { code: 50 }],
    ["a majority does not answer", { code: 64, labels: ["UnknownTransactionCommitResult"] }],
    ["the transaction is not known any more", { code: 251, labels: ["TransientTransactionError"] }],
    ["nobody knows the code", { code: 999_999 }],
  ])("does not run again what COMMIT may have applied: %s", async (_, error) => {
    const { send, lists } = await open({ ledger: false });
    commit({ run: true, error, times: 2 });
    expect(await send(1)).toBe("retryable_error");
    expect(await lists()).toBe(1);
    expect(responder.seen.filter((name) => name === "insert")).toHaveLength(1);
  });

  it("runs again what COMMIT has refused because of others", async () => {
    const { send, lists } = await open({ ledger: false });
    commit({ error: { code: 112, labels: ["TransientTransactionError"] } });
    expect(await send(1)).toBe("success");
    expect(await lists()).toBe(1);
    expect(responder.seen.filter((name) => name === "insert")).toHaveLength(2);
  });

  it.each([
    ["a write conflict", { code: 112, labels: ["TransientTransactionError"] }],
    ["a snapshot that is too old", { code: 239, labels: ["TransientTransactionError"] }],
    [
      "a transaction that the server has ended",
      { code: 251, labels: ["TransientTransactionError"] },
    ],
    [
      "an error of the future that says so",
      { code: 777_777, labels: ["TransientTransactionError"] },
    ],
  ])("begins again at once: %s", async (_, error) => {
    const { send, lists } = await open();
    responder.inject({ command: "insert", error });
    expect(await send(1)).toBe("success");
    expect(await lists()).toBe(1);
  });

  it.each([10_107, 11_600, 91, 189, 13_435, 13_436, 10_058, 11_602, 13, 50, 290, 26, 8, 424_242])(
    "is retryable, and nothing is written: error %d",
    async (code) => {
      const { send, lists, answered } = await open();
      responder.inject({ command: "insert", error: { code }, times: 10 });
      expect(await send(1)).toBe("retryable_error");
      expect([await lists(), await answered(), responder.openTransactions]).toEqual([0, 0, 0]);
    },
  );

  it("is retryable where the connection breaks at a statement", async () => {
    const { send, lists } = await open();
    responder.inject({ command: "insert", drop: "after" });
    expect(await send(1)).toBe("retryable_error");
    expect(await lists()).toBe(0);
    responder.abortTransactions();
    expect(await send(1)).toBe("success");
  });

  it("ends in time where the server does not answer, and leaves no transaction open", async () => {
    const { send, events } = await open({}, { transactionMs: 300 });
    let release: () => void = () => {};
    responder.inject({ command: "insert", until: new Promise((resolve) => (release = resolve)) });
    expect(await send(1)).toBe("retryable_error");
    expect(events.some(({ type }) => type === "error")).toBe(true);
    release();
    await expect.poll(() => responder.openTransactions).toBe(0);
  });

  it("applies one of two copies that come at once, and answers both", async () => {
    const { writes, lists, answered } = await open();
    const other = createWrites<Caller, MongoDatabase>({
      authenticate: () => principal,
      database: mongodb(client, { database: "app" }),
      logger: false,
      tables: { lists: { owner: "owner_id", columns: ["name", "owner_id"] } },
    });
    const crud = [{ op: "PUT", table: "lists", id: id(1), op_id: 1, op_data: { name: "a" } }];
    const body = { client_id: "phone", transactions: [{ crud }] };
    const results = await Promise.all(
      [writes, other].map((each) => each.processBatch(body, { principal })),
    );
    expect(results.flat().map(({ status }) => status)).toEqual(["success", "success"]);
    expect([await lists(), await answered()]).toEqual([1, 1]);
  });

  it("gives hooks the session: what they write commits with the data, and goes with it", async () => {
    let fails = false;
    const audit = async (tx: MongoTransaction): Promise<void> => {
      await tx.db.collection("audit").insertOne({ at: 1 }, { session: tx.session });
      if (fails) throw new Error("not today");
    };
    const { send, lists } = await open({
      hooks: { persist: { after: async (_, { tx }) => audit(tx) } },
    });
    const audits = () => client.db("app").collection("audit").countDocuments();
    expect(await send(1)).toBe("success");
    expect([await lists(), await audits()]).toEqual([1, 1]);
    fails = true;
    expect(await send(2)).toBe("retryable_error");
    expect([await lists(), await audits(), responder.openTransactions]).toEqual([1, 1, 0]);
  });

  it("commits nothing where a hook catches its own statement's error and goes on", async () => {
    const { send, lists } = await open({
      hooks: {
        persist: {
          after: async (_, { tx }) => {
            const twice = { _id: "same" as never };
            const into = tx.db.collection("audit");
            await into.insertOne(twice, { session: tx.session });
            await into.insertOne(twice, { session: tx.session }).catch(() => undefined);
          },
        },
      },
    });
    expect(await send(1)).toBe("retryable_error");
    expect(await lists()).toBe(0);
  });

  it("says what to do about a server that runs no transactions", async () => {
    const alone = await startResponder({ replicaSet: false });
    const single = new MongoClient(alone.url);
    try {
      const writes = createWrites<Caller, MongoDatabase>({
        authenticate: () => principal,
        database: mongodb(single, { database: "app" }),
        logger: false,
        tables: { lists: { owner: "owner_id" } },
      });
      const readiness = await writes.ready();
      expect(readiness).toMatchObject({
        ready: false,
        problems: expect.arrayContaining([expect.stringContaining("rs.initiate()")]),
      });
      const crud = [{ op: "PUT", table: "lists", id: id(1), op_data: {} }];
      const [result] = await writes.processBatch({ transactions: [{ crud }] }, { principal });
      expect(result?.status).toBe("retryable_error");
    } finally {
      await single.close();
      await alone.close();
    }
  });

  it.each([
    ["is not kept from others that only read it", false, ["given away", "committed"]],
    ["is kept from others where a rule writes to it", true, ["committed", "given away"]],
  ])("a parent %s", async (_, locks, order) => {
    const app = client.db("app");
    const lists = app.collection<{ _id: string; owner_id: string }>("lists");
    const { writes } = await open({
      tables: {
        lists: { owner: "owner_id", columns: ["name", "owner_id"] },
        todos: {
          columns: ["list_id"],
          belongsTo: { list_id: "lists" },
          ...(locks && {
            persist: async (write, { tx: { db, session } }, next) => {
              const outcome = await next(write);
              const parent = db.collection<{ _id: string }>("lists");
              await parent.updateOne({ _id: "list" }, { $inc: { locks: 1 } }, { session });
              return outcome;
            },
          }),
        },
      },
    });
    await app.createCollection("todos");
    await lists.insertOne({ _id: "list", owner_id: "alice" });
    let release: () => void = () => {};
    commit({ until: new Promise((resolve) => (release = resolve)) });
    const happened: string[] = [];
    const crud = [{ op: "PUT", table: "todos", id: "todo", op_data: { list_id: "list" } }];
    const written = writes.processTransaction({ crud }, { principal }).then(({ status }) => {
      expect(status).toBe("success");
      happened.push("committed");
    });
    await expect.poll(() => responder.seen).toContain("commitTransaction");
    const given = lists
      .updateOne({ _id: "list" }, { $set: { owner_id: "ben" } })
      .then(() => happened.push("given away"));
    // Long enough for a write that nobody holds up.
    if (locks) await setTimeout(100);
    else await given;
    release();
    await Promise.all([written, given]);
    expect(happened).toEqual(order);
  });

  it("says what a date keeps of a second", async () => {
    const { writes } = await open();
    await client.db("app").command({
      collMod: "lists",
      validator: { $jsonSchema: { properties: { name: { bsonType: "date" } } } },
    });
    expect(await writes.check()).toContainEqual(
      expect.objectContaining({
        code: "column_rounds",
        column: "name",
        message: expect.stringContaining("is stored as 2026-01-02T03:04:05.679Z."),
      }),
    );
  });

  it("is ready with its own collections, and says which is missing", async () => {
    const { writes } = await open();
    expect(await writes.ready()).toEqual({ ready: true });
    expect(await writes.check()).toEqual([]);
    const elsewhere = createWrites<Caller, MongoDatabase>({
      authenticate: () => principal,
      database: mongodb(client, { database: "bare" }),
      logger: false,
      tables: { lists: { owner: "owner_id" } },
    });
    const readiness = await elsewhere.ready();
    expect(readiness.ready ? [] : readiness.problems).toContainEqual(
      expect.stringContaining('"powersync_ledger"'),
    );
  });
});
