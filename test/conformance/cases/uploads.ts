/** 1xx: what an upload is, and how each shape of it is answered. */
import {
  type Case,
  del,
  fatal,
  from,
  L1,
  L2,
  notAttempted,
  patch,
  put,
  refused,
  results,
  success,
  T1,
  T2,
  transaction,
  upload,
  uuid,
} from "../case.js";

const list = { name: "Groceries" };
const stored = { lists: [{ id: L1, name: "Groceries", owner_id: "alice" }] };
const nothing = { lists: [], todos: [], deadLetters: [] };

const row = { table: "lists", id: L1 };

const byMethod = (method: string, table: string, data: object) => ({
  method,
  body: { table, data },
});

const badTransactions: readonly [string, unknown, number?][] = [
  ["null", null],
  ["text", "crud"],
  ["no crud", {}],
  ["crud that is no list", { crud: {} }],
  ["an entry that is null", { crud: [null] }, 0],
  ["an unknown op", { crud: [{ ...put("lists", L1), op: "MERGE" }] }, 0],
  ["an op in lower case", { crud: [put("lists", L1), { ...put("lists", L2), op: "put" }] }, 1],
  ["no table", { crud: [{ op: "PUT", id: L1 }] }, 0],
  ["no id", { crud: [{ op: "DELETE", table: "lists" }] }, 0],
  ["an empty id", { crud: [del("lists", "")] }, 0],
  ["an id that is a number", { crud: [{ op: "DELETE", table: "lists", id: 7 }] }, 0],
  ["op_data that is a list", { crud: [{ ...put("lists", L1), op_data: [] }] }, 0],
  ["metadata that is an object", { crud: [{ ...put("lists", L1, list), metadata: {} }] }, 0],
  ["a transaction_id that is text", { transaction_id: "1", crud: [] }],
  ["a PUT without data", { crud: [del("lists", L2), { op: "PUT", table: "lists", id: L1 }] }, 1],
  ["a PATCH whose data is null", { crud: [{ ...patch("lists", L1, list), op_data: null }] }, 0],
  ["a PUT with data by an unknown name", { crud: [{ op: "PUT", ...row, values: list }] }, 0],
  ["two names of the data", { crud: [{ ...put("lists", L1, list), opData: {} }] }, 0],
  ["two names of the table", { crud: [{ ...put("lists", L1, list), type: "todos" }] }, 0],
  ["two names of the entry's id", { crud: [{ ...put("lists", L1, list), opId: 1, op_id: 2 }] }, 0],
  ["two names of its id", { transactionId: 1, tx_id: 2, crud: [put("lists", L1, list)] }],
  ["crud and a batch", { crud: [put("lists", L1, list)], batch: [put("lists", L2, list)] }],
];

/** A parser makes an empty object of it, as of a body that it does not read, and it is as long as an upload. */
const lost = "{              }";

