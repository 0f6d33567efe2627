/** What becomes of each transaction, once the server has answered: it leaves the queue, or the upload ends here. */
import type { FatalFailure, Result } from "./answer.js";
import type { UploadDatabase } from "./database.js";
import { ask, uploadError } from "./errors.js";
import type { ConnectorOptions } from "./options.js";
import type { Head } from "./queue.js";
import { keepRejected } from "./rejected.js";
import type { QueuedTransaction } from "./transaction.js";

export interface Settling {
  readonly options: ConnectorOptions;
  readonly database: UploadDatabase;
  readonly queueId: string;
  readonly head: Head;
  readonly onRejected: () => Promise<void>;
}

/**
 * Takes the accepted ones off the queue, up to the first that is not. They are taken off before anybody is asked about a rejected one.
 *
 * @throws UploadError RETRYABLE, RETAINED, CALLBACK_FAILED
 */
export async function settle(settling: Settling, results: readonly Result[]): Promise<void> {
  const { head, onRejected } = settling;
  let done = 0;
  let accepted = 0;
  const complete = async () => {
    if (accepted > done) await head.complete(done, accepted);
    done = accepted;
  };
  for (const [index, result] of results.entries()) {
    if (result.status === "not_attempted") break;
    if (result.status === "retryable_error") {
      await complete();
      const { message = "The server will take it later.", retryAfterMs } = result;
      throw uploadError("RETRYABLE", message, { retryAfterMs });
    }
    if (result.status === "fatal_error") {
      await complete();
      await decide(settling, result.failure, head.transactions[index] as QueuedTransaction);
      await onRejected();
    }
    accepted = index + 1;
  }
  await complete();
  if (accepted === 0) throw uploadError("RETRYABLE", "The server has attempted nothing.");
}

/**
 * Returns where the transaction may leave the queue.
 *
 * @throws UploadError RETAINED, CALLBACK_FAILED
 */
export async function decide(
  { options, database, queueId }: Settling,
  failure: FatalFailure,
  transaction: QueuedTransaction,
): Promise<void> {
  const { deadLetters, onFatalTransaction } = options;
  // What nobody else has does not go, unless somebody says so.
  let decision =
    failure.requiresClientHandling && deadLetters === undefined ? "retain" : "complete";
  if (onFatalTransaction !== undefined) {
    decision = await ask("CALLBACK_FAILED", () => onFatalTransaction(failure, transaction));
  }
  if (decision !== "complete") {
    const { code, message = "It was rejected." } = failure;
    throw uploadError("RETAINED", `A transaction is kept in the queue: ${message}`, {
      rejectedWith: code,
    });
  }
  if (deadLetters !== undefined) {
    await keepRejected(database, deadLetters.table, queueId, transaction, failure);
  }
}
