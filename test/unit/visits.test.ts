/** Who may come in, who has to go for the sake of others, and what a body takes of the room. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isRetryable } from "../../src/errors.js";
import { readBody } from "../../src/http/body.js";
import { createLoad, Crowded, type Load, type Visit } from "../../src/process/load.js";
import { defaultLimits, type Limits } from "../../src/wire/limits.js";

const small: Limits = { ...defaultLimits, requests: 4, concurrentRequests: 3, memoryBytes: 12_800 };

interface Known {
  readonly visit: Visit;
  /** The status with which it had to go. */
  readonly dismissed: () => number | undefined;
}

function enter(load: Load, userId: string): Known {
  const visit = load.admit();
  if (visit === undefined) throw new Error("Not admitted.");
  expect(visit.identify({ userId })).toBe(true);
  let status: number | undefined;
  visit.dismiss = (reason) => {
    expect(status).toBeUndefined();
    ({ status } = reason);
  };
  return { visit, dismissed: () => status };
}

function refusal(run: () => void): number | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof Crowded) return error.status;
    throw error;
  }
  return undefined;
}

describe("a place", () => {
  it("is taken in each stage apart", () => {
    const load = createLoad(small);
    const authenticating = Array.from({ length: 4 }, () => load.admit());
    expect(load.admit()).toBeUndefined();
    authenticating.forEach((visit, index) => visit?.identify({ userId: `user${index}` }));
    const more = Array.from({ length: 4 }, () => load.admit());
    expect(more).not.toContain(undefined);
    expect(load.admit()).toBeUndefined();
    for (const visit of authenticating) visit?.arrived(1);
    more.forEach((visit, index) => visit?.identify({ userId: `other${index}` }));
    for (const visit of more) expect(refusal(() => visit?.arrived(1))).toBe(503);
    for (const visit of [...authenticating, ...more]) visit?.leave();
    const { visit } = enter(load, "alice");
    expect(refusal(() => visit.arrived(1))).toBeUndefined();
  });

  it("is not looked for again, by a body as long as one that found none, before any is given back", () => {
    const load = createLoad(small);
    const of = (user: string, size: number, bytes: number) => {
      const { visit } = enter(load, user);
      const measured = refusal(() => visit.measurable(size));
      return { visit, measured, refused: measured ?? refusal(() => visit.arrived(bytes)) };
    };
    const first = of("alice", 100, 3_000);
    expect(first.refused).toBeUndefined();
    expect(of("alice", 100, 3_000)).toMatchObject({ measured: undefined, refused: 429 });
    expect(of("alice", 100, 10)).toMatchObject({ measured: 429 });
    first.visit.leave();
    const again = of("alice", 99, 10);
    expect(again.refused).toBeUndefined();
    // The others are not concerned.
    expect(of("bob", 100, 3_000).refused).toBeUndefined();
    expect(of("carol", 100, 3_000).refused).toBeUndefined();
    again.visit.leave();
  });

  it("is counted out wherever a visit ends", () => {
    const load = createLoad(small);
    for (let time = 0; time < 20; time += 1) {
      load.admit()?.leave();
      enter(load, "alice").visit.leave();
      const { visit } = enter(load, "alice");
      visit.came(6_000);
      visit.arrived(6_000);
      visit.leave();
      const large = enter(load, "alice").visit;
      const second = enter(load, "alice").visit;
      large.arrived(10_000);
      expect(refusal(() => second.arrived(10_000))).toBe(429);
      large.leave();
      second.leave();
    }
  });

  it("is a caller's own up to a bound", () => {
    const load = createLoad(small);
    const own = [1, 2, 3].map(() => enter(load, "alice"));
    const fourth = load.admit();
    expect(fourth?.identify({ userId: "alice" })).toBe(false);
    fourth?.leave();
    own[0]?.visit.leave();
    enter(load, "alice");
  });

  it("is made where too many wait: the first of the caller who has the most goes", () => {
    const load = createLoad(small);
    const bob = enter(load, "bob");
    const many = [1, 2, 3].map(() => enter(load, "alice"));
    const eve = enter(load, "eve");
    expect([bob, ...many, eve].map(({ dismissed }) => dismissed())).toEqual([
      undefined,
      503,
      undefined,
      undefined,
      undefined,
    ]);
    // Who has been dismissed counts no more.
    many[0]?.visit.leave();
    enter(load, "mallory");
    expect(many.map(({ dismissed }) => dismissed())).toEqual([503, 503, undefined]);
    enter(load, "trent");
    // Now everybody has one: the first of all goes.
    expect(bob.dismissed()).toBe(503);
  });
});

