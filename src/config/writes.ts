/** The library's face: what `createWrites` returns. */
import type { ClientSchema, Mismatch } from "../check/types.js";
import type { Principal } from "../context.js";
import type { DeadLetters } from "../dead-letters/types.js";
import type { TransactionResult, WriteRequest, WriteResponse } from "../model.js";

/** For a custom route that has authenticated the caller itself. */
export interface CallOptions<P extends Principal> {
  readonly principal: P;
  /** The device, where the body does not say (`client_id`). With it and the entries' `op_id`, a transaction sent twice is applied once. */
  readonly clientId?: string;
  readonly queueId?: string;
  /** Aborted when the caller has left. */
  readonly signal?: AbortSignal;
  readonly correlationId?: string;
  /** Put into the events as it is. */
  readonly traceparent?: string;
}

/** A device, for a custom route that has authenticated the caller itself. */
export interface CheckpointOptions<P extends Principal> {
  readonly principal: P;
  /** 1 to 255 characters. */
  readonly clientId: string;
  /** Aborted when the caller has left. */
  readonly signal?: AbortSignal;
}

/** Which database, where there is one for each tenant. */
export interface DatabaseOf<P extends Principal> {
  readonly principal?: P;
}

/** Problems name tables and roles, each with its remedy: for whoever operates the server, and not for the public. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly problems: readonly string[] };

/** What `writes.health()` gives. */
export interface Health {
  readonly status: "ok" | "draining";
  /** Requests, and calls of a custom route, that are being answered right now. */
  readonly inFlight: number;
}

/** Options of `writes.check()`. */
export interface CheckOptions<P extends Principal> {
  /** A caller to try the scopes with, so that those which the database does not take are found. Nothing is read or written in the name of it. */
  readonly principal?: P;
}

/** What `createWrites` gives. */
export interface Writes<P extends Principal> {
  /** What could not be applied, for whoever operates the application to look at, mend, retry or discard. */
  readonly deadLetters: DeadLetters<P>;
  /**
   * Applies one transaction: `{ transaction_id?, crud: […] }`, parsed. Never authenticates, never rejects.
   * A body that is no transaction is a fatal INVALID_TRANSACTION, recorded; one that the server's own stack has lost (nothing, `{}`, bytes, text) is
   * retryable, with the event `body_missing`.
   */
  processTransaction(body: unknown, options: CallOptions<P>): Promise<TransactionResult>;
  /** Applies a parsed upload of any shape, in order. One result a transaction. Never rejects: a bad envelope is one fatal INVALID_TRANSACTION, recorded. */
  processBatch(body: unknown, options: CallOptions<P>): Promise<readonly TransactionResult[]>;
  /** Answers a whole HTTP request, errors included. Never rejects. */
  handle(request: WriteRequest): Promise<WriteResponse>;
  /** Whether `handle` has an answer of its own for this method and path, or an adapter should pass the request on. */
  handles(method: string, url: string): boolean;
  /**
   * The device's next write checkpoint, higher than all before, in a transaction of its own: for when its data has been committed. With or
   * without `config.checkpoints`. Rejects with `badRequest` for a client id that can't be kept, and with `retryable()` where the database
   * fails, its error being the `cause`.
   *
   * @returns its digits
   */
  checkpoint(options: CheckpointOptions<P>): Promise<string>;
  /**
   * The greater of the device's stored checkpoint and `checkpointRequestId`, an integer from 0 to 2^63 - 1; it is stored. Rejects as `checkpoint` does.
   *
   * @returns its digits
   */
  checkpointRequest(
    options: CheckpointOptions<P> & { readonly checkpointRequestId: string | number | bigint },
  ): Promise<string>;
  /**
   * Removes from the ledger what is older than `ledger.retentionDays`, but never what a device sent last, the counts of what has not failed
   * for 30 days, and dead letters that were closed more than `deadLetters.keepClosedDays` ago. For hosts whose processes are too short-lived to do it by themselves. Rejects with the database's errors.
   *
   * @param options whose database, where `config.database` depends on the principal
   * @returns how many rows are gone
   */
  prune(options?: DatabaseOf<P>): Promise<number>;
  /**
   * Erases what the library keeps of a user: the ledger's rows, and dead letters whatever their status, open ones too, which are changes that
   * then never happen. In small steps: what the user sends meanwhile may stay, so let them send nothing more first. What a device has queued is
   * no replay any more. Checkpoints and the application's own tables are left alone. Rejects with the database's errors, having erased a part;
   * it can be called again.
   *
   * @param options whose database, where `config.database` depends on the principal
   * @returns how many rows are gone
   * @throws TypeError for what is no user id
   * @example
   * const rows = await writes.forget("auth0|5f7c8ec7c33c6c004bbafe82");
   */
  forget(userId: string, options?: DatabaseOf<P>): Promise<number>;
  /**
   * Whether uploads can be served: the process is not being stopped, the database answers, the library's tables are there, and with `rls` the
   * policies bind the role that writes the data. Asks the database, for at most 5 seconds. Never rejects. Settings of the server's that break the
   * promise are an event and a line in the log, and no reason to be not ready.
   *
   * @param principal whose database and role to look at, where the configuration makes them depend on it; without one they are not looked at
   */
  ready(principal?: P): Promise<Readiness>;
  /** Whether the process is alive, without asking the database: one that is down is no reason to restart the process. */
  health(): Health;
  /**
   * Holds the rules against the database and, where it is given, the client's schema. Empty: they fit. It writes nothing, and takes one connection at a time.
   * Rejects where the database can't be reached, and with a TypeError for what is no schema, or where `database` depends on the principal and none is given.
   */
  check(clientSchema?: ClientSchema, options?: CheckOptions<P>): Promise<readonly Mismatch[]>;
  /** Answers new requests 503 with Retry-After and waits, at most `ms` milliseconds, for those in flight. True if all had finished. */
  drain(ms: number): Promise<boolean>;
}
