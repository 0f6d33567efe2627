/** What the library is used for, by subject: run on SQLite dressed up as SQL Server, for the statements that are sent. */
import { sql } from "kysely";
import { createWrites } from "../../../src/index.js";
import type { TestDatabase } from "../databases.js";
import { badThing, from, goodThing, patch, put, uuid } from "../letters.js";
import type { TestSchema } from "../schema.js";
import { lostColumns } from "./catalog.js";
import { testConfig, type TestPrincipal } from "../writes.js";

const alice = { principal: { userId: "alice" }, clientId: "phone" };
const remove = (table: string, id: string) => ({ op: "DELETE", table, id });

/** Where a rule's conflicts are recorded. In SQLite's words, for it is SQLite that makes it. */
export const lost = `create table lost (${lostColumns.map((column) => `${column} text`).join(", ")})`;

/** In SQLite's words, too. */
export const files = "create table files (id text primary key, data blob, price numeric)";

function writesOf({ db }: TestDatabase, more: object = {}) {
  return createWrites<TestPrincipal, TestSchema>({ ...testConfig(db), ...more });
}

export const flows: Readonly<Record<string, (database: TestDatabase) => Promise<void>>> = {
  "the rows of an owner": async (database) => {
    const writes = writesOf(database);
    const list = uuid(1);
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    await send(
      1,
      put("lists", list, { name: "a", settings: "{}", created_at: "2026-01-01T00:00:00Z" }),
    );
    await send(2, put("lists", list, { name: "b" }), patch("lists", list, { name: "c" }));
    await send(
      4,
      put("todos", uuid(2), { list_id: list, description: "x", completed: 1, position: 1.5 }),
    );
    await send(5, patch("todos", uuid(2), { position: 2 }), remove("todos", uuid(2)));
    await send(7, put("named_lists", uuid(3), { name: "n" }), remove("lists", list));
  },
  "neighboring PUTs": async (database) => {
    const writes = writesOf(database);
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    const lists = [1, 2].map((number) =>
      put("lists", uuid(number), { name: "a", created_at: "2026-01-01T00:00:00Z" }),
    );
    await send(1, ...lists);
    const todos = [3, 4, 5].map((number) =>
      put("todos", uuid(number), {
        list_id: uuid(1),
        description: "x",
        completed: 1,
        position: 1.5,
      }),
    );
    await send(3, ...todos);
  },
  "rows of every kind of key and value": async (database) => {
    const writes = writesOf(database, {
      tables: {
        things: { access: "everyone", put: "insert" },
        members: { access: "everyone", id: ["list_id", "user_name"] },
        authors: { access: "everyone", id: "number", columns: { name: true, uuid: true } },
        books: testConfig(database.db).tables.books,
        coded: { access: "everyone", table: "things", id: "code", columns: { size: true } },
        kept: {
          access: "everyone",
          table: "lists",
          delete: { set: { name: () => sql`'gone'` } },
          columns: ["name", "owner_id"],
          insertOnly: ["owner_id"],
        },
      },
    });
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    await send(1, put("things", uuid(1), { amount: "1.50", big: "9007199254740993" }));
    await send(2, put("things", uuid(1), { amount: "1.50" }));
    await send(3, put("members", `["${uuid(2)}","bob"]`, { role: "x" }));
    await send(4, put("authors", "7", { name: "x", uuid: uuid(4) }));
    await send(5, put("books", uuid(5), { title: "t", author_id: uuid(4) }));
    await send(6, patch("coded", "abc", { size: 1 }), remove("coded", "abc"));
    await send(8, put("kept", uuid(8), { name: "x", owner_id: "alice" }));
    await send(9, put("kept", uuid(8), { name: "y", owner_id: "bob" }), remove("kept", uuid(8)));
  },
  "bytes and money, of which NULL is no text": async (database) => {
    await sql.raw(files).execute(database.db);
    const once = { access: "everyone", table: "files", put: "insert" };
    const writes = writesOf(database, {
      tables: { files: { access: "everyone", conflict: { newest: "price" } }, once },
    });
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    const data = "AQI=";
    const none = { data: null, price: null };
    for (const [at, entry] of [
      put("files", uuid(1), { data, price: 1.5 }),
      patch("once", uuid(1), none),
      put("files", uuid(2), none),
      put("once", uuid(3), { data, price: 1.5 }),
      put("once", uuid(3), { data, price: 1.5 }),
    ].entries()) {
      const { status } = await send(at + 1, entry);
      if (status !== "success") throw new Error(`Entry ${at}: ${status}`);
    }
    const other = await send(6, put("once", uuid(3), { data: "AQM=", price: 1.5 }));
    if (other.status !== "fatal_error") throw new Error("Other bytes are taken for the same.");
  },
  conflicts: async (database) => {
    const things = (conflict: object) =>
      writesOf(database, { tables: { things: { access: "everyone", conflict } } });
    const send = (conflict: object, at: number, entry: object, previous?: object) =>
      things(conflict).processTransaction(
        from("phone", at, { ...entry, ...(previous && { previous_values: previous }) }),
        alice,
      );
    await send({ version: "big" }, 1, put("things", uuid(1), { code: "a" }));
    await send({ version: "big" }, 2, patch("things", uuid(1), { code: "b" }), { big: 1 });
    await send({ version: "big" }, 3, patch("things", uuid(1), { code: "c" }), { big: 7 });
    await send({ add: { size: { min: 0 } } }, 4, patch("things", uuid(1), { size: 3 }), {
      size: 1,
    });
    await send({ greatest: ["size"] }, 5, patch("things", uuid(1), { size: 2 }));
    await send({ changed: "reject" }, 6, patch("things", uuid(1), { code: "d" }), { code: "x" });
    await sql.raw(lost).execute(database.db);
    const lists = writesOf(database, {
      tables: { lists: { owner: "owner_id", conflict: { newest: "created_at", record: "lost" } } },
    });
    for (const [at, day] of ["02", "01"].entries())
      await lists.processTransaction(
        from(
          "phone",
          10 + at,
          put("lists", uuid(9), { name: day, created_at: `2026-01-${day}T00:00:00Z` }),
        ),
        alice,
      );
  },
  "dead letters": async (database) => {
    const writes = writesOf(database);
    const send = (at: number, ...crud: object[]) =>
      writes.processTransaction(from("phone", at, ...crud), alice);
    await send(1, badThing(uuid(1)));
    await send(2, patch("things", uuid(1), { size: 2 }));
    await send(3, patch("things", uuid(1), { size: 3 }));
    await send(4, badThing(uuid(4)));
    await send(5, goodThing(uuid(4)));
    const { letters } = await writes.deadLetters.list({ limit: 10 });
    await writes.deadLetters.list({
      limit: 1,
      table: "things",
      errorCode: "CHECK_VIOLATION",
      userId: "alice",
    });
    const root = letters.find(
      ({ errorCode, status }) => errorCode === "CHECK_VIOLATION" && status === "open",
    );
    const id = root?.id ?? "";
    await writes.deadLetters.get(id);
    await writes.deadLetters.edit(id, from("phone", 1, goodThing(uuid(1))));
    await writes.deadLetters.retry(id);
    await send(6, badThing(uuid(6)));
    const [last] = (await writes.deadLetters.list({ status: "open" })).letters;
    await writes.deadLetters.discard(last?.id ?? "", "of no use");
    for await (const _line of writes.deadLetters.export()) continue;
    await send(20, badThing(uuid(20)));
    for (const size of [2, 3]) await send(20 + size, patch("things", uuid(20), { size }));
    const [, , first] = (await writes.deadLetters.list({ status: "open" })).letters;
    const keep = { dependants: "keep" } as const;
    const { status } = await writes.deadLetters.discard(first?.id ?? "", "of no use", keep);
    if (status !== "discarded") throw new Error("The others do not follow.");
    await writes.deadLetters.retryAll(
      { status: ["open", "stale"] } as never,
      { force: true } as never,
    );
  },
  "rejections beside dead letters": async (database) => {
    // The first row is taken by the table, the second breaks one of its rules.
    const rows = [
      { id: uuid(8), code: "a" },
      { id: uuid(9), code: "b", size: -1 },
    ];
    const writes = writesOf(database, {
      deadLetters: { rejections: { table: "things", row: () => rows.shift() } },
    });
    for (const at of [1, 2])
      await writes.processTransaction(from("phone", at, badThing(uuid(at))), alice);
    const { letters } = await writes.deadLetters.list();
    if (letters.length !== 2) throw new Error("What the table refuses has cost the letter.");
    const found = await database.db.selectFrom("things").select("code").execute();
    if (found.length !== 1) throw new Error("Of the two rows one is taken.");
  },
  "what is counted, removed and forgotten": async (database) => {
    const writes = writesOf(database, {
      checkpoints: true,
      ledger: { retentionDays: 1e-12, prune: false, devices: 1 },
      deadLetters: { keepClosedDays: 1e-12 },
    });
    for (const clientId of ["phone", "tablet", undefined])
      await writes.processTransaction(
        { transaction_id: 1, ...from(clientId as never, 1, goodThing(uuid(1))) },
        { principal: alice.principal, ...(clientId !== undefined && { clientId }) },
      );
    await writes
      .checkpoint({ principal: alice.principal, clientId: "phone" } as never)
      .catch(() => undefined);
    await writes.prune();
    await writes.forget("alice");
  },
  "check()": async (database) => {
    await writesOf(database).check();
  },
};
