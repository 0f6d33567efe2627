/** The plain data that passes between the layers: an upload in PowerSync's own words, row changes, results, and HTTP without any framework. */

/** One of the three things a PowerSync client records for a row. */
export type Operation = "PUT" | "PATCH" | "DELETE";

/** Column values as they came from JSON; integers beyond 2^53 arrive as `bigint`. */
export type OpData = Readonly<Record<string, unknown>>;

/** One operation on one row. */
export interface CrudEntry {
  readonly op: Operation;
  /** The table's name in the client's schema: a key of `config.tables`, never an SQL identifier. */
  readonly table: string;
  /** The row's id, always text on the client. */
  readonly id: string;
  /** The entry's id in the device's queue. */
  readonly opId?: number;
  /** The id of the local transaction that the entry belongs to. */
  readonly transactionId?: number;
  /** PUT: every column that is not NULL. PATCH: the changed columns, NULLs included. DELETE: absent. */
  readonly opData?: OpData;
  /** The row before the change, if the client's schema has `trackPrevious`. */
  readonly previousValues?: OpData;
  /** The text that the client put in `_metadata`, if its schema has `trackMetadata`. The device sends it, so it proves nothing. */
  readonly metadata?: string;
}

/** The operations of one local transaction: applied together or not at all. */
export interface CrudTransaction {
  readonly transactionId?: number;
  /** How often the client says its application has been asked what is to become of it. No part of what makes it the same one. */
  readonly handling?: number;
  readonly crud: readonly CrudEntry[];
}

/** A transaction in a good envelope that can't be understood, or that `validate` refused: answered fatally and recorded, so that it never blocks the queue. */
export interface InvalidTransaction {
  /** What is wrong, safe to show. */
  readonly invalid: string;
  /** Default INVALID_TRANSACTION. */
  readonly errorCode?: ErrorCode;
  readonly details?: unknown;
  readonly operationIndex?: number;
  /** The transaction as it came. Where its ids can be read, it has an identity. */
  readonly raw: unknown;
}

/** What makes a transaction the same one when it comes again: of one that is refused as far as it can be read, whatever is wrong with it. */
export interface Identifiable {
  readonly transactionId?: number;
  readonly handling?: number;
  readonly crud: Iterable<{
    readonly opId?: number;
    readonly op: unknown;
    readonly table: unknown;
    readonly id: unknown;
    readonly opData?: unknown;
  }>;
}

/**
 * How a client spoke, and so how it wants to be answered:
 * `batch` `{ transactions }`, `single` `{ crud }`, `demo` `{ batch }` (clients of PowerSync's demo backends, which read the HTTP status alone).
 */
export type UploadShape = "batch" | "single" | "demo";

/** One request's transactions, in the client's order. */
export interface Upload {
  readonly shape: UploadShape;
  readonly clientId?: string;
  readonly queueId?: string;
  readonly transactions: readonly (CrudTransaction | InvalidTransaction)[];
}

/** A mapped row change: what `map` makes of a CrudEntry, `authorize` judges and `persist` writes. */
export interface Write {
  readonly op: Operation;
  /** The client's table: the key of the rule in `config.tables`. */
  readonly table: string;
  /** The client's row id. */
  readonly id: string;
  /**
   * Values by the source database's column names, without the key; for DELETE empty, or what a soft delete sets. From `map` on they are the
   * database's own, in the form in which `context.stored()` gives them: a boolean column's is `true`, also where the client sent 1.
   */
  readonly values: Readonly<Record<string, unknown>>;
}

/** What `persist` did. */
export interface WriteOutcome {
  /**
   * `written`: the statement took effect.
   * `missing`: a PATCH or DELETE of a row that does not exist (or is hidden from the caller); nothing was written, and that is success.
   * `declined`: a trigger or a rule of the database's own chose to do something else with the row, and that is success.
   * `unchanged`: a PATCH with no columns.
   * `kept`: by the rule's `conflict` the row kept what it holds, and that is success.
   */
  readonly effect: "written" | "missing" | "declined" | "unchanged" | "kept";
}

/** A request as the library sees it, whatever the framework. */
export interface WriteRequest {
  readonly method: string;
  /** Path and query; an origin in front is allowed and ignored. */
  readonly url: string;
  readonly headers: Headers;
  /**
   * The body, read once: its bytes as sent (still compressed, if it was), or the value that an earlier body parser made of it.
   * An implementation stops reading beyond `maxBytes` and throws `badRequest(413, …)`; the core checks the size again.
   * It also stops, and rejects, when `signal` is aborted: the body has taken too long, and the request is being answered without it.
   * It calls `came` with the number of bytes of each part of the body behind which more is to come, so that memory can be bounded meanwhile.
   */
  body(maxBytes: number, signal?: AbortSignal, came?: (bytes: number) => void): Promise<unknown>;
  /** Whether `body` calls `came`: then a body that comes too slowly is ended after `timeouts.bodyPauseMs`. */
  readonly tellsProgress?: boolean;
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal;
  /** The framework's own request, typed by each adapter. */
  readonly raw?: unknown;
}

/** The answer to a request, for an adapter to send. */
export interface WriteResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text to send as it is. */
  readonly body: string;
}

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
  | "UNKNOWN_MUTATOR"
  | "FORBIDDEN_COLUMN"
  | "FORBIDDEN_OPERATION"
  | "INVALID_TRANSACTION"
  | "RETRIES_EXHAUSTED"
  | "CONFLICT"
  | "CONFLICT_BASE_MISSING"
  | "DEPENDS_ON_DEAD_LETTER"
  | "UNCLASSIFIED_ERROR";

/** A library code, or any of the application's own. */
export type ErrorCode = LibraryErrorCode | (string & {});

/** Which operation failed, and why. `message` and `details` are safe to show: never a driver's text. */
export interface FailedOperation {
  readonly errorCode: ErrorCode;
  readonly message?: string;
  readonly details?: unknown;
  /** From 0. Absent if the failure belongs to no single operation, as with a constraint deferred to COMMIT. */
  readonly operationIndex?: number;
}

/** The transaction is applied: now, or when it was first sent. */
export interface SuccessResult {
  readonly status: "success";
}

/** The client keeps the transaction and sends it again. */
export interface RetryableResult {
  readonly status: "retryable_error";
  readonly message: string;
  /** Milliseconds. */
  readonly retryAfterMs?: number;
  /** Present if the device, or the caller, has reached the limit of open dead letters (`deadLetters.open`, `openBytes`): a 429 over HTTP. */
  readonly tooManyDeadLetters?: true;
  /** Present if the device is new, and the caller has reached the limit of devices (`ledger.devices`): a 429 over HTTP. */
  readonly tooManyDevices?: true;
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

/** The answer to one transaction. */
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
  /** The letter that it depends on, at the root of its chain. */
  readonly root?: string;
  /** The transaction in the contract's form, or as it was sent if it could not be understood. */
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
