/** Attacks on whose rows they are, over HTTP, on every database. Alice attacks what is Bob's: it is refused by a code alone, and nothing is changed by it. */
import { createServer } from "node:http";
import { type Kysely, sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/node.js";
import { createWrites, fatal, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { long, partOf } from "../support/long.js";
import { createRuleTables, emptyRuleTables, type RuleSchema } from "../support/rule-tables.js";
import { type Listening, listen } from "../support/uploads.js";
import { byName, type TestPrincipal } from "../support/writes.js";

const uuid = (n: number) => `0000000a-0000-4000-8000-${String(n).padStart(12, "0")}`;
const aliceList = uuid(1);
const bobList = uuid(2);
const aliceTodo = uuid(11);
const bobTodo = uuid(12);
const nowhere = uuid(99);

const tables: WritesConfig<TestPrincipal, RuleSchema>["tables"] = {
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
  /** The same without shorthands. */
  plain_lists: {
    table: "lists",
    scope: (eb, { principal }) => eb("lists.owner_id", "=", principal.userId),
  },
  plain_todos: {
    table: "todos",
    scope: (eb, { principal }) =>
      eb.exists(
        eb
          .selectFrom("lists")
          .select("lists.id")
          .whereRef("lists.id", "=", "todos.list_id")
          .where("lists.owner_id", "=", principal.userId),
      ),
  },
  hidden_lists: { table: "lists", owner: "owner_id", hideForeign: true },
  hidden_todos: { table: "todos", belongsTo: { list_id: "lists" }, hideForeign: true },
  hidden_soft: {
    table: "lists",
    owner: "owner_id",
    hideForeign: true,
    delete: { set: { name: () => "deleted" } },
  },
  named: { table: "lists", owner: "owner_id", columns: ["name"] },
  pairs: { id: ["a", "b"], owner: "owner_id" },
  split_pairs: {
    table: "pairs",
    id: { columns: ["a", "b"], split: (id: string) => id.split("/") },
    owner: "owner_id",
  },
  kept: {
    table: "lists",
    authorize: async (_write, { stored, principal }) => {
      const row = await stored();
      if (row !== undefined && row["owner_id"] !== principal.userId)
        throw fatal("UNAUTHORIZED", "Not yours.");
    },
  },
  staff: {
    table: "lists",
    authorize: (_write, { principal }) => {
      if (!("role" in principal)) throw fatal("UNAUTHORIZED", "For staff alone.");
    },
  },
};

type Json = Readonly<Record<string, unknown>>;
interface Entry extends Json {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
}

const put = (table: string, id: string, op_data: Json = {}, more: Json = {}): Entry => ({
  op: "PUT",
  table,
  id,
  op_data,
  ...more,
});
const patch = (table: string, id: string, op_data: Json, more: Json = {}): Entry => ({
  op: "PATCH",
  table,
  id,
  op_data,
  ...more,
});
const del = (table: string, id: string, more: Json = {}): Entry => ({
  op: "DELETE",
  table,
  id,
  ...more,
});

/** An object with a member that a literal would not make. */
const member = (name: string, value: unknown): Json =>
  JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`) as Json;

const inherited = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
];

/** Words of databases, drivers and statements, and what is Bob's. */
const leaks =
  /violat|constraint|duplicate|syntax|relation|sqlite|errno|ER_|\bselect\b|\binsert into\b|\bupdate .* set\b|pkey|fkey|powersync_|pg_|at .*\.ts|bob|secret|node_modules/i;

/** An answer without its codes, and without the attacker's own word for a table or a column, which it may repeat. */
const told = (text: string): string =>
  text
    .replaceAll(/"error_code":"[A-Z_]+"/g, "")
    .replaceAll(/The (?:table|column) \\"(?:[^"\\]|\\\\.|\\[^"])*\\" is not writable here\./g, "")
    .replaceAll(/^The (?:table|column) ".*" is not writable here\.$/g, "");

for (const [nth, dialect] of dialects.entries()) {
  // Names and spellings that are refused by the same lines: SQLite, which is quick, has all of them, and the servers share them.
  const share = <T>(list: readonly T[], turn = 0): readonly T[] =>
    dialect.family === "sqlite" ? list : partOf(list, nth + turn);
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let db: Kysely<RuleSchema>;
    let server: Listening;
    const events: WriteEvent[] = [];
    /** The tables as they were before the attacks. */
    let before: unknown;
    /** What has been refused since. */
    const attacks: string[] = [];

    beforeAll(async () => {
      database = await dialect.open();
      db = await createRuleTables(database);
      const writes = createWrites<TestPrincipal, RuleSchema>({
        authenticate: byName,
        database: db,
        tables,
        onEvent: (event) => void events.push(event),
      });
      server = await listen(createServer(powersyncWrites(writes)));
    });
    beforeEach(async () => {
      await database.reset();
      await emptyRuleTables(db);
      const lists = [
        { id: aliceList, name: "mine", owner_id: "alice" },
        { id: bobList, name: "secret plans", owner_id: "bob" },
      ];
      const todos = [
        { id: aliceTodo, list_id: aliceList, description: "milk" },
        { id: bobTodo, list_id: bobList, description: "secret" },
      ];
      for (const row of lists)
        await db
          .insertInto("lists")
          .values(row as never)
          .execute();
      for (const row of todos)
        await db
          .insertInto("todos")
          .values(row as never)
          .execute();
      await db
        .insertInto("pairs")
        .values({ a: "x", b: "y", owner_id: "bob", body: "secret" })
        .execute();
      events.length = 0;
      before = undefined;
      attacks.length = 0;
    });
    afterEach(unchanged);
    afterAll(async () => {
      await server.close();
      await database.close();
    });

    interface Answer {
      readonly status: number;
      readonly text: string;
      readonly results: readonly {
        status: string;
        failed_operation?: { error_code: string; operation_index?: number };
      }[];
    }

    async function send(body: unknown, user = "alice"): Promise<Answer> {
      const response = await fetch(server.url, {
        method: "POST",
        headers: { authorization: `Bearer ${user}`, "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
        signal: AbortSignal.timeout(90_000),
      });
      const text = await response.text();
      const { results = [] } = JSON.parse(text) as Partial<Answer>;
      return { status: response.status, text, results };
    }

    /** One transaction of Alice's. */
    const tx = async (...crud: readonly Entry[]) => {
      await unchanged();
      const answer = await send({ transactions: [{ crud }] });
      // What has been written on purpose is not to be taken for an attack's doing.
      if (answer.results[0]?.status === "success") before = undefined;
      return answer;
    };

    async function world(): Promise<unknown> {
      const read = async (
        table: "lists" | "todos" | "pairs" | "members" | "folders" | "notes" | "things",
        order: string,
      ) =>
        (await db.selectFrom(table).selectAll().orderBy(sql.raw(order)).execute()).map((row) =>
          database.plain(row),
        );
      return {
        lists: await read("lists", "id"),
        todos: await read("todos", "id"),
        pairs: await read("pairs", "a, b"),
        others: [
          await read("members", "list_id"),
          await read("folders", "id"),
          await read("notes", "id"),
          await read("things", "id"),
        ],
      };
    }

    /** Refused with this code, or with one of them where several are right; nothing is changed, and nothing told. */
    async function refused(
      crud: readonly Entry[],
      codes: string | readonly string[],
      index = crud.length - 1,
    ): Promise<void> {
      before ??= await world();
      const what = JSON.stringify(crud);
      attacks.push(what);
      const { status, text, results } = await send({ transactions: [{ crud }] });
      expect(status, what).toBe(200);
      expect(results, what).toHaveLength(1);
      expect(results[0]?.status, what).toBe("fatal_error");
      expect([codes].flat(), what).toContain(results[0]?.failed_operation?.error_code);
      expect(results[0]?.failed_operation?.operation_index, what).toBe(index);
      expect(told(text), what).not.toMatch(leaks);
      if (long) await unchanged();
    }

    /** No attack undoes what another has done: once after all of them says as much as after each. */
    async function unchanged(): Promise<void> {
      if (attacks.length === 0) return;
      const what = attacks.splice(0).join("\n");
      expect(await world(), what).toEqual(before);
      const letters = await db.selectFrom("powersync_dead_letters").select("message").execute();
      for (const { message } of letters) expect(told(message), what).not.toMatch(leaks);
    }

    /** By an id that no row has; where ids are text it is one like any other, whose row may be made. No other row is changed. */
    async function foreign(entry: Entry, codes: string | readonly string[]): Promise<void> {
      if (dialect.uuids) return refused([entry], codes);
      const all = await world();
      const { results } = await tx(entry);
      const code = results[0]?.failed_operation?.error_code;
      if (code === undefined) {
        await db
          .deleteFrom(entry.table as "lists" | "todos")
          .where("id", "=", entry.id)
          .execute();
      } else expect([codes].flat(), JSON.stringify(entry)).toContain(code);
      expect(await world(), JSON.stringify(entry)).toEqual(all);
    }

    const spellings = (id: string) => [
      id.toUpperCase(),
      `{${id}}`,
      ` ${id}`,
      `${id} `,
      id.replaceAll("-", ""),
    ];

    it("upsert takeover: a PUT with the id of another's row", async () => {
      for (const table of ["lists", "plain_lists", "hidden_lists", "named"]) {
        await refused([put(table, bobList)], "UNAUTHORIZED");
        await refused([put(table, bobList, { name: "mine now" })], "UNAUTHORIZED");
      }
      for (const table of ["lists", "plain_lists", "hidden_lists", "kept"]) {
        await refused([put(table, bobList, { owner_id: "alice" })], "UNAUTHORIZED");
        await refused(
          [put(table, bobList, { name: "secret plans", owner_id: "alice" })],
          "UNAUTHORIZED",
        );
        await refused(
          [put(table, bobList, { name: "secret plans", owner_id: "bob" })],
          "UNAUTHORIZED",
        );
      }
      for (const table of ["todos", "plain_todos", "hidden_todos"]) {
        await refused(
          [put(table, bobTodo, { list_id: aliceList, description: "x" })],
          "UNAUTHORIZED",
        );
        await refused([put(table, bobTodo, { list_id: aliceList })], "UNAUTHORIZED");
        await refused(
          [put(table, bobTodo, { list_id: bobList, description: "secret" })],
          "UNAUTHORIZED",
        );
        await refused([put(table, bobTodo)], "UNAUTHORIZED");
      }
    });

    it("upsert takeover by the id in another spelling", async () => {
      for (const id of spellings(bobList))
        await foreign(put("lists", id, { owner_id: "alice" }), ["UNAUTHORIZED", "INVALID_DATA"]);
      for (const id of spellings(bobTodo))
        await foreign(put("todos", id, { list_id: aliceList, description: "x" }), [
          "UNAUTHORIZED",
          "INVALID_DATA",
        ]);
    });

    it("owner reassigned by PATCH and by PUT", async () => {
      for (const [turn, table] of ["lists", "plain_lists", "hidden_lists"].entries()) {
        const others = [null, "", "ALICE", "Alice", "alice\u0301", "*", "%"];
        for (const owner_id of ["bob", ...share(others, turn)]) {
          // `scope` compares as the column does, and these tables' columns are exact.
          await refused([patch(table, aliceList, { owner_id })], "UNAUTHORIZED");
          if (owner_id !== null)
            await refused([put(table, aliceList, { owner_id })], "UNAUTHORIZED");
        }
      }
      for (const table of ["lists", "plain_lists"]) {
        await refused([patch(table, bobList, { owner_id: "alice" })], "UNAUTHORIZED");
        await refused([put(table, nowhere, { owner_id: "bob" })], "UNAUTHORIZED");
      }
    });

    it("a row moved into another's list by PATCH and by PUT, in every spelling of its id", async () => {
      const codes = ["UNAUTHORIZED", "INVALID_DATA"];
      // Where ids are text, no row has that one.
      if (!dialect.uuids) codes.push("FOREIGN_KEY_VIOLATION");
      for (const [turn, table] of ["todos", "plain_todos", "hidden_todos"].entries()) {
        for (const list_id of [bobList, ...share(spellings(bobList), turn)]) {
          await refused([patch(table, aliceTodo, { list_id })], codes);
          await refused([put(table, aliceTodo, { list_id, description: "x" })], codes);
          await refused([put(table, nowhere, { list_id, description: "x" })], codes);
        }
        await refused([patch(table, aliceTodo, { list_id: null })], "UNAUTHORIZED");
        await refused([put(table, nowhere, { description: "x" })], "UNAUTHORIZED");
        await refused(
          [patch(table, aliceTodo, { list_id: nowhere })],
          ["UNAUTHORIZED", "FOREIGN_KEY_VIOLATION"],
        );
      }
    });

    it("another's row updated or deleted", async () => {
      for (const table of ["lists", "plain_lists", "named", "kept"]) {
        await refused([patch(table, bobList, { name: "x" })], "UNAUTHORIZED");
        await refused([del(table, bobList)], "UNAUTHORIZED");
      }
      for (const table of ["todos", "plain_todos"]) {
        await refused([patch(table, bobTodo, { description: "x" })], "UNAUTHORIZED");
        await refused([patch(table, bobTodo, { list_id: aliceList })], "UNAUTHORIZED");
        await refused([del(table, bobTodo)], "UNAUTHORIZED");
      }
    });

    it("another's row updated or deleted where it is hidden: the very answer for one that does not exist", async () => {
      const untouched = await world();
      const statements = () => events.findLast((event) => event.type === "transaction")?.statements;
      const entries: readonly ((list: string, todo: string) => Entry)[] = [
        (list) => patch("hidden_lists", list, { name: "x" }),
        (list) => patch("hidden_lists", list, { owner_id: "alice" }),
        (list) => patch("hidden_lists", list, {}),
        (list) => patch("hidden_lists", list, { settings: "no json" }),
        (list) => patch("hidden_lists", list, { nothing: 1 }),
        (list) => del("hidden_lists", list),
        (list) => del("hidden_soft", list),
        (_list, todo) => patch("hidden_todos", todo, { description: "x" }),
        (_list, todo) => patch("hidden_todos", todo, { list_id: aliceList }),
        (_list, todo) => patch("hidden_todos", todo, { list_id: bobList }),
        (_list, todo) => patch("hidden_todos", todo, { description: null }),
        (_list, todo) => del("hidden_todos", todo),
      ];
      for (const entry of entries) {
        await tx(entry(nowhere, nowhere));
        const absent = await tx(entry(nowhere, nowhere));
        const asked = statements();
        const foreign = await tx(entry(bobList, bobTodo));
        expect({ ...foreign, statements: statements() }).toEqual({ ...absent, statements: asked });
        expect(told(foreign.text)).not.toMatch(leaks);
      }
      expect(await world()).toEqual(untouched);
    });

    it("tables and columns that nobody declared", async () => {
      for (const table of share([
        "things",
        "members",
        "folders",
        "powersync_ledger",
        "powersync_dead_letters",
        "sqlite_master",
        "pg_user",
        "mysql.user",
        "",
        " ",
        "LISTS",
        "Lists",
      ])) {
        await refused(
          [put(table, nowhere, { name: "x" })],
          ["UNKNOWN_TABLE", "INVALID_TRANSACTION"],
        );
        await refused(
          [patch(table, aliceList, { name: "x" })],
          ["UNKNOWN_TABLE", "INVALID_TRANSACTION"],
        );
        await refused([del(table, aliceList)], ["UNKNOWN_TABLE", "INVALID_TRANSACTION"]);
      }
      for (const name of share([
        "nothing",
        "id",
        "NAME",
        "rowid",
        "ctid",
        "xmin",
        "tableoid",
        "_rowid_",
        "",
        "owner_id",
      ])) {
        await refused(
          [patch("named", aliceList, { name: "x", [name]: bobList })],
          "FORBIDDEN_COLUMN",
        );
        await refused([put("named", nowhere, { name: "x", [name]: bobList })], "FORBIDDEN_COLUMN");
        if (name !== "owner_id")
          await refused([patch("lists", aliceList, { [name]: bobList })], "FORBIDDEN_COLUMN");
      }
    });

    it("schema-qualified and quoted names, for tables, columns and ids", async () => {
      for (const table of share([
        "public.lists",
        "main.lists",
        "test.lists",
        `"lists"`,
        "`lists`",
        "[lists]",
        "lists;",
        "lists--",
        `lists" where 1=1 --`,
        "lists as todos",
      ]))
        await refused([patch(table, aliceList, { name: "x" })], "UNKNOWN_TABLE");
      for (const name of share([
        "lists.name",
        `"name"`,
        "`name`",
        "[name]",
        "excluded.name",
        "name = 'x', owner_id",
        "public.lists.name",
      ])) {
        await refused([patch("lists", aliceList, { [name]: "x" })], "FORBIDDEN_COLUMN");
        await refused([put("lists", aliceList, { [name]: "x" })], "FORBIDDEN_COLUMN");
      }
      for (const id of share([
        `${aliceList}' or '1'='1`,
        `' or owner_id = 'bob`,
        `"id"`,
        "lists.id",
        "*",
        "%",
        "' or 1=1 --",
      ])) {
        await foreign(patch("lists", id, { name: "x" }), "INVALID_DATA");
        await foreign(del("lists", id), "INVALID_DATA");
        await foreign(put("lists", id, { name: "x" }), ["INVALID_DATA", "UNAUTHORIZED"]);
      }
    });

    it("prototype keys, as tables, columns and ids", async () => {
      for (const name of share(inherited)) {
        await refused([put(name, nowhere, { name: "x" })], "UNKNOWN_TABLE");
        await refused(
          [patch("lists", aliceList, member(name, { admin: true }))],
          "FORBIDDEN_COLUMN",
        );
        await refused([put("named", aliceList, member(name, "x"))], "FORBIDDEN_COLUMN");
        await foreign(patch("lists", name, { name: "x" }), "INVALID_DATA");
        expect((await tx(put("pairs", `${name}.${name}`, { body: name }))).results).toEqual([
          { status: "success" },
        ]);
      }
      const rows = await db
        .selectFrom("pairs")
        .select(["a", "body"])
        .where("owner_id", "=", "alice")
        .execute();
      expect(rows.map(({ a }) => a).toSorted()).toEqual(share(inherited).toSorted());
      expect(Object.hasOwn(Object.prototype, "admin")).toBe(false);
      expect(({} as Json)["admin"]).toBeUndefined();
    });

    it("prototype keys inside values, previous values and the operation itself: data, or nothing", async () => {
      for (const name of share(inherited)) {
        const polluted = member(name, { admin: true, owner_id: "bob" });
        const entry = {
          ...patch("lists", aliceList, { settings: polluted }),
          previous_values: polluted,
          ...polluted,
          ...member("old", polluted),
        };
        const { results } = await tx(entry);
        expect(results, name).toEqual([{ status: "success" }]);
        const row = await db
          .selectFrom("lists")
          .selectAll()
          .where("id", "=", aliceList)
          .executeTakeFirstOrThrow();
        const { settings, owner_id } = database.plain(row) as {
          settings: object;
          owner_id: string;
        };
        expect(JSON.stringify(settings), name).toBe(JSON.stringify(polluted));
        expect(owner_id).toBe("alice");
        expect(Object.hasOwn(Object.prototype, "admin")).toBe(false);
        // The whole body as such an object.
        const whole = await send({
          transactions: [
            { crud: [patch("lists", bobList, { name: "x" })], ...member(name, { userId: "bob" }) },
          ],
          ...member(name, { userId: "bob" }),
        });
        expect(whole.results[0]?.failed_operation?.error_code).toBe("UNAUTHORIZED");
      }
    });

    it("another user's client id: no replay of theirs, and none of ours instead of theirs", async () => {
      const body = (opId: number, ...crud: readonly Entry[]) => ({
        client_id: "bobs-device",
        transactions: [{ crud: crud.map((entry) => ({ ...entry, op_id: opId })) }],
      });
      const bobs = body(1, patch("lists", bobList, { name: "renamed" }));
      expect((await send(bobs, "bob")).results).toEqual([{ status: "success" }]);
      // Bob's own repetition is a replay; Alice's is a write of hers.
      expect((await send(bobs, "bob")).results).toEqual([{ status: "success" }]);
      const alices = await send(bobs);
      expect(alices.results[0]?.failed_operation?.error_code).toBe("UNAUTHORIZED");
      expect(told(alices.text)).not.toMatch(leaks);
      // She is refused first; Bob's transaction is his all the same.
      const next = body(2, patch("lists", bobList, { name: "renamed again" }));
      expect((await send(next)).results[0]?.failed_operation?.error_code).toBe("UNAUTHORIZED");
      expect((await send(next, "bob")).results).toEqual([{ status: "success" }]);
      const { name } = await db
        .selectFrom("lists")
        .select("name")
        .where("id", "=", bobList)
        .executeTakeFirstOrThrow();
      expect(name).toBe("renamed again");
      const letters = await db.selectFrom("powersync_dead_letters").select("user_id").execute();
      expect(letters).toEqual([{ user_id: "alice" }, { user_id: "alice" }]);
    });

    it("metadata, and members of the request, that claim a role", async () => {
      const claim = {
        role: "admin",
        user_id: "bob",
        userId: "bob",
        sub: "bob",
        principal: { userId: "bob", role: "admin" },
        claims: { role: "admin" },
      };
      for (const metadata of [JSON.stringify(claim), "admin", '{"__proto__":{"role":"admin"}}']) {
        await refused(
          [patch("staff", bobList, { name: "x" }, { metadata, ...claim })],
          "UNAUTHORIZED",
        );
        await refused(
          [patch("lists", bobList, { name: "x" }, { metadata, ...claim })],
          "UNAUTHORIZED",
        );
      }
      const untouched = await world();
      const whole = await send({
        ...claim,
        transactions: [{ ...claim, crud: [del("lists", bobList)] }],
      });
      expect(whole.results[0]?.failed_operation?.error_code).toBe("UNAUTHORIZED");
      expect(await world()).toEqual(untouched);
    });

    it("previous values that lie", async () => {
      const previous_values = { id: bobList, owner_id: "alice", name: "mine" };
      for (const lie of [{ previous_values }, { old: previous_values }]) {
        for (const table of ["lists", "plain_lists", "kept"]) {
          await refused([patch(table, bobList, { name: "x" }, lie)], "UNAUTHORIZED");
          await refused([put(table, bobList, { name: "x" }, lie)], "UNAUTHORIZED");
          await refused([del(table, bobList, lie)], "UNAUTHORIZED");
        }
        await refused(
          [
            patch(
              "todos",
              bobTodo,
              { description: "x" },
              { previous_values: { list_id: aliceList } },
            ),
          ],
          "UNAUTHORIZED",
        );
      }
    });

    it("a transaction that first makes another's list its own", async () => {
      const mine = put("lists", bobList, { name: "mine", owner_id: "alice" });
      const todo = put("todos", nowhere, { list_id: bobList, description: "x" });
      await refused([mine, todo], "UNAUTHORIZED", 0);
      await refused([del("lists", bobList), mine, todo], "UNAUTHORIZED", 0);
      await refused([patch("lists", bobList, { owner_id: "alice" }), todo], "UNAUTHORIZED", 0);
      // Hidden, the list is as good as gone for her, and still there.
      await refused([del("hidden_lists", bobList), mine], "UNAUTHORIZED", 1);
      await refused([del("hidden_lists", bobList), todo], "UNAUTHORIZED", 1);
      await refused(
        [
          put("lists", uuid(50)),
          put("todos", nowhere, { list_id: uuid(50), description: "x" }),
          patch("todos", nowhere, { list_id: bobList }),
        ],
        "UNAUTHORIZED",
        2,
      );
    });

    it("a row made another's by one operation, and changed by the next", async () => {
      await refused(
        [patch("lists", aliceList, { owner_id: "bob" }), patch("lists", aliceList, { name: "x" })],
        "UNAUTHORIZED",
        0,
      );
      await refused(
        [
          patch("todos", aliceTodo, { list_id: bobList }),
          patch("todos", aliceTodo, { description: "x" }),
        ],
        "UNAUTHORIZED",
        0,
      );
      await refused(
        [
          patch("todos", aliceTodo, { list_id: bobList }),
          patch("todos", aliceTodo, { list_id: aliceList }),
        ],
        "UNAUTHORIZED",
        0,
      );
      await refused(
        [del("todos", aliceTodo), put("todos", aliceTodo, { list_id: bobList, description: "x" })],
        "UNAUTHORIZED",
        1,
      );
      await refused(
        [patch("hidden_lists", aliceList, { owner_id: "bob" }), del("hidden_lists", aliceList)],
        "UNAUTHORIZED",
        0,
      );
      // A list without a name for the moment is still hers; what is in it goes with it.
      await refused(
        [
          patch("lists", aliceList, { name: null }),
          del("todos", aliceTodo),
          patch("lists", bobList, { name: "x" }),
        ],
        "UNAUTHORIZED",
        2,
      );
    });

    it("ids of keys with several columns that could mean several rows", async () => {
      for (const id of share(["x", "x.y.z", ".x.y", "x.y.", "x..y", "x.y.y", "x\u0000.y"])) {
        await refused([put("pairs", id, { body: "mine" })], "INVALID_DATA");
        await refused([patch("pairs", id, { body: "mine" })], "INVALID_DATA");
        await refused([del("pairs", id)], "INVALID_DATA");
      }
      for (const id of ["x/y/z", "xy", "x.y"])
        await refused([put("split_pairs", id)], "INVALID_DATA");
      await refused([put("pairs", "x.y", { owner_id: "alice" })], "UNAUTHORIZED");
      await refused([put("split_pairs", "x/y", { owner_id: "alice" })], "UNAUTHORIZED");
      // The key's own columns among the others name another row.
      await refused([put("pairs", "z.y", { a: "x" })], "FORBIDDEN_COLUMN");
      await refused([patch("pairs", "x.z", { b: "y" })], "FORBIDDEN_COLUMN");
      // A separator in a value makes a row of its own, and never the other one.
      expect(
        (
          await tx(
            put("split_pairs", "x.y/", { body: "a" }),
            put("split_pairs", "/x.y", { body: "b" }),
          )
        ).results,
      ).toEqual([{ status: "success" }]);
      const rows = await db.selectFrom("pairs").select(["a", "b", "body", "owner_id"]).execute();
      expect(rows).toHaveLength(3);
      expect(rows).toContainEqual({ a: "x", b: "y", body: "secret", owner_id: "bob" });
    });
  });
}
