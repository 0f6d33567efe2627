/** Removes old rows from the library's own tables: now and then, after requests, in small steps. Within a round, a row that has to be kept is read once. */
import type { LedgerOptions, WritesConfig } from "../config/config.js";
import type { Principal } from "../context.js";
import type { Emit } from "../events/emit.js";
import { countsVersions } from "../pipeline/conflict/compile.js";
import type { Prunable, Pruned, PruneStep } from "../store/bookkeeping.js";
import type { Store } from "../store/store.js";
import { type DeviceBound, namedMarginMs } from "../store/ledger.js";
import { checkLimit } from "../wire/limits.js";
import type { Database } from "./call.js";
import { inUnit } from "./classify.js";
import type { Load } from "./load.js";
import { failuresKeptMs } from "./parking.js";

const defaultRetentionDays = 90;
const defaultDevices = 1_000;
const defaultContentDays = 1;
const dayMs = 24 * 3_600_000;
const intervalMs = 3_600_000;
/** Rows that one database transaction looks at, so that nothing waits for it long. */
const rowsAtOnce = 500;
/** The most steps after one upload. The next run continues from there. */
const mostSteps = 1_000;

interface Pruning {
  /** Prunes everything now. Resolves to the number of rows removed. Rejects with the database's errors. */
  prune(store: Store): Promise<number>;
  /** Removes everything that is kept of a user. Resolves and rejects in the same way. */
  forget(store: Store, userId: string): Promise<number>;
  readonly devices: Omit<DeviceBound, "forgotten">;
  /** For how long content tells transactions apart if the device is unknown, in milliseconds. */
  readonly contentMs: number;
  /** To be called after an upload has been answered: prunes in the background if it is time. Waits for nothing and never throws. */
  passed(database: Database): void;
}

/** @throws TypeError for an invalid retention */
export function createPruning<P extends Principal, DB>(
  { ledger, parking, tables, deadLetters = {} }: WritesConfig<P, DB>,
  load: Load,
  emit: Emit,
): Pruning {
  const options: LedgerOptions<P> = ledger === false ? {} : (ledger ?? {});
  const { retentionDays = defaultRetentionDays, prune: automatic = true } = options;
  const { devices = defaultDevices, contentDays = defaultContentDays } = options;
  const { keepClosedDays = defaultRetentionDays } = deadLetters;
  checkLimit("ledger.devices", devices);
  if (!(retentionDays > 0 && retentionDays < 100_000)) {
    throw new TypeError("ledger: `retentionDays` must be a number of days, more than 0.");
  }
  if (!(contentDays > 0 && contentDays < 100_000)) {
    throw new TypeError("ledger: `contentDays` must be a number of days, more than 0.");
  }
  if (!(keepClosedDays > 0 && (keepClosedDays < 100_000 || keepClosedDays === Infinity))) {
    throw new TypeError(
      "deadLetters: `keepClosedDays` must be a number of days, more than 0; or Infinity, to keep them forever.",
    );
  }
  const counted = countsVersions(tables);
  /** Ends at the last old row, or after the given number of steps. */
  const inSteps = async (
    store: Store,
    what: Prunable,
    step: Pick<PruneStep, "olderThanMs" | "from">,
    steps: number,
  ): Promise<Pruned> => {
    let removed = 0;
    let from = step.from;
    for (let count = 0; count < steps && !load.draining(); count += 1) {
      const taken = { ...step, from, most: rowsAtOnce };
      const pruned = await inUnit(store, (unit) => unit.prune(what, taken));
      removed += pruned.removed;
      if (pruned.next === undefined) return { removed };
      from = pruned.next;
    }
    return { removed, ...(from !== undefined && { next: from }) };
  };
  const prune = async (store: Store, from: string | undefined, steps: number): Promise<Pruned> => {
    const old = async (what: Prunable, olderThanMs: number): Promise<number> =>
      (await inSteps(store, what, { olderThanMs }, steps)).removed;
    const olderThanMs = retentionDays * dayMs;
    const answers: Pruned =
      ledger === false
        ? { removed: 0 }
        : await inSteps(store, "ledger", { olderThanMs, from }, steps);
    const named = ledger === false ? 0 : await old("named", contentDays * dayMs + namedMarginMs);
    const versions = counted ? await old("versions", olderThanMs) : 0;
    const failures = parking === false ? 0 : await old("attempts", failuresKeptMs);
    const letters = keepClosedDays === Infinity ? 0 : await old("letters", keepClosedDays * dayMs);
    return { ...answers, removed: answers.removed + named + versions + failures + letters };
  };
  const forget = async (store: Store, userId: string): Promise<number> => {
    for (let gone = 0; ;) {
      const { found, removed } = await inUnit(store, (unit) => unit.forget(userId, rowsAtOnce));
      gone += removed;
      if (found === 0) return gone;
    }
  };

  return {
    devices: { most: devices, unseenMs: retentionDays * dayMs },
    contentMs: contentDays * dayMs,
    // Without a bound on the steps: the application may prune in a job of its own, and no later upload would continue.
    prune: (store) => load.during(async () => (await prune(store, undefined, Infinity)).removed),
    forget: (store, userId) => load.during(() => forget(store, userId)),
    passed: ({ store, memory }) => {
      if (!automatic) return;
      const now = performance.now();
      // Random, so that processes that start together don't prune together.
      memory.pruneAt ??= now + Math.random() * intervalMs;
      if (memory.pruneAt > now || load.draining()) return;
      memory.pruneAt = now + intervalMs;
      const name = { correlationId: crypto.randomUUID() };
      load
        .during(() => prune(store, memory.prunedTo, mostSteps))
        .then(
          ({ removed, next }) => {
            memory.prunedTo = next;
            emit({ type: "pruned", ...name, removed });
          },
          (error: unknown) =>
            emit({ type: "error", ...name, during: "prune", error, outcome: "ignored" }),
        );
    },
  };
}
