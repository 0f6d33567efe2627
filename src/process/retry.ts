/** Which failures are tried again in the server, before the client hears of them. */
import type { Store } from "../store/store.js";
import type { Verdict } from "./classify.js";

const attempts = 5;
const firstDelayMs = 10;

/** Waits, and says true; or says false at once. Bounded in number, and over when the caller has left. */
export async function isTriedAgain(
  verdict: Verdict,
  attempt: number,
  { store, signal }: { readonly store: Store; readonly signal?: AbortSignal },
): Promise<boolean> {
  if (verdict.outcome === "fatal" || attempt >= attempts || signal?.aborted) return false;
  switch (verdict.again) {
    case "contention":
      await sleep(firstDelayMs * 2 ** attempt * (0.5 + Math.random()));
      return signal?.aborted !== true;
    case "schema":
      return store.forgetSchema();
    default:
      return false;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
