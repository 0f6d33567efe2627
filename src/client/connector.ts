/** `PowerSyncWriteConnector`: the backend connector that an application passes to PowerSync's `connect()`. */
import type { QueuedOperation, UploadDatabase } from "./transaction.js";
import { malformedResponse, statusError, type UploadError } from "./errors.js";
import { exchange, routeUrl } from "./http.js";
import { type ConnectorOptions, defaultBatch, defaultTimeoutMs } from "./options.js";
import { createPace } from "./pace.js";
import { discardRejected, listRejected, type RejectedWrite, resendRejected } from "./rejected.js";
import {
  createFetchCredentials,
  createOpenSession,
  type Credentials,
  requireToken,
} from "./session.js";
import { createStatusStore, type StatusListener, type UploadStatus } from "./status.js";
import { type Uploader, uploadQueue } from "./upload.js";

/** The longest wait in one call of `uploadData`, for which PowerSync's `disconnect()` waits. */
const maxWaitMs = 5_000;
/**
 * How long one checkpoint request may stay unanswered by the PowerSync service. The SDK asks for it again every 10 seconds. A service that does
 * not read the application's checkpoints never answers, and the device would take in nothing any more.
 */
const checkpointPatienceMs = 60_000;
/** The longest `Retry-After` that is obeyed. */
const maxRetryAfterMs = 300_000;

/**
 * A backend connector for the PowerSync SDKs: gives credentials from `getToken`, and uploads to a powersync-writes endpoint, or to another
 * that speaks PowerSync's write API.
 *
 * Its functions can be passed on without `this`: `subscribe`, for example, to React's `useSyncExternalStore`.
 *
 * @example
 * const connector = new PowerSyncWriteConnector({
 *   url: "https://api.example.com/api/data",
 *   powersyncUrl: "https://instance.powersync.journeyapps.com",
 *   getToken: ({ refresh }) => session.accessToken({ refresh }),
 * });
 * await database.connect(connector);
 */
export class PowerSyncWriteConnector {
  readonly #uploader: Uploader;
  readonly #running = new WeakMap<UploadDatabase, Promise<void>>();
  #checkpoint: { readonly id: string; readonly since: number } | undefined;
  #checkpointsIgnored = false;
  #pause: { readonly until: number; readonly error: unknown } | undefined;

  /** Called by PowerSync. Gives the token, and when it expires; null where nobody is signed in. */
  readonly fetchCredentials: () => Promise<Credentials | null>;

  /**
   * Called by PowerSync. Requests a checkpoint from the endpoint. Present with the option `checkpointRequests` only. Where the PowerSync service has not
   * answered one within a minute it does not read them, and is asked itself from then on. Rejects with an UploadError.
   */
  readonly postCheckpointRequest?: (clientId: string, requestId: string) => Promise<string>;

