/** What a request says of itself: which of the endpoint's routes it is for, and the names by which it is found again. */
import type { Emit } from "../events/emit.js";
import type { Correlated } from "../events/events.js";
import {
  type OperationId,
  type OperationRoute,
  operationRoutes,
} from "../wire/generated/operations.js";

/** An operation of the contract, or the question whether a page may call it. */
export type Route = OperationId | "preflight";

/** Which of the optional routes there are. */
export interface RouteOptions {
  /** OPTIONS is answered, as web pages of other origins need it. */
  readonly preflights?: boolean;
  readonly checkpoints?: boolean;
}

type ByMethod = Readonly<Record<string, OperationId>>;

/** By what follows the endpoint's path. */
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

/** The path alone: without origin, query and trailing slash. */
export function pathOf(url: string): string {
  const [path = ""] = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").split(/[?#]/, 1);
  return path.length > 1 ? path.replace(/\/$/, "") : path;
}

/** @param base `config.path`; with `false` the host has chosen the requests, and the path's end tells the route */
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

/** Whether the endpoint has an answer of its own. */
export function handlesOf(
  base: string | false,
  options: RouteOptions,
  emit: Emit,
): (method: string, url: string) => boolean {
  let told = false;
  return (method, url) => {
    if (routeOf(base, method, url, options) !== undefined) return true;
    // A preflight that nobody here answers fails in the browser alone: so the log says it, once.
    if (method === "OPTIONS" && !told && base !== false) {
      told = routeOf(base, "POST", url, options) === "upload";
      if (told)
        emit({ type: "origin_refused", correlationId: crypto.randomUUID(), configured: false });
    }
    return false;
  };
}

/** The methods that the endpoint answers there, as a header lists them. */
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
  // A checkpoint is no row, also where there are none.
  return known.get(end) ?? (withCheckpoints.has(end) ? uploadByPost : uploads);
}

function restOf(base: string, path: string): string | undefined {
  const root = pathOf(base);
  if (path === root) return "";
  const prefix = root === "/" ? "" : root;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}

/** The caller's own, where they are harmless to repeat. */
export function correlationOf(headers: Headers): Correlated {
  const correlationId = headers.get("x-correlation-id");
  return {
    correlationId:
      correlationId !== null && /^[\w.:-]{1,128}$/.test(correlationId)
        ? correlationId
        : crypto.randomUUID(),
    ...traceOf(headers.get("traceparent")),
  };
}

// https://www.w3.org/TR/trace-context/#traceparent-header: neither id is all zeros, and there is no version ff.
const valid = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

function traceOf(traceparent: string | null): Pick<Correlated, "traceparent"> {
  return traceparent !== null && valid.test(traceparent) ? { traceparent } : {};
}
