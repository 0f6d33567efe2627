/** Handles a whole request: route, authentication, body and upload. Every outcome, including every failure, has an answer. */
import type { CallContext, Principal, RequestContext } from "../context.js";
import { type Emit, correlated } from "../events/emit.js";
import type { ErrorEvent } from "../events/events.js";
import type {
  Operation,
  TransactionResult,
  UploadShape,
  WriteRequest,
  WriteResponse,
} from "../model.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import {
  type Checkpointing,
  readCheckpoint,
  readCheckpointRequest,
} from "../process/checkpoint.js";
import { missingBody } from "../process/direct.js";
import { httpErrorRemedy } from "../process/explain.js";
import type { Processor } from "../process/upload.js";
import { answerDemo, answerUpload } from "../wire/answer.js";
import type { OperationAnswers, OperationHandlers } from "../wire/generated/operations.js";
import { uploadOfRow } from "../wire/entries.js";
import type { Limits, Timeouts } from "../wire/limits.js";
import { readBody, type RequestBody } from "./body.js";
import { lossOf, parserNotice } from "./body-parser.js";
import type { Cors, CrossOrigin } from "./cors.js";
import { Crowded, type Load } from "../process/load.js";
import {
  type Answer,
  limitsBody,
  message,
  type More,
  refusal,
  type Told,
  tooMany,
  toResponse,
  unavailable,
} from "./responses.js";
import { correlationOf, methodsOf, pathOf, routeOf, type RouteOptions } from "./request.js";

interface HttpParts<P extends Principal, DB> {
  readonly path: string | false;
  readonly routes: RouteOptions;
  readonly cors?: Cors;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly load: Load;
  readonly pipeline: Pipeline<P, DB>;
  readonly processor: Processor<P>;
  readonly checkpointing: Checkpointing<P>;
  readonly emit: Emit;
}

interface ServedParts<P extends Principal, DB> extends HttpParts<P, DB> {
  readonly tellParser: ReturnType<typeof parserNotice>;
}

/** Never rejects. */
export function createHandle<P extends Principal, DB>(
  parts: HttpParts<P, DB>,
): (request: WriteRequest) => Promise<WriteResponse> {
  const { load, cors, emit } = parts;
  const operations = operationsOf({ ...parts, tellParser: parserNotice(emit) });

  return async (request) => {
    const started = performance.now();
    const { method, url, headers, signal } = request;
    const correlation = correlationOf(headers);
    const context: RequestContext = { ...correlation, signal, request };
    const route = routeOf(parts.path, method, url, parts.routes);
    const path = pathOf(url);
    return load.during(async () => {
      const crossOrigin = cors === undefined ? sameOrigin : crossOriginOf(parts, request, context);
      const answer =
        route === "preflight"
          ? answerPreflight(emit, { request, context }, crossOrigin)
          : await (route === undefined ? nothing : operations[route])({ request, context });
      const made = toResponse(answer, context, crossOrigin);
      const response =
        parts.pipeline.respond === undefined ? made : await respond(parts, made, answer, context);
      const durationMs = performance.now() - started;
      const { status } = response;
      emit({ type: "request", ...correlation, method, path, status, durationMs });
      return response;
    });
  };
}

const nothing = async (): Promise<Answer> =>
  message(404, "There is nothing here. Send uploads with POST to the endpoint's path.");

const sameOrigin: CrossOrigin = { allowed: false, headers: {} };

/** A request and its context, which contains the correlation id. */
interface Call {
  readonly request: WriteRequest;
  readonly context: RequestContext;
}

/** The handlers of the contract's operations. */
function operationsOf<P extends Principal, DB>(
  parts: ServedParts<P, DB>,
): OperationHandlers<Call, More> {
  const { limits, timeouts, routes } = parts;
  return {
    upload: (call) => upload(parts, call, (body) => body, answerUpload),
    putRow: (call) => row(parts, call, "PUT"),
    patchRow: (call) => row(parts, call, "PATCH"),
    deleteRow: (call) => row(parts, call, "DELETE"),
    createCheckpoint: (call) => createCheckpoint(parts, call),
    requestCheckpoint: (call) => requestCheckpoint(parts, call),
    getLimits: async () => ({ status: 200, body: limitsBody(limits, timeouts, routes) }),
    getContract: contract,
  };
}

function answerPreflight(emit: Emit, { request, context }: Call, { allowed }: CrossOrigin): Answer {
  const page = request.headers.get("origin");
  if (allowed || page === null) return { status: 204, body: "" };
  const origin = page.slice(0, 200);
  emit({ type: "origin_refused", ...correlated(context), origin, configured: true });
  return message(403, "Pages from this origin may not send requests.");
}

/** Imports the contract's text on demand: a process that is never asked for it does not load it. */
async function contract(): Promise<OperationAnswers["getContract"] & More> {
  const { openapiYaml } = await import("../wire/generated/openapi.js");
  return { status: 200, body: openapiYaml, headers: { "content-type": "application/yaml" } };
}

/** If the application's `origins` function throws, no other origin is allowed, but the request is still answered. */
function crossOriginOf<P extends Principal, DB>(
  { cors, path, routes, emit }: HttpParts<P, DB>,
  { headers, method, url }: WriteRequest,
  context: RequestContext,
): CrossOrigin {
  try {
    const preflighted = method === "OPTIONS" ? methodsOf(path, url, routes) : undefined;
    return cors?.(headers.get("origin"), preflighted) ?? sameOrigin;
  } catch (error) {
    emit({ type: "error", ...correlated(context), during: "cors", error, outcome: "ignored" });
    return sameOrigin;
  }
}

