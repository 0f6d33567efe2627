/** Values in SQLite's columns: what is stored is what was sent, or the write is refused. */
import Database from "better-sqlite3";
import fc from "fast-check";
import { Kysely, sql, SqliteDialect } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Column } from "../../src/store/tables.js";
import { convert } from "../../src/sql/sqlite/values.js";
import { readColumns } from "../../src/sql/sqlite/schema.js";
import { InvalidValue, PrecisionLost } from "../../src/store/failures.js";

const types = {
  yes: "boolean",
  whole: "integer",
  tiny: "tinyint",
  small: "SMALLINT",
  medium: "mediumint",
  four: "int4",
  large: "BIGINT",
  natural: "unsigned big int",
  shown: "int(11)",
  exact: "decimal(12, 2)",
  loose: "numeric",
  float: "double precision",
  words: "text",
  short: "varchar(5)",
  bytes: "blob",
  few: "varbinary(3)",
  doc: "json",
  key: "uuid",
  at: "datetime",
  zoned: "timestamp with time zone",
  day: "date",
  hour: "time",
  odd: "string",
  free: "",
} as const;

type Name = keyof typeof types;

type AnyDatabase = Record<string, Record<string, unknown>>;
let db: Kysely<AnyDatabase>;
let columns: ReadonlyMap<string, Column>;

beforeAll(async () => {
  const database = new Database(":memory:").defaultSafeIntegers(true);
  db = new Kysely<AnyDatabase>({ dialect: new SqliteDialect({ database }) });
  const list = Object.entries(types).map(([name, type]) => `"${name}" ${type}`);
  await sql.raw(`create table sorts (${list.join(", ")})`).execute(db);
  columns = await columnsOf("sorts");
});
afterAll(() => db.destroy());

async function columnsOf(name: string, schema?: string): Promise<Map<string, Column>> {
  const table = schema === undefined ? { name } : { name, schema };
  const read = await db.transaction().execute((tx) => readColumns(tx, table));
  return new Map(read.map((column) => [column.name, column]));
}

function converted(name: Name, value: unknown, lossy = false): unknown {
  return convert(columns.get(name) as Column, value, lossy);
}

/** What SQLite keeps of a value, and the type that it has there. */
async function kept(name: Name, value: unknown) {
  await db.deleteFrom("sorts").execute();
  await db
    .insertInto("sorts")
    .values({ [name]: converted(name, value) })
    .execute();
  const { rows } = await sql<{ value: unknown; type: string }>`
    select ${sql.ref(name)} as value, typeof(${sql.ref(name)}) as type from sorts
  `.execute(db);
  return rows[0];
}

/** A decimal number's text as an integer, all powers of ten that the tests meet taken out. */
function scaled(text: string): bigint {
  const [mantissa = "", power = "0"] = text.split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return BigInt(`${whole}${fraction}`) * 10n ** BigInt(60 + Number(power) - fraction.length);
}

