/** What is under way in the process: how much may be at once, of all and of one caller, and how the process is stopped between requests. */
import type { Principal } from "../context.js";
import type { Limits } from "../wire/limits.js";

export interface Load {
  /** Runs something that `drain` waits for. */
  during<T>(run: () => Promise<T>): Promise<T>;
  readonly draining: () => boolean;
  /** How much runs that `drain` would wait for. */
  readonly inFlight: () => number;
  /** See `Writes.drain`. */
  drain(ms: number): Promise<boolean>;
  /** Counts a request in, and returns the function that counts it out, to be called once. `undefined` where there are as many as may be. */
  admit(): (() => void) | undefined;
  /**
   * The same, among the caller's own.
   *
   * @throws TypeError for what is no principal
   */
  admitCaller(principal: Principal): (() => void) | undefined;
}

export function createLoad({ requests, concurrentRequests }: Limits): Load {
  const underWay = new Set<Promise<unknown>>();
  let draining = false;
  let admitted = 0;
  // Holds no more than what is under way.
  const ofCaller = new Map<string, number>();

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
    admit: () => {
      if (admitted >= requests) return undefined;
      admitted += 1;
      return () => {
        admitted -= 1;
      };
    },
    admitCaller: (principal) => {
      const { userId } = verifiedPrincipal(principal);
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

/** @throws TypeError for what is no principal: a bug in the application, and not the caller's fault */
export function verifiedPrincipal<P extends Principal>(principal: P): P {
  if (typeof principal?.userId !== "string" || principal.userId === "") {
    throw new TypeError("A principal needs a userId that is text, and not empty.");
  }
  return principal;
}
