/** Concurrent requests: with different transactions, and with the same transaction several times. */
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

const must = { need: "MUST", about: "Concurrency" } as const;

export const atOnce: readonly AuditCase[] = [
  {
    ...must,
    level: 1,
    id: "W-290",
    heavy: true,
    title: "gives a unique value to one of ten concurrent requests",
    mend: "Let the database's constraint decide which request is first, and answer a deadlock or a time-out of a lock as retryable.",
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
    title: "applies ten concurrent changes of the same rows, each completely",
    mend: "Answer a deadlock, a serialization failure or a busy database with retryable_error (or try again in the server), never with fatal_error.",
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
    title: "answers 20 concurrent requests",
    mend: "If there are more requests than database connections, let the requests wait for their turn. None may be lost, and none may be answered fatal_error because of it.",
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
    title: "applies a transaction once that arrives 20 times at once",
    mend: "Insert the identity's row first, and let its unique key decide. If you first look for the row and then insert it, two requests can pass at once. Let the other requests wait until the first one has ended, or answer them retryable.",
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
    title: "gives ten concurrent copies the same fatal answer",
    mend: "Record the failure and its answer under the identity's unique key. The first copy decides, and the others get its answer.",
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
    title: "applies each of five transactions of one device once, if all arrive twice at once",
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
