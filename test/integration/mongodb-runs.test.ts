/**
 * Runs on MongoDB: changes that are written together leave the documents that they do one after the other, and the same is said of them. And how many commands
 * they take, as the driver's own monitoring shows them.
 */
import { type CommandStartedEvent, type Document, MongoClient } from "mongodb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WritesConfig } from "../../src/index.js";
import { createCollections, type MongoDatabase, mongodb } from "../../src/mongodb/index.js";
import { isChosen } from "../support/chosen.js";
import { long } from "../support/long.js";
import { createCollection, nullable } from "../support/mongodb.js";
import { type Responder, startResponder } from "../support/mongodb-responder/responder.js";
import { type Random, seeded } from "../support/random.js";

interface Caller {
  readonly userId: string;
}
type Config = WritesConfig<Caller, MongoDatabase>;

/** What a rule can ask for; each of them lets changes be written together, or must keep them apart. */
const tables: Config["tables"] = {
  lists: { owner: "owner_id", columns: ["name", "owner_id", "code"] },
  hidden: { table: "lists", owner: "owner_id", hideForeign: true, columns: ["name", "code"] },
  coded: { table: "lists", owner: "owner_id", id: "code", columns: ["name"] },
  once: { table: "lists", owner: "owner_id", put: "insert", columns: ["name", "code"] },
  fixed: { table: "lists", owner: "owner_id", columns: ["name", "code"], insertOnly: ["code"] },
  todos: { belongsTo: { list_id: "lists" }, columns: ["list_id", "description", "state"] },
  open: {
    table: "todos",
    scope: () => ({ state: { $ne: "closed" } }),
    columns: ["description", "state"],
  },
  soft: {
    table: "todos",
    belongsTo: { list_id: "lists" },
    delete: { set: { state: () => "gone" } },
    columns: ["list_id", "description"],
  },
  notes: { belongsTo: { todo_id: "todos" }, columns: ["todo_id"] },
  named: {
    table: "todos",
    belongsTo: { state: { table: "lists", by: "name" } },
    columns: ["description", "state"],
  },
  letters: { access: "everyone", columns: ["name"] },
  nodes: {
    owner: "owner_id",
    belongsTo: { parent_id: { table: "nodes", optional: true } },
    columns: ["parent_id", "owner_id"],
  },
};

const schemas: Readonly<Record<string, Document>> = {
  lists: {
    _id: { bsonType: "string" },
    name: nullable("string", { maxLength: 20 }),
    owner_id: nullable("string"),
    code: nullable("string"),
  },
  todos: {
    _id: { bsonType: "string" },
    list_id: nullable("string"),
    description: { bsonType: "string", minLength: 1 },
    state: nullable("string"),
  },
  notes: {
    _id: { bsonType: "string" },
    todo_id: nullable("string"),
  },
  nodes: {
    _id: { bsonType: "string" },
    parent_id: nullable("string"),
    owner_id: nullable("string"),
  },
};

const start = async () => {
  const responder = await startResponder();
  const client = new MongoClient(responder.url, {
    monitorCommands: true,
    serverSelectionTimeoutMS: 2_000,
  });
  const commands: CommandStartedEvent[] = [];
  client.on("commandStarted", (event) => void commands.push(event));
  return { responder, client, commands };
};

/** @param together false: a hook of the application's has to run between any two changes */
const open = async (client: MongoClient, name: string, together: boolean) => {
  const store = mongodb(client, { database: name });
  await createCollections(store);
  for (const [collection, properties] of Object.entries(schemas))
    await createCollection(client.db(name), collection, properties);
  await client.db(name).createIndex(
    "lists",
    { code: 1 },
    {
      name: "code",
      unique: true,
      partialFilterExpression: { code: { $type: "string" } },
    },
  );
  return createWrites<Caller, MongoDatabase>({
    authenticate: () => ({ userId: "ann" }),
    database: store,
    logger: false,
    tables,
    ...(together ? {} : { hooks: { persist: { before: (write) => write } } }),
  });
};

type Operation = Readonly<Record<string, unknown>>;

