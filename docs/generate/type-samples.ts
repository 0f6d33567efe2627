/** What the page about types shows: by database, columns and the values that are sent to them, as JSON text. */

export interface TypeSample {
  /** As it stands in CREATE TABLE. */
  readonly type: string;
  /** JSON, as in a request's body. */
  readonly sent: readonly string[];
  /** How a column's content is shown. Default: the database's own text of it. */
  readonly show?: (column: string) => string;
}

export interface TypeSection {
  readonly title: string;
  readonly intro: string;
  /** By the beginning of their names; they must agree. */
  readonly dialects: readonly string[];
  /** Before the table is made. */
  readonly before: readonly string[];
  readonly show: (column: string) => string;
  readonly samples: readonly TypeSample[];
}

const truths = ["1", "0", "true", '"t"', "2"];
const texts = ['"Grüße 🎉"', "1.5", '{"a":1}', '"a\\u0000b"', '"\\ud83c"'];
const documents = [
  '"{\\"a\\": [1, 2]}"',
  '{"a":[1,2]}',
  '{"n":12345678901234567890}',
  '"null"',
  "null",
  '"no JSON"',
];
const instants = [
  '"2026-07-01T12:00:00.123456Z"',
  '"2026-07-01T12:00:00.1234567Z"',
  '"2026-07-01T12:00:00.123456789Z"',
  '"2026-07-01T12:00:00+02:00"',
  '"2026-07-01 12:00:00"',
  '"2026-07-01"',
  '"9999-12-31T23:59:59Z"',
  '"2026-02-30T00:00:00Z"',
  '"yesterday"',
  "1782907200",
];
const coarse = ['"2026-07-01T12:00:00.000Z"', '"2026-07-01T12:00:00.123Z"'];
const days = [
  '"2024-02-29"',
  '"2024-02-29T00:00:00.000Z"',
  '"2024-02-29T10:00:00Z"',
  '"2023-02-29"',
];
const times = ['"23:59:59"', '"10:30"', '"now"'];
const integers = ["42", '"42"', "true", "1.5", '"many"'];
const large = ["9223372036854775807", '"9007199254740993"', "9223372036854775808"];
const decimals = ["12.5", '"0.10"', '"1250e-2"', "0.125", "100000000000"];
const floats = ["0.1", '"1e308"', '"1e400"', '"NaN"', "9007199254740993"];
const ids = [
  '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"',
  '"a0eebc999c0b4ef8bb6d6bb9bd380a11"',
  '"no uuid"',
];
const binaries = ['"AP+A"', '""', '"AP-A"', '"\\\\x00ff"'];
const lists = [
  '["a","with \\"quotes\\"",null]',
  '"[\\"a\\", \\"b\\"]"',
  '"{a,b}"',
  "[]",
  '[["a"],["b"]]',
  '"a, b"',
];
const words = ['"happy"', '"Happy"', "1", '""'];

const utc = (column: string) => `(${column} at time zone 'UTC')::text || ' UTC'`;

