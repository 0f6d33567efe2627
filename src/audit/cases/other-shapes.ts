/** U-1xx: shapes and names of older and of newer clients. A server may leave them out; one that takes them takes them so. */
import { absent, type AuditCase, fatal, from, refused, results, success, there } from "../case.js";

const level = 3;
const must = { level, need: "MUST", about: "Other shapes" } as const;

export const otherShapes: readonly AuditCase[] = [
  {
    ...must,
    id: "U-106",
    features: ["bare"],
    title: "takes a bare transaction and answers with a bare result",
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
    title: "takes entries as PowerSync's SDKs serialize them",
    mend: "type is table, data is op_data, old is previous_values and tx_id is transaction_id.",
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
    title: "takes entries with the properties of the SDK's own CrudEntry",
    mend: "opData is op_data, previousValues is previous_values, transactionId is transaction_id, and an entry's clientId its op_id.",
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
    title: "takes one transaction in two spellings for one, and applies it once",
    mend: "Give every member its one name before the identity is taken.",
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
    title: "refuses an envelope that is bad with 400: two devices",
    mend: "client_id and clientId with different values are 400.",
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
    title: "refuses an envelope that is bad with 400: two shapes",
    mend: "A body with both transactions and crud is 400: what would be ignored is somebody's data.",
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
    mend: 'A client that sends { "batch": […] } reads the HTTP status alone: 200 once it is applied or recorded, 503 for what must be sent again.',
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
    title: "takes one row by PUT, PATCH and DELETE, and answers by status",
    mend: 'PUT, PATCH and DELETE on the endpoint with { "table", "data": { "id", … } } are one operation each.',
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
    title: `refuses a ${method} that is no row with 400, 401 or 415`,
    mend: "The checks of the envelope, the credential and the content type are the same as for POST.",
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
    title: "applies one operation by its method once, where the client says which it is",
    mend: "A row that comes with client_id and op_id has an identity like any other transaction.",
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
