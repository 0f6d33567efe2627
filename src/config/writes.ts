/** What `createWrites` returns: the functions that serve, examine and maintain the write path. */
import type { ClientSchema } from "../check/client-schema.js";
import type { Mismatch } from "../check/mismatch.js";
import type { Principal } from "../context.js";
import type { DeadLetters } from "../dead-letters/types.js";
import type { TransactionResult, WriteRequest, WriteResponse } from "../model.js";
import type { WritesConfig } from "./config.js";

/** Who sends a transaction, for a route of your own that has authenticated the caller itself. */
export interface CallOptions<P extends Principal> {
  /** The verified caller. */
  readonly principal: P;
  /** The device, if the body does not name it (`client_id`). With it and the entries' `op_id`, a transaction that is sent twice is applied once. */
  readonly clientId?: string;
  /** The device's queue, if the body does not name it (`queue_id`). */
  readonly queueId?: string;
  /** Abort it when the caller disconnects: the transaction in progress is finished, and no other one begins. */
  readonly signal?: AbortSignal;
  /** An id for the events and the log. Default: a random one. */
  readonly correlationId?: string;
  /** The `traceparent` header. It is put into the events unchanged. */
  readonly traceparent?: string;
}

/** A device, for a route of your own that has authenticated the caller itself. */
export interface CheckpointOptions<P extends Principal> {
  /** The verified caller. */
  readonly principal: P;
  /** What the SDK's `getClientId()` returns: 1 to 255 characters. */
  readonly clientId: string;
  /** Abort it when the caller disconnects. */
  readonly signal?: AbortSignal;
}

/** Which database is meant. Required if `config.database` depends on the principal. */
export interface DatabaseOf<P extends Principal> {
  /** A caller whose database is meant. */
  readonly principal?: P;
}

/** What `writes.ready()` returns. Each problem is a sentence that names tables and roles, with its remedy: for operators, not for the public. */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly problems: readonly string[] };

/** What `writes.health()` returns. */
export interface Health {
  /** `draining` once `drain` has been called. */
  readonly status: "ok" | "draining";
  /** The number of requests, and of calls from routes of your own, in progress. */
  readonly inFlight: number;
}

/** Options of `writes.check()`. */
export interface CheckOptions<P extends Principal> {
  /** A caller with whom scopes are tried, to find those that the database refuses. No data is read or written in the caller's name. */
  readonly principal?: P;
}

