/** Why an upload ended, as data: `code` is stable, `message` is for people. */

/**
 * | code | what happened |
 * |---|---|
 * | `NETWORK` | no answer: offline, refused, cut off |
 * | `TIMEOUT` | no answer in time |
 * | `MALFORMED_ANSWER` | an answer that is not this contract's, such as a gateway's page |
 * | `SIGNED_OUT` | `getToken` gave no token |
 * | `TOKEN_UNAVAILABLE` | `getToken` failed |
 * | `UNAUTHENTICATED` | 401, also with a fresh token |
 * | `FORBIDDEN` `NOT_FOUND` `BAD_REQUEST` `UNSUPPORTED_MEDIA` | 403, 404, 400, 415: the set-up is at fault |
 * | `TRANSACTION_TOO_LARGE` | 413 to a single transaction |
 * | `BUSY` `UNAVAILABLE` `SERVER_ERROR` | 429, 503, any other status |
 * | `RETRYABLE` | the server could not apply a transaction just now |
 * | `RETAINED` | a rejected transaction was kept, by decision of the application or for want of one |
 * | `CALLBACK_FAILED` | a callback of the application's threw |
 * | `USER_CHANGED` | the queue belongs to another user |
 * | `UNKNOWN_REJECTED_WRITE` | `resend` of a write that is not there |
 */
export type UploadErrorCode =
  | "NETWORK"
  | "TIMEOUT"
  | "MALFORMED_ANSWER"
  | "SIGNED_OUT"
  | "TOKEN_UNAVAILABLE"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "BAD_REQUEST"
  | "UNSUPPORTED_MEDIA"
  | "TRANSACTION_TOO_LARGE"
  | "BUSY"
  | "UNAVAILABLE"
  | "SERVER_ERROR"
  | "RETRYABLE"
  | "RETAINED"
  | "CALLBACK_FAILED"
  | "USER_CHANGED"
  | "UNKNOWN_REJECTED_WRITE";

export interface UploadErrorDetails {
  /** Of the HTTP answer, where there was one. */
  readonly status?: number;
  /** When to come again, in milliseconds, where the server said so. */
  readonly retryAfterMs?: number | undefined;
  /** For `RETAINED`: the code that the transaction was rejected with. */
  readonly rejectedWith?: string;
  cause?: unknown;
}

/** An Error with these members. Whatever it is, everything that was not accepted is still in the queue. */
export interface UploadError extends Error, UploadErrorDetails {
  readonly code: UploadErrorCode;
}

export function uploadError(
  code: UploadErrorCode,
  message: string,
  details: UploadErrorDetails = {},
): UploadError {
  return Object.assign(new Error(message), { name: "UploadError", code, ...details });
}

/** What the application answers; what it throws becomes the cause of an UploadError. */
export async function ask<T>(
  code: "TOKEN_UNAVAILABLE" | "CALLBACK_FAILED",
  callback: () => T | Promise<T>,
): Promise<T> {
  try {
    return await callback();
  } catch (cause) {
    throw uploadError(code, "A callback failed.", { cause });
  }
}

/** An answer of 200 that is not this contract's. */
export function malformed(): UploadError {
  return uploadError("MALFORMED_ANSWER", "This is no answer of a write endpoint.", {
    status: 200,
  });
}

/** For a status that says that nothing of the request was accepted. */
export function statusError(
  status: number,
  message: string | undefined,
  retryAfterMs?: number,
): UploadError {
  return uploadError(
    codes[status] ?? "SERVER_ERROR",
    `The upload was answered with ${status}${message === undefined ? "." : `: ${message}`}`,
    { status, retryAfterMs },
  );
}

const codes: Readonly<Record<number, UploadErrorCode>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  413: "TRANSACTION_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA",
  429: "BUSY",
  503: "UNAVAILABLE",
};
