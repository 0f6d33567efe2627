/** The options of the connector and of its two halves. */
import type { Endpoint, FatalFailure, Fetch } from "./http.js";
import type { QueuedTransaction } from "./transaction.js";

type MaybePromise<T> = T | Promise<T>;

/** How to get the user's token. */
export interface TokenOptions {
  /**
   * Returns the signed-in user's token, for PowerSync and for the endpoint; `null` if nobody is signed in.
   *
   * @param options.refresh the last token was refused or has expired: get a new one
   */
  readonly getToken: (options: { readonly refresh: boolean }) => MaybePromise<string | null>;
}

/** The write endpoint, and how it is called. */
export interface EndpointOptions extends TokenOptions {
  /** The full URL of the write endpoint: `https://api.example.com/api/data`. */
  readonly url: string;
  /**
   * The time limit of one request, in milliseconds. Default: longer than the time limits that the server gives at `GET {url}/limits`, and at least 180,000.
   * With a shorter limit than the server's, the server may do the same work again and again.
   */
  readonly timeoutMs?: number;
  /** Sent with every request to the endpoint. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch;
}

/** Options of `powersyncUploader`. */
export interface UploaderOptions extends EndpointOptions {
  /** Says which user a token speaks for. Needed only if tokens are not JWTs. Default: the JWT's `sub`. */
  readonly subject?: (token: string) => string | undefined;
  /**
   * Called for every transaction that the server rejects for good. `complete` removes it from the queue. `retain` keeps it there, and
   * everything behind it. It may be called again for the same transaction.
   *
   * Default: `complete` if the server has recorded the transaction or `deadLetters` keeps it; otherwise `retain`.
   */
  readonly onFatalTransaction?: (
    failure: FatalFailure,
    transaction: QueuedTransaction,
  ) => MaybePromise<"retain" | "complete">;
  /** A local-only table of the application's, in which rejected transactions are kept. */
  readonly deadLetters?: { readonly table: string };
  /**
   * Called when the queue holds another user's writes. `hold` (default) sends nothing, and the upload rejects with USER_CHANGED.
   * `send` sends them in the new user's name. `discard` removes what is known to be the other user's.
   */
  readonly onUserChanged?: (change: UserChange) => MaybePromise<"hold" | "send" | "discard">;
  /** The limits of one request; the server's own limits apply as well. Default 100 transactions, 1,000 operations, 1 MiB. */
  readonly batch?: Partial<Bounds>;
}

/** Options of `powersyncAuthenticator`. The endpoint is needed only for checkpoint requests. */
export type AuthenticatorOptions =
  | (TokenOptions & { readonly checkpointRequests?: false })
  | (EndpointOptions & CheckpointOptions);

/** Options of `PowerSyncWriteConnector`. */
export interface ConnectorOptions extends UploaderOptions, CheckpointOptions {
  /** The URL of the PowerSync instance. */
  readonly powersyncUrl: string;
}

/** Where checkpoints come from. */
export interface CheckpointOptions {
  /**
   * Requests checkpoints from the endpoint, for a server with `checkpoints` that applies writes after it has answered. Connect with
   * `checkpointMode: "requests"` as well. Default false.
   */
  readonly checkpointRequests?: boolean;
}

/** The queue belongs to one user, and the token speaks for another. */
export interface UserChange {
  /** The user to whom the queue belongs. */
  readonly from: string;
  /** The user for whom the token speaks. */
  readonly to: string;
  /** The number of operations in the queue. */
  readonly pending: number;
}

/** The limits of one request. A single transaction that exceeds them is still sent, in a request of its own. */
export interface Bounds {
  readonly transactions: number;
  readonly operations: number;
  readonly bytes: number;
}

export const defaultBatch: Bounds = { transactions: 100, operations: 1_000, bytes: 1_048_576 };

/** A server with the default time limits answers within this time, if it answers at all. */
export const defaultTimeoutMs = 180_000;

/** @throws TypeError without a URL: an environment variable that the build does not know is `undefined`, whatever its type says */
export function endpointOf({
  url,
  headers = {},
  timeoutMs = defaultTimeoutMs,
  ...options
}: EndpointOptions): Endpoint {
  if (!url) throw new TypeError("url is missing: write the whole URL of the write endpoint.");
  return {
    url,
    headers,
    timeoutMs,
    // The global is read with each call, because it may be replaced later. It is called without a receiver: browsers accept only the window as one.
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
  };
}