describe.skipIf(!isChosen("mongodb"))("runs on MongoDB, by the commands that they take", () => {
  let responder: Responder;
  let client: MongoClient;
  let commands: CommandStartedEvent[];
  let writes: Awaited<ReturnType<typeof open>>;
  let last = 0;

  /** Commands on collections of the application's, with how many writes each has, for a unit that is answered so. */
  const sent = async (crud: readonly Operation[], status = "success") => {
    commands.length = 0;
    const numbered = crud.map((each) => ({ ...each, op_id: (last += 1) }));
    const result = await writes.processTransaction(
      { crud: numbered },
      { principal: { userId: "ann" }, clientId: "phone" },
    );
    expect(result, JSON.stringify(result)).toMatchObject({ status });
    return seen().map(({ name, writes: count }) => (count === 0 ? name : `${name} ${count}`));
  };
  const seen = () =>
    commands
      .filter(({ commandName, command }) =>
        [...Object.keys(schemas), "letters"].includes(String((command as Document)[commandName])),
      )
      .filter(({ commandName }) => commandName !== "listCollections")
      .map(({ commandName, command }) => {
        const { documents, updates, deletes, txnNumber, maxTimeMS } = command as Document;
        const all = [documents, updates, deletes].find(Array.isArray) ?? [];
        return { name: commandName, writes: all.length, txnNumber: String(txnNumber), maxTimeMS };
      });
  const put = (table: string, id: string, op_data: object) => ({ op: "PUT", table, id, op_data });
  const hundred = (from = 0) => Array.from({ length: 100 }, (_, n) => `l${from + n}`);

  beforeEach(async () => {
    ({ responder, client, commands } = await start());
    writes = await open(client, "app", true);
  });
  afterEach(async () => {
    await client.close();
    await responder.close();
  });

  it("looks at a hundred rows by one command, and writes them by one of each kind", async () => {
    const all = hundred();
    expect(await sent(all.map((id) => put("lists", id, { name: "a" })))).toEqual([
      "find",
      "insert 100",
    ]);
    expect(commands.map(({ commandName }) => commandName)).toContain("commitTransaction");
    expect(commands).toHaveLength(
      commands.findLastIndex(({ commandName }) => commandName === "commitTransaction") + 1,
    );
    expect(new Set(seen().map(({ maxTimeMS }) => maxTimeMS))).toEqual(new Set([15_000]));
    const again = [
      ...all.slice(50).map((id) => put("lists", id, { name: "b" })),
      ...hundred(100)
        .slice(0, 50)
        .map((id) => put("lists", id, { name: "b" })),
    ];
    expect(await sent(again)).toEqual(["find", "update 50", "insert 50"]);
    const mixed = [
      ...all
        .slice(0, 50)
        .map((id) => ({ op: "PATCH", table: "lists", id, op_data: { name: "c" } })),
      ...all.slice(50).map((id) => ({ op: "DELETE", table: "lists", id })),
    ];
    expect(await sent(mixed)).toEqual(["find", "update 50", "delete 50"]);
    const lists = client.db("app").collection("lists");
    expect(await lists.countDocuments({ name: "c", owner_id: "ann" })).toBe(50);
    expect(await lists.countDocuments()).toBe(100);
    // Nothing is there to be written.
    expect(await sent(all.slice(50).map((id) => ({ op: "DELETE", table: "lists", id })))).toEqual([
      "find",
    ]);
  });

  it("asks once for a parent that many rows have, and looks once more at rows that an expression judges", async () => {
    await sent([put("lists", "l", { name: "a" })]);
    expect(
      await sent(hundred().map((id) => put("todos", id, { list_id: "l", description: "x" }))),
    ).toEqual(["find", "insert 100", "find"]);
    expect(await sent(hundred().map((id) => put("open", id, { description: "y" })))).toEqual([
      "find",
      "update 100",
      "find",
    ]);
  });

  it("asks once for the parents of many rows, each row's own, and refuses the one whose parent is missing", async () => {
    const all = hundred();
    const child = (id: string) => put("todos", `t${id}`, { list_id: id, description: "x" });
    await sent(all.map((id) => put("lists", id, { name: "a" })));
    expect(await sent(all.map(child))).toEqual(["find", "insert 100", "find"]);
    // What is there is judged before it is written, and after it.
    expect(await sent(all.map(child))).toEqual(["find", "find", "update 100", "find"]);
    const answer = async (crud: readonly Operation[]) =>
      writes.processTransaction(
        { crud: crud.map((each) => ({ ...each, op_id: (last += 1) })) },
        { principal: { userId: "ann" }, clientId: "phone" },
      );
    await client.db("app").collection<{ _id: string }>("lists").deleteOne({ _id: "l7" });
    const fresh = (id: string) => put("todos", `u${id}`, { list_id: id, description: "x" });
    expect(await answer(all.map(fresh))).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "UNAUTHORIZED", operationIndex: 7 },
    });
    await client
      .db("app")
      .collection<{ _id: string }>("lists")
      .updateOne({ _id: "l5" }, { $set: { owner_id: "bob" } });
    expect(await answer(all.slice(0, 7).map(fresh))).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "UNAUTHORIZED", operationIndex: 5 },
    });
    expect(await client.db("app").collection("todos").countDocuments()).toBe(100);
  });

  it("asks once at each level for parents of parents", async () => {
    const some = ["a", "b", "c"];
    await sent(some.map((id) => put("lists", id, { name: "x" })));
    await sent(some.map((id) => put("todos", id, { list_id: id, description: "x" })));
    const notes = some.map((id) => put("notes", id, { todo_id: id }));
    expect(await sent(notes)).toEqual(["find", "insert 3", "find", "find"]);
    await client
      .db("app")
      .collection<{ _id: string }>("lists")
      .updateOne({ _id: "b" }, { $set: { owner_id: "bob" } });
    await sent(notes, "fatal_error");
  });

  it("asks for each parent where several documents have one key", async () => {
    const lists = client
      .db("app")
      .collection<{ _id: string; name: string; owner_id: string }>("lists");
    await lists.insertMany(
      ["a", "b", "c"].map((_id) => ({ _id, name: _id === "c" ? "b" : _id, owner_id: "ann" })),
    );
    const named = ["a", "b"].map((name) => put("named", name, { description: "x", state: name }));
    expect(await sent(named)).toEqual(["find", "insert 2", "find", "find", "find"]);
  });

  it("begins a new command for a document that the one before it names, and for another collection", async () => {
    expect(
      await sent([
        put("lists", "a", { name: "1" }),
        put("lists", "b", { name: "1" }),
        put("lists", "a", { name: "2" }),
        put("lists", "c", { name: "2" }),
        put("todos", "t", { list_id: "a", description: "x" }),
      ]),
    ).toEqual(["find", "insert 2", "find", "update 1", "insert 1", "find", "insert 1", "find"]);
  });

  it("looks at documents apart that are judged by other expressions", async () => {
    const todo = { list_id: "l", description: "x" };
    await sent([put("lists", "l", { name: "a" }), put("todos", "t", todo)]);
    await sent([put("todos", "closed", { ...todo, state: "closed" })]);
    const patch = (table: string, id: string) => ({
      op: "PATCH",
      table,
      id,
      op_data: { description: "y" },
    });
    await sent([patch("open", "t"), patch("todos", "closed")]);
    await sent([patch("todos", "t"), patch("open", "closed")], "fatal_error");
  });

  it("writes rows one after the other whose scope reads their own collection", async () => {
    const parents = Array.from({ length: 3 }, (_, n) =>
      put("nodes", `n${n}`, { parent_id: n === 0 ? null : `n${n - 1}` }),
    );
    expect((await sent(parents)).filter((each) => each.startsWith("insert"))).toEqual([
      "insert 1",
      "insert 1",
      "insert 1",
    ]);
  });

  it("writes rows one after the other where two texts may be one to the server", async () => {
    await client.db("app").createCollection("letters", { collation: { locale: "en" } });
    const two = ["\u00e9", "e\u0301"].map((id) => put("letters", id, { name: "a" }));
    expect(await sent(two)).toEqual(["find", "insert 1", "find", "insert 1"]);
  });

  it("sends nothing twice in one transaction: what is not plainly good is begun again, one after the other", async () => {
    const result = await sent(
      [
        put("lists", "a", { code: "x" }),
        put("lists", "b", { code: "y" }),
        put("lists", "c", { code: "x" }),
      ],
      "fatal_error",
    );
    expect(result).toEqual([
      "find",
      "insert 3",
      // Again, in a transaction of its own.
      "find",
      "insert 1",
      "find",
      "insert 1",
      "find",
      "insert 1",
      // What the rows held, for the letter.
      "find",
    ]);
    const [together, ...alone] = seen()
      .filter(({ name }) => name === "insert")
      .map(({ txnNumber }) => txnNumber);
    expect(alone).not.toContain(together);
    expect(new Set(alone).size).toBe(1);
    const letters = client.db("app").collection("powersync_dead_letters");
    expect(
      await letters.find({}, { projection: { _id: 0, operationIndex: 1, errorCode: 1 } }).toArray(),
    ).toEqual([{ operationIndex: 2, errorCode: "UNIQUE_VIOLATION" }]);
  });

  it.each([
    ["a write conflict", { code: 112, labels: ["TransientTransactionError"] }, 2, "success"],
    ["time that ran out", { code: 50 }, 1, "retryable_error"],
    ["a primary that steps down", { code: 10_107 }, 1, "retryable_error"],
  ] as const)("takes %s for what it is of a single write", async (_, error, times, status) => {
    const crud = ["a", "b", "c"].map((id) => put("lists", id, { name: "a" }));
    // The first one is the ledger's.
    responder.inject({ command: "insert", collection: "lists", error });
    const names = await sent(crud, status);
    expect(names.filter((each) => each === "insert 3")).toHaveLength(times);
    expect(await client.db("app").collection("lists").countDocuments()).toBe(
      status === "success" ? 3 : 0,
    );
  });

  it("is retryable where the connection breaks, and is not begun again by the library", async () => {
    const crud = ["a", "b", "c"].map((id) => put("lists", id, { name: "a" }));
    responder.inject({ command: "insert", collection: "lists", drop: "after" });
    expect(await sent(crud, "retryable_error")).toEqual(["find", "insert 3"]);
    responder.abortTransactions();
    expect(await client.db("app").collection("lists").countDocuments()).toBe(0);
  });
});

