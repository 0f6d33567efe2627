/** Values for SQL Server's columns: what becomes of them, what is refused, and how the driver shows them. The server's own rounding is taken from its documentation. */
import { describe, expect, it } from "vitest";
import { type CompiledQuery, Kysely, sql } from "kysely";
import { convert, view } from "../../src/sql/mssql/values.js";
import type { Column } from "../../src/store/tables.js";
import { DummyMssqlDialect } from "../support/mssql/dummy.js";

const db = new Kysely<unknown>({ dialect: new DummyMssqlDialect() });
const column = (type: string, more: Partial<Column> = {}): Column => ({
  name: "c",
  type,
  array: false,
  nullable: true,
  hasDefault: false,
  generated: false,
  ...more,
});
const latin = { charset: "1252 SQL_Latin1_General_CP1_CI_AS" };
const money = { precision: 19, scale: 4 };

/** An expression as its text and parameters. */
function shown(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { sql: text, parameters }: CompiledQuery = sql`${value}`.compile(db);
  return [text, ...parameters];
}

describe("values for SQL Server", () => {
  it.each<[string, Partial<Column>, unknown, unknown, unknown]>([
    ["bit", {}, 1, true, true],
    ["bit", {}, "false", false, false],
    ["tinyint", {}, 255, 255n, 255],
    ["int", {}, "-7", -7n, -7],
    ["bigint", {}, "9223372036854775807", 2n ** 63n - 1n, "9223372036854775807"],
    ["decimal", { precision: 12, scale: 2 }, "1.005", "1.01", "1.01"],
    ["numeric", { precision: 38, scale: 0 }, "9".repeat(38), "9".repeat(38), "9".repeat(38)],
    ["decimal", { precision: 12, scale: 2 }, 1e3, "1000", "1000.00"],
    ["money", money, "1.23456", ["convert(money, @1)", "1.2346"], "1.2346"],
    [
      "smallmoney",
      { precision: 10, scale: 4 },
      -2,
      ["convert(smallmoney, @1)", "-2.0000"],
      "-2.0000",
    ],
    ["float", {}, 0.1, "0.1", 0.1],
    ["real", {}, "0.1", "0.1", Math.fround(0.1)],
    ["date", {}, "2026-02-28", "2026-02-28", new Date("2026-02-28T00:00:00Z")],
    ["time", { scale: 3 }, "23:59:59.1236", "23:59:59.124", new Date("1970-01-01T23:59:59.124Z")],
    [
      "datetime2",
      { scale: 7 },
      "2026-01-01T00:00:00.12345678Z",
      "2026-01-01 00:00:00.1234568",
      new Date("2026-01-01T00:00:00.123Z"),
    ],
    [
      "datetime2",
      { scale: 0 },
      "2026-12-31T23:59:59.5Z",
      "2027-01-01 00:00:00",
      new Date("2027-01-01T00:00:00Z"),
    ],
    [
      "datetimeoffset",
      { scale: 0 },
      "2026-01-01T00:00:00+02:00",
      "2025-12-31 22:00:00 +00:00",
      new Date("2025-12-31T22:00:00Z"),
    ],
    // Three hundredths of a second.
    [
      "datetime",
      {},
      "2026-01-01T00:00:00.001Z",
      "2026-01-01T00:00:00.000",
      new Date("2026-01-01T00:00:00.000Z"),
    ],
    [
      "datetime",
      {},
      "2026-01-01T00:00:00.002Z",
      "2026-01-01T00:00:00.003",
      new Date("2026-01-01T00:00:00.003Z"),
    ],
    [
      "datetime",
      {},
      "2026-01-01T00:00:00.005Z",
      "2026-01-01T00:00:00.007",
      new Date("2026-01-01T00:00:00.007Z"),
    ],
    [
      "datetime",
      {},
      "2026-01-01T00:00:00.999Z",
      "2026-01-01T00:00:01.000",
      new Date("2026-01-01T00:00:01.000Z"),
    ],
    [
      "smalldatetime",
      {},
      "2026-01-01T00:00:29.998Z",
      "2026-01-01T00:00:00",
      new Date("2026-01-01T00:00:00Z"),
    ],
    [
      "smalldatetime",
      {},
      "2026-01-01T00:00:29.999Z",
      "2026-01-01T00:01:00",
      new Date("2026-01-01T00:01:00Z"),
    ],
    [
      "uniqueidentifier",
      {},
      "0000000000004000800000000000000A",
      "00000000-0000-4000-8000-00000000000a",
      "00000000-0000-4000-8000-00000000000A",
    ],
    ["nvarchar", { length: 4 }, "日本😀", "日本😀", "日本😀"],
    ["varchar", { length: 3, ...latin }, "é€x", "é€x", "é€x"],
    [
      "varchar",
      { length: 6, charset: "65001 Latin1_General_100_CI_AS_SC_UTF8" },
      "日本",
      "日本",
      "日本",
    ],
    ["varchar", { charset: "932 Japanese_CI_AS" }, "日本", "日本", "日本"],
    // The server fills the column with spaces, and this value with as many.
    ["nchar", { length: 4 }, "日", ["convert(nchar(4), @1)", "日"], "日"],
    [
      "char",
      { length: 3, ...latin },
      "é",
      ["convert(char(3), @1 collate SQL_Latin1_General_CP1_CI_AS)", "é"],
      "é",
    ],
    ["text", latin, { a: 1 }, '{"a":1}', '{"a":1}'],
    ["json", {}, { a: [1] }, '{"a":[1]}', '{"a":[1]}'],
    ["json", {}, "[1, 2]", "[1, 2]", "[1, 2]"],
    ["xml", {}, "<a/>", "<a/>", "<a/>"],
    [
      "varbinary",
      { length: 3 },
      "AQID",
      ["convert(varbinary(max), @1, 2)", "010203"],
      Uint8Array.of(1, 2, 3),
    ],
    ["int", {}, null, null, null],
  ])("%s %j takes %j", (type, more, given, made, seen) => {
    const its = column(type, more);
    const converted = convert(its, given, false);
    expect(shown(converted)).toEqual(made);
    expect(view(its, converted)).toEqual(seen);
    // Idempotent.
    if (typeof converted !== "boolean") expect(shown(convert(its, converted, false))).toEqual(made);
  });

  it.each<[string, Partial<Column>, unknown]>([
    ["bit", {}, 2],
    ["tinyint", {}, -1],
    ["tinyint", {}, 256],
    ["int", {}, 2 ** 31],
    ["bigint", {}, "9223372036854775808"],
    ["bigint", {}, "9".repeat(1_000_000)],
    ["decimal", { precision: 4, scale: 2 }, 100],
    ["decimal", { precision: 4, scale: 0 }, 1.5],
    ["money", money, "922337203685477.5808"],
    ["smallmoney", { precision: 10, scale: 4 }, "214748.3648"],
    ["float", {}, "1e400"],
    ["date", {}, "2026-02-30"],
    ["time", { scale: 0 }, "23:59:59.5"],
    ["time", { scale: 0 }, "24:00"],
    ["datetime", {}, "1752-12-31T00:00:00Z"],
    ["smalldatetime", {}, "2079-06-07T00:00:00Z"],
    ["uniqueidentifier", {}, "x"],
    ["nvarchar", { length: 4 }, "日本😀x"],
    ["nvarchar", {}, "a\0"],
    ["nvarchar", {}, "\ud800"],
    ["varchar", { length: 3, ...latin }, "日"],
    ["varchar", { length: 3, ...latin }, "Ā"],
    ["varchar", { length: 5, charset: "65001 Latin1_General_100_CI_AS_SC_UTF8" }, "日本"],
    // The Encoding Standard has no such code page.
    ["varchar", { charset: "437 SQL_Latin1_General_CP437_CI_AS" }, "é"],
    ["nchar", { length: 4 }, "a "],
    ["json", {}, "{"],
    ["varbinary", { length: 2 }, "AQID"],
    ["binary", { length: 4 }, "AQID"],
  ])("%s %j refuses %j", (type, more, given) => {
    expect(() => convert(column(type, more), given, false)).toThrow(/./);
  });

  it.each<[string, Partial<Column>, unknown]>([
    ["decimal", { precision: 12, scale: 2 }, "1.005"],
    ["datetime2", { scale: 3 }, "2026-01-01T00:00:00.1234Z"],
    ["datetime", {}, "2026-01-01T00:00:00.001Z"],
    ["smalldatetime", {}, "2026-01-01T00:00:01Z"],
    ["time", { scale: 0 }, "00:00:00.5"],
    ["money", money, "1.23456"],
  ])("%s %j rounds %j, and refuses it where the rule says exact", (type, more, given) => {
    expect(() => convert(column(type, more), given, false)).not.toThrow();
    expect(() => convert(column(type, more), given, false, true)).toThrow(/./);
  });
});
