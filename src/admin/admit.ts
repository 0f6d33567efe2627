/** Who gets to the admin routes, and from where. */
import { forbidden } from "../errors.js";
import type { Principal } from "../layer.js";
import type { WriteRequest } from "../request.js";
import type { AdminOptions } from "./options.js";

/** Resolves, or rejects with what refuses the request. */
export async function admit<P extends Principal>(
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
