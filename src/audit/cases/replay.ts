/** L-4xx: transactions that are sent twice. With `client_id`, and an `op_id` on every entry or a `transaction_id`, a transaction is applied once. */
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
const replay = { level, need: "MUST", about: "Replays" } as const;

export const replays: readonly AuditCase[] = [
  {
    ...replay,
    id: "L-400",
    title: "applies a repeated transaction only once",
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
    title: "answers a replay as before and writes nothing, after another device changed the row",
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
    title: "answers a replay as before and writes nothing, after another device deleted the row",
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
    title: "does not delete a row that was created again since",
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
    title: "answers a fatal replay as before, even if nothing would fail now",
    mend: "Save fatal answers as well, together with the dead letter. The client has removed the transaction from its queue, and the operator decides what happens to the dead letter.",
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
    title: "recognizes a replay with its columns in another order",
    mend: "Sort the keys of all objects before you hash the content. A client that reads its queue again may send them in another order.",
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
    title: "recognizes a transaction by its transaction_id if its entries have no op_id",
    mend: "If no entry has an op_id, use the transaction_id in the identity.",
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
    title: "applies the rest of a batch that is repeated as a whole",
    mend: "Recognize each transaction of the request by itself. When the connection broke, one may have been applied and the next one not.",
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
    title: "recognizes a repeated transaction in a request with other transactions",
    mend: "Compute the identity only from the transaction: not from the other transactions of the request, and not from its position. After a failure, the rest of a batch arrives without the transactions before it.",
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
    title: "recognizes a transaction that occurs twice in one request",
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
    title: "recognizes a repeated transaction whose client disconnected before the answer",
    mend: "Keep a committed transaction and its saved answer, even if the client has disconnected. Apply a transaction that was not committed when it is repeated.",
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
