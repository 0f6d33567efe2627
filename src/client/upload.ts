/** The upload: sends the queue from its head, request by request, and removes what the server has accepted. */
import { type QueuedTransaction, queuedToWire, type UploadDatabase } from "./transaction.js";
import { malformedResponse, statusError, uploadError, type UploadError } from "./errors.js";
import {
  type Endpoint,
  exchange,
  type FatalFailure,
  type HttpResponse,
  readMessage,
  readResults,
  type WireResult,
} from "./http.js";
import type { UploaderOptions } from "./options.js";
import type { Pace } from "./pace.js";
import { type Head, readHead } from "./queue.js";
import { countRejected, forgetQueued, keepRejected } from "./rejected.js";
import {
  type OpenSession,
  type QueueRecord,
  readState,
  remember,
  rememberAsked,
  timesAsked,
} from "./session.js";
import type { StatusStore } from "./status.js";
import { callApplication, throwIfAborted } from "./abortable.js";

/** What all uploads of one uploader share. */
export interface Uploading {
  readonly options: UploaderOptions;
  readonly endpoint: Endpoint;
  readonly pace: Pace;
  readonly status: StatusStore;
  readonly openSession: OpenSession;
}

/**
 * Sends the queue until it is empty, or until the abort. Nothing leaves the queue after the abort.
 *
 * @throws UploadError, or an error of the local database. What the server accepted has left the queue; everything else is still in it.
 */
export async function uploadQueue(
  uploading: Uploading,
  database: UploadDatabase,
  abort: AbortSignal | undefined,
): Promise<void> {
  const { options, pace, status, openSession } = uploading;
  const table = options.deadLetters?.table;
  const readQueue = async () => {
    const state = await readState(database);
    status.change({ pending: state.pending });
    return state;
  };
  const recount = async () => {
    const rejected =
      table === undefined ? status.get().rejected + 1 : await countRejected(database, table);
    status.change({ rejected });
  };

  let state = await readQueue();
  if (table !== undefined) await recount();
  if (state.pending === 0) return;
  status.change({ uploading: true });
  let session = await openSession(database, state, false, abort);
  let refreshed = false;
  const clientId = await database.getClientId();
  if (table !== undefined) {
    await forgetQueued(database, table, session.queue.id);
    await recount();
  }

  for (;;) {
    const head = await readHead(database, await pace.bounds(state.pending, abort));
    if (head === undefined) break;
    const { queue, subject, token } = session;
    const body = requestBody(clientId, queue, head);
    const response = await send(uploading, token, head, body, abort);
    if (response.status === 401 && !refreshed) {
      // A new token is tried once. A second 401 has another cause than the token's age.
      refreshed = true;
      session = await openSession(database, await readQueue(), true, abort);
      continue;
    }
    refreshed = false;
    if (shrink(pace, response, head)) continue;
    try {
      await accept({ options, database, queue, head, abort, onRejected: recount }, response);
    } finally {
      state = await readQueue();
    }
    pace.succeeded();
    status.change({ error: undefined });
    if (state.pending === 0) break;
    session = { ...session, queue: await remember(database, state, subject) };
  }
}

function requestBody(clientId: string, queue: QueueRecord, { transactions }: Head): string {
  return JSON.stringify({
    client_id: clientId,
    queue_id: queue.id,
    transactions: transactions.map((each) => queuedToWire(each, timesAsked(queue, each))),
  });
}

async function send(
  { endpoint, options, pace }: Uploading,
  token: string,
  { transactions }: Head,
  body: string,
  abort: AbortSignal | undefined,
): Promise<HttpResponse> {
  try {
    const timeoutMs = options.timeoutMs ?? pace.patienceMs();
    const response = await exchange({ ...endpoint, timeoutMs, abort }, body, token);
    // A gateway responds with 504 when the server takes too long.
    if (response.status === 504) pace.failed(transactions.length, true);
    return response;
  } catch (error) {
    pace.failed(transactions.length, (error as UploadError).code === "TIMEOUT");
    throw error;
  }
}

/** Lowers the pace after a request that was too large. Returns whether a smaller request can be tried. */
function shrink(pace: Pace, { status }: HttpResponse, { transactions, bytes }: Head): boolean {
  if (transactions.length < 2 || (status !== 413 && status !== 400)) return false;
  if (status === 413) pace.tooLarge(bytes);
  else pace.tooMany(transactions.length);
  return true;
}

