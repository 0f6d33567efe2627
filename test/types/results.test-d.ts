/** Results and events are closed unions: told apart by one member, and each with what only it has. */
import {
  type ErrorCode,
  fatal,
  type FailedOperation,
  type LibraryErrorCode,
  type Principal,
  retryable,
  toWire,
  type TransactionResult,
  type WriteEvent,
  type Writes,
} from "../../src/index.js";
import { expectType } from "./expect.js";

declare const writes: Writes<Principal>;
declare const result: TransactionResult;
declare const event: WriteEvent;

expectType<Promise<TransactionResult>>()(
  writes.processTransaction({}, { principal: { userId: "alice" } }),
);
expectType<Promise<readonly TransactionResult[]>>()(
  writes.processBatch({}, { principal: { userId: "alice" }, clientId: "phone" }),
);
// @ts-expect-error A route of one's own says who calls.
void writes.processTransaction({}, {});
// @ts-expect-error Absent, not undefined.
void writes.processBatch({}, { principal: { userId: "alice" }, clientId: undefined });

/** Compiles while every status is here. */
export function told(result: TransactionResult): string {
  switch (result.status) {
    case "success":
      // @ts-expect-error There is nothing to say.
      return result.message;
    case "not_attempted":
      return result.status;
    case "retryable_error":
      expectType<number | undefined>()(result.retryAfterMs);
      return result.message;
    case "fatal_error":
      expectType<boolean>()(result.requiresClientHandling);
      expectType<FailedOperation>()(result.failedOperation);
      expectType<ErrorCode>()(result.failedOperation.errorCode);
      expectType<number | undefined>()(result.failedOperation.operationIndex);
      return result.message;
    default:
      return expectType<never>()(result) as never;
  }
}

// @ts-expect-error Not before it is known to be fatal.
void result.failedOperation;
// @ts-expect-error Results are not for changing.
result.status = "success";

// The library's codes are offered, and the application's own are taken.
const known: LibraryErrorCode = "UNIQUE_VIOLATION";
const own: ErrorCode = "LIST_CLOSED";
export const thrown: readonly Error[] = [
  fatal(known, "Taken."),
  fatal(own, "Closed.", { list: 7 }),
  retryable("Later.", 1_000),
];
// @ts-expect-error Every code needs words that may be shown.
fatal("LIST_CLOSED");
// @ts-expect-error Not one of the library's.
const wrong: LibraryErrorCode = "LIST_CLOSED";
void wrong;

/** Compiles while every event is here. */
export function log(event: WriteEvent): unknown {
  expectType<string>()(event.correlationId);
  switch (event.type) {
    case "request":
      return [event.method, event.path, event.status, event.durationMs];
    case "transaction":
      expectType<"hit" | "miss" | "shared" | "off">()(event.ledger);
      expectType<TransactionResult["status"]>()(event.status);
      return [event.statements, event.attempts, event.operations, event.userId];
    case "error":
      expectType<unknown>()(event.error);
      expectType<"fatal" | "retryable" | "ignored">()(event.outcome);
      return event.during;
    case "dead_letter":
      return [event.id, event.userId, event.errorCode, event.repeat];
    case "dead_letter_handled":
      expectType<"retried" | "stale" | "failed" | "edited" | "discarded">()(event.outcome);
      return event.id;
    case "chain_full":
      return [event.id, event.userId, event.clientId];
    case "row_missing":
      expectType<"PATCH" | "DELETE">()(event.op);
      return [event.table, event.id];
    case "row_declined":
    case "row_kept":
      expectType<"PUT" | "PATCH" | "DELETE">()(event.op);
      return [event.table, event.id];
    case "row_id_respelled":
      return [event.table, event.column, event.id];
    case "schema_missing":
      return [event.table, event.column];
    case "server_value":
      return [event.table, event.column, event.why];
    case "precision_lost":
    case "body_missing":
    case "body_parsed":
      return event.cure;
    case "row_id_unfit":
    case "mismatch":
      return event.message;
    case "origin_refused":
      return event.configured;
    case "entry_unmatched":
      return event.table;
    case "device_forgotten":
    case "replayed_by_content":
      return event.userId;
    case "pruned":
      return event.removed;
    case "not_ready":
    case "unsafe_settings":
      return event.problems.length;
    default:
      return expectType<never>()(event) as never;
  }
}

// @ts-expect-error Which event is it?
void event.durationMs;

const wire = toWire(result);
if (wire.status === "fatal_error") {
  const code: string = wire.failed_operation.error_code;
  void code;
  // @ts-expect-error The wire's words are snake_case.
  void wire.failedOperation;
}
