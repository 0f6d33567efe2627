/** What became of a transaction. */

/** The codes the library gives itself. An application adds its own through `fatal(code, …)`. */
export type LibraryErrorCode =
  | "NOT_NULL_VIOLATION"
  | "UNIQUE_VIOLATION"
  | "FOREIGN_KEY_VIOLATION"
  | "CHECK_VIOLATION"
  | "CONSTRAINT_VIOLATION"
  | "INVALID_DATA"
  | "SCHEMA_MISMATCH"
  | "UNAUTHORIZED"
  | "UNKNOWN_TABLE"
  | "FORBIDDEN_COLUMN"
  | "FORBIDDEN_OPERATION"
  | "INVALID_TRANSACTION"
  | "RETRIES_EXHAUSTED"
  | "CONFLICT"
  | "UNCLASSIFIED_ERROR";

/** A library code, or any of the application's own. */
export type ErrorCode = LibraryErrorCode | (string & {});

/** Which operation failed, and why. `message` and `details` are safe to show: never a driver's text. */
export interface FailedOperation {
  readonly errorCode: ErrorCode;
  readonly message?: string;
  readonly details?: unknown;
  /** From 0. Absent where the failure belongs to no single operation, as with a constraint deferred to COMMIT. */
  readonly operationIndex?: number;
}

export interface SuccessResult {
  readonly status: "success";
}

/** The client keeps the transaction and sends it again. */
export interface RetryableResult {
  readonly status: "retryable_error";
  readonly message: string;
  /** Milliseconds. */
  readonly retryAfterMs?: number;
  /** Present where the caller has as many open dead letters as may be (`limits.openDeadLetters`): a 429 over HTTP. */
  readonly tooManyDeadLetters?: true;
}

/** Sending it again can't help. It has been recorded as a dead letter, unless `requiresClientHandling`. */
export interface FatalResult {
  readonly status: "fatal_error";
  readonly requiresClientHandling: boolean;
  readonly message: string;
  readonly failedOperation: FailedOperation;
}

/** An earlier transaction of the batch ended it. The client keeps this one. */
export interface NotAttemptedResult {
  readonly status: "not_attempted";
}

export type TransactionResult = SuccessResult | RetryableResult | FatalResult | NotAttemptedResult;

/** A transaction that was answered fatally, kept whole in the source database so that nothing is lost. */
export interface DeadLetter {
  /** A uuid that sorts by time. Of a payload that is recorded again, the id of the letter that is open already: known when the letter has been stored. */
  readonly id: string;
  readonly userId: string;
  readonly clientId?: string;
  readonly queueId?: string;
  readonly errorCode: ErrorCode;
  /** Safe to show. */
  readonly message: string;
  readonly operationIndex?: number;
  /** What makes a transaction sent twice the same one, where it has that. */
  readonly identity?: string;
  /** The transaction in the wire's words, or as it came where it could not be understood. */
  readonly payload: unknown;
  /** Integers beyond 2^53 in the payload had been rounded before the library saw them. */
  readonly lossyNumbers?: true;
  /** What the rows that it names were like, as JSON: for whoever tries it again. Absent where they could not be read. */
  readonly rowStates?: object;
  /** How often this payload has been recorded without anybody dealing with it. From 1; known when the letter has been stored. */
  readonly attempts: number;
}

export const success: SuccessResult = { status: "success" };
export const notAttempted: NotAttemptedResult = { status: "not_attempted" };

export function retryableResult(message: string, retryAfterMs?: number): RetryableResult {
  return retryAfterMs === undefined
    ? { status: "retryable_error", message }
    : { status: "retryable_error", message, retryAfterMs };
}
