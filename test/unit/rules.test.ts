/** What becomes of table rules, and which contradict themselves. */
import { CamelCasePlugin, type KyselyPlugin, sql, WithSchemaPlugin } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { anonymous, createWrites, type Principal, type TableRule } from "../../src/index.js";
import { compileRules } from "../../src/pipeline/rules.js";
import { somePostgres, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

type AnyDB = Record<string, Record<string, unknown>>;
type AnyRule = TableRule<Principal, AnyDB>;
type TablesOf = Readonly<Record<string, TableRule<Principal, TestSchema>>>;

function compiled(rule: AnyRule) {
  const result = compileRules<Principal, AnyDB>({ lists: rule }).get("lists");
  if (result === undefined) throw new Error("The rule is gone.");
  return result;
}

describe("compileRules", () => {
  it("{} is every column and operation of the table of that name, by `id`", () => {
    const rule = compiled({});
    expect(rule).toMatchObject({ name: "lists", table: "lists", put: "merge" });
    expect(rule).toMatchObject({ ignoreUnknown: false, hideForeign: false });
    expect(rule.key.columns).toEqual(["id"]);
    expect(rule.key.split).toBeUndefined();
    expect([...rule.operations].toSorted()).toEqual(["DELETE", "PATCH", "PUT"]);
    expect(rule.clientColumns).toBeUndefined();
    expect(rule.scope).toBeUndefined();
    expect(rule.softDelete).toBeUndefined();
  });

  it("knows tables by the client's names alone", () => {
    const rules = compileRules<Principal, AnyDB>({ lists: { table: "app.list" } });
    expect([...rules.keys()]).toEqual(["lists"]);
    expect(rules.get("lists")?.table).toBe("app.list");
    for (const name of ["app.list", "constructor", "__proto__", "toString"]) {
      expect(rules.get(name), name).toBeUndefined();
    }
  });

  it("takes columns as a list, or renamed, converted, read-only and set by the server", () => {
    const convert = (value: unknown) => value;
    const set = () => "now";
    const { clientColumns, serverColumns, insertColumns, insertOnly } = compiled({
      columns: {
        name: true,
        text: "description",
        done: { column: "completed", convert },
        rank: { readOnly: "ignore" },
      },
      set: { updated_at: set },
      setOnInsert: { created_at: set },
      insertOnly: ["description"],
    });
    expect(Object.fromEntries(clientColumns ?? [])).toEqual({
      name: { column: "name" },
      text: { column: "description" },
      done: { column: "completed", convert },
      rank: { column: "rank", readOnly: "ignore" },
    });
    expect(Object.fromEntries(serverColumns)).toEqual({ updated_at: set });
    expect(Object.fromEntries(insertColumns)).toEqual({ created_at: set });
    expect(Object.fromEntries(insertOnly)).toEqual({ description: "text" });
    expect([...(compiled({ columns: ["a", "b"] }).clientColumns ?? [])]).toEqual([
      ["a", { column: "a" }],
      ["b", { column: "b" }],
    ]);
    expect(compiled({ columns: [] }).clientColumns?.size).toBe(0);
  });

  const caller = { principal: { userId: "alice" } };
  it("takes keys of several columns, split at the dot or by a function", () => {
    expect(compiled({ id: ["org", "nr"] }).key.split?.("a.7", caller)).toEqual(["a", "7"]);
    const split = (id: string) => [id.slice(0, 1), id.slice(1)];
    expect(compiled({ id: { columns: ["org", "nr"], split } }).key.split?.("a7", caller)).toEqual([
      "a",
      "7",
    ]);
  });

  it("takes no operation where none is listed", () => {
    expect(compiled({ operations: [] }).operations.size).toBe(0);
    expect([...compiled({ operations: ["PATCH"] }).operations]).toEqual(["PATCH"]);
  });

  it("finds the rules of what rows belong to, in any order, also the row's own", () => {
    const rules = compileRules<Principal, AnyDB>({
      todos: {
        belongsTo: { list: "lists", author: { table: "people", by: "nr", optional: true } },
      },
      lists: { table: "app.list", id: "uuid", belongsTo: { folder: "folders" } },
      folders: { owner: "owner_id", belongsTo: { parent: { table: "folders", optional: true } } },
      people: { scope: (eb) => eb.val(true) },
    });
    const parentsOf = (name: string) =>
      rules.get(name)?.parents.map(({ rule, ...parent }) => ({ ...parent, rule: rule.name }));
    expect([...rules.keys()].toSorted()).toEqual(["folders", "lists", "people", "todos"]);
    expect(parentsOf("todos")).toEqual([
      { column: "list", rule: "lists", by: "uuid", optional: false },
      { column: "author", rule: "people", by: "nr", optional: true },
    ]);
    expect(parentsOf("folders")).toEqual([
      { column: "parent", rule: "folders", by: "id", optional: true },
    ]);
    expect(rules.get("lists")?.parents[0]?.rule).toBe(rules.get("folders"));
    expect(parentsOf("people")).toEqual([]);
  });

  it.each<[string, Record<string, AnyRule>, RegExp]>([
    ["a parent without a rule", { lists: { belongsTo: { a: "app.folders" } } }, /client's name/],
    ["one that only every object has", { lists: { belongsTo: { a: "toString" } } }, /no rule/],
    [
      "a parent that is anybody's",
      { lists: { belongsTo: { a: "folders" } }, folders: { authorize: () => undefined } },
      /"folders" has neither owner nor scope/,
    ],
    [
      "a parent by a key of several columns",
      { lists: { belongsTo: { a: "folders" } }, folders: { id: ["a", "b"], owner: "o" } },
      /several columns.*by:/,
    ],
    ["a table that belongs to itself alone", { lists: { belongsTo: { a: "lists" } } }, /itself/],
    [
      "a circle",
      {
        lists: { owner: "o", belongsTo: { a: "folders" } },
        folders: { owner: "o", belongsTo: { a: "shelves" } },
        shelves: { belongsTo: { a: { table: "lists", optional: true } } },
      },
      /lists → folders → shelves → lists/,
    ],
  ])("refuses %s", (_name, tables, message) => {
    expect(() => compileRules<Principal, AnyDB>(tables)).toThrow(TypeError);
    expect(() => compileRules<Principal, AnyDB>(tables)).toThrow(message);
    expect(() => compileRules<Principal, AnyDB>(tables)).toThrow(/^tables\.\w+: belongsTo/);
  });

  it.each<[string, AnyRule]>([
    ["the key listed as a column", { columns: ["id", "name"] }],
    ["a column that is renamed to the key", { columns: { uid: "id" } }],
    ["the same, spelled out", { columns: { uid: { column: "id" } } }],
    ["the key set by the server", { set: { id: () => 1 } }],
    ["part of a composite key listed", { id: ["org", "nr"], columns: ["nr", "name"] }],
    ["the key set where a row is made", { setOnInsert: { id: () => 1 } }],
    ["the key set once by the client", { insertOnly: ["id"] }],
    ["a column set twice by the server", { set: { at: () => 1 }, setOnInsert: { at: () => 2 } }],
    ["a column that client and server set", { columns: ["at"], set: { at: () => 1 } }],
    ["the same under another name", { columns: { when: "at" }, setOnInsert: { at: () => 1 } }],
    [
      "a column set once that the server sets",
      { insertOnly: ["at"], setOnInsert: { at: () => 1 } },
    ],
    ["a column set once that clients can't send", { columns: ["name"], insertOnly: ["at"] }],
    [
      "a column set once that clients only read",
      { columns: { at: { readOnly: "ignore" } }, insertOnly: ["at"] },
    ],
    [
      "a membership of several key columns that does not say which",
      {
        id: ["org", "nr"],
        scope: { isMember: { table: "members", row: "list_id", user: "user_id" } },
      },
    ],
    ["the key set by a soft delete", { delete: { set: { id: () => 1 } } }],
    ["a soft delete that sets nothing, and so would delete", { delete: { set: {} } }],
    ["replace without a list of columns", { put: "replace" }],
  ])("refuses %s", (_name, rule) => {
    expect(() => compiled(rule)).toThrow(TypeError);
    expect(() => compiled(rule)).toThrow(/tables\.lists/);
  });
});

describe("a rule at work", () => {
  const id = "11111111-1111-4111-8111-111111111111";
  const alice: Principal = { userId: "alice" };
  let database: TestDatabase;

  beforeAll(async () => {
    database = await somePostgres.open();
    await sql`
      create function belongs(list uuid, person text) returns boolean language sql stable
      as 'select owner_id = person from lists where id = list'
    `.execute(database.db);
  });
  afterAll(() => database.close());
  beforeEach(() => database.reset());

  const write = async (
    rule: TableRule<Principal, TestSchema>,
    op: "PUT" | "PATCH" | "DELETE",
    op_data: Record<string, unknown>,
  ): Promise<string> => {
    const { processTransaction } = createWrites<Principal, TestSchema>({
      authenticate: anonymous(),
      database: database.db,
      tables: { lists: rule },
    });
    const result = await processTransaction(
      { crud: [{ op, table: "lists", id, op_data }] },
      { principal: alice },
    );
    return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
  };

  const stored = () => database.db.selectFrom("lists").select(["name", "owner_id"]).execute();

  it("sets the owner on a PUT that leaves it out, also where unsent columns become NULL", async () => {
    const rule: TableRule<Principal, TestSchema> = {
      owner: "owner_id",
      columns: ["name", "owner_id"],
      put: "replace",
    };
    expect(await write(rule, "PUT", { name: "one" })).toBe("success");
    expect(await write(rule, "PUT", {})).toBe("success");
    expect(await stored()).toEqual([{ name: null, owner_id: "alice" }]);
    expect(await write(rule, "PUT", { owner_id: "bob" })).toBe("UNAUTHORIZED");
  });

  it("judges the row after the write by a function of the database's too, which reads tables itself", async () => {
    const rule: TableRule<Principal, TestSchema> = {
      scope: (eb, { principal }) =>
        eb.fn<boolean>("belongs", [
          eb.ref("lists.id"),
          eb.cast<string>(eb.val(principal.userId), "text"),
        ]),
    };
    expect(await write(rule, "PUT", { name: "one", owner_id: "alice" })).toBe("success");
    expect(await write(rule, "PATCH", { owner_id: "bob" })).toBe("UNAUTHORIZED");
    expect(await stored()).toEqual([{ name: "one", owner_id: "alice" }]);
    expect(await write(rule, "DELETE", {})).toBe("success");
    expect(await write(rule, "PUT", { owner_id: "bob" })).toBe("UNAUTHORIZED");
    expect(await stored()).toEqual([]);
  });

  it("takes a plain value for a scope: everything, or nothing", async () => {
    const all: TableRule<Principal, TestSchema> = { scope: (eb) => eb.val(true) };
    const none: TableRule<Principal, TestSchema> = { scope: (eb) => eb.val(false) };
    expect(await write(none, "PUT", { name: "one" })).toBe("UNAUTHORIZED");
    expect(await write(all, "PUT", { name: "one" })).toBe("success");
    expect(await write(all, "PATCH", { name: "two" })).toBe("success");
    expect(await write(none, "PATCH", { name: "three" })).toBe("UNAUTHORIZED");
    expect(await write(none, "DELETE", {})).toBe("UNAUTHORIZED");
    expect(await stored()).toEqual([{ name: "two", owner_id: null }]);
    expect(await write(all, "DELETE", {})).toBe("success");
  });

  it("finds rows by a key that the database makes, and inserts none", async () => {
    await sql`drop table if exists numbered`.execute(database.db);
    await sql`
      create table numbered (nr integer generated always as identity primary key, name text)
    `.execute(database.db);
    await sql`insert into numbered (name) values ('one')`.execute(database.db);
    const { processTransaction } = createWrites<Principal, TestSchema>({
      authenticate: anonymous(),
      database: database.db,
      tables: { numbered: { id: "nr", access: "everyone" } },
    });
    const numbered = (op: string, id: string) =>
      processTransaction(
        { crud: [{ op, table: "numbered", id, op_data: { name: "two" } }] },
        { principal: alice },
      );
    expect(await numbered("PATCH", "1")).toEqual({ status: "success" });
    const { rows } = await sql`select nr, name from numbered`.execute(database.db);
    expect(rows).toEqual([{ nr: 1, name: "two" }]);
    expect(await numbered("PUT", "2")).toMatchObject({
      failedOperation: { errorCode: "FORBIDDEN_COLUMN" },
    });
    expect(await numbered("DELETE", "1")).toEqual({ status: "success" });
  });

  describe("of tables that the application's plugins rename", () => {
    const rulesFor = (schema: string): TablesOf => ({
      folders: {
        table: `${schema}folders`,
        owner: "owner_id",
        belongsTo: { parent_id: { table: "folders", optional: true } },
      },
      pages: { table: `${schema}pages`, belongsTo: { folder_id: "folders" } },
    });

    it.each<[string, KyselyPlugin, TablesOf]>([
      ["by a schema", new WithSchemaPlugin("app"), rulesFor("")],
      ["by case", new CamelCasePlugin(), rulesFor("app.")],
    ])("%s", async (_name, plugin, tables) => {
      const { db } = database;
      await sql`drop schema if exists app cascade`.execute(db);
      await sql`create schema app`.execute(db);
      await sql`create table app.folders (id text primary key, owner_id text, parent_id text)`.execute(
        db,
      );
      await sql`create table app.pages (id text primary key, folder_id text)`.execute(db);
      await sql`insert into app.folders values ('a', 'alice', 'a'), ('b', 'bob', null)`.execute(db);
      const rows: unknown[] = [];
      const { processTransaction } = createWrites<Principal, TestSchema>({
        authenticate: anonymous(),
        database: db.withPlugin(plugin),
        tables,
        authorize: async (_write, { stored }) => void rows.push(await stored()),
      });
      const put = async (table: string, row: string, op_data: object) => {
        const crud = [{ op: "PUT", table, id: row, op_data }];
        return (await processTransaction({ crud }, { principal: alice })).status;
      };
      expect(await put("folders", "c", { parent_id: "a" })).toBe("success");
      expect(await put("folders", "d", { parent_id: "b" })).toBe("fatal_error");
      expect(await put("folders", "b", { parent_id: "a" })).toBe("fatal_error");
      expect(await put("pages", "p", { folder_id: "c" })).toBe("success");
      expect(await put("pages", "p", { folder_id: "b" })).toBe("fatal_error");
      expect(rows.at(-1)).toEqual({ id: "p", folder_id: "c" });
      const stored =
        await sql`select id from app.folders union all select id from app.pages order by id`.execute(
          db,
        );
      expect(stored.rows).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }, { id: "p" }]);
    });
  });
});
