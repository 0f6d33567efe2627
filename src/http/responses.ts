/** Answers to a request as a whole: their statuses, messages and headers. */
import { defaultRetryMs } from "../wire/answer.js";
import type { components } from "../wire/generated/types.js";
import { contractVersion } from "../wire/generated/version.js";
import type { CrossOrigin } from "./cors.js";
import { isBadRequest, isForbidden, isRetryable, isUnauthenticated } from "../errors.js";
import type { ErrorEvent } from "../events/events.js";
import { stringifyJson } from "../wire/serialize.js";
import type { RequestContext } from "../context.js";
import type { Limits, Timeouts } from "../wire/limits.js";
import type { RouteOptions } from "./request.js";
import type { TransactionResult, WriteResponse } from "../model.js";

type Schemas = components["schemas"];

/** An answer before it is serialized. A string is sent unchanged. Any other body becomes JSON. */
export interface Answer extends More {
  readonly status: number;
  readonly body: unknown;
}

/** The parts of an answer that the contract does not define. */
export interface More {
  readonly headers?: Readonly<Record<string, string>>;
  readonly results?: readonly TransactionResult[];
}

/** An answer whose body is a message. */
export interface Told<Status extends number> extends More {
  readonly status: Status;
  readonly body: Schemas["Message"];
}

type Refused = 400 | 401 | 403 | 404 | 413 | 415 | 500 | 503;

/** The answer to a request that failed. Everything that is not the device's own mistake is 5xx, so that the device keeps its writes. */
export function refusal(error: unknown, during: ErrorEvent["during"]): Told<Refused> {
  if (during === "authenticate") {
    if (isUnauthenticated(error)) {
      return message(401, error.message, { "www-authenticate": "Bearer" });
    }
    if (isForbidden(error)) return message(403, error.message);
  }
  if (isBadRequest(error)) return message(error.status, error.message);
  if (isRetryable(error)) return unavailable(error.message, error.retryAfterMs);
  return during === "authenticate"
    ? unavailable("The caller can't be verified right now.")
    : message(500, "Something went wrong. Try again.");
}

export function toResponse(
  { status, body, headers }: Answer,
  { correlationId }: RequestContext,
  crossOrigin: CrossOrigin,
): WriteResponse {
  return {
    status,
    headers: {
      ...(body !== "" && { "content-type": "application/json; charset=utf-8" }),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-correlation-id": correlationId,
      ...crossOrigin.headers,
      ...headers,
    },
    body: typeof body === "string" ? body : stringifyJson(body),
  };
}

export function message<Status extends number>(
  status: Status,
  text: string,
  headers?: More["headers"],
): Told<Status> {
  return { status, body: { message: text }, ...(headers && { headers }) };
}

/** The answer if the server can't take the request right now. */
export function unavailable(text: string, retryAfterMs = defaultRetryMs): Told<503> {
  return message(503, text, retryAfter(retryAfterMs));
}

/** The answer to a caller who is over a limit. */
export function tooMany(text: string, retryAfterMs = defaultRetryMs): Told<429> {
  return message(429, text, retryAfter(retryAfterMs));
}

function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { "retry-after": String(Math.ceil(ms / 1000)) };
}

/** The body of `GET {path}/limits`: what a client may want to know before it uploads. */
export function limitsBody(
  limits: Limits,
  { requestMs, transactionMs }: Timeouts,
  { checkpoints = false }: RouteOptions,
): Schemas["LimitsResponse"] {
  const { bodyBytes, transactions, operations, depth, keys, values, stringLength } = limits;
  return {
    contract_version: contractVersion,
    limits: {
      body_bytes: shownLimit(bodyBytes),
      transactions: shownLimit(transactions),
      operations: shownLimit(operations),
      depth: shownLimit(depth),
      keys: shownLimit(keys),
      values: shownLimit(values),
      string_length: shownLimit(stringLength),
      concurrent_requests: shownLimit(limits.concurrentRequests),
    },
    timeouts: { request_ms: shownLimit(requestMs), transaction_ms: shownLimit(transactionMs) },
    features: ["ledger", "dead_letters", ...(checkpoints ? ["checkpoints"] : [])],
  };
}

/** JSON has no Infinity, so an unlimited value is shown as the largest safe integer. */
function shownLimit(limit: number): number {
  return Math.min(limit, Number.MAX_SAFE_INTEGER);
}
