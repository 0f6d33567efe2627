/** What makes two transactions the same one, and what does not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CrudEntry, CrudTransaction } from "../../src/model.js";
import { identityOf } from "../../src/process/identity.js";

interface Sender {
  readonly userId: string;
  readonly clientId?: string;
  readonly queueId?: string;
}

/** One queue's transactions. */
function createIdentify({ userId, ...queue }: Sender) {
  const from = {
    principal: { userId },
    store: { place: "" },
    requestId: "r",
    requestBegan: 0,
    content: { withinMs: 1_000, decided: () => {} },
    ...queue,
  };
  return (transaction: CrudTransaction) => identityOf(from, transaction);
}

const sender: Sender = { userId: "alice", clientId: "phone", queueId: "q" };

const anyValue = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.string(), { maxLength: 3 }),
  fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3 }),
);

const anyEntry = fc.record(
  {
    op: fc.constantFrom("PUT" as const, "PATCH" as const, "DELETE" as const),
    table: fc.string({ minLength: 1 }),
    id: fc.string({ minLength: 1, unit: "binary" }),
    opData: fc.dictionary(fc.string(), anyValue, { maxKeys: 5 }),
  },
  { requiredKeys: ["op", "table", "id"] },
);

/** With an id on every entry. */
const anyTransaction = fc
  .array(anyEntry, { minLength: 1, maxLength: 4 })
  .map((entries): CrudTransaction & { crud: readonly CrudEntry[] } => ({
    crud: entries.map((entry, index) => ({ ...entry, opId: index + 1 }) as CrudEntry),
  }));

async function keyOf(transaction: CrudTransaction, from: Sender = sender): Promise<string> {
  const identity = await createIdentify(from)(transaction);
  if (identity.key === undefined) throw new Error("It has no identity.");
  return identity.key;
}

