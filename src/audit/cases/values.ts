/** W-25x to W-28x: names of tables and columns, and values, valid and invalid. Texts are in `texts.ts`. */
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

/** Sends each entry in a request of its own, so that a server that refuses a whole request is tested for each of them. */
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

/** Refused for good or applied, but never answered so that the device sends it forever. */
const settled = [results(success), ...refusedOrFatal];

export const namesAndValues: readonly AuditCase[] = [
  {
    ...names,
    id: "W-253",
    heavy: true,
    title: "refuses tables that were not declared",
    mend: "Take the names of tables from a list in the server's code. Never make a name from the request part of a statement's text.",
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
    title: "refuses columns that were not declared",
    mend: "Take the names of each table's columns from a list in the server's code. Never make a name from the request part of a statement's text, and never leave out an unknown column silently.",
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
    title:
      "treats special names of its programming language, such as __proto__, like any other name",
    mend: "Look up names in a map that contains only the entries that you added: no members of a prototype, no attributes.",
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
    title: "compares table names exactly",
    mend: "Compare names exactly. Two tables may differ only in capitals, and a name that is nearly right is a mistake that must be reported.",
    need: "SHOULD",
    steps: (g) => eachRefused(g, [{ ...g.put("x", { note: "x" }), table: capitals(g.table) }]),
  },
  {
    ...names,
    id: "W-256",
    title: "does not move a row to another id",
    mend: "Refuse an id in op_data that differs from the entry's id.",
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
    title: "stores integers beyond 2^53 with all their digits",
    mend: "Read the integers of JSON with all their digits (as text, or as a 64-bit type), because SDKs in languages other than JavaScript send them as numbers. Treat a text of digits as the same value.",
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
    title: "refuses numbers that do not fit an integer column",
    mend: "Answer a number that does not fit its column with fatal_error. Do not round it, do not truncate it, and do not turn it into NULL.",
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
    title:
      "gives a final answer to values that no column can store: NUL, half a character, text for a number",
    mend: "Answer every error about a value (a data exception of the database, or an error of the driver) with fatal_error. A retryable answer or a 500 makes the device send the value forever.",
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
    title: "refuses text for a numeric column",
    mend: "Convert each value by its column's type, and answer fatal_error if it does not fit. SQLite accepts any value in any column, so with SQLite the server must check it.",
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
    title: "answers a failure with the contract's error code",
    mend: "Use the error codes of the contract (LibraryErrorCode). Applications use them to decide what to tell their users.",
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
