/** The admin routes of the dead letters, without any framework: guarded, bounded, and in JSON. */
import { correlationOf } from "../http/correlation.js";
import { isBadRequest, isForbidden, isRetryable, isUnauthenticated } from "../errors.js";
import { correlated, type Emit, emitter } from "../event.js";
import { stringifyJson } from "../json.js";
import type { Principal } from "../layer.js";
import type { WriteRequest, WriteResponse } from "../request.js";
import { pathOf } from "../http/route.js";
import type { Writes } from "../writes.js";
import { admit } from "./admit.js";
import type { AdminOptions } from "./options.js";
import { type AdminRoute, adminRouteOf } from "./route.js";
import { answerTo, type Answer } from "./answers.js";

/** Like the write path's own face: what an adapter mounts. */
export interface Admin {
  /** Where the routes are. */
  readonly path: string;
  /** Answers a whole HTTP request, errors included. Never rejects. */
  handle(request: WriteRequest): Promise<WriteResponse>;
  /** Whether `handle` has an answer of its own, or an adapter should pass the request on. */
  handles(method: string, url: string): boolean;
}

const defaultPath = "/api/admin/dead-letters";
const defaultBodyBytes = 16 * 1024 * 1024;

/**
 * Routes to look at dead letters, edit, retry, discard and export them. For a route of your own; adapters have `powersyncWritesAdmin`.
 *
 * @throws TypeError without a guard
 */
export function createAdmin<P extends Principal>(
  writes: Pick<Writes<P>, "deadLetters">,
  options: AdminOptions<P>,
): Admin {
  if (typeof (options as Partial<AdminOptions<P>> | undefined)?.guard !== "function") {
    throw new TypeError("The admin routes need a guard: { guard: (request) => boolean }.");
  }
  const { bodyBytes = defaultBodyBytes, principal } = options;
  const path = `/${options.path ?? defaultPath}`.replace(/\/+/g, "/");
  const emit = emitter(options.onEvent);
  const route = (method: string, url: string): AdminRoute | undefined =>
    adminRouteOf(path, method, url);

  const answer = async (request: WriteRequest): Promise<Answer> => {
    await admit(options, request);
    const asked = route(request.method, request.url);
    if (asked === undefined) return { status: 404, body: { message: "There is nothing here." } };
    const whose = principal === undefined ? {} : { principal: await principal(request) };
    const { deadLetters } = writes;
    return answerTo(asked, request, { deadLetters, whose, bodyBytes, path });
  };

  return {
    path,
    handles: (method, url) => route(method, url) !== undefined,
    handle: async (request) => {
      const started = performance.now();
      const name = correlationOf(request.headers);
      const made = await answer(request).catch((error: unknown) => {
        const refused = refusal(error);
        const outcome = refused.status >= 500 ? "retryable" : "fatal";
        emit({ type: "error", ...correlated(name), during: "admin", error, outcome });
        return refused;
      });
      tell(emit, request, made.status, name, started);
      return {
        status: made.status,
        headers: {
          "content-type": "application/json; charset=utf-8",
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
          "x-correlation-id": name.correlationId,
          ...made.headers,
        },
        body: typeof made.body === "string" ? made.body : stringifyJson(made.body),
      };
    },
  };
}

function tell(
  emit: Emit,
  { method, url }: WriteRequest,
  status: number,
  name: ReturnType<typeof correlationOf>,
  started: number,
): void {
  const durationMs = performance.now() - started;
  emit({ type: "request", ...correlated(name), method, path: pathOf(url), status, durationMs });
}

/** Only texts of the library's own. */
function refusal(error: unknown): Answer {
  if (isUnauthenticated(error)) {
    const headers = { "www-authenticate": "Bearer" };
    return { status: 401, body: { message: error.message }, headers };
  }
  if (isForbidden(error)) return { status: 403, body: { message: error.message } };
  if (isBadRequest(error)) return { status: error.status, body: { message: error.message } };
  const message = isRetryable(error) ? error.message : "This can't be answered just now.";
  return { status: 503, body: { message }, headers: { "retry-after": "5" } };
}
