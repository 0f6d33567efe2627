/**
 * `check()` by itself, behind the first upload: what it finds is in the log before the first device has waited for long. No upload waits for it or fails
 * of it. A process that ends sooner, as a test, a script or a function at the edge does, ends without it.
 */
import type { Principal } from "../context.js";
import type { Emit } from "../emit.js";
import type { Database } from "../process/call.js";
import type { Load } from "../process/load.js";
import { inspectionTimeouts } from "../rls/gate.js";
import type { CheckParts } from "./check.js";

/** Until the answer is on its way, and what came with it. */
const pauseMs = 1_000;
/** How often it is put off for requests that are under way. */
const mostPauses = 10;
/** Where the database could not be asked, a later upload begins anew. */
const mostTries = 3;
const againMs = 60_000;

/** Called with the database of an upload that has been answered, where `selfCheck.until` in its memory has passed. Waits for nothing and never throws. */
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
        // What is wrong with the database, uploads say. Or the process is ending.
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

/** Of Node's and Bun's timers: the process may end before. */
function letEnd(timer: unknown): void {
  if (typeof timer !== "object" || timer === null || !("unref" in timer)) return;
  if (typeof timer.unref === "function") timer.unref();
}
