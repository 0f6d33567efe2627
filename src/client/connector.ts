/** `PowerSyncWriteConnector`: the backend connector that an application passes to PowerSync's `connect()`. */
import {
  createFetchCredentials,
  type Credentials,
  createCheckpointRequests,
  type RequestCheckpoint,
} from "./authenticator.js";
import type { ConnectorOptions } from "./options.js";
import type { RejectedWrite } from "./rejected.js";
import type { StatusListener, UploadStatus } from "./status.js";
import type { QueuedOperation, UploadDatabase } from "./transaction.js";
import { type PowerSyncUploader, powersyncUploader } from "./uploader.js";

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
  readonly #uploader: PowerSyncUploader;

  /** Called by PowerSync. Gives the token, and when it expires; null where nobody is signed in. */
  readonly fetchCredentials: () => Promise<Credentials | null>;

  /**
   * Called by PowerSync. Requests a checkpoint from the endpoint. Present with the option `checkpointRequests` only. Where the PowerSync service has not
   * answered one within a minute it does not read them, and is asked itself from then on. Rejects with an UploadError.
   */
  readonly postCheckpointRequest?: RequestCheckpoint;

  constructor(options: ConnectorOptions) {
    this.#uploader = powersyncUploader(options);
    this.fetchCredentials = createFetchCredentials(options);
    // Absent without the option, as in an authenticator.
    if (options.checkpointRequests) this.postCheckpointRequest = createCheckpointRequests(options);
  }

  /**
   * Sends the upload queue until it is empty. PowerSync calls it; an application may call it too, also without `connect()`.
   * A call during an upload waits for that upload.
   *
   * @throws UploadError where something is still in the queue. What the server accepted has left it.
   */
  readonly uploadData = (database: UploadDatabase): Promise<void> =>
    this.#uploader.uploadMutations({ database });

  /** The state of the upload. The same object until something changes. */
  get status(): UploadStatus {
    return this.#uploader.status;
  }

  /**
   * Calls the listener with every change of `status`.
   *
   * @returns a function that ends the subscription
   */
  readonly subscribe = (listener: StatusListener): (() => void) =>
    this.#uploader.subscribe(listener);

  /** Lists the rejected transactions in the table of `deadLetters`, oldest first. Throws a TypeError without that option. */
  readonly rejected = (database: UploadDatabase): Promise<readonly RejectedWrite[]> =>
    this.#uploader.rejected(database);

  /**
   * Adds a rejected transaction to the queue again, as it was or edited, and deletes it from the table, in one local transaction.
   *
   * @throws UploadError UNKNOWN_REJECTED_WRITE
   */
  readonly resend = (
    database: UploadDatabase,
    id: string,
    edited?: readonly QueuedOperation[],
  ): Promise<void> => this.#uploader.resend(database, id, edited);

  /** Deletes a rejected transaction from the table. */
  readonly discard = (database: UploadDatabase, id: string): Promise<void> =>
    this.#uploader.discard(database, id);
}
