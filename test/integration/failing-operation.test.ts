/** Which operation of several has failed: the first that does, whatever it fails of, also where many are written at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createSqlStores } from "../../src/sql/store.js";
import { memoryStore } from "../../src/store/memory.js";
import type { Change, Store, Unit, Values } from "../../src/store/store.js";
import type { Scope } from "../../src/store/tables.js";
import { timeoutsOf } from "../../src/wire/limits.js";
import { isChosen } from "../support/chosen.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { alice, from, patch, put, uuid } from "../support/letters.js";
import { memoryTables } from "../support/memory.js";
import type { OpenTarget } from "../support/target.js";
import { targets } from "../support/targets.js";

const [L1, L2, L3] = [uuid(1), uuid(2), uuid(3)];
const [X1, X2, X3] = [uuid(11), uuid(12), uuid(13)];
const given = {
  lists: [
    { id: L1, name: "Groceries", owner_id: "alice" },
    { id: L2, name: "Work", owner_id: "bob" },
  ],
  things: [{ id: X1, code: "A", size: 1 }],
};

const good = [
  patch("lists", L1, { name: "Changed" }),
  put("things", X2, { code: "B", size: 2 }),
  put("lists", L3, { name: "New" }),
  put("things", X3, { code: "C" }),
] as const;

/** By what they fail of. */
const inTheDatabase: readonly (readonly [string, object])[] = [
  ["CHECK_VIOLATION", patch("things", X1, { size: -1 })],
  ["UNIQUE_VIOLATION", put("things", uuid(14), { code: "A" })],
  ["NOT_NULL_VIOLATION", patch("things", X1, { stock: null })],
  ["UNAUTHORIZED", patch("lists", L2, { name: "Mine" })],
  ["UNAUTHORIZED", patch("lists", L1, { owner_id: "bob" })],
];
const before: readonly (readonly [string, object])[] = [
  ["INVALID_DATA", put("things", uuid(15), { size: 1.5 })],
  ["FORBIDDEN_COLUMN", put("lists", uuid(4), { nickname: "x" })],
  ["FORBIDDEN_OPERATION", put("my_todos", uuid(5), { text: "x" })],
  ["UNKNOWN_TABLE", put("nowhere", uuid(6), {})],
  ["FOREIGN_KEY_VIOLATION", put("books", uuid(7), { author_id: uuid(8) })],
];
/** Fails, but in passing: the table is declared and not there. */
const missing = put("absent", uuid(9), {});

describe.each(targets)("on $name", (target) => {
  let database: OpenTarget | undefined;
  beforeAll(async () => {
    if (await target.available()) database = await target.open();
  });
  afterAll(() => database?.close());
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    await database?.reset();
    await database?.insert(given);
  });

  let opId = 0;
  const failure = async (...crud: readonly object[]) => {
    if (database === undefined) throw new Error("The database is not open.");
    opId += 100;
    const result = await database.writes().processTransaction(from("phone", opId, ...crud), alice);
    // Nothing of it is there.
    expect(await database.rows("lists")).toMatchObject(given.lists);
    expect(await database.rows("things")).toMatchObject(given.things);
    if (result.status !== "fatal_error") return result;
    const { errorCode: code, operationIndex: index } = result.failedOperation;
    const letters = await database.letters();
    expect(letters).toMatchObject([{ error_code: code, operation_index: index }]);
    return { code, index };
  };

  it("nothing is committed where `persist` swallows the refusal of what it has written", async () => {
    if (database === undefined) throw new Error("The database is not open.");
    const writes = database.writes({
      persist: async (write, _context, next) => {
        try {
          return await next(write);
        } catch {
          return { effect: "unchanged" };
        }
      },
    });
    for (const bad of [
      patch("lists", L1, { owner_id: "bob" }),
      put("things", uuid(14), { code: "A" }),
    ]) {
      opId += 100;
      const crud = [good[0], bad];
      const result = await writes.processTransaction(from("phone", opId, ...crud), alice);
      expect(result).toMatchObject({ status: "retryable_error" });
      expect(await database.rows("lists")).toMatchObject(given.lists);
      expect(await database.rows("things")).toMatchObject(given.things);
    }
  });

  it.each([...inTheDatabase, ...before])("%s in the middle: %j", async (code, bad) => {
    expect(await failure(good[0], good[1], bad, good[2], good[3])).toEqual({ code, index: 2 });
  });

  it.each(
    inTheDatabase.flatMap(([code, bad]) =>
      before.map(([laterCode, later]) => [code, laterCode, bad, later] as const),
    ),
  )("%s comes before a later %s", async (code, _, bad, later) => {
    expect(await failure(good[0], bad, good[1], later, good[3])).toEqual({ code, index: 1 });
  });

  it.each(inTheDatabase)(
    "%s comes before one of another kind in the database",
    async (code, bad) => {
      const later = put("things", uuid(14), { size: -1 });
      expect(await failure(good[0], bad, good[1], later)).toEqual({ code, index: 1 });
    },
  );

  it.each(before)("%s comes before a later failure in the database", async (code, bad) => {
    const later = patch("things", X1, { size: -1 });
    expect(await failure(good[0], bad, good[1], later)).toEqual({ code, index: 1 });
  });

  it.each([...inTheDatabase, ...before])(
    "%s comes before a later one that is to be sent again",
    async (code, bad) => {
      expect(await failure(good[0], bad, good[1], missing)).toEqual({ code, index: 1 });
    },
  );

  it.each([...inTheDatabase, ...before])(
    "one that is to be sent again comes before a later %s",
    async (_, bad) => {
      expect(await failure(good[0], missing, good[1], bad)).toMatchObject({
        status: "retryable_error",
      });
    },
  );
});

