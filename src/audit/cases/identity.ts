/** L-4xx: the identity of a transaction: which transactions are the same, and which are different. */
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

const identity = { level: 2, need: "MUST", about: "Identity" } as const;

export const identities: readonly AuditCase[] = [
  {
    ...identity,
    id: "L-406",
    title: "applies other content under the same operation id, from a device that was restored",
    mend: "Include the content in the identity. A device that was restored from a backup counts again from an earlier number.",
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
    mend: "Include the table and the row's id in the identity, besides the values. A restored device may delete another row under the number of an earlier deletion.",
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
    // PowerSync's own numbers start at 1.
    need: "SHOULD",
    id: "L-459",
    title: "accepts 0 as an id",
    mend: "Check whether an op_id or a transaction_id is present, not whether it is truthy. 0 is an integer, and the contract allows every integer.",
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
    mend: "Include the op_ids in the identity. A user who sets a value again after it was changed intends to do so.",
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
    title: "distinguishes callers with the same client_id",
    mend: "Include the caller in the identity. A client_id is not a secret, and one user must not get the answer to another.",
    steps: (g) => {
      const body = from(g.device("phone"), g.numbered(g.put("a", { code: g.code("A") })));
      return [
        { send: { body }, expect: results(success) },
        // The row belongs to the first user.
        { send: { body, as: "other" }, expect: results(fatal(0)) },
        ...there(g.code("A")),
      ];
    },
  },
  {
    ...identity,
    id: "L-415",
    title: "distinguishes the devices of one user",
    mend: "Include the client_id in the identity. Two devices may use the same operation ids.",
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
    title: "distinguishes devices whose client_ids differ only in capitals",
    mend: "Compare client_ids exactly. With a column whose collation ignores case, one device's transaction counts as a repeat of another's.",
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
    title: "distinguishes the queues of one device",
    mend: "Include the queue_id in the identity. A device whose database was cleared keeps its client_id, and its numbers start again.",
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
    title: "applies a repeated transaction without an identity again",
    mend: "Apply a transaction without op_id and transaction_id each time, because nothing shows that it is the same one. Never drop a transaction that is not recognized.",
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
    title: "treats null as absent",
    mend: "Treat null in an optional member as if the member were missing.",
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
