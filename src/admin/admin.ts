/** `powersync-writes/admin`: HTTP routes to list, edit, retry, discard and export dead letters, behind a guard and without any framework. */
import {
  checkKind,
  defined,
  flag,
  func,
  type Kind,
  list,
  object,
  required,
  text,
  worded,
} from "../config/kinds.js";
import { limit, path } from "../config/shapes.js";
import type { Principal } from "../context.js";
import { forbidden, isBadRequest, isForbidden, isRetryable, isUnauthenticated } from "../errors.js";
import { correlated, emitter } from "../events/emit.js";
import type { WriteEvent } from "../events/events.js";
import { correlationOf, pathOf } from "../http/request.js";
import type { WriteRequest, WriteResponse } from "../model.js";
import { stringifyJson } from "../wire/serialize.js";
import type { Writes } from "../config/writes.js";
import { type AdminResponse, adminRouteOf, runAdminRoute } from "./routes.js";
import { askForPassword, isVisit, pageFileOf, pageResponse } from "./ui.js";

/**
 * Decides alone who may use the admin routes, for every request. Only `true` lets a request in; `false` is 403.
 * It may throw `unauthenticated()` (401) or `forbidden()` (403); any other error is 503.
 *
 * It is separate from the users' authentication: `authenticate` is not called, and the guard must refuse the tokens of ordinary users.
 */
type Guard<Request extends WriteRequest = WriteRequest> = (
  request: Request,
) => boolean | Promise<boolean>;

/** Options of the admin routes. */
export interface AdminOptions<P extends Principal, Request extends WriteRequest = WriteRequest> {
  /** Decides who may use the routes. Required. */
  readonly guard: Guard<Request>;
  /** The path of the routes. Default `/api/admin/dead-letters`. */
  readonly path?: string;
  /** Names the principal whose database a request is about, where `config.database` is a function. Called after the guard. */
  readonly principal?: (request: Request) => P | Promise<P>;
  /**
   * Origins whose pages may call, beside the host's own. Needed for a console behind a proxy that changes `Host`. No CORS headers are sent.
   */
  readonly origins?: readonly string[];
  /**
   * The names by which the routes may be called, as `Host` has them: `["ops.example.com"]`, with a port or for any. Other requests are 403.
   * Default: any; but where the caller is on the same machine, a name of the loopback interface, such as `localhost` or `127.0.0.1`. Behind a proxy
   * on the same machine that passes `Host` on, name the hosts.
   */
  readonly hosts?: readonly string[];
  /**
   * Whether there is a page for people, at `{path}/ui`. The guard decides about it as about the routes: by a cookie of the application's, by the
   * network, or by a name and a password, which the browser asks for where the guard throws `unauthenticated()`. Default false.
   */
  readonly ui?: boolean;
  /** The limit for one request's body, in bytes. Default 16 MiB. */
  readonly bodyBytes?: number;
  /** Called for every request, and for every error that was thrown. */
  readonly onEvent?: (event: WriteEvent) => void;
}

const adminOptions = object(
  {
    guard: required(worded("a function of the request that gives true or false", func)),
    path,
    principal: func,
    origins: list(
      worded('an origin, such as "https://ops.example.com"', text),
      "a list of origins",
    ),
    // Without `hosts`, any host is allowed, so `undefined` must not count as left out.
    hosts: defined(
      list(
        worded('a host as `Host` has it, such as "ops.example.com" or "localhost:9000"', {
          ...text,
          fits: (value) => typeof value === "string" && /^[^/\s]+$/.test(value),
        }),
        "a list of hosts",
      ),
    ),
    ui: flag,
    bodyBytes: limit,
    onEvent: func,
  } satisfies Record<keyof AdminOptions<Principal>, Kind>,
  "an object { guard }",
);

/** The admin routes, with the members that `Writes` has for the write endpoint. */
export interface Admin {
  /** The path of the routes. */
  readonly path: string;
  /** Answers a whole HTTP request, errors included. Never rejects. */
  handle(request: WriteRequest): Promise<WriteResponse>;
  /** Whether this method and URL is one of the routes. */
  handles(method: string, url: string): boolean;
}

const defaultPath = "/api/admin/dead-letters";
const defaultBodyBytes = 16 * 1024 * 1024;

/**
 * Makes the admin routes, for a host that has no `powersyncWritesAdmin`.
 *
 * @example
 * const admin = createAdmin(writes, { guard: ({ headers }) => isOperator(headers.get("authorization")) });
 * if (admin.handles(request.method, request.url)) return admin.handle(request);
 *
 * @throws TypeError without a guard, and for an option that is not known
 */
