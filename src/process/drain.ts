/** What is under way in the process, so that the process can be stopped between requests. */

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
