/** What MySQL and MariaDB store of what a client sends, by the column's type: exactly that, or nothing. */
import fc from "fast-check";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWrites, type Writes, type WritesConfig } from "../../src/index.js";
import { mariadb, mysql, type TestDatabase, type TestDialect } from "../support/databases.js";
import { long } from "../support/long.js";
import type { TestSchema } from "../support/schema.js";
import type { TestPrincipal } from "../support/writes.js";

const samples = long ? 10_000 : 200;

interface ColumnValues {
  readonly type: string;
  readonly stored: readonly (readonly [sent: unknown, stored: unknown])[];
  readonly refused: readonly unknown[];
}

const common: Readonly<Record<string, ColumnValues>> = {
  truth: {
    type: "boolean",
    stored: [
      [1, "1"],
      [false, "0"],
      ["t", "1"],
      ["FALSE", "0"],
      [null, null],
    ],
    refused: [2, "maybe", 0.5, {}],
  },
  flag: {
    type: "bit(1)",
    stored: [
      [true, "1"],
      [0, "0"],
    ],
    refused: [2, "\u0001"],
  },
  flags: {
    type: "bit(5)",
    stored: [
      [31, "31"],
      ["7", "7"],
    ],
    refused: [32, -1, "x"],
  },
  all_flags: {
    type: "bit(64)",
    stored: [["18446744073709551615", "18446744073709551615"]],
    refused: ["18446744073709551616"],
  },
  tiny: {
    type: "tinyint",
    stored: [
      [-128, "-128"],
      ["+012", "12"],
    ],
    refused: [128, 1.5, "1.0"],
  },
  unsigned_tiny: { type: "tinyint unsigned", stored: [[255, "255"]], refused: [-1, 256] },
  medium: { type: "mediumint", stored: [[8388607, "8388607"]], refused: [8388608] },
  whole: { type: "int", stored: [[-2147483648, "-2147483648"]], refused: [2147483648] },
  big: {
    type: "bigint",
    stored: [["-9223372036854775808", "-9223372036854775808"]],
    refused: ["9223372036854775808", "9".repeat(1_000_000)],
  },
  unsigned_big: {
    type: "bigint unsigned",
    stored: [["18446744073709551615", "18446744073709551615"]],
    refused: ["18446744073709551616", "-1"],
  },
  price: {
    type: "decimal(10,3)",
    stored: [
      ["1e5", "100000.000"],
      ["1.50000", "1.500"],
      [0.1, "0.100"],
      ["5.", "5.000"],
      ["0e999", "0.000"],
      ["1.0005", "1.001"],
      ["-1.0005", "-1.001"],
      [0.1 + 0.2, "0.300"],
    ],
    refused: ["9999999.9995", 12345678, "1e400", "NaN", ""],
  },
  unsigned_price: {
    type: "decimal(5,2) unsigned",
    stored: [["-0.00", "0.00"]],
    refused: [-1, 1000],
  },
  real_4: { type: "float", stored: [[1.5, "1.5"]], refused: [1e39, "1e-60", "NaN"] },
  rounded: {
    type: "float(7,2)",
    stored: [
      [1.25, "1.25"],
      [1.257, "1.26"],
    ],
    refused: [99999.996, 100000],
  },
  real_8: {
    type: "double",
    stored: [
      [0.1, "0.1"],
      [5e-324, "5e-324"],
      [1.7976931348623157e308, "1.7976931348623157e308"],
    ],
    refused: ["1e309", "1e-400", Infinity],
  },
  document: {
    type: "json",
    stored: [
      ['{"a":1}', '{"a":1}'],
      [{ a: ["😀"] }, '{"a":["😀"]}'],
      ["null", "null"],
      [null, null],
    ],
    refused: ["{a", ""],
  },
  word: {
    type: "enum('a','it''s','x,y','A\\\\b','é')",
    stored: [
      ["a", "a"],
      ["it's", "it's"],
      ["x,y", "x,y"],
      ["A\\b", "A\\b"],
      ["é", "é"],
    ],
    refused: ["A", "e", "1", "", "a "],
  },
  words: {
    type: "set('p','q','r')",
    stored: [
      ["r,p", "p,r"],
      [["q"], "q"],
      ['["q","p"]', "p,q"],
      ["", ""],
    ],
    refused: ["P", "p,x", [1], "[p"],
  },
  fixed: { type: "char(5)", stored: [["😀😀😀😀😀", "😀😀😀😀😀"]], refused: ["abcdef", "ab "] },
  line: {
    type: "varchar(10)",
    stored: [
      ["abc  ", "abc  "],
      [String.raw`\'"%_`, String.raw`\'"%_`],
      [{ a: 1 }, '{"a":1}'],
    ],
    refused: [`${"a".repeat(10)} `, "nul \0", "half \ud800"],
  },
  latin: { type: "varchar(9) character set latin1", stored: [["é€", "é€"]], refused: ["Ā", "😀"] },
  short_utf8: { type: "varchar(9) character set utf8mb3", stored: [["Ā", "Ā"]], refused: ["😀"] },
  little: {
    type: "tinytext",
    stored: [["é".repeat(127), "é".repeat(127)]],
    refused: ["é".repeat(128), `${"a".repeat(255)} `],
  },
  id_bytes: {
    type: "binary(16)",
    stored: [
      ["00000000-0000-4000-8000-00000000ABCD", "0000000000004000800000000000ABCD"],
      [btoa("0123456789abcdef"), "30313233343536373839616263646566"],
    ],
    refused: [btoa("short"), "00000000-0000-4000-8000"],
  },
  bytes: {
    type: "varbinary(3)",
    stored: [
      ["AP8n", "00FF27"],
      ["", ""],
    ],
    refused: ["AAAAAA==", "A", "###"],
  },
  in_year: {
    type: "year",
    stored: [
      [1999, "1999"],
      ["2155", "2155"],
    ],
    refused: [70, 2156, "99"],
  },
  on_day: {
    type: "date",
    stored: [
      ["2024-02-29", "2024-02-29"],
      ["9999-12-31T00:00:00Z", "9999-12-31"],
    ],
    refused: ["2023-02-29", "2024-01-01T10:00:00Z", "0000-00-00"],
  },
  at: {
    type: "datetime",
    stored: [
      ["2026-03-29T02:30:00+02:00", "2026-03-29 00:30:00"],
      ["2026-03-29 02:30:00.000Z", "2026-03-29 02:30:00"],
    ],
    refused: ["2026-03-29T02:30:60Z", "now"],
  },
  at_3: {
    type: "datetime(3)",
    stored: [["2026-03-29T02:30:00.120Z", "2026-03-29 02:30:00.120"]],
    refused: ["2026-03-29T02:30:00,123Z"],
  },
  instant: {
    type: "timestamp(6) null",
    stored: [
      ["2026-10-25T02:30:00.000001+01:00", "2026-10-25 01:30:00.000001"],
      ["2038-01-19T03:14:07Z", "2038-01-19 03:14:07.000000"],
    ],
    refused: ["1970-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "9999-12-31T23:59:59Z"],
  },
  clock: {
    type: "time(2)",
    stored: [
      ["10:30", "10:30:00.00"],
      ["-838:59:59", "-838:59:59.00"],
      ["10:30:15.120", "10:30:15.12"],
    ],
    refused: ["10", "1030", "839:00:00", "10:60", "838:59:59.123"],
  },
};

/** MySQL has no such type. */
const mariadbColumns: typeof common = {
  ...common,
  named: {
    type: "uuid",
    stored: [["00000000-0000-4000-8000-00000000ABCD", "00000000-0000-4000-8000-00000000abcd"]],
    refused: ["x", 1, ""],
  },
};

function suite(dialect: TestDialect, columns: typeof common): void {
  let database: TestDatabase;
  let db: Kysely<TestSchema>;
  let writes: Writes<TestPrincipal>;
  let exactly: Writes<TestPrincipal>;
  let next = 0;

  beforeAll(async () => {
    database = await dialect.open();
    ({ db } = database);
    const types = Object.entries(columns).map(([name, { type }]) => `\`${name}\` ${type}`);
    await sql
      .raw(`create table vals (id bigint primary key, ${types.join(", ")}, exact decimal(65,30), note longtext,
        data longblob, fine datetime(6), twice bigint generated always as (whole * 2) virtual)`)
      .execute(db);
    const writing = (exact: boolean) =>
      createWrites({
        authenticate: () => ({ userId: "alice" }),
        database: db,
        tables: { vals: { access: "everyone", exact } },
      } as unknown as WritesConfig<TestPrincipal, TestSchema>);
    writes = writing(false);
    exactly = writing(true);
  });
  afterAll(() => database?.close());

  /** One transaction for all. The answer's code, and the rows' ids. */
  const put = async (
    values: readonly (readonly [column: string, value: unknown])[],
    by: Writes<TestPrincipal> = writes,
  ) => {
    const crud = values.map(([column, value]) => {
      next += 1;
      return { op: "PUT", table: "vals", id: String(next), op_data: { [column]: value } };
    });
    const principal = { userId: "alice" };
    const result = await by.processTransaction({ crud }, { principal });
    const code = result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
    return { code, ids: crud.map(({ id }) => id) };
  };

  const read = async (column: string, id: string): Promise<unknown> => {
    const text = await readText(column, id);
    // MySQL writes them in a form of its own.
    return column === "document" && typeof text === "string"
      ? JSON.stringify(JSON.parse(text))
      : text;
  };

  const readText = async (column: string, id: string): Promise<unknown> => {
    const type = columns[column]?.type ?? "";
    const name = sql.id(column);
    const text = type.startsWith("bit")
      ? sql`cast(${name} + 0 as char)`
      : /binary/.test(type)
        ? sql`hex(${name})`
        : sql`cast(${name} as char)`;
    const { rows } = await sql<{
      x: unknown;
    }>`select ${text} as x from vals where id = ${id}`.execute(db);
    return rows[0]?.x;
  };

  describe.each(Object.entries(columns))("%s", (column, { type, stored, refused }) => {
    it(`${type} stores what it can hold`, async () => {
      for (const [value, expected] of stored) {
        const { code, ids } = await put([[column, value]]);
        expect([value, code]).toEqual([value, "success"]);
        expect(await read(column, String(ids[0]))).toEqual(expected);
      }
    });

    it(`${type} refuses what it would change`, async () => {
      for (const value of refused) {
        expect([value, (await put([[column, value]])).code]).toEqual([value, "INVALID_DATA"]);
      }
    });
  });

  // MySQL keeps numbers of a document as doubles or integers of 64 bits.
  it.each([
    ["[123456789012345678901234567890]", "[1.2345678901234568e29]"],
    ["[0.12345678901234567890123]", "[0.12345678901234568]"],
  ])(
    "keeps the numbers of the document %s as the server does, or exactly",
    async (document, rounded) => {
      const { code, ids } = await put([["document", document]]);
      expect([code, await readText("document", String(ids[0]))]).toEqual([
        "success",
        dialect === mysql ? rounded : document,
      ]);
      expect((await put([["document", document]], exactly)).code).toBe(
        dialect === mysql ? "INVALID_DATA" : "success",
      );
    },
  );

  it("refuses a computed column", async () => {
    expect((await put([["twice", 4]])).code).toBe("FORBIDDEN_COLUMN");
  });

  const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{1,${length}}$`));
  const minute = 60_000_000n;

  /** What is sent, with what is stored; read back by `as`. */
  const properties: Readonly<
    Record<string, { as: string; pairs: fc.Arbitrary<readonly [sent: unknown, stored: unknown]> }>
  > = {
    big: {
      as: "cast(big as char)",
      pairs: fc
        .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        .map((n) => [String(n), String(n)]),
    },
    exact: {
      as: "cast(exact as char)",
      pairs: fc.tuple(fc.boolean(), digits(35), digits(30)).map(([minus, whole, fraction]) => {
        const value = `${whole.replace(/^0+(?=\d)/, "")}.${fraction.padEnd(30, "0")}`;
        const sign = minus && /[1-9]/.test(value) ? "-" : "";
        return [`${minus ? "-" : ""}${whole}.${fraction}`, `${sign}${value}`];
      }),
    },
    real_8: {
      as: "cast(real_8 as char)",
      pairs: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => [n, n === 0 ? 0 : n]),
    },
    note: {
      as: "hex(note)",
      pairs: fc
        .string({ unit: "binary", maxLength: 40 })
        .filter((text) => !text.includes("\0"))
        .map((text) => [text, Buffer.from(text).toString("hex").toUpperCase()]),
    },
    document: {
      as: "cast(document as char)",
      pairs: fc
        .jsonValue()
        .map((value) => [JSON.stringify(value), JSON.parse(JSON.stringify(value))]),
    },
    data: {
      as: "hex(data)",
      pairs: fc.uint8Array({ maxLength: 60 }).map((bytes) => {
        const buffer = Buffer.from(bytes);
        return [buffer.toString("base64"), buffer.toString("hex").toUpperCase()];
      }),
    },
    fine: {
      as: "cast(fine as char)",
      // From the year 1 to 9999, in microseconds.
      pairs: fc
        .tuple(
          fc.bigInt({ min: -62_135_510_400_000_000n, max: 253_402_214_400_000_000n }),
          fc.integer({ min: -839, max: 839 }),
        )
        .map(([at, offset]) => {
          const zone = `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
          return [`${clock(at + BigInt(offset) * minute).replace(" ", "T")}${zone}`, clock(at)];
        }),
    },
  };

  it.each(Object.entries(properties))(
    `%s keeps ${samples} values`,
    { timeout: 600_000 },
    async (column, { as, pairs }) => {
      const all = fc.sample(pairs, samples);
      for (let start = 0; start < all.length; start += 250) {
        const some = all.slice(start, start + 250);
        const { code, ids } = await put(some.map(([sent]) => [column, sent]));
        expect(code).toBe("success");
        const { rows } = await sql<{ id: string; x: unknown }>`
        select id, ${sql.raw(as)} as x from vals where id between ${ids[0]} and ${ids.at(-1)} order by id
      `.execute(db);
        const parsed = column === "real_8" || column === "document";
        const stored = rows.map(({ x }) => (parsed ? (JSON.parse(String(x)) as unknown) : x));
        expect(stored).toEqual(some.map(([, expected]) => expected));
      }
    },
  );
}

function two(number: number): string {
  return String(Math.floor(number)).padStart(2, "0");
}

/** `YYYY-MM-DD HH:MM:SS.ffffff` */
function clock(micros: bigint): string {
  const below = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((micros - below) / 1000n)).toISOString().slice(0, 19);
  return `${second.replace("T", " ")}.${String(below).padStart(6, "0")}`;
}

for (const [dialect, columns] of [
  [mariadb, mariadbColumns],
  [mysql, common],
] as const) {
  describe.skipIf(!(await dialect.available()))(`values in ${dialect.name}`, () =>
    suite(dialect, columns),
  );
}
