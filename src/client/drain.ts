/** The upload itself: from the head of the queue, batch by batch, until it is empty or something stands in the way. */
import {
  below,
  type Endpoint,
  exchange,
  type HttpAnswer,
  readMessage,
  readResults,
} from "./http.js";
import type { ConnectorOptions, UploadDatabase } from "./options.js";
import { malformed, statusError, type UploadError } from "./errors.js";
import { type OpenSession, readState, remember } from "./session.js";
import { type Bounds, type Head, readHead } from "./queue.js";
import { countRejected, forgetQueued } from "./rejected.js";
import { decide, settle, type Settling, wireTransaction } from "./transaction.js";
import type { StatusStore } from "./connector.js";

export interface Uploader {
  readonly options: ConnectorOptions;
  readonly endpoint: Endpoint;
  readonly pace: Pace;
  readonly status: StatusStore;
  readonly openSession: OpenSession;
}

/** @throws UploadError, or the local database's own. What was accepted has left the queue; everything else is in it. */
export async function drain(uploader: Uploader, database: UploadDatabase): Promise<void> {
  const { options, pace, status, openSession } = uploader;
  const table = options.deadLetters?.table;
  const look = async () => {
    const state = await readState(database);
    status.change({ pending: state.pending });
    return state;
  };
  const recount = async () => {
    const rejected =
      table === undefined ? status.get().rejected + 1 : await countRejected(database, table);
    status.change({ rejected });
  };

  let state = await look();
  if (table !== undefined) await recount();
  if (state.pending === 0) return;
  status.change({ uploading: true });
  let session = await openSession(database, state, false);
  let refreshed = false;
  const clientId = await database.getClientId();
  if (table !== undefined) {
    await forgetQueued(database, table, session.queueId);
    await recount();
  }

  for (;;) {
    const head = await readHead(database, await pace.bounds(state.pending));
    if (head === undefined) break;
    const { queueId, subject, token } = session;
    const answer = await send(uploader, token, head, requestBody(clientId, queueId, head));
    if (answer.status === 401 && !refreshed) {
      // Once: a second refusal is not the token's age.
      refreshed = true;
      session = await openSession(database, await look(), true);
      continue;
    }
    refreshed = false;
    if (smaller(pace, answer, head)) continue;
    try {
      await accept({ options, database, queueId, head, onRejected: recount }, answer);
    } finally {
      state = await look();
    }
    pace.wentWell();
    status.change({ error: undefined });
    if (state.pending === 0) break;
    session = { ...session, queueId: (await remember(database, state, subject)).id };
  }
}

function requestBody(clientId: string, queueId: string, { transactions }: Head): string {
  return JSON.stringify({
    client_id: clientId,
    queue_id: queueId,
    transactions: transactions.map(wireTransaction),
  });
}

async function send(
  { endpoint, pace }: Uploader,
  token: string,
  { transactions }: Head,
  body: string,
): Promise<HttpAnswer> {
  try {
    const answer = await exchange(endpoint, body, token);
    // What a gateway says when the server takes too long.
    if (answer.status === 504) pace.failed(transactions.length, true);
    return answer;
  } catch (error) {
    pace.failed(transactions.length, (error as UploadError).code === "TIMEOUT");
    throw error;
  }
}

/** Whether the same is to be tried with less. */
function smaller(pace: Pace, { status }: HttpAnswer, { transactions, bytes }: Head): boolean {
  if (transactions.length < 2 || (status !== 413 && status !== 400)) return false;
  if (status === 413) pace.tooLarge(bytes);
  else pace.tooMany(transactions.length);
  return true;
}

async function accept(settling: Settling, answer: HttpAnswer): Promise<void> {
  const { status, body, retryAfterMs } = answer;
  const { options, head, onRejected } = settling;
  if (status === 200) {
    const results = readResults(body, head.transactions.length);
    if (results !== undefined) return settle(settling, results);
    throw malformed();
  }
  const error = statusError(status, readMessage(body), retryAfterMs);
  const [transaction] = head.transactions;
  if (status !== 413 || options.onFatalTransaction === undefined || transaction === undefined)
    throw error;
  // Alone, and still too large: it would stand there for ever.
  const { code, message } = error;
  await decide(settling, { code, message, requiresClientHandling: true }, transaction);
  await onRejected();
  await head.complete(0, 1);
}

// How much goes into the next request: what the application allows, what the server takes, and what has gone well of late.
interface Pace {
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
