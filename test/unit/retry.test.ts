/** What is tried again in the server: others in the way, a schema that has changed; a few times, and not for somebody who has left. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isTriedAgain, type Verdict } from "../../src/process/classify.js";
import type { Store, Unit, UnitOptions } from "../../src/store/store.js";
import type { Table } from "../../src/store/tables.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const contention: Verdict = { outcome: "retryable", message: "", again: "contention" };
const schema: Verdict = { outcome: "retryable", message: "", again: "schema" };
const fatalBySchema: Verdict = {
  outcome: "fatal",
  errorCode: "INVALID_DATA",
  message: "",
  again: "schema",
};

/** A table of one column. */
function tableOf(type: string): Table {
  const column = { name: "value", type, array: false, nullable: true };
  const columns = new Map([["value", { ...column, hasDefault: false, generated: false }]]);
  return { name: "measures", columns };
}

interface Given {
  /** What the attempt has gone by, and what is there. Default: nothing was read before. */
  readonly read?: readonly [before: string, now: string | undefined];
  readonly signal?: AbortSignal;
}

/** FAKE store: it is only asked to read a table. */
function agains({ read, signal = new AbortController().signal }: Given = {}) {
  const now = read?.[1];
  const unit = vi.fn(async (_options: UnitOptions, work: (unit: Unit) => unknown) =>
    work({ table: async () => now && tableOf(now) } as unknown as Unit),
  );
  const store = { unit } as unknown as Store;
  const believed = new Map(read ? [["measures", tableOf(read[0])]] : []);
  const tried = { store, signal, schema: { since: 5, believed } };
  return {
    unit,
    again: (verdict: Verdict, attempt: number) => isTriedAgain(verdict, attempt, tried),
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

  it("reads anew what it has gone by, and tries at once where that has changed", async () => {
    for (const verdict of [schema, fatalBySchema]) {
      const { again, unit } = agains({ read: ["integer", "text"] });
      expect(await timed(again(verdict, 1))).toEqual({ ms: 0, said: true });
      const anew = { readOnly: true, schema: { since: 5, anew: true } };
      expect(unit).toHaveBeenCalledExactlyOnceWith(anew, expect.anything());
    }
    expect((await timed(agains({ read: ["text", undefined] }).again(schema, 1))).said).toBe(true);
  });

  it("lets a fatal verdict stand where nothing has changed, and tries the others all the same", async () => {
    const read = ["text", "text"] as const;
    expect((await timed(agains({ read }).again(fatalBySchema, 1))).said).toBe(false);
    expect((await timed(agains({ read }).again(schema, 1))).said).toBe(true);
  });

  it("reads nothing where it has gone by nothing that was read before", async () => {
    for (const verdict of [schema, fatalBySchema]) {
      const { again, unit } = agains();
      expect(await timed(again(verdict, 1))).toEqual({ ms: 0, said: false });
      expect(unit).not.toHaveBeenCalled();
    }
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
