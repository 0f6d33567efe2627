/** A whole request: route, authentication, body, the upload itself, and an answer for every way that it can end. */
import { answerUpload } from "./answer.js";
import { verifiedPrincipal } from "./authenticate.js";
import { readBody } from "./body.js";
import { contractVersion, openapiYaml } from "./contract/generated/openapi.js";
import { correlationOf } from "./correlation.js";
import type { Cors, CrossOrigin } from "./cors.js";
import { isBadRequest, isForbidden, isRetryable, isUnauthenticated } from "./errors.js";
import { correlated, type Emit, type ErrorEvent } from "./event.js";
import { stringifyJson } from "./json.js";
import type { Principal, RequestContext } from "./layer.js";
import type { Limits } from "./limits.js";
import type { Pipeline } from "./pipeline.js";
import type { WriteRequest, WriteResponse } from "./request.js";
import type { TransactionResult } from "./result.js";
import { methodOf, pathOf, routeOf } from "./route.js";
import type { Processor } from "./processor.js";

export interface HttpParts<P extends Principal, DB> {
  readonly path: string | false;
  readonly cors?: Cors;
  readonly limits: Limits;
  readonly pipeline: Pipeline<P, DB>;
  readonly processor: Processor<P>;
  readonly emit: Emit;
  /** True while the process is being stopped. */
  readonly draining: () => boolean;
}

/** An answer on its way: its body is JSON, unless it is text already. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly results?: readonly TransactionResult[];
}

const retryAfterSeconds = 5;

/** Never rejects. */
export function createHandle<P extends Principal, DB>(
  parts: HttpParts<P, DB>,
): (request: WriteRequest) => Promise<WriteResponse> {
  const { pipeline, emit } = parts;

  return async (request) => {
    const started = performance.now();
    const context: RequestContext = {
      ...correlationOf(request.headers),
      signal: request.signal,
      request,
    };
    const crossOrigin = crossOriginOf(parts, request, context);
    const answer = await answerTo(parts, request, context, crossOrigin);
    const made = toResponse(answer, context, crossOrigin);
    const response = await respond(pipeline, emit, made, answer, context);
    emit({
      type: "request",
      ...correlated(context),
      method: request.method,
      path: pathOf(request.url),
      status: response.status,
      durationMs: performance.now() - started,
    });
    return response;
  };
}

async function answerTo<P extends Principal, DB>(
  parts: HttpParts<P, DB>,
  request: WriteRequest,
  context: RequestContext,
  crossOrigin: CrossOrigin,
): Promise<Answer> {
  switch (routeOf(parts.path, request.method, request.url, parts.cors !== undefined)) {
    case "upload":
      return upload(parts, request, context);
    case "limits":
      return { status: 200, body: limitsBody(parts.limits) };
    case "contract":
      return { status: 200, body: openapiYaml, headers: { "content-type": "application/yaml" } };
    case "preflight":
      return crossOrigin.allowed || !request.headers.has("origin")
        ? { status: 204, body: "" }
        : message(403, "Pages of this origin may not call.");
    default:
      return message(404, "There is nothing here. Send uploads with POST to the endpoint's path.");
  }
}

/** A bug in `origins` lets nobody in, and is no reason to answer nobody. */
function crossOriginOf<P extends Principal, DB>(
  { cors, path, emit }: HttpParts<P, DB>,
  { headers, method, url }: WriteRequest,
  context: RequestContext,
): CrossOrigin {
  const none = { allowed: false, headers: {} };
  try {
    const preflighted = method === "OPTIONS" ? methodOf(path, url) : undefined;
    return cors?.(headers.get("origin"), preflighted) ?? none;
  } catch (error) {
    emit({ type: "error", ...correlated(context), during: "cors", error, outcome: "ignored" });
    return none;
  }
}

async function upload<P extends Principal, DB>(
  { pipeline, processor, limits, emit, draining }: HttpParts<P, DB>,
  request: WriteRequest,
  context: RequestContext,
): Promise<Answer> {
  if (draining()) return unavailable("The server is being stopped. Try again.");
  let during: ErrorEvent["during"] = "authenticate";
  try {
    const principal = verifiedPrincipal(await pipeline.authenticate(request, context));
    const called = { ...context, principal };
    during = "request";
    const { value, lossyNumbers } = await readBody(request, limits);
    during = "validate";
    const accepted = await processor.validate(value, called);
    during = "transaction";
    const results = await processor.run(accepted, { context: called, lossyNumbers });
    return { ...answerUpload(accepted.shape, results), results };
  } catch (error) {
    const answer = refusal(error, during);
    emit({
      type: "error",
      ...correlated(context),
      during,
      error,
      outcome: answer.status >= 500 ? "retryable" : "fatal",
    });
    return answer;
  }
}

/** What the device keeps its writes for: everything but its own mistakes is 5xx. */
function refusal(error: unknown, during: ErrorEvent["during"]): Answer {
  if (during === "authenticate") {
    if (isUnauthenticated(error)) {
      return message(401, error.message, { "www-authenticate": "Bearer" });
    }
    if (isForbidden(error)) return message(403, error.message);
  }
  if (isBadRequest(error)) return message(error.status, error.message);
  if (isRetryable(error)) return unavailable(error.message, error.retryAfterMs);
  return during === "authenticate"
    ? unavailable("The caller can't be verified just now.")
    : message(500, "Something went wrong. Try again.");
}

async function respond<P extends Principal, DB>(
  pipeline: Pipeline<P, DB>,
  emit: Emit,
  response: WriteResponse,
  { results }: Answer,
  context: RequestContext,
): Promise<WriteResponse> {
  try {
    return await pipeline.respond(response, { ...context, ...(results && { results }) });
  } catch (error) {
    // The transactions have been answered already: a hook's failure must not hide that from the device.
    emit({ type: "error", ...correlated(context), during: "respond", error, outcome: "ignored" });
    return response;
  }
}

function toResponse(
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

function message(status: number, text: string, headers?: Answer["headers"]): Answer {
  return { status, body: { message: text }, ...(headers && { headers }) };
}

function unavailable(text: string, retryAfterMs = retryAfterSeconds * 1000): Answer {
  return message(503, text, { "retry-after": String(Math.ceil(retryAfterMs / 1000)) });
}

function limitsBody({ bodyBytes, stringLength, transactions, operations, depth, keys }: Limits) {
  return {
    contract_version: contractVersion,
    limits: {
      body_bytes: bodyBytes,
      transactions,
      operations,
      depth,
      keys,
      string_length: stringLength,
    },
    features: ["ledger", "dead_letters"],
  };
}