/** One request's transactions, to be removed from the queue or kept there. */
interface Settling {
  readonly options: UploaderOptions;
  readonly database: UploadDatabase;
  readonly queue: QueueRecord;
  readonly head: Head;
  readonly abort: AbortSignal | undefined;
  readonly onRejected: () => Promise<void>;
}

async function accept(settling: Settling, response: HttpResponse): Promise<void> {
  const { status, body, retryAfterMs } = response;
  const { options, onRejected, head } = settling;
  if (status === 200) {
    const results = readResults(body, head.transactions.length);
    if (results !== undefined) return settle(settling, results);
    throw malformedResponse();
  }
  const error = statusError(status, readMessage(body), retryAfterMs);
  const [transaction] = head.transactions;
  if (status !== 413 || options.onFatalTransaction === undefined || transaction === undefined)
    throw error;
  // A single transaction that is too large would block the queue forever, so the application decides.
  const { code, message } = error;
  const failure = { code, message, requiresClientHandling: true };
  const keepAgain = await decide(settling, failure, transaction);
  await onRejected();
  await complete(settling, 0, 1);
  await keepAgain();
}

/** @throws UploadError ABORTED: the queue may be another's by now */
function complete({ head, abort }: Settling, completed: number, accepted: number): Promise<void> {
  throwIfAborted(abort);
  return head.complete(completed, accepted);
}

/**
 * Removes the accepted transactions from the queue, up to the first one that is not. They are removed before the application is asked about
 * a rejected one.
 *
 * @throws UploadError RETRYABLE, RETAINED, CALLBACK_FAILED, ABORTED
 */
async function settle(settling: Settling, results: readonly WireResult[]): Promise<void> {
  const { head, onRejected } = settling;
  let completed = 0;
  let accepted = 0;
  const rejected: (() => Promise<void>)[] = [];
  const completeAccepted = async () => {
    if (accepted > completed) await complete(settling, completed, accepted);
    completed = accepted;
    for (const keepAgain of rejected.splice(0)) await keepAgain();
  };
  for (const [index, result] of results.entries()) {
    if (result.status === "not_attempted") break;
    if (result.status === "retryable_error") {
      await completeAccepted();
      const { message = "The server could not apply it.", retryAfterMs } = result;
      throw uploadError("RETRYABLE", message, { retryAfterMs });
    }
    if (result.status === "fatal_error") {
      await completeAccepted();
      rejected.push(
        await decide(settling, result.failure, head.transactions[index] as QueuedTransaction),
      );
      await onRejected();
    }
    accepted = index + 1;
  }
  await completeAccepted();
  if (accepted === 0) throw uploadError("RETRYABLE", "The server attempted nothing.");
}

/**
 * Returns where the rejected transaction may leave the queue, once it is in the application's table, if there is one. What it returns writes it there
 * again, and is to be called when the transaction has left: in between, another uploader of the same queue, in another tab, takes the row for what is
 * left of a process that ended, and deletes it.
 *
 * @throws UploadError RETAINED, CALLBACK_FAILED, ABORTED
 */
async function decide(
  { options, database, queue, abort }: Settling,
  failure: FatalFailure,
  transaction: QueuedTransaction,
): Promise<() => Promise<void>> {
  const { deadLetters, onFatalTransaction } = options;
  // Where neither the server nor `deadLetters` has the transaction, removing it would lose it.
  let decision =
    failure.requiresClientHandling && deadLetters === undefined ? "retain" : "complete";
  if (onFatalTransaction !== undefined) {
    const ask = () => onFatalTransaction(failure, transaction);
    decision = await callApplication("CALLBACK_FAILED", ask, abort);
  }
  if (decision !== "complete") {
    await rememberAsked(database, queue, transaction);
    const { code, message = "It was rejected." } = failure;
    throw uploadError("RETAINED", `A transaction is kept in the queue: ${message}`, {
      rejectedWith: code,
    });
  }
  const keep = async () => {
    if (deadLetters !== undefined)
      await keepRejected(database, deadLetters.table, queue.id, transaction, failure);
  };
  await keep();
  return keep;
}
