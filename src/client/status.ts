/** What a user interface shows of the upload. */
import type { UploadError } from "./errors.js";

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
