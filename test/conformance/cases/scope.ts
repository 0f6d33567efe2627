/** 3xx: whose rows they are. */
import {
  type Case,
  del,
  fatal,
  L1,
  L2,
  patch,
  put,
  results,
  success,
  T1,
  T2,
  transaction,
  upload,
} from "../case.js";

const alices = { id: L1, name: "Groceries", owner_id: "alice" };
const bobs = { id: L2, name: "Work", owner_id: "bob" };
const alicesTodo = { id: T1, list_id: L1, description: "Milk" };
const bobsTodo = { id: T2, list_id: L2, description: "Report" };
const given = { lists: [alices, bobs], todos: [alicesTodo, bobsTodo] };

const denials: readonly [string, object][] = [
  ["a PUT over another's row", put("lists", L2, { name: "Mine", owner_id: "alice" })],
  ["a PUT over another's row without columns", put("lists", L2)],
  ["a PATCH of another's row", patch("lists", L2, { name: "Mine" })],
  ["a PATCH that takes another's row", patch("lists", L2, { owner_id: "alice" })],
  ["a DELETE of another's row", del("lists", L2)],
  [
    "a PUT of a row for another",
    put("lists", "00000000-0000-4000-8000-000000000099", { owner_id: "bob" }),
  ],
  ["a PATCH that gives a row away", patch("lists", L1, { owner_id: "bob" })],
  ["a PATCH that leaves a row to nobody", patch("lists", L1, { owner_id: null })],
  [
    "a PUT into another's list",
    put("todos", "00000000-0000-4000-8000-000000000099", { list_id: L2, description: "x" }),
  ],
  [
    "a PUT into no list",
    put("todos", "00000000-0000-4000-8000-000000000099", { description: "x" }),
  ],
  [
    "a PUT over another's todo, into one's own list",
    put("todos", T2, { list_id: L1, description: "x" }),
  ],
  ["a PATCH that moves a todo into another's list", patch("todos", T1, { list_id: L2 })],
  ["a PATCH that moves another's todo into one's own list", patch("todos", T2, { list_id: L1 })],
  ["a PATCH of another's todo", patch("todos", T2, { description: "x" })],
  ["a DELETE of another's todo", del("todos", T2)],
];

export const scope: readonly Case[] = [
  ...denials.map(([what, operation], index): Case => ({
    id: `S-${301 + index}`,
    level: "MUST",
    title: `refuses ${what}`,
    given,
    steps: [
      {
        send: { body: upload(transaction(patch("lists", L1, { name: "First" }), operation)) },
        expect: results(fatal("UNAUTHORIZED", 1)),
      },
    ],
    leaves: {
      ...given,
      deadLetters: [{ error_code: "UNAUTHORIZED", operation_index: 1, user_id: "alice" }],
    },
  })),
  {
    id: "S-330",
    level: "MUST",
    title: "lets each caller write their own",
    given,
    steps: [
      {
        send: {
          body: upload(
            transaction(put("lists", L1, { name: "A" }), patch("todos", T1, { description: "a" })),
          ),
        },
        expect: results(success),
      },
      {
        send: {
          as: "bob",
          body: upload(transaction(patch("lists", L2, { name: "B" }), del("todos", T2))),
        },
        expect: results(success),
      },
    ],
    leaves: {
      lists: [
        { ...alices, name: "A" },
        { ...bobs, name: "B" },
      ],
      todos: [{ ...alicesTodo, description: "a" }],
    },
  },
  {
    id: "S-331",
    level: "MUST",
    title: "answers for a hidden foreign row as for one that does not exist",
    given: { lists: [bobs] },
    steps: [
      {
        send: {
          body: upload(
            transaction(
              patch("hidden_lists", L2, { name: "x" }),
              del("hidden_lists", L2),
              patch("hidden_lists", L1, { name: "x" }),
            ),
          ),
        },
        expect: results(success),
      },
    ],
    leaves: { lists: [bobs], deadLetters: [] },
  },
  {
    id: "S-333",
    level: "MUST",
    title: "refuses to give a row away where foreign rows are hidden, too",
    given: { lists: [alices] },
    steps: [
      {
        send: { body: upload(transaction(patch("hidden_lists", L1, { owner_id: "bob" }))) },
        expect: results(fatal("UNAUTHORIZED", 0)),
      },
    ],
    leaves: { lists: [alices], deadLetters: [{ error_code: "UNAUTHORIZED" }] },
  },
  {
    id: "S-332",
    level: "MUST",
    title: "moves a row between lists of the same owner",
    given: { lists: [alices, { ...bobs, owner_id: "alice" }], todos: [alicesTodo] },
    steps: [
      {
        send: { body: upload(transaction(patch("todos", T1, { list_id: L2 }))) },
        expect: results(success),
      },
    ],
    leaves: { todos: [{ ...alicesTodo, list_id: L2 }] },
  },
];
