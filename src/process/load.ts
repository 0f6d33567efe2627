/** How many uploads are under way at once: of one caller, so that nobody takes all there is; and of all, so that the process has room for each. */
import type { Limits } from "../wire/limits.js";

export interface Admission {
  /** Counts a request in; `undefined` where there are as many as may be. To be called once: what counts it out. */
  request(): (() => void) | undefined;
  /** The same, among the caller's own. */
  caller(userId: string): (() => void) | undefined;
}

export function createAdmission({ requests, concurrentRequests }: Limits): Admission {
  let all = 0;
  // Holds no more than what is under way.
  const ofCaller = new Map<string, number>();

  return {
    request: () => {
      if (all >= requests) return undefined;
      all += 1;
      return () => {
        all -= 1;
      };
    },
    caller: (userId) => {
      const before = ofCaller.get(userId) ?? 0;
      if (before >= concurrentRequests) return undefined;
      ofCaller.set(userId, before + 1);
      return () => {
        const left = (ofCaller.get(userId) ?? 0) - 1;
        if (left > 0) ofCaller.set(userId, left);
        else ofCaller.delete(userId);
      };
    },
  };
}

/* MERGED  What is under way in the process, so that the process can be stopped between requests. */

export interface UnderWay {
  /** Runs something that `drain` waits for. */
  during<T>(run: () => Promise<T>): Promise<T>;
  readonly draining: () => boolean;
  /** How much of it there is. */
  readonly inFlight: () => number;
  /** See `Writes.drain`. */
  drain(ms: number): Promise<boolean>;
}

export function createUnderWay(): UnderWay {
  const underWay = new Set<Promise<unknown>>();
  let draining = false;

  /** Also of what has begun in the meantime. */
  const empty = async (): Promise<true> => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
    return true;
  };

  return {
    during: (run) => {
      const running = run().finally(() => underWay.delete(running));
      underWay.add(running);
      return running;
    },
    draining: () => draining,
    inFlight: () => underWay.size,
    drain: async (ms) => {
      draining = true;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const timeout = new Promise<false>((resolve) => {
        timer = setTimeout(resolve, ms, false);
      });
      const finished = empty();
      const inTime = await Promise.race([finished, timeout]);
      clearTimeout(timer);
      return inTime;
    },
  };
}