describe("a value", () => {
  it.each<[Name, unknown, unknown, string]>([
    ["yes", true, 1n, "integer"],
    ["yes", "f", 0n, "integer"],
    ["whole", 7, 7n, "integer"],
    ["whole", "9223372036854775807", 9223372036854775807n, "integer"],
    ["whole", -(2n ** 63n), -(2n ** 63n), "integer"],
    ["whole", true, 1n, "integer"],
    ["tiny", 255, 255n, "integer"],
    ["natural", "0", 0n, "integer"],
    ["shown", 123_456_789_012, 123_456_789_012n, "integer"],
    ["exact", "1234567890.12", 1234567890.12, "real"],
    ["exact", "5.00", 5n, "integer"],
    ["exact", 0.1, 0.1, "real"],
    ["loose", "9007199254740993", 9007199254740993n, "integer"],
    ["loose", "1e3", 1000n, "integer"],
    ["loose", "-0.0", 0n, "integer"],
    ["loose", 0.30000000000000004, 0.30000000000000004, "real"],
    ["float", 1.5, 1.5, "real"],
    ["float", "2", 2, "real"],
    ["float", 5e-324, 5e-324, "real"],
    ["words", "007", "007", "text"],
    ["words", 5, "5", "text"],
    ["words", { a: [1] }, '{"a":[1]}', "text"],
    ["short", "\u{1f600}".repeat(5), "\u{1f600}".repeat(5), "text"],
    ["doc", { a: 2n ** 64n }, '{"a":18446744073709551616}', "text"],
    ["doc", "[1, 2]", "[1, 2]", "text"],
    ["doc", "null", "null", "text"],
    ["doc", '"007"', '"007"', "text"],
    ["doc", " 5 ", 5n, "integer"],
    ["doc", 1.5, 1.5, "real"],
    [
      "key",
      "{ABCDEF01-2345-6789-ABCD-EF0123456789}",
      "abcdef01-2345-6789-abcd-ef0123456789",
      "text",
    ],
    ["key", "12345678901234567890123456789012", "12345678-9012-3456-7890-123456789012", "text"],
    ["at", "2026-03-29T02:30:00+02:00", "2026-03-29 00:30:00", "text"],
    ["zoned", "2026-03-29 00:30:00.1234560Z", "2026-03-29 00:30:00.123456", "text"],
    ["day", "2024-02-29", "2024-02-29", "text"],
    ["hour", "07:05", "07:05:00", "text"],
    ["hour", "23:59:59.120", "23:59:59.12", "text"],
    ["odd", "abc", "abc", "text"],
    ["odd", "7", 7n, "integer"],
    ["odd", "1.5", 1.5, "real"],
    ["free", "007", "007", "text"],
    ["free", 7, 7n, "integer"],
    ["free", 1.5, 1.5, "real"],
    ["free", null, null, "null"],
  ])("in %s: %o", async (name, value, stored, type) => {
    expect(await kept(name, value)).toEqual({ value: stored, type });
  });

  it.each<[Name, string, number[]]>([
    ["bytes", "AP8=", [0, 255]],
    ["few", "AQID", [1, 2, 3]],
  ])("in %s: %o", async (name, value, bytes) => {
    const row = await kept(name, value);
    expect(row?.type).toBe("blob");
    expect(row?.value).toEqual(Buffer.from(bytes));
  });

  it.each<[Name, unknown]>([
    ["yes", 2],
    ["whole", 1.5],
    ["whole", "1.0"],
    ["whole", "9223372036854775808"],
    ["whole", 2n ** 63n],
    ["whole", "1".repeat(100_000)],
    ["tiny", 256],
    ["tiny", -129],
    ["small", 32_768],
    ["medium", 8_388_608],
    ["four", -2_147_483_649],
    ["natural", -1],
    ["exact", "10000000000"],
    ["loose", "12345678901234567.8"],
    ["loose", "9223372036854775808"],
    ["loose", "1e999999999"],
    ["loose", "1e-400"],
    ["loose", `0.${"0".repeat(200_000)}1`],
    ["float", Number.POSITIVE_INFINITY],
    ["float", "1e400"],
    ["float", "1e-400"],
    ["float", "NaN"],
    ["float", 2n ** 53n + 1n],
    ["words", "nul \0"],
    ["words", "half \ud800"],
    ["short", "abcdef"],
    ["bytes", "not base64!"],
    ["bytes", [0, 255]],
    ["few", "AQIDBA=="],
    ["doc", "{not json"],
    ["doc", "12345678901234567890"],
    ["doc", "0.12345678901234567890123"],
    ["key", "not-a-uuid"],
    ["key", "12345678-9012-3456-7890-12345678901"],
    ["at", "yesterday"],
    ["at", 1_767_225_600],
    ["at", "2026-02-30T00:00:00Z"],
    ["day", "2026-01-01T10:00:00Z"],
    ["hour", "24:00"],
    ["hour", "1:00"],
    ["odd", "007"],
    ["odd", "1.50"],
    ["odd", "12345678901234567890"],
    ["odd", " 7"],
    ["free", 2n ** 63n],
  ])("not in %s: %o", (name, value) => {
    expect(() => converted(name, value)).toThrow(InvalidValue);
  });

  it("waits for a body that has all its digits, where a parser has rounded them", () => {
    for (const name of ["whole", "loose", "free", "odd", "doc"] as const) {
      const value = name === "doc" ? [2 ** 60] : 2 ** 60;
      expect(() => converted(name, value, true)).toThrow(PrecisionLost);
    }
  });

  const runs = { numRuns: 300 };

  it("of 64 bits keeps every digit", () =>
    fc.assert(
      fc.asyncProperty(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), async (integer) => {
        for (const name of ["whole", "large", "loose", "free", "odd", "doc"] as const) {
          expect((await kept(name, integer))?.value).toBe(integer);
        }
        for (const name of ["whole", "large", "loose", "odd", "doc"] as const) {
          expect((await kept(name, integer.toString()))?.value).toBe(integer);
        }
      }),
      runs,
    ));

  it("with a point is kept to the last digit, or refused", () =>
    fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.integer({ min: -25, max: 25 })),
        async ([digits, exponent]) => {
          const text = `${digits}e${exponent}`;
          try {
            converted("loose", text);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidValue);
            const whole = digits.toString().replace(/^-|0+$/g, "").length;
            // Fifteen digits always fit.
            expect(whole > 15 || digits.toString().length + exponent > 18).toBe(true);
            return;
          }
          const { value } = (await kept("loose", text)) ?? {};
          expect(scaled(String(value))).toBe(scaled(text));
        },
      ),
      runs,
    ));

  it("that is text stays the same text, whatever it looks like", () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc
            .string({ unit: "binary" })
            .filter((text) => text.isWellFormed() && !text.includes("\0")),
          fc.stringMatching(/^[ +-]?\d{0,20}\.?\d{0,5}(e[+-]?\d{1,3})?\n?$/),
        ),
        async (text) => {
          expect((await kept("words", text))?.value).toBe(text);
          expect((await kept("free", text))?.value).toBe(text);
          let odd: unknown;
          try {
            odd = (await kept("odd", text))?.value;
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidValue);
            return;
          }
          expect(String(odd)).toBe(text);
        },
      ),
      runs,
    ));

  it("that is a double is the same double", () =>
    fc.assert(
      fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (number) => {
        for (const name of ["float", "free", "odd"] as const) {
          if (Number.isInteger(number) && (name !== "float" || !Number.isSafeInteger(number)))
            continue;
          expect(Number((await kept(name, number))?.value)).toBe(number === 0 ? 0 : number);
        }
      }),
      runs,
    ));
});

