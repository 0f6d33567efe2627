/** The mutations of `examples/mutations`, from devices with PowerSync's own client: create, complete, share and reorder, by those who may and those who may not. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PowerSyncDatabase } from "@powersync/node";
import Database from "better-sqlite3";
import { type Dialect, Kysely, PostgresDialect, sql, SqliteDialect } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/fetch.js";
import { guardPool } from "../../adapters/pg.js";
import { todoApp } from "../../examples/mutations/app.js";
import { mutators } from "../../examples/mutations/mutators.js";
import { type Database as AppTables, schema } from "../../examples/mutations/schema.js";
import { PowerSyncWriteConnector } from "../../src/client/index.js";
import { createTables, createWrites } from "../../src/index.js";
import { isChosen } from "../support/chosen.js";
import { createPostgresDatabase } from "../support/databases.js";
import { postgresAvailable } from "../support/servers.js";
import { byName, type TestPrincipal } from "../support/writes.js";

const tables = [
  "create table lists (id varchar(36) primary key, owner_id varchar(40) not null, revision integer not null)",
  "create table list_members (id varchar(36) primary key, list_id varchar(36) not null references lists, user_id varchar(40) not null, unique (list_id, user_id))",
  "create table todos (id varchar(36) primary key, list_id varchar(36) not null references lists, text varchar(80) not null, done integer not null, position integer not null)",
];

interface Opened {
  readonly dialect: Dialect;
  readonly drop?: () => Promise<void>;
}
const servers: readonly {
  readonly name: string;
  readonly available: boolean;
  readonly open: () => Promise<Opened>;
}[] = [
  {
    name: "SQLite",
    available: isChosen("sqlite"),
    open: async () => ({ dialect: new SqliteDialect({ database: new Database(":memory:") }) }),
  },
  {
    name: "Postgres",
    available: await postgresAvailable(),
    open: async () => {
      const { url, drop } = await createPostgresDatabase();
      const pool = guardPool(new pg.Pool({ connectionString: url, max: 10 }));
      return { dialect: new PostgresDialect({ pool }), drop };
    },
  },
];

for (const server of servers) {
  describe.skipIf(!server.available)(`the examples of mutators on ${server.name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "mutators-"));
    const opened: PowerSyncDatabase[] = [];
    let files = 0;
    let drop: Opened["drop"];
    let db: Kysely<AppTables>;
    let handle: (request: Request) => Promise<Response>;
    let list: string;

    beforeAll(async () => {
      const { dialect, ...rest } = await server.open();
      drop = rest.drop;
      db = new Kysely<AppTables>({ dialect });
      for (const statement of tables) await sql.raw(statement).execute(db);
      await createTables(db);
      handle = powersyncWrites(
        createWrites<TestPrincipal, AppTables>({
          authenticate: byName,
          database: db,
          tables: { lists: { owner: "owner_id" } },
          mutators,
          logger: false,
        }),
      );
    });
    beforeEach(async () => {
      list = crypto.randomUUID();
      await db.insertInto("lists").values({ id: list, owner_id: "alice", revision: 0 }).execute();
    });
    afterEach(async () => {
      for (const database of opened.splice(0)) await database.close();
    });
    afterAll(async () => {
      await db?.destroy();
      await drop?.();
      rmSync(folder, { recursive: true, force: true });
    });

    /** A user's device. `upload` empties its queue, and says what was refused. */
    async function deviceOf(user: string) {
      const database = new PowerSyncDatabase({
        schema,
        database: { dbFilename: `${(files += 1)}.db`, dbLocation: folder, readWorkerCount: 1 },
        logger: { log: () => undefined },
      });
      opened.push(database);
      await database.init();
      const app = todoApp(database);
      const upload = async (transactions = 100) => {
        const refused: string[] = [];
        await new PowerSyncWriteConnector({
          url: "http://writes.test/api/data",
          powersyncUrl: "http://127.0.0.1:1",
          getToken: () => user,
          subject: (token) => token,
          batch: { transactions },
          fetch: (input, init) => handle(new Request(input, init)),
          onFatalTransaction: ({ code }) => {
            refused.push(code);
            return "complete";
          },
        }).uploadData(database);
        expect(await database.getAll("SELECT id FROM ps_crud")).toEqual([]);
        return refused;
      };
      return {
        database,
        upload,
        ...app,
        /** @returns the new todo's id */
        async add(text: string) {
          const id = crypto.randomUUID();
          await app.createTodo({ id, list, text });
          return id;
        },
      };
    }

    const todos = () =>
      db
        .selectFrom("todos")
        .select(["id", "text", "done", "position"])
        .where("list_id", "=", list)
        .orderBy("position")
        .execute();
    const texts = async () => (await todos()).map(({ text }) => text);
    const members = async () =>
      (
        await db.selectFrom("list_members").select("user_id").where("list_id", "=", list).execute()
      ).map(({ user_id }) => user_id);
    const revision = async () => {
      const found = db.selectFrom("lists").select("revision").where("id", "=", list);
      return (await found.executeTakeFirstOrThrow()).revision;
    };

    it("creates and completes todos, shown on the device before they are sent", async () => {
      const alice = await deviceOf("alice");
      const ids = [await alice.add("a"), await alice.add("b")];
      await alice.completeTodo({ id: ids[0] ?? "", list });
      const shown = await alice.database.getAll(
        "SELECT id, text, done, position FROM todos ORDER BY position",
      );
      expect(await todos()).toEqual([]);
      expect(await alice.upload()).toEqual([]);
      expect(await todos()).toEqual([
        { id: ids[0], text: "a", done: 1, position: 1 },
        { id: ids[1], text: "b", done: 0, position: 2 },
      ]);
      expect(shown).toEqual(await todos());
      await expect(alice.add("")).rejects.toThrow("todo.create");
    });

    it("refuses all of them to a stranger, and leaves nothing of what they wrote", async () => {
      const alice = await deviceOf("alice");
      const ids = [await alice.add("a"), await alice.add("b")];
      expect(await alice.upload()).toEqual([]);
      const [before, at] = [await todos(), await revision()];
      const mallory = await deviceOf("mallory");
      await mallory.add("mine");
      await mallory.completeTodo({ id: ids[0] ?? "", list });
      await mallory.shareList({ id: crypto.randomUUID(), list, with: "mallory" });
      await mallory.reorderTodo({ id: ids[1] ?? "", list, before: ids[0] ?? "" });
      // Nor by way of a list that is the stranger's own.
      const own = crypto.randomUUID();
      await db.insertInto("lists").values({ id: own, owner_id: "mallory", revision: 0 }).execute();
      await mallory.completeTodo({ id: ids[0] ?? "", list: own });
      await mallory.reorderTodo({ id: ids[1] ?? "", list: own, before: ids[0] ?? "" });
      expect(await mallory.upload(1)).toEqual(Array.from({ length: 4 }, () => "UNAUTHORIZED"));
      expect(await todos()).toEqual(before);
      expect(await revision()).toBe(at);
      expect(await members()).toEqual([]);
    });

    it("shares a list once, by its owner alone, and a member may do what a member does", async () => {
      const alice = await deviceOf("alice");
      const bob = await deviceOf("bob");
      const first = await alice.add("a");
      await alice.upload();
      await bob.add("too early");
      expect(await bob.upload()).toEqual(["UNAUTHORIZED"]);
      await alice.shareList({ id: crypto.randomUUID(), list, with: "bob" });
      await alice.shareList({ id: crypto.randomUUID(), list, with: "bob" });
      expect(await alice.upload()).toEqual([]);
      expect(await members()).toEqual(["bob"]);
      const second = await bob.add("b");
      await bob.completeTodo({ id: first, list });
      await bob.reorderTodo({ id: second, list, before: first });
      expect(await bob.upload()).toEqual([]);
      expect((await todos()).map(({ text, done }) => [text, done])).toEqual([
        ["b", 0],
        ["a", 1],
      ]);
      await bob.shareList({ id: crypto.randomUUID(), list, with: "carol" });
      expect(await bob.upload()).toEqual(["UNAUTHORIZED"]);
      expect(await members()).toEqual(["bob"]);
    });

    it("moves a todo right before another one, or to the end", async () => {
      const alice = await deviceOf("alice");
      const ids = new Map<string, string>();
      for (const text of ["a", "b", "c", "d"]) ids.set(text, await alice.add(text));
      const move = (text: string, before?: string) =>
        alice.reorderTodo({
          id: ids.get(text) ?? "",
          list,
          before: before === undefined ? null : (ids.get(before) ?? crypto.randomUUID()),
        });
      const shown = async () =>
        (
          await alice.database.getAll<{ text: string }>("SELECT text FROM todos ORDER BY position")
        ).map(({ text }) => text);
      for (const [text, before, order] of [
        ["d", "a", "dabc"],
        ["a", "c", "dbac"],
        ["d", undefined, "bacd"],
        ["a", "gone", "bcda"],
        ["c", "c", "bcda"],
      ] as const) {
        await move(text, before);
        expect(await alice.upload()).toEqual([]);
        expect((await texts()).join("")).toBe(order);
        expect((await shown()).join("")).toBe(order);
      }
    });

    it("loses and doubles no place where two devices reorder at once", async () => {
      const alice = await deviceOf("alice");
      const bob = await deviceOf("bob");
      await alice.shareList({ id: crypto.randomUUID(), list, with: "bob" });
      const ids: string[] = [];
      for (const text of ["a", "b", "c", "d", "e", "f"]) ids.push(await alice.add(text));
      await alice.upload();
      const [a, , , , e, f] = ids as [string, string, string, string, string, string];
      // Both before the same one: neither move undoes the other.
      await alice.reorderTodo({ id: e, list, before: a });
      await bob.reorderTodo({ id: f, list, before: a });
      await Promise.all([alice.upload(), bob.upload()]);
      expect(["efabcd", "feabcd"]).toContain((await texts()).join(""));

      const began = await revision();
      const pick = () => ids[Math.floor(Math.random() * ids.length)] ?? a;
      for (let move = 0; move < 15; move += 1) {
        for (const device of [alice, bob]) {
          await device.reorderTodo({ id: pick(), list, before: move % 5 === 4 ? null : pick() });
          if (move % 5 === 0) await device.add(`new ${move}`);
        }
      }
      expect(await Promise.all([alice.upload(1), bob.upload(1)])).toEqual([[], []]);
      const stored = await todos();
      expect(stored).toHaveLength(ids.length + 6);
      expect(new Set(stored.map(({ position }) => position)).size).toBe(stored.length);
      expect(await revision()).toBe(began + 36);
    });
  });
}
