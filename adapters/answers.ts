/** What adapters say themselves, each in the same words. */
import { badRequest, retryable } from "../src/errors.js";
import type { WriteResponse } from "../src/request.js";

/** An answer that is no business of the core's. */
export function message(status: number, text: string, retryAfter?: string): WriteResponse {
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
