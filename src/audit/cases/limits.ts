/** Transactions and bodies that exceed a limit, and invalid transactions. Each fails alone, is fatal, and is answered with a message. */
import {
  absent,
  type AuditCase,
  behind,
  fatal,
  type Feature,
  type Given,
  refused,
  results,
  success,
  there,
  upload,
  withLiterals,
} from "../case.js";

const level = 3;
const limits = { level, need: "MUST", about: "Limits" } as const;
const told: readonly Feature[] = ["limits"];

const invalid = (at?: number) => fatal(at, "INVALID_TRANSACTION");
const data = { note: "x" };

type Bad = readonly [
  id: string,
  what: string,
  transaction: (g: Given) => unknown,
  at?: number | undefined,
  names?: true,
];

const badTransactions: readonly Bad[] = [
  ["U-140", "null", () => null],
  ["U-141", "text", () => "crud"],
  ["U-142", "no crud", () => ({})],
  ["U-143", "crud that is not a list", () => ({ crud: {} })],
  ["U-144", "an entry that is null", () => ({ crud: [null] }), 0],
  ["U-145", "an unknown op", (g) => ({ crud: [{ ...g.put("x"), op: "MERGE" }] }), 0],
  [
    "U-146",
    "an op in lower case",
    (g) => ({ crud: [g.put("x"), { ...g.put("y"), op: "put" }] }),
    1,
  ],
  ["U-147", "no table", (g) => ({ crud: [{ op: "PUT", id: g.id("x"), op_data: data }] }), 0],
  ["U-148", "no id", (g) => ({ crud: [{ op: "DELETE", table: g.table }] }), 0],
  ["U-149", "an empty id", (g) => ({ crud: [{ op: "DELETE", table: g.table, id: "" }] }), 0],
  ["U-150", "an id that is a number", (g) => ({ crud: [{ ...g.del("x"), id: 7 }] }), 0],
  ["U-151", "op_data that is a list", (g) => ({ crud: [{ ...g.put("x"), op_data: [] }] }), 0],
  [
    "U-152",
    "metadata that is an object",
    (g) => ({ crud: [{ ...g.put("x", data), metadata: {} }] }),
    0,
  ],
  ["U-153", "a transaction_id that is text", () => ({ transaction_id: "1", crud: [] })],
  [
    "U-154",
    "a PUT without data",
    (g) => ({ crud: [g.del("y"), { op: "PUT", table: g.table, id: g.id("x") }] }),
    1,
  ],
  [
    "U-155",
    "a PATCH whose data is null",
    (g) => ({ crud: [{ ...g.patch("x"), op_data: null }] }),
    0,
  ],
  [
    "U-156",
    "a PUT with data under an unknown name",
    (g) => ({ crud: [{ op: "PUT", table: g.table, id: g.id("x"), values: data }] }),
    0,
  ],
  [
    "U-157",
    "data under two names",
    (g) => ({ crud: [{ ...g.put("x", data), opData: {} }] }),
    0,
    true,
  ],
  [
    "U-158",
    "the table under two names",
    (g) => ({ crud: [{ ...g.put("x", data), type: "another" }] }),
    0,
    true,
  ],
  [
    "U-159",
    "the operation id under two names",
    (g) => ({ crud: [{ ...g.put("x", data), opId: 1, op_id: 2 }] }),
    0,
    true,
  ],
  [
    "U-180",
    "the transaction's id under two names",
    (g) => ({ transactionId: 1, tx_id: 2, crud: [g.put("x", data)] }),
    undefined,
    true,
  ],
  [
    "U-181",
    "crud and a batch",
    (g) => ({ crud: [g.put("x", data)], batch: [g.put("y", data)] }),
    undefined,
    true,
  ],
];

const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

/** Sends a transaction that exceeds a limit, and another one after it. */
const beyond = (g: Given, body: unknown, at?: number) => [
  { send: { body }, expect: results(invalid(at), behind) },
  { sees: { code: g.code("next"), there: { result: 1 } } } as const,
  ...absent(g.code("bad")),
];

