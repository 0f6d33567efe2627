/** U-1xx: requests and answers in PowerSync's own contract. */
import {
  absent,
  type AuditCase,
  fatal,
  refused,
  refusedOrFatal,
  results,
  success,
  there,
  upload,
} from "../case.js";

const about = "Requests and answers";
const level = 1;

const badEnvelopes: readonly [id: string, what: string, body: unknown][] = [
  ["U-120", "a list", [{ transactions: [{ crud: [] }] }]],
  ["U-121", "a number", 7],
  ["U-122", "null", null],
  ["U-123", "an object without transactions", { hello: "world" }],
  ["U-124", "transactions that are not a list", { transactions: { 0: { crud: [] } } }],
  ["U-125", "no transactions", { transactions: [] }],
];

export const shapes: readonly AuditCase[] = [
  {
    id: "U-101",
    level,
    need: "MUST",
    about,
    title: "applies a transaction and answers in the contract's form",
    mend: 'Answer POST { "transactions": [{ "crud": […] }] } with 200 and { "results": [{ "status": "success" }] } once the transaction has been committed.',
    steps: (g) => [
      {
        send: { body: upload(g.tx(g.put("a", { code: g.code("A") }))) },
        expect: results(success),
      },
      ...there(g.code("A")),
    ],
  },
  {
    id: "U-102",
    level,
    need: "MUST",
    about,
    title: "answers one result for each transaction, in order",
    mend: "Return one result for each transaction of the request, in the request's order, whether or not the transaction succeeds.",
    steps: (g) => [
      {
        send: {
          body: upload(
            g.tx(g.put("a", { code: g.code("A") })),
            g.tx(g.put("b", { code: g.code("B") })),
            g.tx(g.put("c", { code: g.code("A") })),
          ),
        },
        expect: results(success, success, fatal(0)),
      },
      ...there(g.code("A"), g.code("B")),
    ],
  },
  {
    id: "U-103",
    level,
    need: "MUST",
    about,
    title: "answers an empty transaction with success",
    mend: "Answer a transaction with an empty crud list with success, because there is nothing to do.",
    steps: (g) => [{ send: { body: upload(g.tx()) }, expect: results(success) }],
  },
  {
    id: "U-104",
    level,
    need: "MUST",
    about,
    title: "ignores unknown members",
    mend: "Ignore members of the envelope, a transaction or an entry that the contract does not name. Clients may be older or newer than the server.",
    steps: (g) => [
      {
        send: {
          body: {
            ...upload({
              ...g.tx({ ...g.put("a", { code: g.code("A") }), later: 1 }),
              trace: {},
            }),
            on_fatal_error: "skip",
            v: 2,
          },
        },
        expect: results(success),
      },
      ...there(g.code("A")),
    ],
  },
  {
    id: "U-114",
    level,
    need: "MUST",
    about,
    title: "answers a fatal failure with requires_client_handling and an error code",
    mend: 'Add "requires_client_handling" (true or false) and "failed_operation" with a text "error_code" to every "fatal_error". Without them, a connector keeps the transaction forever.',
    steps: (g) => [
      {
        send: { body: upload(g.tx(g.put("a", { size: -1 }))) },
        expect: {
          ...results(fatal(0)),
          types: {
            "results.0.requires_client_handling": "boolean",
            "results.0.failed_operation.error_code": "string",
          },
        },
      },
    ],
  },
  {
    id: "U-115",
    heavy: true,
    level,
    need: "MUST",
    about,
    title: "accepts 50 transactions in a request",
    mend: "Accept at least 50 transactions in one request. PowerSync's connectors may send that many.",
    steps: (g) => [
      {
        send: {
          body: upload(
            ...Array.from({ length: 50 }, (_, n) => g.tx(g.put(`r${n}`, { code: g.code(`${n}`) }))),
          ),
        },
        expect: results(...Array.from({ length: 50 }, () => success)),
      },
      ...there(g.code("0"), g.code("49")),
    ],
  },
  {
    id: "U-116",
    level,
    need: "SHOULD",
    about,
    title: "names the failed operation by its index from 0",
    mend: 'Set "failed_operation.operation_index" to the index of the failed operation in its transaction, counted from 0.',
    steps: (g) => [
      {
        send: {
          body: upload(
            g.tx(
              g.put("a", { code: g.code("A") }),
              g.put("b", { code: g.code("B") }),
              g.put("c", { size: -1 }),
              g.put("d", { code: g.code("D") }),
            ),
          ),
        },
        expect: results({ ...fatal(2), named: true }),
      },
    ],
  },
  {
    id: "U-117",
    level,
    need: "MUST",
    about,
    title: "answers in JSON, even if it refuses the request",
    mend: 'Answer with content-type application/json: results with 200, and { "message": "…" } with every other status.',
    steps: (g) => [
      {
        send: { body: upload(g.tx()) },
        expect: { ...results(success), headers: { "content-type": "^application/json" } },
      },
      {
        send: { body: { transactions: [] } },
        expect: { ...refused(400, 422), headers: { "content-type": "^application/json" } },
      },
      {
        send: { body: upload(g.tx()), as: null },
        expect: { ...refused(401), headers: { "content-type": "^application/json" } },
      },
    ],
  },
  ...badEnvelopes.map(([id, what, body]): AuditCase => ({
    id,
    level,
    need: "MUST",
    about,
    title: `refuses an invalid envelope with 400: ${what}`,
    mend: 'Unless the body is an object with a list "transactions" of at least one, answer 400 with { "message": "…" }.',
    steps: () => [{ send: { body: JSON.stringify(body) }, expect: refused(400) }],
  })),
  {
    id: "U-130",
    heavy: true,
    level,
    need: "MUST",
    about,
    title: "refuses invalid operations, and applies nothing of their transaction",
    mend: "Check every entry before you apply the first one: op is PUT, PATCH or DELETE, table and id are text, and op_data is an object.",
    steps: (g) => {
      const entry = g.put("b", {});
      const bad: readonly unknown[] = [
        { ...entry, op: "MERGE" },
        { ...entry, op: "put" },
        { op: "PUT", id: g.id("b"), op_data: {} },
        { op: "DELETE", table: g.table },
        { ...entry, id: 7 },
        { ...entry, op_data: [1] },
        null,
      ];
      return bad.flatMap((each, n) => [
        {
          send: {
            body: upload({ crud: [g.put(`r${n}`, { code: g.code(`${n}`) }), each] }),
          },
          expect: refusedOrFatal,
        },
        ...absent(g.code(`${n}`)),
      ]);
    },
  },
];
