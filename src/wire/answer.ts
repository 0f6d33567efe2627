/** Converts results to the contract's form, and answers an upload in the shape in which it was sent. */
import type { components } from "./generated/types.js";
import type {
  CrudEntry,
  CrudTransaction,
  FailedOperation,
  TransactionResult,
  UploadShape,
} from "../model.js";

type Schemas = components["schemas"];

type UploadAnswer =
  | {
      readonly status: 200;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: Schemas["UploadResponse"];
    }
  | DemoAnswer;

/** The answer to clients of the demo backends. As with `answerUpload`, `body` has still to be written as JSON, with `stringifyJson`. */
interface DemoAnswer {
  readonly status: 200 | 503;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Schemas["Message"];
}

/** The wait if the server does not know a better one: about as long as PowerSync's clients wait by themselves. */
export const defaultRetryMs = 5_000;

/**
 * Converts a result to the contract's form, for a custom route:
 * `response.json(toWire(await writes.processTransaction(body, { principal })))`
 *
 * @example
 * const result = await writes.processTransaction(request.body, { principal });
 * response.json(toWire(result));
 */
export function toWire(result: TransactionResult): Schemas["TransactionResult"] {
  switch (result.status) {
    case "success":
    case "not_attempted":
      return { status: result.status };
    case "retryable_error": {
      const wait = wholeMilliseconds(result.retryAfterMs);
      const answer = { status: result.status, message: result.message };
      return wait === undefined ? answer : { ...answer, retry_after_ms: wait };
    }
    case "fatal_error":
      return {
        status: result.status,
        requires_client_handling: result.requiresClientHandling,
        message: result.message,
        failed_operation: failedOperation(result.failedOperation),
      };
  }
}

function failedOperation(failed: FailedOperation): Schemas["FailedOperation"] {
  const { errorCode, message, details, operationIndex } = failed;
  return {
    error_code: errorCode,
    ...(message === undefined ? {} : { message }),
    ...(details === undefined ? {} : { details }),
    ...(operationIndex === undefined ? {} : { operation_index: operationIndex }),
  };
}

/** A transaction in the contract's form, as a dead letter stores it. `normalizeUpload` converts it back to the same transaction. */
export function toWireTransaction({
  transactionId,
  crud,
}: CrudTransaction): Schemas["Transaction"] {
  const entries = crud.map(wireEntry);
  return transactionId === undefined
    ? { crud: entries }
    : { transaction_id: transactionId, crud: entries };
}

function wireEntry(entry: CrudEntry): Schemas["CrudEntry"] {
  const { op, table, id, opId, transactionId, opData, previousValues, metadata } = entry;
  return {
    op,
    table,
    id,
    ...(opId === undefined ? {} : { op_id: opId }),
    ...(transactionId === undefined ? {} : { transaction_id: transactionId }),
    // A layer of the application's own may have omitted it.
    ...(opData === undefined && op === "DELETE" ? {} : { op_data: opData ?? {} }),
    ...(previousValues === undefined ? {} : { previous_values: previousValues }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** Answers an upload in the shape in which it was sent. */
export function answerUpload(
  shape: UploadShape,
  results: readonly TransactionResult[],
): UploadAnswer {
  switch (shape) {
    case "batch":
      return { status: 200, body: { results: results.map(toWire) } };
    case "single":
      return { status: 200, body: toWire(onlyResult(results)) };
    case "demo":
      return answerDemo(results);
  }
}

/** The other shapes hold one transaction, and have no `not_attempted`. Their clients are told to send it again. */
function onlyResult([result]: readonly TransactionResult[]): TransactionResult {
  return result === undefined || result.status === "not_attempted"
    ? { status: "retryable_error", message: "The transaction has not been tried yet." }
    : result;
}

/** Demo clients take any 2xx as done, and send the same again after any other status. */
export function answerDemo(results: readonly TransactionResult[]): DemoAnswer {
  const result = onlyResult(results);
  if (result.status === "success") return { status: 200, body: { message: "Batch completed" } };
  // Recorded: the client may go on. One that was left to the client's handling is not, and must not be dropped.
  if (result.status === "fatal_error" && !result.requiresClientHandling) {
    return { status: 200, body: { message: result.message } };
  }
  const message = result.status === "not_attempted" ? "Not attempted." : result.message;
  const wait =
    result.status === "retryable_error" ? wholeMilliseconds(result.retryAfterMs) : undefined;
  return {
    status: 503,
    headers: { "retry-after": String(Math.ceil((wait ?? defaultRetryMs) / 1000)) },
    body: { message },
  };
}

/** Converts a number from the application to one that the contract and a header can carry. */
function wholeMilliseconds(given: number | undefined): number | undefined {
  if (given === undefined || Number.isNaN(given)) return undefined;
  return Math.min(Math.max(0, Math.ceil(given)), Number.MAX_SAFE_INTEGER);
}
