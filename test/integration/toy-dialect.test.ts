/** A dialect of one's own is a folder: its store is given as `database`, and everything above it works as it is. */
import Database from "better-sqlite3";
import { Kysely, SqliteDialect, type Transaction } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createTables,
  createWrites,
  type Principal,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { createSchemaCache } from "../../src/sql/schema.js";
import { sqlStore } from "../../src/sql/store.js";
import { createOwn } from "../../src/sql/own-tables/tables.js";
import type { Native, Store, Unit, UnitOptions } from "../../src/store/store.js";
import { timeoutsOf } from "../../src/wire/limits.js";
import { createTestTables } from "../support/databases.js";
import { badThing, from, goodThing, patch, put, uuid } from "../support/letters.js";
import type { TestSchema } from "../support/schema.js";
import { sqliteTables } from "../support/sqlite.js";
import { toy } from "../support/toy/dialect.js";
import { ToyDialect } from "../support/toy/kysely.js";

type Tx = Transaction<TestSchema>;
type Config = WritesConfig<Principal, Native<Tx>>;

const alice = { principal: { userId: "alice" }, clientId: "phone" };
const bob = { principal: { userId: "bob" }, clientId: "tablet" };
const success = { status: "success" };

let db: Kysely<TestSchema>;
let plain: Kysely<TestSchema>;
let events: WriteEvent[] = [];

beforeAll(async () => {
  const database = new Database(":memory:");
  db = new Kysely({ dialect: new ToyDialect(database) });
  // `createTables` goes by the adapter, which it does not know.
  plain = new Kysely({ dialect: new SqliteDialect({ database }) });
  await createTestTables(plain, sqliteTables);
  await createTables(plain);
});
afterAll(() => db.destroy());
beforeEach(async () => {
  events = [];
  for (const table of [
    "todos",
    "lists",
    "things",
    "powersync_ledger",
    "powersync_dead_letters",
  ] as const) {
    await plain.deleteFrom(table).execute();
  }
});

const openStore = (key: object | string = db): Store<Tx> =>
  sqlStore(db, toy, {
    own: createOwn(),
    schema: createSchemaCache(false),
    key,
    place: "",
    isolation: undefined,
    timeouts: timeoutsOf(),
  });

function open(database: Config["database"], config: Partial<Config> = {}): Writes<Principal> {
  return createWrites<Principal, Native<Tx>>({
    authenticate: () => alice.principal,
    database,
    tables: {
      lists: { owner: "owner_id" },
      todos: { belongsTo: { list_id: "lists" } },
      things: { access: "everyone" },
      absent: { access: "everyone", table: "no_such_table" },
    },
    logger: false,
    onEvent: (event) => void events.push(event),
    ...config,
  });
}

const lists = () => plain.selectFrom("lists").select(["id", "name", "owner_id"]).execute();

