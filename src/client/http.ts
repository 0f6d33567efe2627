/** One HTTP exchange: bounded in time, and read to its end. */
import { uploadError } from "./errors.js";

/** The Web's `fetch`, or what is put in its place. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly signal: AbortSignal;
  },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly fetch: Fetch;
}

export interface HttpAnswer {
  readonly status: number;
  /** From JSON; undefined where it is none, such as a gateway's page. */
  readonly body: unknown;
  readonly retryAfterMs?: number | undefined;
}

/** The endpoint's other routes lie below its own path. */
export function below(url: string, route: string): string {
  return url.replace(/\/*(\?.*)?$/, `/${route}$1`);
}

/**
 * @param body sent as JSON in a POST, with the token; without it, a GET that needs none
 * @throws UploadError NETWORK or TIMEOUT
 */
export async function exchange(
  { url, headers, timeoutMs, fetch }: Endpoint,
  body?: string,
  token?: string,
): Promise<HttpAnswer> {
  // React Native has neither AbortSignal.timeout nor AbortSignal.any everywhere.
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(uploadError("TIMEOUT", "The server did not answer in time."));
      controller.abort();
    }, timeoutMs);
  });
  try {
    // Raced as well: a `fetch` that does not heed its signal must not hold the queue for ever.
    return await Promise.race([late, exchangeUnbounded()]);
  } finally {
    clearTimeout(timer);
  }

  async function exchangeUnbounded(): Promise<HttpAnswer> {
    try {
      const { signal } = controller;
      const response = await fetch(
        url,
        body === undefined
          ? { method: "GET", headers: { ...headers }, signal }
          : {
              method: "POST",
              headers: {
                ...headers,
                authorization: `Bearer ${token}`,
                "content-type": "application/json",
              },
              body,
              signal,
            },
      );
      const text = await response.text();
      return {
        status: response.status,
        body: parsed(text),
        retryAfterMs: milliseconds(response.headers.get("retry-after")),
      };
    } catch (cause) {
      throw uploadError("NETWORK", "The server can't be reached.", { cause });
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Seconds, or a date. */
function milliseconds(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const seconds = Number(retryAfter);
  const ms = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.now() : seconds * 1000;
  return ms >= 0 ? ms : undefined;
}

// What the server said of each transaction. An answer in any other form is none.

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
