/** U-17x: requests in which one transaction has a fatal failure. */
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
    title: "continues after a fatal failure or ends the batch, and reports which",
    mend: 'After a transaction with a fatal failure, either apply the following ones and answer their results, or apply none of them and answer each with "not_attempted".',
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
    title: "writes nothing of a transaction that it answers not_attempted",
    mend: 'Answer "not_attempted" only for a transaction that was not tried. The device sends it again, so a transaction that was applied is applied twice.',
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
    mend: "Either answer a request with 400 before you apply any of it, or answer a result for each of its transactions. After a 400, the device assumes that none of them was applied.",
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
    title: "answers a value that violates a constraint with fatal_error",
    mend: "Answer a violated unique, check or not-null constraint with fatal_error. Sending the same again does not help, and a retryable answer blocks the device's queue forever.",
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