describe("a store of a dialect of one's own", () => {
  it("takes uploads, and holds rows to their owners", async () => {
    const writes = open(openStore());
    const made = from(
      "phone",
      1,
      put("lists", uuid(1), { name: "Groceries" }),
      put("todos", uuid(2), { list_id: uuid(1), description: "Milk", completed: 1 }),
    );
    expect(await writes.processTransaction(made, alice)).toEqual(success);
    const taken = from("tablet", 1, patch("lists", uuid(1), { name: "Mine" }));
    expect(await writes.processTransaction(taken, bob)).toMatchObject({
      failedOperation: { errorCode: "UNAUTHORIZED", operationIndex: 0 },
    });
    expect(await lists()).toEqual([{ id: uuid(1), name: "Groceries", owner_id: "alice" }]);
    const todos = await plain.selectFrom("todos").select(["description", "completed"]).execute();
    expect(todos).toEqual([{ description: "Milk", completed: 1 }]);
  });

  it("answers a replay and writes nothing", async () => {
    const writes = open(openStore());
    const made = from("phone", 1, put("lists", uuid(1), { name: "Groceries" }));
    expect(await writes.processTransaction(made, alice)).toEqual(success);
    await plain.updateTable("lists").set({ name: "Changed" }).execute();
    expect(await writes.processTransaction(made, alice)).toEqual(success);
    expect(await lists()).toMatchObject([{ name: "Changed" }]);
    expect(events.flatMap((event) => (event.type === "transaction" ? [event.ledger] : []))).toEqual(
      ["miss", "hit"],
    );
  });

  it("knows by its own table what an error means, and records and retries dead letters", async () => {
    const writes = open(openStore());
    const bad = from("phone", 1, goodThing(uuid(1)), badThing(uuid(2)));
    expect(await writes.processTransaction(bad, alice)).toMatchObject({
      failedOperation: { errorCode: "CHECK_VIOLATION", operationIndex: 1 },
    });
    const { letters } = await writes.deadLetters.list();
    expect(letters).toMatchObject([{ errorCode: "CHECK_VIOLATION", userId: "alice" }]);
    expect(await plain.selectFrom("things").selectAll().execute()).toEqual([]);
    const [letter] = letters;
    expect(await writes.deadLetters.retry(letter?.id ?? "")).toMatchObject({ status: "failed" });
    const missing = from("phone", 2, put("absent", uuid(1), { a: 1 }));
    expect(await writes.processTransaction(missing, alice)).toMatchObject({
      status: "retryable_error",
    });
  });

  it("keeps what an unknown error means on the device", async () => {
    const writes = open(openStore());
    await plain.schema.alterTable("things").renameTo("gone").execute();
    const good = from("phone", 1, goodThing(uuid(1)));
    expect(await writes.processTransaction(good, alice)).toMatchObject({
      status: "retryable_error",
    });
    await plain.schema.alterTable("gone").renameTo("things").execute();
    expect((await writes.deadLetters.list()).letters).toEqual([]);
  });

  it("gives hooks its own transaction", async () => {
    let seen: unknown;
    const writes = open(openStore(), {
      authorize: async (_, { tx }) => {
        seen = await tx.selectFrom("lists").select("name").execute();
      },
    });
    await plain
      .insertInto("lists")
      .values({ id: uuid(9), name: "There" } as never)
      .execute();
    expect(await writes.processTransaction(from("phone", 1, goodThing(uuid(1))), alice)).toEqual(
      success,
    );
    expect(seen).toEqual([{ name: "There" }]);
  });

  it("tells whether it is ready, checks its rules and prunes", async () => {
    const writes = open(openStore(), { tables: { lists: { owner: "owner_id" } } });
    expect(await writes.ready()).toMatchObject({ ready: true });
    expect(await open(openStore()).ready()).toEqual({
      ready: false,
      problems: [
        expect.stringMatching(/^tables\.absent: the database has no table "no_such_table"/),
      ],
    });
    const checked = await open(openStore(), {
      tables: { lists: { owner: "owner_id" }, things: { access: "everyone", table: "nowhere" } },
    }).check();
    expect(checked).toMatchObject([{ code: "table_missing", severity: "error", table: "things" }]);
    expect(await writes.prune()).toBe(0);
  });

  it("can be made anew for each request, with a key", async () => {
    const writes = open({ open: () => openStore("made anew"), key: () => "one" });
    const made = from("phone", 1, put("lists", uuid(1), { name: "Groceries" }));
    expect(await writes.processTransaction(made, alice)).toEqual(success);
    expect(await lists()).toHaveLength(1);
  });

  it("may be an object of a class", async () => {
    const one = new OwnStore(openStore());
    const made = (n: number) => from("phone", n, put("lists", uuid(n), { name: "Groceries" }));
    expect(await open(one).processTransaction(made(1), alice)).toEqual(success);
  });

  /** Known fault: the store is copied member by member, and what a class gives its objects is not among them. */
  it("may be an object of a class, with a key", async () => {
    const writes = open({ open: () => new OwnStore(openStore()), key: () => "one" });
    const made = from("phone", 1, put("lists", uuid(1), { name: "Groceries" }));
    expect(await writes.processTransaction(made, alice)).toEqual(success);
  });
});

/** Its members are its prototype's. */
class OwnStore implements Store<Tx> {
  readonly #inner: Store<Tx>;
  constructor(inner: Store<Tx>) {
    this.#inner = inner;
  }
  get name(): string {
    return "own";
  }
  get key(): object | string {
    return this.#inner.key;
  }
  get place(): string {
    return this.#inner.place;
  }
  get scopeBuilder(): unknown {
    return this.#inner.scopeBuilder;
  }
  get rowSecurity(): boolean {
    return false;
  }
  unit<T>(options: UnitOptions, work: (unit: Unit<Tx>) => Promise<T>): Promise<T> {
    return this.#inner.unit<T>(options, work);
  }
  isScope(given: unknown): boolean {
    return this.#inner.isScope(given);
  }
  meaning(error: unknown): ReturnType<Store["meaning"]> {
    return this.#inner.meaning(error);
  }
  convert(...given: Parameters<Store["convert"]>): unknown {
    return this.#inner.convert(...given);
  }
  view(...given: Parameters<Store["view"]>): unknown {
    return this.#inner.view(...given);
  }
}
