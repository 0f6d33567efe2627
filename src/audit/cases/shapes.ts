/** U-1xx: what a request and its answer are, in PowerSync's own contract. */
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
  ["U-124", "transactions that are no list", { transactions: { 0: { crud: [] } } }],
  ["U-125", "no transactions", { transactions: [] }],
];

export const shapes: readonly AuditCase[] = [
  {
    id: "U-101",
    level,
    need: "MUST",
    about,
    title: "applies a transaction and answers in the contract's words",
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
    title: "answers one result a transaction, in order",
    mend: "Give one result for each transaction of the request, in the request's order, whatever becomes of them.",
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
    title: "takes an empty transaction for success",
    mend: "A transaction whose crud is empty is success: there is nothing to do.",
    steps: (g) => [{ send: { body: upload(g.tx()) }, expect: results(success) }],
  },
  {
    id: "U-104",
    level,
    need: "MUST",
    about,
    title: "ignores members it does not know",
    mend: "Ignore members of the envelope, of a transaction and of an entry that the contract does not name: clients are older or newer than the server.",
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
    title: "says of a fatal failure who handles it, and by a code what it was",
    mend: 'A "fatal_error" has "requires_client_handling", true or false, and "failed_operation" with a text "error_code": without them a connector keeps the transaction for ever.',
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
    title: "takes 50 transactions in a request",
    mend: "PowerSync's connectors may send up to 50 transactions in one request.",
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
    title: "names the operation that failed, from 0",
    mend: 'Put the place of the failed operation in its transaction into "failed_operation.operation_index", counted from 0.',
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
    title: "answers in JSON, also where it refuses",
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
    title: `refuses an envelope that is bad with 400: ${what}`,
    mend: 'Answer a body that is no object with a list "transactions" of at least one with 400 and { "message": "…" }.',
    steps: () => [{ send: { body: JSON.stringify(body) }, expect: refused(400) }],
  })),
  {
    id: "U-130",
    heavy: true,
    level,
    need: "MUST",
    about,
    title: "refuses what is no operation, and applies nothing of its transaction",
    mend: "Check every entry before the first is applied: op is PUT, PATCH or DELETE, table and id are texts, op_data is an object.",
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
