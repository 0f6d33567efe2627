/** Creates the spans: one for each request, as a child of the caller's span, and in it one for each transaction, with its statements as events. */
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { TransactionEvent, WriteEvent } from "../events.js";
import { pathOf } from "../../http/request.js";
import type { WriteRequest, WriteResponse } from "../../model.js";
import type { Telemetry } from "../emit.js";
import { methodOf } from "./metrics.js";

const longestText = 2_000;
const running = createContextKey("powersync-writes.transaction");

export type Spans = Pick<Telemetry, "event" | "request" | "transaction" | "statement">;

export function createSpans(tracer: Tracer): Spans {
  return {
    request: (request, run) => {
      const around = trace.getSpan(context.active());
      const parent = around === undefined ? callerOf(request.headers) : context.active();
      const method = methodOf(request.method);
      // If the framework has made a span, this one is its child.
      const kind = around === undefined ? SpanKind.SERVER : SpanKind.INTERNAL;
      const attributes = { "http.request.method": method, "url.path": pathOf(request.url) };
      const span = tracer.startSpan(`powersync upload ${method}`, { kind, attributes }, parent);
      return context.with(trace.setSpan(parent, span), async () => {
        try {
          const response = await run();
          answered(span, response);
          return response;
        } finally {
          span.end();
        }
      });
    },
    transaction: async (call, run) => {
      // Without a context manager, the later event could not find this span and would make a second one.
      if (!hasContexts()) return run();
      const parent = context.active();
      const span = tracer.startSpan(
        transactionName,
        {},
        trace.getSpan(parent) ? parent : callerNamed(call.traceparent),
      );
      const own = trace.setSpan(parent, span).setValue(running, span);
      try {
        return await context.with(own, run);
      } finally {
        span.end();
      }
    },
    statement: (text) => {
      const attributes = { "db.query.text": text.slice(0, longestText) };
      trace.getSpan(context.active())?.addEvent("statement", attributes);
    },
    event: (event) => told(tracer, event),
  };
}

function hasContexts(): boolean {
  return context.with(
    ROOT_CONTEXT.setValue(running, true),
    () => context.active().getValue(running) === true,
  );
}

const transactionName = "powersync transaction";

function answered(span: Span, { status, headers }: WriteResponse): void {
  span.setAttribute("http.response.status_code", status);
  const correlationId = headers["x-correlation-id"];
  if (correlationId !== undefined)
    span.setAttribute("powersync_writes.correlation_id", correlationId);
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
}

function told(tracer: Tracer, event: WriteEvent): void {
  const active = context.active();
  if (event.type === "transaction") {
    const span = active.getValue(running) as Span | undefined;
    if (span !== undefined) return finished(span, event);
    // Transactions that were committed together have no span until now.
    const end = Date.now();
    const parent = trace.getSpan(active) ? active : callerNamed(event.traceparent);
    const startTime = end - event.durationMs;
    const late = tracer.startSpan(transactionName, { startTime }, parent);
    finished(late, event);
    late.end(end);
  }
  const span = trace.getSpan(active);
  if (span === undefined || event.type === "request") return;
  if (event.type === "error") {
    const { error, during, outcome } = event;
    span.recordException(error instanceof Error ? error : String(error));
    span.setAttributes({ "powersync_writes.during": during, "powersync_writes.outcome": outcome });
  } else if (event.type === "dead_letter") {
    const { id, errorCode } = event;
    span.addEvent("dead letter", { "powersync_writes.letter": id, "error.type": errorCode });
  } else if (event.type !== "transaction") span.addEvent(event.type);
}

function finished(span: Span, event: TransactionEvent): void {
  const { status, errorCode, operations, attempts, statements, ledger, flown } = event;
  const attributes: Attributes = {
    "powersync_writes.result": status,
    "powersync_writes.operations": operations,
    "powersync_writes.attempts": attempts,
    "powersync_writes.statements": statements,
    "powersync_writes.ledger": ledger,
    "powersync_writes.flown": flown,
    ...(errorCode && { "error.type": errorCode }),
  };
  span.setAttributes(attributes);
  // Refused client data is not an error of the server.
  if (status === "retryable_error") span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The caller's context: from the application's propagators, or else from the header itself. */
function callerOf(headers: WriteRequest["headers"]): Context {
  const extracted = propagation.extract(ROOT_CONTEXT, headers, {
    get: (from, name) => from.get(name) ?? undefined,
    keys: (from) => [...from.keys()],
  });
  return trace.getSpan(extracted) ? extracted : callerNamed(headers.get("traceparent"));
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function callerNamed(traceparent: string | null | undefined): Context {
  const [, traceId, spanId, flags] =
    /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/.exec(
      traceparent ?? "",
    ) ?? [];
  return traceId === undefined || spanId === undefined || flags === undefined
    ? ROOT_CONTEXT
    : trace.setSpanContext(ROOT_CONTEXT, {
        traceId,
        spanId,
        traceFlags: Number.parseInt(flags, 16) & 1,
        isRemote: true,
      });
}
