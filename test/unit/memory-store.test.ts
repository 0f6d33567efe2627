/** The memory store against the port alone. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApplicationFailure, isRetryable } from "../../src/errors.js";
import type { FatalResult } from "../../src/model.js";
import { CallerLeft, Contention, InvalidValue, LeftScope } from "../../src/store/failures.js";
import type { NewLetter } from "../../src/store/letters.js";
import {
  MemoryError,
  type MemoryStore,
  type MemoryStoreOptions,
  memoryStore,
  type MemoryTransaction,
} from "../../src/store/memory.js";
import type { Change, RunOutcome, Unit, Values } from "../../src/store/store.js";
import type { Column, Scope, Table } from "../../src/store/tables.js";

type Open = Unit<MemoryTransaction>;

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const [L1, L2, T1, T2] = [uuid(1), uuid(2), uuid(11), uuid(12)];

function testStore(options: Partial<MemoryStoreOptions> = {}): MemoryStore {
  return memoryStore({
    ...options,
    tables: {
      lists: {
        columns: {
          id: "uuid",
          name: "text",
          owner_id: "text",
          created_at: "timestamp",
          settings: "json",
          labels: { type: "text", array: true },
          deleted: "boolean",
        },
      },
      todos: {
        columns: {
          id: "uuid",
          list_id: "uuid",
          description: { type: "text", nullable: false },
          position: { type: "float", nullable: false, default: 0 },
        },
        references: { list_id: { table: "lists", onDelete: "cascade" } },
      },
      things: {
        columns: {
          id: "uuid",
          code: { type: "text", length: 8 },
          size: "integer",
          parent_id: "uuid",
          doubled: {
            type: "integer",
            generated: ({ size }) => (size === null ? null : Number(size) * 2),
          },
        },
        unique: [["code"]],
        references: { parent_id: { table: "things", deferred: true } },
        check: ({ size }) => size === null || Number(size) >= 0,
      },
      authors: {
        columns: {
          number: { type: "integer", generated: "increment" },
          uuid: "uuid",
          name: "text",
        },
        key: ["number"],
        unique: [["uuid"]],
      },
      books: {
        columns: { id: "uuid", author: "integer" },
        references: { author: "authors" },
      },
      members: {
        columns: { list_id: "uuid", user_name: "text", role: "text" },
        key: ["list_id", "user_name"],
      },
    },
  });
}

async function tableOf(unit: Open, name: string): Promise<Table> {
  const table = await unit.table(name);
  if (table === undefined) throw new Error(`no ${name}`);
  return table;
}

type Given = Partial<Omit<Change, "table">> &
  Pick<Change, "op" | "key"> & { readonly table: string };

async function changesOf(unit: Open, given: readonly Given[]): Promise<readonly Change[]> {
  const tables = await Promise.all(given.map(({ table }) => tableOf(unit, table)));
  return given.map((one, operationIndex) => ({
    values: {},
    scope: undefined,
    operationIndex,
    ...one,
    table: tables[operationIndex] as Table,
  }));
}

/** In a unit of its own, which is not committed where a row has left its scope. */
async function write(store: MemoryStore, ...given: readonly Given[]): Promise<RunOutcome> {
  let outcome: RunOutcome = { effects: [] };
  const unit = store.unit({}, async (opened) => {
    outcome = await opened.write(await changesOf(opened, given));
    if (outcome.failure !== undefined) throw outcome.failure.cause;
  });
  try {
    await unit;
  } catch (error) {
    if (!outcome.effects.includes("left")) throw error;
    expect(error).toMatchObject({ cause: expect.any(LeftScope) });
  }
  return outcome;
}

const put = (
  table: string,
  id: string,
  values: Change["values"],
  more: Partial<Given> = {},
): Given => ({
  op: "PUT",
  table,
  key: { id },
  values,
  ...more,
});
const patch = (
  table: string,
  id: string,
  values: Change["values"],
  more: Partial<Given> = {},
): Given => ({
  ...put(table, id, values, more),
  op: "PATCH",
});
const del = (table: string, id: string, more: Partial<Given> = {}): Given => ({
  op: "DELETE",
  table,
  key: { id },
  ...more,
});

const owned: Scope = {
  table: "lists",
  owner: { column: "owner_id", userId: "alice" },
  parents: [],
};
const ofOwnList: Scope = {
  table: "todos",
  parents: [{ column: "list_id", table: "lists", by: "id", optional: false, scope: owned }],
};

afterEach(() => {
  vi.useRealTimers();
});

