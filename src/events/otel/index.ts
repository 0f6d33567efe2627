/** `powersync-writes/otel`: traces and metrics by OpenTelemetry. */
import { type MeterProvider, metrics, trace, type TracerProvider } from "@opentelemetry/api";
import { didYouMean } from "../../config/nearest.js";
import type { WriteRequest } from "../../model.js";
import type { Telemetry } from "../emit.js";
import { createMeasured, observeLetters } from "./metrics.js";
import { createSpans } from "./spans.js";

/** Options of `otel()`. */
export interface OtelOptions {
  /** Creates the tracer. Default: the global provider. */
  readonly tracerProvider?: TracerProvider;
  /** Creates the meter. Default: the global provider at the time when `otel()` is called. */
  readonly meterProvider?: MeterProvider;
  /**
   * Returns how long the device's oldest write has waited, in seconds, for example from a header that the app sends. A value that is not a number, or is
   * negative, is ignored. Default: the age is not measured.
   */
  readonly queueAge?: (request: WriteRequest) => number | undefined;
  /**
   * Whether waiting dead letters are counted in the database, with one statement, each time the metrics are read. Default true. Set false if each
   * principal has its own database.
   */
  readonly waitingLetters?: boolean;
}

/**
 * Traces and metrics, for `createWrites({ telemetry })`. Start the application's OpenTelemetry SDK before it is called.
 *
 * @throws TypeError for an unknown option
 * @example
 * const writes = createWrites({ …, telemetry: otel() });
 */
export function otel(options: OtelOptions = {}): Telemetry {
  for (const name of Object.keys(options))
    if (!known.includes(name))
      throw new TypeError(`otel: ${name} is not known. ${didYouMean(name, known)}`);
  const {
    tracerProvider = trace,
    meterProvider = metrics,
    queueAge,
    waitingLetters = true,
  } = options;
  const meter = meterProvider.getMeter("powersync-writes");
  const spans = createSpans(tracerProvider.getTracer("powersync-writes"));
  const measured = createMeasured(meter);
  const measureAge = (request: WriteRequest): void => {
    let age: number | undefined;
    try {
      age = queueAge?.(request);
    } catch {
      // A failure of the application's function must not fail the request.
    }
    if (age !== undefined && age >= 0 && Number.isFinite(age)) measured.queueAge(age);
  };
  return {
    event: (event) => {
      measured.event(event);
      spans.event(event);
    },
    request: async (request, run) => {
      measured.began();
      if (queueAge !== undefined) measureAge(request);
      try {
        return await spans.request(request, run);
      } finally {
        measured.ended();
      }
    },
    transaction: spans.transaction,
    statement: spans.statement,
    waitingLetters: (count) => {
      if (waitingLetters) observeLetters(meter, count);
    },
  };
}

const known: readonly string[] = [
  "tracerProvider",
  "meterProvider",
  "queueAge",
  "waitingLetters",
] satisfies (keyof OtelOptions)[];
