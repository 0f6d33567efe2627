/** S-3xx: who is let in, whose rows they are, and what an answer gives away. */
import {
  absent,
  type AuditCase,
  type Caller,
  fatal,
  refused,
  results,
  success,
  there,
  upload,
} from "../case.js";

const level = 1;
const tokens = { level, need: "MUST", about: "Credentials" } as const;
const rows = { level, need: "MUST", about: "Whose rows they are" } as const;
const redaction = { level, need: "MUST", about: "What an answer gives away" } as const;

const forgeries: readonly [id: string, as: Caller, mend: string][] = [
  ["S-351", "garbage", "A token that is none is 401, with whatever the parser of tokens throws."],
  [
    "S-352",
    "another scheme",
    "Only `Authorization: Bearer …` is a credential: anything else is 401.",
  ],
  [
    "S-353",
    "an altered signature",
    "Verify the token's signature with the key of who has signed it.",
  ],
  [
    "S-354",
    "an altered payload",
    "Verify the token's signature before anything in it is believed.",
  ],
  ["S-355", "no signature", "Accept the algorithms that you have chosen, and never `none`."],
];

const body = (...transactions: readonly object[]) => ({ body: upload(...transactions) });

export const access: readonly AuditCase[] = [
  {
    ...tokens,
    id: "H-501",
    title: "asks who calls before it looks at the body",
    mend: "Verify the credential first, and answer 401 without one, whatever the body is. A stranger learns nothing about what would be taken.",
    steps: (g) => [
      {
        send: { ...body(g.tx(g.put("a", { code: g.code("A") }))), as: null },
        expect: refused(401),
      },
      { send: { body: "{not json", as: null }, expect: refused(401) },
      {
        send: { body: "x", as: null, headers: { "content-type": "text/plain" } },
        expect: refused(401),
      },
      ...absent(g.code("A")),
    ],
  },
  {
    ...tokens,
    id: "S-350",
    need: "SHOULD",
    title: "says with a 401 how to authenticate",
    mend: "Send `WWW-Authenticate: Bearer` with every 401, as HTTP asks for.",
    steps: (g) => [
      {
        send: { ...body(g.tx()), as: null },
        expect: { ...refused(401), headers: { "www-authenticate": "." } },
      },
    ],
  },
  ...forgeries.map(([id, as, mend]): AuditCase => ({
    ...tokens,
    id,
    title: `refuses a credential with 401: ${as}`,
    mend,
    steps: (g) => [
      { send: { ...body(g.tx(g.put("a", { code: g.code("A") }))), as }, expect: refused(401) },
      ...absent(g.code("A")),
    ],
  })),
  {
    ...rows,
    id: "S-344",
    title: "lets each caller write their own",
    mend: "The rows of two users do not stand in each other's way.",
    steps: (g) => [
      { send: body(g.tx(g.put("mine", { code: g.code("M") }))), expect: results(success) },
      {
        send: { ...body(g.tx(g.put("theirs", { code: g.code("T") }))), as: "other" },
        expect: results(success),
      },
      { send: body(g.tx(g.patch("mine", { code: g.code("M2") }))), expect: results(success) },
      {
        send: { ...body(g.tx(g.patch("theirs", { code: g.code("T2") }))), as: "other" },
        expect: results(success),
      },
      ...there(g.code("M2"), g.code("T2")),
      {
        send: { ...body(g.tx(g.del("theirs"))), as: "other" },
        expect: results(success),
      },
      ...absent(g.code("T2")),
    ],
  },
  ...(
    [
      ["S-340", "PUT", "put"],
      ["S-341", "PATCH", "patch"],
      ["S-342", "DELETE", "del"],
    ] as const
  ).map(([id, op, how]): AuditCase => ({
    ...rows,
    id,
    title: `does not let a ${op} touch another user's row, and applies nothing of its transaction`,
    mend: `Look whose the stored row is in the same database transaction as the ${op} (a condition on the owner in its WHERE, and its number of rows), and answer fatal_error where it is another's.`,
    steps: (g) => [
      {
        send: { ...body(g.tx(g.put("theirs", { code: g.code("T") }))), as: "other" },
        expect: results(success),
      },
      {
        send: body(
          g.tx(
            g.put("mine", { code: g.code("M") }),
            how === "del" ? g.del("theirs") : g[how]("theirs", { code: g.code("taken") }),
          ),
        ),
        expect: results(fatal(1)),
      },
      ...there(g.code("T")),
      ...absent(g.code("M"), g.code("taken")),
    ],
  })),
  {
    ...rows,
    id: "S-343",
    title: "does not take another row's owner from the body",
    mend: "Set the owner from the credential. Where the client sends one it must be the caller: anything else is fatal_error, or is ignored.",
    steps: (g) => [
      {
        send: { ...body(g.tx(g.put("theirs", { code: g.code("T") }))), as: "other" },
        expect: results(success),
      },
      // Whoever it names, the row is not somebody else's afterwards: its sender can still change it, or it was never written.
      {
        send: body(g.tx(g.put("mine", { code: g.code("M"), owner_id: "somebody-else" }))),
        expect: [results(success), results(fatal(0))],
      },
      // Where it was refused, what needs the row may be refused, too.
      {
        send: body(g.tx(g.patch("mine", { code: g.code("M2") }))),
        expect: [results(success), results(fatal(0, "DEPENDS_ON_DEAD_LETTER"))],
      },
      ...absent(g.code("M")),
      {
        send: body(g.tx(g.patch("theirs", { owner_id: "somebody-else", code: g.code("X") }))),
        expect: results(fatal(0)),
      },
      ...there(g.code("T")),
    ],
  },
  {
    ...redaction,
    id: "S-360",
    title: "tells nothing of the database in a failure",
    mend: "Answer with words of your own. The driver's text names constraints, columns, values, statements and servers: it belongs into the log.",
    steps: (g) => [
      { send: body(g.tx(g.put("a", { code: g.code("A") }))), expect: results(success) },
      ...[
        g.put("b", { code: g.code("A") }),
        g.put("b", { size: -1 }),
        g.put("b", { big: "no number" }),
        g.put("b", { note: "nul \u0000" }),
        g.put("b", { no_such_column: 1 }),
        { ...g.put("b", {}), table: "no_such_table" },
        { ...g.put("b", {}), id: "not-a-uuid" },
      ].map((entry) => ({
        send: body(g.tx(entry, { ...entry, op: "DELETE", op_data: undefined })),
        expect: [
          { status: [200, 400, 422], discreet: true },
          { status: 500, discreet: true },
        ],
      })),
    ],
  },
  {
    ...redaction,
    id: "S-361",
    title: "tells nothing of its code in a refusal",
    mend: "No stack, no path and no text of a parser with the body in it: a short message of your own.",
    steps: () => [
      ...["{not json", "[1,]", '{"transactions":7}', "[".repeat(5_000)].map((text) => ({
        send: { body: text },
        expect: { ...refused(400), discreet: true },
      })),
      { send: { body: "{}", as: "garbage" }, expect: { ...refused(401), discreet: true } },
    ],
  },
];