describe("a unit", () => {
  it("commits what its work resolves to", async () => {
    const store = testStore();
    const given = await store.unit({}, async ({ tx }) => {
      tx.insert("lists", { id: L1, name: "one" });
      // Nobody else sees it yet.
      expect(store.rows("lists")).toEqual([]);
      expect(tx.all("lists")).toHaveLength(1);
      return "done";
    });
    expect(given).toBe("done");
    expect(store.rows("lists")).toMatchObject([{ id: L1, name: "one", settings: null }]);
  });

  it("undoes everything where its work rejects", async () => {
    const store = testStore();
    await store.transaction((tx) => tx.insert("lists", { id: L1, name: "one" }));
    const failed = store.unit({ claim: claimOf("a") }, async ({ tx, letters }) => {
      tx.update("lists", { id: L1 }, { name: "two" });
      tx.insert("lists", { id: L2 });
      tx.delete("lists", { id: L1 });
      await letters.record(letterOf("l"));
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(store.rows("lists")).toMatchObject([{ id: L1, name: "one" }]);
    expect(store.letters()).toEqual([]);
    await store.unit({ claim: claimOf("a") }, async ({ earlier }) =>
      expect(earlier).toBeUndefined(),
    );
  });

  it("undoes everything where a statement has failed, whoever caught its error", async () => {
    const store = testStore();
    const caught = store.unit({}, async (unit) => {
      unit.tx.insert("lists", { id: L1 });
      expect(() => unit.tx.insert("lists", { id: L1 })).toThrow(MemoryError);
      expect(() => unit.throwIfFailed()).toThrow(ApplicationFailure);
      expect(() => unit.tx.all("lists")).toThrow(ApplicationFailure);
      const { effects, failure } = await unit.write(
        await changesOf(unit, [put("lists", L2, {}, { operationIndex: 3 })]),
      );
      expect(effects).toEqual([]);
      expect(failure?.operationIndex).toBe(3);
      return "gone on";
    });
    await expect(caught).rejects.toThrow(ApplicationFailure);
    expect(store.rows("lists")).toEqual([]);
  });

  it("waits for the one before it, and sees what that one has left", async () => {
    const store = testStore();
    const order: string[] = [];
    let end: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    const first = store.unit({}, async ({ tx }) => {
      order.push("first");
      await held;
      tx.insert("lists", { id: L1 });
    });
    const second = store.unit({}, async ({ tx }) => {
      order.push("second");
      return tx.all("lists").length;
    });
    await Promise.resolve();
    end();
    await first;
    expect(await second).toBe(1);
    expect(order).toEqual(["first", "second"]);
  });

  it("is not begun for a caller who has left", async () => {
    const store = testStore();
    const work = vi.fn(async () => {});
    const signal = AbortSignal.abort();
    await expect(store.unit({ signal }, work)).rejects.toThrow(CallerLeft);
    expect(work).not.toHaveBeenCalled();
  });

  it("rejects when its time has passed, and commits nothing after that", async () => {
    vi.useFakeTimers();
    const store = testStore({ transactionMs: 1_000 });
    let goOn: () => void = () => {};
    const hanging = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let late: unknown;
    let tx: MemoryTransaction | undefined;
    const hung = store
      .unit({}, async (unit) => {
        ({ tx } = unit);
        tx.insert("lists", { id: L1 });
        await hanging;
      })
      .catch((error: unknown) => {
        late = error;
      });
    await vi.advanceTimersByTimeAsync(500);
    const next = store.transaction((tx) => tx.insert("lists", { id: L2 }));
    await vi.advanceTimersByTimeAsync(500);
    await hung;
    expect(isRetryable(late) && late.staysQueued).toBe(true);
    await next;
    goOn();
    await vi.advanceTimersByTimeAsync(0);
    expect(() => tx?.insert("lists", { id: L1 })).toThrow("has ended");
    expect(store.rows("lists")).toMatchObject([{ id: L2 }]);
  });

  it("is not begun when it has waited for too long", async () => {
    vi.useFakeTimers();
    const store = testStore();
    const timeouts = { lockMs: 1, statementMs: 1, transactionMs: 1_000 };
    let end: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    const first = store.unit({}, () => held);
    const work = vi.fn(async () => {});
    const late = expect(store.unit({ timeouts }, work)).rejects.toSatisfy(isRetryable);
    await vi.advanceTimersByTimeAsync(1_000);
    await late;
    end();
    await first;
    await store.transaction((tx) => tx.insert("lists", { id: L1 }));
    expect(work).not.toHaveBeenCalled();
    expect(store.rows("lists")).toHaveLength(1);
  });

  it("takes the time that it is given in place of the store's", async () => {
    vi.useFakeTimers();
    const store = testStore();
    const timeouts = { lockMs: 1, statementMs: 1, transactionMs: 5 };
    const hung = store.unit({ timeouts }, () => new Promise(() => {}));
    const rejected = expect(hung).rejects.toSatisfy(isRetryable);
    await vi.advanceTimersByTimeAsync(5);
    await rejected;
  });

  it("takes no statement when it has ended", async () => {
    const store = testStore();
    let left: Open | undefined;
    await store.unit({}, async (unit) => {
      left = unit;
    });
    expect(() => left?.tx.insert("lists", { id: L1 })).toThrow("has ended");
    await expect(left?.letters.record(letterOf("l"))).rejects.toThrow("has ended");
    expect(store.rows("lists")).toEqual([]);
    expect(store.letters()).toEqual([]);
  });

  it("counts its statements", async () => {
    const tally = { statements: 0 };
    await testStore().unit({ tally, claim: claimOf("a") }, async ({ tx }) => {
      tx.insert("lists", { id: L1 });
      tx.all("lists");
    });
    expect(tally.statements).toBe(3);
  });

  it("knows no row-level security", async () => {
    await testStore().unit({}, async ({ become, inspect }) => {
      await expect(become({ settings: [] })).rejects.toThrow(TypeError);
      await expect(inspect.policies({ role: "login", tables: [], granted: true })).rejects.toThrow(
        TypeError,
      );
    });
  });
});

const claimOf = (key: string, request = "r1", queue = "q") => ({
  key,
  queue,
  request,
  requestBegan: performance.now(),
  userId: "alice",
  subject: "alice",
  content: {
    entered: false,
    withinMs: 0,
    read: async () => ({ others: [], rows: [], all: "all" }),
    decided: () => {},
  },
});
const fatalAnswer: FatalResult = {
  status: "fatal_error",
  message: "No.",
  failedOperation: { errorCode: "UNIQUE_VIOLATION", details: { big: 2n ** 60n } },
  requiresClientHandling: false,
};

describe("a claim", () => {
  it("is won once, however many are made at once", async () => {
    const store = testStore();
    const won = await Promise.all(
      Array.from({ length: 5 }, () =>
        store.unit({ claim: claimOf("a") }, async ({ earlier, tx }) => {
          if (earlier === undefined) tx.insert("lists", { id: L1 });
          return earlier;
        }),
      ),
    );
    expect(won.filter((earlier) => earlier === undefined)).toHaveLength(1);
    expect(won.filter((earlier) => earlier?.status === "success")).toHaveLength(4);
  });

  it("gives back the answer as it was entered", async () => {
    const store = testStore();
    await store.unit({ claim: { ...claimOf("a"), answer: fatalAnswer } }, async () => {});
    const earlier = await store.unit({ claim: claimOf("a") }, async (unit) => unit.earlier);
    expect(earlier).toEqual(fatalAnswer);
    expect(earlier).not.toBe(fatalAnswer);
  });

  it("is lost with the unit that made it", async () => {
    const store = testStore();
    const lost = store.unit({ claim: claimOf("a") }, () => Promise.reject(new Error("no")));
    await expect(lost).rejects.toThrow("no");
    const earlier = await store.unit({ claim: claimOf("a") }, async (unit) => unit.earlier);
    expect(earlier).toBeUndefined();
  });

  it("is pruned by age in steps, but never what its queue sent last; replays alone end nothing", async () => {
    let now = 0;
    const store = testStore({ now: () => now });
    const enter = (identity: string, request: string, queue = "q") =>
      store.unit({ claim: claimOf(identity, request, queue) }, async ({ earlier }) => earlier);
    const prune = (most: number, from?: string) =>
      store.unit({}, ({ prune }) => prune("ledger", { olderThanMs: 1_000, most, from }));
    await enter("a", "r1");
    await enter("b", "r1");
    now = 100;
    await enter("c", "r2");
    await enter("other", "r1", "other queue");
    now = 10_000;
    const first = await prune(1);
    expect(first).toEqual({ removed: 1, next: expect.any(String) as string });
    // Sent again, and nothing new with it: that ends nothing.
    await enter("b", "r3");
    now = 20_000;
    expect(await prune(2, first.next)).toEqual({ removed: 0, next: expect.any(String) as string });
    expect(await prune(10)).toEqual({ removed: 0 });
    expect(await enter("a", "r4")).toBeUndefined();
    expect(await enter("b", "r4")).toEqual({ status: "success" });
    now = 30_000;
    expect(await prune(10)).toEqual({ removed: 1 });
    expect(await enter("b", "r5")).toEqual({ status: "success" });
    expect(await enter("c", "r5")).toBeUndefined();
    expect(await enter("other", "r1", "other queue")).toEqual({ status: "success" });
  });
});

describe("a change", () => {
  it("inserts, changes and removes rows by their key", async () => {
    const store = testStore();
    const { effects } = await write(
      store,
      put("lists", L1, { name: "one" }),
      put("lists", L1, { owner_id: "alice" }),
      patch("lists", L1, { name: "two" }),
      patch("lists", L2, { name: "none" }),
      del("lists", L2),
      put("todos", T1, { list_id: L1, description: "milk" }),
      put("todos", T2, { list_id: L1, description: "eggs" }),
      del("todos", T2),
    );
    expect(effects).toEqual([
      "written",
      "written",
      "written",
      "absent",
      "absent",
      "written",
      "written",
      "written",
    ]);
    expect(store.rows("lists")).toMatchObject([{ id: L1, name: "two", owner_id: "alice" }]);
    expect(store.rows("todos")).toMatchObject([{ id: T1, description: "milk", position: 0 }]);
  });

  it("finds its row by whatever key the rule has", async () => {
    const store = testStore();
    const put = (name: string): Given => ({
      op: "PUT",
      table: "authors",
      key: { uuid: L1 },
      values: { name },
    });
    await write(store, put("one"), put("two"));
    expect(store.rows("authors")).toEqual([{ number: 1, uuid: L1, name: "two" }]);
  });

  it("leaves the columns of a row that is there alone which only an insert sets", async () => {
    const store = testStore();
    const insertOnly = ["owner_id"];
    const given = [
      put("lists", L1, { name: "one", owner_id: "alice" }, { insertOnly }),
      put("lists", L1, { name: "two", owner_id: "bob" }, { insertOnly }),
    ];
    await write(store, ...given);
    expect(store.rows("lists")).toMatchObject([{ name: "two", owner_id: "alice" }]);
  });

  it("needs no value that its row has already", async () => {
    const store = testStore();
    await write(
      store,
      put("todos", T1, { description: "milk" }),
      put("todos", T1, { position: 2 }),
    );
    expect(store.rows("todos")).toMatchObject([{ description: "milk", position: 2 }]);
  });

  it.each(["PUT", "PATCH", "DELETE"] as const)(
    "of a row that somebody has seen absent is contention where it is there: %s",
    async (op) => {
      const store = testStore();
      await write(store, put("lists", L1, {}));
      const late = write(store, { op, table: "lists", key: { id: L1 }, seenAbsent: true });
      await expect(late).rejects.toThrow(Contention);
      expect(store.meaning(await late.catch((error: unknown) => error))).toBe("contention");
    },
  );

  it("leaves a row outside the scope alone", async () => {
    const store = testStore();
    await write(store, put("lists", L1, { owner_id: "Alice" }));
    const { effects } = await write(
      store,
      put("lists", L1, { owner_id: "alice" }, { scope: owned }),
      patch("lists", L1, { name: "x" }, { scope: owned }),
      del("lists", L1, { scope: owned }),
      del("lists", L1, { scope: owned, values: { deleted: true } }),
      patch("lists", L2, { name: "x" }, { scope: owned }),
    );
    expect(effects).toEqual(["foreign", "foreign", "foreign", "foreign", "absent"]);
    expect(store.rows("lists")).toMatchObject([{ owner_id: "Alice", name: null, deleted: null }]);
  });

  it("says that a row has left the scope; a soft delete may", async () => {
    const store = testStore();
    const undeleted = {
      ...owned,
      expression: ({ deleted }: { deleted?: unknown }) => deleted !== true,
    };
    await write(store, put("lists", L1, { owner_id: "alice" }));
    const { effects } = await write(
      store,
      put("lists", L2, { owner_id: "bob" }, { scope: owned }),
      del("lists", L1, { scope: undeleted, values: { deleted: true } }),
      patch("lists", L1, { name: "x" }, { scope: undeleted }),
      patch("lists", L1, { owner_id: "bob" }, { scope: owned }),
    );
    expect(effects).toEqual(["left", "written", "foreign", "left"]);
  });

  it("is in a scope whose row's parent is in its own", async () => {
    const store = testStore();
    await write(
      store,
      put("lists", L1, { owner_id: "alice" }),
      put("lists", L2, { owner_id: "bob" }),
    );
    const todo = (id: string, list_id: string | null) =>
      put("todos", id, { list_id, description: "x" }, { scope: ofOwnList });
    const { effects } = await write(store, todo(T1, L1), todo(T1, L2), todo(T2, null));
    expect(effects).toEqual(["written", "left", "left"]);
    const [parent] = ofOwnList.parents;
    const optional = { ...ofOwnList, parents: [{ ...parent, optional: true }] } as Scope;
    await expect(
      write(store, put("todos", uuid(13), { description: "x" }, { scope: optional })),
    ).resolves.toEqual({ effects: ["written"] });
  });

  it("is judged by what a rule's scope reads, other tables and earlier changes included", async () => {
    const store = testStore();
    const expression = store.scopeBuilder.exists(
      "members",
      ({ list_id, user_name }, { id }) => list_id === id && user_name === "alice",
    );
    const scope = { table: "lists", expression, parents: [] };
    const member: Given = {
      op: "PUT",
      table: "members",
      key: { list_id: L1, user_name: "alice" },
    };
    const { effects } = await write(
      store,
      put("lists", L2, {}, { scope }),
      member,
      put("lists", L1, {}, { scope }),
    );
    expect(effects).toEqual(["left", "written", "written"]);
  });

  it.each([
    ["nothing", undefined],
    ["a text", "true"],
    ["a promise", Promise.resolve(true)],
  ])("fails by a scope that gives %s", async (_, verdict) => {
    const scope = { table: "lists", expression: () => verdict, parents: [] };
    await expect(write(testStore(), put("lists", L1, {}, { scope }))).rejects.toThrow(TypeError);
  });

  it("gives the effects up to the first that fails", async () => {
    const store = testStore();
    const lost = store.unit({}, async (unit) => {
      const run = await changesOf(unit, [
        put("lists", L1, {}, { operationIndex: 4 }),
        put("todos", T1, {}, { operationIndex: 7 }),
        put("lists", L2, {}, { operationIndex: 8 }),
      ]);
      const { effects, failure } = await unit.write(run);
      expect(effects).toEqual(["written"]);
      expect(failure?.operationIndex).toBe(7);
      expect(store.meaning(failure?.cause)).toBe("NOT_NULL_VIOLATION");
    });
    await expect(lost).rejects.toThrow(ApplicationFailure);
    expect(store.rows("lists")).toEqual([]);
  });
});

describe("a constraint", () => {
  it.each([
    ["NOT_NULL_VIOLATION", [put("todos", T1, { description: null })]],
    ["NOT_NULL_VIOLATION", [put("todos", T1, { description: "x", position: null })]],
    ["UNIQUE_VIOLATION", [put("things", T1, { code: "a" }), put("things", T2, { code: "a" })]],
    ["CHECK_VIOLATION", [put("things", T1, { size: -1 })]],
    ["FOREIGN_KEY_VIOLATION", [put("todos", T1, { description: "x", list_id: L1 })]],
    ["FOREIGN_KEY_VIOLATION", [put("things", T1, { parent_id: T2 })]],
    ["schema", [put("things", T1, { none: 1 })]],
  ] as const)("%s", async (meaning, changes) => {
    const store = testStore();
    const error: unknown = await write(store, ...changes).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(MemoryError);
    expect(store.meaning(error)).toBe(meaning);
  });

  it("takes any number of NULLs, and a row's own value again", async () => {
    const store = testStore();
    await write(store, put("things", T1, {}), put("things", T2, {}));
    await write(store, put("things", T1, { code: "a" }), put("things", T1, { code: "a", size: 1 }));
    expect(store.rows("things")).toMatchObject([{ code: "a", doubled: 2 }, { doubled: null }]);
  });

  it("that is deferred is asked at the end", async () => {
    const store = testStore();
    await write(store, put("things", T1, { parent_id: T2 }), put("things", T2, {}));
    await expect(write(store, del("things", T2))).rejects.toThrow(MemoryError);
    await write(store, del("things", T2), del("things", T1));
    expect(store.rows("things")).toEqual([]);
  });

  it("takes the rows along that refer to a deleted one, or keeps it", async () => {
    const store = testStore();
    await write(store, put("lists", L1, {}), put("todos", T1, { list_id: L1, description: "x" }));
    await write(store, del("lists", L1));
    expect(store.rows("todos")).toEqual([]);
    await store.transaction((tx) => {
      const { number } = tx.insert("authors", { uuid: L1 });
      tx.insert("books", { id: T1, author: number });
    });
    const removed = store.transaction((tx) => tx.delete("authors", { uuid: L1 }));
    await expect(removed).rejects.toThrow(MemoryError);
    expect(store.rows("authors")).toHaveLength(1);
  });
});

describe("other questions", () => {
  it("reads a row that nobody can change", async () => {
    const store = testStore();
    const settings = { a: [1] };
    await store.transaction((tx) => tx.insert("lists", { id: L1, settings, labels: ["x"] }));
    await store.unit({}, async (unit) => {
      const row = await unit.read(await tableOf(unit, "lists"), { id: L1 });
      expect(row).toMatchObject({ id: L1, settings, labels: ["x"] });
      expect(Object.isFrozen(row)).toBe(true);
      (row as { settings: { a: number[] } }).settings.a.push(2);
      expect(await unit.read(await tableOf(unit, "lists"), { id: L2 })).toBeUndefined();
    });
    expect(store.rows("lists")).toMatchObject([{ settings }]);
  });

  it("looks up one value by another", async () => {
    const store = testStore();
    await store.transaction((tx) => tx.insert("authors", { uuid: L1 }));
    await store.unit({}, async (unit) => {
      const authors = await tableOf(unit, "authors");
      expect(await unit.lookUp(authors, { uuid: L1 }, "number")).toEqual({ value: 1 });
      expect(await unit.lookUp(authors, { uuid: L2 }, "number")).toBeUndefined();
    });
  });

  it("adds a row aside, at no risk", async () => {
    const store = testStore();
    await store.unit({}, async (unit) => {
      const things = await tableOf(unit, "things");
      expect(await unit.addAside(things, { id: T1, code: "a" })).toBeUndefined();
      const refused = await unit.addAside(things, { id: T2, code: "a" });
      expect(store.meaning(refused?.error)).toBe("UNIQUE_VIOLATION");
      expect(await unit.addAside(things, { id: T1, code: "b" })).toBeUndefined();
      unit.throwIfFailed();
    });
    expect(store.rows("things")).toMatchObject([{ id: T1, code: "a" }]);
    const lost = store.unit({}, async (unit) =>
      unit.addAside(await tableOf(unit, "things"), { none: 1 }),
    );
    await expect(lost).rejects.toThrow(MemoryError);
  });

  it("tells whether rows have changed, in the columns that count", async () => {
    const store = testStore();
    await store.transaction((tx) => tx.insert("lists", { id: L1, name: "one", owner_id: "alice" }));
    const hashes = (columns?: readonly string[]) =>
      store.unit({}, async (unit) =>
        unit.fingerprint(
          await tableOf(unit, "lists"),
          [{ id: L1 }, { id: L2 }],
          columns && { columns },
        ),
      );
    const [whole, names] = [await hashes(), await hashes(["id", "name"])];
    expect(whole?.hashes).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), null]);
    await store.transaction((tx) => tx.update("lists", { id: L1 }, { owner_id: "bob" }));
    expect(await hashes()).not.toEqual(whole);
    expect(await hashes(["id", "name"])).toEqual(names);
    expect(await hashes(["id", "gone"])).toBeUndefined();
  });

  it("describes its tables", async () => {
    await testStore().unit({}, async ({ table, inspect }) => {
      expect(await table("none")).toBeUndefined();
      const members = await inspect.table("members");
      expect(members?.unique).toEqual([["list_id", "user_name"]]);
      expect(members?.columns.get("user_name")).toMatchObject({ type: "text", nullable: false });
      expect(
        await inspect.ownTables({
          ledger: true,
          versions: true,
          attempts: true,
          checkpoints: true,
        }),
      ).toEqual([]);
      await inspect.scope(ofOwnList);
      const authors = await inspect.table("authors");
      expect(authors?.columns.get("number")).toMatchObject({ generated: true, hasDefault: true });
    });
    const wrong = testStore().unit({}, ({ inspect }) =>
      inspect.scope({ table: "lists", expression: "1 = 1", parents: [] }),
    );
    await expect(wrong).rejects.toThrow(TypeError);
  });

  it("refuses tables that do not hold together", () => {
    const columns = { id: "uuid", list_id: "integer" } as const;
    for (const todos of [
      { columns, key: ["none"] },
      { columns, references: { list_id: "none" } },
      { columns, references: { list_id: "lists" } },
      { columns: { id: "guid" as "uuid" } },
      { columns: { id: { type: "uuid", default: "none" } } },
    ] as const) {
      expect(() => memoryStore({ tables: { lists: { columns: { id: "uuid" } }, todos } })).toThrow(
        TypeError,
      );
    }
  });
});

