/** Saved answers. Also decides, for answers that leave the decision to the client, which copies of a transaction get the saved answer and which are tried. */
import { type FatalResult, success, type TransactionResult } from "../model.js";
import { parseJson } from "../wire/parse-json.js";
import type { Claim } from "./store.js";

/** @param saved `null` for success; otherwise a fatal result as the JSON that the library wrote */
export function answerOf(saved: string | null): TransactionResult {
  return saved === null ? success : (parseJson(saved) as FatalResult);
}

/** The number saved with an answer: how often the client had been asked by then. `null` for a final answer. */
export function handlingOf({ answer, handling }: Pick<Claim, "answer" | "handling">) {
  return answer?.requiresClientHandling === true ? (handling ?? null) : null;
}

/**
 * Whether the transaction has to be tried although an answer is saved: the client has been asked more often since, so it has decided to try again. A
 * client that sends no `handling` could never ask for a new try otherwise, so its transaction is always tried.
 *
 * @param saved see `handlingOf`
 */
export function isTriedAnew(
  saved: number | null,
  { handling, known }: Pick<Claim, "handling" | "known">,
): saved is number {
  return saved !== null && known !== true && (handling === undefined || handling > saved);
}
