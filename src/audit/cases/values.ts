/** W-25x to W-28x: names and values, kind and unkind ones; texts are in `texts.ts`. */
import {
  absent,
  type AuditCase,
  fatal,
  type Given,
  refusedOrFatal,
  results,
  success,
  there,
  upload,
  withLiterals,
} from "../case.js";

const values = { level: 1, about: "Values" } as const;
const names = { level: 1, need: "MUST", about: "Names of tables and columns" } as const;

const body = (...transactions: readonly object[]) => ({ body: upload(...transactions) });

/** Each alone, so that a server that refuses the whole request is not taken at its word for the others. */
const eachRefused = (g: Given, entries: readonly object[]) =>
  entries.flatMap((entry, n) => [
    {
      send: body(g.tx(g.put(`r${n}`, { code: g.code(`${n}`) }), entry)),
      expect: refusedOrFatal,
    },
    ...absent(g.code(`${n}`)),
  ]);

/** The name with the case of its first letter changed. */
function capitals(name: string): string {
  const first = name.charAt(0);
  const other = first === first.toUpperCase() ? first.toLowerCase() : first.toUpperCase();
  return other + name.slice(1);
}

/** Refused for good, or taken as it is: never an answer that makes the device send it for ever. */
const settled = [results(success), ...refusedOrFatal];

