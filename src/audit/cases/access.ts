/** S-3xx: credentials, the owners of rows, and internal text in answers. */
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
const rows = { level, need: "MUST", about: "Owners of rows" } as const;
const redaction = { level, need: "MUST", about: "Redaction" } as const;

const forgeries: readonly [id: string, as: Caller, mend: string][] = [
  [
    "S-351",
    "garbage",
    "Answer text that is not a token with 401, whatever error the token's parser throws.",
  ],
  [
    "S-352",
    "another scheme",
    "Accept only `Authorization: Bearer …` as a credential, and answer anything else with 401.",
  ],
  ["S-353", "an altered signature", "Verify the token's signature with the issuer's key."],
  [
    "S-354",
    "an altered payload",
    "Verify the token's signature before you use anything in the token.",
  ],
  ["S-355", "no signature", "Accept only the algorithms that you have chosen, and never `none`."],
];

const body = (...transactions: readonly object[]) => ({ body: upload(...transactions) });

export const access: readonly AuditCase[] = [
  {
    ...tokens,
    id: "H-501",
    title: "verifies the credential before it reads the body",
    mend: "Verify the credential first. Without one, answer 401 for any body, so that a stranger learns nothing about valid bodies.",
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
    title: "sends WWW-Authenticate with a 401",
    mend: "Send `WWW-Authenticate: Bearer` with every 401, as HTTP requires.",
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
    title: "lets each caller write their own rows",
    mend: "Make sure that the rows of one user do not prevent the writes of another.",
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
    mend: `Check the owner of the stored row in the same database transaction as the ${op} (with a condition on the owner in its WHERE, and the number of affected rows), and answer fatal_error if it is another user.`,
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
    title: "does not take a row's owner from the body",
    mend: "Set the owner from the credential. If the client sends another owner than the caller, answer fatal_error or ignore it.",
    steps: (g) => [
      {
        send: { ...body(g.tx(g.put("theirs", { code: g.code("T") }))), as: "other" },
        expect: results(success),
      },
      // Whatever owner it names, the row must not belong to another user afterwards: its sender can still change it, or it was not written.
      {
        send: body(g.tx(g.put("mine", { code: g.code("M"), owner_id: "somebody-else" }))),
        expect: [results(success), results(fatal(0))],
      },
      // If the row was refused, writes that need it may be refused as well.
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
    title: "reveals nothing about the database in a failure",
    mend: "Answer with a message of your own. The driver's text names constraints, columns, values, statements and servers. Write it to the log only.",
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
    title: "reveals nothing about its code in a refusal",
    mend: "Answer with a short message of your own, without a stack, a path, or a parser's text that quotes the body.",
    steps: () => [
      ...["{not json", "[1,]", '{"transactions":7}', "[".repeat(5_000)].map((text) => ({
        send: { body: text },
        expect: { ...refused(400), discreet: true },
      })),
      { send: { body: "{}", as: "garbage" }, expect: { ...refused(401), discreet: true } },
    ],
  },
];
