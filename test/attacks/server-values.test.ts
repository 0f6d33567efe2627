/** Values that the configuration gives and that do not fit: the device keeps its write, nothing is recorded, and the operator hears which column it is. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { dialects, type TestDatabase } from "../support/databases.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };
type Tables = WritesConfig<Caller, Schema>["tables"];
type Value = readonly [column: string, value: unknown];

const table =
  "id varchar(40) primary key, body varchar(40), size integer, needed varchar(5) not null default 'x', day date";
const computed = "twice integer generated always as (size * 2) stored";
const more: Readonly<Record<string, string>> = {
  postgres: ", of_uuid uuid, mood mood, host inet, span interval, list integer[], doc jsonb",
  mysql: ", mood enum('good'), at datetime, doc json",
  sqlite: ", of_uuid uuid, doc json",
};
const unfit: readonly Value[] = [
  ["size", "abc"],
  ["size", 1.5],
  ["size", {}],
  ["needed", "longer than five"],
  ["needed", null],
  ["needed", undefined],
  ["day", "yesterday"],
  ["twice", 4],
];
const unfitIn: Readonly<Record<string, readonly Value[]>> = {
  postgres: [
    ["size", 2 ** 31],
    ["of_uuid", "user_2abc"],
    ["mood", "bad"],
    ["host", "nowhere"],
    ["span", "for ever"],
    ["list", ["x"]],
    ["list", "{1,x}"],
    ["doc", "{"],
  ],
  mysql: [
    ["size", 2 ** 31],
    ["mood", "bad"],
    ["at", "never"],
    ["doc", "{"],
  ],
  sqlite: [
    ["of_uuid", "user_2abc"],
    ["doc", "{"],
  ],
};
const fit: Readonly<Record<string, readonly Value[]>> = {
  postgres: [
    ["host", "10.0.0.1"],
    ["span", "1 day"],
    ["list", [1]],
    ["mood", "good"],
  ],
  mysql: [["mood", "good"]],
  sqlite: [["size", 7]],
};

describe.each(dialects)("$name", (dialect) => {
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  let events: WriteEvent[] = [];

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
    if (dialect.family === "postgres") await sql`create type mood as enum ('good')`.execute(db);
    await sql
      .raw(`create table set_things (${table}, ${computed}${more[dialect.family]})`)
      .execute(db);
  });
  afterAll(async () => {
    if (available) await database.close();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await db.deleteFrom("set_things").execute();
    await db.deleteFrom("powersync_dead_letters").execute();
  });

  const send = async (rule: Tables[string], ...crud: readonly object[]) => {
    events = [];
    return createWrites<Caller, Schema>({
      authenticate: () => ({ userId: "alice" }),
      database: db,
      tables: { set_things: rule },
      ledger: false,
      logger: false,
      onEvent: (event) => void events.push(event),
    }).processTransaction({ crud }, { principal: { userId: "alice" } });
  };
  const heard = () =>
    events.flatMap((event) =>
      event.type === "server_value" ? [`${event.table}.${event.column}`] : [],
    );
  const rows = () => db.selectFrom("set_things").select(["id", "body"]).execute();
  const letters = () => db.selectFrom("powersync_dead_letters").select("id").execute();
  const put = (id: string, op_data: object = { body: "x" }) => ({
    op: "PUT",
    table: "set_things",
    id,
    op_data,
  });
  const values = [...unfit, ...(unfitIn[dialect.family] ?? [])];

  it.each(values)("%s = %j, set by the rule", async (column, value) => {
    const access = "everyone";
    await db.insertInto("set_things").values({ id: "there", body: "as it was" }).execute();
    const set = () => value;
    const written = { access, set: { [column]: set } } as const;
    const inserted = { access, setOnInsert: { [column]: set } } as const;
    const soft = { access, columns: ["body"], delete: { set: { [column]: set } } } as const;
    const patch = { op: "PATCH", table: "set_things", id: "there", op_data: { body: "changed" } };
    const tries: readonly [Tables[string], object][] = [
      [written, put("new")],
      [written, put("there")],
      [written, patch],
      [inserted, put("new")],
      [soft, { op: "DELETE", table: "set_things", id: "there" }],
    ];
    for (const [rule, entry] of tries) {
      expect(await send(rule, entry)).toMatchObject({ status: "retryable_error" });
      expect(heard()).toEqual([`set_things.${column}`]);
      expect(await rows()).toEqual([{ id: "there", body: "as it was" }]);
      expect(await letters()).toEqual([]);
    }
  });

  it("what the client sends beside is its own fault", async () => {
    for (const [column, value] of fit[dialect.family] ?? []) {
      const rule = {
        access: "everyone",
        columns: ["body", "day", "needed"].filter((each) => each !== column),
        set: { [column]: () => value },
      } as const;
      expect(await send(rule, put("fits"))).toEqual({ status: "success" });
      for (const [own, code] of [
        [{ day: "yesterday" }, "INVALID_DATA"],
        [{ needed: "longer than five" }, "INVALID_DATA"],
        [{ needed: null }, "NOT_NULL_VIOLATION"],
      ] as const) {
        expect(await send(rule, put("bad", own))).toMatchObject({
          failedOperation: { errorCode: code },
        });
        expect(heard()).toEqual([]);
      }
    }
    expect(await letters()).not.toEqual([]);
  });
});

describe.runIf(isChosen("memory"))("the memory store", () => {
  it.each<Value>([
    ["size", "abc"],
    ["of_uuid", "user_2abc"],
    ["needed", null],
    ["day", "yesterday"],
    ["twice", 4],
  ])("%s = %j, set by the rule", async (column, value) => {
    const store = memoryStore({
      tables: {
        set_things: {
          columns: {
            id: "text",
            body: "text",
            size: "integer",
            of_uuid: "uuid",
            needed: { type: "text", nullable: false, default: "x" },
            day: "date",
            twice: { type: "integer", generated: () => 1 },
          },
        },
      },
    });
    const heard: string[] = [];
    const writes = createWrites({
      authenticate: () => ({ userId: "alice" }),
      database: store,
      tables: {
        set_things: { access: "everyone", set: { [column]: () => value } },
      },
      ledger: false,
      logger: false,
      onEvent: (event) => {
        if (event.type === "server_value") heard.push(`${event.table}.${event.column}`);
      },
    });
    const crud = [{ op: "PUT", table: "set_things", id: "new", op_data: { body: "x" } }];
    expect(
      await writes.processTransaction({ crud }, { principal: { userId: "alice" } }),
    ).toMatchObject({ status: "retryable_error" });
    expect(heard).toEqual([`set_things.${column}`]);
    expect([...store.rows("set_things"), ...store.letters()]).toEqual([]);
  });
});
