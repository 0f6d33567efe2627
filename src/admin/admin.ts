/** What the admin routes need to know. */
import { correlated, type Emit, emitter, type WriteEvent } from "../events.js";
import type { Principal } from "../pipeline/layers.js";
import type { WriteRequest, WriteResponse } from "../model.js";
import { correlationOf } from "../http/handler.js";
import { forbidden, isBadRequest, isForbidden, isRetryable, isUnauthenticated } from "../errors.js";
import { stringifyJson } from "../wire/json.js";
import { pathOf } from "../http/routes.js";
import type { Writes } from "../writes.js";
import { type Answer, answerTo } from "./routes.js";

/**
 * Decides alone who may use the admin routes, for every request. Only `true` lets in; `false` is 403.
 * May throw `unauthenticated()` (401) or `forbidden()` (403); whatever else it throws is 503.
 *
 * It is never the users' authentication: `authenticate` is not asked, and a user's token must not pass here.
 */
export type Guard<Request extends WriteRequest = WriteRequest> = (
  request: Request,
) => boolean | Promise<boolean>;

export interface AdminOptions<P extends Principal, Request extends WriteRequest = WriteRequest> {
  /** Required. */
  readonly guard: Guard<Request>;
  /** Where the routes are. Default `/api/admin/dead-letters`. */
  readonly path?: string;
  /** Whose database a request is about, where `config.database` is a function. Asked behind the guard. */
  readonly principal?: (request: Request) => P | Promise<P>;
  /** Pages of other origins that may call beside those of the host's own. Without CORS: for consoles behind a proxy that changes `Host`. */
  readonly origins?: readonly string[];
  /** Of one request's body. Default 16 MiB. */
  readonly bodyBytes?: number;
  /** Told of every request, and of what was thrown. */
  readonly onEvent?: (event: WriteEvent) => void;
}

// The admin routes of the dead letters, without any framework: guarded, bounded, and in JSON.
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

// Who gets to the admin routes, and from where.
/** Resolves, or rejects with what refuses the request. */
async function admit<P extends Principal>(
  { guard, origins = [] }: AdminOptions<P>,
  request: WriteRequest,
): Promise<void> {
  // Whatever is not `true` keeps out: a principal is not a yes.
  if ((await guard(request)) !== true) throw forbidden("You may not use this endpoint.");
  const origin = request.headers.get("origin");
  if (origin !== null && !origins.includes(origin) && hostOf(origin) !== ownHost(request)) {
    throw forbidden("Pages of this origin may not call.");
  }
  if (origin === null && request.headers.get("sec-fetch-site") === "cross-site") {
    throw forbidden("Pages of this origin may not call.");
  }
}

/** `null` is nobody's host. */
function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host || null : null;
}

/** A fetch handler's request may have no `Host` left, but then its address has it. */
function ownHost({ headers, url }: WriteRequest): string | undefined {
  return headers.get("host") ?? (URL.canParse(url) ? new URL(url).host : undefined);
}

// Which of the admin routes a request is for.
export type AdminRoute =
  | { readonly name: "list" | "export" | "retryAll" | "discardAll" }
  | { readonly name: "get" | "edit" | "retry" | "discard"; readonly id: string };

/** `undefined`: none of them; the host may have something there. */
export function adminRouteOf(base: string, method: string, url: string): AdminRoute | undefined {
  const [path, root] = [pathOf(url), pathOf(base)];
  if (path !== root && !path.startsWith(root === "/" ? root : `${root}/`)) return undefined;
  const [first, second, ...others] = path.slice(root.length).split("/").filter(Boolean);
  if (others.length > 0) return undefined;
  const asked = method.toUpperCase();
  if (first === undefined) return asked === "GET" ? { name: "list" } : undefined;
  if (second === undefined) {
    if (asked === "GET")
      return first === "export" ? { name: "export" } : { name: "get", id: first };
    if (asked === "PUT") return { name: "edit", id: first };
    if (asked !== "POST") return undefined;
    if (first === "retry") return { name: "retryAll" };
    return first === "discard" ? { name: "discardAll" } : undefined;
  }
  if (asked !== "POST") return undefined;
  return second === "retry" || second === "discard" ? { name: second, id: first } : undefined;
}
