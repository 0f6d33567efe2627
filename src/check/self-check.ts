/**
 * Runs `check()` automatically after the first upload, so that its findings are in the log before devices have waited for long. No upload waits for it or
 * fails because of it. A process that ends sooner (a test, a script, an edge function) ends without it.
 */
import type { Principal } from "../context.js";
import type { Emit } from "../events/emit.js";
import type { Database } from "../process/call.js";
import type { Load } from "../process/load.js";
import { inspectionTimeouts } from "../rls/gate.js";
import type { CheckParts } from "./check.js";

/** The delay, so that the answer is sent and requests that came with it are finished. */
const pauseMs = 1_000;
/** How often the check is postponed because requests are in progress. */
const mostPauses = 10;
/** If the database could not be queried, a later upload tries again: this often, and after this time. */
const mostTries = 3;
const againMs = 60_000;

/** Called with the database of an answered upload if `selfCheck.until` in its memory has passed. It returns at once and never throws. */
export type SelfCheck = (database: Database) => void;

export function createSelfCheck<P extends Principal, DB>(
  parts: Omit<CheckParts<P, DB>, "databases">,
  { draining, inFlight }: Pick<Load, "draining" | "inFlight">,
  emit: Emit,
): SelfCheck {
  const run = async ({ store }: Database): Promise<void> => {
    const { checkStore } = await import("./check.js");
    const mismatches = await checkStore(parts, store, { timeouts: inspectionTimeouts });
    const correlationId = crypto.randomUUID();
    for (const { cause: _, ...mismatch } of mismatches)
      emit({ type: "mismatch", correlationId, ...mismatch });
  };

  const later = (database: Database, pauses: number): void => {
    const timer: unknown = setTimeout(() => {
      if (draining()) return;
      if (inFlight() > 0 && pauses < mostPauses) return later(database, pauses + 1);
      run(database).catch(() => {
        // Not reported: uploads report problems with the database, or the process is ending.
        database.memory.selfCheck.until = performance.now() + againMs;
      });
    }, pauseMs);
    letEnd(timer);
  };

  return (database) => {
    const { selfCheck } = database.memory;
    selfCheck.until = Number.POSITIVE_INFINITY;
    if (selfCheck.tries >= mostTries) return;
    selfCheck.tries += 1;
    later(database, 0);
  };
}

/** Lets the process end before the timer (Node and Bun). */
function letEnd(timer: unknown): void {
  if (typeof timer !== "object" || timer === null || !("unref" in timer)) return;
  if (typeof timer.unref === "function") timer.unref();
}