/** The same data, its keys the other way round. */
function reversed(entry: CrudEntry): CrudEntry {
  if (entry.opData === undefined) return entry;
  const opData = Object.fromEntries(
    Object.entries(entry.opData)
      .toReversed()
      .map(([name, value]) => [name, isPlain(value) ? reversedMembers(value) : value]),
  );
  return { ...entry, opData };
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function reversedMembers(object: object): object {
  return Object.fromEntries(Object.entries(object).toReversed());
}

describe("an identity", () => {
  it("is one hex SHA-256, whatever the client sent", async () => {
    await fc.assert(
      fc.asyncProperty(anyTransaction, async (transaction) => {
        const identity = await createIdentify(sender)(transaction);
        expect(identity.key).toMatch(/^[0-9a-f]{64}$/);
        expect(identity.queue).toMatch(/^[0-9a-f]{64}$/);
      }),
    );
  });

  it("does not look at the order of keys, nor at what tells nothing of the change", async () => {
    await fc.assert(
      fc.asyncProperty(anyTransaction, async (transaction) => {
        const again: CrudTransaction = {
          transactionId: 77,
          crud: transaction.crud.map((entry) => ({
            ...reversed(entry),
            transactionId: 77,
            metadata: "again",
            previousValues: { name: "before" },
          })),
        };
        expect(await keyOf(again)).toBe(await keyOf(transaction));
      }),
    );
  });

  it("changes with every part of what is sent", async () => {
    await fc.assert(
      fc.asyncProperty(anyTransaction, fc.nat(), async (transaction, pick) => {
        const at = pick % transaction.crud.length;
        const change = (entry: Partial<CrudEntry>): CrudTransaction => ({
          crud: transaction.crud.map((each, index) =>
            index === at ? { ...each, ...entry } : each,
          ),
        });
        const target = transaction.crud[at] as CrudEntry;
        const others: CrudTransaction[] = [
          change({ op: target.op === "PUT" ? "PATCH" : "PUT" }),
          change({ table: `${target.table}s` }),
          change({ id: `${target.id}0` }),
          change({ opId: 1_000 }),
          change({ opData: { ...target.opData, "one more": 1 } }),
          { crud: transaction.crud.slice(0, -1).concat({ ...target, opId: 5, id: "new" }) },
          { crud: [...transaction.crud, { op: "DELETE", table: "lists", id: "1", opId: 6 }] },
        ];
        const keys = await Promise.all([transaction, ...others].map((each) => keyOf(each)));
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });

  it("changes with the order of the entries", async () => {
    const one: CrudEntry = { op: "PUT", table: "lists", id: "1", opId: 1 };
    const two: CrudEntry = { op: "PUT", table: "lists", id: "2", opId: 2 };
    expect(await keyOf({ crud: [one, two] })).not.toBe(await keyOf({ crud: [two, one] }));
  });

  it("changes with who sends it", async () => {
    await fc.assert(
      fc.asyncProperty(anyTransaction, async (transaction) => {
        const senders: Sender[] = [
          sender,
          { ...sender, userId: "bob" },
          { ...sender, clientId: "tablet" },
          { ...sender, queueId: "r" },
          { userId: "alice", clientId: "phone" },
          // Nothing runs together: the parts are told apart whatever is in them.
          { userId: "alice", clientId: "phoneq" },
          { userId: "alicephone", clientId: "q" },
          { userId: 'alice","phone', clientId: "q" },
        ];
        const keys = await Promise.all(senders.map((each) => keyOf(transaction, each)));
        expect(new Set(keys).size).toBe(keys.length);
      }),
      { numRuns: 20 },
    );
  });

  it("has a client that is the queue's alone: the same for all that it sends", async () => {
    const entry: CrudEntry = { op: "PUT", table: "lists", id: "1", opId: 1 };
    const first = await createIdentify(sender)({ crud: [entry] });
    const later = await createIdentify(sender)({ crud: [{ ...entry, opId: 2 }] });
    const other = await createIdentify({ ...sender, queueId: "r" })({ crud: [entry] });
    expect(later.queue).toBe(first.queue);
    expect(other.queue).not.toBe(first.queue);
  });

  it.each<[string, unknown, unknown]>([
    ["a number and its text", 1, "1"],
    ["null and nothing", null, undefined],
    ["null and its text", null, "null"],
    ["false and 0", false, 0],
    ["an object and its text", { a: 1 }, '{"a":1}'],
    ["a list and an object", ["a"], { 0: "a" }],
    ["integers that no number tells apart", 9007199254740993n, 9007199254740992n],
    ["halves of different surrogate pairs", "\ud800", "\ud801"],
    ["composed and decomposed", "\u00e9", "e\u0301"],
  ])("tells apart: %s", async (_name, a, b) => {
    const withName = (name: unknown): CrudTransaction => ({
      crud: [
        {
          op: "PUT",
          table: "lists",
          id: "1",
          opId: 1,
          opData: name === undefined ? {} : { name },
        },
      ],
    });
    expect(await keyOf(withName(a))).not.toBe(await keyOf(withName(b)));
  });

  describe("without an id on every entry", () => {
    const entry: CrudEntry = { op: "PUT", table: "lists", id: "1" };

    it("is by the transaction's id where no entry has one", async () => {
      const by = (transactionId: number) => keyOf({ transactionId, crud: [entry, entry] });
      expect(await by(1)).toBe(await by(1));
      expect(await by(1)).not.toBe(await by(2));
    });

    it("takes no transaction's id for an entry's", async () => {
      for (const id of [-3, -2, -1, 0, 1, 2]) {
        for (const opId of [-3, -2, -1, 0, 1, 2]) {
          const byTransaction = await keyOf({ transactionId: id, crud: [entry] });
          expect(await keyOf({ crud: [{ ...entry, opId }] }), `${id} ${opId}`).not.toBe(
            byTransaction,
          );
        }
      }
    });

    it.each<[string, CrudTransaction, Sender]>([
      ["some entries have one", { transactionId: 1, crud: [{ ...entry, opId: 1 }, entry] }, sender],
      ["there is none at all", { crud: [entry] }, sender],
      ["nobody says which client", { crud: [{ ...entry, opId: 1 }] }, { userId: "alice" }],
    ])("is none where %s", async (_name, transaction, from) => {
      const { key, queue } = await createIdentify(from)(transaction);
      expect([key, queue]).toEqual([undefined, undefined]);
    });
  });
});
