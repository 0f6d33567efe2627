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