export const uploads: readonly Case[] = [
  {
    id: "U-108",
    level: "MUST",
    title: "answers clients of the demo backends by status: done once it is applied or recorded",
    steps: [
      {
        send: { body: { batch: [{ op: "PUT", table: "lists", id: L1, data: list }] } },
        expect: refused(200),
      },
      {
        send: { body: { batch: [{ op: "PUT", table: "todos", id: T1, data: { list_id: L1 } }] } },
        expect: refused(200),
      },
    ],
    leaves: {
      ...stored,
      todos: [],
      deadLetters: [{ error_code: "NOT_NULL_VIOLATION", operation_index: 0, user_id: "alice" }],
    },
  },
  {
    id: "U-109",
    level: "MUST",
    title: "answers clients of the demo backends 503 for what they must send again",
    steps: [
      {
        send: { body: { batch: [{ op: "PUT", table: "absent", id: L1, data: {} }] } },
        expect: { ...refused(503), headers: { "retry-after": "5" } },
      },
    ],
    leaves: nothing,
  },
  {
    id: "U-110",
    level: "MUST",
    title: "records what fails for clients of the demo backends, whoever else would handle it",
    setting: "client-handles",
    steps: [
      {
        send: { body: { batch: [{ op: "PUT", table: "nowhere", id: L1, data: {} }] } },
        expect: refused(200),
      },
    ],
    leaves: { deadLetters: [{ error_code: "UNKNOWN_TABLE" }] },
  },
  {
    id: "U-111",
    level: "MUST",
    title: "takes entries with the properties of the SDK's own CrudEntry, in every shape",
    steps: [
      {
        send: {
          body: {
            clientId: "phone",
            transactions: [
              {
                transactionId: 1,
                crud: [
                  { clientId: 1, op: "PUT", ...row, transactionId: 1, opData: list },
                  { clientId: 2, op: "PUT", ...row, transactionId: 1, opData: { name: "Work" } },
                  {
                    clientId: 3,
                    op: "PATCH",
                    ...row,
                    transactionId: 1,
                    opData: { name: "Shopping" },
                    previousValues: { name: "Work" },
                    metadata: "why",
                  },
                ],
              },
            ],
          },
        },
        expect: results(success),
      },
      {
        send: { body: { crud: [{ op: "PUT", type: "lists", id: L2, opData: { name: "Work" } }] } },
        expect: { status: 200, body: success },
      },
      {
        send: { body: { batch: [{ op: "PATCH", type: "lists", id: L2, opData: list }] } },
        expect: refused(200),
      },
    ],
    leaves: {
      lists: [
        { id: L1, name: "Shopping" },
        { id: L2, name: "Groceries" },
      ],
      deadLetters: [],
    },
  },
  {
    id: "U-112",
    level: "MUST",
    title: "takes one transaction in two spellings for one, and applies it once",
    steps: [
      {
        send: { body: from("phone", { crud: [{ ...put("lists", L1, list), op_id: 1 }] }) },
        expect: results(success),
      },
      { change: { table: "lists", id: L1, to: { name: "Somebody else's" } } },
      {
        send: {
          body: {
            clientId: "phone",
            transactionId: 7,
            crud: [{ clientId: 1, op: "PUT", type: "lists", id: L1, opData: list, tx_id: 7 }],
          },
        },
        expect: { status: 200, body: success },
      },
      {
        send: {
          body: {
            clientId: "phone",
            batch: [{ opId: 1, op: "PUT", type: "lists", id: L1, data: list }],
          },
        },
        expect: refused(200),
      },
    ],
    leaves: { lists: [{ id: L1, name: "Somebody else's" }] },
  },
  {
    id: "U-185",
    level: "MUST",
    title: "records each transaction that can't be understood as it came, and goes on",
    setting: "skip",
    steps: badTransactions.map(([, bad, at]) => ({
      send: { body: upload(bad, transaction(put("lists", L1, list))) },
      expect: results(fatal("INVALID_TRANSACTION", at), success),
    })),
    leaves: stored,
  },
  {
    id: "U-161",
    level: "MUST",
    title: "records a transaction that is beyond a limit",
    setting: "small-limits",
    steps: [
      {
        send: {
          body: upload(
            transaction(...Array.from({ length: 6 }, (_, n) => put("lists", uuid(n), {}))),
          ),
        },
        expect: results(fatal("INVALID_TRANSACTION")),
      },
    ],
    leaves: { lists: [], deadLetters: [{ error_code: "INVALID_TRANSACTION" }] },
  },
  {
    id: "U-163",
    level: "MUST",
    title: "takes names of Object.prototype for names like any other",
    setting: "skip",
    steps: [
      {
        send: {
          body: `{"__proto__":{"admin":true},"transactions":[
          {"crud":[{"op":"PATCH","table":"lists","id":"${L1}","op_data":{"__proto__":{"name":"x"}}}]},
          {"crud":[{"op":"PUT","table":"__proto__","id":"${L1}","data":{}}]},
          {"crud":[{"op":"PUT","table":"constructor","id":"${L1}","data":{}}]},
          {"crud":[{"op":"PUT","table":"lists","id":"${L1}","op_data":{"hasOwnProperty":1}}]},
          {"crud":[{"op":"PUT","table":"lists","id":"${L1}","op_data":{"name":"Groceries","settings":{"__proto__":{"a":1},"constructor":2}}}]}]}`,
        },
        expect: results(
          fatal("FORBIDDEN_COLUMN", 0),
          fatal("UNKNOWN_TABLE", 0),
          fatal("UNKNOWN_TABLE", 0),
          fatal("FORBIDDEN_COLUMN", 0),
          success,
        ),
      },
    ],
    leaves: {
      lists: [
        {
          id: L1,
          name: "Groceries",
          settings: JSON.parse('{"__proto__":{"a":1},"constructor":2}'),
        },
      ],
    },
  },
  {
    id: "U-171",
    level: "MUST",
    title: "goes on behind a fatal failure where it is told to",
    setting: "skip",
    steps: [
      {
        send: {
          body: upload(
            transaction(put("lists", L1, list)),
            transaction(
              patch("lists", L1, { name: "Shopping" }),
              put("todos", T1, { list_id: L1 }),
            ),
            transaction(put("lists", L2, { name: "Work" })),
          ),
        },
        expect: results(success, fatal("NOT_NULL_VIOLATION", 1), success),
      },
    ],
    leaves: {
      lists: [
        { id: L1, name: "Groceries" },
        { id: L2, name: "Work" },
      ],
      todos: [],
      deadLetters: [{ error_code: "NOT_NULL_VIOLATION" }],
    },
  },
  {
    id: "U-172",
    level: "MUST",
    title: "ends the batch at a retryable failure, in both modes",
    setting: "skip",
    steps: [
      {
        send: {
          body: upload(
            transaction(put("lists", L1, list)),
            transaction(put("absent", L1, {})),
            transaction(put("lists", L2, list)),
          ),
        },
        expect: results(
          success,
          { status: "retryable_error", message: "The database is being changed right now." },
          notAttempted,
        ),
      },
    ],
    leaves: { ...stored, deadLetters: [] },
  },
  {
    id: "U-173",
    level: "MUST",
    title:
      "leaves what the client will handle to it: nothing recorded, and the batch ends in both modes",
    setting: "client-handles",
    steps: [
      {
        send: {
          body: from(
            "c",
            { crud: [{ ...put("nowhere", L1), op_id: 1 }] },
            transaction(put("lists", L1, list)),
          ),
        },
        expect: results(
          fatal("UNKNOWN_TABLE", 0, { requires_client_handling: true }),
          notAttempted,
        ),
      },
    ],
    leaves: { ...nothing },
  },
  {
    id: "U-190",
    level: "MUST",
    title: "takes one operation by its method, and answers by status: done once it is applied",
    given: { lists: [{ id: L2, name: "Old", owner_id: "alice" }] },
    steps: [
      { send: byMethod("PUT", "lists", { id: L1, name: "Groceries" }), expect: refused(200) },
      { send: byMethod("PATCH", "lists", { id: L1, name: "Shopping" }), expect: refused(200) },
      { send: byMethod("DELETE", "lists", { id: L2 }), expect: refused(200) },
      { send: byMethod("PUT", "authors", { id: T2, name: "Ann" }), expect: refused(200) },
    ],
    leaves: {
      lists: [{ id: L1, name: "Shopping", owner_id: "alice" }],
      authors: [{ uuid: T2, name: "Ann" }],
      deadLetters: [],
    },
  },
  {
    id: "U-191",
    level: "MUST",
    title: "answers one operation done once it is recorded, and 503 for what must be sent again",
    setting: "client-handles",
    steps: [
      { send: byMethod("PUT", "todos", { id: T1, list_id: L1 }), expect: refused(200) },
      {
        send: byMethod("PUT", "absent", { id: L1 }),
        expect: { ...refused(503), headers: { "retry-after": "5" } },
      },
    ],
    leaves: {
      todos: [],
      deadLetters: [
        {
          error_code: "NOT_NULL_VIOLATION",
          operation_index: 0,
          payload: { crud: [put("todos", T1, { list_id: L1 })] },
        },
      ],
    },
  },
  {
    id: "U-192",
    level: "MUST",
    title: "records one operation that can't be understood, whole",
    steps: [
      { send: byMethod("PUT", "lists", { name: "no id" }), expect: refused(200) },
      {
        send: { method: "PATCH", body: { table: "lists", data: { id: L1 }, opData: list } },
        expect: refused(200),
      },
      {
        send: { method: "DELETE", body: { op: "PUT", table: "lists", data: { id: L1, ...list } } },
        expect: refused(200),
      },
    ],
    leaves: {
      lists: [],
      deadLetters: [
        {
          error_code: "INVALID_TRANSACTION",
          payload: { batch: [{ op: "PUT", table: "lists", data: { name: "no id" } }] },
        },
        {
          error_code: "INVALID_TRANSACTION",
          payload: {
            batch: [{ op: "PATCH", table: "lists", data: { id: L1 }, opData: list }],
          },
        },
        {
          error_code: "INVALID_TRANSACTION",
          payload: { batch: [{ op: ["DELETE", "PUT"], table: "lists", id: L1, data: list }] },
        },
      ],
    },
  },
  {
    id: "U-197",
    level: "MUST",
    title: "takes one operation by its method from behind a body parser",
    setting: "parsed",
    given: { lists: [{ id: L2, name: "Old", owner_id: "alice" }] },
    steps: [
      { send: byMethod("PUT", "lists", { id: L1, name: "Groceries" }), expect: refused(200) },
      { send: byMethod("DELETE", "lists", { id: L2 }), expect: refused(200) },
    ],
    leaves: { ...stored, deadLetters: [] },
  },
  {
    id: "U-198",
    level: "MUST",
    title: "keeps the device's writes where a body parser has left nothing of them",
    setting: "parsed",
    steps: [
      { send: { body: lost }, expect: { ...refused(503), headers: { "retry-after": "5" } } },
      { send: { method: "DELETE", body: lost }, expect: refused(503) },
    ],
    leaves: nothing,
  },
];
