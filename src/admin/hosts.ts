/**
 * By which names the admin routes may be called. A page whose own name has been made to point at this server (DNS rebinding) is of the same origin
 * to the browser, and comes from the operator's own machine; only the name in `Host` gives it away.
 */
import type { WriteRequest } from "../model.js";

/** Whether the request calls the server by a name that it goes by. */
type CheckHost = (request: WriteRequest) => boolean;

/** @param hosts where there are none, callers on the same machine must use a name of the loopback interface */
export function createCheckHost(hosts: readonly string[] | undefined): CheckHost {
  const known = hosts?.map((host) => host.toLowerCase());
  return (request) => {
    const host = hostOf(request)?.toLowerCase();
    if (known !== undefined) {
      return host !== undefined && (known.includes(host) || known.includes(nameOf(host)));
    }
    const { remoteAddress } = nodeRequestOf(request.raw)?.socket ?? {};
    if (remoteAddress === undefined || !isLoopbackAddress(remoteAddress)) return true;
    return host !== undefined && isLoopbackName(nameOf(host));
  };
}

/** In some runtimes the request of a fetch handler has no `Host` header, and the host is in its URL; HTTP/2 has its own field. */
export function hostOf({ headers, url, raw }: WriteRequest): string | undefined {
  const host = headers.get("host");
  if (host !== null) return host;
  return URL.canParse(url) ? new URL(url).host : nodeRequestOf(raw)?.authority;
}

/** Without the port. */
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

interface NodeRequest {
  readonly socket?: { readonly remoteAddress?: string };
  readonly authority?: string;
}

/** Express gives Node's request itself, Koa a context and Fastify a request that has it. */
function nodeRequestOf(raw: unknown): NodeRequest | undefined {
  const given = (raw ?? {}) as NodeRequest & {
    readonly req?: NodeRequest;
    readonly raw?: NodeRequest;
  };
  return [given.req, given.raw, given].find((each) => each?.socket !== undefined);
}
