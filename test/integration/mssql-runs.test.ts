/** Runs for SQL Server, over its statements on SQLite: which PUTs are written together, in how many statements, and what is answered if they can't be. */
import { Kysely, sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WritesConfig } from "../../src/index.js";
import { mssql } from "../../src/sql/mssql/dialect.js";
import { isChosen } from "../support/chosen.js";
import type { TestDatabase } from "../support/databases.js";
import { put, uuid } from "../support/letters.js";
import { dressed } from "../support/mssql/database.js";
import type { Sent } from "../support/mssql/dressed.js";
import { DummyMssqlDialect } from "../support/mssql/dummy.js";

interface Caller {
  readonly userId: string;
}

const measures =
  "create table measures (id text primary key, big integer, amount numeric, size integer check (size >= 0), done integer, name text, price numeric)";

const tables: WritesConfig<Caller, never>["tables"] = {
  lists: { owner: "owner_id", columns: ["name"] },
  todos: { belongsTo: { list_id: "lists" }, columns: ["list_id", "description"] },
  measures: { access: "everyone" },
  once: { table: "lists", owner: "owner_id", columns: ["name"], insertOnly: ["name"] },
  things: { access: "everyone", columns: ["amount"] },
};

const settings = "set xact_abort on; set lock_timeout 5000; set nocount off; ";

describe.skipIf(!isChosen("sqlite"))("runs for SQL Server", () => {
  let database: TestDatabase;
  let writes: ReturnType<typeof createWrites<Caller, never>>;
  const sent: Sent[] = [];
  let last = 0;

  beforeEach(async () => {
    database = await dressed((statement) => sent.push(statement)).open();
    await sql.raw(measures).execute(database.db);
    writes = createWrites<Caller, never>({
      authenticate: () => ({ userId: "ann" }),
      database: database.db as never,
      logger: false,
      tables,
      deadLetters: { requiresClientHandling: () => true },
    });
  });
  afterEach(() => database.close());

  const send = async (crud: readonly object[], userId = "ann") => {
    sent.length = 0;
    const numbered = crud.map((each) => ({ ...each, op_id: (last += 1) }));
    return writes.processTransaction(
      { crud: numbered },
      { principal: { userId }, clientId: `phone of ${userId}` },
    );
  };
  /** How many statements wrote to the table, by their first words. */
  const writesTo = (table: string) =>
    sent
      .map((each) => each.sql.replace(settings, ""))
      .filter((text) => /^(?:merge into|insert into|update) "\w+"/.test(text))
      .map((text) => text.split(" ", text.startsWith("update") ? 2 : 3).join(" "))
      .filter((words) => words.endsWith(`"${table}"`));
  const rowsOf = async (table: string) => {
    const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(
      database.db,
    );
    return rows;
  };
  const many = (length: number, data: object, table = "lists") =>
    Array.from({ length }, (_, number) => put(table, uuid(number + 1), data));

  it("write a hundred rows in one statement, and change them in another", async () => {
    expect(await send(many(100, { name: "a" }))).toEqual({ status: "success" });
    expect(writesTo("lists")).toEqual(['merge into "lists"']);
    expect(await send(many(100, { name: "b" }))).toEqual({ status: "success" });
    expect(writesTo("lists")).toEqual(['merge into "lists"']);
    // The claim is another one.
    expect(sent.length).toBeLessThanOrEqual(3);
    const rows = await rowsOf("lists");
    expect(rows).toHaveLength(100);
    expect(new Set(rows.map((row) => row["name"]))).toEqual(new Set(["b"]));
  });

  it("have no more parameters than the server takes", async () => {
    expect(await send(many(1_500, { name: "a" }))).toEqual({ status: "success" });
    expect(writesTo("lists")).toHaveLength(3);
    expect(Math.max(...sent.map(({ parameters }) => parameters.length))).toBeLessThan(2_090);
    expect(await rowsOf("lists")).toHaveLength(1_500);
  });

  it.each([2, 4])("are undone by row %i, which is another's", async (number) => {
    await send([put("lists", uuid(number), { name: "theirs" })], "ben");
    expect(await send(many(5, { name: "mine" }))).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "UNAUTHORIZED", operationIndex: number - 1 },
    });
    // At first together, then one by one.
    expect(writesTo("lists")).toEqual([
      'merge into "lists"',
      ...Array.from({ length: 4 }, () => 'insert into "lists"'),
    ]);
    expect(await rowsOf("lists")).toMatchObject([{ name: "theirs" }]);
  });

  it("end where a key comes again", async () => {
    const crud = ["a", "b"].flatMap((name) => many(3, { name }));
    expect(await send(crud)).toEqual({ status: "success" });
    expect(writesTo("lists")).toHaveLength(2);
    expect((await rowsOf("lists")).map((row) => row["name"])).toEqual(["b", "b", "b"]);
  });

  it("give each column one type, whatever its values are", async () => {
    const crud = [
      { big: "9007199254740993", amount: 1, size: null, done: true, name: null },
      { big: null, amount: "2.25", size: 7, done: null, name: "7" },
      { big: 3, amount: null, size: 2_000_000_000, done: false, name: "longer" },
    ].map((data, index) => put("measures", uuid(index + 1), data));
    expect(await send(crud)).toEqual({ status: "success" });
    expect(writesTo("measures")).toEqual(['merge into "measures"']);
    const [run] = sent.filter((each) => each.sql.includes('merge into "measures"'));
    const row = (first: number) =>
      `(convert(bigint, @${first}), @${first + 1}, convert(int, @${first + 2}), convert(bit, @${first + 3}), @${first + 4}, convert(uniqueidentifier, @${first + 5}))`;
    expect(run?.sql).toContain(`(values ${[1, 7, 13].map(row).join(", ")})`);
    // What is not converted is sent as text, or as NULL, which the driver sends as text.
    const plain = run?.parameters.filter((_, at) => [1, 4].includes(at % 6));
    expect(plain).toEqual(["1", null, "2.25", "7", null, "longer"]);
    expect(await rowsOf("measures")).toMatchObject([
      { big: 9_007_199_254_740_993n, amount: 1n, size: null, done: 1n, name: null },
      { big: null, amount: 2.25, size: 7n, done: null, name: "7" },
      { big: 3n, amount: null, size: 2_000_000_000n, done: 0n, name: "longer" },
    ]);
  });

  it("are undone by a row that violates a CHECK", async () => {
    const crud = [1, 2, -3, 4].map((size, index) => put("measures", uuid(index + 1), { size }));
    expect(await send(crud)).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "CHECK_VIOLATION", operationIndex: 2 },
    });
    expect(writesTo("measures")[0]).toBe('merge into "measures"');
    expect(await rowsOf("measures")).toEqual([]);
  });

  it("look afterward whether all rows are in a scope that reads another table", async () => {
    await send([put("lists", uuid(1), { name: "mine" })]);
    await send([put("lists", uuid(2), { name: "theirs" })], "ben");
    const todo = (number: number, list: number) =>
      put("todos", uuid(number), { list_id: uuid(list), description: "x" });
    expect(await send([todo(3, 1), todo(4, 1), todo(5, 1)])).toEqual({ status: "success" });
    expect(writesTo("todos")).toEqual(['merge into "todos"']);
    const judging = sent.filter(({ sql: text }) => text.includes('select count(*) as "good"'));
    expect(judging).toHaveLength(1);
    expect(await send([todo(6, 1), todo(7, 2), todo(8, 1)])).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "UNAUTHORIZED", operationIndex: 1 },
    });
    expect(await rowsOf("todos")).toHaveLength(3);
  });

  it.each([
    ["values that only a conversion of their own carries", "measures", { price: 1.5 }],
    ["NULL in such a column", "measures", { price: null }],
    ["nothing to change in a row that exists", "once", { name: "a" }],
    ["a table with another unique index", "things", { amount: 1 }],
  ])("leave out %s", async (_what, table, data) => {
    expect(await send(many(3, data, table))).toEqual({ status: "success" });
    const name = table === "once" ? "lists" : table;
    expect(writesTo(name)).toEqual(Array.from({ length: 3 }, () => `insert into "${name}"`));
  });
});

