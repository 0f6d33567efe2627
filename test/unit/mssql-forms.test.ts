/** Expressions for SQL Server whose types matter: no SQL Server is asked, and SQLite has no such types. */
import { type Expression, Kysely, type RawBuilder, sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createWrites } from "../../src/index.js";
import { mssql } from "../../src/sql/mssql/dialect.js";
import type { Column } from "../../src/store/tables.js";
import { dressed } from "../support/mssql/database.js";
import { badThing, from, uuid } from "../support/letters.js";
import { DummyMssqlDialect } from "../support/mssql/dummy.js";
import type { TestSchema } from "../support/schema.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const db = new Kysely<unknown>({ dialect: new DummyMssqlDialect() });
const compiled = (expression: Expression<unknown>) =>
  (sql`${expression}` satisfies RawBuilder<unknown>).compile(db);
const column = (type: string, more: Partial<Column> = {}): Column => ({
  name: "c",
  type,
  array: false,
  nullable: true,
  hasDefault: false,
  generated: false,
  ...more,
});

const day = 86_400_000;
const greatest = 2 ** 31 - 1;

describe("expressions for SQL Server", () => {
  it.each([0, 1.5, 59_999.9994, 90 * day, 36_500 * day, 1e9 * day])(
    "count %d ms back in numbers that DATEADD takes, and to no day before the first",
    (ms) => {
      const { parameters } = compiled(mssql.types.ago(ms));
      const [minutes = 0, microseconds = 0] = parameters.map(Number);
      for (const number of [minutes, microseconds]) {
        expect(Number.isInteger(number)).toBe(true);
        expect(Math.abs(number)).toBeLessThanOrEqual(greatest);
      }
      const back = -(minutes * 60_000 + microseconds / 1_000);
      expect(back).toBeCloseTo(Math.min(ms, 2_000 * 365 * day), 2);
    },
  );

  it("take no digit from a fraction for a zero that stands for NULL", () => {
    const sum = mssql.merging.sum(
      sql`x`,
      column("decimal", { precision: 38, scale: 30 }),
      "1",
      "0",
    );
    expect(compiled(sum).sql).toContain("isnull(x, 0)");
  });

  it.each(["varbinary", "money", "decimal", "float", "nvarchar"])(
    "say NULL for %s without a type",
    (type) => {
      expect(compiled(mssql.merging.typed(column(type), null))).toMatchObject({
        sql: "null",
        parameters: [],
      });
    },
  );

  it.each([
    ["nchar", "convert(nchar(8), @1)"],
    ["nvarchar", "@1"],
  ])("compare an owner in a column of %s as it is stored there", (type, value) => {
    const its = column(type, { length: 8 });
    const kind = mssql.owners.kind(its);
    const given = mssql.convert(its, "alice", false);
    const same = mssql.owners.same(sql`c`, kind, given, (compared) => compared);
    const bytes = (text: string) => `convert(varbinary(max), convert(nvarchar(max), ${text}))`;
    expect(compiled(same)).toMatchObject({
      sql: `${bytes("c")} = ${bytes(value)}`,
      parameters: ["alice"],
    });
    const unchanged = mssql.same(sql`c`, its, given);
    expect(compiled(unchanged).sql).toBe(compiled(same).sql);
  });

  it("make no bytes of what converts to text alone", () => {
    const [vector] = mssql.fingerprint([column("vector")]);
    expect(vector && compiled(vector).sql).toContain('convert(nvarchar(max), "c")');
  });
});

describe("what the catalog shows to a login that may not see definitions", () => {
  it("is that there is a default, and a column whose type is somebody else's", async () => {
    const row = { size: 4, digits: 10, scale: 0, collation: null, page: null, nullable: false };
    const no = { counts: false, computed: false, period: 0, json: 0 };
    const rows = [
      { name: "a", type: "int", default: 7, defaulted: null, ...row, ...no },
      { name: "b", type: "", default: 0, defaulted: null, ...row, ...no },
    ];
    const answering = new Kysely<never>({ dialect: new DummyMssqlDialect(undefined, rows) });
    const read = await mssql.readColumns(answering as never, { name: "t" });
    expect(read).toMatchObject([
      { name: "a", hasDefault: true },
      { name: "b", hasDefault: false },
    ]);
  });
});

describe("a row that can't be seen any more after it has been written", () => {
  const owned = (type: string, length: number, own: string, sent: string) => {
    const its = column(type, { length });
    // What reads the row without its lock comes after the write.
    const answer = (statement: string) =>
      statement.includes("updlock") || !statement.includes(' from "t"') ? [{ ok: 1 }] : [];
    const tx = new Kysely<never>({ dialect: new DummyMssqlDialect(undefined, answer) });
    const owner = { column: "c", value: mssql.convert(its, own, false) };
    const target = {
      table: "t",
      columns: new Map([["c", its]]),
      traits: { view: false, lockable: true, rowSecurity: false, declining: new Set() },
      key: { id: 1 },
      scope: { filter: sql`1 = 1`, rowOnly: true, parts: { owner, more: false, parents: [] } },
    };
    const values = { c: mssql.convert(its, sent, false) };
    return mssql.rows.patch(tx as never, target as never, values);
  };

  it.each([
    ["nvarchar", 8, "alice", "alice", "written"],
    ["nvarchar", 8, "alice", "bob", "left"],
    // Not known, for it is computed from a parameter.
    ["nchar", 8, "alice", "bob", "left"],
    ["binary", 16, uuid(1), uuid(2), "left"],
  ])("has its owner in %s(%i) from %j to %j: %s", async (type, length, own, sent, effect) => {
    expect(await owned(type, length, own, sent)).toBe(effect);
  });
});

describe("a table whose index passes over what is taken", () => {
  it("may decline an INSERT, as with a trigger", async () => {
    const sent: string[] = [];
    const object = { kind: "object", name: "U ", detail: "111" };
    const read = async (...rows: readonly object[]) => {
      const dialect = new DummyMssqlDialect((statement) => sent.push(statement), [object, ...rows]);
      return mssql.readTraits?.(new Kysely<never>({ dialect }) as never, { name: "t" });
    };
    const passing = await read({ kind: "trigger", name: "INSERT", detail: null });
    expect(passing?.declining).toEqual(new Set(["insert"]));
    expect((await read())?.declining).toEqual(new Set());
    expect(sent[0]).toContain("d.ignore_dup_key = 1");
  });
});

describe("a row beside the dead letter that undoes the whole transaction", () => {
  it("leaves the transaction queued, and says why", async () => {
    const database = await dressed().open();
    await sql
      .raw("create trigger no before insert on lists begin select raise(rollback, 'no'); end")
      .execute(database.db);
    const failures: unknown[] = [];
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(database.db),
      logger: false,
      onEvent: (event) => event.type === "error" && failures.push(event.error),
      deadLetters: { rejections: { table: "lists", row: () => ({ name: "x" }) } },
    });
    const { status } = await writes.processTransaction(from("phone", 1, badThing(uuid(1))), {
      principal: { userId: "alice" },
      clientId: "phone",
    });
    const { letters } = await writes.deadLetters.list();
    await database.close();
    expect([status, letters]).toEqual(["retryable_error", []]);
    expect(failures.at(-1)).toBeInstanceOf(AggregateError);
    expect(failures.at(-1)).toMatchObject({ cause: { message: "no" } });
  });
});
