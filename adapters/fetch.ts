/** For hosts that speak the Web's `Request` and `Response`: Deno, Bun, Cloudflare Workers, Supabase Edge Functions, Hono, Next.js. */
import type { Principal } from "../src/pipeline/layers.js";
import type { WriteRequest, WriteResponse } from "../src/model.js";
import type { Writes } from "../src/writes.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  type Endpoint,
  interrupted,
  notFound,
  toAdmin,
  tooLarge,
  toWrites,
  unhandled,
} from "./endpoint.js";

export type { AdminOptionsOf, ConfigOf, RawRequest } from "./endpoint.js";

/**
 * Answers its own routes, and 404 for the rest: `export default { fetch: powersyncWrites(config) }`.
 * `request.raw` is the `Request`. For hosts that route by themselves or rewrite paths there is `path: false`.
 */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<Request, P, DB> | Writes<P>,
): (request: Request) => Promise<Response> {
  return mounted(toWrites(configOrWrites));
}

/**
 * The admin routes of the dead letters, at `/api/admin/dead-letters`, and 404 for the rest: `powersyncWritesAdmin(writes, { guard })`.
 * `guard` decides alone who may: `authenticate` is not asked, and a user's token must not pass it.
 *
 * @throws TypeError without a guard
 */
export function powersyncWritesAdmin<P extends Principal>(
  writes: Writes<P>,
  options: AdminOptionsOf<Request, P>,
): (request: Request) => Promise<Response> {
  return mounted(toAdmin(writes, options));
}

function mounted(endpoint: Endpoint): (request: Request) => Promise<Response> {
  return async (request) => {
    if (!endpoint.handles(request.method, request.url)) return toResponse(notFound);
    try {
      return toResponse(await endpoint.handle(toWriteRequest(request)));
    } catch {
      return toResponse(unhandled);
    }
  };
}

function toWriteRequest(request: Request): WriteRequest {
  const { method, url, headers } = request;
  // Some runtimes don't tell of callers who leave.
  const signal = (request.signal as AbortSignal | undefined) ?? new AbortController().signal;
  return {
    method,
    url,
    headers,
    body: (maxBytes, stop) => read(request, maxBytes, stop),
    signal,
    raw: request,
  };
}

/** `undefined` where somebody has read it, or is reading it. Stops beyond the limit, and when the signal is aborted. */
async function read(
  request: Request,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const { body } = request;
  if (request.bodyUsed || body?.locked) return undefined;
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge(maxBytes);
  const reader = body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal?.addEventListener("abort", cancel);
  try {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      // Whoever cancels is told that this was all.
      if (signal?.aborted) throw interrupted();
      if (done) return concatenated(chunks, size);
      size += value.byteLength;
      if (size > maxBytes) {
        cancel();
        throw tooLarge(maxBytes);
      }
      chunks.push(value);
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

function concatenated(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

function toResponse({ status, headers, body }: WriteResponse): Response {
  // A 204 must have none, not an empty one.
  return new Response(body === "" ? null : body, { status, headers });
}