export const sections: readonly TypeSection[] = [
  {
    title: "Postgres and PGlite",
    intro:
      "Postgres and PGlite give the same answers. The stored value is shown as Postgres prints it.",
    dialects: ["PGlite", "Postgres"],
    before: [
      "create type mood as enum ('happy', 'sad')",
      "create domain even as integer check (value % 2 = 0)",
      "create type pair as (a integer, b text)",
    ],
    show: (column) => `${column}::text`,
    samples: [
      { type: "boolean", sent: truths },
      { type: "smallint", sent: [...integers, "32768"] },
      { type: "integer", sent: ["-2147483648", "2147483648"] },
      { type: "bigint", sent: large },
      {
        type: "numeric",
        sent: ['"123456789012345678901234567890.123456789"', "0.1", '"Infinity"'],
      },
      { type: "numeric(12, 2)", sent: decimals },
      { type: "real", sent: ["0.1", '"1e39"'] },
      { type: "double precision", sent: floats },
      { type: "text", sent: texts },
      { type: "varchar(4)", sent: ['"abcd"', '"abcde"', '"abcd  "'] },
      { type: "char(4)", sent: ['"ab"', '"ab  "'] },
      { type: "uuid", sent: ids },
      { type: "jsonb", sent: documents },
      { type: "json", sent: ['"{\\"a\\":  1}"', '{"a":1}'] },
      { type: "timestamptz", sent: instants, show: utc },
      { type: "timestamp", sent: ['"2026-07-01T12:00:00+02:00"', '"2026-07-01 12:00:00"'] },
      { type: "timestamp(0)", sent: coarse },
      { type: "date", sent: days },
      { type: "time", sent: [...times, '"23:59:59.123456"', '"10:00:00+02:00"'] },
      {
        type: "interval",
        sent: ['"P1DT2H"', '"1 day 02:00:00"', '{"hours":2,"minutes":30}', '"soon"', "5"],
      },
      { type: "bytea", sent: binaries },
      { type: "text[]", sent: lists },
      { type: "bigint[]", sent: ['["9223372036854775807",1]', "[1.5]"] },
      { type: "jsonb[]", sent: ['[{"a":1},[1,2],null]'] },
      { type: "mood", sent: words },
      { type: "even", sent: ["4", "3", "1.5"] },
      { type: "int4range", sent: ['"[1,5)"', '"[5,1)"'] },
      { type: "pair", sent: ['"(1,x)"', '{"a":1,"b":"x"}'] },
      { type: "integer generated always as (1) stored", sent: ["1"] },
      { type: "integer generated always as identity", sent: ["1"] },
    ],
  },
  {
    title: "MariaDB and MySQL",
    intro:
      "These values were stored on MariaDB. MySQL uses the same conversion. The stored value is shown as the server prints it, in a session whose time zone is UTC.",
    dialects: ["MariaDB"],
    before: [],
    show: (column) => `cast(${column} as char)`,
    samples: [
      { type: "tinyint(1)", sent: truths },
      {
        type: "bit(1)",
        sent: ["1", "false", "2"],
        show: (column) => `cast(${column} + 0 as char)`,
      },
      { type: "smallint", sent: [...integers, "32768"] },
      { type: "int unsigned", sent: ["4294967295", "-1"] },
      { type: "bigint", sent: large },
      { type: "bigint unsigned", sent: ["18446744073709551615", "-1"] },
      { type: "decimal(12, 2)", sent: decimals },
      { type: "decimal(30, 10)", sent: ['"12345678901234567890.0123456789"', '"0.01234567891"'] },
      { type: "double", sent: floats },
      { type: "text", sent: texts },
      { type: "varchar(4)", sent: ['"abcd"', '"abcde"', '"abcd  "'] },
      { type: "char(36)", sent: ['"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"', '"ab  "'] },
      { type: "uuid", sent: ids },
      { type: "json", sent: documents },
      { type: "datetime(6)", sent: instants },
      { type: "datetime", sent: coarse },
      {
        type: "timestamp(6) null",
        sent: ['"2026-07-01T12:00:00+02:00"', '"2039-01-01T00:00:00Z"'],
        show: (column) => `concat(convert_tz(${column}, @@session.time_zone, '+00:00'), ' UTC')`,
      },
      { type: "date", sent: days },
      { type: "time", sent: [...times, '"-100:00:00"', '"23:59:59.4"'] },
      { type: "year", sent: ["2026", "70"] },
      { type: "blob", sent: binaries, show: (column) => `concat('0x', hex(${column}))` },
      {
        type: "binary(16)",
        sent: ['"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"', '"AAECAwQFBgcICQoLDA0ODw=="', '"AP+A"'],
        show: (column) => `concat('0x', hex(${column}))`,
      },
      { type: "enum('happy', 'sad')", sent: words },
      { type: "set('a', 'b')", sent: ['"a,b"', '["b","a"]', '"[\\"a\\"]"', '"c"'] },
      { type: "int generated always as (1) stored", sent: ["1"] },
    ],
  },
  {
    title: "SQLite",
    intro:
      "`better-sqlite3` and `node:sqlite` give the same answers. SQLite itself accepts any value in any column and may change it; the library enforces the declared type. The stored value is shown as SQLite's `quote()` prints it: text in quotes, numbers without.",
    dialects: ["SQLite"],
    before: [],
    show: (column) => `quote(${column})`,
    samples: [
      { type: "boolean", sent: truths },
      { type: "integer", sent: [...integers, ...large] },
      { type: "int4", sent: ["2147483648"] },
      { type: "real", sent: floats },
      { type: "numeric", sent: ["12.5", '"0.10"', '"1234567890123456789.5"'] },
      { type: "decimal(12, 2)", sent: decimals },
      { type: "text", sent: texts },
      { type: "varchar(4)", sent: ['"abcd"', '"abcde"'] },
      { type: "uuid", sent: ids },
      { type: "json", sent: documents },
      { type: "datetime", sent: instants },
      { type: "date", sent: days },
      { type: "time", sent: times },
      { type: "blob", sent: binaries },
      { type: "integer generated always as (1) stored", sent: ["1"] },
    ],
  },
];