  constructor(options: ConnectorOptions) {
    const endpoint = {
      url: options.url,
      headers: options.headers ?? {},
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      // The global is read with each call, as it may be replaced later. It is called without a receiver: browsers refuse any but the window.
      fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    };
    this.#uploader = {
      options,
      endpoint,
      pace: createPace({ ...defaultBatch, ...options.batch }, endpoint),
      status: createStatusStore(),
      openSession: createOpenSession(options),
    };
    this.fetchCredentials = createFetchCredentials(options);
    // Absent without the option: the SDK warns of a connector that has the method while checkpoint requests are off.
    if (options.checkpointRequests) {
      this.postCheckpointRequest = (...ids) => this.#requestCheckpoint(...ids);
    }
  }

  /**
   * Sends the upload queue until it is empty. PowerSync calls it; an application may call it too, also without `connect()`.
   * A call during an upload waits for that upload.
   *
   * @throws UploadError where something is still in the queue. What the server accepted has left it.
   */
  readonly uploadData = (database: UploadDatabase): Promise<void> => {
    const running = this.#running.get(database) ?? this.#upload(database);
    this.#running.set(database, running);
    return running;
  };

  async #upload(database: UploadDatabase): Promise<void> {
    const { status } = this.#uploader;
    try {
      await this.#waitForPause();
      await uploadQueue(this.#uploader, database);
      status.change({ error: undefined });
    } catch (error) {
      status.change({ uploading: false, error: error as UploadError });
      await this.#pauseFor(error);
      throw error;
    } finally {
      this.#running.delete(database);
      status.change({ uploading: false });
    }
  }

  /** Waits for the server's `Retry-After`, for `maxWaitMs` at most; the next calls of `uploadData` wait for the rest. */
  async #pauseFor(error: unknown): Promise<void> {
    const { retryAfterMs = 0 } = error as UploadError;
    if (this.#pause?.error === error || !(retryAfterMs > 0)) return;
    this.#pause = { until: Date.now() + Math.min(retryAfterMs, maxRetryAfterMs), error };
    await wait(Math.min(retryAfterMs, maxWaitMs));
  }

  async #waitForPause(): Promise<void> {
    const { until = 0, error } = this.#pause ?? {};
    const left = until - Date.now();
    // More than the maximum can only be left where the clock has been set back. Then the pause is over.
    if (left > 0 && left <= maxRetryAfterMs) {
      await wait(Math.min(left, maxWaitMs));
      if (left > maxWaitMs) throw error;
    }
    this.#pause = undefined;
  }

  /** The state of the upload. The same object until something changes. */
  get status(): UploadStatus {
    return this.#uploader.status.get();
  }

  /**
   * Calls the listener with every change of `status`.
   *
   * @returns a function that ends the subscription
   */
  readonly subscribe = (listener: StatusListener): (() => void) =>
    this.#uploader.status.subscribe(listener);

  /** Lists the rejected transactions in the table of `deadLetters`, oldest first. Throws a TypeError without that option. */
  readonly rejected = (database: UploadDatabase): Promise<readonly RejectedWrite[]> =>
    listRejected(database, this.#table);

  /**
   * Adds a rejected transaction to the queue again, as it was or edited, and deletes it from the table, in one local transaction.
   *
   * @throws UploadError UNKNOWN_REJECTED_WRITE
   */
  readonly resend = (
    database: UploadDatabase,
    id: string,
    edited?: readonly QueuedOperation[],
  ): Promise<void> => resendRejected(database, this.#table, id, edited);

  /** Deletes a rejected transaction from the table. */
  readonly discard = (database: UploadDatabase, id: string): Promise<void> =>
    discardRejected(database, this.#table, id);

  get #table(): string {
    const { deadLetters } = this.#uploader.options;
    if (deadLetters === undefined) throw new TypeError("There is no `deadLetters` option.");
    return deadLetters.table;
  }

  async #requestCheckpoint(clientId: string, requestId: string): Promise<string> {
    const { endpoint, options } = this.#uploader;
    if (this.#isIgnored(`${clientId} ${requestId}`)) return askPowerSync;
    const body = JSON.stringify({ client_id: clientId, checkpoint_request_id: requestId });
    const url = routeUrl(endpoint.url, "/checkpoint-request");
    const post = async (refresh: boolean) =>
      exchange({ ...endpoint, url }, body, await requireToken(options, refresh));
    let response = await post(false);
    if (response.status === 401) response = await post(true);
    if (response.status === 404) return askPowerSync;
    if (response.status !== 200) {
      throw statusError(response.status, undefined, response.retryAfterMs);
    }
    const id = (response.body as { checkpoint_request_id?: unknown } | null)?.checkpoint_request_id;
    if (typeof id !== "string") throw malformedResponse();
    return id;
  }

  /** Whether the service has been seen to read no checkpoints of the application's. */
  #isIgnored(id: string): boolean {
    const now = Date.now();
    if (this.#checkpoint?.id !== id) this.#checkpoint = { id, since: now };
    else if (now - this.#checkpoint.since >= checkpointPatienceMs) this.#checkpointsIgnored = true;
    return this.#checkpointsIgnored;
  }
}

/** The SDK takes null as "this connector has no such method", though its types don't say so. */
const askPowerSync = null as unknown as string;

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