export const beyondLimits: readonly AuditCase[] = [
  ...badTransactions.map(([id, what, bad, at, names]): AuditCase => ({
    id,
    level,
    need: "MUST",
    about: "Invalid transactions",
    title: `records an invalid transaction, and processes those after it: ${what}`,
    mend: "Answer an invalid transaction in a valid envelope with fatal_error INVALID_TRANSACTION for that transaction, and record it as a dead letter. A 400 for the whole request blocks the device's queue forever.",
    ...(names === true && { features: ["names"] }),
    steps: (g) => [
      {
        send: { body: upload(bad(g), g.tx(g.put("next", { code: g.code("next") }))) },
        expect: results(invalid(at), behind),
      },
      { sees: { code: g.code("next"), there: { result: 1 } } },
    ],
  })),
  {
    id: "U-126",
    level,
    need: "MUST",
    about: "Requests and answers",
    title: "refuses an invalid envelope with 400: client_id or queue_id is a number",
    mend: "client_id and queue_id must be text. Answer anything else with 400.",
    steps: (g) => [
      { send: { body: { client_id: 7, transactions: [g.tx()] } }, expect: refused(400) },
      {
        send: { body: { client_id: "x", queue_id: 7, transactions: [g.tx()] } },
        expect: refused(400),
      },
    ],
  },
  {
    ...limits,
    id: "H-543",
    title: "publishes its limits without a credential",
    mend: "Answer GET {url}/limits, without requiring a credential, with { contract_version, limits: { body_bytes, transactions, operations, depth, keys, string_length }, features: [] }. Clients adapt their requests to the limits.",
    steps: () => [
      {
        send: { method: "GET", path: "/limits", as: null },
        expect: {
          status: 200,
          headers: { "content-type": "^application/json" },
          types: {
            contract_version: "string",
            features: "object",
            "limits.body_bytes": "number",
            "limits.transactions": "number",
            "limits.operations": "number",
            "limits.depth": "number",
            "limits.keys": "number",
            "limits.string_length": "number",
          },
        },
      },
    ],
  },
  {
    ...limits,
    id: "H-541",
    need: "SHOULD",
    title: "publishes its contract",
    mend: "Answer GET {url}/openapi.yaml with the contract's text.",
    steps: () => [
      {
        send: { method: "GET", path: "/openapi.yaml", as: null },
        expect: { status: 200, headers: { "content-type": "yaml" } },
      },
    ],
  },
  {
    ...limits,
    id: "U-160",
    heavy: true,
    features: told,
    title: "refuses more transactions than the limit with 400",
    mend: "Answer a request with more transactions than limits.transactions with 400, and apply none of them.",
    steps: (g) => [
      {
        send: {
          body: upload(
            g.tx(g.put("a", { code: g.code("A") })),
            ...Array.from({ length: g.limits.transactions }, () => ({ crud: [] })),
          ),
        },
        expect: refused(400),
      },
      ...absent(g.code("A")),
      {
        send: {
          body: upload(...Array.from({ length: g.limits.transactions }, () => ({ crud: [] }))),
        },
        expect: results(...Array.from({ length: g.limits.transactions }, () => success)),
      },
    ],
  },
  {
    ...limits,
    id: "U-165",
    heavy: true,
    features: told,
    title: "records a transaction with more operations than the limit",
    mend: "Answer a transaction with more operations than limits.operations with fatal_error INVALID_TRANSACTION. It does not become smaller when it is sent again.",
    steps: (g) =>
      beyond(
        g,
        upload(
          {
            crud: [
              g.put("bad", { code: g.code("bad") }),
              ...Array.from({ length: g.limits.operations }, () => g.patch("bad", {})),
            ],
          },
          g.tx(g.put("next", { code: g.code("next") })),
        ),
      ),
  },
  {
    ...limits,
    id: "U-162",
    title: "records values that are nested too deeply, at any depth, without crashing",
    mend: "Answer a transaction with values that are nested beyond limits.depth with fatal_error INVALID_TRANSACTION. Check the depth without recursion, or catch the error that recursion throws.",
    steps: (g) => [
      ...beyond(
        g,
        withLiterals(
          upload(
            g.tx(g.put("bad", { code: g.code("bad"), note: "§" })),
            g.tx(g.put("next", { code: g.code("next") })),
          ),
          { "§": deep(10_000) },
        ),
      ),
      { send: { body: upload(g.tx(g.put("c", { code: g.code("C") }))) }, expect: results(success) },
      ...there(g.code("C")),
    ],
  },
  {
    ...limits,
    id: "U-166",
    heavy: true,
    features: told,
    title: "records a transaction whose text is longer than the limit",
    mend: "Answer a transaction with a text longer than limits.string_length with fatal_error INVALID_TRANSACTION.",
    steps: (g) =>
      beyond(
        g,
        upload(
          g.tx(g.put("bad", { code: g.code("bad"), note: "x".repeat(g.limits.stringLength + 1) })),
          g.tx(g.put("next", { code: g.code("next") })),
        ),
      ),
  },
  {
    ...limits,
    id: "H-544",
    heavy: true,
    features: told,
    title: "refuses a body over the limit with 413",
    mend: "Count the bytes while they arrive, and stop at limits.body_bytes with 413. Do not rely on the announced length.",
    steps: (g) => [
      {
        send: {
          body: {
            ...upload(g.tx(g.put("a", { code: g.code("A") }))),
            padding: "x".repeat(g.limits.bodyBytes),
          },
          refusedUnread: true,
        },
        expect: refused(413),
      },
      ...absent(g.code("A")),
      { send: { body: upload(g.tx(g.put("b", { code: g.code("B") }))) }, expect: results(success) },
    ],
  },
];
