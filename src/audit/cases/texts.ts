/** W-27x: texts, which are stored as they are or refused. */
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
    title: "stores text as it is: quotes, backslashes, other scripts, characters beyond 16 bits",
    mend: "Bind values as parameters, and use an encoding of four bytes (utf8mb4 on MySQL).",
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
    title: "does not cut a text that is too long",
    mend: "A text beyond its column's length is fatal_error (MySQL: strict mode).",
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
    title: "keeps the spaces, tabs and line breaks at a text's ends",
    mend: "Store a text as it was sent. What trims it makes another value of it, which the device does not have.",
    steps: (g) => {
      const [a, b] = [g.code("A"), g.code("B")];
      // No space behind it: some databases compare without those.
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
    title: "stores an empty text as one, not as NULL",
    mend: 'Make NULL of null alone. "" is a text: a column that is NOT NULL takes it, and a query for it finds it.',
    steps: (g) => [
      { send: body(g.tx(g.put("a", { code: "" }))), expect: results(success) },
      ...there(""),
      // There is but one: the next run begins without it.
      { send: body(g.tx(g.del("a"))), expect: results(success) },
    ],
  },
];
