/** O-8xx: uploads during an outage of something that the server needs. */
import { type AuditCase, type Expected, fatal, from, results, success, there } from "../case.js";

const must = { need: "MUST", about: "Outages" } as const;

const mend =
  "Answer an error that is not about the data (no connection, a time-out, a server that is shutting down, and every error that you do not recognize) with retryable_error, or with 503 and Retry-After. Answer fatal_error only if the data caused the error.";

/** Answers that make the device keep the transaction and send it again. */
const kept: readonly Expected[] = [
  results({ is: "retryable_error" }),
  { status: [500, 502, 503, 504] },
];

export const outages: readonly AuditCase[] = [
  {
    ...must,
    id: "O-800",
    level: 1,
    title: "makes the device keep what can't be written in an outage, and applies it afterwards",
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
    title: "ends the batch at a retryable transaction, and applies none after it",
    mend: `${mend} Such an error ends the request's batch: answer the transactions after it with not_attempted. Otherwise the order is lost.`,
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
    title: "saves no answer of an outage, and tries the transaction again when it is repeated",
    mend: "Save only final answers: success and fatal_error.",
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
    title: "answers with retryable_error, or with 503 and Retry-After",
    mend: "Answer retryable_error, or 503 with Retry-After. 500 and 502 mean that the server itself has a fault.",
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
    title: "sends Retry-After with a 503",
    mend: 'Send Retry-After with every 503. Without it, devices choose the time of their next attempt, and may all come back at once. Clients that send "batch" read only the status and the headers.',
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