describe("a table's columns", () => {
  it("tell what the database does by itself", async () => {
    await sql`
      create table parts (
        id integer primary key, name text not null, made datetime default current_timestamp, size int,
        twice int generated always as (size * 2), thrice int generated always as (size * 3) stored, code varchar ( 8 ) not null default 'x'
      )
    `.execute(db);
    const read = await columnsOf("parts");
    expect([...read.keys()]).toEqual(["id", "name", "made", "size", "twice", "thrice", "code"]);
    expect(read.get("id")).toMatchObject({ type: "integer", hasDefault: true, nullReplaced: true });
    expect(read.get("name")).toMatchObject({ nullable: false, hasDefault: false });
    expect(read.get("made")).toMatchObject({ nullable: true, hasDefault: true });
    expect([...read.values()].filter(({ generated }) => generated).map(({ name }) => name)).toEqual(
      ["twice", "thrice"],
    );
    expect(read.get("code")).toMatchObject({ type: "varchar", length: 8, hasDefault: true });
  });

  it("know a rowid from a key of several columns, of another type, and without rowid", async () => {
    await sql`create table pair (a integer, b integer, primary key (a, b))`.execute(db);
    await sql`create table other (a int primary key)`.execute(db);
    await sql`create table without_rowid (a integer primary key) without rowid`.execute(db);
    for (const table of ["pair", "other", "without_rowid"]) {
      expect((await columnsOf(table)).get("a")).toMatchObject({ hasDefault: false });
    }
  });

  it("of type ANY take values as they are in a STRICT table, and only there", async () => {
    await sql`create table strictly (a any) strict`.execute(db);
    await sql`create table loosely (a any)`.execute(db);
    const strict = (await columnsOf("strictly")).get("a") as Column;
    const loose = (await columnsOf("loosely")).get("a") as Column;
    expect(convert(strict, "007", false)).toBe("007");
    expect(() => convert(loose, "007", false)).toThrow(InvalidValue);
  });

  it("are those of the schema that is named, and of temporary tables first where none is", async () => {
    await sql`attach ':memory:' as side`.execute(db);
    await sql`create table side.places (there text)`.execute(db);
    expect([...(await columnsOf("places")).keys()]).toEqual(["there"]);
    await sql`create table places (here text)`.execute(db);
    expect([...(await columnsOf("places")).keys()]).toEqual(["here"]);
    expect([...(await columnsOf("places", "side")).keys()]).toEqual(["there"]);
    await sql`create temp table places (now text)`.execute(db);
    expect([...(await columnsOf("places")).keys()]).toEqual(["now"]);
    expect([...(await columnsOf("no_such_table")).keys()]).toEqual([]);
    expect([...(await columnsOf(`"; drop table places; --`)).keys()]).toEqual([]);
  });
});
