/** What arrives in a column is what the device wrote, exactly, or it is refused: read back from real databases as text. */
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  anonymous,
  createWrites,
  type Principal,
  type WriteEvent,
  type Writes,
} from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

const principal: Principal = { userId: "alice" };

/** By column, the type; the column is named after it. */
const columns = {
  uuid: "uuid",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  price: "numeric(12,2)",
  any_numeric: "numeric",
  float8: "double precision",
  float4: "real",
  bool: "boolean",
  json: "json",
  jsonb: "jsonb",
  text: "text",
  short: "varchar(4)",
  texts: "text[]",
  int8s: "bigint[]",
  bools: "boolean[]",
  uuids: "uuid[]",
  jsonbs: "jsonb[]",
  instants: "timestamptz[]",
  tz: "timestamptz",
  ts: "timestamp",
  day: "date",
  hour: "time",
  bytes: "bytea",
  mood: "mood",
  even: "even",
  money2: "money2",
  tiny: "numeric(3,5)",
  months: "interval year to month",
  days: "interval day",
  minutes: "interval day to minute",
  seconds: "interval hour to second(2)",
  called: "name",
  blobs: "blob[]",
  holidays: "holiday[]",
  moneys: "money2[]",
  doubled: "integer generated always as (int2 * 2) stored",
} as const;

type ColumnName = keyof typeof columns;

