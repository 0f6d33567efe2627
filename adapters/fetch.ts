/** A handler for hosts that use the Web's `Request` and `Response`: Deno, Bun, Cloudflare Workers, Supabase Edge Functions, Hono, Next.js. */
import type { Principal } from "../src/context.js";
import type { WriteRequest, WriteResponse } from "../src/model.js";
import type { Writes } from "../src/config/writes.js";
import {
  type AdminOptionsOf,
  type ConfigOf,
  interrupted,
  type Mountable,
  notFound,
  otherHost,
  toAdmin,
  tooLarge,
  toWrites,
  unhandled,
} from "./host.js";

export type { AdminOptionsOf, ConfigOf, RawRequest } from "./host.js";

/**
 * A handler that answers the write endpoint's routes, and 404 for other requests. `request.raw` is the `Request`.
 *
 * With `path: false` it answers every request that it is given, for hosts that route by themselves or rewrite paths.
 *
 * @example
 * export default { fetch: powersyncWrites({ authenticate, database, tables }) }; // POST /api/data
 *
 * @throws TypeError for an invalid configuration
 */
export function powersyncWrites<P extends Principal, DB>(
  configOrWrites: ConfigOf<Request, P, DB> | Writes<P>,
): (request: Request) => Promise<Response> {
  return handler(toWrites(configOrWrites));
}

/**
 * A handler that answers the admin routes of the dead letters, at `/api/admin/dead-letters` unless `path` says otherwise, and 404 for other
 * requests.
 *
 * Only `guard` decides who may use them: `authenticate` is not called, and the guard must refuse the tokens of ordinary users.
 *
 * @example
 * export default { fetch: powersyncWritesAdmin(writes, { guard }) };
 *
 * @throws TypeError without a guard
 */
export function powersyncWritesAdmin<P extends Principal>(
  writes: Writes<P>,
  options: AdminOptionsOf<Request, P>,
): (request: Request) => Promise<Response> {
  return handler(toAdmin(writes, options));
}

function handler(mountable: Mountable): (request: Request) => Promise<Response> {
  const answer = async (request: Request): Promise<Response> => {
    if (!mountable.handles(request.method, request.url)) return toResponse(notFound);
    try {
      return toResponse(await mountable.handle(toWriteRequest(request)));
    } catch {
      return toResponse(unhandled);
    }
  };
  return (request) => {
    // Thrown and not rejected, because Express 4 and `node:http` do not await what they call.
    if (typeof (request as Partial<Request> | undefined)?.headers?.get !== "function")
      throw otherHost("fetch", "a Request");
    return answer(request);
  };
}

function toWriteRequest(request: Request): WriteRequest {
  const { method, url, headers } = request;
  // Some runtimes give requests no signal.
  const signal = (request.signal as AbortSignal | undefined) ?? new AbortController().signal;
  return {
    method,
    url,
    headers,
    body: (maxBytes, stop, came) => readBodyStream(request, maxBytes, stop, came),
    tellsProgress: true,
    signal,
    raw: request,
  };
}

/**
 * Stops reading when the body exceeds the limit, or when the signal is aborted.
 *
 * @returns `undefined` if the application has read the body, or is reading it
 */
async function readBodyStream(
  request: Request,
  maxBytes: number,
  signal?: AbortSignal,
  came?: (bytes: number) => void,
): Promise<Uint8Array | undefined> {
  const { body } = request;
  if (request.bodyUsed || body?.locked) return undefined;
  const declared = Number(request.headers.get("content-length"));
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const reader = body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal?.addEventListener("abort", cancel);
  try {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      // After a cancel, the stream ends as if the body were complete.
      if (signal?.aborted) throw interrupted();
      if (done) return concatenated(chunks, size);
      size += value.byteLength;
      if (size > maxBytes) {
        cancel();
        throw tooLarge(maxBytes);
      }
      chunks.push(value);
      if (size !== declared) came?.(value.byteLength);
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
  // `Response` refuses a 204 that has a body, even an empty one.
  return new Response(body === "" ? null : body, { status, headers });
}
