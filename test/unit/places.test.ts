/** Between its statements a large transaction lets small ones go first, and gets its own work done all the same. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPlaces } from "../../src/process/places.js";
import type { Store, UnitOptions } from "../../src/store/store.js";
import { defaultLimits } from "../../src/wire/limits.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Transactions that are under way until the test ends them. */
function scene() {
  const places = createPlaces(defaultLimits, Infinity);
  const store: Pick<Store, "unit"> = {
    unit: (options, work) => work({ options } as never),
  };
  return (operations: number) => {
    let options: UnitOptions = {};
    let end = (): void => undefined;
    const done = places.unit({ userId: "alice", operations }, store, {}, async (unit) => {
      ({ options } = unit as unknown as { readonly options: UnitOptions });
      await new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    return {
      giveWay: () => options.giveWay?.(),
      isAsked: () => options.giveWay !== undefined,
      end: () => {
        end();
        return done;
      },
    };
  };
}

describe("a large transaction", () => {
  it("goes on where no small one is under way", () => {
    const begin = scene();
    const [large, other] = [begin(101), begin(5_000)];
    expect(large.giveWay()).toBeUndefined();
    expect(other.giveWay()).toBeUndefined();
  });

  it("waits for small ones, which don't wait for each other", async () => {
    const begin = scene();
    const [large, small, other] = [begin(101), begin(100), begin(1)];
    expect([small.isAsked(), other.isAsked()]).toEqual([false, false]);
    const gone = vi.fn();
    void large.giveWay()?.then(gone);
    await small.end();
    await Promise.resolve();
    expect(gone).not.toHaveBeenCalled();
    await other.end();
    await Promise.resolve();
    expect(gone).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits for no longer than 20 ms, and works as long before it waits again", async () => {
    const begin = scene();
    const [large] = [begin(101), begin(1)];
    for (let time = 0; time < 3; time += 1) {
      const gone = vi.fn();
      void large.giveWay()?.then(gone);
      await vi.advanceTimersByTimeAsync(19);
      expect(gone).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(gone).toHaveBeenCalledOnce();
      await vi.advanceTimersByTimeAsync(19);
      expect(large.giveWay()).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
    }
  });

  it("does not wait for a small one that failed", async () => {
    const places = createPlaces(defaultLimits, Infinity);
    const failing: Pick<Store, "unit"> = { unit: () => Promise.reject(new Error("lost")) };
    const small = places.unit({ userId: "bob", operations: 1 }, failing, {}, async () => {});
    await expect(small).rejects.toThrow("lost");
    let way: unknown = "not asked";
    const store: Pick<Store, "unit"> = {
      unit: async (options, work) => {
        way = options.giveWay?.();
        return work({} as never);
      },
    };
    await places.unit({ userId: "alice", operations: 101 }, store, {}, async () => {});
    expect(way).toBeUndefined();
  });
});
