/** W-2xx: PUT, PATCH and DELETE, whole transactions, and their order. */
import {
  absent,
  type AuditCase,
  fatal,
  type Given,
  results,
  success,
  there,
  upload,
} from "../case.js";

const level = 1;
const must = { level, need: "MUST" } as const;
const operations = { ...must, about: "PUT, PATCH and DELETE" } as const;
const atomicity = { ...must, about: "Atomicity" } as const;
const order = { ...must, about: "Order" } as const;

const sendOf = (...transactions: readonly object[]) => ({
  send: { body: upload(...transactions) },
});
/** Sends one transaction, which must succeed. */
const ok = (g: Given, ...entries: readonly object[]) => ({
  ...sendOf(g.tx(...entries)),
  expect: results(success),
});

export const writing: readonly AuditCase[] = [
  {
    ...operations,
    id: "W-206",
    title: "refuses a PUT with another row's unique value, and changes nothing",
    mend: "Let a PUT resolve conflicts of the primary key only. REPLACE INTO, INSERT OR REPLACE and ON DUPLICATE KEY UPDATE replace another row if any unique value is equal.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      {
        ...sendOf(g.tx(g.put("b", { code: g.code("B") }), g.put("b", { code: g.code("A") }))),
        expect: results(fatal(1)),
      },
      ...absent(g.code("B")),
      // The first row was not replaced: it can still be changed, and its old value becomes free.
      ok(g, g.patch("a", { code: g.code("moved") })),
      ...there(g.code("moved")),
      ...absent(g.code("A")),
    ],
  },
  {
    ...operations,
    id: "W-207",
    title: "applies a PUT of an existing row as a change",
    mend: "Apply a PUT as an upsert by the primary key. The same row may be sent again with other values.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      ok(g, g.put("a", { code: g.code("B") })),
      ...there(g.code("B")),
      ...absent(g.code("A")),
    ],
  },
  {
    ...operations,
    id: "W-208",
    title: "changes only the columns that a PATCH sends",
    mend: "Apply a PATCH as an UPDATE that sets the columns of op_data, including NULLs, and no others.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A"), note: "first" })),
      ok(g, g.patch("a", { note: "second" })),
      ...there(g.code("A")),
      ok(g, g.patch("a", { code: g.code("B") })),
      ...there(g.code("B")),
      ...absent(g.code("A")),
    ],
  },
  {
    ...operations,
    id: "W-209",
    title: "sets NULL with a PATCH",
    mend: "Write null in op_data as SQL's NULL. It is not a text, and not a column to leave out.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      ok(g, g.patch("a", { code: null })),
      ...absent(g.code("A")),
      // Two rows with NULL do not conflict.
      ok(g, g.put("b", { code: null })),
    ],
  },
  {
    ...operations,
    id: "W-211",
    title: "answers a PATCH without columns, and one of a row that does not exist, with success",
    mend: "Send no UPDATE for a PATCH with {}, because there is nothing to set. If a PATCH finds no row, answer success and do not create the row: another device has deleted it.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      ok(g, g.patch("a", {}), g.patch("missing", { code: g.code("M") })),
      ...there(g.code("A")),
      ...absent(g.code("M")),
    ],
  },
  {
    ...operations,
    id: "W-212",
    title: "does not answer success for a PATCH that it has not applied",
    mend: "previous_values contain what the device had before the change. They are not a condition. If your server refuses changes to an outdated row, answer fatal_error with CONFLICT. success means that the row has the new values.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A"), note: "new" })),
      {
        ...sendOf(
          g.tx({
            ...g.patch("a", { code: g.code("B") }),
            previous_values: { code: g.code("older"), note: "older" },
          }),
        ),
        expect: [results(success), results(fatal(0))],
      },
      { sees: { code: g.code("B"), there: { result: 0 } } },
    ],
  },
  {
    ...operations,
    id: "W-220",
    title: "removes a row with DELETE, and answers success if there is none",
    mend: "Answer a DELETE of a row that does not exist with success, because the device has what it wants.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      ok(g, g.del("a"), g.del("missing")),
      ...absent(g.code("A")),
      ok(g, g.del("a")),
    ],
  },
  {
    ...atomicity,
    id: "W-231",
    title: "undoes the operations before one that fails",
    mend: "Apply each transaction of the request in one database transaction, and roll it back if one of its operations fails.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      {
        ...sendOf(
          g.tx(
            g.put("b", { code: g.code("B") }),
            g.patch("a", { code: g.code("moved") }),
            g.put("c", { size: -1 }),
          ),
        ),
        expect: results(fatal(2)),
      },
      ...absent(g.code("B"), g.code("moved")),
      ...there(g.code("A")),
    ],
  },
  {
    ...atomicity,
    id: "W-232",
    title: "applies no operation after one that fails",
    mend: "End a transaction at the first operation that fails, and apply none of those after it.",
    steps: (g) => [
      {
        ...sendOf(g.tx(g.put("a", { size: -1 }), g.put("b", { code: g.code("B") }))),
        expect: results(fatal(0)),
      },
      ...absent(g.code("B")),
    ],
  },
  {
    ...atomicity,
    id: "W-233",
    title: "undoes a DELETE as well",
    mend: "Apply deletes in the same database transaction as all other operations.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      { ...sendOf(g.tx(g.del("a"), g.put("b", { size: -1 }))), expect: results(fatal(1)) },
      ...there(g.code("A")),
    ],
  },
  {
    ...atomicity,
    id: "W-234",
    title: "keeps the writes of the transactions before one that fails",
    mend: "Apply each transaction of a request in its own database transaction, so that a failure undoes only that transaction and no earlier one.",
    steps: (g) => [
      {
        ...sendOf(g.tx(g.put("a", { code: g.code("A") })), g.tx(g.put("b", { size: -1 }))),
        expect: results(success, fatal(0)),
      },
      ...there(g.code("A")),
    ],
  },
  {
    ...atomicity,
    id: "W-235",
    heavy: true,
    title: "undoes 500 operations when the last one fails",
    mend: "Never split a transaction into several database transactions, no matter how long it is.",
    steps: (g) => {
      const rows = Array.from({ length: 500 }, (_, n) => g.put(`r${n}`, { code: g.code(`${n}`) }));
      return [
        { ...sendOf(g.tx(...rows, g.put("bad", { size: -1 }))), expect: results(fatal(500)) },
        ...absent(g.code("0"), g.code("250"), g.code("499")),
        ok(g, ...rows),
        ...there(g.code("0"), g.code("499")),
      ];
    },
  },
  {
    ...atomicity,
    id: "W-236",
    heavy: true,
    title: "still accepts writes after 15 failures in a row",
    mend: "After every failure, roll back and return the connection to its pool. A transaction that stays open keeps its locks and its connection.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      ...Array.from({ length: 15 }, () => ({
        ...sendOf(g.tx(g.patch("a", { note: "x" }), g.patch("a", { size: -1 }))),
        expect: results(fatal(1)),
      })),
      ok(g, g.patch("a", { code: g.code("B") })),
      ...there(g.code("B")),
    ],
  },
  {
    ...order,
    id: "W-245",
    title:
      "applies the operations of a transaction in order, so that each sees what those before it have written",
    mend: "Apply operations one after another, in the order of crud. Sorting them by table or by kind changes their meaning.",
    steps: (g) => [
      ok(
        g,
        g.put("a", { code: g.code("A") }),
        g.patch("a", { code: g.code("B") }),
        g.put("b", { code: g.code("A") }),
        g.del("a"),
        g.put("c", { code: g.code("B") }),
      ),
      ...there(g.code("A"), g.code("B")),
    ],
  },
  {
    ...order,
    id: "W-237",
    title: "reports a conflict that a later operation would have removed",
    mend: "Check each operation when it is applied. A conflict counts even if a later operation would remove it.",
    steps: (g) => [
      {
        ...sendOf(
          g.tx(g.put("a", { code: g.code("A") }), g.put("b", { code: g.code("A") }), g.del("a")),
        ),
        expect: results(fatal(1)),
      },
      ...absent(g.code("A")),
    ],
  },
  {
    ...order,
    id: "W-238",
    title: "swaps two unique values by way of a third one",
    mend: "Apply several operations on one row as several statements. Applying only the last one has a different result.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") }), g.put("b", { code: g.code("B") })),
      ok(
        g,
        g.patch("a", { code: g.code("between") }),
        g.patch("b", { code: g.code("A") }),
        g.patch("a", { code: g.code("B") }),
      ),
      ...absent(g.code("between")),
      // Shows which row has which value: deleting `a` frees B.
      ok(g, g.del("a")),
      ...absent(g.code("B")),
      ...there(g.code("A")),
    ],
  },
  {
    ...order,
    id: "W-239",
    title: "applies the transactions of a request in order",
    mend: "Begin each transaction of the request after the one before it has been committed.",
    steps: (g) => [
      {
        ...sendOf(
          g.tx(g.put("a", { code: g.code("A") })),
          g.tx(g.patch("a", { code: g.code("B") })),
          g.tx(g.put("b", { code: g.code("A") })),
          g.tx(g.del("a")),
          g.tx(g.put("c", { code: g.code("B") })),
        ),
        expect: results(success, success, success, success, success),
      },
      ...there(g.code("A"), g.code("B")),
    ],
  },
];
