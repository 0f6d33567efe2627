/** Identical transactions in flight in one process share one execution, before any of them takes a connection. */
import { byDatabase } from "../store/by-database.js";
import type { Store } from "../store/store.js";

export interface SingleFlight<Result> {
  /** Runs `execute`, or waits for the run under way for the same key in the same database. */
  join(
    store: Pick<Store, "key">,
    key: string,
    execute: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly shared: boolean }>;
}

export function createSingleFlight<Result>(): SingleFlight<Result> {
  // In different databases the same identity is not the same transaction.
  const underWay = byDatabase(() => new Map<string, Promise<Result>>());

  return {
    async join(store, key, execute) {
      const running = underWay.of(store);
      const same = running.get(key);
      if (same !== undefined) return { result: await same, shared: true };
      const run = execute().finally(() => running.delete(key));
      running.set(key, run);
      return { result: await run, shared: false };
    },
  };
}
