/** Scopes that would open a table: raw SQL with an OR at its top, a comment at its end, and a scope that gives nothing. On every database. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { createRuleTables, emptyRuleTables, type RuleSchema } from "../support/rule-tables.js";

const uuid = (n: number) => `0000000a-0000-4000-8000-${String(n).padStart(12, "0")}`;
const [mine, theirs, others] = [uuid(1), uuid(2), uuid(3)];
const alice = { userId: "alice" };

type Tables = WritesConfig<typeof alice, RuleSchema>["tables"];

/** The caller's by the left side; by the right side, a row of anybody's that has this name. */
const either = sql<boolean>`lists.owner_id = ${"alice"} or lists.name = ${"shared"}`;
const commented = sql<boolean>`lists.owner_id = ${"alice"} or lists.name = ${"shared"} -- whoever may`;

describe.each(dialects)("$name", (dialect) => {
  let database: TestDatabase;
  let db: Kysely<RuleSchema>;
  let available = true;
  let events: WriteEvent[] = [];

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    db = await createRuleTables(database);
  });
  afterAll(async () => {
    if (available) await database.close();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    events = [];
    await emptyRuleTables(db);
    await db.deleteFrom("todos").execute();
    await db.deleteFrom("lists").execute();
    await db
      .insertInto("lists")
      .values([
        { id: mine, name: "mine", owner_id: "alice" },
        { id: theirs, name: "shared", owner_id: "bob" },
        { id: others, name: "others", owner_id: "bob" },
      ])
      .execute();
  });

  const send = (tables: Tables, ...crud: readonly object[]) =>
    createWrites<typeof alice, RuleSchema>({
      authenticate: () => alice,
      database: db,
      tables,
      ledger: false,
      parking: false,
      logger: false,
      onEvent: (event) => void events.push(event),
    }).processTransaction({ crud }, { principal: alice });
  const names = async () =>
    Object.fromEntries(
      (await db.selectFrom("lists").select(["id", "name"]).execute()).map(({ id, name }) => [
        id,
        name,
      ]),
    );
  const untouched = { [mine]: "mine", [theirs]: "shared", [others]: "others" };

  it.each([
    ["an OR", either],
    ["an OR and a comment at its end", commented],
  ])("a raw scope with %s reaches the one row that is named", async (_, scope) => {
    const patch = { op: "PATCH", table: "lists", id: mine, op_data: { name: "changed" } };
    for (const rule of [{ scope: () => scope }, { owner: "owner_id", scope: () => scope }]) {
      expect(await send({ lists: rule }, patch)).toEqual({ status: "success" });
      expect(await names()).toEqual({ ...untouched, [mine]: "changed" });
    }
    expect(
      await send({ lists: { scope: () => scope } }, { op: "DELETE", table: "lists", id: mine }),
    ).toEqual({ status: "success" });
    expect(Object.keys(await names()).toSorted()).toEqual([theirs, others].toSorted());
  });

  it("a raw scope with an OR opens no row that owner refuses", async () => {
    const tables = { lists: { owner: "owner_id", scope: () => either } };
    for (const op of ["PATCH", "DELETE"]) {
      const entry = {
        op,
        table: "lists",
        id: theirs,
        ...(op === "PATCH" && { op_data: { name: "x" } }),
      };
      expect(await send(tables, entry)).toMatchObject({
        failedOperation: { errorCode: "UNAUTHORIZED" },
      });
    }
    expect(await names()).toEqual(untouched);
  });

  it("a parent's raw scope with an OR lets no child into another parent", async () => {
    const tables: Tables = {
      lists: { scope: () => commented, operations: [] },
      todos: { belongsTo: { list_id: "lists" } },
    };
    const todo = {
      op: "PUT",
      table: "todos",
      id: uuid(11),
      op_data: { list_id: others, description: "x" },
    };
    expect(await send(tables, todo)).toMatchObject({
      failedOperation: { errorCode: "UNAUTHORIZED" },
    });
    expect(await send(tables, { ...todo, op_data: { ...todo.op_data, list_id: theirs } })).toEqual({
      status: "success",
    });
  });

  it("an expression of a server's column that ends with a comment changes the one row", async () => {
    const tables: Tables = {
      lists: {
        owner: "owner_id",
        set: { name: () => sql`upper(${"set"}) -- by the server` },
        delete: { set: { name: () => sql`upper(${"gone"}) -- by the server` } },
      },
    };
    await send(tables, { op: "PUT", table: "lists", id: mine, op_data: {} });
    expect(await names()).toEqual({ ...untouched, [mine]: "SET" });
    await send(tables, { op: "DELETE", table: "lists", id: mine });
    expect(await names()).toEqual({ ...untouched, [mine]: "GONE" });
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["false", false],
    ["a text", "owner_id = 'alice'"],
    ["an object that is no expression", {}],
    ["a promise", Promise.resolve(true)],
  ])("a scope that gives %s writes nothing, and is the operator's mistake", async (_, given) => {
    const scope = () => given as never;
    const patch = { op: "PATCH", table: "lists", id: theirs, op_data: { name: "taken" } };
    for (const rule of [{ scope }, { owner: "owner_id", scope }]) {
      expect(await send({ lists: rule }, patch)).toMatchObject({ status: "retryable_error" });
    }
    expect(await names()).toEqual(untouched);
    const errors = events.filter((event) => event.type === "error");
    expect(errors[0]?.error).toMatchObject({
      cause: { message: expect.stringMatching(/lists.* scope gave|scope of a rule for "lists"/i) },
    });
    expect(String((errors[0]?.error as Error | undefined)?.cause)).toContain(
      "true, for no restriction",
    );
  });

  it("true is no restriction", async () => {
    const tables = { lists: { scope: () => true as const } };
    const patch = { op: "PATCH", table: "lists", id: theirs, op_data: { name: "changed" } };
    expect(await send(tables, patch)).toEqual({ status: "success" });
    expect(await names()).toEqual({ ...untouched, [theirs]: "changed" });
  });
});
