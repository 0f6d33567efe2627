/** Creates the metrics. `docs/metrics.md` and the Grafana dashboard use these names. */
import type { Attributes, Meter } from "@opentelemetry/api";
import type { WriteEvent } from "../events.js";

/** Buckets for durations, in seconds. */
const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Buckets for the age of a queue, in seconds: up to a week. */
const ages = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 604_800];

export interface Measured {
  event(event: WriteEvent): void;
  began(): void;
  ended(): void;
  queueAge(seconds: number): void;
}

const methods = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]);

/** Unknown methods share one value, so that a caller can't create new time series. */
export function methodOf(method: string): string {
  const known = method.toUpperCase();
  return methods.has(known) ? known : "_OTHER";
}

export function createMeasured(meter: Meter): Measured {
  // The unit is in the name, because only some exporters to Prometheus add it.
  const duration = (name: string, description: string, buckets = seconds) =>
    meter.createHistogram(`powersync_writes.${name}`, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries: buckets },
    });
  const counter = (name: string, description: string, unit: string) =>
    meter.createCounter(`powersync_writes.${name}`, { description, unit });

  const requests = duration("request.duration.seconds", "From a request to its answer.");
  const underWay = meter.createUpDownCounter("powersync_writes.requests.active", {
    description: "Requests that are being answered.",
    unit: "{request}",
  });
  const transactions = counter("transactions", "Transactions answered.", "{transaction}");
  const took = duration("transaction.duration.seconds", "From a transaction's turn to its answer.");
  const operations = counter("operations", "Operations of transactions.", "{operation}");
  const statements = counter("statements", "Statements that the database answered.", "{statement}");
  const again = counter("attempts", "Database transactions tried.", "{attempt}");
  const errors = counter("errors", "Errors that were thrown.", "{error}");
  const letters = counter("dead_letters", "Dead letters recorded.", "{letter}");
  const handled = counter("dead_letters.handled", "Dead letters dealt with.", "{letter}");
  const notices = counter("notices", "Other events.", "{event}");
  const age = duration("queue.age.seconds", "How long a device's oldest write has waited.", ages);

  return {
    began: () => underWay.add(1),
    ended: () => underWay.add(-1),
    queueAge: (value) => age.record(value),
    event: (event) => {
      switch (event.type) {
        case "request":
          requests.record(event.durationMs / 1_000, {
            "http.request.method": methodOf(event.method),
            "http.response.status_code": event.status,
          });
          return;
        case "transaction": {
          const { status: result, errorCode, ledger, flown } = event;
          const of: Attributes = { result, ...(errorCode && { code: errorCode }), ledger, flown };
          transactions.add(1, of);
          took.record(event.durationMs / 1_000, { result });
          operations.add(event.operations, { result });
          statements.add(event.statements);
          again.add(event.attempts);
          return;
        }
        case "error":
          errors.add(1, { during: event.during, outcome: event.outcome });
          return;
        case "dead_letter":
          // A repeat is counted under the letter that is already open.
          if (!event.repeat)
            letters.add(1, { code: event.errorCode, dependant: event.root !== undefined });
          return;
        case "dead_letter_handled":
          handled.add(1, { outcome: event.outcome });
          return;
        default:
          notices.add(1, { type: event.type });
      }
    },
  };
}

/** Counts the waiting letters each time metrics are read. If they can't be counted, nothing is observed. */
export function observeLetters(
  meter: Meter,
  count: () => Promise<Readonly<Record<string, number>>>,
): void {
  const gauge = meter.createObservableGauge("powersync_writes.dead_letters.waiting", {
    description: "Dead letters that wait for somebody to decide, in the whole database.",
    unit: "{letter}",
  });
  // A code without letters is reported as 0, not as its last value.
  const seen = new Set<string>();
  gauge.addCallback(async (result) => {
    let counts: Readonly<Record<string, number>>;
    try {
      counts = await count();
    } catch {
      return;
    }
    for (const code of Object.keys(counts)) seen.add(code);
    for (const code of seen) result.observe(counts[code] ?? 0, { code });
  });
}