describe("values", () => {
  const column = (type: string, more: Partial<Column> = {}): Column => ({
    name: "c",
    type,
    array: false,
    nullable: true,
    hasDefault: false,
    generated: false,
    ...more,
  });

  it.each([
    ["text", 12, "12", "12"],
    ["text", { a: 1 }, '{"a":1}', '{"a":1}'],
    ["uuid", L1.toUpperCase(), L1, L1],
    ["integer", "42", 42, 42],
    ["bigint", 2n ** 63n - 1n, "9223372036854775807", "9223372036854775807"],
    ["decimal", "-0012.50", "-12.5", "-12.5"],
    ["decimal", "1250e-2", "12.5", "12.5"],
    ["decimal", 1e21, "1000000000000000000000", "1000000000000000000000"],
    ["decimal", "-0.0", "0", "0"],
    ["decimal", ".5e-3", "0.0005", "0.0005"],
    ["float", "1.5", 1.5, 1.5],
    ["boolean", 1, true, true],
    ["timestamp", "2026-03-29 02:30+02", "2026-03-29T00:30:00Z", new Date("2026-03-29T00:30:00Z")],
    ["date", "2026-03-29", "2026-03-29", "2026-03-29"],
    ["time", "02:30", "02:30:00", "02:30:00"],
    [
      "json",
      '{"b":1,"a":9007199254740993}',
      '{"a":9007199254740993,"b":1}',
      { a: 2n ** 53n + 1n, b: 1 },
    ],
    ["json", '"text"', '"text"', "text"],
    ["binary", "AQI=", "AQI=", Uint8Array.of(1, 2)],
  ])("%s is stored in one form (%#)", (type, value, stored, seen) => {
    const { convert, view } = testStore();
    const converted = convert(column(type), value, false);
    expect(converted).toBe(stored);
    expect(convert(column(type), converted, false)).toBe(stored);
    expect(view(column(type), converted)).toEqual(seen);
  });

  it("keeps what a scale asks for", () => {
    const { convert } = testStore();
    expect(convert(column("decimal", { scale: 2, precision: 12 }), 0.1, false)).toBe("0.10");
  });

  it.each([
    ["uuid", "no"],
    ["integer", 2 ** 31],
    ["integer", 1.5],
    ["bigint", "9223372036854775808"],
    ["bigint", "9".repeat(1_000_000)],
    ["float", "1e400"],
    ["boolean", 2],
    ["timestamp", "2026-02-30"],
    ["json", "{no"],
    ["binary", "no!"],
    ["text", "nul \0"],
  ])("%s can't hold what does not fit (%#)", (type, value) => {
    expect(() => testStore().convert(column(type), value, false)).toThrow(InvalidValue);
  });

  it("are stored in lists", () => {
    const { convert, view } = testStore();
    const list = column("timestamp", { array: true });
    const converted = convert(list, '["2026-03-29", null]', false);
    expect(convert(list, converted, false)).toBe(converted);
    expect(view(list, converted)).toEqual([new Date("2026-03-29T00:00:00Z"), null]);
    expect(() => convert(list, "no list", false)).toThrow(InvalidValue);
    expect(() => convert(column("text", { length: 2 }), "abc", false)).toThrow(InvalidValue);
  });
});

