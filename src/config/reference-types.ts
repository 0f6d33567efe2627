/** What PowerSync's reference write endpoint gives to its three extension points, and takes from them; and what is made of these. */
import type { FailureContext, Principal } from "../context.js";
import type {
  CrudEntry,
  CrudTransaction,
  DeadLetter,
  FailedOperation,
  Operation,
  Write,
} from "../model.js";

/** An operation as the reference endpoint gives it to its extensions: in the wire's words. */
export interface ReferenceEntry {
  id: string;
  op: Operation;
  /** The client's table. */
  table: string;
  transaction_id?: number;
  /** Absent for DELETE. Integers beyond 2^53 are `bigint`. */
  op_data?: Record<string, unknown>;
  previous_values?: Record<string, unknown>;
  metadata?: string;
}

/** A transaction as the reference endpoint gives it to its extensions. */
export interface ReferenceTransaction {
  transaction_id?: number;
  crud: ReferenceEntry[];
}

/** What a mapper makes of an operation. */
export interface ReferenceMapped {
  /** The key of a rule in `tables`. */
  readonly table: string;
  readonly op: Operation;
  readonly id: string;
  /** By column, without the id. Ignored for DELETE. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The verified caller. */
export interface ReferenceAuth {
  /** The principal's `userId`. */
  sub: string;
  /** The principal's `claims`. */
  claims: Record<string, unknown>;
}

/** Is asked once for each transaction, before the first operation is mapped. `false` refuses the transaction. */
export interface ReferenceAuthorizer {
  authorize(crud: ReferenceEntry[], auth: ReferenceAuth): boolean | Promise<boolean>;
}

/** Why a transaction is fatal. */
export interface ReferenceError extends Error {
  readonly errorCode: string;
  readonly details?: unknown;
  readonly operationIndex?: number;
}

/** A dead letter, as `onDeadLetter` is told of it. */
export interface ReferenceDeadLetter {
  /** The letter's id, as in `writes.deadLetters`: the same again for a payload that is recorded again. */
  occurrenceId: string;
  /** ISO 8601. */
  timestamp: string;
  /** As it came, where it could not be understood. */
  transaction: ReferenceTransaction;
  authenticatedSubject: string;
  errorCode: string;
  message: string;
  operationIndex?: number;
}

/** Says who deals with a fatal failure, and hears of those that are the server's. */
export interface ReferenceFatalErrorHandler {
  /** True: the client decides, and nothing is recorded. What it throws, or anything but true and false, is retryable. */
  requiresClientHandling(
    error: ReferenceError,
    context: { transaction: ReferenceTransaction; auth: ReferenceAuth },
  ): boolean | Promise<boolean>;
  /** Is called after the letter has been committed. Its failure changes no answer. */
  onDeadLetter(entry: ReferenceDeadLetter): void | Promise<void>;
}

/** What `fromReference` takes. */
export interface ReferenceExtensions {
  /** `null` leaves the operation out. */
  readonly mapper?: (
    entry: ReferenceEntry,
  ) => ReferenceMapped | null | Promise<ReferenceMapped | null>;
  readonly authorizer?: ReferenceAuthorizer;
  readonly fatalErrorHandler?: ReferenceFatalErrorHandler;
}

/** What is known of the transaction that an operation is part of. */
export interface InTransaction {
  readonly principal: Principal;
  readonly transaction: CrudTransaction;
}

/** What `fromReference` gives: options of `createWrites`. */
export interface ReferenceOptions {
  readonly map?: (
    entry: CrudEntry,
    context: InTransaction,
    next: (entry: CrudEntry) => Promise<Write | null>,
  ) => Promise<Write | null>;
  readonly authorize?: (write: Write, context: InTransaction) => Promise<void>;
  readonly deadLetters?: {
    readonly requiresClientHandling?: (
      failure: FailedOperation,
      context: FailureContext<Principal>,
    ) => Promise<boolean>;
    readonly onRecorded?: (letter: DeadLetter) => Promise<void>;
  };
}
