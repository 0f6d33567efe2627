/** The half of a connector that uploads, and that needs no PowerSync service. */
import type { QueuedOperation, UploadDatabase } from "./transaction.js";
import type { UploadError } from "./errors.js";
import { defaultBatch, endpointOf, type UploaderOptions } from "./options.js";
import { createPace } from "./pace.js";
import { discardRejected, listRejected, type RejectedWrite, resendRejected } from "./rejected.js";
import { createOpenSession } from "./session.js";
import { createStatusStore, type StatusListener, type UploadStatus } from "./status.js";
import { uploadQueue } from "./upload.js";
import { unlessAborted, wait } from "./abortable.js";

/** The longest wait in one upload, for which PowerSync's `disconnect()` waits. */
const maxWaitMs = 5_000;
/** The longest `Retry-After` that is obeyed. */
const maxRetryAfterMs = 300_000;

/** What `powersyncUploader` returns. Its functions can be passed on without `this`. */
export interface PowerSyncUploader {
  /**
   * Sends the upload queue until it is empty: a `MutationUploader`, as the PowerSync SDKs call it. A call during an upload of the same database
   * waits for that upload.
   *
   * With the abort, its request and its waiting end, and nothing more leaves the queue: what the server has accepted meanwhile is sent
   * again by the next upload, and the server recognizes it.
   *
   * @throws UploadError where something is still in the queue. What the server accepted has left it.
   */
  readonly uploadMutations: (options: UploadMutationsOptions) => Promise<void>;
  /** The state of the upload. The same object until something changes. */
  readonly status: UploadStatus;
  /**
   * Calls the listener with every change of `status`.
   *
   * @returns a function that ends the subscription
   */
  readonly subscribe: (listener: StatusListener) => () => void;
  /** Lists the rejected transactions in the table of `deadLetters`, oldest first. Throws a TypeError without that option. */
  readonly rejected: (database: UploadDatabase) => Promise<readonly RejectedWrite[]>;
  /**
   * Adds a rejected transaction to the queue again, as it was or edited, and deletes it from the table, in one local transaction.
   *
   * @throws UploadError UNKNOWN_REJECTED_WRITE
   */
  readonly resend: (
    database: UploadDatabase,
    id: string,
    edited?: readonly QueuedOperation[],
  ) => Promise<void>;
  /** Deletes a rejected transaction from the table. */
  readonly discard: (database: UploadDatabase, id: string) => Promise<void>;
}

/** What is uploaded, and until when. */
export interface UploadMutationsOptions {
  readonly database: UploadDatabase;
  /** The caller is not interested in the upload any more: it has disconnected, for example. */
  readonly abort?: AbortSignal | undefined;
}

/**
 * The half of `PowerSyncWriteConnector` that uploads, for SDKs that take a connector in two parts and for apps that only upload. The other
 * half is `powersyncAuthenticator`.
 *
 * @example
 * const uploader = powersyncUploader({ url: "https://api.example.com/api/data", getToken });
 * await uploader.uploadMutations({ database, abort: AbortSignal.timeout(20_000) });
 */
export function powersyncUploader(options: UploaderOptions): PowerSyncUploader {
  const endpoint = endpointOf(options);
  const status = createStatusStore();
  const uploading = {
    options,
    endpoint,
    pace: createPace({ ...defaultBatch, ...options.batch }, endpoint),
    status,
    openSession: createOpenSession(options),
  };
  const running = new WeakMap<UploadDatabase, Promise<void>>();
  let pause: { readonly until: number; readonly error: unknown } | undefined;

  async function uploadMutations({ database, abort }: UploadMutationsOptions): Promise<void> {
    const joined = running.get(database);
    if (joined === undefined) {
      const started = upload(database, abort);
      running.set(database, started);
      return started;
    }
    try {
      await unlessAborted(abort, () => joined);
    } catch (error) {
      if ((error as UploadError).code !== "ABORTED" || abort?.aborted) throw error;
      // Only the caller that began the upload has aborted it.
      await uploadMutations({ database, abort });
    }
  }

  async function upload(database: UploadDatabase, abort: AbortSignal | undefined): Promise<void> {
    try {
      await waitForPause(abort);
      await uploadQueue(uploading, database, abort);
      status.change({ error: undefined });
    } catch (error) {
      if (!abort?.aborted) status.change({ uploading: false, error: error as UploadError });
      await pauseFor(error, abort);
      throw error;
    } finally {
      running.delete(database);
      status.change({ uploading: false });
    }
  }

  /** Waits for the server's `Retry-After`, for `maxWaitMs` at most; the next uploads wait for the rest. */
  async function pauseFor(error: unknown, abort: AbortSignal | undefined): Promise<void> {
    const { retryAfterMs = 0 } = error as UploadError;
    if (pause?.error === error || !(retryAfterMs > 0)) return;
    pause = { until: Date.now() + Math.min(retryAfterMs, maxRetryAfterMs), error };
    await wait(Math.min(retryAfterMs, maxWaitMs), abort);
  }

  async function waitForPause(abort: AbortSignal | undefined): Promise<void> {
    const { until = 0, error } = pause ?? {};
    const left = until - Date.now();
    // More than the maximum can only be left where the clock has been set back. Then the pause is over.
    if (left > 0 && left <= maxRetryAfterMs) {
      await wait(Math.min(left, maxWaitMs), abort);
      if (left > maxWaitMs) throw error;
    }
    pause = undefined;
  }

  function table(): string {
    if (options.deadLetters === undefined) throw new TypeError("There is no `deadLetters` option.");
    return options.deadLetters.table;
  }

  return {
    uploadMutations,
    get status() {
      return status.get();
    },
    subscribe: (listener) => status.subscribe(listener),
    rejected: (database) => listRejected(database, table()),
    resend: (database, id, edited) => resendRejected(database, table(), id, edited),
    discard: (database, id) => discardRejected(database, table(), id),
  };
}