function letterOf(id: string, more: Partial<NewLetter> = {}): NewLetter {
  return {
    id,
    errorCode: "UNIQUE_VIOLATION",
    message: "Taken.",
    userId: "alice",
    clientId: "phone",
    payload: { n: 2n ** 60n },
    subject: "s-alice",
    content: id,
    tables: ["lists"],
    creates: [],
    lossyNumbers: false,
    ...more,
  };
}

describe("letters", () => {
  const inUnit = <T>(store: MemoryStore, work: (unit: Open) => Promise<T>) => store.unit({}, work);

  it("are recorded once for each content that waits", async () => {
    const store = testStore();
    const record = (id: string, content: string, more: Partial<NewLetter> = {}) =>
      inUnit(store, ({ letters }) => letters.record(letterOf(id, { content, ...more })));
    expect(await record("a", "x", { operationIndex: 1 })).toEqual({ id: "a", attempts: 1 });
    expect(await record("b", "x", { errorCode: "CHECK_VIOLATION", message: "No." })).toEqual({
      id: "a",
      attempts: 2,
    });
    expect(await record("c", "y")).toEqual({ id: "c", attempts: 1 });
    const [first] = store.letters();
    expect(first).toMatchObject({
      id: "a",
      attempts: 2,
      errorCode: "CHECK_VIOLATION",
      status: "open",
    });
    expect(first).not.toHaveProperty("operationIndex");
    expect(first?.payload).toEqual({ n: 2n ** 60n });
    await inUnit(store, ({ letters }) =>
      letters.change(["a"], { closed: { status: "discarded", reason: "old" } }),
    );
    expect(await record("d", "x")).toEqual({ id: "d", attempts: 1 });
    expect(
      await inUnit(store, ({ letters }) => letters.countWaiting("s-alice", undefined, 10)),
    ).toMatchObject({ ofUser: { letters: 2 } });
    expect(
      await inUnit(store, ({ letters }) => letters.countWaiting("s-alice", undefined, 1)),
    ).toMatchObject({ ofUser: { letters: 1 } });
  });

  it("are changed only while they wait", async () => {
    const store = testStore();
    const rowStates = {
      columns: { lists: ["id"] },
      rows: [{ table: "lists", id: L1, hash: null }],
      unread: 2,
    };
    await inUnit(store, async ({ letters }) => {
      await letters.record(letterOf("a", { rowStates, principal: '{"userId":"alice"}' }));
      await letters.record(letterOf("b"));
    });
    await inUnit(store, async ({ letters }) => {
      const value = { edited: true };
      await letters.change(["a"], {
        payload: { value, tables: ["todos"], rowStates: undefined, creates: [] },
      });
      await letters.change(["a"], { failed: {}, status: "stale" });
      await letters.change(["b"], { closed: { status: "retried" } });
      await letters.change(["a", "b"], {
        failed: { error: { errorCode: "X", message: "x", operationIndex: 0 } },
      });
      expect(await letters.lockWaiting(["b", "a", "none"])).toEqual(["a"]);
    });
    const [a, b] = store.letters();
    expect(a).toMatchObject({
      status: "stale",
      attempts: 3,
      errorCode: "X",
      operationIndex: 0,
      edited: true,
      payload: { edited: true },
      originalPayload: { n: 2n ** 60n },
      tables: ["todos"],
      principal: { userId: "alice" },
      rowStates: undefined,
      rows: [],
      unreadRows: 0,
    });
    expect(b).toMatchObject({ status: "retried", attempts: 1, errorCode: "UNIQUE_VIOLATION" });
    expect(b?.closedAt).toBeDefined();
    expect(await inUnit(store, ({ letters }) => letters.find("none"))).toBeUndefined();
  });

  it("are listed by filters, page by page", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const store = testStore({ now: () => now });
    for (const [id, more] of [
      ["a", {}],
      ["b", { userId: "bob", clientId: "tablet" }],
      ["c", { tables: ["todos"], errorCode: "X" }],
      ["d", { queueId: "q2" }],
    ] as const) {
      await inUnit(store, ({ letters }) => letters.record(letterOf(id, more)));
      now += 1_000;
    }
    const ids = (...asked: Parameters<Open["letters"]["list"]>) =>
      inUnit(store, async ({ letters }) => (await letters.list(...asked)).map(({ id }) => id));
    const all = { newest: false, limit: 10 };
    expect(await ids({}, all)).toEqual(["a", "b", "c", "d"]);
    expect(await ids({}, { newest: true, limit: 2 })).toEqual(["d", "c"]);
    const [, second] = store.letters();
    const after = { at: second?.firstSeenAt ?? "", id: "b" };
    expect(after.at).toBe("2026-01-01T00:00:01.000000Z");
    expect(await ids({}, { ...all, after })).toEqual(["c", "d"]);
    expect(await ids({}, { ...all, newest: true, after })).toEqual(["a"]);
    expect(await ids({ userId: "bob" }, all)).toEqual(["b"]);
    expect(await ids({ clientId: "tablet", userId: "alice" }, all)).toEqual([]);
    expect(await ids({ table: "todos" }, all)).toEqual(["c"]);
    expect(await ids({ errorCode: "X" }, all)).toEqual(["c"]);
    expect(await ids({ status: ["stale"] }, all)).toEqual([]);
    const between = { since: "2026-01-01T00:00:01Z", until: "2026-01-01T00:00:02.000Z" };
    expect(await ids(between, all)).toEqual(["b"]);
    const queues = await inUnit(store, async ({ letters }) => {
      const listed = await letters.list({}, all);
      expect(new Set(listed.map(({ queue }) => queue)).size).toBe(3);
      await letters.change(["a"], { closed: { status: "retried" } });
      return letters.waitingQueues({}, after);
    });
    expect(queues).toHaveLength(1);
  });
});

