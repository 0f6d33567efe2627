/** `UploadError`: why an upload ended. Its `code` is stable; its `message` is for people and may change. */

/**
 * Codes of an `UploadError`.
 *
 * | code | what happened |
 * |---|---|
 * | `NETWORK` | no response: offline, refused, or the connection was lost |
 * | `TIMEOUT` | no response in time |
 * | `ABORTED` | the caller ended the upload, by its abort signal |
 * | `MALFORMED_ANSWER` | a response of another form than the write endpoint's, such as a gateway's page |
 * | `REDIRECTED` | the server redirects, and no redirect is followed: `url` must be the endpoint's own |
 * | `SIGNED_OUT` | `getToken` gave no token |
 * | `TOKEN_UNAVAILABLE` | `getToken` failed |
 * | `UNAUTHENTICATED` | 401, also with a fresh token |
 * | `FORBIDDEN` `NOT_FOUND` `BAD_REQUEST` `UNSUPPORTED_MEDIA` | 403, 404, 400, 415: client or server is set up wrongly |
 * | `TRANSACTION_TOO_LARGE` | 413 to a single transaction |
 * | `BUSY` `UNAVAILABLE` `SERVER_ERROR` | 429, 503, any other status |
 * | `RETRYABLE` | the server could not apply a transaction now |
 * | `RETAINED` | a rejected transaction was kept in the queue, as the application or the default decided |
 * | `CALLBACK_FAILED` | one of the application's callbacks threw |
 * | `USER_CHANGED` | the queue belongs to another user |
 * | `UNKNOWN_REJECTED_WRITE` | `resend` was called for a write that is not in the table |
 */
export type UploadErrorCode =
  | "NETWORK"
  | "TIMEOUT"
  | "ABORTED"
  | "MALFORMED_ANSWER"
  | "REDIRECTED"
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

/** What an `UploadError` says beside its code. */
export interface UploadErrorDetails {
  /** The HTTP status, if there was a response. */
  readonly status?: number;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** With `RETAINED`: the code with which the server rejected the transaction. */
  readonly rejectedWith?: string;
  cause?: unknown;
}

/** An `Error` with a code. Whichever it is, everything that the server has not accepted is still in the queue. */
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

/** For a 200 whose body is not of the form that the write endpoint sends. */
export function malformedResponse(): UploadError {
  return uploadError("MALFORMED_ANSWER", "Not a write endpoint's response.", {
    status: 200,
  });
}

/** For a status other than 200, with which the server has accepted nothing. */
export function statusError(
  status: number,
  message: string | undefined,
  retryAfterMs?: number,
): UploadError {
  return uploadError(
    codesByStatus[status] ?? "SERVER_ERROR",
    `The upload was answered with ${status}${message === undefined ? "." : `: ${message}`}`,
    { status, retryAfterMs },
  );
}

const codesByStatus: Readonly<Record<number, UploadErrorCode>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  413: "TRANSACTION_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA",
  429: "BUSY",
  503: "UNAVAILABLE",
};