/** What `createWrites` returns. */
export interface Writes<P extends Principal> {
  /** The transactions that were refused: list, inspect, edit, retry, discard or export them. */
  readonly deadLetters: DeadLetters<P>;
  /**
   * Applies one transaction, for a route of your own: `{ transaction_id?, crud: […] }`, already parsed. It does not authenticate, and never rejects.
   * A body that is not a transaction is fatal `INVALID_TRANSACTION`, and is recorded. A body that the server has lost (nothing, `{}`, bytes, text)
   * is retryable, with the event `body_missing`.
   *
   * @example
   * const result = await writes.processTransaction(request.body, { principal: { userId } });
   * response.json(toWire(result));
   */
  processTransaction(body: unknown, options: CallOptions<P>): Promise<TransactionResult>;
  /**
   * Applies a parsed upload of any shape, in order, and returns one result for each transaction. It never rejects: an envelope that is not valid is
   * one fatal `INVALID_TRANSACTION`, and is recorded.
   */
  processBatch(body: unknown, options: CallOptions<P>): Promise<readonly TransactionResult[]>;
  /** Answers a whole HTTP request, including errors. It never rejects. */
  handle(request: WriteRequest): Promise<WriteResponse>;
  /** Whether this method and path belong to the endpoint. If not, an adapter passes the request on. */
  handles(method: string, url: string): boolean;
  /**
   * Writes the device's next write checkpoint, higher than all before, in a transaction of its own. Call it after the device's data has been committed.
   * It works with and without `config.checkpoints`. Rejects with `badRequest(400, …)` for a client id that can't be stored, and with `retryable()` if
   * the database fails; `cause` is the database's error.
   *
   * @returns the digits of the checkpoint
   */
  checkpoint(options: CheckpointOptions<P>): Promise<string>;
  /**
   * Stores and returns the greater of the device's stored checkpoint and `checkpointRequestId`, an integer from 0 to 2^63 - 1. Rejects as
   * `checkpoint` does, and with `badRequest(400, …)` for another number.
   *
   * @returns the digits of the checkpoint
   */
  checkpointRequest(
    options: CheckpointOptions<P> & { readonly checkpointRequestId: string | number | bigint },
  ): Promise<string>;
  /**
   * Deletes what has expired: answers older than `ledger.retentionDays` (but never a device's last request), counts of transactions that have not
   * failed for 30 days, and dead letters that were closed more than `deadLetters.keepClosedDays` ago. The library does this itself; call it from a
   * job if your processes are too short-lived for that. Rejects with the database's errors.
   *
   * @param options whose database, if `config.database` depends on the principal
   * @returns the number of deleted rows
   */
  prune(options?: DatabaseOf<P>): Promise<number>;
  /**
   * Erases what the library keeps about a user: rows of the ledger, and dead letters of every status. The changes in open letters are then never made.
   * Block the user first, because what is uploaded during the call may remain. If a device repeats a transaction afterward, it is applied again.
   * Checkpoints and your own tables are not touched. Works in small steps: if it rejects with a database's error, a part is erased, and it can be
   * called again.
   *
   * @param options whose database, if `config.database` depends on the principal
   * @returns the number of deleted rows
   * @throws TypeError if `userId` is not text, or is empty
   * @example
   * const rows = await writes.forget("auth0|5f7c8ec7c33c6c004bbafe82");
   */
  forget(userId: string, options?: DatabaseOf<P>): Promise<number>;
  /**
   * Whether uploads can be served: the process is not being stopped, the database answers, the library's tables and those of the rules exist, and with
   * `rls` the policies restrict the role that writes the data. Asks the database, for at most 5 seconds, and never rejects. Unsafe settings of the
   * server are reported by an event and in the log; they do not make it unready.
   *
   * @param principal whose database and role to examine, if the configuration makes them depend on it; without one, they are left out
   * @example
   * const { ready } = await writes.ready();
   * response.status(ready ? 200 : 503).json({ ready });
   */
  ready(principal?: P): Promise<Readiness>;
  /** Whether the process is alive. It does not ask the database: if that is down, restarting the process does not help. */
  health(): Health;
  /**
   * Compares the rules with the database and, if one is given, with the client's schema. An empty list means that they agree. Writes nothing, and takes
   * one connection at a time. Rejects if the database can't be reached; with a TypeError for what is not a schema, and if `database` depends on the
   * principal and none is given.
   *
   * @example
   * const mismatches = await writes.check(AppSchema);
   */
  check(clientSchema?: ClientSchema, options?: CheckOptions<P>): Promise<readonly Mismatch[]>;
  /**
   * Call it before the process stops: new requests are answered 503 with Retry-After, and it waits for those in progress.
   *
   * @param ms how long to wait at most, in milliseconds
   * @returns true if all have finished
   */
  drain(ms: number): Promise<boolean>;
}

// A registered symbol, because the command and the application may load two copies of the package.
const configKey = Symbol.for("powersync-writes.config");

interface WithConfig {
  readonly [configKey]?: WritesConfig<Principal, unknown>;
}

/** @returns the same writes */
export function withConfig<P extends Principal, DB>(
  writes: Writes<P>,
  config: WritesConfig<P, DB>,
): Writes<P> {
  // Not enumerable, so that printing the writes prints no keys and no passwords.
  return Object.defineProperty(writes, configKey, { value: config });
}

/** `undefined` for an object that `createWrites` did not create. */
export function configOf(writes: object): WritesConfig<Principal, unknown> | undefined {
  return (writes as WithConfig)[configKey];
}