describe("failed attempts", () => {
  const threshold = { attempts: 2, afterMs: 1_000 };

  it("are exhausted when others have been applied in between", async () => {
    let now = 0;
    const store = testStore({ now: () => now });
    const fail = () => store.unit({}, ({ attempts }) => attempts.count("x", 60_000));
    const exhausted = (agoMs?: number) =>
      store.unit({}, ({ attempts }) => attempts.isExhausted("x", threshold, agoMs));
    await fail();
    now = 2_000;
    await fail();
    expect(await exhausted()).toBe(false);
    // This process has applied something that left no trace.
    expect(await exhausted(500)).toBe(true);
    expect(await exhausted(3_000)).toBe(false);
    await store.unit({ claim: claimOf("a") }, async () => {});
    expect(await exhausted()).toBe(true);
    await fail();
    await fail();
    expect(await exhausted()).toBe(false);
    await store.unit({}, ({ attempts }) => attempts.forget("x"));
    expect(await exhausted(0)).toBe(false);
  });

  it("begin anew behind a gap, and are pruned", async () => {
    let now = 0;
    const store = testStore({ now: () => now });
    const fail = () => store.unit({}, ({ attempts }) => attempts.count("x", 60_000));
    await fail();
    now = 100_000;
    await fail();
    now = 102_000;
    const exhausted = await store.unit({}, ({ attempts }) =>
      attempts.isExhausted("x", threshold, 1),
    );
    expect(exhausted).toBe(false);
    expect(
      await store.unit({}, ({ prune }) => prune("attempts", { olderThanMs: 5_000, most: 10 })),
    ).toEqual({
      removed: 0,
    });
    expect(
      await store.unit({}, ({ prune }) => prune("attempts", { olderThanMs: 1_000, most: 10 })),
    ).toEqual({
      removed: 1,
    });
  });
});

