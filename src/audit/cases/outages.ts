/** O-8xx: while something that the server needs is away. */
import { type AuditCase, type Expected, fatal, from, results, success, there } from "../case.js";

const must = { need: "MUST", about: "Outages" } as const;

const mend =
  "An error that says nothing of the data (no connection, a time-out, a server that is shutting down, and every error that you do not recognize) is retryable_error, or 503 with Retry-After. Only what the data are to blame for is fatal_error.";

/** Kept by the device: it is sent again. */
const kept: readonly Expected[] = [
  results({ is: "retryable_error" }),
  { status: [500, 502, 503, 504] },
];

export const outages: readonly AuditCase[] = [
  {
    ...must,
    id: "O-800",
    level: 1,
    title: "has the device keep what can't be written in an outage, and applies it afterwards",
    mend,
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(g.put("a", { code: g.code("A") })));
      return [
        { outage: "begin" },
        { send: { body }, expect: kept },
        { send: { body }, expect: kept },
        { outage: "end" },
        { together: [{ body }], settle: { success: 1, fatal: 0 } },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...must,
    id: "O-801",
    level: 1,
    title: "ends the batch at what is retryable: nothing behind it is applied",
    mend: `${mend} It ends the request's batch: what stands behind it is not_attempted, or the order is lost.`,
    steps: (g) => [
      { outage: "begin" },
      {
        send: {
          body: from(
            g.device("phone"),
            g.numbered(g.put("a", { code: g.code("A") })),
            g.numbered(g.put("b", { code: g.code("B") })),
          ),
        },
        expect: [
          results({ is: "retryable_error" }, { is: "not_attempted" }),
          { status: [500, 502, 503, 504] },
        ],
      },
      { outage: "end" },
    ],
  },
  {
    ...must,
    id: "O-802",
    level: 2,
    title: "saves no answer of an outage: what comes again is tried again",
    mend: "Only final answers are saved: success, and what failed for good.",
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(...g.once("A")));
      const bad = from(g.device("phone"), g.numbered(g.put("x", { size: -1 })));
      return [
        { outage: "begin" },
        { send: { body }, expect: kept },
        // Its dead letter could not be recorded.
        { send: { body: bad }, expect: kept },
        { outage: "end" },
        { together: [{ body }], settle: { success: 1, fatal: 0 } },
        { send: { body }, expect: results(success) },
        { send: { body: bad }, expect: results(fatal(0)) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...must,
    id: "O-803",
    level: 3,
    need: "SHOULD",
    title: "answers in the contract's words, or with 503 and when to come again",
    mend: "Answer retryable_error, or 503 with Retry-After: 500 and 502 say that the server itself is at fault.",
    steps: (g) => [
      { outage: "begin" },
      {
        send: { body: from(g.device("phone"), g.numbered(g.put("a", {}))) },
        expect: [
          results({ is: "retryable_error" }),
          { status: 503, headers: { "retry-after": "^\\d+$" } },
        ],
      },
      { outage: "end" },
    ],
  },
  {
    ...must,
    id: "O-804",
    level: 3,
    need: "SHOULD",
    features: ["batch"],
    title: "says with a 503 when to come again",
    mend: 'Send Retry-After with every 503: without it each device comes again when it likes, all of them at once. Clients that send "batch" read nothing but the status and its headers.',
    steps: (g) => [
      { outage: "begin" },
      {
        send: { body: { batch: [g.put("a", {})] } },
        expect: [
          { status: 503, headers: { "retry-after": "^\\d+$" } },
          { status: [500, 502, 504] },
        ],
      },
      { outage: "end" },
    ],
  },
];
