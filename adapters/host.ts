/** What the adapters share: the routes that they mount, and the answers to requests outside the routes. */
import { type Admin, type AdminOptions, createAdmin } from "../src/admin/admin.js";
import type { WritesConfig } from "../src/config/config.js";
import type { Principal } from "../src/context.js";
import { createWrites } from "../src/create-writes.js";
import { badRequest, retryable } from "../src/errors.js";
import type { WriteRequest, WriteResponse } from "../src/model.js";
import type { Writes } from "../src/config/writes.js";

/** A request, and the framework's own request or context in `raw`. */
export interface RawRequest<Raw> extends WriteRequest {
  readonly raw: Raw;
}

/** The configuration, with the host's own type for `request.raw` in `authenticate`. */
export interface ConfigOf<Raw, P extends Principal, DB> extends Omit<
  WritesConfig<P, DB>,
  "authenticate"
> {
  readonly authenticate: (request: RawRequest<Raw>) => P | Promise<P>;
}

/** The admin routes' options, with the host's own type for `request.raw` in `guard` and `principal`. */
export type AdminOptionsOf<Raw, P extends Principal> = AdminOptions<P, RawRequest<Raw>>;

/** A group of routes that a host mounts: the write endpoint, or the admin routes. */
export interface Mountable {
  /** Answers a whole HTTP request, including errors. Never rejects. */
  handle(request: WriteRequest): Promise<WriteResponse>;
  /** False if the host should pass the request on to other handlers. */
  handles(method: string, url: string): boolean;
}

export function isWrites<P extends Principal>(given: object): given is Writes<P> {
  // Code without types may pass nothing at all, which `createWrites` then refuses.
  const { handle } = (given ?? {}) as { readonly handle?: unknown };
  return typeof handle === "function";
}

/** Creates the writes. @returns the given writes if they have already been created */
export function toWrites<Raw, P extends Principal, DB>(
  configOrWrites: ConfigOf<Raw, P, DB> | Writes<P>,
): Writes<P> {
  if (isWrites<P>(configOrWrites)) return configOrWrites;
  // Safe: the host that asked for this `Raw` is the only one that passes requests to these writes.
  return createWrites(configOrWrites as WritesConfig<P, DB>);
}

/** @throws TypeError without a guard */
export function toAdmin<Raw, P extends Principal>(
  writes: Pick<Writes<P>, "deadLetters">,
  options: AdminOptionsOf<Raw, P>,
): Admin {
  // Safe: the host that asked for this `Raw` is the only one that passes requests to this guard.
  return createAdmin(writes, options as AdminOptions<P>);
}

/** The error for an adapter that another framework calls than its own. Without it, the request would fail, or hang, for reasons that name no mistake. */
export function otherHost(subpath: string, takes: string): TypeError {
  return new TypeError(
    `powersync-writes/${subpath} was called with something else than ${takes}. Remedy: import powersyncWrites from your framework's own subpath: powersync-writes/express, /koa, /nest, /node, or /fetch for Hono, Next.js, Deno, Bun and Workers. With /fetch, pass on the Request itself: in Hono, that is context.req.raw.`,
  );
}

export const notFound = hostResponse(
  404,
  "There is no such route. Send uploads with POST to the endpoint's path, which is /api/data unless the configuration says otherwise. Check the client's URL.",
);

/** `handle` never rejects. If it does because of a bug, a 503 makes the device keep its writes and send them again. */
export const unhandled = hostResponse(503, "The request could not be handled.", "5");

function hostResponse(status: number, message: string, retryAfter?: string): WriteResponse {
  return {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
    },
    body: JSON.stringify({ message }),
  };
}

/** Returns the error for a body that ended too soon. */
export function interrupted(): Error {
  return retryable("The upload was interrupted.");
}

/** Returns the error for a body that exceeds the limit. */
export function tooLarge(maxBytes: number): Error {
  return badRequest(413, `The body is larger than ${maxBytes} bytes.`);
}