describe("checkpoints", () => {
  it("count up, and only up", async () => {
    const store = testStore();
    const key = { id: "k", userId: "alice", clientId: "phone" };
    const next = () => store.unit({}, ({ checkpoints }) => checkpoints.next(key));
    const raise = (to: string) => store.unit({}, ({ checkpoints }) => checkpoints.raise(key, to));
    expect(await Promise.all([next(), next(), next()])).toEqual(["1", "2", "3"]);
    expect(await raise("2")).toBe("3");
    expect(await raise("9223372036854775807")).toBe("9223372036854775807");
    expect(await next()).toBe("9223372036854775807");
  });
});

describe("the store", () => {
  it("is its own key, and forgets everything when it is told to", async () => {
    const store = testStore();
    expect(store.key).toBe(store);
    await store.unit({ claim: claimOf("a") }, async ({ tx, letters }) => {
      tx.insert("lists", { id: L1 });
      await letters.record(letterOf("l"));
    });
    await store.clear();
    expect([store.rows("lists"), store.letters()]).toEqual([[], []]);
    const earlier = await store.unit({ claim: claimOf("a") }, async (unit) => unit.earlier);
    expect(earlier).toBeUndefined();
    expect(() => store.rows("none")).toThrow(TypeError);
  });

  it("refuses a transaction's undefined value where it would mean every row", async () => {
    const store = testStore();
    await store.transaction((tx) => tx.insert("lists", { id: L1, name: undefined }));
    const every = store.transaction((tx) => tx.delete("lists", { id: undefined }));
    await expect(every).rejects.toThrow("no value");
    expect(store.rows("lists")).toHaveLength(1);
  });
});

it("takes names of Object.prototype for columns like any other", async () => {
  const columns = JSON.parse(
    '{"id": "uuid", "constructor": "text", "__proto__": "text"}',
  ) as MemoryStoreOptions["tables"][string]["columns"];
  const store = memoryStore({ tables: { odd: { columns } } });
  const values = JSON.parse(`{"id": "${L2}", "constructor": "a", "__proto__": "b"}`) as Values;
  await store.transaction((tx) => {
    tx.insert("odd", { id: L1 });
    tx.insert("odd", values);
  });
  expect(store.rows("odd").map((row) => Object.entries(row))).toEqual([
    [
      ["id", L1],
      ["constructor", null],
      ["__proto__", null],
    ],
    Object.entries(values),
  ]);
});