const rounds = long ? 2_000 : 120;
const numbers = 6;
type Table = "lists" | "hidden" | "coded" | "once" | "fixed" | "todos" | "open" | "soft" | "nodes";

/** Ann's lists are the even ones mostly. */
function idFor(random: Random, table: Table, userId: string): string {
  if (table === "coded") return random.pick(["x", "y", "z"]);
  if (table === "todos" || table === "soft" || table === "open") return `t${random.below(numbers)}`;
  const own = 2 * random.below(numbers / 2) + (userId === "ann" ? 0 : 1);
  return `l${random.oneIn(15) ? random.below(numbers) : own}`;
}

function dataFor(random: Random, table: Table, userId: string): Operation {
  const some = <T>(name: string, from: readonly T[]) =>
    random.oneIn(2) ? { [name]: random.pick(from) } : {};
  switch (table) {
    case "todos":
    case "soft":
      return {
        ...(random.oneIn(3)
          ? {}
          : { list_id: random.oneIn(20) ? null : idFor(random, "lists", userId) }),
        ...(random.oneIn(8) ? {} : { description: random.oneIn(30) ? "" : "t" }),
      };
    case "open":
      return {
        ...some("state", ["open", "open", "open", "open", random.oneIn(4) ? "closed" : "open"]),
        description: random.pick(["t", "u"]),
      };
    case "nodes":
      return some("parent_id", [null, null, null, "l0", "l1", "l2"]);
    case "coded":
      return some("name", ["a", "b", null]);
    default:
      return {
        ...some("name", ["a", "b", null, random.oneIn(20) ? "x".repeat(30) : "c"]),
        ...(random.oneIn(12) && { code: random.pick(["x", "y", "z", null]) }),
        ...(table === "lists" && random.oneIn(30) && { owner_id: "ben" }),
      };
  }
}

