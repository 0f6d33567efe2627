/** U-17x: what becomes of a request when one of its transactions fails for good. */
import {
  absent,
  type AuditCase,
  behind,
  fatal,
  from,
  refused,
  results,
  success,
  there,
  upload,
} from "../case.js";

const about = "Requests and answers";
const level = 1;

export const failures: readonly AuditCase[] = [
  {
    id: "U-170",
    level,
    need: "MUST",
    about,
    title: "behind a fatal failure goes on, or ends the batch, and says which",
    mend: 'Behind a transaction that failed for good apply the next ones and answer their results, or apply none of them and answer each "not_attempted".',
    steps: (g) => [
      {
        send: {
          body: upload(
            g.tx(g.put("a", { code: g.code("A") })),
            g.tx(g.put("b", { code: g.code("B") }), g.put("c", { code: g.code("A") })),
            g.tx(g.put("d", { code: g.code("D") })),
          ),
        },
        expect: results(success, fatal(1), behind),
      },
      { sees: { code: g.code("D"), there: { result: 2 } } },
      ...there(g.code("A")),
      ...absent(g.code("B")),
    ],
  },
  {
    id: "U-175",
    level,
    need: "MUST",
    about,
    title: "has written nothing of what it says it has not attempted",
    mend: 'Answer "not_attempted" for what has not been tried, and for nothing else: the device sends it again, and it is applied twice where it had been applied.',
    steps: (g) => {
      const bad = g.numbered(g.put("bad", { size: -1 }));
      const [first, second] = ["A", "B"].map((name) =>
        g.numbered(g.put(name, { code: g.code(name) })),
      );
      const seen = (code: string, result: number) =>
        ({ sees: { code: g.code(code), there: { result } } }) as const;
      return [
        {
          send: { body: from(g.device("phone"), bad, first, second) },
          expect: results(fatal(0), behind, behind),
        },
        seen("A", 1),
        seen("B", 2),
      ];
    },
  },
  {
    id: "U-176",
    level,
    need: "MUST",
    about,
    title: "applies nothing of a request that it refuses",
    mend: "A request is answered 400 before anything of it is applied, or each of its transactions has a result: a device that hears 400 takes none of them for applied.",
    steps: (g) => [
      {
        send: {
          body: upload(
            g.tx(g.put("a", { code: g.code("A") })),
            g.tx({ ...g.put("b", { code: g.code("B") }), op: "MERGE" }),
            g.tx(g.put("c", { code: g.code("C") })),
          ),
        },
        expect: [refused(400, 422), results(success, fatal(), behind)],
      },
      { sees: { code: g.code("A"), there: { result: 0 } } },
      ...absent(g.code("B")),
      { sees: { code: g.code("C"), there: { result: 2 } } },
    ],
  },
  {
    id: "U-174",
    level,
    need: "MUST",
    about,
    title: "says of a value that breaks a rule of the table that it failed for good",
    mend: "A broken unique, check or not-null constraint is fatal_error: sending the same again can't help, and a retryable answer keeps the device's queue blocked for ever.",
    steps: (g) => [
      {
        send: { body: upload(g.tx(g.put("a", { code: g.code("A") }))) },
        expect: results(success),
      },
      {
        send: { body: upload(g.tx(g.put("b", { code: g.code("A") }))) },
        expect: results(fatal(0)),
      },
      { send: { body: upload(g.tx(g.patch("a", { size: -1 }))) }, expect: results(fatal(0)) },
    ],
  },
];