describe("what decides that rows of a table are written together", () => {
  const object = { kind: "object", name: "U ", detail: "111" };
  const run = (name: string) => ({ kind: "run", name, detail: null });
  const read = async (...rows: readonly object[]) => {
    const dialect = new DummyMssqlDialect(undefined, rows);
    return mssql.readTraits?.(new Kysely<never>({ dialect }) as never, { name: "t" });
  };

  it("is a key of one column", async () => {
    expect(await read(object, run("id"))).toMatchObject({
      keys: [["id"]],
      alike: new Set(["insert"]),
    });
  });

  it.each([
    ["none", [object]],
    ["two columns", [object, run("a"), run("b")]],
    ["a trigger", [object, run("id"), { kind: "trigger", name: "UPDATE", detail: null }]],
    ["no right to insert", [{ ...object, detail: "011" }, run("id")]],
    ["definitions that can't be seen", [{ ...object, detail: "110" }, run("id")]],
  ])("is not %s", async (_what, rows) => {
    expect((await read(...rows))?.alike).toBeUndefined();
  });

  const of = async (row: object) => {
    const its = {
      name: "c",
      size: 20,
      digits: 10,
      scale: 0,
      collation: null,
      page: null,
      nullable: true,
      counts: false,
      computed: false,
      period: 0,
      default: 0,
      defaulted: null,
      json: 0,
      ...row,
    };
    const dialect = new DummyMssqlDialect(undefined, [its]);
    const [column] = await mssql.readColumns(new Kysely<never>({ dialect }) as never, {
      name: "t",
    });
    const place = (isKey: boolean) => column && mssql.runs?.numbered?.(column, isKey)?.("@1");
    return [place(true), place(false)];
  };
  const [collation, page] = ["Latin1_General_CI_AS", 1252];

  it.each([
    ["int", {}, "convert(int, @1)", "convert(int, @1)"],
    ["uniqueidentifier", {}, "convert(uniqueidentifier, @1)", "convert(uniqueidentifier, @1)"],
    ["nvarchar", { collation, page }, `@1 collate ${collation}`, "@1"],
    ["varchar", { collation, page }, `convert(varchar(8000), @1 collate ${collation})`, "@1"],
    ["nvarchar", { collation: "no; name", page }, undefined, "@1"],
    ["decimal", {}, undefined, "@1"],
    ["datetime2", {}, undefined, "@1"],
    ["int", { counts: true }, undefined, undefined],
    ["money", {}, undefined, undefined],
    ["varbinary", {}, undefined, undefined],
    ["char", { collation, page }, undefined, undefined],
    ["xml", {}, undefined, undefined],
  ])("is how a value of %s stands in a row: %j", async (type, row, key, value) => {
    expect(await of({ type, ...row })).toEqual([key, value]);
  });
});
