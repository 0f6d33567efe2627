/** L-4xx: what makes a transaction the same one, and what makes it another. */
import {
  absent,
  applied,
  type AuditCase,
  fatal,
  from,
  results,
  success,
  there,
  upload,
} from "../case.js";

const identity = { level: 2, need: "MUST", about: "What is the same transaction" } as const;

export const identities: readonly AuditCase[] = [
  {
    ...identity,
    id: "L-406",
    title: "applies the same operation id with another content, from a device that began again",
    mend: "The content belongs into the identity: a device that was restored from a backup counts from an earlier number again.",
    steps: (g) => {
      const sent = g.numbered(g.put("a", { code: g.code("A") }));
      const again = {
        ...sent,
        crud: sent.crud.map((entry) => ({ ...entry, op_data: { code: g.code("B") } })),
      };
      return [
        applied(g.device("phone"), sent),
        applied(g.device("phone"), again),
        ...there(g.code("B")),
        ...absent(g.code("A")),
      ];
    },
  },
  {
    ...identity,
    id: "L-460",
    title: "applies the same operation ids with the same values to another row",
    mend: "The table and the row's id belong into the identity, beside the values: a device that began again may delete another row under the number of an earlier deletion.",
    steps: (g) => {
      const sent = g.numbered(g.del("a"));
      const other = { ...sent, crud: sent.crud.map((entry) => ({ ...entry, id: g.id("b") })) };
      return [
        applied(
          g.device("tablet"),
          g.numbered(g.put("a", { code: g.code("A") }), g.put("b", { code: g.code("B") })),
        ),
        applied(g.device("phone"), sent),
        applied(g.device("phone"), other),
        ...absent(g.code("A"), g.code("B")),
      ];
    },
  },
  {
    ...identity,
    // PowerSync's own numbers begin at 1.
    need: "SHOULD",
    id: "L-459",
    title: "takes 0 for an id like any other",
    mend: "Ask whether an op_id or a transaction_id is there, not whether it is true: 0 is an integer, and the contract allows every one.",
    steps: (g) => {
      const counted = { crud: g.once("A").map((entry, op_id) => ({ ...entry, op_id })) };
      const first = { transaction_id: 0, crud: g.once("B") };
      return [
        applied(g.device("phone"), counted),
        applied(g.device("phone"), counted),
        applied(g.device("tablet"), first),
        applied(g.device("tablet"), first),
        ...there(g.code("A"), g.code("B")),
      ];
    },
  },
  {
    ...identity,
    id: "L-457",
    title: "applies the same content under another operation id",
    mend: "The op_ids belong into the identity: somebody who sets a value again, after it had been changed, means it.",
    steps: (g) => {
      const set = (device: string, name: string) =>
        applied(g.device(device), g.numbered(g.put("a", { code: g.code(name) })));
      return [
        set("phone", "A"),
        set("tablet", "B"),
        set("phone", "A"),
        ...there(g.code("A")),
        ...absent(g.code("B")),
      ];
    },
  },
  {
    ...identity,
    id: "L-419",
    title: "keeps apart callers with one client id",
    mend: "The caller belongs into the identity: a client_id is no secret, and what one user has sent is no answer to another.",
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(g.put("a", { code: g.code("A") })));
      return [
        { send: { body }, expect: results(success) },
        // The row is the first user's.
        { send: { body, as: "other" }, expect: results(fatal(0)) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...identity,
    id: "L-415",
    title: "keeps apart the devices of one user",
    mend: "The client_id belongs into the identity: two devices count their operations alike.",
    steps: (g) => {
      const sent = g.numbered(g.put("a", { code: g.code("A") }));
      return [
        applied(g.device("phone"), sent),
        applied(g.device("tablet"), g.numbered(g.del("a"))),
        applied(g.device("tablet"), sent),
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...identity,
    id: "L-498",
    title: "keeps apart devices whose names differ in capitals alone",
    mend: "A client_id is compared exactly: a column whose collation ignores case takes one device's transaction for another's repeat.",
    steps: (g) => {
      const sent = g.numbered(g.put("a", { code: g.code("A") }));
      return [
        applied(g.device("phone"), sent),
        applied(g.device("tablet"), g.numbered(g.del("a"))),
        applied(g.device("PHONE"), sent),
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...identity,
    id: "L-416",
    title: "keeps apart the queues of one device",
    mend: "The queue_id belongs into the identity: a device whose database was emptied keeps its client_id and begins its numbers again.",
    steps: (g) => {
      const sent = g.numbered(g.put("a", { code: g.code("A") }));
      const of = (queue_id: string) => ({ ...from(g.device("phone"), sent), queue_id });
      return [
        { send: { body: of("first") }, expect: results(success) },
        applied(g.device("tablet"), g.numbered(g.del("a"))),
        { send: { body: of("first") }, expect: results(success) },
        ...absent(g.code("A")),
        { send: { body: of("second") }, expect: results(success) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...identity,
    id: "L-408",
    title: "applies again what has no identity",
    mend: "Without op_id and transaction_id nothing says that it is the same transaction: what is not recognized is applied, not swallowed.",
    steps: (g) => {
      const body = from(g.device("phone"), { crud: [g.put("a", { code: g.code("A") })] });
      return [
        { send: { body }, expect: results(success) },
        applied(g.device("tablet"), { crud: [g.del("a")] }),
        { send: { body }, expect: results(success) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...identity,
    need: "MUST",
    id: "U-105",
    about: "Requests and answers",
    title: "takes null for absent",
    mend: "For members that may be missing, null means that they are.",
    steps: (g) => [
      {
        send: {
          body: {
            client_id: null,
            queue_id: null,
            ...upload({
              transaction_id: null,
              crud: [
                {
                  ...g.put("a", { code: g.code("A") }),
                  op_id: null,
                  transaction_id: null,
                  previous_values: null,
                  metadata: null,
                },
                g.put("b"),
                { ...g.del("b"), op_data: null },
              ],
            }),
          },
        },
        expect: results(success),
      },
      ...there(g.code("A")),
    ],
  },
];
