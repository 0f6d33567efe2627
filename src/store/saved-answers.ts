/** Answers that have been saved; and of those that a client has to decide about, which copies of the transaction get the saved one, and which are tried. */
import { type FatalResult, success, type TransactionResult } from "../model.js";
import { parseJson } from "../wire/parse-json.js";
import type { Claim } from "./store.js";

/** @param saved NULL for success. Else the library wrote it: it is a fatal result, as JSON */
export function answerOf(saved: string | null): TransactionResult {
  return saved === null ? success : (parseJson(saved) as FatalResult);
}

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
