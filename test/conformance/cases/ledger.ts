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
  results,
  success,
  T1,
} from "../case.js";

const list = put("lists", L1, { name: "Groceries" });
const first = from("device", numbered(1, list));
const stored = { id: L1, name: "Groceries", owner_id: "alice" };

export const ledger: readonly Case[] = [
  {
    id: "L-401",
    level: "MUST",
    title: "answers a replay as before and writes nothing, after somebody else changed the row",
    steps: [
      { send: { body: first }, expect: results(success) },
      { change: { table: "lists", id: L1, to: { name: "Changed" } } },
      { send: { body: first }, expect: results(success) },
    ],
    leaves: { lists: [{ ...stored, name: "Changed" }] },
  },
  {
    id: "L-402",
    level: "MUST",
    title: "answers a replay as before and writes nothing, after somebody else deleted the row",
    steps: [
      { send: { body: first }, expect: results(success) },
      { change: { table: "lists", id: L1, to: null } },
      { send: { body: first }, expect: results(success) },
    ],
    leaves: { lists: [] },
  },
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
    id: "L-405",
    level: "MUST",
    title: "knows a transaction by its own id where its entries have none",
    steps: [
      {
        send: { body: from("device", { transaction_id: 7, crud: [list] }) },
        expect: results(success),
      },
      { change: { table: "lists", id: L1, to: { name: "Changed" } } },
      {
        send: { body: from("device", { transaction_id: 7, crud: [list] }) },
        expect: results(success),
      },
    ],
    leaves: { lists: [{ ...stored, name: "Changed" }] },
  },
  {
    id: "L-406",
    level: "MUST",
    title: "applies the same operation id with another content, from a device that began again",
    steps: [
      { send: { body: first }, expect: results(success) },
      {
        send: { body: from("device", numbered(1, patch("lists", L1, { name: "Shopping" }))) },
        expect: results(success),
      },
    ],
    leaves: { lists: [{ ...stored, name: "Shopping" }] },
  },
  {
    id: "L-407",
    level: "MUST",
    title: "keeps apart callers with one client id, and queues of one client",
    steps: [
      {
        send: { body: from("device", numbered(1, put("lists", L1, {}))) },
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
    id: "L-408",
    level: "MUST",
    title: "applies again what has no identity",
    steps: [
      { send: { body: from("device", { crud: [list] }) }, expect: results(success) },
      { change: { table: "lists", id: L1, to: { name: "Changed" } } },
      { send: { body: from("device", { crud: [list] }) }, expect: results(success) },
    ],
    leaves: { lists: [stored] },
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
          { status: "retryable_error", message: "The database is being changed just now." },
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
];
