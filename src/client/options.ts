/** What an application tells the connector, and what it has for granted. */
import type { FatalFailure, Fetch } from "./http.js";
import type { Bounds } from "./queue.js";
import type { QueuedTransaction } from "./transaction.js";

type MaybePromise<T> = T | Promise<T>;

export interface UserChange {
  /** Whom the queue belongs to. */
  readonly from: string;
  /** Whom the token speaks for. */
  readonly to: string;
  /** Operations in the queue. */
  readonly pending: number;
}

export interface ConnectorOptions {
  /** The write endpoint, whole: `https://api.example.com/api/data`. */
  readonly url: string;
  /** The PowerSync instance. */
  readonly powersyncUrl: string;
  /**
   * The signed-in user's token, for PowerSync and for the endpoint; `null` where nobody is signed in.
   *
   * @param options.refresh the last one was refused or has expired: get a new one
   */
  readonly getToken: (options: { readonly refresh: boolean }) => MaybePromise<string | null>;
  /**
   * Whose token it is. By default the `sub` of a JWT; needed only where tokens are no JWTs.
   */
  readonly subject?: (token: string) => string | undefined;
  /**
   * Asked for every transaction that the server refuses for good. `retain`: it stays in the queue, and everything behind it.
   * May be asked again for the same one. By default what the server has recorded, or `deadLetters` keeps, completes; anything else
   * is retained.
   */
  readonly onFatalTransaction?: (
    failure: FatalFailure,
    transaction: QueuedTransaction,
  ) => MaybePromise<"retain" | "complete">;
  /** A local-only table of the application's, in which rejected transactions are kept. */
  readonly deadLetters?: { readonly table: string };
  /**
   * The queue holds what another user wrote. `hold` (default): nothing is sent, and `uploadData` throws USER_CHANGED. `send`: it goes in
   * the new user's name. `discard`: what is known to be the other user's is dropped.
   */
  readonly onUserChanged?: (change: UserChange) => MaybePromise<"hold" | "send" | "discard">;
  /** At most so much in one request; a server may take less. Default 100 transactions, 1,000 operations, 1 MiB. */
  readonly batch?: Partial<Bounds>;
  /** For one request, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
  /**
   * Checkpoints are asked for at the endpoint, for a server with `checkpoints` that applies writes later than it answers. Connect with
   * `checkpointMode: "requests"`, too. Default false.
   */
  readonly checkpointRequests?: boolean;
  /** Sent with every request to the endpoint. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default the global one. */
  readonly fetch?: Fetch;
}

export const defaultBatch: Bounds = { transactions: 100, operations: 1_000, bytes: 1_048_576 };

export const defaultTimeoutMs = 60_000;

// What the connector needs of a PowerSync database: its own words for what the SDKs for web, React Native, Node and Capacitor all have.

/** One change of the upload queue, as the SDK reads it. */
export interface QueueEntry {
  /** The entry's id in the queue. */
  readonly clientId: number;
  readonly op: string;
  readonly table: string;
  readonly id: string;
  readonly transactionId?: number | null;
  readonly opData?: Readonly<Record<string, unknown>> | null | undefined;
  readonly previousValues?: Readonly<Record<string, unknown>> | null | undefined;
  readonly metadata?: string | null;
}

/** The entries at the head of the queue. `complete` takes them, and whatever is in front of them, off it. */
export interface QueueBatch {
  readonly crud: readonly QueueEntry[];
  complete(): Promise<void>;
}

export interface SqlExecutor {
  getAll<T>(sql: string, parameters?: unknown[]): Promise<T[]>;
  execute(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** A PowerSync database, whichever SDK it comes from. */
export interface UploadDatabase extends SqlExecutor {
  getClientId(): Promise<string>;
  getCrudBatch(limit?: number): Promise<QueueBatch | null>;
  writeTransaction<T>(callback: (tx: SqlExecutor) => Promise<T>): Promise<T>;
}

/** A name in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
