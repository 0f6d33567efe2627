/** A body that the server's own stack has lost on the way: the device is not at fault, and keeps its writes until that is put right. */
import { type RetryableError, retryable } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { Correlated } from "../events/events.js";

/** Whether what came is no body that a parser of JSON has made of an upload: nothing, an empty object, bytes, or text. */
export function isLost(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return true;
  return ArrayBuffer.isView(body) || Object.keys(body).length === 0;
}

/** Says so to whoever operates the server. */
export function lostBody(emit: Emit, context: Correlated, cure: string): RetryableError {
  emit({ type: "body_missing", ...correlated(context), cure });
  return retryable("The body did not reach the part of the server that processes uploads.");
}