export const namesAndValues: readonly AuditCase[] = [
  {
    ...names,
    id: "W-253",
    heavy: true,
    title: "refuses tables that nobody declared",
    mend: "Take the names of tables from a list in the server's code. A name from the request never becomes part of a statement's text.",
    steps: (g) =>
      eachRefused(
        g,
        [
          "users",
          `public.${g.table}`,
          `${g.table}"; drop table ${g.table}; --`,
          `${g.table}\`; drop table ${g.table}; #`,
          "sqlite_master",
          "pg_catalog.pg_class",
          "information_schema.tables",
          "__proto__",
          "constructor",
          "toString",
        ].map((table) => ({ ...g.put("x", { note: "x" }), table })),
      ),
  },
  {
    ...names,
    id: "W-254",
    title: "refuses columns that nobody declared",
    mend: "Take the names of columns from a list in the server's code, for each table. A name from the request never becomes part of a statement's text, and no unknown column is left out in silence.",
    steps: (g) =>
      eachRefused(
        g,
        [
          "no_such_column",
          `${g.table}.note`,
          'note" = null --',
          "note = (select 1), size",
          "constructor",
          "hasOwnProperty",
        ].map((column) => g.put("x", { [column]: "x" })),
      ),
  },
  {
    ...names,
    id: "W-255",
    title: "takes names of its own language's objects for names like any other",
    mend: "Look names up in a map that has nothing but what was put there: no prototype, no attributes.",
    steps: (g) => [
      {
        send: {
          body: withLiterals(
            { ...upload(g.tx(g.put("a", { code: g.code("A") }))), "§": 1 },
            { "§": '"__proto__"' },
          ),
        },
        expect: results(success),
      },
      {
        send: {
          body: withLiterals(upload(g.tx(g.put("b", { code: g.code("B"), "§": { note: "x" } }))), {
            "§": '"__proto__"',
          }),
        },
        expect: refusedOrFatal,
      },
      ...there(g.code("A")),
      ...absent(g.code("B")),
    ],
  },
  {
    ...names,
    id: "W-257",
    title: "takes a table's name as it is written",
    mend: "Compare names exactly. Two tables may differ in capitals alone, and a name that is nearly right is a mistake that somebody should hear of.",
    need: "SHOULD",
    steps: (g) => eachRefused(g, [{ ...g.put("x", { note: "x" }), table: capitals(g.table) }]),
  },
  {
    ...names,
    id: "W-256",
    title: "does not move a row to another id",
    mend: "Refuse an id in op_data that is not the entry's own.",
    need: "SHOULD",
    steps: (g) => [
      { send: body(g.tx(g.put("a", { code: g.code("A") }))), expect: results(success) },
      { send: body(g.tx(g.patch("a", { id: g.id("b") }))), expect: settled },
      { send: body(g.tx(g.del("a"))), expect: results(success) },
      ...absent(g.code("A")),
    ],
  },
  {
    ...values,
    need: "SHOULD",
    id: "W-276",
    title: "stores integers beyond 2^53 digit for digit",
    mend: "Read JSON's integers with all their digits (as text, or as a type of 64 bits): SDKs in other languages than JavaScript send them so. A text of digits is the same value.",
    steps: (g) => {
      const inText = g.big("text");
      const inNumber = g.big("number");
      const near = (digits: string): string => String(BigInt(digits) - 1n);
      return [
        { send: body(g.tx(g.put("a", { big: inText }))), expect: results(success) },
        {
          send: {
            body: withLiterals(upload(g.tx(g.put("b", { big: "§" }))), { "§": inNumber }),
          },
          expect: results(success),
        },
        ...[inText, inNumber].flatMap((big) => [
          { sees: { big, there: true } } as const,
          { sees: { big: near(big), there: false } } as const,
        ]),
      ];
    },
  },
  {
    ...values,
    need: "MUST",
    id: "W-275",
    title: "refuses numbers that no column of integers holds",
    mend: "A number that does not fit its column is fatal_error. It is not rounded, not cut, and not turned into NULL.",
    steps: (g) =>
      ["1e400", "9223372036854775808", "123456789012345678901234567890", "1.5"].flatMap(
        (literal, n) => [
          {
            send: {
              body: withLiterals(upload(g.tx(g.put(`r${n}`, { code: g.code(`${n}`), big: "§" }))), {
                "§": literal,
              }),
            },
            expect: refusedOrFatal,
          },
          ...absent(g.code(`${n}`)),
        ],
      ),
  },
  {
    ...values,
    need: "MUST",
    id: "W-271",
    title: "answers for good what no column could hold: NUL, half a character, text for a number",
    mend: "Whatever a database says of a value (a data exception, an error of the driver's own) is fatal_error. A retryable answer or a 500 makes the device send it for ever.",
    steps: (g) => [
      ...["nul \u0000", "half \ud800", "half \udc00 again"].map((text, n) => ({
        send: body(g.tx(g.put(`r${n}`, { note: text }))),
        expect: settled,
      })),
      { send: body(g.tx(g.put("s", { size: "no number" }))), expect: settled },
      { send: body(g.tx(g.put("t", { size: { a: 1 } }))), expect: settled },
      { send: body(g.tx(g.put("u", { note: ["a", { b: null }] }))), expect: settled },
      {
        send: body(g.tx({ ...g.put("v"), id: "not-a-uuid" }, { ...g.del("v"), id: "not-a-uuid" })),
        expect: settled,
      },
    ],
  },
  {
    ...values,
    need: "SHOULD",
    id: "W-272",
    title: "refuses text for a column of numbers",
    mend: "Convert each value by its column's type, and answer fatal_error where it does not fit. SQLite takes any value for any column: there the server has to look.",
    steps: (g) => [
      {
        send: body(g.tx(g.put("a", { code: g.code("A"), size: "no number" }))),
        expect: refusedOrFatal,
      },
      ...absent(g.code("A")),
    ],
  },
  {
    level: 3,
    need: "MUST",
    about: "Error codes",
    id: "W-274",
    title: "names a failure by the contract's code",
    mend: "Use the codes of the contract (LibraryErrorCode): applications decide by them what to tell their users.",
    steps: (g) => [
      { send: body(g.tx(g.put("a", { code: g.code("A") }))), expect: results(success) },
      ...(
        [
          [g.put("b", { code: g.code("A") }), "UNIQUE_VIOLATION"],
          [g.put("b", { size: -1 }), "CHECK_VIOLATION"],
          [{ ...g.put("b", {}), table: "no_such_table" }, "UNKNOWN_TABLE"],
          [g.put("b", { no_such_column: 1 }), "FORBIDDEN_COLUMN"],
          [g.put("b", { big: "no number" }), "INVALID_DATA"],
        ] as const
      ).map(([entry, code]) => ({
        send: body(g.tx(entry)),
        expect: results(fatal(0, code)),
      })),
    ],
  },
];
