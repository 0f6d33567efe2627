/** U-1xx: shapes and names of older and newer clients. A server need not accept them. If it does, these cases say how. */
import { absent, type AuditCase, fatal, from, refused, results, success, there } from "../case.js";

const level = 3;
const must = { level, need: "MUST", about: "Other shapes" } as const;

export const otherShapes: readonly AuditCase[] = [
  {
    ...must,
    id: "U-106",
    features: ["bare"],
    title: "accepts a bare transaction, and answers with a bare result",
    mend: 'Answer { "crud": […] } with the result itself, not with a list.',
    steps: (g) => [
      {
        send: {
          body: { client_id: g.device("phone"), ...g.numbered(g.put("a", { code: g.code("A") })) },
        },
        expect: { status: 200, result: success },
      },
      {
        send: { body: { crud: [{ ...g.put("b"), table: "nowhere" }] } },
        expect: { status: 200, result: fatal(0, "UNKNOWN_TABLE") },
      },
      ...there(g.code("A")),
    ],
  },
  {
    ...must,
    id: "U-107",
    features: ["names"],
    title: "accepts entries as PowerSync's SDKs serialize them",
    mend: "Accept type for table, data for op_data, old for previous_values and tx_id for transaction_id.",
    steps: (g) => {
      let op_id = 0;
      const sent = (op: string, name: string, more: object = {}) => ({
        op_id: (op_id += 1),
        op,
        type: g.table,
        id: g.id(name),
        tx_id: 1,
        ...more,
      });
      const crud = [
        sent("PUT", "a", { data: { code: g.code("A") } }),
        sent("PATCH", "a", {
          data: { code: g.code("B") },
          old: { code: g.code("A") },
          metadata: "why",
        }),
        sent("PUT", "b", { data: { code: g.code("A") } }),
        sent("DELETE", "b"),
      ];
      return [
        { send: { body: from(g.device("phone"), { crud }) }, expect: results(success) },
        ...there(g.code("B")),
        ...absent(g.code("A")),
      ];
    },
  },
  {
    ...must,
    id: "U-118",
    features: ["names"],
    title: "accepts entries with the properties of the SDK's CrudEntry",
    mend: "Accept opData for op_data, previousValues for previous_values, transactionId for transaction_id, and an entry's clientId for its op_id.",
    steps: (g) => {
      const named = (clientId: number, op: string, opData: object) => ({
        clientId,
        op,
        table: g.table,
        id: g.id("a"),
        transactionId: 1,
        opData,
      });
      return [
        {
          send: {
            body: {
              clientId: g.device("phone"),
              transactions: [
                {
                  transactionId: 1,
                  crud: [
                    named(1, "PUT", { code: g.code("A") }),
                    { ...named(2, "PATCH", { code: g.code("B") }), previousValues: {} },
                  ],
                },
              ],
            },
          },
          expect: results(success),
        },
        ...there(g.code("B")),
        ...absent(g.code("A")),
      ];
    },
  },
  {
    ...must,
    id: "U-119",
    features: ["names"],
    title: "recognizes a transaction in two spellings as the same one, and applies it once",
    mend: "Convert every member to its one name before you compute the identity.",
    steps: (g) => {
      const sent = g.numbered(...g.once("A"));
      const respelled = {
        clientId: g.device("phone"),
        transactions: [
          {
            crud: sent.crud.map((entry) => {
              const { op, table, id, op_data, op_id } = entry as Readonly<Record<string, unknown>>;
              return { opId: op_id, op, type: table, id, data: op_data };
            }),
          },
        ],
      };
      return [
        { send: { body: from(g.device("phone"), sent) }, expect: results(success) },
        { send: { body: respelled }, expect: results(success) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...must,
    id: "U-127",
    features: ["names"],
    title: "refuses an invalid envelope with 400: two devices",
    mend: "Answer a request in which client_id and clientId differ with 400.",
    steps: (g) => [
      {
        send: { body: { client_id: "phone", clientId: "tablet", transactions: [g.tx()] } },
        expect: refused(400),
      },
    ],
  },
  {
    ...must,
    id: "U-128",
    features: ["bare"],
    title: "refuses an invalid envelope with 400: two shapes",
    mend: "Answer a body with both transactions and crud with 400. The member that would be ignored contains a user's data.",
    steps: (g) => [
      {
        send: {
          body: {
            transactions: [g.tx(g.put("a", { code: g.code("A") }))],
            crud: [g.put("b", { code: g.code("B") })],
          },
        },
        expect: refused(400),
      },
      ...absent(g.code("A"), g.code("B")),
    ],
  },
  {
    ...must,
    id: "U-113",
    features: ["batch"],
    title: "answers clients of the demo backends by status",
    mend: 'A client that sends { "batch": […] } reads only the HTTP status. Answer 200 if the batch was applied or recorded, and 503 if it must be sent again.',
    steps: (g) => {
      const batch = (name: string, data: object) => ({
        batch: [{ op: "PUT", table: g.table, id: g.id(name), data }],
      });
      return [
        { send: { body: batch("a", { code: g.code("A") }) }, expect: refused(200) },
        { send: { body: batch("b", { code: g.code("A") }) }, expect: refused(200) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...must,
    id: "U-187",
    features: ["methods"],
    title: "accepts one row by PUT, PATCH and DELETE, and answers by status",
    mend: 'Apply a PUT, PATCH or DELETE request on the endpoint with { "table", "data": { "id", … } } as one operation.',
    steps: (g) => {
      const by = (method: string, data: object) => ({
        send: { method, body: { table: g.table, data: { id: g.id("a"), ...data } } },
        expect: refused(200),
      });
      return [
        by("PUT", { code: g.code("A") }),
        ...there(g.code("A")),
        by("PATCH", { code: g.code("B") }),
        ...there(g.code("B")),
        by("DELETE", {}),
        ...absent(g.code("B")),
      ];
    },
  },
  ...(["PUT", "PATCH", "DELETE"] as const).map((method, index): AuditCase => ({
    ...must,
    id: `U-${193 + index}`,
    features: ["methods"],
    title: `refuses a ${method} request without a valid row with 400, 401 or 415`,
    mend: "Check the envelope, the credential and the content type in the same way as for POST.",
    steps: (g) => {
      const row = { table: g.table, id: g.id("x") };
      const bad = [{}, [], null, 7, { crud: [] }, { ...row, data: {}, transactions: [] }];
      return [
        ...bad.map((body) => ({
          send: { method, body: JSON.stringify(body) },
          expect: refused(400),
        })),
        { send: { method, body: "{not json" }, expect: refused(400) },
        { send: { method, body: row, as: null }, expect: refused(401) },
        {
          send: { method, body: row, headers: { "content-type": "text/plain" } },
          expect: refused(415),
        },
      ];
    },
  })),
  {
    ...must,
    id: "U-196",
    features: ["methods"],
    title: "applies a row that is sent twice by its method only once, if the client identifies it",
    mend: "Give a row that is sent with client_id and op_id an identity, as you do for any other transaction.",
    steps: (g) => {
      const client_id = g.device("phone");
      const send = {
        method: "PUT",
        body: { client_id, op_id: 1, table: g.table, id: g.id("a"), data: { code: g.code("A") } },
      };
      return [
        { send, expect: refused(200) },
        {
          send: { body: from(g.device("tablet"), g.numbered(g.patch("a", { code: g.code("B") }))) },
          expect: results(success),
        },
        { send, expect: refused(200) },
        {
          send: {
            body: from(client_id, { crud: [{ ...g.put("a", { code: g.code("A") }), op_id: 1 }] }),
          },
          expect: results(success),
        },
        ...there(g.code("B")),
        ...absent(g.code("A")),
      ];
    },
  },
];
