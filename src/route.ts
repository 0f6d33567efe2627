/** Which of the endpoint's routes a request is for. */

export type Route = "upload" | "limits" | "contract";

/** The path alone: without origin, query and trailing slash. */
export function pathOf(url: string): string {
  const [path = ""] = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").split(/[?#]/, 1);
  return path.length > 1 ? path.replace(/\/$/, "") : path;
}

/** @param base `config.path`; with `false` the host has chosen the requests, and the path's end tells the route */
export function routeOf(base: string | false, method: string, url: string): Route | undefined {
  const path = pathOf(url);
  const rest =
    base === false ? (/\/(?:limits|openapi\.yaml)$/.exec(path)?.[0] ?? "") : restOf(base, path);
  switch (`${method.toUpperCase()} ${rest}`) {
    case "POST ":
      return "upload";
    case "GET /limits":
      return "limits";
    case "GET /openapi.yaml":
      return "contract";
    default:
      return undefined;
  }
}

function restOf(base: string, path: string): string | undefined {
  const root = pathOf(base);
  if (path === root) return "";
  const prefix = root === "/" ? "" : root;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}
