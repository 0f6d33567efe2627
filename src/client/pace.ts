/** How much goes into the next request: what the application allows, what the server takes, and what has gone well of late. */
import { below, type Endpoint, exchange } from "./http.js";
import type { Bounds } from "./queue.js";

export interface Pace {
  /** Asks for the server's limits, once, where there is more than one operation; a server that tells none has none. */
  bounds(pending: number): Promise<Bounds>;
  /** A request of so many was more than the server takes, and will be. */
  tooMany(transactions: number): void;
  tooLarge(bytes: number): void;
  /** There was no answer to so many. `slow`: it took too long. */
  failed(transactions: number, slow: boolean): void;
  wentWell(): void;
}

export function createPace(wanted: Bounds, endpoint: Endpoint): Pace {
  let server: Promise<Limits> | undefined;
  let asked = false;
  let ceiling = wanted;
  // Shrinks when requests take too long, and grows again.
  let comfortable = wanted.transactions;

  async function askServer(): Promise<Limits> {
    try {
      const url = below(endpoint.url, "limits");
      const timeoutMs = Math.min(endpoint.timeoutMs, 10_000);
      const { status, body } = await exchange({ ...endpoint, url, timeoutMs });
      asked = true;
      return (status === 200 && (body as { limits?: Limits } | null)?.limits) || {};
    } catch {
      return {};
    }
  }

  return {
    async bounds(pending) {
      if (pending > 1) server ??= askServer();
      const { transactions, body_bytes } = (await server) ?? {};
      return {
        transactions: Math.min(ceiling.transactions, comfortable, limit(transactions)),
        operations: ceiling.operations,
        // Room for the envelope.
        bytes: Math.min(ceiling.bytes, limit(body_bytes) - 1_000),
      };
    },
    tooMany(transactions) {
      // The limits may have changed.
      server = undefined;
      ceiling = { ...ceiling, transactions: transactions >> 1 };
    },
    tooLarge(bytes) {
      server = undefined;
      ceiling = { ...ceiling, bytes: bytes >> 1 };
    },
    failed(transactions, slow) {
      // Offline, most likely: the next upload asks again. One that is answered does not: the limits alone can't be had.
      if (!asked) server = undefined;
      if (slow) comfortable = Math.max(1, transactions >> 1);
    },
    wentWell() {
      comfortable = Math.min(wanted.transactions, comfortable * 2);
    },
  };
}

/** As another server may have sent them: anything. */
interface Limits {
  readonly transactions?: unknown;
  readonly body_bytes?: unknown;
}

function limit(value: unknown): number {
  return typeof value === "number" && value > 0 ? value : Infinity;
}
