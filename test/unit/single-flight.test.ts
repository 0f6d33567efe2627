/** Identical work in flight is done once. */
import { describe, expect, it, vi } from "vitest";
import { createSingleFlight } from "../../src/process/single-flight.js";

const place = { key: {} };

/** Work that ends when it is told to. */
function work() {
  let resolve: (result: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const ends = new Promise<string>((...settle) => {
    [resolve, reject] = settle;
  });
  return { execute: vi.fn(() => ends), resolve, reject };
}

describe("single flight", () => {
  it("share one execution, and say who shared it", async () => {
    const inFlight = createSingleFlight<string>();
    const { execute, resolve } = work();
    const joined = [1, 2, 3].map(() => inFlight.join(place, "key", execute));
    resolve("done");
    expect(await Promise.all(joined)).toEqual([
      { result: "done", shared: false },
      { result: "done", shared: true },
      { result: "done", shared: true },
    ]);
    expect(execute).toHaveBeenCalledOnce();
  });

  it("are over when they have landed", async () => {
    const inFlight = createSingleFlight<string>();
    const execute = vi.fn(async () => "done");
    await inFlight.join(place, "key", execute);
    expect(await inFlight.join(place, "key", execute)).toEqual({ result: "done", shared: false });
    expect(execute).toHaveBeenCalledTimes(2);
  });

  it("have nothing to do with other keys and other places", async () => {
    const inFlight = createSingleFlight<string>();
    const first = work();
    const pending = inFlight.join(place, "key", first.execute);
    for (const [there, key] of [
      [place, "other key"],
      [{ key: {} }, "key"],
      [place, "constructor"],
    ] as const) {
      expect(await inFlight.join(there, key, async () => "other")).toEqual({
        result: "other",
        shared: false,
      });
    }
    first.resolve("done");
    expect((await pending).result).toBe("done");
  });

  it("fail together, and the next one starts anew", async () => {
    const inFlight = createSingleFlight<string>();
    const { execute, reject } = work();
    const joined = [1, 2].map(() => inFlight.join(place, "key", execute));
    reject(new Error("lost"));
    const settled = await Promise.allSettled(joined);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await inFlight.join(place, "key", async () => "again")).toMatchObject({
      result: "again",
    });
  });
});
