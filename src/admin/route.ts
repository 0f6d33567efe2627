/** Which of the admin routes a request is for. */
import { pathOf } from "../http/route.js";

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
