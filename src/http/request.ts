/** Reads a request's method, URL and headers: the route that it is for, and the ids by which logs name it. */
import type { Emit } from "../events/emit.js";
import type { Correlated } from "../events/events.js";
import {
  type OperationId,
  type OperationRoute,
  operationRoutes,
} from "../wire/generated/operations.js";

/** An operation of the contract, or a CORS preflight. */
export type Route = OperationId | "preflight";

/** Which of the optional routes are enabled. */
export interface RouteOptions {
  /** Whether OPTIONS is answered, which web pages of other origins need. */
  readonly preflights?: boolean;
  readonly checkpoints?: boolean;
}

type ByMethod = Readonly<Record<string, OperationId>>;

/** The contract's operations, by the path that follows the endpoint's and by method. */
function routesOf(is: (route: OperationRoute) => boolean): ReadonlyMap<string, ByMethod> {
  const found = new Map<string, ByMethod>();
  for (const [id, route] of Object.entries(operationRoutes)) {
    const { method, path } = route;
    if (is(route)) found.set(path, { ...found.get(path), [method]: id as OperationId });
  }
  return found;
}

const routes = routesOf(({ tag }) => tag !== "checkpoints");
const withCheckpoints = routesOf(() => true);

const uploads: ByMethod = routes.get("") ?? {};
const uploadByPost: ByMethod = { POST: "upload" };

/** The path of a URL, without origin, query and trailing slash. */
export function pathOf(url: string): string {
  const [path = ""] = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").split(/[?#]/, 1);
  return path.length > 1 ? path.replace(/\/$/, "") : path;
}

/** @param base `config.path`; if `false`, the host has chosen the requests, and the end of the path decides the route */
export function routeOf(
  base: string | false,
  method: string,
  url: string,
  options: RouteOptions = {},
): Route | undefined {
  const there = routeAt(base, url, options);
  if (there === undefined) return undefined;
  const asked = method.toUpperCase();
  if (Object.hasOwn(there, asked)) return there[asked];
  return options.preflights && asked === "OPTIONS" ? "preflight" : undefined;
}

/** Makes the function that tells an adapter whether the endpoint answers a request, or leaves it to the host. */
export function handlesOf(
  base: string | false,
  options: RouteOptions,
  emit: Emit,
): (method: string, url: string) => boolean {
  let told = false;
  return (method, url) => {
    if (routeOf(base, method, url, options) !== undefined) return true;
    // A preflight that is left unanswered is visible only in the browser, so an event reports the first one.
    if (method === "OPTIONS" && !told && base !== false) {
      told = routeOf(base, "POST", url, options) === "upload";
      if (told)
        emit({ type: "origin_refused", correlationId: crypto.randomUUID(), configured: false });
    }
    return false;
  };
}

/** The methods that the endpoint accepts at a URL, as a header lists them. */
export function methodsOf(
  base: string | false,
  url: string,
  options: RouteOptions = {},
): string | undefined {
  const there = routeAt(base, url, options);
  return there && Object.keys(there).join(", ");
}

function routeAt(base: string | false, url: string, { checkpoints = false }: RouteOptions) {
  const known = checkpoints ? withCheckpoints : routes;
  const path = pathOf(url);
  if (base !== false) {
    const rest = restOf(base, path);
    return rest === undefined ? undefined : known.get(rest);
  }
  const end = /\/[^/]*$/.exec(path)?.[0] ?? "";
  // Even if checkpoints are disabled, a PUT to their path must not be taken for a row.
  return known.get(end) ?? (withCheckpoints.has(end) ? uploadByPost : uploads);
}

function restOf(base: string, path: string): string | undefined {
  const root = pathOf(base);
  if (path === root) return "";
  const prefix = root === "/" ? "" : root;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}

/** The ids that the caller sent, if they are safe to repeat in a header and a log; otherwise a new correlation id. */
export function correlationOf(headers: Headers): Correlated {
  if (typeof (headers as Partial<Headers> | undefined)?.get !== "function") {
    throw new TypeError(
      "writes.handle takes a request as the adapters make it, with `headers` of the class Headers, and not a framework's own request. Remedy: mount an adapter, as in app.use(powersyncWrites(writes)).",
    );
  }
  const correlationId = headers.get("x-correlation-id");
  return {
    correlationId:
      correlationId !== null && /^[\w.:-]{1,128}$/.test(correlationId)
        ? correlationId
        : crypto.randomUUID(),
    ...traceOf(headers.get("traceparent")),
  };
}

// https://www.w3.org/TR/trace-context/#traceparent-header: neither id may be all zeros, and version ff is invalid.
const valid = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

function traceOf(traceparent: string | null): Pick<Correlated, "traceparent"> {
  return traceparent !== null && valid.test(traceparent) ? { traceparent } : {};
}
