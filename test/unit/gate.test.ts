/** Nothing is written before the database has been looked at; and it is not looked at more than it must be. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WriteEvent } from "../../src/events/events.js";
import { createGate, type InspectPolicies } from "../../src/rls/gate.js";
import type { Principal } from "../../src/context.js";
import { createMemory } from "../../src/process/call.js";
import { createPlaces } from "../../src/process/places.js";
import { defaultLimits } from "../../src/wire/limits.js";
import type { PolicyReport } from "../../src/store/tables.js";
import type { Store } from "../../src/store/store.js";
import { deferred } from "../support/fake-writes.js";

type Inspect = InspectPolicies;

const good: PolicyReport = { problems: [], complete: true };
const bad: PolicyReport = { problems: ["No."], complete: true };

let events: WriteEvent[];
beforeEach(() => {
  events = [];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => void vi.useRealTimers());

/** FAKE stores: the gate only hands them on. */
const database = () => ({
  store: { key: {} } as Store,
  memory: createMemory(createPlaces(defaultLimits, 60_000)),
});

function gateOf(inspect: Inspect) {
  const gate = createGate<Principal, unknown>(
    {
      authenticate: () => ({ userId: "" }),
      database: () => Promise.reject(new Error("The gate does not ask.")),
      tables: {},
      rls: { role: ({ userId }) => userId },
    },
    inspect,
    (event) => void events.push(event),
  );
  return async (db: ReturnType<typeof database>, role: string) =>
    gate?.(db, {
      principal: { userId: role },
      correlationId: "c1",
      signal: new AbortController().signal,
    }).then(
      (caller) => caller?.role,
      (error: Error & { retryAfterMs?: number }) => `${error.message} ${error.retryAfterMs}`,
    );
}

const notSetUp = "The server is not set up for writing right now. 3000";
const notNow = "The caller's changes can't be written right now. undefined";

describe("the gate", () => {
  it("looks once for all that come, for each role and database", async () => {
    const looked = deferred<PolicyReport>();
    const inspect = vi.fn<Inspect>(() => looked.promise);
    const gate = gateOf(inspect);
    const [one, two] = [database(), database()];
    const waiting = Promise.all([gate(one, "a"), gate(one, "a"), gate(one, "b"), gate(two, "a")]);
    looked.resolve(good);
    expect(await waiting).toEqual(["a", "a", "b", "a"]);
    expect(inspect.mock.calls).toEqual([
      [one.store, { name: "a" }],
      [one.store, { name: "b" }],
      [two.store, { name: "a" }],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("believes what is good for a minute, and what is not for 3 seconds", async () => {
    const inspect = vi.fn<Inspect>(async () => good);
    const gate = gateOf(inspect);
    const db = database();
    expect(await gate(db, "a")).toBe("a");
    vi.advanceTimersByTime(59_000);
    expect(await gate(db, "a")).toBe("a");
    expect(inspect).toHaveBeenCalledTimes(1);
    inspect.mockResolvedValue(bad);
    vi.advanceTimersByTime(1_000);
    expect(await gate(db, "a")).toBe(notSetUp);
    inspect.mockResolvedValue(good);
    vi.advanceTimersByTime(2_900);
    expect(await gate(db, "a")).toBe(notSetUp);
    vi.advanceTimersByTime(100);
    expect(await gate(db, "a")).toBe("a");
    expect(inspect).toHaveBeenCalledTimes(3);
    expect(events).toEqual([{ type: "not_ready", correlationId: "c1", problems: ["No."] }]);
  });

  it("looks again soon where a table was not there", async () => {
    const inspect = vi.fn<Inspect>(async () => ({ problems: [], complete: false }));
    const gate = gateOf(inspect);
    const db = database();
    expect(await gate(db, "a")).toBe("a");
    vi.advanceTimersByTime(3_000);
    expect(await gate(db, "a")).toBe("a");
    expect(inspect).toHaveBeenCalledTimes(2);
  });

  it("lets nobody through where it could not look, and looks again for the next", async () => {
    const inspect = vi.fn<Inspect>(() => Promise.reject(new Error("secret")));
    const gate = gateOf(inspect);
    const db = database();
    expect(await gate(db, "a")).toBe(notNow);
    expect(await gate(db, "a")).toBe(notNow);
    inspect.mockResolvedValue(good);
    expect(await gate(db, "a")).toBe("a");
    expect(events.map(({ type }) => type)).toEqual(["error", "error"]);
  });

  it("does not wait for ever, nor keep others waiting for what hangs", async () => {
    const inspect = vi.fn<Inspect>(() => new Promise(() => undefined));
    const gate = gateOf(inspect);
    const db = database();
    const waiting = Promise.all([gate(db, "a"), gate(db, "a")]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await waiting).toEqual([notNow, notNow]);
    inspect.mockResolvedValue(good);
    expect(await gate(db, "a")).toBe("a");
  });

  it("remembers some roles, and not all that there may ever be", async () => {
    const inspect = vi.fn<Inspect>(async () => good);
    const gate = gateOf(inspect);
    const db = database();
    for (let role = 0; role <= 1_000; role++) await gate(db, `r${role}`);
    inspect.mockClear();
    await gate(db, "r1000");
    expect(inspect).not.toHaveBeenCalled();
    await gate(db, "r0");
    expect(inspect).toHaveBeenCalledTimes(1);
  });
});
