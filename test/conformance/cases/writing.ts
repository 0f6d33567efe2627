/** 2xx: PUT, PATCH and DELETE. */
import { noUuid } from "../../support/schema.js";
import {
  type Case,
  del,
  fatal,
  L1,
  L2,
  patch,
  put,
  results,
  retryable,
  success,
  T1,
  transaction,
  upload,
  X1,
  X2,
} from "../case.js";

const alices = { id: L1, name: "Groceries", owner_id: "alice" };
const todo = { id: T1, list_id: L1, description: "Milk", completed: false, position: 1.5 };

/** One transaction of these operations. */
const send = (...crud: readonly object[]) => ({ body: upload(transaction(...crud)) });

export const writing: readonly Case[] = [
  {
    id: "W-201",
    level: "MUST",
    title: "PUT inserts a row with values of the column's own type",
    given: { lists: [alices] },
    steps: [
      {
        send: send(
          put("todos", T1, {
            list_id: L1,
            description: "Milk",
            completed: 1,
            position: 1.5,
            created_at: "2026-03-29T02:30:00+02:00",
          }),
          patch("lists", L1, {
            settings: '{"color":"red","n":[1,2]}',
            labels: '["a","b \\"c\\"",null]',
          }),
        ),
        expect: results(success),
      },
    ],
    leaves: {
      todos: [
        {
          id: T1,
          list_id: L1,
          description: "Milk",
          completed: true,
          position: 1.5,
          created_at: "2026-03-29T00:30:00.000Z",
        },
      ],
      lists: [{ ...alices, settings: { color: "red", n: [1, 2] }, labels: ["a", 'b "c"', null] }],
    },
  },
  {
    id: "W-202",
    level: "MUST",
    title: "PUT of a row that exists changes the columns it sends, and no others",
    given: { lists: [alices], todos: [todo] },
    steps: [
      {
        send: send(put("todos", T1, { list_id: L1, description: "Bread" })),
        expect: results(success),
      },
    ],
    leaves: { todos: [{ ...todo, description: "Bread" }] },
  },
  {
    id: "W-203",
    level: "MUST",
    title: "PUT of a row that exists may leave out a column that must not be NULL",
    given: { lists: [alices], todos: [todo] },
    steps: [{ send: send(put("todos", T1, { completed: 1 })), expect: results(success) }],
    leaves: { todos: [{ ...todo, completed: true }] },
  },
  {
    id: "W-204",
    level: "MUST",
    title: "PUT without columns makes a row, and leaves one that exists alone",
    given: { lists: [alices] },
    steps: [
      {
        send: send(put("lists", L1), put("lists", L2)),
        expect: results(success),
      },
    ],
    leaves: { lists: [alices, { id: L2, name: null, owner_id: "alice" }] },
  },
  {
    id: "W-205",
    level: "MUST",
    title: "PUT that replaces sets the rule's other columns to NULL",
    given: { lists: [{ ...alices, labels: ["kept"] }] },
    steps: [{ send: send(put("named_lists", L1)), expect: results(success) }],
    leaves: { lists: [{ ...alices, name: null, labels: ["kept"] }] },
  },
  {
    id: "W-210",
    level: "MUST",
    title: "PATCH changes the columns it sends, NULLs included",
    given: { lists: [alices], todos: [todo] },
    steps: [
      {
        send: send(patch("todos", T1, { position: null, completed: 1 })),
        expect: results(success),
      },
    ],
    leaves: { todos: [{ ...todo, completed: true, position: null }] },
  },
  {
    id: "W-230",
    level: "MUST",
    title: "applies a transaction's operations in order: what one writes, the next one sees",
    steps: [
      {
        send: send(
          put("lists", L1, { name: "Groceries" }),
          put("todos", T1, { list_id: L1, description: "Milk" }),
          patch("todos", T1, { description: "Bread" }),
          del("todos", T1),
          put("todos", T1, { list_id: L1, description: "Eggs" }),
        ),
        expect: results(success),
      },
    ],
    leaves: {
      lists: [alices],
      todos: [{ id: T1, list_id: L1, description: "Eggs", completed: null }],
    },
  },
  {
    id: "W-240",
    level: "MUST",
    title: "writes under the rule's names: renamed columns and tables",
    given: { lists: [alices], todos: [todo] },
    steps: [
      {
        send: send(patch("my_todos", T1, { text: "Bread", position: 9, unheard: 1 })),
        expect: results(success),
      },
    ],
    leaves: { todos: [{ ...todo, description: "Bread" }] },
  },
  {
    id: "W-241",
    level: "MUST",
    title: "sets the server's columns itself, and takes none of them from the client",
    steps: [
      { send: send(put("named_lists", L1, { name: "Groceries" })), expect: results(success) },
      {
        send: send(patch("named_lists", L1, { owner_id: "bob" })),
        expect: results(fatal("FORBIDDEN_COLUMN", 0)),
      },
    ],
    leaves: { lists: [alices] },
  },
  {
    id: "W-250",
    level: "MUST",
    title: "refuses tables and columns that nobody declared",
    setting: "skip",
    given: { lists: [alices] },
    steps: [
      {
        send: {
          body: upload(
            transaction(put("users", L1, { name: "x" })),
            transaction(put("public.lists", L1, { name: "x" })),
            transaction(put('lists"; drop table lists; --', L1, { name: "x" })),
            transaction(put("lists", L1, { nickname: "x" })),
            transaction(put("lists", L1, { "lists.name": "x" })),
            transaction(put("lists", L1, { 'name" = null --': "x" })),
            transaction(put("lists", L1, { id: L2 })),
            transaction(put("things", X1, { doubled: 4 })),
          ),
        },
        expect: results(
          fatal("UNKNOWN_TABLE", 0),
          fatal("UNKNOWN_TABLE", 0),
          fatal("UNKNOWN_TABLE", 0),
          fatal("FORBIDDEN_COLUMN", 0),
          fatal("FORBIDDEN_COLUMN", 0),
          fatal("FORBIDDEN_COLUMN", 0),
          fatal("FORBIDDEN_COLUMN", 0),
          fatal("FORBIDDEN_COLUMN", 0),
        ),
      },
    ],
    leaves: { lists: [alices], things: [] },
  },
  {
    id: "W-251",
    level: "MUST",
    title: "keeps on the device what is declared but missing in the database right now",
    setting: "skip",
    steps: [
      { send: send(put("absent", L1, {})), expect: results(retryable) },
      { send: send(put("half_absent", L1, { no_such_column: 1 })), expect: results(retryable) },
    ],
    leaves: { lists: [], deadLetters: [] },
  },
  {
    id: "W-252",
    level: "MUST",
    title: "refuses an operation that the rule does not list",
    given: { lists: [alices] },
    steps: [
      {
        send: send(put("my_todos", T1, { text: "x" })),
        expect: results(fatal("FORBIDDEN_OPERATION", 0)),
      },
    ],
    leaves: { todos: [] },
  },
  {
    id: "W-260",
    level: "MUST",
    title: "names the operation that broke a constraint, and undoes them all",
    except: {
      MongoDB: "It has no defaults, so a field that may be left out is one that may be null.",
    },
    setting: "skip",
    given: { lists: [alices], things: [{ id: X1, code: "A", size: 1 }] },
    steps: [
      {
        send: {
          body: upload(
            transaction(put("lists", L2, {}), put("todos", T1, { list_id: L1 })),
            transaction(
              put("lists", L2, {}),
              patch("things", X1, { size: 5 }),
              patch("things", X1, { size: -1 }),
            ),
            transaction(put("things", X2, { code: "B" }), patch("things", X2, { code: "A" })),
            transaction(patch("things", X1, { stock: null })),
          ),
        },
        expect: results(
          fatal("NOT_NULL_VIOLATION", 1),
          fatal("CHECK_VIOLATION", 2),
          fatal("UNIQUE_VIOLATION", 1),
          fatal("NOT_NULL_VIOLATION", 0),
        ),
      },
    ],
    leaves: { lists: [alices], things: [{ id: X1, code: "A", size: 1, stock: 1, doubled: 2 }] },
  },
  {
    id: "W-267",
    level: "MUST",
    title:
      "names the operation that broke a rule of the schema, and undoes them all; a null takes an optional field away",
    only: ["MongoDB"],
    setting: "skip",
    given: { lists: [alices], things: [{ id: X1, code: "A", size: 1, stock: 5 }] },
    steps: [
      {
        send: {
          body: upload(
            transaction(put("lists", L2, {}), put("todos", T1, { list_id: L1 })),
            transaction(
              put("lists", L2, {}),
              patch("things", X1, { size: 5 }),
              patch("things", X1, { size: -1 }),
            ),
            transaction(put("things", X2, { code: "B" }), patch("things", X2, { code: "A" })),
            transaction(patch("things", X1, { stock: null })),
          ),
        },
        expect: results(
          fatal("NOT_NULL_VIOLATION", 1),
          fatal("CHECK_VIOLATION", 2),
          fatal("UNIQUE_VIOLATION", 1),
          success,
        ),
      },
    ],
    leaves: { lists: [alices], things: [{ id: X1, code: "A", size: 1, stock: 1 }] },
  },
  {
    id: "W-265",
    level: "MUST",
    title: "names no operation where a constraint is deferred to COMMIT, and undoes them all",
    except: {
      MariaDB: "It has no deferred constraints.",
      MySQL: "It has no deferred constraints.",
      MongoDB: "It has no foreign keys.",
      "SQL Server": "It has no deferred constraints.",
      "the statements for SQL Server, on SQLite": "It has no deferred constraints.",
    },
    setting: "skip",
    steps: [
      {
        send: {
          body: upload(
            transaction(put("things", X1, { parent_id: X2 }), put("things", X2, {})),
            transaction(patch("things", X2, { size: 5 }), patch("things", X2, { parent_id: L1 })),
          ),
        },
        expect: results(success, fatal("FOREIGN_KEY_VIOLATION")),
      },
    ],
    leaves: {
      things: [
        { id: X1, parent_id: X2 },
        { id: X2, size: null, parent_id: null },
      ],
      deadLetters: [{ error_code: "FOREIGN_KEY_VIOLATION", operation_index: null }],
    },
  },
  {
    id: "W-266",
    level: "MUST",
    title: "names the operation that refers to no row, where no constraint can wait for COMMIT",
    only: ["MariaDB", "MySQL"],
    setting: "skip",
    steps: [
      {
        send: {
          body: upload(
            transaction(put("things", X1, { parent_id: X2 }), put("things", X2, {})),
            transaction(put("things", X2, {}), put("things", X1, { parent_id: X2 })),
            transaction(patch("things", X2, { size: 5 }), patch("things", X2, { parent_id: L1 })),
            transaction(del("things", X2)),
          ),
        },
        expect: results(
          fatal("FOREIGN_KEY_VIOLATION", 0),
          success,
          fatal("FOREIGN_KEY_VIOLATION", 1),
          fatal("FOREIGN_KEY_VIOLATION", 0),
        ),
      },
    ],
    leaves: {
      things: [
        { id: X1, parent_id: X2 },
        { id: X2, size: null, parent_id: null },
      ],
    },
  },
  {
    id: "W-261",
    level: "MUST",
    title: "refuses values that a column can't hold as they are",
    setting: "skip",
    steps: [
      {
        send: {
          body: upload(
            transaction(put("lists", noUuid, {})),
            transaction(put("things", X1, { size: 1.5 })),
            transaction(put("things", X1, { size: 99_999_999_999 })),
            transaction(put("things", X1, { amount: "1.0x" })),
            transaction(put("things", X1, { code: "longer than eight" })),
            transaction(put("lists", L1, { created_at: "yesterday" })),
            transaction(put("lists", L1, { created_at: "2026-02-30T00:00:00Z" })),
            transaction(put("lists", L1, { settings: "{not json" })),
            transaction(put("lists", L1, { name: "nul \u0000" })),
            transaction(put("lists", L1, { name: "half \ud800" })),
          ),
        },
        expect: results(...Array.from({ length: 10 }, () => fatal("INVALID_DATA", 0))),
      },
    ],
    leaves: { lists: [], things: [] },
  },
  {
    id: "W-268",
    level: "MUST",
    title: "refuses a key that is no UUID for a column of UUIDs",
    except: { MySQL: "It has no such type; a CHAR(36) takes any text of that length." },
    steps: [
      {
        send: { body: upload(transaction(put("lists", "not-a-uuid", {}))) },
        expect: results(fatal("INVALID_DATA", 0)),
      },
    ],
    leaves: { lists: [] },
  },
  {
    id: "W-262",
    level: "MUST",
    title: "refuses numbers that are no numbers",
    steps: [
      {
        send: {
          body: `{"transactions":[{"crud":[{"op":"PUT","table":"todos","id":"${T1}","op_data":{"description":"x","position":1e400}}]}]}`,
        },
        expect: results(fatal("INVALID_DATA", 0)),
      },
    ],
    leaves: { todos: [] },
  },
  {
    id: "W-263",
    level: "MUST",
    title: "stores integers beyond 2^53 and decimals digit for digit",
    steps: [
      {
        send: {
          body: `{"transactions":[{"crud":[
        {"op":"PUT","table":"things","id":"${X1}","op_data":{"big":9223372036854775807,"amount":"1234567890.12"}},
        {"op":"PUT","table":"things","id":"${X2}","op_data":{"big":"-9223372036854775808","amount":0.1}}]}]}`,
        },
        expect: results(success),
      },
    ],
    leaves: {
      things: [
        { id: X1, big: "9223372036854775807", amount: "1234567890.12" },
        { id: X2, big: "-9223372036854775808", amount: "0.10" },
      ],
    },
  },
  {
    id: "W-264",
    level: "MUST",
    title: "keeps on the device an integer that an earlier body parser has rounded",
    setting: "parsed",
    steps: [
      {
        send: {
          body: `{"transactions":[{"crud":[{"op":"PUT","table":"things","id":"${X1}","op_data":{"big":9223372036854775807}}]}]}`,
        },
        expect: results(retryable),
      },
      {
        send: send(put("things", X2, { big: "9223372036854775807", size: 4 })),
        expect: results(success),
      },
    ],
    leaves: { things: [{ id: X2, big: "9223372036854775807" }], deadLetters: [] },
  },
];