async function upload<P extends Principal, DB, Answered extends object>(
  parts: ServedParts<P, DB>,
  call: Call,
  uploadOf: (body: unknown) => unknown,
  answerOf: (shape: UploadShape, results: readonly TransactionResult[]) => Answered,
) {
  const { processor } = parts;
  const run = async (
    { value, lossyNumbers }: RequestBody,
    caller: CallContext<P>,
    at: Where,
  ): Promise<(Answered | Told<429>) & More> => {
    at.during = "validate";
    const accepted = await processor.validate(uploadOf(value), caller);
    at.during = "transaction";
    const results = await processor.run(accepted, { context: caller, lossyNumbers });
    const [first] = results;
    // A caller with too many dead letters or devices gets a 429 if nothing of the request has been applied.
    const crowded =
      first?.status === "retryable_error" && (first.tooManyDeadLetters ?? first.tooManyDevices)
        ? tooMany(first.message, first.retryAfterMs)
        : undefined;
    return { ...(crowded ?? answerOf(accepted.shape, results)), results };
  };
  return called(parts, call, run, true);
}

function row<P extends Principal, DB>(parts: ServedParts<P, DB>, call: Call, op: Operation) {
  const answerOf = (_: UploadShape, results: readonly TransactionResult[]) => answerDemo(results);
  return upload(parts, call, (body) => uploadOfRow(op, body), answerOf);
}

function createCheckpoint<P extends Principal, DB>(parts: ServedParts<P, DB>, call: Call) {
  const { checkpointing } = parts;
  return called(parts, call, async ({ value }, { principal, signal }, at) => {
    at.during = "checkpoint";
    const checkpoint = await checkpointing.next({ principal, signal, ...readCheckpoint(value) });
    return { status: 200 as const, body: { checkpoint } };
  });
}

function requestCheckpoint<P extends Principal, DB>(parts: ServedParts<P, DB>, call: Call) {
  const { checkpointing } = parts;
  return called(parts, call, async ({ value }, { principal, signal }, at) => {
    at.during = "checkpoint";
    const { clientId, requestId } = readCheckpointRequest(value);
    const raised = await checkpointing.raise({ principal, signal, clientId }, requestId);
    return { status: 200 as const, body: { checkpoint_request_id: raised } };
  });
}

/** The stage that a request has reached, for the event of a failure. */
interface Where {
  during: ErrorEvent["during"];
}

/** Authenticates the caller and reads the body, then runs an operation that needs both. */
async function called<P extends Principal, DB, Answered>(
  { pipeline, load, limits, timeouts, emit, tellParser }: ServedParts<P, DB>,
  { request, context }: Call,
  run: (body: RequestBody, caller: CallContext<P>, at: Where) => Promise<Answered>,
  setsAside = false,
): Promise<Answered | ReturnType<typeof refusal> | Told<429>> {
  if (load.draining()) return unavailable("The server is being stopped. Try again.");
  const visit = load.admit();
  if (visit === undefined) return unavailable("The server is busy. Try again.");
  let body: RequestBody | undefined;
  const at: Where = { during: "authenticate" };
  try {
    const principal = await pipeline.authenticate(request, context);
    // Checked before the body is read, so that a refused request takes no memory.
    if (!visit.identify(principal)) {
      return tooMany(
        "You have too many requests in progress. Wait for their answers, and try again.",
      );
    }
    at.during = "request";
    body = await readBody(request, limits, timeouts, { visit, setsAside });
    if (!body.lossyNumbers) {
      if (request.tellsProgress === false) tellParser(context, "text");
    } else if (lossOf(body.value, request.headers) === undefined) tellParser(context, "value");
    return await run(body, { ...context, principal }, at);
  } catch (thrown) {
    if (thrown instanceof Crowded) {
      return thrown.status === 429 ? tooMany(thrown.message) : unavailable(thrown.message);
    }
    const { during } = at;
    // If the body was lost before it reached the library, the server is at fault, and the request is not a bad one.
    const loss =
      body?.lossyNumbers && during !== "transaction"
        ? lossOf(body.value, request.headers)
        : undefined;
    const error = loss === undefined ? thrown : missingBody(emit, context, loss);
    const answer = refusal(error, during);
    const remedy = remedies[answer.status] ?? httpErrorRemedy(error, during);
    emit({
      type: "error",
      ...correlated(context),
      during,
      error,
      outcome: answer.status >= 500 ? "retryable" : "fatal",
      ...(remedy !== undefined && { remedy }),
    });
    return answer;
  } finally {
    visit.leave();
  }
}

/** What the operator can do about a refused request, by its status. */
const remedies: Readonly<Record<number, string>> = {
  400: "make the client send requests as docs/wire.md describes, or use PowerSyncWriteConnector; writes wait on the device until then",
  413: "raise limits.bodyBytes and the body size of each proxy in front, or have the app write smaller transactions",
  415: "make the client send application/json in UTF-8, uncompressed or with gzip or deflate",
};

async function respond<P extends Principal, DB>(
  { pipeline, emit }: HttpParts<P, DB>,
  response: WriteResponse,
  { results }: Answer,
  context: RequestContext,
): Promise<WriteResponse> {
  try {
    return (
      (await pipeline.respond?.(response, { ...context, ...(results && { results }) })) ?? response
    );
  } catch (error) {
    // The transactions have their results already: a hook's failure must not hide them from the device.
    emit({ type: "error", ...correlated(context), during: "respond", error, outcome: "ignored" });
    return response;
  }
}
