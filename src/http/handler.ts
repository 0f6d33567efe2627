/** A whole request: route, authentication, body, the upload itself, and an answer for every way that it can end. */
import {
  type CallContext,
  type Principal,
  type RequestContext,
  verifiedPrincipal,
} from "../context.js";
import { correlated, type Correlated, type Emit, type ErrorEvent } from "../events.js";
import type { TransactionResult, UploadShape, WriteRequest, WriteResponse } from "../model.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import {
  type Checkpointing,
  readCheckpoint,
  readCheckpointRequest,
} from "../process/checkpoint.js";
import type { Processor } from "../process/upload.js";
import { answerUpload } from "../wire/answer.js";
import type { Limits, Timeouts } from "../wire/limits.js";
import { readBody, type RequestBody } from "./body.js";
import type { Cors, CrossOrigin } from "./cors.js";
import type { Admission } from "../process/load.js";
import {
  type Answer,
  limitsBody,
  message,
  refusal,
  tooMany,
  toResponse,
  unavailable,
} from "./responses.js";
import { methodOf, pathOf, routeOf, type RouteOptions } from "./routes.js";

interface HttpParts<P extends Principal, DB> {
  readonly path: string | false;
  readonly routes: RouteOptions;
  readonly cors?: Cors;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly admission: Admission;
  readonly pipeline: Pipeline<P, DB>;
  readonly processor: Processor<P>;
  readonly checkpointing: Checkpointing<P>;
  readonly emit: Emit;
  /** True while the process is being stopped. */
  readonly draining: () => boolean;
}

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
  const route = routeOf(parts.path, request.method, request.url, parts.routes);
  switch (route) {
    case "upload":
      return upload(parts, request, context);
    case "checkpoint":
    case "checkpoint-request":
      return checkpoint(parts, request, context, route);
    case "limits":
      return { status: 200, body: limitsBody(parts.limits, parts.routes) };
    case "contract":
      return contract();
    case "preflight":
      return crossOrigin.allowed || !request.headers.has("origin")
        ? { status: 204, body: "" }
        : message(403, "Pages of this origin may not call.");
    default:
      return message(404, "There is nothing here. Send uploads with POST to the endpoint's path.");
  }
}

/** Loaded where somebody asks for it. */
async function contract(): Promise<Answer> {
  const { openapiYaml } = await import("../wire/generated/openapi.js");
  return { status: 200, body: openapiYaml, headers: { "content-type": "application/yaml" } };
}

/** A bug in `origins` lets nobody in, and is no reason to answer nobody. */
function crossOriginOf<P extends Principal, DB>(
  { cors, path, routes, emit }: HttpParts<P, DB>,
  { headers, method, url }: WriteRequest,
  context: RequestContext,
): CrossOrigin {
  const none = { allowed: false, headers: {} };
  try {
    const preflighted = method === "OPTIONS" ? methodOf(path, url, routes) : undefined;
    return cors?.(headers.get("origin"), preflighted) ?? none;
  } catch (error) {
    emit({ type: "error", ...correlated(context), during: "cors", error, outcome: "ignored" });
    return none;
  }
}

function upload<P extends Principal, DB>(
  parts: HttpParts<P, DB>,
  request: WriteRequest,
  context: RequestContext,
): Promise<Answer> {
  const { processor } = parts;
  return called(parts, request, context, async ({ value, lossyNumbers }, caller, enter) => {
    enter("validate");
    const accepted = await processor.validate(value, caller);
    enter("transaction");
    const results = await processor.run(accepted, { context: caller, lossyNumbers });
    return answerResults(accepted.shape, results);
  });
}

function checkpoint<P extends Principal, DB>(
  parts: HttpParts<P, DB>,
  request: WriteRequest,
  context: RequestContext,
  route: "checkpoint" | "checkpoint-request",
): Promise<Answer> {
  const { checkpointing } = parts;
  return called(parts, request, context, async ({ value }, { principal, signal }, enter) => {
    enter("checkpoint");
    if (route === "checkpoint") {
      const checkpoint = await checkpointing.next({ principal, signal, ...readCheckpoint(value) });
      return { status: 200, body: { checkpoint } };
    }
    const { clientId, requestId } = readCheckpointRequest(value);
    const raised = await checkpointing.raise({ principal, signal, clientId }, requestId);
    return { status: 200, body: { checkpoint_request_id: raised } };
  });
}

/** For what needs a caller and a body. */
async function called<P extends Principal, DB>(
  { pipeline, admission, limits, timeouts, emit, draining }: HttpParts<P, DB>,
  request: WriteRequest,
  context: RequestContext,
  run: (
    body: RequestBody,
    caller: CallContext<P>,
    enter: (during: ErrorEvent["during"]) => void,
  ) => Promise<Answer>,
): Promise<Answer> {
  if (draining()) return unavailable("The server is being stopped. Try again.");
  const leave = admission.request();
  if (leave === undefined) return unavailable("The server is busy. Try again.");
  let leaveOwn: (() => void) | undefined;
  let during: ErrorEvent["during"] = "authenticate";
  try {
    const principal = verifiedPrincipal(await pipeline.authenticate(request, context));
    // Before the body is read: what waits for its turn takes no room.
    leaveOwn = admission.caller(principal.userId);
    if (leaveOwn === undefined) {
      return tooMany(
        "You have too many requests under way. Wait for their answers, and try again.",
      );
    }
    during = "request";
    const body = await readBody(request, limits, timeouts);
    return await run(body, { ...context, principal }, (next) => {
      during = next;
    });
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
  } finally {
    leaveOwn?.();
    leave();
  }
}

/** Where nothing of the request has been applied, the caller of too many dead letters hears it from the status. */
function answerResults(shape: UploadShape, results: readonly TransactionResult[]): Answer {
  const [first] = results;
  return first?.status === "retryable_error" && first.tooManyDeadLetters
    ? { ...tooMany(first.message, first.retryAfterMs), results }
    : { ...answerUpload(shape, results), results };
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

/** The caller's own, where they are harmless to repeat. */
export function correlationOf(headers: Headers): Correlated {
  const correlationId = headers.get("x-correlation-id");
  return {
    correlationId:
      correlationId !== null && /^[\w.:-]{1,128}$/.test(correlationId)
        ? correlationId
        : crypto.randomUUID(),
    ...traceOf(headers.get("traceparent")),
  };
}

// https://www.w3.org/TR/trace-context/#traceparent-header: neither id is all zeros, and there is no version ff.
const valid = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

function traceOf(traceparent: string | null): Pick<Correlated, "traceparent"> {
  return traceparent !== null && valid.test(traceparent) ? { traceparent } : {};
}
