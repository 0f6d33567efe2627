/** W-27x: texts, which must be stored unchanged or refused. */
import {
  absent,
  type AuditCase,
  refusedOrFatal,
  results,
  success,
  there,
  upload,
} from "../case.js";

const text = { level: 1, need: "MUST", about: "Values" } as const;

const body = (...transactions: readonly object[]) => ({ body: upload(...transactions) });

export const textCases: readonly AuditCase[] = [
  {
    ...text,
    id: "W-270",
    heavy: true,
    title: "stores text unchanged: quotes, backslashes, other scripts, characters beyond 16 bits",
    mend: "Bind values as parameters, and use an encoding that stores four-byte characters (utf8mb4 on MySQL).",
    steps: (g) =>
      [
        "it's",
        'say "x"',
        "back\\slash",
        "Ünï 名前",
        "😀👩‍👩‍👧",
        "'; drop table x; --",
        "%_$1?:a",
      ].flatMap((each, n) => [
        {
          send: body(g.tx(g.put(`r${n}`, { code: g.code(each) }))),
          expect: results(success),
        },
        ...there(g.code(each)),
        ...absent(g.code(`${each}!`)),
      ]),
  },
  {
    ...text,
    id: "W-273",
    title: "does not truncate a text that is too long",
    mend: "Answer a text that exceeds its column's length with fatal_error (on MySQL, use strict mode).",
    steps: (g) => {
      const first = g.code("x".repeat(60)).slice(0, 64);
      return [
        {
          send: body(g.tx(g.put("a", { code: `${first}${"y".repeat(40)}` }))),
          expect: [results(success), ...refusedOrFatal],
        },
        ...absent(first),
      ];
    },
  },
  {
    ...text,
    id: "W-277",
    title: "keeps spaces, tabs and line breaks at the start and end of a text",
    mend: "Store a text as it was sent. A trimmed text is another value than the device has.",
    steps: (g) => {
      const [a, b] = [g.code("A"), g.code("B")];
      // No trailing space, because some databases ignore those when they compare.
      return [` ${a}`, `\t${b}`, `${b}\n`].flatMap((each, n) => [
        { send: body(g.tx(g.put(`r${n}`, { code: each }))), expect: results(success) },
        ...there(each),
        ...absent(each.trim()),
      ]);
    },
  },
  {
    ...text,
    id: "W-278",
    title: "stores an empty text as an empty text and not as NULL",
    mend: 'Write NULL only for null. "" is a text: a NOT NULL column accepts it, and a query for it finds it.',
    steps: (g) => [
      { send: body(g.tx(g.put("a", { code: "" }))), expect: results(success) },
      ...there(""),
      // Deleted, because the value is the same in every run and unique.
      { send: body(g.tx(g.del("a"))), expect: results(success) },
    ],
  },
];
