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
const atomicity = { ...must, about: "Whole or not at all" } as const;
const order = { ...must, about: "Order" } as const;

const sendOf = (...transactions: readonly object[]) => ({
  send: { body: upload(...transactions) },
});
/** One transaction that succeeds. */
const ok = (g: Given, ...entries: readonly object[]) => ({
  ...sendOf(g.tx(...entries)),
  expect: results(success),
});

export const writing: readonly AuditCase[] = [
  {
    ...operations,
    id: "W-206",
    title: "PUT with another row's unique value changes nothing",
    mend: "Let a PUT conflict on the primary key alone. REPLACE INTO, INSERT OR REPLACE and ON DUPLICATE KEY UPDATE take another row's place where any unique value is equal.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      {
        ...sendOf(g.tx(g.put("b", { code: g.code("B") }), g.put("b", { code: g.code("A") }))),
        expect: results(fatal(1)),
      },
      ...absent(g.code("B")),
      // The row that was there has not been replaced: it can be moved, and leaves its value behind.
      ok(g, g.patch("a", { code: g.code("moved") })),
      ...there(g.code("moved")),
      ...absent(g.code("A")),
    ],
  },
  {
    ...operations,
    id: "W-207",
    title: "PUT of a row that exists changes it",
    mend: "A PUT is an upsert by the primary key: the same row may be sent again, with other values.",
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
    title: "PATCH changes the columns it sends, and no others",
    mend: "An UPDATE sets the columns of op_data, NULLs included, and leaves the others alone.",
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
    title: "PATCH sets NULL",
    mend: "null in op_data is SQL's NULL. It is not a text, and not a column to leave out.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      ok(g, g.patch("a", { code: null })),
      ...absent(g.code("A")),
      // Two rows without a value are no conflict.
      ok(g, g.put("b", { code: null })),
    ],
  },
  {
    ...operations,
    id: "W-211",
    title: "PATCH without columns is success, and so is one of a row that does not exist",
    mend: "A PATCH with {} has nothing to set: no UPDATE is sent. Where no row is found it is success, and no row is made: another device has deleted it.",
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
    title: "does not take a PATCH for applied that it has passed over",
    mend: "previous_values say what the device had before: they are no condition. A server that merges, or refuses what was made on an older row, says so (fatal_error, CONFLICT); success means that the row has the new values.",
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
    title: "DELETE removes the row, and is success where there is none",
    mend: "A DELETE of a row that is not there is success: that is what the device wants.",
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
    title: "undoes what stands before an operation that fails",
    mend: "Put each transaction of the request into one database transaction, and roll it back whenever one of its operations fails.",
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
    title: "applies nothing behind an operation that fails",
    mend: "The first operation that fails ends its transaction: nothing behind it is applied.",
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
    title: "undoes a DELETE, too",
    mend: "Deletes belong into the same database transaction as all other operations.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") })),
      { ...sendOf(g.tx(g.del("a"), g.put("b", { size: -1 }))), expect: results(fatal(1)) },
      ...there(g.code("A")),
    ],
  },
  {
    ...atomicity,
    id: "W-234",
    title: "keeps what transactions before the failing one have written",
    mend: "Each transaction of a request has a database transaction of its own: a failure undoes its own, and no earlier one.",
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
    mend: "A transaction is never split into several database transactions, however long it is.",
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
    title: "can be written to after 15 failures in a row",
    mend: "Roll back, and give the connection back to its pool, after every failure: a transaction that stays open holds its rows and its connection.",
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
    title: "applies a transaction's operations in order: what one writes, the next one sees",
    mend: "Apply operations one after another, in the order of crud. Sorting them by table or by kind changes what they mean.",
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
    title: "finds a conflict that a later operation would have removed",
    mend: "Each operation is judged when its turn comes. A conflict is not forgiven because a later operation would remove it.",
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
    title: "exchanges two unique values by way of a third",
    mend: "Several operations on one row are several statements: the last one alone is not the same.",
    steps: (g) => [
      ok(g, g.put("a", { code: g.code("A") }), g.put("b", { code: g.code("B") })),
      ok(
        g,
        g.patch("a", { code: g.code("between") }),
        g.patch("b", { code: g.code("A") }),
        g.patch("a", { code: g.code("B") }),
      ),
      ...absent(g.code("between")),
      // Which of the two has which: `a` gives back B.
      ok(g, g.del("a")),
      ...absent(g.code("B")),
      ...there(g.code("A")),
    ],
  },
  {
    ...order,
    id: "W-239",
    title: "applies the transactions of a request in order",
    mend: "Begin a transaction of the request when the one before it has been committed.",
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
