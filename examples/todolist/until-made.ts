/** A server that is up before its database is: what it needs there is tried again until it has been made. */

/** Told about each failed attempt, and the wait before the next. */
export type Told = (error: unknown, nextMs: number) => void;

/** Resolves to false where `signal` ended it before. */
export async function untilMade(
  make: () => Promise<void>,
  signal: AbortSignal,
  onFailure: Told,
): Promise<boolean> {
  for (let delay = 250; !signal.aborted; delay = Math.min(delay * 2, 10_000)) {
    try {
      await make();
      return true;
    } catch (error) {
      if (signal.aborted) break;
      onFailure(error, delay);
      await pause(delay, signal);
    }
  }
  return false;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
