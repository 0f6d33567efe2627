/** Identical work under way is done once. */
import { describe, expect, it, vi } from "vitest";
import type { TransactionResult } from "../../src/model.js";
import { createMemory } from "../../src/process/call.js";
import { createPlaces } from "../../src/process/places.js";
import { defaultLimits } from "../../src/wire/limits.js";
import { shareExecution } from "../../src/process/transaction.js";

const success: TransactionResult = { status: "success" };
const other: TransactionResult = { status: "not_attempted" };

/** Work that ends when it is told to. */
function work() {
  let resolve: (result: TransactionResult) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const ends = new Promise<TransactionResult>((...settle) => {
    [resolve, reject] = settle;
  });
  return { execute: vi.fn(() => ends), resolve, reject };
}

describe("a shared execution", () => {
  it("shares one execution, and says who shared it", async () => {
    const memory = createMemory(createPlaces(defaultLimits, 60_000));
    const { execute, resolve } = work();
    const joined = [1, 2, 3].map(() => shareExecution(memory, "key", execute));
    resolve(success);
    expect(await Promise.all(joined)).toEqual([
      { result: success, shared: false },
      { result: success, shared: true },
      { result: success, shared: true },
    ]);
    expect(execute).toHaveBeenCalledOnce();
  });

  it("is over when the work has ended", async () => {
    const memory = createMemory(createPlaces(defaultLimits, 60_000));
    const execute = vi.fn(async () => success);
    await shareExecution(memory, "key", execute);
    expect(await shareExecution(memory, "key", execute)).toEqual({
      result: success,
      shared: false,
    });
    expect(execute).toHaveBeenCalledTimes(2);
    expect(memory.executing.size).toBe(0);
  });

  it("has nothing to do with other keys and other databases", async () => {
    const memory = createMemory(createPlaces(defaultLimits, 60_000));
    const first = work();
    const pending = shareExecution(memory, "key", first.execute);
    for (const [there, key] of [
      [memory, "other key"],
      [createMemory(createPlaces(defaultLimits, 60_000)), "key"],
      [memory, "constructor"],
    ] as const) {
      expect(await shareExecution(there, key, async () => other)).toEqual({
        result: other,
        shared: false,
      });
    }
    first.resolve(success);
    expect((await pending).result).toBe(success);
  });

  it("fails together, and the next one starts anew", async () => {
    const memory = createMemory(createPlaces(defaultLimits, 60_000));
    const { execute, reject } = work();
    const joined = [1, 2].map(() => shareExecution(memory, "key", execute));
    reject(new Error("lost"));
    const settled = await Promise.allSettled(joined);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await shareExecution(memory, "key", async () => success)).toMatchObject({
      result: success,
    });
  });
});
