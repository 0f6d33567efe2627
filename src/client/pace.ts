/** Decides how much goes into the next request: within the application's bounds, the server's limits, and what was fast enough recently. */
import { type Endpoint, exchange, routeUrl } from "./http.js";
import { type Bounds, defaultTimeoutMs } from "./options.js";

export interface Pace {
  /** The bounds of the next request. If more than one operation is pending, the server's limits are fetched once. A server that gives none has none. */
  bounds(pending: number, abort?: AbortSignal): Promise<Bounds>;
  /** How long to wait for an answer if the application sets no limit: longer than the server takes, if its time limits are known. */
  patienceMs(): number;
  /** The server refused a request for its number of transactions, and would refuse it again. */
  tooMany(transactions: number): void;
  /** The server refused a request for its size, and would refuse it again. */
  tooLarge(bytes: number): void;
  /** A request with this many transactions got no response. `slow`: because of its time limit. */
  failed(transactions: number, slow: boolean): void;
  succeeded(): void;
}

export function createPace(batch: Bounds, endpoint: Endpoint): Pace {
  let serverLimits: Promise<ServerLimits> | undefined;
  let responded = false;
  let patienceMs = defaultTimeoutMs;
  let ceiling = batch;
  // Halved when a request takes too long, and doubled again with each success.
  let comfortable = batch.transactions;

  async function fetchLimits(abort: AbortSignal | undefined): Promise<ServerLimits> {
    try {
      const url = routeUrl(endpoint.url, "/limits");
      const timeoutMs = Math.min(endpoint.timeoutMs, 10_000);
      const { status, body } = await exchange({ ...endpoint, url, timeoutMs, abort });
      responded = true;
      patienceMs = Math.max(defaultTimeoutMs, serverPatience(body));
      return (status === 200 && (body as { limits?: ServerLimits } | null)?.limits) || {};
    } catch {
      if (abort?.aborted) serverLimits = undefined;
      return {};
    }
  }

  return {
    async bounds(pending, abort) {
      if (pending > 1) serverLimits ??= fetchLimits(abort);
      const { transactions, body_bytes } = (await serverLimits) ?? {};
      return {
        transactions: Math.min(ceiling.transactions, comfortable, serverLimit(transactions)),
        operations: ceiling.operations,
        // 1,000 bytes are left for the envelope around the transactions.
        bytes: Math.min(ceiling.bytes, serverLimit(body_bytes) - 1_000),
      };
    },
    patienceMs: () => patienceMs,
    tooMany(transactions) {
      // The server's limits may have changed, so they are fetched again.
      serverLimits = undefined;
      ceiling = { ...ceiling, transactions: transactions >> 1 };
    },
    tooLarge(bytes) {
      serverLimits = undefined;
      ceiling = { ...ceiling, bytes: bytes >> 1 };
    },
    failed(transactions, slow) {
      // If the limits got no response either, the device is probably offline, and the next upload fetches them again.
      if (!responded) serverLimits = undefined;
      if (slow) comfortable = Math.max(1, transactions >> 1);
    },
    succeeded() {
      comfortable = Math.min(batch.transactions, comfortable * 2);
    },
  };
}

/** Unchecked: another kind of server may have sent anything. */
interface ServerLimits {
  readonly transactions?: unknown;
  readonly body_bytes?: unknown;
}

/** A timer accepts at most 2^31 - 1 milliseconds, and waiting forever would not help the queue. */
const mostPatienceMs = 3_600_000;
const onTheWayMs = 10_000;

/** The last transaction of a request may begin just before the time is up, and recording its failure takes another database transaction. */
function serverPatience(body: unknown): number {
  const { timeouts } = (body ?? {}) as { timeouts?: Readonly<Record<string, unknown>> | null };
  const [request, transaction] = [timeouts?.["request_ms"], timeouts?.["transaction_ms"]];
  if (typeof request !== "number" || typeof transaction !== "number") return 0;
  const ms = request + 2 * transaction + onTheWayMs;
  return ms > 0 ? Math.min(ms, mostPatienceMs) : 0;
}

function serverLimit(value: unknown): number {
  return typeof value === "number" && value > 0 ? value : Infinity;
}
