/** The errors that layers and hooks throw on purpose. Whatever else is thrown is a bug or a driver's error, and is classified. */
import type { ErrorCode } from "./model.js";

// A registered symbol, so that an error still counts when two copies of the package are installed.
const errorKind = Symbol.for("powersync-writes.error");

const longestDelayMs = 365 * 24 * 3_600_000;

type ErrorKind = "fatal" | "retryable" | "unauthenticated" | "forbidden" | "bad_request";

class WriteError extends Error {
  constructor(kind: ErrorKind, message: string) {
    super(message);
    this.name = "WriteError";
    Object.defineProperty(this, errorKind, { value: kind });
  }
}

/** See {@link fatal}. */
export interface FatalError extends Error {
  readonly code: ErrorCode;
  readonly details?: unknown;
  /** The library's own: judged by what has been read of the schema, which may have changed since. */
  readonly ofSchema?: true;
}

/** See {@link retryable}. */
export interface RetryableError extends Error {
  readonly retryAfterMs?: number;
  /** The library's own: it is never counted for parking. The database did not answer, or a dead letter would hold less than the device does. */
  readonly staysQueued?: true;
}

/** A request that can't be answered transaction by transaction; `status` is the HTTP status. */
export interface BadRequestError extends Error {
  readonly status: 400 | 404 | 413 | 415;
}

/**
 * A failure that no retry can mend: the transaction is rolled back, recorded as a dead letter, and the client is told to move on.
 * `throw fatal('LIST_CLOSED', 'The list is closed.')`
 *
 * @param code a stable code, sent to the client
 * @param message safe to show; sent to the client
 * @param details any JSON value; sent to the client
 *
 * @example
 * throw fatal("LIST_CLOSED", "The list is closed.", { closedAt });
 */
export function fatal(code: ErrorCode, message: string, details?: unknown): FatalError {
  return Object.assign(
    new WriteError("fatal", message),
    details === undefined ? { code } : { code, details },
  );
}

/** A fatal error that relies on the cached schema. The schema is read again before it becomes the answer. */
export function fatalOfSchema(code: ErrorCode, message: string, details?: unknown): FatalError {
  return Object.assign(fatal(code, message, details), { ofSchema: true as const });
}

/**
 * A failure that will pass: the transaction is rolled back and stays queued on the device.
 *
 * @param message safe to show; sent to the client
 * @param retryAfterMs how long the client should wait, in milliseconds
 *
 * @example
 * if (await isUnderMaintenance(tx)) throw retryable("Try again in a minute.", 60_000);
 */
export function retryable(message: string, retryAfterMs?: number): RetryableError {
  const error = new WriteError("retryable", message);
  // An invalid delay is omitted, because it would be written into a header.
  return retryAfterMs === undefined || !(retryAfterMs >= 0 && retryAfterMs < longestDelayMs)
    ? error
    : Object.assign(error, { retryAfterMs });
}

/** Retryable, and never parked, however often it fails: it is not the transaction's fault. */
export function keptQueued(message: string, cause?: Error): RetryableError {
  return Object.assign(retryable(message), {
    staysQueued: true as const,
    ...(cause !== undefined && { cause }),
  });
}

/**
 * The configuration is wrong in a way that shows only now. The device keeps its write for as long as it takes, and hears nothing of it.
 *
 * @param what for the log: what is wrong, and what to write instead
 */
export function misconfigured(what: string): RetryableError {
  return keptQueued("The server is not set up for this change right now.", new TypeError(what));
}

/**
 * In `authenticate` only: there is no valid credential. Answered 401.
 *
 * @param message safe to show; sent to the client
 * @param why only for the log: what is wrong with the credential, and what to change
 *
 * @example
 * if (session === undefined) throw unauthenticated();
 */
export function unauthenticated(message = "Authentication is required.", why?: string): Error {
  const error = new WriteError("unauthenticated", message);
  return why === undefined ? error : Object.assign(error, { cause: new Error(why) });
}

/**
 * In `authenticate` only: the caller is known, and barred from the endpoint as a whole. Answered 403. Never use it for a matter of data.
 *
 * @example
 * if (session.suspended) throw forbidden("This account is suspended.");
 */
export function forbidden(message = "You may not use this endpoint."): Error {
  return new WriteError("forbidden", message);
}

/**
 * The request as a whole can't be read.
 *
 * @example
 * const validate = (body: unknown, context: unknown, next: () => unknown) => {
 *   if (isFromOldApp(body)) throw badRequest(400, "Update the app.");
 *   return next();
 * };
 */
export function badRequest(status: BadRequestError["status"], message: string): BadRequestError {
  return Object.assign(new WriteError("bad_request", message), { status });
}

export function isFatal(error: unknown): error is FatalError {
  return kind(error) === "fatal";
}

export function isRetryable(error: unknown): error is RetryableError {
  return kind(error) === "retryable";
}

export function isUnauthenticated(error: unknown): error is Error {
  return kind(error) === "unauthenticated";
}

export function isForbidden(error: unknown): error is Error {
  return kind(error) === "forbidden";
}

export function isBadRequest(error: unknown): error is BadRequestError {
  return kind(error) === "bad_request";
}

/**
 * What a hook or a check of the application's threw, where it was not thrown on purpose. It is never fatal, whatever its cause would be from the
 * library's own statements: a mistake in a hook must not make dead letters of everybody's writes.
 */
export class ApplicationFailure extends Error {
  /** The statement's failure that it came from, where a library has made another error of that. */
  readonly statement: { readonly error: unknown } | undefined;

  constructor(cause: unknown, statement?: { readonly error: unknown }) {
    super("The application's own code failed.", { cause });
    this.name = "ApplicationFailure";
    this.statement = statement;
  }
}

/** Runs the application's code: errors thrown on purpose pass, all others are an {@link ApplicationFailure}. */
export async function ofApplication<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw kind(error) === undefined ? new ApplicationFailure(error) : error;
  }
}

/** What really happened, for the events. */
export function origin(error: unknown): unknown {
  return error instanceof ApplicationFailure ? error.cause : error;
}

function kind(error: unknown): ErrorKind | undefined {
  return typeof error === "object" && error !== null && errorKind in error
    ? (error[errorKind] as ErrorKind)
    : undefined;
}
