/** The names by which a request is found again: in its events, its answer, and in traces. */
import type { Correlated } from "../event.js";

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
