/** Long work lets others in: counted are the turns of the event loop meanwhile, with a clock by which each part takes longer than a slice. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defaultLimits } from "../../src/wire/limits.js";
import { parseLarge } from "../../src/wire/parse-large.js";
import { canonicalJson, sha256 } from "../../src/wire/serialize.js";
import { isSliceOver, nextSlice } from "../../src/wire/slices.js";
import { survey } from "../../src/wire/survey.js";
import { createValidate } from "../../src/wire/upload.js";
import { createWrites, type WriteEvent } from "../../src/index.js";
import { betterSqlite3 } from "../support/databases.js";
import { testConfig } from "../support/writes.js";

// Of the whole file, for it never goes back.
let now = performance.now();
const timer = globalThis.setTimeout;
beforeEach(() => {
  vi.spyOn(performance, "now").mockImplementation(() => (now += 10));
  // However long a busy machine keeps this process from its turn, none of its timers is taken for lost.
  const none = (run: () => void, ms?: number) => timer(run, ms === 0 ? 0 : 2 ** 30);
  vi.spyOn(globalThis, "setTimeout").mockImplementation(none as never);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** How often others could have run. */
async function turnsDuring(run: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let running = true;
  const turn = () => {
    turns += 1;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await run();
  running = false;
  return turns;
}

const entries = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    op: "PUT",
    table: "lists",
    id: crypto.randomUUID(),
    op_id: index + 1,
    op_data: { name: `list ${index}` },
  }));
const body = { client_id: "phone", transactions: [{ crud: entries(10_000) }] };
const text = JSON.stringify(body);

describe("others have their turn", () => {
  it.each<[string, () => Promise<unknown>, number]>([
    ["a text is surveyed", () => survey(text), 5],
    ["a text is parsed", () => parseLarge(text), 20],
    [
      "integers are read exactly",
      () => parseLarge(`[${"9007199254740993,".repeat(100_000)}1]`),
      20,
    ],
    ["a digest is made", () => sha256(body), 20],
    ["one long text is digested", () => sha256("漢".repeat(1_000_000)), 20],
    ["transactions are measured", () => createValidate(defaultLimits)(body), 5],
    [
      "one operation is measured",
      () =>
        createValidate(defaultLimits)({
          crud: [{ op: "PUT", table: "t", id: "1", op_data: { a: Array(40_000).fill([1]) } }],
        }),
      3,
    ],
  ])("while %s", async (_name, run, least) => {
    expect(await turnsDuring(run)).toBeGreaterThanOrEqual(least);
  });

  it("while a transaction is mapped and written", async () => {
    const database = await betterSqlite3.open();
    const writes = createWrites(testConfig(database.db));
    const crud = entries(300);
    let result: unknown;
    const turns = await turnsDuring(async () => {
      result = await writes.processTransaction({ crud }, { principal: { userId: "alice" } });
    });
    expect(result).toEqual({ status: "success" });
    // Each operation is mapped, and then each is written.
    expect(turns).toBeGreaterThanOrEqual(2 * crud.length);
    await database.close();
  });

  it("while a transaction is sent as a whole", async () => {
    const database = await betterSqlite3.open();
    const flown: boolean[] = [];
    const writes = createWrites({
      ...testConfig(database.db),
      onEvent: (event: WriteEvent) => {
        if (event.type === "transaction") flown.push(event.flown);
      },
    });
    let opId = 1_000;
    const send = (count: number) => {
      const crud = entries(count).map((entry) => ({ ...entry, op_id: (opId += 1) }));
      const changed = crud.map((entry) => ({ ...entry, op: "PATCH", op_id: (opId += 1) }));
      const all = { client_id: "phone", crud: [...crud, ...changed] };
      return writes.processTransaction(all, { principal: { userId: "alice" } });
    };
    await send(1);
    let result: unknown;
    const turns = await turnsDuring(async () => {
      result = await send(300);
    });
    expect(result).toEqual({ status: "success" });
    expect(flown).toEqual([false, true]);
    // Each operation is mapped, and each made a statement; a hundred of these are executed in one turn.
    expect(turns).toBeGreaterThanOrEqual(2 * 600);
    await database.close();
  });

  it("one slice for each of their turns, however many work at once", async () => {
    // Nothing but this test's own counting lets the clock go on.
    let clock = performance.now();
    vi.mocked(performance.now).mockImplementation(() => clock);
    const work = async () => {
      for (let part = 0; part < 20; part += 1) {
        clock += 1;
        partsInTurn += 1;
        if (isSliceOver()) await nextSlice();
      }
    };
    let partsInTurn = 0;
    let most = 0;
    let running = true;
    const turn = () => {
      most = Math.max(most, partsInTurn);
      partsInTurn = 0;
      if (running) setImmediate(turn);
    };
    await nextSlice();
    partsInTurn = 0;
    setImmediate(turn);
    await Promise.all(Array.from({ length: 30 }, work));
    running = false;
    // Of the first turn, each has done the part that it began with.
    expect(most).toBeLessThanOrEqual(36);
    expect(most).toBeGreaterThan(1);
  });

  it("also where the timer is gone with the request that set it", async () => {
    vi.restoreAllMocks();
    // What has been going on before has ended.
    await nextSlice();
    await new Promise((resolve) => setTimeout(resolve, 20));
    vi.spyOn(globalThis, "setTimeout").mockImplementationOnce((() => 0) as never);
    isSliceOver();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isSliceOver()).toBe(true);
    await nextSlice();
    expect(isSliceOver()).toBe(false);
    await nextSlice();
  });

  it("also behind a single step that took longer than any timer is waited for", async () => {
    let clock = performance.now();
    vi.mocked(performance.now).mockImplementation(() => clock);
    await nextSlice();
    for (let step = 0; step < 3; step += 1) {
      clock += 600;
      expect(isSliceOver()).toBe(true);
      await nextSlice();
    }
  });

  it("but nobody waits for a small body", async () => {
    const small = { crud: entries(10) };
    const turns = await turnsDuring(async () => {
      await createValidate(defaultLimits)(small);
      await sha256(small);
    });
    expect(turns).toBe(0);
  });
});

it("a digest made in pieces is the digest of the whole", async () => {
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(canonicalJson(body)));
  expect(await sha256(body)).toBe(Buffer.from(digest).toString("hex"));
});
