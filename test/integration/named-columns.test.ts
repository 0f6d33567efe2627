/** A failure about a value names its column by the client's name: in the answer, the event and the dead letter. What only the database knows stays on the server. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  createWrites,
  type FatalResult,
  type Principal,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { noUuid } from "../support/schema.js";

interface Schema {
  parents: { id: string };
  goods: Record<string, unknown>;
}

type Tables = WritesConfig<Principal, Schema>["tables"];

function tablesOf({ family, uuids }: TestDialect): readonly string[] {
  const id = family === "mysql" && !uuids ? "char(36)" : uuids ? "uuid" : "text";
  const keyed = family === "mysql" ? "varchar(40)" : "text";
  return [
    `create table parents (id ${id} primary key)`,
    `create table goods (
      id ${id} primary key, code varchar(8) unique, must ${keyed} not null default '', size integer, parent_id ${id},
      hidden ${keyed}, a integer, b integer,
      constraint goods_size_ok check (size >= 0),
      constraint goods_ab unique (a, b),
      constraint goods_hidden unique (hidden),
      constraint goods_parent foreign key (parent_id) references parents (id)
    )`,
    `create table goods_plain (id ${id} primary key, size integer, constraint goods_plain_size check (size >= 0))`,
  ];
}

/** Under other names, and with a column of which clients know nothing. */
const renamed: Tables = {
  items: {
    access: "everyone",
    table: "goods",
    columns: {
      sku: { column: "code" },
      title: { column: "must" },
      length: { column: "size" },
      owner: { column: "parent_id" },
      first: { column: "a" },
      second: { column: "b" },
    },
    setOnInsert: { hidden: () => "the same" },
  },
  parents: { access: "everyone" },
  plain: { access: "everyone", table: "goods_plain", columns: { length: { column: "size" } } },
};

