/** What the server said of each transaction. An answer in any other form is none. */

/** Why a transaction can't be applied. */
export interface FatalFailure {
  /** One of the library's codes, or the server's own. */
  readonly code: string;
  readonly message?: string | undefined;
  readonly details?: unknown;
  /** The operation's place in the transaction's `crud`, from 0. */
  readonly operationIndex?: number | undefined;
  /** The server has recorded nothing: if the transaction leaves the queue, nobody else has it. */
  readonly requiresClientHandling: boolean;
}

export type Result =
  | { readonly status: "success" | "not_attempted" }
  | {
      readonly status: "retryable_error";
      readonly message?: string | undefined;
      readonly retryAfterMs?: number | undefined;
    }
  | { readonly status: "fatal_error"; readonly failure: FatalFailure };

type Members = Readonly<Record<string, unknown>>;

/** @returns undefined unless there is one result for each of the transactions, each of them of a known form */
export function readResults(body: unknown, count: number): readonly Result[] | undefined {
  const results = members(body)["results"];
  if (!Array.isArray(results) || results.length !== count) return undefined;
  const read = results.map(readResult);
  return read.every((result) => result !== undefined) ? read : undefined;
}

/** The `message` of an answer that is not 200. */
export function readMessage(body: unknown): string | undefined {
  return text(members(body)["message"]);
}

function readResult(raw: unknown): Result | undefined {
  const { status, message, retry_after_ms, requires_client_handling, failed_operation } =
    members(raw);
  switch (status) {
    case "success":
    case "not_attempted":
      return { status };
    case "retryable_error":
      return { status, message: text(message), retryAfterMs: number(retry_after_ms) };
    case "fatal_error": {
      const failed = members(failed_operation);
      const { error_code: code, details, operation_index } = failed;
      if (typeof requires_client_handling !== "boolean" || typeof code !== "string")
        return undefined;
      const failure = {
        code,
        message: text(failed["message"]) ?? text(message),
        details,
        operationIndex: number(operation_index),
        requiresClientHandling: requires_client_handling,
      };
      return { status, failure };
    }
    default:
      return undefined;
  }
}

function members(value: unknown): Members {
  return typeof value === "object" && value !== null ? (value as Members) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