/** Column, what is sent, how the database writes what it stored. */
const stored: readonly (readonly [ColumnName, unknown, string | null])[] = [
  ["uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],

  ["int4", 2147483647, "2147483647"],
  ["int4", "-2147483648", "-2147483648"],
  ["int4", 7.0, "7"],
  ["int4", true, "1"],
  ["int2", -32768, "-32768"],
  ["int8", 9223372036854775807n, "9223372036854775807"],
  ["int8", -9223372036854775808n, "-9223372036854775808"],
  ["int8", "9223372036854775807", "9223372036854775807"],
  ["int8", Number.MAX_SAFE_INTEGER, "9007199254740991"],

  ["price", "9999999999.99", "9999999999.99"],
  ["price", "0.10", "0.10"],
  ["price", 12.5, "12.50"],
  ["price", "1250e-2", "12.50"],
  ["price", "5.000", "5.00"],
  ["price", 3n, "3.00"],
  ["price", 0.1 + 0.2, "0.30"],
  ["price", "0.005", "0.01"],
  ["price", "-0.001", "0.00"],
  [
    "any_numeric",
    "123456789012345678901234567890.123456789",
    "123456789012345678901234567890.123456789",
  ],
  ["any_numeric", 1e-7, "0.0000001"],

  ["float8", 0.1, "0.1"],
  ["float8", "1e308", "1e+308"],
  ["float8", 5e-324, "5e-324"],
  ["float8", 2 ** 60, "1.152921504606847e+18"],
  ["float4", 1.5, "1.5"],

  ["bool", 0, "false"],
  ["bool", 1, "true"],
  ["bool", true, "true"],
  ["bool", "t", "true"],
  ["bool", "false", "false"],

  ["jsonb", '{"a": [1, 2]}', '{"a": [1, 2]}'],
  ["jsonb", { a: [1, { b: "c" }], d: null }, '{"a": [1, {"b": "c"}], "d": null}'],
  ["jsonb", [], "[]"],
  ["jsonb", '"text"', '"text"'],
  ["jsonb", 5, "5"],
  ["jsonb", true, "true"],
  ["jsonb", "null", "null"],
  ["jsonb", null, null],
  ["jsonb", '{"big": 12345678901234567890}', '{"big": 12345678901234567890}'],
  ["jsonb", { big: 12345678901234567890n }, '{"big": 12345678901234567890}'],
  ["jsonb", { quote: 'it\'s "so" \\ 🎉' }, '{"quote": "it\'s \\"so\\" \\\\ 🎉"}'],
  ["json", '{"a":  1, "a": 2}', '{"a":  1, "a": 2}'],

  ["text", "", ""],
  ["text", "Grüße 🎉\u0001\n'\"\\", "Grüße 🎉\u0001\n'\"\\"],
  ["text", 1.5, "1.5"],
  ["text", 12345678901234567890n, "12345678901234567890"],
  ["text", { a: 1 }, '{"a":1}'],
  ["text", "null", "null"],
  ["short", "äöü🎉", "äöü🎉"],

  ["texts", '["a", "b"]', "{a,b}"],
  ["texts", ["a", 'with "quotes"', "back\\slash", "com,ma", "{}", ""], null],
  ["texts", ["NULL", null, "null"], '{"NULL",NULL,"null"}'],
  ["texts", [], "{}"],
  ["texts", "[]", "{}"],
  ["texts", '{a,"b c"}', '{a,"b c"}'],
  [
    "texts",
    [
      ["a", "b"],
      ["c", null],
    ],
    "{{a,b},{c,NULL}}",
  ],
  ["texts", null, null],
  ["int8s", "[9223372036854775807, 9007199254740993]", "{9223372036854775807,9007199254740993}"],
  ["int8s", [1, "2", 9007199254740993n, null], "{1,2,9007199254740993,NULL}"],
  ["bools", [0, 1, "t", false], "{f,t,t,f}"],
  ["uuids", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"],
  ["jsonbs", [{ a: 1 }, [1, 2], '"x"', null], '{"{\\"a\\": 1}","[1, 2]","\\"x\\"",NULL}'],

  ["tz", "2026-07-01T12:00:00Z", "2026-07-01 12:00:00+00"],
  ["tz", "2026-07-01T12:00:00.123456+02:00", "2026-07-01 10:00:00.123456+00"],
  ["tz", "2026-07-01 12:00:00-0530", "2026-07-01 17:30:00+00"],
  ["tz", "2026-07-01 12:00:00", "2026-07-01 12:00:00+00"],
  ["tz", "2026-07-01", "2026-07-01 00:00:00+00"],
  ["tz", new Date(Date.UTC(2026, 6, 1, 12, 0, 0, 5)), "2026-07-01 12:00:00.005+00"],
  ["ts", "2026-07-01T12:00:00+02:00", "2026-07-01 10:00:00"],
  ["ts", "2026-07-01 12:00:00.000001", "2026-07-01 12:00:00.000001"],
  ["day", "2024-02-29", "2024-02-29"],
  ["day", "2024-02-29T00:00:00.000Z", "2024-02-29"],
  ["hour", "23:59:59.5", "23:59:59.5"],

  ["bytes", "AP+A", "\\x00ff80"],
  ["bytes", "", "\\x"],
  ["bytes", new Uint8Array([0, 255]), "\\x00ff"],

  ["mood", "happy", "happy"],
  ["even", 4, "4"],
  ["money2", "1.25", "1.25"],
  ["tiny", 0.00999, "0.00999"],
  ["tiny", "-0.000015", "-0.00002"],
  ["tiny", 0, "0.00000"],
  ["months", "P1Y2M", "1 year 2 mons"],
  ["months", "1.5 years", "1 year 6 mons"],
  ["days", { months: 1, days: -3 }, "1 mon -3 days"],
  ["minutes", "1 day 02:03", "1 day 02:03:00"],
  ["minutes", "PT120S", "00:02:00"],
  ["seconds", "00:00:01.255", "00:00:01.26"],
  ["called", "ä".repeat(31), "ä".repeat(31)],
  ["blobs", ["AP+A", null], '{"\\\\x00ff80",NULL}'],
  ["holidays", '["2024-02-29T00:00:00Z"]', "{2024-02-29}"],
  ["moneys", [1.255, "2"], "{1.26,2.00}"],
];

const refused: readonly (readonly [ColumnName, unknown])[] = [
  ["uuid", "no uuid"],
  ["uuid", { a: 1 }],
  ["int4", 1.5],
  ["int4", "1.5"],
  ["int4", 99999999999],
  ["int4", "many"],
  ["int4", ""],
  ["int4", {}],
  ["int2", 32768],
  ["int8", "9223372036854775808"],
  ["int8", 2n ** 63n],
  ["int8", "1e3"],
  ["price", "10000000000"],
  ["price", "9999999999.995"],
  ["price", "NaN"],
  ["any_numeric", "Infinity"],
  ["float8", "1e400"],
  ["float8", Infinity],
  ["float8", "NaN"],
  ["bool", 2],
  ["bool", "maybe"],
  ["jsonb", "no JSON"],
  ["jsonb", ""],
  ["jsonb", { a: Infinity }],
  ["jsonb", { a: "\0" }],
  ["jsonb", '"\\u0000"'],
  ["jsonb", '"\\ud800"'],
  ["json", "{a:1}"],
  ["text", "a\0b"],
  ["text", "half \ud83c"],
  ["text", "\udf89\ud83c"],
  ["short", "12345"],
  ["texts", "a, b"],
  ["texts", '"a"'],
  ["texts", { a: 1 }],
  ["texts", 7],
  ["texts", ["a\0"]],
  ["texts", [["a"], ["b", "c"]]],
  ["texts", '{"a'],
  ["texts", "{{a},{b}}"],
  ["texts", '"{{a},{b}}"'],
  ["int8s", [1.5]],
  ["tiny", 0.01],
  ["tiny", "0.009999"],
  ["months", "P1M3D"],
  ["months", "1 mon 00:00:01"],
  ["months", "0.5 months"],
  ["days", "1 day 02:00"],
  ["minutes", "00:00:30"],
  ["called", "ä".repeat(32)],
  ["blobs", ["no base64!"]],
  ["holidays", ["2024-02-29T10:00:00Z"]],
  ["tz", "yesterday"],
  ["tz", 1767225600],
  ["tz", "2026-02-30T00:00:00Z"],
  ["tz", "9999-12-31T23:59:59.9999999Z"],
  ["ts", "2026-01-01T25:00:00"],
  ["ts", "0000-01-01T00:00:00"],
  ["day", "2026-01-01T10:00:00Z"],
  ["day", "2023-02-29"],
  ["hour", "25:00"],
  ["bytes", "not base64!"],
  ["bytes", "AP-A"],
  ["bytes", "AP+"],
  ["bytes", [0, 255]],
  ["mood", "indifferent"],
  ["mood", 1],
];

for (const dialect of dialects.filter(({ family }) => family === "postgres")) {
  const available = await dialect.available();
  describe.skipIf(!available)(`values on ${dialect.name}`, () => {
    let database: TestDatabase;
    let writes: Writes<Principal>;
    let events: WriteEvent[] = [];

    beforeAll(async () => {
      database = await dialect.open();
      const { db } = database;
      await sql`create type mood as enum ('happy', 'sad')`.execute(db);
      await sql`create domain even as integer check (value % 2 = 0)`.execute(db);
      await sql`create domain money1 as numeric(6,2)`.execute(db);
      await sql`create domain money2 as money1`.execute(db);
      await sql`create domain blob as bytea`.execute(db);
      await sql`create domain holiday as date`.execute(db);
      const list = Object.entries(columns).map(([name, type]) => `"${name}" ${type}`);
      await sql`create table sorts (id uuid primary key, ${sql.raw(list.join(", "))})`.execute(db);
      writes = createWrites<Principal, TestSchema>({
        authenticate: anonymous(),
        database: db,
        tables: { sorts: { access: "everyone" } },
        onEvent: (event) => void events.push(event),
      });
    });
    afterAll(() => database.close());

    const write = async (data: Record<string, unknown>, op = "PUT", id = crypto.randomUUID()) => {
      events = [];
      const result = await writes.processTransaction(
        { crud: [{ op, table: "sorts", id, op_data: data }] },
        { principal },
      );
      return { id, result };
    };

    const read = async (id: string, column: ColumnName): Promise<string | null | undefined> => {
      const { rows } = await sql<{ text: string | null }>`
        select ${column === "tz" ? sql`(tz at time zone 'UTC')::text || '+00'` : sql`${sql.ref(column)}::text`} as text
        from sorts where id = ${id}`.execute(database.db);
      return rows[0]?.text;
    };

    it.each(stored)("%s takes %o", async (column, value, text) => {
      const { id, result } = await write({ [column]: value });
      expect(result).toEqual({ status: "success" });
      if (Array.isArray(value) && text === null) {
        // Elements are compared one by one: the literal's quoting is the database's own matter.
        const { rows } = await sql<{ element: string | null }>`
          select unnest(${sql.ref(column)}) as element from sorts where id = ${id}
        `.execute(database.db);
        expect(rows.map(({ element }) => element)).toEqual(value);
        return;
      }
      expect(await read(id, column)).toBe(text);
      // A PATCH converts in the same way.
      const row = crypto.randomUUID();
      await write({}, "PUT", row);
      expect((await write({ [column]: value }, "PATCH", row)).result.status).toBe("success");
      expect(await read(row, column)).toBe(text);
    });

    it.each(refused)("%s refuses %o", async (column, value) => {
      const { id, result } = await write({ [column]: value });
      expect(result).toMatchObject({
        status: "fatal_error",
        failedOperation: { errorCode: "INVALID_DATA", operationIndex: 0 },
      });
      expect(await read(id, column)).toBeUndefined();
      const text = JSON.stringify(result);
      for (const word of ["sorts", "syntax", "overflow", "pg_"]) expect(text).not.toContain(word);
    });

    it("tells JSON's null from no value", async () => {
      const { id } = await write({ jsonb: "null", json: null });
      const { rows } = await sql`
        select jsonb is null as jsonb, json is null as json from sorts where id = ${id}
      `.execute(database.db);
      expect(rows).toEqual([{ jsonb: false, json: true }]);
    });

    it("stores JSON as a document, not as a text that holds one", async () => {
      const { id } = await write({ jsonb: '{"a":1}' });
      const { rows } = await sql`
        select jsonb_typeof(jsonb) as kind from sorts where id = ${id}
      `.execute(database.db);
      expect(rows).toEqual([{ kind: "object" }]);
    });

    it("reads the times of a list by their zones", async () => {
      const { id } = await write({
        instants: '["2026-01-01T00:00:00+01:00", "2026-01-01 00:00:00", null]',
      });
      const { rows } = await sql`
        select (instant at time zone 'UTC')::text as utc
        from sorts, unnest(instants) as instant where id = ${id}
      `.execute(database.db);
      expect(rows).toEqual([
        { utc: "2025-12-31 23:00:00" },
        { utc: "2026-01-01 00:00:00" },
        { utc: null },
      ]);
    });

    it("refuses a domain's check as a check", async () => {
      expect((await write({ even: 3 })).result).toMatchObject({
        failedOperation: { errorCode: "CHECK_VIOLATION" },
      });
    });

    it("knows a domain's type through another domain", async () => {
      const { id, result } = await write({ money2: "1.255" });
      expect(result).toEqual({ status: "success" });
      expect(await read(id, "money2")).toBe("1.26");
    });

    it("takes no value for a column that the database computes", async () => {
      expect((await write({ int2: 2, doubled: 5 })).result).toMatchObject({
        failedOperation: { errorCode: "FORBIDDEN_COLUMN", operationIndex: 0 },
      });
      const { id } = await write({ int2: 2 });
      expect(await read(id, "doubled")).toBe("4");
    });

    it.each<[ColumnName, unknown]>([
      ["int8", 2 ** 53],
      ["any_numeric", 2 ** 60],
      ["jsonb", { a: 2 ** 53 }],
      ["int8s", [2 ** 53]],
      ["text", 2 ** 60],
    ])("keeps an integer queued that was rounded before it came: %s", async (column, value) => {
      const { id, result } = await write({ [column]: value });
      expect(result.status).toBe("retryable_error");
      expect(await read(id, column)).toBeUndefined();
      expect(events).toContainEqual(
        expect.objectContaining({ type: "precision_lost", table: "sorts", column }),
      );
    });

    it("reads bodies without rounding: all digits of a device's integers", async () => {
      const id = crypto.randomUUID();
      const body = `{"crud":[{"op":"PUT","table":"sorts","id":"${id}","op_data":{
        "int8": 9223372036854775807, "jsonb": {"n": 12345678901234567890},
        "int8s": "[9007199254740993]", "any_numeric": 123456789012345678901234567890
      }}]}`;
      const response = await writes.handle({
        method: "POST",
        url: "/api/data",
        headers: new Headers({ "content-type": "application/json" }),
        body: async () => new TextEncoder().encode(body),
        signal: new AbortController().signal,
      });
      expect(JSON.parse(response.body)).toEqual({ status: "success" });
      expect(await read(id, "int8")).toBe("9223372036854775807");
      expect(await read(id, "jsonb")).toBe('{"n": 12345678901234567890}');
      expect(await read(id, "int8s")).toBe("{9007199254740993}");
      expect(await read(id, "any_numeric")).toBe("123456789012345678901234567890");
    });

    it("answers for good what passes a limit of the database, for it would fail for ever", async () => {
      // The nesting of a JSON text is not measured with the request's own.
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
      const { result } = await write({ jsonb: deep });
      // PGlite has a larger stack than a server.
      expect(result.status).not.toBe("retryable_error");
      await sql`create table if not exists indexed (id uuid primary key, word text unique)`.execute(
        database.db,
      );
      const indexing = createWrites<Principal, TestSchema>({
        authenticate: anonymous(),
        database: database.db,
        tables: { indexed: { access: "everyone" } },
      });
      // Random, so that it does not compress to what an index can hold.
      const word = Array.from({ length: 400 }, () => crypto.randomUUID()).join("");
      expect(
        await indexing.processTransaction(
          { crud: [{ op: "PUT", table: "indexed", id: crypto.randomUUID(), op_data: { word } }] },
          { principal },
        ),
      ).toMatchObject({ failedOperation: { errorCode: "INVALID_DATA" } });
    });
  });
}
