/** What is under way is waited for, but not for ever. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createUnderWay } from "../../src/process/load.js";

/** Something that ends when it is told to. */
function pending() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("drain", () => {
  it("is done at once where nothing is under way", async () => {
    const underWay = createUnderWay();
    expect(underWay.draining()).toBe(false);
    expect(await underWay.drain(1_000)).toBe(true);
    expect(underWay.draining()).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits for all that is under way, whatever its end", async () => {
    const underWay = createUnderWay();
    const good = pending();
    const bad = pending();
    const results = [underWay.during(() => good.promise), underWay.during(() => bad.promise)];
    const done = vi.fn();
    const drained = underWay.drain(1_000).then(done);
    good.resolve();
    await vi.advanceTimersByTimeAsync(10);
    expect(done).not.toHaveBeenCalled();
    bad.reject(new Error("lost"));
    await drained;
    expect(done).toHaveBeenCalledExactlyOnceWith(true);
    expect(vi.getTimerCount()).toBe(0);
    await expect(results[0]).resolves.toBeUndefined();
    await expect(results[1]).rejects.toThrow("lost");
  });

  it("gives up after its time", async () => {
    const underWay = createUnderWay();
    const { promise, resolve } = pending();
    const running = underWay.during(() => promise);
    const drained = underWay.drain(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await drained).toBe(false);
    resolve();
    await running;
    expect(await underWay.drain(1_000)).toBe(true);
  });

  it("waits for what has begun in the meantime too", async () => {
    const underWay = createUnderWay();
    const first = pending();
    const second = pending();
    const running = [underWay.during(() => first.promise)];
    const done = vi.fn();
    const drained = underWay.drain(1_000).then(done);
    running.push(underWay.during(() => second.promise));
    first.resolve();
    await vi.advanceTimersByTimeAsync(10);
    expect(done).not.toHaveBeenCalled();
    second.resolve();
    await drained;
    expect(done).toHaveBeenCalledExactlyOnceWith(true);
    await Promise.all(running);
  });
});
