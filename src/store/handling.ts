/** The answers that a client has to decide about: which copies of such a transaction get the saved one, and which are tried. */
import type { Claim } from "./store.js";

/** What is saved with an answer: how often the client had been asked by then. `null` for an answer that is final. */
export function handlingOf({ answer, handling }: Pick<Claim, "answer" | "handling">) {
  return answer?.requiresClientHandling === true ? (handling ?? null) : null;
}

/**
 * Whether the client has decided about the saved answer, and wants the transaction tried: it has been asked more often than it had been then. A
 * client that does not say how often could never ask for it, and is taken at its word.
 *
 * @param saved see `handlingOf`
 */
export function isTriedAnew(
  saved: number | null,
  { handling, known }: Pick<Claim, "handling" | "known">,
): saved is number {
  return saved !== null && known !== true && (handling === undefined || handling > saved);
}
