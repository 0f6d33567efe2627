/** What is tried again in the server: others in the way, a schema that has changed; a few times, and not for somebody who has left. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isTriedAgain, type Verdict } from "../../src/process/classify.js";
import type { Store } from "../../src/store/store.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const contention: Verdict = { outcome: "retryable", message: "", again: "contention" };
const schema: Verdict = { outcome: "retryable", message: "", again: "schema" };

/** FAKE store: it is only asked to forget. */
function agains({ forgets = true, signal = new AbortController().signal } = {}) {
  const forgetSchema = vi.fn(() => forgets);
  const store = { forgetSchema } as unknown as Store;
  return {
    forgetSchema,
    again: (verdict: Verdict, attempt: number) => isTriedAgain(verdict, attempt, { store, signal }),
  };
}

/** How long it waited, and what it said. */
async function timed(said: Promise<boolean>): Promise<{ ms: number; said: boolean }> {
  const started = Date.now();
  let ms = 0;
  const stamped = said.then((value) => {
    ms = Date.now() - started;
    return value;
  });
  await vi.advanceTimersByTimeAsync(60_000);
  return { ms, said: await stamped };
}

describe("again", () => {
  it("waits longer each time for others to get out of the way, and then gives up", async () => {
    const { again } = agains();
    let total = 0;
    let attempt = 1;
    for (; attempt < 100; attempt += 1) {
      const { ms, said } = await timed(again(contention, attempt));
      if (!said) break;
      expect(ms).toBeGreaterThan(0);
      total += ms;
    }
    expect(attempt).toBeGreaterThan(2);
    expect(attempt).toBeLessThan(10);
    expect(total).toBeLessThan(2_000);
    expect((await timed(again(contention, attempt))).ms).toBe(0);
  });

  it("does not wait the same time as everybody else", async () => {
    const { again } = agains();
    const waits = new Set<number>();
    for (let time = 0; time < 30; time += 1) waits.add((await timed(again(contention, 3))).ms);
    expect(waits.size).toBeGreaterThan(5);
  });

  it("tries at once where the schema has been forgotten, and not where it is as new as can be", async () => {
    const fresh = agains({ forgets: true });
    expect(await timed(fresh.again(schema, 1))).toEqual({ ms: 0, said: true });
    expect(fresh.forgetSchema).toHaveBeenCalledExactlyOnceWith();
    expect(await timed(agains({ forgets: false }).again(schema, 1))).toEqual({
      ms: 0,
      said: false,
    });
  });

  it.each<[string, Verdict]>([
    ["fatal", { outcome: "fatal", errorCode: "UNIQUE_VIOLATION", message: "" }],
    ["retryable for the client alone", { outcome: "retryable", message: "" }],
  ])("does not try what is %s", async (_name, verdict) => {
    expect(await timed(agains().again(verdict, 1))).toEqual({ ms: 0, said: false });
  });

  it("stops when the caller has left, also while it waits", async () => {
    expect(await timed(agains({ signal: AbortSignal.abort() }).again(contention, 1))).toEqual({
      ms: 0,
      said: false,
    });
    const controller = new AbortController();
    const said = agains({ signal: controller.signal }).again(contention, 1);
    controller.abort();
    expect((await timed(said)).said).toBe(false);
  });
});