export function createAdmin<P extends Principal>(
  writes: Pick<Writes<P>, "deadLetters">,
  options: AdminOptions<P>,
): Admin {
  if (typeof (options as Partial<AdminOptions<P>> | undefined)?.guard !== "function") {
    throw new TypeError("The admin routes need a guard: { guard: (request) => boolean }.");
  }
  checkKind(adminOptions, options, "The admin routes:");
  const { bodyBytes = defaultBodyBytes, principal } = options;
  const path = (options.path ?? defaultPath).replace(/\/+/g, "/");
  const isOwnHost = createCheckHost(options.hosts);
  const emit = emitter(options.onEvent === undefined ? [] : [{ tell: options.onEvent }]);

  const respond = async (request: WriteRequest): Promise<AdminResponse> => {
    if (!isOwnHost(request)) throw forbidden("Name this host in `hosts` of the admin routes.");
    const file = options.ui === true ? pageFileOf(path, request) : undefined;
    await admit(options, request, isVisit(file, request));
    if (file !== undefined) return pageResponse(file);
    const route = adminRouteOf(path, request.method, request.url);
    if (route === undefined) return { status: 404, body: { message: "There is nothing here." } };
    const whose = principal === undefined ? {} : { principal: await principal(request) };
    const { deadLetters } = writes;
    return runAdminRoute(route, request, { deadLetters, whose, bodyBytes, path });
  };

  return {
    path,
    handles: (method, url) => adminRouteOf(path, method, url) !== undefined,
    handle: async (request) => {
      const startedAt = performance.now();
      const correlation = correlationOf(request.headers);
      const { status, headers, body } = await respond(request).catch((error: unknown) => {
        const isPage = options.ui === true && pageFileOf(path, request) !== undefined;
        const refused = adminRefusal(error, isPage);
        const outcome = refused.status >= 500 ? "retryable" : "fatal";
        emit({ type: "error", ...correlated(correlation), during: "admin", error, outcome });
        return refused;
      });
      emit({
        type: "request",
        ...correlated(correlation),
        method: request.method,
        path: pathOf(request.url),
        status,
        durationMs: performance.now() - startedAt,
      });
      return {
        status,
        headers: {
          "content-type": "application/json; charset=utf-8",
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
          "x-correlation-id": correlation.correlationId,
          ...headers,
        },
        body: typeof body === "string" ? body : stringifyJson(body),
      };
    },
  };
}

/** Returns where the request is let in, and rejects with the error that refuses it. */
async function admit<P extends Principal>(
  { guard, origins = [] }: AdminOptions<P>,
  request: WriteRequest,
  isVisitor: boolean,
): Promise<void> {
  // Compared with `true`, since an untyped guard may return a principal, which does not mean yes.
  if ((await guard(request)) !== true) throw forbidden("You may not use this endpoint.");
  const origin = request.headers.get("origin");
  if (origin !== null && !origins.includes(origin) && hostIn(origin) !== hostOf(request)) {
    throw forbidden("Pages from this origin may not send requests.");
  }
  if (isVisitor) return;
  if (origin === null && request.headers.get("sec-fetch-site") === "cross-site") {
    throw forbidden("Pages from this origin may not send requests.");
  }
}

/** `null` for the origin "null" and for a text that is no URL; it equals no host. */
function hostIn(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host || null : null;
}

/** The message is always the library's own: other errors may say something that the caller must not read. */
function adminRefusal(error: unknown, isPage: boolean): AdminResponse {
  if (isUnauthenticated(error)) {
    const headers = isPage ? askForPassword : { "www-authenticate": "Bearer" };
    return { status: 401, body: { message: error.message }, headers };
  }
  if (isForbidden(error)) return { status: 403, body: { message: error.message } };
  if (isBadRequest(error)) return { status: error.status, body: { message: error.message } };
  const message = isRetryable(error) ? error.message : "This can't be answered right now.";
  return { status: 503, body: { message }, headers: { "retry-after": "5" } };
}

/**
 * Whether the request uses one of the server's own names. If the name of an attacker's page points at this server (DNS rebinding), the browser takes them
 * for the same origin, and the request comes from the operator's machine. Only the name in `Host` reveals it.
 */
type CheckHost = (request: WriteRequest) => boolean;

/**
 * @param hosts where there are none, callers on the same machine must use a name of the loopback interface
 * @internal
 */
export function createCheckHost(hosts: readonly string[] | undefined): CheckHost {
  const known = hosts?.map((host) => host.toLowerCase());
  return (request) => {
    const host = hostOf(request)?.toLowerCase();
    if (known !== undefined) {
      return host !== undefined && (known.includes(host) || known.includes(nameOf(host)));
    }
    const { remoteAddress } = socketOwner(request.raw)?.socket ?? {};
    if (remoteAddress === undefined || !isLoopbackAddress(remoteAddress)) return true;
    return host !== undefined && isLoopbackName(nameOf(host));
  };
}

/**
 * In some runtimes the request of a fetch handler has no `Host` header, and the host is in its URL; HTTP/2 has its own field.
 *
 * @internal
 */
export function hostOf({ headers, url, raw }: WriteRequest): string | undefined {
  const host = headers.get("host");
  if (host !== null) return host;
  return URL.canParse(url) ? new URL(url).host : socketOwner(raw)?.authority;
}

/** The host without its port. */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, "");
}

function isLoopbackName(name: string): boolean {
  return /^(?:(?:[\w-]{1,63}\.){0,8}localhost\.?|127(?:\.\d{1,3}){3}|\[::1\])$/.test(name);
}

function isLoopbackAddress(address: string): boolean {
  return /^(?:::1|(?:0{1,4}:){7}0{0,3}1|(?:::ffff:)?127\..*|::ffff:7f[\da-f]{2}:[\da-f]{1,4})$/i.test(
    address,
  );
}

interface WithSocket {
  readonly socket?: { readonly remoteAddress?: string };
  readonly authority?: string;
}

/** Express gives Node's request itself, Koa a context and Fastify a request that has it. */
function socketOwner(raw: unknown): WithSocket | undefined {
  const given = (raw ?? {}) as WithSocket & {
    readonly req?: WithSocket;
    readonly raw?: WithSocket;
  };
  return [given.req, given.raw, given].find((each) => each?.socket !== undefined);
}
