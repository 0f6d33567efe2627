/**
 * The time that a client's text takes is proportional to its length: measured for each conversion. `regular-expressions.test.ts` shows it for each regular
 * expression.
 */
import { describe, expect, it } from "vitest";
import type { Column } from "../../src/store/tables.js";
import * as mysql from "../../src/sql/mysql/values.js";
import { convert as postgresConvert } from "../../src/sql/postgres/values.js";
import { view as postgresView } from "../../src/sql/postgres/view.js";
import * as sqlite from "../../src/sql/sqlite/values.js";
import { InvalidValue } from "../../src/store/failures.js";

/** Texts of about `size` characters that are made to take long. */
const texts: Readonly<Record<string, (size: number) => string>> = {
  digits: (size) => "7".repeat(size),
  "digits, and a letter": (size) => `${"7".repeat(size)}x`,
  zeros: (size) => "0".repeat(size),
  "zeros inside": (size) => `1${"0".repeat(size)}1`,
  "zeros behind a point": (size) => `0.${"0".repeat(size)}1`,
  "a fraction of a second": (size) => `2026-07-01T12:00:00.${"0".repeat(size)}1Z`,
  "a time's fraction": (size) => `12:00:00.${"0".repeat(size)}x`,
  exponents: (size) => "1e".repeat(size / 2),
  "a long exponent": (size) => `1e-${"0".repeat(size)}1`,
  spaces: (size) => " ".repeat(size),
  "spaces inside": (size) => `1${" ".repeat(size)}1`,
  "tabs and a bracket": (size) => `${"\t".repeat(size)}{${"\t".repeat(size)}`,
  quotes: (size) => '"'.repeat(size + 1),
  backslashes: (size) => "\\".repeat(size),
  "quotes and backslashes": (size) => '"\\'.repeat(size / 2),
  "an unclosed text": (size) => `["${"a\\".repeat(size / 2)}`,
  "halves of pairs": (size) => `"${"\\ud83c\\udf89".repeat(size / 12)}\\ud83c"`,
  "open braces": (size) => "{".repeat(size),
  "open brackets": (size) => "[".repeat(size),
  "a nested list": (size) => `${"[".repeat(size / 2)}${"]".repeat(size / 2)}`,
  "a nested object": (size) => `${'{"a":'.repeat(size / 6)}1${"}".repeat(size / 6)}`,
  "a list": (size) => `[${"1,".repeat(size / 2)}1]`,
  "a list of lists": (size) => `[${'["a"],'.repeat(size / 6)}["a"]]`,
  "an array literal": (size) => `{${'"a\\"",'.repeat(size / 6)}NULL}`,
  "an unclosed array literal": (size) => `{${'"a\\"",'.repeat(size / 6)}"`,
  commas: (size) => ",".repeat(size),
  base64: (size) => "AAAA".repeat(size / 4),
  "base64 and a space": (size) => `${"AAAA".repeat(size / 4)} A`,
  surrogates: (size) => "🎉".repeat(size / 2),
  hyphens: (size) => "-".repeat(size),
  "hexadecimal digits": (size) => "abcdef01-".repeat(size / 9),
};

interface Values {
  convert(column: Column, value: unknown, lossyNumbers: boolean): unknown;
  view(column: Column, parameter: unknown): unknown;
}

const dialects: Readonly<Record<string, readonly [values: Values, types: string]>> = {
  Postgres: [
    { convert: postgresConvert, view: postgresView },
    "bool int4 int8 numeric float4 float8 jsonb timestamptz timestamp date time timetz interval tstzrange tstzmultirange bit money bytea text bpchar uuid mood " +
      "bool[] int8[] numeric[] float4[] jsonb[] timestamptz[] date[] bytea[] text[] uuid[]",
  ],
  MySQL: [
    mysql,
    "boolean int bigint bit decimal float double json timestamp date time year enum set binary blob uuid char varchar text",
  ],
  SQLite: [
    sqlite,
    "boolean integer decimal real text varchar blob json uuid datetime date time string any",
  ],
};

const size = 4_096;
const times = 16;
/** Linear is 16, quadratic 256. */
const mostRatio = 64;
/** A shorter time says nothing. What is quadratic takes hundreds of milliseconds for the longer text. */
const leastMs = 1;
const tries = 20;

describe.each(Object.entries(dialects))("the conversions of %s", (_database, [values, types]) => {
  it.each(types.split(" "))(
    `take for a text that is ${times} times as long about ${times} times as long: %s`,
    { timeout: 300_000 },
    (type) => {
      const column = columnOf(type);
      for (const [name, text] of Object.entries(texts)) {
        const [short, long] = [text(size), text(size * times)];
        let [shortMs, longMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
        let ratio = Number.POSITIVE_INFINITY;
        // The shortest of several times has no garbage of others in it.
        for (let attempt = 0; attempt < tries && ratio > mostRatio; attempt += 1) {
          shortMs = Math.min(shortMs, timeOf(values, column, short));
          longMs = Math.min(longMs, timeOf(values, column, long));
          ratio = longMs / Math.max(shortMs, leastMs);
        }
        expect(ratio, name).toBeLessThanOrEqual(mostRatio);
      }
    },
  );
});

function columnOf(type: string): Column {
  return {
    name: "c",
    type: type === "any" ? "" : type.replace("[]", ""),
    array: type.endsWith("[]"),
    nullable: true,
    hasDefault: false,
    generated: false,
    members: ["a", "b"],
    ...(/varchar|text|blob|binary|json/.test(type) && { length: 2 ** 31 }),
  };
}

/** The processor's time, in which what else the machine does is not counted. */
function timeOf({ convert, view }: Values, column: Column, text: string): number {
  const begun = process.threadCpuUsage();
  try {
    view(column, convert(column, text, false));
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
  }
  const { user, system } = process.threadCpuUsage(begun);
  return (user + system) / 1_000;
}