interface OpenStore {
  readonly store: Store;
  close(): Promise<void>;
  readonly database?: TestDatabase;
}

const stores = [
  ...dialects.map((dialect) => ({
    name: dialect.name,
    available: dialect.available,
    open: async (): Promise<OpenStore> => {
      const database = await dialect.open();
      const open = createSqlStores({
        isolation: undefined,
        timeouts: timeoutsOf(),
        ownTables: undefined,
        severalRoles: false,
      });
      return { store: await open(database.db, database.db), close: database.close };
    },
  })),
  {
    name: "memory",
    available: async () => isChosen("memory"),
    open: async (): Promise<OpenStore> => ({
      store: memoryStore({ tables: memoryTables }),
      close: async () => {},
    }),
  },
];

describe.each(stores)("the port's write on $name", (on) => {
  let opened: OpenStore | undefined;
  beforeAll(async () => {
    if (await on.available()) opened = await on.open();
  });
  afterAll(() => opened?.close());

  const owned: Scope = {
    table: "lists",
    owner: { column: "owner_id", userId: "alice" },
    parents: [],
  };

  it("gives the effects up to the change that fails, and its index", async ({ skip }) => {
    if (opened === undefined) return skip();
    const { store } = opened;
    /** From 10, so that an index is not a place in the run. */
    let operationIndex = 10;
    const change = async (
      unit: Unit,
      op: Change["op"],
      name: "lists" | "things",
      id: string,
      values: Values = {},
    ): Promise<Change> => {
      const table = await unit.table(name);
      if (table === undefined) throw new Error(`There is no table ${name}.`);
      const converted = (given: Values): Values =>
        Object.fromEntries(
          Object.entries(given).map(([column, value]) => {
            const known = table.columns.get(column);
            if (known === undefined) throw new Error(`There is no column ${column}.`);
            return [column, store.convert(known, value, false)];
          }),
        );
      const scope = name === "lists" ? owned : undefined;
      const key = converted({ id });
      return { op, table, key, values: converted(values), scope, operationIndex: operationIndex++ };
    };
    const run = async (work: (unit: Unit) => Promise<readonly Change[]>) =>
      store.unit({}, async (unit) => unit.write(await work(unit)));

    const lists = await run(async (unit) => [
      await change(unit, "PUT", "lists", L1, { name: "One", owner_id: "alice" }),
      await change(unit, "PUT", "lists", L3, { name: "Three", owner_id: "alice" }),
      await change(unit, "PUT", "things", X1, { code: "A", size: 1 }),
    ]);
    expect(lists).toEqual({ effects: ["written", "written", "written"] });
    // Somebody else's list, which the caller's scope does not hold.
    await store.unit({}, async (unit) => {
      const made = await change(unit, "PUT", "lists", L2, { owner_id: "bob" });
      return unit.write([{ ...made, scope: undefined }]);
    });

    let outcome: unknown;
    let during: unknown;
    const failed = store.unit({}, async (unit) => {
      const first = operationIndex;
      const written = await unit.write([
        await change(unit, "PATCH", "lists", L1, { name: "Changed" }),
        await change(unit, "PATCH", "lists", uuid(99), { name: "Nobody's" }),
        await change(unit, "PUT", "lists", L2, { name: "Mine" }),
        await change(unit, "DELETE", "lists", L2),
        await change(unit, "PATCH", "lists", L3, { owner_id: "bob" }),
        await change(unit, "DELETE", "things", X2),
        await change(unit, "PATCH", "things", X1, { size: -1 }),
        await change(unit, "PUT", "things", X3, { code: "C" }),
      ]);
      outcome = { ...written, failure: written.failure?.operationIndex };
      during = store.meaning(written.failure?.cause);
      expect(written.failure?.operationIndex).toBe(first + 6);
      return written;
    });
    await expect(failed).rejects.toThrow();
    expect(outcome).toEqual({
      effects: ["written", "absent", "foreign", "foreign", "left", "absent"],
      failure: expect.any(Number),
    });
    expect(during).toBe("CHECK_VIOLATION");

    // All of it has been undone.
    const left = await store.unit({}, async (unit) => {
      const table = await unit.table("lists");
      const things = await unit.table("things");
      if (table === undefined || things === undefined) throw new Error("A table is missing.");
      return [
        await unit.read(table, { id: L1 }),
        await unit.read(table, { id: L3 }),
        await unit.read(things, { id: X3 }),
      ];
    });
    expect(left).toMatchObject([{ name: "One" }, { owner_id: "alice" }, undefined]);
  });
});
