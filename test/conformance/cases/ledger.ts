/** 4xx: what is sent twice. */
import {
  type Case,
  fatal,
  from,
  L1,
  L2,
  notAttempted,
  numbered,
  patch,
  put,
  refused,
  results,
  success,
  T1,
  uuid,
  X1,
  X2,
} from "../case.js";

const list = put("lists", L1, { name: "Groceries" });
const first = from("device", numbered(1, list));
const stored = { id: L1, name: "Groceries", owner_id: "alice" };

const six = Array.from({ length: 6 }, (_, n) => put("lists", uuid(n), { n }));
const tooMany = numbered(1, ...six);
const respelled = {
  transactionId: 3,
  crud: six.map(({ op, op_data, table, id }, n) => ({
    op,
    id,
    clientId: 1 + n,
    opData: op_data,
    type: table,
  })),
};

const taken = (handling?: number) => ({
  ...numbered(1, put("things", X1, { code: "taken" })),
  ...(handling !== undefined && { handling }),
});
const forTheClient = fatal("UNIQUE_VIOLATION", 0, { requires_client_handling: true });
/** As PowerSync's published connectors send one. */
const published = (transaction_id: number, entry: object) => ({
  transactions: [{ transaction_id, crud: [{ ...entry, transaction_id }] }],
});

const unreadable: readonly [string, object][] = [
  ["an unknown op", { ...list, op: "MERGE" }],
  ["no table", { op: "PUT", id: L1, data: {} }],
  ["no data", { op: "PUT", table: "lists", id: L1 }],
  ["an id that is a number", { ...list, id: 7 }],
  ["data that is a list", { ...list, op_data: [{ name: "x" }] }],
  ["metadata that is a number", { ...list, metadata: 7 }],
];

