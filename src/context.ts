/** What layers and hooks are given beside their input. */
import type { Transaction } from "kysely";
import type {
  CrudEntry,
  CrudTransaction,
  OpData,
  TransactionResult,
  Write,
  WriteRequest,
} from "./model.js";
import type { StoredRow, TxOf } from "./store/store.js";

/** The verified caller. Extend it with whatever `authenticate` knows. */
export interface Principal {
  /** Who this is: the "subject" of ledger and dead letters. `jwt()` takes it from `sub`. */
  readonly userId: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Known about every request. */
export interface RequestContext {
  /** In every event of the request, and in the `x-correlation-id` header. */
  readonly correlationId: string;
  /** The `traceparent` header, if it is valid. It is in every event of the request. */
  readonly traceparent?: string;
  /** Aborted when the caller has left: the transaction under way is finished, no other is begun. */
  readonly signal: AbortSignal;
  /** Absent if a custom route calls `processTransaction`. */
  readonly request?: WriteRequest;
}

/** Known once the caller is. */
export interface CallContext<P extends Principal> extends RequestContext {
  readonly principal: P;
}

/** What `deadLetters.requiresClientHandling` is given beside the failure. */
export interface FailureContext<P extends Principal> extends CallContext<P> {
  /** The transaction in the contract's form, or as it was sent if it could not be understood: what a dead letter would store. */
  readonly payload: unknown;
}

/** Known inside the database transaction. It may run again after a serialization failure or a deadlock: keep side effects in `tx`. */
export interface TransactionContext<P extends Principal, DB> extends CallContext<P> {
  /** The store's own transaction: Kysely's `Transaction<DB>` for an SQL database. */
  readonly tx: TxOf<DB, Transaction<DB>>;
  readonly transaction: CrudTransaction;
  readonly clientId?: string;
  /** From 1. */
  readonly attempt: number;
  /** The body was parsed before the library saw it: integers beyond 2^53 in it may have been rounded. */
  readonly lossyNumbers: boolean;
}

/** Known for one operation. */
export interface OperationContext<P extends Principal, DB> extends TransactionContext<P, DB> {
  readonly operation: CrudEntry;
  /** From 0. */
  readonly operationIndex: number;
  readonly metadata?: string;
  readonly previousValues?: OpData;
  /**
   * The row as it is in the database before this operation writes it, whoever's it is: no scope is asked. By the source database's column names, with values as
   * the driver reads them, but integers of 64 bits exact. `undefined` where there is none. What earlier operations of the transaction wrote is in it.
   *
   * The row is read when it is first asked for, once an operation, and locked until the transaction ends. A first call behind the write rejects.
   * Throws fatal INVALID_DATA for an id that can't be one of the table's, retryable where the table is missing right now.
   */
  stored(): Promise<StoredRow | undefined>;
}

/** The `deadLetter` layer's own database transaction, begun after the failed one has been rolled back. */
export interface DeadLetterContext<P extends Principal, DB> extends CallContext<P> {
  readonly tx: TxOf<DB, Transaction<DB>>;
  readonly clientId?: string;
}

/** What `respond` and its hooks are given beside the response. */
export interface RespondContext extends RequestContext {
  /** Absent if the request ended before a transaction was tried. */
  readonly results?: readonly TransactionResult[];
}

/** A transaction that has just been committed. */
export interface Committed {
  readonly transaction: CrudTransaction;
  /** Rows that were written by tables' rules. What mutators have written is not among them. */
  readonly writes: readonly Write[];
  /** Mutations that were run, in their order. */
  readonly mutations: readonly CommittedMutation[];
}

/** A mutation that has been committed, as `hooks.committed` is given it. */
export interface CommittedMutation {
  /** The mutator's, as in `mutators`. */
  readonly name: string;
  /** As the device sent them: what the mutator's schema makes of them is the mutator's own. `undefined` where there were none. */
  readonly args: unknown;
  /** The mutation's own id, and its place among the transaction's operations, from 0. */
  readonly id: string;
  readonly operationIndex: number;
}

/** What `hooks.committed` is given beside the writes. */
export interface CommittedContext<P extends Principal> extends CallContext<P> {
  readonly clientId?: string;
}

/**
 * For development only: lets everybody in, as one and the same principal, whatever they send.
 *
 * @example
 * createWrites({ authenticate: anonymous(), database, tables });
 */
export function anonymous(userId = "anonymous"): () => Principal {
  const principal: Principal = Object.freeze({ userId });
  return () => principal;
}