describe("bytes on their way", () => {
  it("are bounded: the caller who has the most makes room for others", () => {
    const load = createLoad(small);
    const first = enter(load, "alice");
    const second = enter(load, "alice");
    const bob = enter(load, "bob");
    first.visit.came(3_000);
    second.visit.came(3_000);
    bob.visit.came(1_000);
    expect([first, second, bob].map(({ dismissed }) => dismissed())).toEqual([
      503,
      undefined,
      undefined,
    ]);
    // Those who have the most are refused more.
    second.visit.came(3_000);
    expect(second.dismissed()).toBe(503);
    expect(bob.dismissed()).toBeUndefined();
  });

  it("are bounded for one caller: 429", () => {
    const load = createLoad(small);
    const first = enter(load, "alice");
    const second = enter(load, "alice");
    first.visit.came(6_000);
    second.visit.came(1_000);
    expect([first.dismissed(), second.dismissed()]).toEqual([undefined, 429]);
  });

  it("may be any number for one alone", () => {
    const load = createLoad(small);
    const { visit, dismissed } = enter(load, "alice");
    visit.came(1_000_000);
    expect(dismissed()).toBeUndefined();
    expect(refusal(() => visit.arrived(1_000_000))).toBeUndefined();
  });
});

describe("room", () => {
  it("is left for small bodies by large ones", () => {
    const load = createLoad({ ...small, requests: 1_000, concurrentRequests: 1_000 });
    const large = Array.from({ length: 10 }, (_, user) => enter(load, `user${user}`).visit);
    const refused = large.map((visit) => refusal(() => visit.arrived(2_000)));
    expect(refused.filter((status) => status === undefined)).toHaveLength(5);
    expect(refused.filter((status) => status === 503)).toHaveLength(5);
    for (let user = 0; user < 16; user += 1) {
      expect(refusal(() => enter(load, `other${user}`).visit.arrived(100))).toBeUndefined();
    }
    expect(refusal(() => enter(load, "last").visit.arrived(100))).toBeUndefined();
  });

  it("is one caller's up to a quarter: 429", () => {
    const load = createLoad(small);
    enter(load, "alice").visit.arrived(3_000);
    expect(refusal(() => enter(load, "alice").visit.arrived(1_000))).toBe(429);
    expect(refusal(() => enter(load, "bob").visit.arrived(1_000))).toBeUndefined();
  });

  it("is not bounded where `memoryBytes` is Infinity", () => {
    const load = createLoad({ ...small, memoryBytes: Infinity });
    for (let user = 0; user < 4; user += 1) {
      const { visit, dismissed } = enter(load, `user${user}`);
      visit.came(1e12);
      expect(dismissed()).toBeUndefined();
      visit.arrived(1e12);
    }
  });
});

describe("a body on its way", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const timeouts = { bodyMs: 60_000, bodyPauseMs: 10_000 };

  /** A body that brings so many bytes each second, until it is stopped. */
  function slow(bytesPerSecond: number, tellsProgress: boolean) {
    const started = Date.now();
    let ms: number | undefined;
    let error: unknown;
    const request = {
      method: "POST",
      url: "/api/data",
      headers: new Headers({ "content-type": "application/json" }),
      signal: new AbortController().signal,
      tellsProgress,
      body: (_most: number, signal?: AbortSignal, came?: (bytes: number) => void) =>
        new Promise((_, reject) => {
          const coming = setInterval(() => came?.(bytesPerSecond), 1_000);
          signal?.addEventListener("abort", () => {
            clearInterval(coming);
            reject(new Error("Aborted."));
          });
        }),
    };
    readBody(request, defaultLimits, timeouts).catch((thrown: unknown) => {
      error = thrown;
      ms = Date.now() - started;
    });
    return { endedAfter: () => ms, error: () => error };
  }

  it.each([
    ["nothing", 0, true, 10_000],
    ["less than a KiB in ten seconds", 100, true, 10_000],
    ["more than that", 120, true, 60_000],
    ["nothing, for all that is known", 0, false, 60_000],
  ])("is ended where it brings %s", async (_name, bytes, tells, ms) => {
    const { endedAfter, error } = slow(bytes, tells);
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(endedAfter()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(endedAfter()).toBe(ms);
    expect(isRetryable(error())).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
