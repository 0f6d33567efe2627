/** L-4xx: what is sent twice. With `client_id` and an `op_id` on every entry, or else a `transaction_id`, a transaction is applied once. */
import {
  absent,
  applied,
  type AuditCase,
  fatal,
  from,
  results,
  success,
  there,
  mendLedger,
} from "../case.js";

const level = 2;
const replay = { level, need: "MUST", about: "Sent twice" } as const;

export const replays: readonly AuditCase[] = [
  {
    ...replay,
    id: "L-400",
    title: "applies a transaction once that could not be applied twice",
    mend: mendLedger,
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(...g.once("A")));
      return [
        { send: { body }, expect: results(success) },
        { send: { body }, expect: results(success) },
        { send: { body }, expect: results(success) },
        ...there(g.code("A"), g.code("A moved")),
      ];
    },
  },
  {
    ...replay,
    id: "L-401",
    title: "answers a replay as before and writes nothing, after somebody else changed the row",
    mend: mendLedger,
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(g.put("a", { code: g.code("A") })));
      const other = from(g.device("tablet"), g.numbered(g.patch("a", { code: g.code("B") })));
      return [
        { send: { body }, expect: results(success) },
        { send: { body: other }, expect: results(success) },
        { send: { body }, expect: results(success) },
        ...there(g.code("B")),
        ...absent(g.code("A")),
      ];
    },
  },
  {
    ...replay,
    id: "L-402",
    title: "answers a replay as before and writes nothing, after somebody else deleted the row",
    mend: mendLedger,
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(g.put("a", { code: g.code("A") })));
      return [
        { send: { body }, expect: results(success) },
        applied(g.device("tablet"), g.numbered(g.del("a"))),
        { send: { body }, expect: results(success) },
        ...absent(g.code("A")),
      ];
    },
  },
  {
    ...replay,
    id: "L-458",
    title: "does not delete a row again that has been made anew",
    mend: mendLedger,
    steps: (g) => {
      const remove = from(g.device("phone"), g.numbered(g.del("a")));
      const make = (device: string) =>
        from(g.device(device), g.numbered(g.put("a", { code: g.code("A") })));
      return [
        { send: { body: make("phone") }, expect: results(success) },
        { send: { body: remove }, expect: results(success) },
        { send: { body: make("tablet") }, expect: results(success) },
        { send: { body: remove }, expect: results(success) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...replay,
    id: "L-417",
    title: "answers a fatal replay as before, when nothing is in its way any more",
    mend: "Save the answer to what failed for good, too, together with the dead letter: the client has let go of it, and whoever looks after dead letters decides what becomes of it.",
    steps: (g) => {
      const body = from(
        g.device("phone"),
        g.numbered(g.put("b", { code: g.code("A"), note: "x" })),
      );
      return [
        applied(g.device("tablet"), g.numbered(g.put("a", { code: g.code("A") }))),
        { send: { body }, expect: results(fatal(0)) },
        { only: "recorded" },
        applied(g.device("tablet"), g.numbered(g.del("a"))),
        { send: { body }, expect: results(fatal(0)) },
        ...absent(g.code("A")),
      ];
    },
  },
  {
    ...replay,
    id: "L-418",
    title: "knows a replay whatever the order of its columns",
    mend: "Hash the content with the keys of its objects sorted: a client that reads its queue again may send them in another order.",
    steps: (g) => {
      const [first, ...others] = g.once("A");
      const sent = g.numbered({ ...first, op_data: { code: g.code("A"), note: "x" } }, ...others);
      const [head, ...tail] = sent.crud;
      const turned = {
        ...sent,
        crud: [{ op_data: { note: "x", code: g.code("A") }, ...omit(head, "op_data") }, ...tail],
      };
      return [
        applied(g.device("phone"), sent),
        applied(g.device("phone"), turned),
        ...there(g.code("A"), g.code("A moved")),
      ];
    },
  },
  {
    ...replay,
    id: "L-405",
    title: "knows a transaction by its own id where its entries have none",
    mend: "Where no entry has an op_id, the transaction_id takes its place in the identity.",
    steps: (g) => {
      const body = from(g.device("phone"), g.tx(...g.once("A")));
      return [
        { send: { body }, expect: results(success) },
        { send: { body }, expect: results(success) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...replay,
    id: "L-455",
    title: "applies the rest of a batch that is sent again whole",
    mend: "Judge each transaction of the request by itself: one may have been applied when the connection broke, and the next one not.",
    steps: (g) => {
      const [first, second, third] = ["A", "B", "C"].map((name) => g.numbered(...g.once(name)));
      return [
        {
          send: { body: from(g.device("phone"), first, second) },
          expect: results(success, success),
        },
        {
          send: { body: from(g.device("phone"), first, second, third) },
          expect: results(success, success, success),
        },
        ...there(g.code("A"), g.code("B"), g.code("C")),
      ];
    },
  },
  {
    ...replay,
    id: "L-461",
    title: "knows a transaction again in whatever company it comes",
    mend: "A transaction's identity has nothing of the request that it comes in: not what else is in it, and not at which place. After a failure the rest of a batch comes again by itself.",
    steps: (g) => {
      const [first, second, third] = ["A", "B", "C"].map((name) => g.numbered(...g.once(name)));
      return [
        {
          send: { body: from(g.device("phone"), first, second) },
          expect: results(success, success),
        },
        applied(g.device("phone"), second),
        {
          send: { body: from(g.device("phone"), third, second, first) },
          expect: results(success, success, success),
        },
        ...there(g.code("A"), g.code("B"), g.code("C")),
      ];
    },
  },
  {
    ...replay,
    id: "L-456",
    title: "knows a transaction that comes twice in one request",
    mend: mendLedger,
    steps: (g) => {
      const sent = g.numbered(...g.once("A"));
      return [
        {
          send: { body: from(g.device("phone"), sent, sent) },
          expect: results(success, success),
        },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...replay,
    id: "L-453",
    title: "knows a transaction again whose client left before the answer",
    mend: "What has been committed stays committed, and its answer saved, whether or not anybody was there to hear it. What was not committed is applied when it comes again.",
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(...g.once("A")));
      return [
        { leave: { body } },
        { leave: { body } },
        { together: [{ body }], settle: { success: 1, fatal: 0 } },
        ...there(g.code("A"), g.code("A moved")),
      ];
    },
  },
];

function omit(value: object | undefined, name: string): object {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([key]) => key !== name));
}
