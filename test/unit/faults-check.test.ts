/** The fault suite's judge: what is lost, doubled, halved, out of order or wrong is counted as such. */
import { describe, expect, it } from "vitest";
import { check, type Found, type HistoryEntry } from "../faults/check.js";
import { removed, type Sent, threeDevices, writerOf, wrote } from "../faults/workload.js";

/** Two writes each. */
const sentOf = (number: number, outcome: Sent["outcome"] = "success"): Sent => ({
  device: "phone",
  number,
  transaction: { transaction_id: number, crud: [] },
  outcome,
  isDependant: false,
  effects: [
    wrote("marks", "mark", `phone/${number}/0`),
    wrote("items", `row${number}`, `phone/${number}/1`),
  ],
});

const committed = (sent: Sent): readonly HistoryEntry[] =>
  sent.effects.map((effect) => ({ effect, unit: String(sent.number) }));

const letterOf = ({ number }: Sent) => ({
  status: "open",
  payload: JSON.stringify({ crud: [{ op_data: { tag: `phone/${number}/0` } }] }),
});

function found(history: readonly HistoryEntry[], more: Partial<Found> = {}): Found {
  const rows = new Map<string, string>();
  for (const { effect } of history) {
    const [table, id, sign, tag = ""] = effect.split(" ");
    if (sign === "=") rows.set(`${table} ${id}`, tag);
    else rows.delete(`${table} ${id}`);
  }
  return { history, letters: [], queued: new Set(), rows, ...more };
}

const one = sentOf(1);
const two = sentOf(2);
const bad = sentOf(3, "fatal_error");
const all = [one, two, bad];
const good = [...committed(one), ...committed(two)];
const fine = { sent: 3, lost: 0, twice: 0, partial: 0, reordered: 0, wrong: 0 };

describe("the judge", () => {
  it("finds nothing where each is in one place", () => {
    const tally = check(all, found(good, { letters: [letterOf(bad)] }));
    expect(tally).toMatchObject({ ...fine, applied: 2, letters: 1, queued: 0, complaints: [] });
    const queued = check(all, found(committed(one), { queued: new Set([two, bad]) }));
    expect(queued).toMatchObject({ ...fine, applied: 1, queued: 2 });
  });

  it.each<[string, Found, Partial<typeof fine>]>([
    ["nowhere", found(committed(one), { letters: [letterOf(bad)] }), { lost: 1 }],
    [
      "applied twice",
      found([...good, ...committed(one)], { letters: [letterOf(bad)] }),
      { twice: 1 },
    ],
    [
      "applied and recorded",
      found(good, { letters: [letterOf(one), letterOf(bad)] }),
      { twice: 1 },
    ],
    ["recorded twice", found(good, { letters: [letterOf(bad), letterOf(bad)] }), { twice: 1 }],
    ["half applied", found(good.slice(1), { letters: [letterOf(bad)] }), { partial: 1 }],
    [
      "applied with two commits",
      found(
        good.map((entry, index) => (index === 0 ? { ...entry, unit: "another" } : entry)),
        { letters: [letterOf(bad)] },
      ),
      { partial: 1 },
    ],
    [
      "out of order",
      found([...committed(two), ...committed(one)], { letters: [letterOf(bad)] }),
      { reordered: 1 },
    ],
    ["applied, and not to be", found([...good, ...committed(bad)]), { wrong: 1 }],
    [
      "recorded, and to be applied",
      found(committed(one), { letters: [letterOf(two), letterOf(bad)] }),
      { wrong: 1 },
    ],
    [
      "a row that is not as it was written",
      found(good, { letters: [letterOf(bad)], rows: new Map() }),
      { wrong: 3 },
    ],
    [
      "a deletion that nobody has sent",
      found([...good, { effect: removed("items", "row1", "phone/1/1") }], {
        letters: [letterOf(bad)],
      }),
      { twice: 1 },
    ],
  ])("counts what is %s", (_what, there, counts) => {
    const tally = check(all, there);
    expect(tally).toMatchObject({ ...fine, ...counts });
    expect(tally.complaints.length).toBeGreaterThan(0);
  });

  it("takes a retried letter for applied, in whatever order", () => {
    const tally = check(all, found([...committed(bad), ...good]), new Set([bad]));
    expect(tally).toMatchObject({ ...fine, applied: 3 });
  });
});

describe("the workload", () => {
  const written = (seed: number) => {
    const write = writerOf(seed, "phone", { devices: threeDevices, transactions: 60 });
    return Array.from({ length: 60 }, () => write());
  };

  it("is the same for the same seed, and another for another", () => {
    expect(written(1)).toEqual(written(1));
    expect(written(1)).not.toEqual(written(2));
  });

  it("writes each value once", () => {
    const tags = written(1)
      .flatMap(({ transaction }) => transaction.crud)
      .flatMap(({ op_data }) => op_data?.["tag"] ?? []);
    expect(new Set(tags).size).toBe(tags.length);
  });
});