/** Stretches of the same, as clients send them. */
function listOf(random: Random, userId: string): readonly Operation[] {
  const list: Operation[] = [];
  for (let stretch = 1 + random.below(3); stretch > 0; stretch -= 1) {
    const table = random.pick([
      ...(["lists", "lists", "todos", "todos", "hidden", "coded", "once"] as const),
      ...(["fixed", "open", "soft", "nodes"] as const),
    ]);
    const op = random.pick(["PUT", "PUT", "PATCH", "DELETE", "any"]);
    for (let length = 1 + random.below(5); length > 0; length -= 1) {
      const own = op === "any" ? random.pick(["PUT", "PATCH", "DELETE"]) : op;
      const id = idFor(random, table, userId);
      const data = own === "DELETE" ? {} : { op_data: dataFor(random, table, userId) };
      list.push({ op: own, table, id, ...data });
    }
  }
  return list;
}

describe.skipIf(!isChosen("mongodb"))("runs on MongoDB", () => {
  let both: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    both = await start();
  });
  afterAll(async () => {
    await both.client.close();
    await both.responder.close();
  });

  it(
    "leave what one by one leaves, and say the same",
    async () => {
      const { client, commands } = both;
      const sides = ["together", "alone"] as const;
      const writes = [await open(client, "together", true), await open(client, "alone", false)];
      const random = seeded(20);
      const said = new Map<string, number>();
      let several = 0;
      for (let round = 0; round < rounds; round += 1) {
        if (round % 20 === 0) {
          const code = (n: number) => (n === 0 ? { code: "x" } : {});
          for (const side of sides)
            for (const name of Object.keys(schemas)) {
              const collection = client.db(side).collection<{ _id: string }>(name);
              await collection.deleteMany({});
              if (name === "lists")
                await collection.insertMany(
                  [0, 1, 2, 3].map((n) => ({
                    _id: `l${n}`,
                    owner_id: n % 2 === 0 ? "ann" : "ben",
                    ...code(n),
                  })),
                );
            }
        }
        const userId = random.oneIn(4) ? "ben" : "ann";
        const crud = listOf(random, userId).map((each, n) => ({ ...each, op_id: 100 * round + n }));
        commands.length = 0;
        const [one, other] = await Promise.all(
          writes.map((each) =>
            each.processTransaction({ crud }, { principal: { userId }, clientId: userId }),
          ),
        );
        expect(one, JSON.stringify(crud)).toEqual(other);
        for (const name of Object.keys(schemas)) {
          const [left, right] = await Promise.all(
            sides.map((side) =>
              client
                .db(side)
                .collection(name)
                .find({}, { sort: { _id: 1 } })
                .toArray(),
            ),
          );
          const plain = (rows: readonly Document[] = []) =>
            // What a rule with another key makes has an id of its own.
            rows
              .map((row) => (String(row["_id"]).length > 9 ? { ...row, _id: "made" } : row))
              .map((row) => JSON.stringify(row))
              .toSorted();
          expect(plain(left), JSON.stringify(crud)).toEqual(plain(right));
        }
        const code = one?.status === "fatal_error" ? one.failedOperation.errorCode : one?.status;
        said.set(String(code), (said.get(String(code)) ?? 0) + 1);
        several += commands.filter(({ databaseName, command }) => {
          const { documents, updates, deletes } = command as Document;
          return (
            databaseName === "together" &&
            [documents, updates, deletes].some((each) => Array.isArray(each) && each.length > 1)
          );
        }).length;
      }
      expect(several).toBeGreaterThan(rounds / 5);
      expect([...said.keys()]).toEqual(
        expect.arrayContaining([
          "success",
          "UNAUTHORIZED",
          "UNIQUE_VIOLATION",
          "CHECK_VIOLATION",
          "NOT_NULL_VIOLATION",
        ]),
      );
      expect(said.get("success")).toBeGreaterThan(rounds / 5);
      expect(said.get("retryable_error") ?? 0).toBe(0);
    },
    long ? 600_000 : 120_000,
  );
});
