/** How far one run of the pruning goes, and where the next one begins. */
import { afterEach, expect, it, vi } from "vitest";
import type { WriteEvent } from "../../src/index.js";
import { createMemory } from "../../src/process/call.js";
import { createLoad } from "../../src/process/load.js";
import { createPlaces } from "../../src/process/places.js";
import { createPruning } from "../../src/process/pruning.js";
import type { PruneStep } from "../../src/store/bookkeeping.js";
import type { Store } from "../../src/store/store.js";
import { limitsOf } from "../../src/wire/limits.js";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** So many steps to the end of its ledger. */
function storeOf(length: number) {
  const steps: (string | undefined)[] = [];
  const prune = async (what: string, { from }: PruneStep) => {
    if (what !== "ledger") return { removed: 0 };
    steps.push(from);
    const at = Number(from ?? 0) + 1;
    return { removed: 1, ...(at < length && { next: String(at) }) };
  };
  const unit = async (_options: unknown, work: (unit: unknown) => unknown) => work({ prune });
  return { steps, store: { unit } as unknown as Store };
}

it("goes on where the last run has stopped, and behind the end from the beginning", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  vi.spyOn(Math, "random").mockReturnValue(0);
  const events: WriteEvent[] = [];
  const load = createLoad(limitsOf());
  const pruning = createPruning(
    { ledger: {}, tables: {} } as never,
    load,
    (event) => void events.push(event),
  );
  const { steps, store } = storeOf(1_500);
  const database = { store, memory: createMemory(createPlaces(limitsOf(), 60_000)) };
  const run = async () => {
    steps.length = 0;
    vi.advanceTimersByTime(3_600_001);
    const before = events.length;
    pruning.passed(database);
    await vi.waitFor(() => expect(events.length).toBe(before + 1));
    return [steps.length, steps[0]];
  };
  expect(await run()).toEqual([1_000, undefined]);
  expect(await run()).toEqual([500, "1000"]);
  expect(await run()).toEqual([1_000, undefined]);
  expect(events.map((event) => event.type === "pruned" && event.removed)).toEqual([
    1_000, 500, 1_000,
  ]);
});

it("goes to the end where it is asked to", async () => {
  const { steps, store } = storeOf(1_500);
  const pruning = createPruning(
    { ledger: {}, tables: {} } as never,
    createLoad(limitsOf()),
    () => {},
  );
  expect(await pruning.prune(store)).toBe(1_500);
  expect(steps).toHaveLength(1_500);
});
