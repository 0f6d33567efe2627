/** Tries again until the tables have been created, because the server may start before its database. */

/** Called with the error of each failed attempt, and the wait before the next one in milliseconds. */
export type Told = (error: unknown, nextMs: number) => void;

/** Resolves to true when `make` has succeeded, and to false if `signal` is aborted before. */
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