/** Without what the server sets. */
const unset: Tables = { ...renamed, items: { ...renamed["items"], setOnInsert: {} } as never };

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let db: Kysely<Schema>;
    const events: WriteEvent[] = [];

    beforeAll(async () => {
      database = await dialect.open();
      db = database.db as unknown as Kysely<Schema>;
      for (const statement of tablesOf(dialect)) await sql.raw(statement).execute(db);
    });
    beforeEach(async () => {
      events.length = 0;
      await database.reset();
      await sql`delete from goods`.execute(db);
      await sql`delete from parents`.execute(db);
    });
    afterAll(() => database.close());

    const writesFor = (tables: Tables) =>
      createWrites<Principal, Schema>({
        authenticate: anonymous(),
        database: db,
        tables,
        logger: false,
        onEvent: (event) => void events.push(event),
      });

    type Op = readonly [op: "PUT" | "PATCH" | "DELETE", table: string, id: string, data?: object];

    /** The failure, after it was seen that all say the same. */
    async function failure(ops: readonly Op[], tables: Tables = renamed) {
      const writes = writesFor(tables);
      const crud = ops.map(([op, table, id, data], index) => ({
        op,
        table,
        id,
        op_id: index + 1,
        ...(data && { op_data: data }),
      }));
      const result = await writes.processTransaction({ crud }, { principal: { userId: "alice" } });
      expect(result).toMatchObject({ status: "fatal_error" });
      const { failedOperation } = result as FatalResult;
      const { letters } = await writes.deadLetters.list();
      expect(letters[0]?.message).toBe(failedOperation.message);
      const told = events.find(({ type }) => type === "dead_letter");
      expect(told).toMatchObject({ message: failedOperation.message });
      // No name that only the database has.
      expect(JSON.stringify(result)).not.toMatch(/goods|hidden|constraint/);
      return failedOperation;
    }

    const id = () => crypto.randomUUID() as string;
    const about = () => events.find((event) => event.type === "dead_letter")?.about;

    it("a value that its column does not take", async () => {
      expect(await failure([["PUT", "items", id(), { title: "x", length: "long" }]])).toMatchObject(
        {
          errorCode: "INVALID_DATA",
          message: expect.stringMatching(/^Column "length": The value is /),
          details: { column: "length" },
        },
      );
    });

    it("a row id that its column does not take, by the wire's name", async () => {
      // It keeps any text there.
      if (dialect.family === "sqlite") return;
      const failed = await failure([["PUT", "items", noUuid, { title: "x" }]]);
      expect(failed).toMatchObject({ errorCode: "INVALID_DATA", details: { column: "id" } });
    });

    it("a value in the second half of a run", async () => {
      const puts = Array.from({ length: 20 }, (_, index): Op => [
        "PUT",
        "plain",
        id(),
        { length: index === 13 ? -1 : index },
      ]);
      expect(await failure(puts)).toMatchObject({
        errorCode: "CHECK_VIOLATION",
        operationIndex: 13,
        ...(dialect.family !== "sqlite" && { details: { column: "length" } }),
      });
    });

    it("a value that is missing", async () => {
      const row = id();
      const ops: readonly Op[] = [
        ["PUT", "items", row, { title: "x" }],
        ["PATCH", "items", row, { title: null }],
      ];
      expect(await failure(ops)).toMatchObject({
        errorCode: "NOT_NULL_VIOLATION",
        message: 'Column "title": A required value is missing.',
        details: { column: "title" },
        operationIndex: 1,
      });
    });

    it("a value that another row has", async () => {
      const ops: readonly Op[] = [
        ["PUT", "items", id(), { title: "x", sku: "same" }],
        ["PUT", "items", id(), { title: "x", sku: "same" }],
      ];
      expect(await failure(ops, unset)).toMatchObject({
        errorCode: "UNIQUE_VIOLATION",
        message: 'Column "sku": Another row already has a value that must be unique.',
        details: { column: "sku" },
      });
    });

    it("two values that another row has", async () => {
      const ops: readonly Op[] = [
        ["PUT", "items", id(), { title: "x", first: 1, second: 2 }],
        ["PUT", "items", id(), { title: "x", first: 1, second: 2 }],
      ];
      expect(await failure(ops, unset)).toMatchObject({
        errorCode: "UNIQUE_VIOLATION",
        message: 'Columns "first", "second": Another row already has a value that must be unique.',
        details: { column: "first", columns: ["first", "second"] },
      });
    });

    it("the server's own column is told to the operator alone", async () => {
      const ops: readonly Op[] = [
        ["PUT", "items", id(), { title: "x" }],
        ["PUT", "items", id(), { title: "x" }],
      ];
      expect(await failure(ops)).toEqual({
        errorCode: "UNIQUE_VIOLATION",
        message: "Another row already has a value that must be unique.",
        operationIndex: 1,
      });
      expect(about()).toMatchObject({ table: "goods", columns: ["hidden"] });
    });

    it("a value that a check refuses", async () => {
      const failed = await failure([["PUT", "items", id(), { title: "x", length: -1 }]]);
      // Of a check with a name, SQLite tells no column.
      expect(failed).toMatchObject(
        dialect.family === "sqlite"
          ? { message: "A value is not allowed by the database's rules." }
          : {
              message: `Column "length": A value is not allowed by the database's rules.`,
              details: { column: "length" },
            },
      );
      expect(about()).toMatchObject({ table: "goods", constraint: "goods_size_ok" });
    });

    it("a row that is referred to and not there", async () => {
      const failed = await failure([["PUT", "items", id(), { title: "x", owner: id() }]]);
      expect(failed).toMatchObject({ errorCode: "FOREIGN_KEY_VIOLATION" });
      // SQLite says no more than that.
      if (dialect.family !== "sqlite")
        expect(failed).toMatchObject({
          message: 'Column "owner": The row that it refers to does not exist.',
          details: { column: "owner" },
        });
    });

    it("a row that others refer to", async () => {
      const parent = id();
      const failed = await failure([
        ["PUT", "parents", parent, {}],
        ["PUT", "items", id(), { title: "x", owner: parent }],
        ["DELETE", "parents", parent],
      ]);
      expect(failed).toMatchObject({ errorCode: "FOREIGN_KEY_VIOLATION", operationIndex: 2 });
      if (dialect.family !== "sqlite")
        expect(failed.message).toBe("Other rows still refer to this row.");
    });
  });
}
