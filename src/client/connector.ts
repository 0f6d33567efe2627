/** What an application hands to PowerSync's `connect()`. */
import {
  createFetchCredentials,
  createOpenSession,
  type Credentials,
  requireToken,
} from "./session.js";
import {
  type ConnectorOptions,
  defaultBatch,
  defaultTimeoutMs,
  type UploadDatabase,
} from "./options.js";
import { createPace, drain, type Uploader } from "./drain.js";
import { malformed, statusError, type UploadError } from "./errors.js";
import { below, exchange } from "./http.js";
import { discardRejected, listRejected, type RejectedWrite, resendRejected } from "./rejected.js";
import type { QueuedOperation } from "./transaction.js";

/** What one call waits at most: PowerSync's `disconnect()` waits for it. */
const longestWaitMs = 5_000;
/** What a server may ask for at most. */
const longestRetryAfterMs = 300_000;

/**
 * A backend connector for the PowerSync SDKs: credentials from `getToken`, and uploads to a powersync-writes endpoint, or to any that
 * speaks PowerSync's write API.
 *
 * Its functions don't need `this`: `subscribe` and `status` fit React's `useSyncExternalStore`.
 */
export class PowerSyncWriteConnector {
  readonly #uploader: Uploader;
  readonly #running = new WeakMap<UploadDatabase, Promise<void>>();
  #pause: { readonly until: number; readonly error: unknown } | undefined;

  /** For PowerSync: the token, and when it expires. */
  readonly fetchCredentials: () => Promise<Credentials | null>;

  /** For PowerSync, with the option `checkpointRequests`: asks the endpoint for a checkpoint. Rejects with an UploadError. */
  readonly postCheckpointRequest?: (clientId: string, requestId: string) => Promise<string>;

  constructor(options: ConnectorOptions) {
    const endpoint = {
      url: options.url,
      headers: options.headers ?? {},
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      // Looked up with each call, as it may be replaced; and called on nothing, as browsers insist.
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
    // The SDK warns of a connector that has it while nobody asks for checkpoints.
    if (options.checkpointRequests) {
      this.postCheckpointRequest = (...ids) => this.#requestCheckpoint(...ids);
    }
  }

  /**
   * Sends the upload queue, until it is empty. PowerSync calls it; an application may call it itself, also without `connect()`.
   *
   * @throws UploadError where something is still in the queue. What was accepted has left it.
   */
  readonly uploadData = (database: UploadDatabase): Promise<void> => {
    const running = this.#running.get(database) ?? this.#upload(database);
    this.#running.set(database, running);
    return running;
  };

  async #upload(database: UploadDatabase): Promise<void> {
    const { status } = this.#uploader;
    try {
      await this.#waitUntilWelcome();
      await drain(this.#uploader, database);
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

  /** The server's `Retry-After`, in pieces: what is left of it is waited for by the next calls. */
  async #pauseFor(error: unknown): Promise<void> {
    const { retryAfterMs = 0 } = error as UploadError;
    if (this.#pause?.error === error || !(retryAfterMs > 0)) return;
    this.#pause = { until: Date.now() + Math.min(retryAfterMs, longestRetryAfterMs), error };
    await wait(Math.min(retryAfterMs, longestWaitMs));
  }

  async #waitUntilWelcome(): Promise<void> {
    const { until = 0, error } = this.#pause ?? {};
    const left = until - Date.now();
    // Longer than can be: somebody has set the clock back.
    if (left > 0 && left <= longestRetryAfterMs) {
      await wait(Math.min(left, longestWaitMs));
      if (left > longestWaitMs) throw error;
    }
    this.#pause = undefined;
  }

  /** The same object until something changes. */
  get status(): UploadStatus {
    return this.#uploader.status.get();
  }

  /** @returns a function that ends it */
  readonly subscribe = (listener: StatusListener): (() => void) =>
    this.#uploader.status.subscribe(listener);

  /** The rejected transactions in the table of `deadLetters`. */
  readonly rejected = (database: UploadDatabase): Promise<readonly RejectedWrite[]> =>
    listRejected(database, this.#table);

  /**
   * Queues a rejected transaction again, as it was or edited, and takes it from the table: both or neither.
   *
   * @throws UploadError UNKNOWN_REJECTED_WRITE
   */
  readonly resend = (
    database: UploadDatabase,
    id: string,
    edited?: readonly QueuedOperation[],
  ): Promise<void> => resendRejected(database, this.#table, id, edited);

  /** Takes a rejected transaction from the table. */
  readonly discard = (database: UploadDatabase, id: string): Promise<void> =>
    discardRejected(database, this.#table, id);

  get #table(): string {
    const { deadLetters } = this.#uploader.options;
    if (deadLetters === undefined) throw new TypeError("There is no `deadLetters` option.");
    return deadLetters.table;
  }

  async #requestCheckpoint(clientId: string, requestId: string): Promise<string> {
    const { endpoint, options } = this.#uploader;
    const body = JSON.stringify({ client_id: clientId, checkpoint_request_id: requestId });
    const url = below(endpoint.url, "checkpoint-request");
    const post = async (refresh: boolean) =>
      exchange({ ...endpoint, url }, body, await requireToken(options, refresh));
    let answer = await post(false);
    if (answer.status === 401) answer = await post(true);
    // The SDK takes null for a connector without this method; its types say nothing of that.
    if (answer.status === 404) return null as unknown as string;
    if (answer.status !== 200) throw statusError(answer.status, undefined, answer.retryAfterMs);
    const id = (answer.body as { checkpoint_request_id?: unknown } | null)?.checkpoint_request_id;
    if (typeof id !== "string") {
      throw malformed();
    }
    return id;
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// What a user interface shows of the upload.
/** A new object with every change, never altered. */
export interface UploadStatus {
  readonly uploading: boolean;
  /** Operations in the queue when it was last looked at. */
  readonly pending: number;
  /** Why the last upload ended early. Gone once something has been accepted. */
  readonly error?: UploadError | Error | undefined;
  /** Rejected transactions in the table for them; without one, those rejected since the connector was made. */
  readonly rejected: number;
}

export type StatusListener = (status: UploadStatus) => void;

export interface StatusStore {
  get(): UploadStatus;
  change(change: Partial<UploadStatus>): void;
  subscribe(listener: StatusListener): () => void;
}

function createStatusStore(): StatusStore {
  let status: UploadStatus = { uploading: false, pending: 0, rejected: 0 };
  const listeners = new Set<StatusListener>();
  return {
    get: () => status,
    change(change) {
      const keys = Object.keys(change) as (keyof UploadStatus)[];
      if (keys.every((key) => change[key] === status[key])) return;
      status = { ...status, ...change };
      for (const listener of listeners) {
        try {
          listener(status);
        } catch {
          // What is shown has no say in what is sent.
        }
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
