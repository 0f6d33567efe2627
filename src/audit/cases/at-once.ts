/** What comes at once: different transactions, and one transaction several times. */
import {
  absent,
  type AuditCase,
  from,
  results,
  success,
  there,
  upload,
  mendLedger,
} from "../case.js";

const must = { need: "MUST", about: "At once" } as const;

export const atOnce: readonly AuditCase[] = [
  {
    ...must,
    level: 1,
    id: "W-290",
    heavy: true,
    title: "gives a unique value to one of ten who want it at once",
    mend: "Let the database decide who is first, by the constraint, and answer a deadlock or a lock that was not given in time as retryable.",
    steps: (g) => [
      {
        together: Array.from({ length: 10 }, (_, n) => ({
          body: upload(
            g.tx(g.put(`r${n}`, { note: "x" }), g.patch(`r${n}`, { code: g.code("A") })),
          ),
        })),
        settle: { success: 1, fatal: 9 },
      },
      ...there(g.code("A")),
    ],
  },
  {
    ...must,
    level: 1,
    id: "W-291",
    heavy: true,
    title: "takes ten changes of one row at once, each whole",
    mend: "A deadlock, a serialization failure or a busy database is retryable_error (or is tried again by the server), never fatal_error.",
    steps: (g) => [
      {
        send: {
          body: upload(g.tx(g.put("a", { code: g.code("A") }), g.put("b", { code: g.code("B") }))),
        },
        expect: results(success),
      },
      {
        together: Array.from({ length: 10 }, (_, n) => ({
          body: upload(
            g.tx(
              ...(n % 2 === 0
                ? [g.patch("a", { note: `${n}` }), g.patch("b", { note: `${n}` })]
                : [g.patch("b", { note: `${n}` }), g.patch("a", { note: `${n}` })]),
            ),
          ),
        })),
        settle: { success: 10, fatal: 0 },
      },
      ...there(g.code("A"), g.code("B")),
    ],
  },
  {
    id: "H-562",
    heavy: true,
    ...must,
    level: 1,
    title: "answers 20 requests at once",
    mend: "More requests than connections to the database wait for their turn: none is lost, and none is answered fatal_error for it.",
    steps: (g) => [
      {
        together: Array.from({ length: 20 }, (_, n) => ({
          body: upload(g.tx(g.put(`r${n}`, { code: g.code(`${n}`) }))),
        })),
        settle: { success: 20, fatal: 0 },
      },
      ...there(g.code("0"), g.code("19")),
    ],
  },
  {
    ...must,
    level: 2,
    id: "L-450",
    heavy: true,
    title: "applies a transaction once that comes 20 times at once",
    mend: "Insert the identity's row first, and let its unique key decide: looking for it, and inserting it when it is not there, lets two pass at once. The others wait for the first one's end, or are answered retryable.",
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(...g.once("A")));
      return [
        {
          together: Array.from({ length: 20 }, () => ({ body })),
          settle: { success: 20, fatal: 0 },
        },
        ...there(g.code("A"), g.code("A moved")),
      ];
    },
  },
  {
    ...must,
    level: 2,
    id: "L-451",
    heavy: true,
    title: "gives all of ten copies at once the same fatal answer",
    mend: "Record the failure and its answer under the identity's unique key: the first one decides, and the others are given its answer.",
    steps: (g) => {
      const body = from(
        g.device("phone"),
        g.numbered(g.put("a", { code: g.code("A") }), g.put("b", { size: -1 })),
      );
      return [
        {
          together: Array.from({ length: 10 }, () => ({ body })),
          settle: { success: 0, fatal: 10 },
        },
        ...absent(g.code("A")),
      ];
    },
  },
  {
    ...must,
    level: 2,
    id: "L-452",
    heavy: true,
    title: "applies five transactions of one device that come at once and twice, each once",
    mend: mendLedger,
    steps: (g) => {
      const bodies = Array.from({ length: 5 }, (_, n) => ({
        body: from(g.device("phone"), g.numbered(...g.once(`${n}`))),
      }));
      return [
        { together: [...bodies, ...bodies], settle: { success: 10, fatal: 0 } },
        ...there(g.code("0"), g.code("4")),
      ];
    },
  },
];
