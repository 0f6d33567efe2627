/**
 * Values of more digits than their columns keep: an app's ordinary writes go through, rounded; and what says which row is meant is never rounded,
 * for two readings of one second must not become one row. On every database, and the memory store.
 */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  createWrites,
  type Principal,
  type TransactionResult,
  type Write,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { memoryStore, type MemoryTables } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { dialects, type TestDialect } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

type Tables = WritesConfig<Principal, TestSchema>["tables"];

interface Subject {
  readonly name: string;
  /** What it does with digits beyond a column's. */
  readonly digits: "rounds" | "cuts" | "keeps";
  available(): Promise<boolean>;
  open(): Promise<Opened>;
}

interface Opened {
  writes(tables: Tables, more?: Partial<WritesConfig<Principal, TestSchema>>): Writes<Principal>;
  /** How many rows there are. */
  count(table: string): Promise<number>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

const names = ["sessions", "readings", "parts", "codes", "orders"] as const;

const statements = ({ family }: TestDialect): readonly string[] => {
  const at = family === "postgres" ? "timestamptz(0)" : "datetime";
  const at3 = family === "postgres" ? "timestamp(3)" : "datetime(3)";
  const at6 = family === "postgres" ? "timestamptz" : "datetime(6)";
  return [
    `create table readings (at ${at} primary key, owner_id varchar(40), body varchar(40))`,
    `create table parts (kind varchar(40), at ${at}, body varchar(40), primary key (kind, at))`,
    `create table sessions (id varchar(40) primary key, at ${at}, body varchar(40))`,
    `create table codes (id varchar(40) primary key, code numeric(10, 2) unique, owner_id varchar(40))`,
    `create table orders (id varchar(40) primary key, at ${at}, at3 ${at3}, at6 ${at6}, price numeric(10, 2), whole numeric(10, 0), code_id varchar(40), code numeric(10, 2), owner_id varchar(40))`,
  ];
};

const memoryTables: MemoryTables = {
  readings: {
    columns: { at: { type: "timestamp", scale: 0 }, owner_id: "text", body: "text" },
    key: ["at"],
  },
  parts: {
    columns: { kind: "text", at: { type: "timestamp", scale: 0 }, body: "text" },
    key: ["kind", "at"],
  },
  sessions: { columns: { id: "text", at: { type: "timestamp", scale: 0 }, body: "text" } },
  codes: {
    columns: { id: "text", code: { type: "decimal", precision: 10, scale: 2 }, owner_id: "text" },
    unique: [["code"]],
  },
  orders: {
    columns: {
      id: "text",
      at: { type: "timestamp", scale: 0 },
      at3: { type: "timestamp", scale: 3 },
      at6: "timestamp",
      price: { type: "decimal", precision: 10, scale: 2 },
      whole: { type: "decimal", precision: 10, scale: 0 },
      code_id: "text",
      code: { type: "decimal", precision: 10, scale: 2 },
      owner_id: "text",
    },
  },
};

const memory: Subject = {
  name: "memory",
  digits: "rounds",
  available: async () => isChosen("memory"),
  open: async () => {
    const store = memoryStore({ tables: memoryTables });
    return {
      writes: (tables, more) =>
        createWrites<Principal, TestSchema>({
          authenticate: anonymous(),
          database: store as never,
          tables,
          logger: false,
          ...more,
        }),
      count: async (table) => store.rows(table).length,
      reset: async () => store.clear(),
      close: async () => undefined,
    };
  },
};

function onDatabase(dialect: TestDialect): Subject {
  const digits =
    dialect.family === "sqlite" ? "keeps" : dialect.name === "MariaDB" ? "cuts" : "rounds";
  return {
    name: dialect.name,
    digits,
    available: dialect.available,
    open: async () => {
      const { db, close } = await dialect.open();
      const untyped = db as unknown as Kysely<Record<string, Record<string, unknown>>>;
      for (const statement of statements(dialect)) await sql.raw(statement).execute(db);
      return {
        writes: (tables, more) =>
          createWrites<Principal, TestSchema>({
            authenticate: anonymous(),
            database: db,
            tables,
            logger: false,
            ...more,
          }),
        count: async (table) => {
          const { n } = await untyped
            .selectFrom(table)
            .select((eb) => eb.fn.countAll().as("n"))
            .executeTakeFirstOrThrow();
          return Number(n);
        },
        reset: async () => {
          for (const table of names) await untyped.deleteFrom(table).execute();
        },
        close,
      };
    },
  };
}

const success: TransactionResult = { status: "success" };
const invalid = {
  status: "fatal_error",
  failedOperation: { errorCode: "INVALID_DATA", operationIndex: 0 },
};

const everyone = { access: "everyone" } as const;
const owned = { owner: "owner_id" } as const;

for (const subject of [...dialects.map(onDatabase), memory]) {
  const { name, digits } = subject;
  const isThere = await subject.available();

  describe.skipIf(!isThere)(name, () => {
    let opened: Opened;

    beforeAll(async () => {
      opened = await subject.open();
    });
    beforeEach(() => opened.reset());
    afterAll(() => opened.close());

    const put = (
      writes: Writes<Principal>,
      table: string,
      id: string,
      op_data: Readonly<Record<string, unknown>> = {},
    ) =>
      writes.processTransaction(
        { crud: [{ op: "PUT", table, id, op_data }] },
        { principal: { userId: "alice" } },
      );

    const written = async (
      tables: Tables,
      op_data: Readonly<Record<string, unknown>>,
    ): Promise<{ result: TransactionResult; seen: readonly Write[] }> => {
      const seen: Write[] = [];
      const hooks = { persist: { before: (write: Write) => void seen.push(write) } };
      const result = await put(opened.writes(tables, { hooks }), "orders", "o1", op_data);
      return { result, seen };
    };

    it("takes what the languages of the SDKs write, and shows hooks what is stored", async () => {
      const { result, seen } = await written(
        { orders: everyone },
        {
          at: "2026-12-31T23:59:59.678Z",
          at3: "2026-12-31T23:59:59.999678",
          at6: "2026-12-31T23:59:59.1234567Z",
          price: 0.1 + 0.2,
        },
      );
      expect(result).toEqual(success);
      const values = JSON.stringify(seen[0]?.values);
      const kept = {
        rounds: ["2027-01-01T00:00:00.000Z", "0.30"],
        cuts: ["2026-12-31T23:59:59.000Z", "0.30"],
        keeps: ["2026-12-31 23:59:59.678", "0.30000000000000004"],
      }[digits];
      for (const each of kept) expect(values).toContain(each);
      for (const sent of [".678Z", ".1234567Z"]) expect(values).not.toContain(sent);
    });

    it("takes no fraction where a number is whole, and nothing that would be too large once it is rounded", async () => {
      for (const op_data of [
        { whole: 1.5 },
        { whole: "0.5" },
        { price: "100000000" },
        ...(digits === "keeps" ? [] : [{ price: "99999999.995" }]),
        ...(digits === "rounds" ? [{ at: "9999-12-31T23:59:59.5Z" }] : []),
      ]) {
        expect(
          (await written({ orders: everyone }, op_data)).result,
          JSON.stringify(op_data),
        ).toMatchObject(invalid);
      }
      expect(await opened.count("orders")).toBe(0);
    });

    it.each<[string, Tables]>([
      ["the rule", { orders: { ...everyone, exact: true } }],
      [
        "the column",
        { orders: { ...everyone, columns: { at: { exact: true }, price: { exact: true } } } },
      ],
      [
        "the column, by another name",
        {
          orders: {
            ...everyone,
            columns: { at: { column: "at3", exact: true }, price: { exact: true } },
          },
        },
      ],
    ])("rounds nothing where %s says exact", async (_, tables) => {
      const { result } = await written(tables, { price: "1.005" });
      expect(result).toMatchObject(invalid);
      const fine = await written(tables, { price: "1.050", at: "2026-01-01T00:00:00.000Z" });
      expect(fine.result).toEqual(success);
      if (digits === "keeps") return;
      const late = await written(tables, { at: "2026-01-01T00:00:00.6785Z" });
      expect(late.result).toMatchObject(invalid);
    });

    it("lets a column differ from its rule, and does not hold the server to what it holds clients to", async () => {
      const tables: Tables = {
        orders: {
          ...everyone,
          exact: true,
          columns: { price: { exact: false } },
          set: { at: () => new Date("2026-01-01T00:00:00.678Z") },
        },
      };
      expect((await written(tables, { price: "1.005" })).result).toEqual(success);
    });

    it("never makes one row of two keys, alone or in parts", async () => {
      const tables: Tables = {
        readings: { ...everyone, id: "at" },
        parts: {
          ...everyone,
          id: { columns: ["kind", "at"], split: (id: string) => id.split("|") },
        },
      };
      const writes = opened.writes(tables);
      const readings = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.2Z", "2026-01-01T00:00:00.4Z"];
      for (const [table, prefix] of [
        ["readings", ""],
        ["parts", "a|"],
      ] as const) {
        const results: TransactionResult[] = [];
        for (const at of readings)
          results.push(await put(writes, table, `${prefix}${at}`, { body: at }));
        const applied = results.filter(({ status }) => status === "success").length;
        expect(await opened.count(table)).toBe(applied);
        expect(applied).toBe(digits === "keeps" ? 3 : 1);
        for (const each of results.slice(applied)) expect(each).toMatchObject(invalid);
        const [, second = ""] = readings;
        const removed = await writes.processTransaction(
          { crud: [{ op: "DELETE", table, id: `${prefix}${second}` }] },
          { principal: { userId: "alice" } },
        );
        if (digits === "keeps") expect(removed).toEqual(success);
        else expect(removed).toMatchObject(invalid);
        expect(await opened.count(table)).toBe(digits === "keeps" ? 2 : 1);
      }
    });

    it("never takes one parent for another", async () => {
      const tables: Tables = {
        readings: { ...owned, id: "at" },
        sessions: { belongsTo: { at: "readings" } },
        codes: owned,
        orders: {
          belongsTo: { code: { table: "codes", by: "code" } },
          columns: ["code", "price"],
        },
        found: {
          ...everyone,
          table: "orders",
          columns: {
            code: { column: "code_id", references: { table: "codes", match: "code", take: "id" } },
          },
        },
      };
      const writes = opened.writes(tables);
      expect(await put(writes, "readings", "2026-01-01T00:00:01Z")).toEqual(success);
      expect(await put(writes, "sessions", "s0", { at: "2026-01-01T00:00:01Z" })).toEqual(success);
      const wrong = { at: "2026-01-01T00:00:01.2Z" };
      expect(await put(writes, "sessions", "s1", wrong)).toMatchObject(
        digits === "keeps" ? { failedOperation: { errorCode: "UNAUTHORIZED" } } : invalid,
      );
      expect(await put(writes, "codes", "c1", { code: "1.50" })).toEqual(success);
      expect(await put(writes, "orders", "o1", { code: "1.5", price: "2.005" })).toEqual(success);
      expect(await put(writes, "found", "f1", { code: "1.5" })).toEqual(success);
      for (const code of ["1.499", "1.5000001"]) {
        expect(await put(writes, "codes", "c2", { code })).toMatchObject(invalid);
        for (const table of ["orders", "found"]) {
          expect(await put(writes, table, "o2", { code })).toMatchObject(invalid);
        }
      }
    });

    it("names the columns that round, with an example, and the keys that don't keep what is sent", async () => {
      const tables: Tables = {
        orders: { ...everyone, columns: ["at", "at3", "at6", "price", "whole"] },
        exact: { ...everyone, table: "orders", exact: true },
        meant: { ...everyone, table: "orders", exact: false },
        readings: { ...everyone, id: "at" },
        sessions: { belongsTo: { at: { table: "readings" } } },
      };
      const found = await opened.writes({ ...tables, readings: { ...owned, id: "at" } }).check();
      const short = found
        .filter(({ code }) => code.endsWith("_rounds"))
        .map(({ code, table, column }) => `${code} ${table}.${column}`);
      expect(short.toSorted()).toEqual(
        digits === "keeps"
          ? []
          : [
              "column_rounds orders.at",
              "column_rounds orders.at3",
              "column_rounds orders.price",
              "key_rounds readings.at",
              "key_rounds sessions.at",
            ],
      );
      if (digits === "keeps") return;
      const [at, price] = ["at", "price"].map(
        (column) =>
          found.find((each) => each.table === "orders" && each.column === column)?.message,
      );
      expect(at).toContain("2026-01-02T03:04:05.678Z is stored as 2026-01-02");
      expect(at).toContain(digits === "cuts" ? "03:04:05" : "03:04:06");
      expect(price).toContain("0.30000000000000004 is stored as 0.30");
      expect(price).toMatch(/(?:numeric|decimal)\(10, 2\)/);
    });
  });
}

describe("exact, as an option", () => {
  it.each([
    { exact: "yes" },
    { exact: undefined },
    { columns: { at: { exact: 1 } } },
    { columns: { at: { exact: undefined } } },
  ])("%o is refused at the start", (rule) => {
    expect(() =>
      createWrites({
        authenticate: anonymous(),
        database: memoryStore({ tables: memoryTables }) as never,
        tables: { orders: { ...everyone, ...rule } as never },
      }),
    ).toThrow(TypeError);
  });
});
