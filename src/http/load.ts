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
