/** `powersync-writes/admin`: HTTP routes to list, edit, retry, discard and export dead letters, behind a guard and without any framework. */
import {
  checkKind,
  defined,
  flag,
  func,
  type Kind,
  list,
  logger,
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
import { consoleLogger, createLog, type Logger } from "../events/logger.js";
import { correlationOf, pathOf } from "../http/request.js";
import type { WriteRequest, WriteResponse } from "../model.js";
import { stringifyJson } from "../wire/serialize.js";
import type { Writes } from "../config/writes.js";
import { type AdminResponse, adminRouteOf, runAdminRoute } from "./routes.js";
import { askForPassword, isVisit, pageFileOf, pageResponse } from "./ui.js";

/**
 * Decides for every request whether it may use the admin routes; nothing else does. Only `true` lets a request in; `false` is answered 403.
 * The guard may throw `unauthenticated()` (401) or `forbidden()` (403). Any other error is answered 503.
 *
 * The guard is separate from the users' authentication: `authenticate` is not called, and the guard must refuse the tokens of ordinary users.
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
  /** Returns the principal whose database a request is about. Needed if `config.database` depends on the principal. Called after the guard. */
  readonly principal?: (request: Request) => P | Promise<P>;
  /**
   * Origins, besides the host's own, whose pages may call the routes. Needed for a console behind a proxy that changes `Host`. The routes send no
   * CORS headers.
   */
  readonly origins?: readonly string[];
  /**
   * The host names by which the routes may be called, as the `Host` header gives them: `["ops.example.com"]`. A name without a port allows every
   * port. A request with another `Host` is answered 403. Default: a caller on the same machine must use a name of the loopback interface, such as
   * `localhost` or `127.0.0.1`; other callers may use any name. Behind a proxy on the same machine that passes `Host` on, set `hosts`.
   */
  readonly hosts?: readonly string[];
  /**
   * Whether the routes include a web page for operators, at `{path}/ui`. The guard protects the page like the other routes: by a cookie of the
   * application, by the network, or by a name and a password, which the browser asks for if the guard throws `unauthenticated()`. Default false.
   */
  readonly ui?: boolean;
  /** The limit for one request's body, in bytes. Default 16 MiB. */
  readonly bodyBytes?: number;
  /** Where failures are written in lines for people, such as an error that the guard has thrown. Default: the console. `false`: nowhere. */
  readonly logger?: false | Logger;
  /** Called with an event for every request, and for every error that is thrown. */
  readonly onEvent?: (event: WriteEvent) => void;
}

const adminOptions = object(
  {
    guard: required(worded("a function of the request that returns true or false", func)),
    path,
    principal: func,
    origins: list(
      worded('an origin, such as "https://ops.example.com"', text),
      "a list of origins",
    ),
    // Without `hosts`, any host is allowed, so `undefined` must not count as left out.
    hosts: defined(
      list(
        worded(
          'a host as the `Host` header gives it, such as "ops.example.com" or "localhost:9000"',
          {
            ...text,
            fits: (value) => typeof value === "string" && /^[^/\s]+$/.test(value),
          },
        ),
        "a list of hosts",
      ),
    ),
    ui: flag,
    bodyBytes: limit,
    logger,
    onEvent: func,
  } satisfies Record<keyof AdminOptions<Principal>, Kind>,
  "an object { guard }",
);

/** The admin routes. Their members are those that `Writes` has for the write endpoint. */
export interface Admin {
  /** The path of the routes. */
  readonly path: string;
  /** Answers a whole HTTP request, including errors. Never rejects. */
  handle(request: WriteRequest): Promise<WriteResponse>;
  /** Whether this method and URL is one of the routes. */
  handles(method: string, url: string): boolean;
}

const defaultPath = "/api/admin/dead-letters";
const defaultBodyBytes = 16 * 1024 * 1024;

/**
 * Creates the admin routes, for a host for which this library has no `powersyncWritesAdmin`.
 *
 * @example
 * const admin = createAdmin(writes, { guard: ({ headers }) => isOperator(headers.get("authorization")) });
 * if (admin.handles(request.method, request.url)) return admin.handle(request);
 *
 * @throws TypeError without a guard or what createWrites returns, for an unknown option, and for an option of the wrong kind
 */
export function createAdmin<P extends Principal>(
  writes: Pick<Writes<P>, "deadLetters">,
  options: AdminOptions<P>,
): Admin {
  if (typeof (options as Partial<AdminOptions<P>> | undefined)?.guard !== "function") {
    throw new TypeError("The admin routes need a guard: { guard: (request) => boolean }.");
  }
  checkKind(adminOptions, options, "The admin routes:");
  if (typeof (writes as Partial<Writes<P>> | undefined)?.deadLetters?.list !== "function") {
    throw new TypeError(
      "The admin routes need what createWrites returns, and not its configuration: powersyncWritesAdmin(writes, { guard }).",
    );
  }
  const { bodyBytes = defaultBodyBytes, principal } = options;
  const path = (options.path ?? defaultPath).replace(/\/+/g, "/");
  const isOwnHost = createCheckHost(options.hosts);
  const log = options.logger ?? consoleLogger;
  const emit = emitter([
    ...(options.onEvent === undefined ? [] : [{ tell: options.onEvent }]),
    ...(log === false ? [] : [createLog(log)]),
  ]);

  const respond = async (request: WriteRequest): Promise<AdminResponse> => {
    if (!isOwnHost(request))
      throw forbidden(
        "The admin routes may not be called by this host name. Add it to their option `hosts`.",
      );
    const file = options.ui === true ? pageFileOf(path, request) : undefined;
    await admit(options, request, isVisit(file, request));
    if (file !== undefined) return pageResponse(file);
    const route = adminRouteOf(path, request.method, request.url);
    if (route === undefined)
      return { status: 404, body: { message: "There is no such admin route." } };
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

/** Resolves if the request is let in. Rejects with the error that refuses it. */
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

/** `null`, which equals no host, for the origin "null" and for text that is not a URL. */
function hostIn(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host || null : null;
}

/** Sends only the library's own messages, because another error's message may contain something that the caller must not read. */
function adminRefusal(error: unknown, isPage: boolean): AdminResponse {
  if (isUnauthenticated(error)) {
    const headers = isPage ? askForPassword : { "www-authenticate": "Bearer" };
    return { status: 401, body: { message: error.message }, headers };
  }
  if (isForbidden(error)) return { status: 403, body: { message: error.message } };
  if (isBadRequest(error)) return { status: error.status, body: { message: error.message } };
  const message = isRetryable(error)
    ? error.message
    : "The request can't be answered right now. Try again.";
  return { status: 503, body: { message }, headers: { "retry-after": "5" } };
}

/**
 * Whether the request uses one of the server's own names. If the name of an attacker's page points at this server (DNS rebinding), the browser treats
 * the page and the server as the same origin, and the request comes from the operator's machine. Only the name in `Host` reveals the attack.
 */
type CheckHost = (request: WriteRequest) => boolean;

/**
 * @param hosts if absent, callers on the same machine must use a name of the loopback interface
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
 * The host that the request names. In some runtimes the request of a fetch handler has no `Host` header, and its URL contains the host. HTTP/2 has a
 * field of its own.
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

/** Express passes Node's request itself. Koa passes a context that contains it, and Fastify a request that does. */
function socketOwner(raw: unknown): WithSocket | undefined {
  const given = (raw ?? {}) as WithSocket & {
    readonly req?: WithSocket;
    readonly raw?: WithSocket;
  };
  return [given.req, given.raw, given].find((each) => each?.socket !== undefined);
}
