/** What the device is told of dead letters, by rows that sync back to it. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  createWrites,
  type Principal,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

interface Rejection {
  id: string;
  user_id: string;
  client_id: string | null;
  error_code: string | null;
  message: string | null;
  table_name: string | null;
  row_id: string | null;
  operation_index: number | null;
  root_id: string | null;
  created_at: Date | string | null;
}
type Schema = TestSchema & { rejections: Rejection };
type Config = Partial<WritesConfig<Principal, Schema>>;

const principal = { userId: "alice" };
const id = "00000000-0000-4000-8000-000000000001";
const list = { op: "PUT", table: "lists", id, op_data: { name: "Groceries" } };
const refused = {
  client_id: "phone",
  crud: [
    { ...list, op_id: 1 },
    { op: "PATCH", table: "nowhere", id: "row-7", op_id: 2, op_data: {} },
  ],
};
const fatal = { status: "fatal_error", requiresClientHandling: false };

describe.each(dialects)("rejections on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<Schema>;
  let events: WriteEvent[] = [];
  const open = (config: Config = {}) =>
    createWrites<Principal, Schema>({
      authenticate: anonymous(),
      database: db,
      tables: { lists: { access: "everyone" }, things: { access: "everyone" } },
      onEvent: (event) => void events.push(event),
      ...config,
      deadLetters: { rejections: { table: "rejections" }, ...config.deadLetters },
    });
  const send = (config: Config = {}, body: unknown = refused) =>
    open(config).processTransaction(body, { principal });

  const times = {
    sqlite: "timestamp",
    mysql: "timestamp(6) null",
    postgres: "timestamptz",
  }[dialect.family];
  const create = async (
    columns = `client_id text, error_code text, message text, table_name varchar(20), row_id text,
      operation_index integer, root_id varchar(36), created_at ${times}`,
  ) => {
    await sql.raw("drop table if exists rejections").execute(db);
    await sql
      .raw(`create table rejections (id varchar(36) primary key, user_id varchar(20), ${columns})`)
      .execute(db);
  };
  const rows = async () =>
    (await db.selectFrom("rejections").selectAll().execute()).map((row) => database?.plain(row));
  const letters = () => db.selectFrom("powersync_dead_letters").selectAll().execute();

  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    events = [];
    await database?.reset();
    await create();
  });
  afterAll(async () => database?.close());

  it("tell what was refused, once", async () => {
    const before = Date.now();
    const answer = await send();
    expect(answer).toMatchObject(fatal);
    const [letter] = await letters();
    const [row, ...more] = await rows();
    expect(more).toEqual([]);
    expect(row).toMatchObject({
      id: letter?.id,
      user_id: "alice",
      client_id: "phone",
      error_code: "UNKNOWN_TABLE",
      message: 'The table "nowhere" is not writable here.',
      table_name: "nowhere",
      row_id: "row-7",
      root_id: null,
    });
    expect(Number(row?.operation_index)).toBe(1);
    const createdAt = new Date(`${String(row?.created_at).replace(" ", "T").replace(/Z?$/, "Z")}`);
    expect(createdAt.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(createdAt.getTime()).toBeLessThanOrEqual(Date.now() + 1);

    expect(await send()).toEqual(answer);
    expect(await rows()).toHaveLength(1);
    expect(await db.selectFrom("lists").selectAll().execute()).toEqual([]);
  });

  it("tell what a dependant waits for", async () => {
    expect(await send()).toMatchObject(fatal);
    const [root] = await rows();
    const behind = { op: "PATCH", table: "lists", id, op_data: { name: "Sooner" }, op_id: 3 };
    const answer = await send({}, { client_id: "phone", crud: [behind] });
    expect(answer).toMatchObject({ failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } });
    const others = (await rows()).filter((row) => row?.id !== root?.id);
    expect(others).toMatchObject([
      { root_id: root?.id, error_code: "DEPENDS_ON_DEAD_LETTER", table_name: "lists", row_id: id },
    ]);
  });

  it("are written as far as the table has columns", async () => {
    await create("message text");
    expect(await send()).toMatchObject(fatal);
    expect(await rows()).toEqual([
      {
        id: expect.any(String) as unknown,
        user_id: "alice",
        message: expect.any(String) as unknown,
      },
    ]);
  });

  it("are what the application makes of them", async () => {
    await create("reason text, size integer not null");
    const config: Config = {
      deadLetters: {
        rejections: {
          table: "rejections",
          row: async (letter, context, usual) =>
            letter.errorCode === "UNKNOWN_TABLE"
              ? {
                  id: usual.id,
                  user_id: context.principal.userId,
                  reason: `${letter.message} (${usual.table_name})`,
                  size: "7",
                }
              : null,
        },
      },
    };
    expect(await send(config)).toMatchObject(fatal);
    const constraint = { crud: [{ op: "PUT", table: "things", id, op_data: { size: -1 } }] };
    expect(await send(config, constraint)).toMatchObject(fatal);
    expect(await letters()).toHaveLength(2);
    const [row, ...more] = await rows();
    expect(more).toEqual([]);
    expect(row).toMatchObject({ user_id: "alice", reason: expect.stringMatching(/\(nowhere\)$/) });
    expect(Number(row?.size)).toBe(7);
  });

  it.each([
    ["a table that is missing", "nowhere_at_all", undefined],
    ["a column that is missing", "rejections", () => ({ no_such_column: 1 })],
    [
      "a mistake in the application",
      "rejections",
      () => {
        throw new Error("bug");
      },
    ],
  ])(
    "keep the transaction queued where they can't be written for %s",
    async (_name, table, row) => {
      const answer = await send({ deadLetters: { rejections: { table, ...(row && { row }) } } });
      expect(answer).toMatchObject({ status: "retryable_error" });
      expect(await letters()).toEqual([]);
      expect(await db.selectFrom("powersync_ledger").selectAll().execute()).toEqual([]);
      expect(events).toContainEqual(
        expect.objectContaining({ type: "error", during: "deadLetter", outcome: "retryable" }),
      );
      expect(await send()).toMatchObject(fatal);
      expect(await letters()).toHaveLength(1);
      expect(await rows()).toHaveLength(1);
    },
  );

  it.each([
    ["a text that is too long", "x".repeat(300), undefined],
    ["NULL where none may be", "t", () => ({ id: "1", user_id: null, must: null })],
    ["a value of another type", "t", () => ({ id: "1", operation_index: "many" })],
    ["a unique value that is taken", "t", () => ({ id: "2", must: "taken" })],
  ])("are left out for %s, and the letter is not", async (_name, table, row) => {
    await create(
      `must varchar(20) default 'x' not null unique, operation_index integer, table_name varchar(20)`,
    );
    await sql`insert into rejections (id, must) values ('other', 'taken')`.execute(db);
    const body = { client_id: "phone", crud: [{ op: "DELETE", table, id: "1", op_id: 1 }] };
    const config = { deadLetters: { rejections: { table: "rejections", ...(row && { row }) } } };
    const answer = await send(config, body);
    expect(answer).toMatchObject(fatal);
    expect(await letters()).toHaveLength(1);
    expect(await rows()).toHaveLength(1);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "error", during: "rejection", outcome: "ignored" }),
    );
    expect(await send(config, body)).toEqual(answer);
    expect(await letters()).toHaveLength(1);
  });

  it("hold what a device sends, whatever it is", async () => {
    const crud = [{ op: "DELETE", table: "a\0b", id: "\ud800", op_id: 1 }];
    expect(await send({}, { client_id: "c\0", crud })).toMatchObject(fatal);
    const invalid = { client_id: "phone", crud: [{ op: "MOVE", table: "lists", id: 7 }] };
    expect(await send({}, invalid)).toMatchObject(fatal);
    expect(await send({}, { nothing: true })).toMatchObject(fatal);
    expect(await letters()).toHaveLength(3);
    const told = (await rows()).map((row) => [row?.client_id, row?.table_name, row?.row_id]);
    expect(told).toHaveLength(3);
    expect(told).toEqual(
      expect.arrayContaining([
        ["c\ufffd", "a\ufffdb", "\ufffd"],
        ["phone", "lists", null],
        [null, null, null],
      ]),
    );
  });

  it("are not written again for a letter that is", async () => {
    const deadLetter: NonNullable<Config["deadLetter"]> = (letter) => ({
      ...letter,
      id: "the-same",
    });
    for (const opId of [1, 2]) {
      const crud = [{ op: "DELETE", table: "nowhere", id: "1", op_id: opId }];
      expect(await send({ deadLetter }, { client_id: "phone", crud })).toMatchObject(fatal);
    }
    expect(await rows()).toMatchObject([{ id: "the-same" }]);
    expect(events.filter(({ type }) => type === "error")).toHaveLength(2);
  });

  it("are not written where nothing is recorded", async () => {
    const answer = await send({ deadLetters: { requiresClientHandling: () => true } });
    expect(answer).toMatchObject({
      status: "fatal_error",
      requiresClientHandling: true,
    });
    expect(await rows()).toEqual([]);
  });

  it("are undone with the letter", async () => {
    const writes = open({
      deadLetters: {
        rejections: {
          table: "rejections",
          row: async (_letter, { tx }, usual) => {
            await tx.deleteFrom("powersync_dead_letters").execute();
            return { ...usual, no_such_column: 1 };
          },
        },
      },
    });
    expect(await writes.processTransaction(refused, { principal })).toMatchObject({
      status: "retryable_error",
    });
    expect(await rows()).toEqual([]);
    expect(await letters()).toEqual([]);
  });

  it("are told of what was parked", async () => {
    const writes = open({
      parking: { afterHours: 0, attempts: 2 },
      authorize: ({ values }) => {
        if (values.name === "poison") throw new Error("bug");
      },
    });
    const put = (opId: number, name: string) =>
      writes.processTransaction(
        { crud: [{ ...list, op_id: opId, op_data: { name } }] },
        { principal, clientId: "phone" },
      );
    await put(1, "poison");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await put(2, "fine");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await put(1, "poison")).toMatchObject(fatal);
    expect(await rows()).toMatchObject([{ error_code: "RETRIES_EXHAUSTED", row_id: id }]);
  });
});

it("need a table", () => {
  const config = { authenticate: anonymous(), database: () => Promise.reject(new Error()) };
  expect(() =>
    createWrites({ ...config, tables: {}, deadLetters: { rejections: { table: "" } } }),
  ).toThrow(TypeError);
});