export const ledger: readonly Case[] = [
  {
    id: "L-403",
    level: "MUST",
    title: "answers a fatal replay as before, and records nothing again",
    steps: [
      {
        send: { body: from("device", numbered(1, put("todos", T1, { list_id: L1 }))) },
        expect: results(fatal("NOT_NULL_VIOLATION", 0)),
      },
      { send: { body: first }, expect: results(success) },
      {
        send: { body: from("device", numbered(1, put("todos", T1, { list_id: L1 }))) },
        expect: results(fatal("NOT_NULL_VIOLATION", 0)),
      },
    ],
    leaves: {
      lists: [stored],
      deadLetters: [{ error_code: "NOT_NULL_VIOLATION", client_id: "device" }],
    },
  },
  {
    id: "L-404",
    level: "MUST",
    title: "knows a replay whatever the order of its columns and the shape it comes in",
    steps: [
      {
        send: {
          body: from("device", numbered(1, put("lists", L1, { name: "Groceries", labels: ["a"] }))),
        },
        expect: results(success),
      },
      { change: { table: "lists", id: L1, to: { name: "Changed" } } },
      {
        send: {
          body: {
            client_id: "device",
            crud: [
              {
                op_id: 1,
                op: "PUT",
                type: "lists",
                id: L1,
                data: { labels: ["a"], name: "Groceries" },
              },
            ],
          },
        },
        expect: { status: 200, body: success },
      },
    ],
    leaves: { lists: [{ ...stored, name: "Changed" }] },
  },
  {
    id: "L-407",
    level: "MUST",
    title: "keeps apart callers with one client id, and queues of one client",
    steps: [
      {
        send: {
          body: { ...from("device", numbered(1, put("lists", L1, {}))), queue_id: "first" },
        },
        expect: results(success),
      },
      {
        send: { as: "bob", body: from("device", numbered(1, put("lists", L1, {}))) },
        expect: results(fatal("UNAUTHORIZED", 0)),
      },
      { change: { table: "lists", id: L1, to: null } },
      {
        send: {
          body: { ...from("device", numbered(1, put("lists", L1, {}))), queue_id: "second" },
        },
        expect: results(success),
      },
    ],
    leaves: { lists: [{ id: L1, owner_id: "alice" }] },
  },
  {
    id: "L-409",
    level: "MUST",
    title: "applies the rest of a batch that is sent again whole",
    steps: [
      {
        send: {
          body: from(
            "device",
            numbered(1, list),
            numbered(2, put("absent", L1, {})),
            numbered(3, put("lists", L2, {})),
          ),
        },
        expect: results(
          success,
          { status: "retryable_error", message: "The database is being changed right now." },
          notAttempted,
        ),
      },
      {
        send: { body: from("device", numbered(1, list), numbered(3, put("lists", L2, {}))) },
        expect: results(success, success),
      },
    ],
    leaves: { lists: [stored, { id: L2, owner_id: "alice" }] },
  },
  {
    id: "L-410",
    level: "MUST",
    title: "takes client ids and texts that no column could hold",
    steps: [
      {
        send: {
          body: from(
            "nul \u0000 half \ud800 \u{1f600}",
            numbered(1, put("lists", L1, { name: "nul \u0000" })),
          ),
        },
        expect: results(fatal("INVALID_DATA", 0)),
      },
    ],
    leaves: {
      lists: [],
      deadLetters: [
        { error_code: "INVALID_DATA", client_id: "nul \\u0000 half \\ud800 \\ud83d\\ude00" },
      ],
    },
  },
  {
    id: "L-411",
    level: "MUST",
    title: "answers a repeat of what is beyond a limit as before, and records it once",
    setting: "small-limits",
    steps: [
      { send: { body: from("device", tooMany) }, expect: results(fatal("INVALID_TRANSACTION")) },
      {
        send: { body: from("device", respelled) },
        expect: results(fatal("INVALID_TRANSACTION")),
      },
      {
        send: { body: { client_id: "device", batch: tooMany.crud } },
        expect: refused(200),
      },
      { send: { body: from("tablet", tooMany) }, expect: results(fatal("INVALID_TRANSACTION")) },
    ],
    leaves: {
      lists: [],
      deadLetters: [
        { client_id: "device", attempts: 1 },
        { client_id: "tablet", attempts: 1 },
      ],
    },
  },
  {
    id: "L-412",
    level: "MUST",
    title:
      "knows a repeat by its number and content, where no device is named, and undoes nothing that others have written",
    steps: [
      { send: { body: published(1, list) }, expect: results(success) },
      { change: { table: "lists", id: L1, to: { name: "Changed" } } },
      { send: { body: published(1, list) }, expect: results(success) },
      { send: { body: published(2, put("lists", L2, {})) }, expect: results(success) },
      { change: { table: "lists", id: L2, to: null } },
      { send: { body: published(2, put("lists", L2, {})) }, expect: results(success) },
    ],
    leaves: { lists: [{ ...stored, name: "Changed" }] },
  },
  {
    id: "L-413",
    level: "MUST",
    title:
      "applies the same number and content again, where the user has written the row in between",
    steps: [
      { send: { body: published(1, list) }, expect: results(success) },
      {
        send: { body: published(2, patch("lists", L1, { name: "Other" })) },
        expect: results(success),
      },
      { send: { body: published(1, list) }, expect: results(success) },
    ],
    leaves: { lists: [stored] },
  },
  {
    id: "L-414",
    level: "MUST",
    title: "knows a repeat when the connector that sends it has become one that names its device",
    steps: [
      { send: { body: published(1, list) }, expect: results(success) },
      { change: { table: "lists", id: L1, to: { name: "Changed" } } },
      {
        send: {
          body: {
            ...from("device", { transaction_id: 1, ...numbered(1, list) }),
            queue_id: "queue",
          },
        },
        expect: results(success),
      },
    ],
    leaves: { lists: [{ ...stored, name: "Changed" }] },
  },
  ...unreadable.map(([what, entry], index): Case => ({
    id: `L-${420 + index}`,
    level: "MUST",
    title: `answers a repeat of what can't be understood as before, and records it once: ${what}`,
    steps: [
      ...[1, 2].map(() => ({
        send: { body: from("device", { crud: [{ op_id: 1, ...entry }] }) },
        expect: results(fatal("INVALID_TRANSACTION", 0)),
      })),
      {
        send: { body: from("device", { crud: [{ op_id: 2, ...entry }] }) },
        expect: results(fatal("INVALID_TRANSACTION", 0)),
      },
    ],
    leaves: { deadLetters: [{ attempts: 1 }, { attempts: 1 }] },
  })),
  {
    id: "L-430",
    level: "MUST",
    title:
      "takes what differs in any of its data for another transaction, also where it is refused",
    steps: [
      ...[{ a: 1 }, { a: 2 }].map((data) => ({
        send: { body: from("device", { crud: [{ ...list, op_id: 1, data }] }) },
        expect: results(fatal("INVALID_TRANSACTION", 0)),
      })),
      {
        send: { body: from("device", { crud: [{ ...list, op_id: 1 }] }) },
        expect: results(success),
      },
    ],
    leaves: { lists: [stored], deadLetters: [{ attempts: 1 }, { attempts: 1 }] },
  },
  {
    id: "L-440",
    level: "MUST",
    title:
      "answers copies of what the client decides about as before, and tries them once it has been asked more often",
    setting: "client-handles",
    given: { things: [{ id: X2, code: "taken" }] },
    steps: [
      { send: { body: from("device", taken(0)) }, expect: results(forTheClient) },
      { change: { table: "things", id: X2, to: { code: "given up" } } },
      { send: { body: from("device", taken(0)) }, expect: results(forTheClient) },
      { send: { body: from("device", taken(1)) }, expect: results(success) },
      { change: { table: "things", id: X1, to: { code: "changed" } } },
      { send: { body: from("device", taken(0)) }, expect: results(success) },
      { send: { body: from("device", taken(2)) }, expect: results(success) },
    ],
    leaves: {
      things: [
        { id: X1, code: "changed" },
        { id: X2, code: "given up" },
      ],
      deadLetters: [],
    },
  },
  {
    id: "L-441",
    level: "MUST",
    title: "saves nothing of it for a client that does not say how often it has been asked",
    setting: "client-handles",
    given: { things: [{ id: X2, code: "taken" }] },
    steps: [
      { send: { body: from("device", taken()) }, expect: results(forTheClient) },
      { change: { table: "things", id: X2, to: { code: "given up" } } },
      { send: { body: from("device", taken()) }, expect: results(success) },
    ],
    leaves: {
      things: [
        { id: X1, code: "taken" },
        { id: X2, code: "given up" },
      ],
    },
  },
];
