/** One HTTP exchange with the write endpoint, limited in time, and the reading of its response. */
import type { OperationRoute } from "../wire/generated/operations.js";
import type { components } from "../wire/generated/types.js";
import { uploadError } from "./errors.js";
import { unlessAborted } from "./abortable.js";

/** The Web's `fetch`, or a replacement. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly signal: AbortSignal;
    readonly redirect: "manual";
  },
) => Promise<{
  readonly status: number;
  /** `opaqueredirect`: how browsers give a redirect that they did not follow. */
  readonly type?: string;
  /** Where it is known, whether a redirect was followed. */
  readonly redirected?: boolean;
  /** Where the response came from. */
  readonly url?: string;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

/** The write endpoint, and how it is called. */
export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly fetch: Fetch;
  /** Ends a request before its time. */
  readonly abort?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** Parsed from JSON; `undefined` where it is something else, such as a gateway's page. */
  readonly body: unknown;
  readonly retryAfterMs?: number | undefined;
}

/** The URL of one of the endpoint's other routes, which are below its own path. */
export function routeUrl(url: string, route: Exclude<OperationRoute["path"], "">): string {
  return url.replace(/\/*(\?.*)?$/, `${route}$1`);
}

/**
 * @param body JSON to POST with the token; without a body, the request is a GET without a token
 * @throws UploadError NETWORK, TIMEOUT, ABORTED or REDIRECTED
 */
export async function exchange(
  { url, headers, timeoutMs, fetch, abort }: Endpoint,
  body?: string,
  token?: string,
): Promise<HttpResponse> {
  // Some React Native versions lack AbortSignal.timeout and AbortSignal.any.
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(uploadError("TIMEOUT", "The server did not answer in time."));
    }, timeoutMs);
  });
  try {
    // The race ends the wait even where `fetch` ignores its signal, which would block the queue forever.
    return await unlessAborted(abort, () => Promise.race([late, exchangeUnbounded()]));
  } finally {
    clearTimeout(timer);
    controller.abort();
  }

  async function exchangeUnbounded(): Promise<HttpResponse> {
    const [response, text] = await send();
    const { status, type, redirected = cameFromElsewhere(url, response.url) } = response;
    if (redirected || type === "opaqueredirect" || (status >= 300 && status < 400)) {
      throw uploadError("REDIRECTED", "The server redirects.", { status });
    }
    return {
      status,
      body: jsonOrNone(text),
      retryAfterMs: retryAfterOf(response.headers.get("retry-after")),
    };
  }

  async function send() {
    try {
      const response = await fetch(url, {
        ...(body === undefined
          ? { method: "GET", headers: { ...headers } }
          : {
              method: "POST",
              headers: {
                ...headers,
                authorization: `Bearer ${token}`,
                "content-type": "application/json",
              },
              body,
            }),
        signal: controller.signal,
        // What is sent is for the one server that the application names, and so are what it answers and the token.
        redirect: "manual",
      });
      return [response, await response.text()] as const;
    } catch (cause) {
      throw uploadError("NETWORK", "The server can't be reached.", { cause });
    }
  }
}

/** For React Native, whose `fetch` follows all redirects and does not say so: whether the response is another host's. */
function cameFromElsewhere(url: string, from?: string): boolean {
  const [asked, answered] = [url, from].map((each) =>
    /^\w+:\/\/(?:[^/?#]*@)?([^/?#@]*?)(?::(?:80|443))?(?:[/?#]|$)/
      .exec(each ?? "")?.[1]
      ?.toLowerCase(),
  );
  return asked !== undefined && answered !== undefined && asked !== answered;
}

function jsonOrNone(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** @param retryAfter seconds, or a date */
function retryAfterOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const seconds = Number(retryAfter);
  const ms = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.now() : seconds * 1000;
  return ms >= 0 ? ms : undefined;
}

/** Why a transaction can't be applied. */
export interface FatalFailure {
  /** One of the library's codes, or one of the server application's own. */
  readonly code: string;
  readonly message?: string | undefined;
  readonly details?: unknown;
  /** The operation's index in the transaction's `crud`, from 0. */
  readonly operationIndex?: number | undefined;
  /** The server has recorded nothing: once the transaction leaves the queue, no copy of it is left. */
  readonly requiresClientHandling: boolean;
}

/** What the server says of one transaction. */
export type WireResult =
  | { readonly status: "success" | "not_attempted" }
  | {
      readonly status: "retryable_error";
      readonly message?: string | undefined;
      readonly retryAfterMs?: number | undefined;
    }
  | { readonly status: "fatal_error"; readonly failure: FatalFailure };

type JsonMembers = Readonly<Record<string, unknown>>;

/** @returns `undefined` unless the body has one result of a known form for each transaction */
export function readResults(body: unknown, count: number): readonly WireResult[] | undefined {
  const results = membersOrNone(body)["results"];
  if (!Array.isArray(results) || results.length !== count) return undefined;
  const read = results.map(readResult);
  return read.every((result) => result !== undefined) ? read : undefined;
}

/** The `message` of a response other than 200. */
export function readMessage(body: unknown): string | undefined {
  return textOrNone(membersOrNone(body)["message"]);
}

function readResult(raw: unknown): WireResult | undefined {
  const {
    status: said,
    message,
    retry_after_ms,
    requires_client_handling,
    failed_operation,
  } = membersOrNone(raw);
  const status = said as components["schemas"]["TransactionResult"]["status"];
  switch (status) {
    case "success":
    case "not_attempted":
      return { status };
    case "retryable_error":
      return { status, message: textOrNone(message), retryAfterMs: numberOrNone(retry_after_ms) };
    case "fatal_error": {
      const failed = membersOrNone(failed_operation);
      const { error_code: code, details, operation_index } = failed;
      if (typeof requires_client_handling !== "boolean" || typeof code !== "string")
        return undefined;
      const failure = {
        code,
        message: textOrNone(failed["message"]) ?? textOrNone(message),
        details,
        operationIndex: numberOrNone(operation_index),
        requiresClientHandling: requires_client_handling,
      };
      return { status, failure };
    }
    default:
      return undefined;
  }
}

function membersOrNone(value: unknown): JsonMembers {
  return typeof value === "object" && value !== null ? (value as JsonMembers) : {};
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOrNone(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
