/** Which of the endpoint's routes a request is for. */

export type Route = "upload" | "limits" | "contract" | "preflight";

/** By what follows the endpoint's path. */
const routes: ReadonlyMap<string, { readonly method: string; readonly route: Route }> = new Map([
  ["", { method: "POST", route: "upload" }],
  ["/limits", { method: "GET", route: "limits" }],
  ["/openapi.yaml", { method: "GET", route: "contract" }],
]);

/** The path alone: without origin, query and trailing slash. */
export function pathOf(url: string): string {
  const [path = ""] = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").split(/[?#]/, 1);
  return path.length > 1 ? path.replace(/\/$/, "") : path;
}

/**
 * @param base `config.path`; with `false` the host has chosen the requests, and the path's end tells the route
 * @param preflights whether OPTIONS is answered, as web pages of other origins need it
 */
export function routeOf(
  base: string | false,
  method: string,
  url: string,
  preflights = false,
): Route | undefined {
  const there = at(base, url);
  if (there === undefined) return undefined;
  const asked = method.toUpperCase();
  if (asked === there.method) return there.route;
  return preflights && asked === "OPTIONS" ? "preflight" : undefined;
}

/** The method that the endpoint answers there. */
export function methodOf(base: string | false, url: string): string | undefined {
  return at(base, url)?.method;
}

function at(base: string | false, url: string) {
  const path = pathOf(url);
  const rest =
    base === false ? (/\/(?:limits|openapi\.yaml)$/.exec(path)?.[0] ?? "") : restOf(base, path);
  return rest === undefined ? undefined : routes.get(rest);
}

function restOf(base: string, path: string): string | undefined {
  const root = pathOf(base);
  if (path === root) return "";
  const prefix = root === "/" ? "" : root;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}
