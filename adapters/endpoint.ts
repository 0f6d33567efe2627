/** What every adapter takes: a configuration, or what `createWrites` made of one. */
import type { WritesConfig } from "../src/config.js";
import { type Admin, type AdminOptions, createAdmin, createWrites } from "../src/index.js";
import type { Principal } from "../src/pipeline/layers.js";
import type { WriteRequest, WriteResponse } from "../src/model.js";
import type { Writes } from "../src/writes.js";
import { badRequest, retryable } from "../src/errors.js";

/** A request, and what the framework itself has of it. */
export interface RawRequest<Raw> extends WriteRequest {
  readonly raw: Raw;
}

/** The configuration, where it is known what `request.raw` is. */
export interface ConfigOf<Raw, P extends Principal, DB> extends Omit<
  WritesConfig<P, DB>,
  "authenticate"
> {
  readonly authenticate: (request: RawRequest<Raw>) => P | Promise<P>;
}

export function toWrites<Raw, P extends Principal, DB>(
  given: ConfigOf<Raw, P, DB> | Writes<P>,
): Writes<P> {
  if ("handle" in given && typeof given.handle === "function") return given;
  // Only the adapter that asks for this `Raw` gives requests to these writes.
  return createWrites(given as WritesConfig<P, DB>);
}

/** What an adapter mounts: the write path, or its admin routes. */
export type Endpoint = Pick<Admin, "handle" | "handles">;

/** The admin routes' options, where it is known what `request.raw` is. */
export type AdminOptionsOf<Raw, P extends Principal> = AdminOptions<P, RawRequest<Raw>>;

export function toAdmin<Raw, P extends Principal>(
  writes: Pick<Writes<P>, "deadLetters">,
  options: AdminOptionsOf<Raw, P>,
): Admin {
  // Only the adapter that asks for this `Raw` gives requests to this guard.
  return createAdmin(writes, options as AdminOptions<P>);
}

// What adapters say themselves, each in the same words.
/** An answer that is no business of the core's. */
function message(status: number, text: string, retryAfter?: string): WriteResponse {
  return {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
    },
    body: JSON.stringify({ message: text }),
  };
}

export const notFound = message(404, "Not found.");

/** The core never rejects; if it should, the process must live and the device keep its writes. */
export const unhandled = message(503, "The request could not be handled.", "5");

/** Thrown where a body ended too soon. */
export function interrupted(): Error {
  return retryable("The upload was interrupted.");
}

/** Thrown where a body goes on beyond the limit. */
export function tooLarge(maxBytes: number): Error {
  return badRequest(413, `The body is larger than ${maxBytes} bytes.`);
}
