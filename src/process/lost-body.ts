/** Detects a body that the server's own middleware has lost. The device is not at fault, and keeps its writes until the server is fixed. */
import { type RetryableError, retryable } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { Correlated } from "../events/events.js";

/** Whether a value can't be an upload that a JSON parser has read: nothing, an empty object, bytes, or text. */
export function isLost(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return true;
  return ArrayBuffer.isView(body) || Object.keys(body).length === 0;
}

/** Reports a lost body to the operator, and returns the error for the device. */
export function lostBody(emit: Emit, context: Correlated, cure: string): RetryableError {
  emit({ type: "body_missing", ...correlated(context), cure });
  return retryable("The body did not reach the part of the server that processes uploads.");
}
