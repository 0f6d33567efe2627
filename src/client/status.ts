/** The state of the upload, for a user interface to show. */
import type { UploadError } from "./errors.js";

/** Immutable: every change makes a new object. */
export interface UploadStatus {
  readonly uploading: boolean;
  /** The number of operations in the queue when it was last read. */
  readonly pending: number;
  /** Why the last upload ended early. Removed once the server has accepted something. */
  readonly error?: UploadError | Error | undefined;
  /** The number of rejected transactions in the table of `deadLetters`; without that option, of those rejected since the connector was made. */
  readonly rejected: number;
}

/** Called with every change of the connector's status. */
export type StatusListener = (status: UploadStatus) => void;

export interface StatusStore {
  get(): UploadStatus;
  change(change: Partial<UploadStatus>): void;
  /** @returns a function that ends the subscription */
  subscribe(listener: StatusListener): () => void;
}

export function createStatusStore(): StatusStore {
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
          // An error of the user interface must not stop the upload.
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
