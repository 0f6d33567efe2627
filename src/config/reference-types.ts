/** The types of the three extension points of PowerSync's reference write endpoint, and of the options that `fromReference` makes of them. */
import type { FailureContext, Principal } from "../context.js";
import type {
  CrudEntry,
  CrudTransaction,
  DeadLetter,
  FailedOperation,
  Operation,
  Write,
} from "../model.js";

/** An operation in the form that the reference endpoint passes to its extensions: with the wire's names. */
export interface ReferenceEntry {
  id: string;
  op: Operation;
  /** The table's name in the client's schema. */
  table: string;
  transaction_id?: number;
  /** Absent for DELETE. Integers beyond 2^53 are `bigint`. */
  op_data?: Record<string, unknown>;
  previous_values?: Record<string, unknown>;
  metadata?: string;
}

/** A transaction in the form that the reference endpoint passes to its extensions. */
export interface ReferenceTransaction {
  transaction_id?: number;
  crud: ReferenceEntry[];
}

/** What a mapper returns for an operation. */
export interface ReferenceMapped {
  /** The name of a rule in `tables`. */
  readonly table: string;
  readonly op: Operation;
  readonly id: string;
  /** The values by column, without the id. Ignored for DELETE. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The verified caller. */
export interface ReferenceAuth {
  /** The principal's `userId`. */
  sub: string;
  /** The principal's `claims`. */
  claims: Record<string, unknown>;
}

/** Called once for each transaction, before its first operation is mapped. `false` refuses the transaction with `UNAUTHORIZED`. */
export interface ReferenceAuthorizer {
  authorize(crud: ReferenceEntry[], auth: ReferenceAuth): boolean | Promise<boolean>;
}

/** Why a transaction is fatal. */
export interface ReferenceError extends Error {
  readonly errorCode: string;
  readonly details?: unknown;
  readonly operationIndex?: number;
}

/** A dead letter in the form that `onDeadLetter` gets. */
export interface ReferenceDeadLetter {
  /** The letter's id, as in `writes.deadLetters`. A payload that is recorded again while its letter is open keeps the id. */
  occurrenceId: string;
  /** ISO 8601. */
  timestamp: string;
  /** The transaction; if it could not be read, exactly what the device sent. */
  transaction: ReferenceTransaction;
  authenticatedSubject: string;
  errorCode: string;
  message: string;
  operationIndex?: number;
}

/** Decides whether the client or the server handles a fatal failure, and is notified of those that the server handles. */
export interface ReferenceFatalErrorHandler {
  /** `true`: the client decides, and nothing is recorded. If it throws, or returns neither true nor false, the answer is retryable. */
  requiresClientHandling(
    error: ReferenceError,
    context: { transaction: ReferenceTransaction; auth: ReferenceAuth },
  ): boolean | Promise<boolean>;
  /** Called after the letter has been committed. Its failure changes no answer. */
  onDeadLetter(entry: ReferenceDeadLetter): void | Promise<void>;
}

/** The extensions that `fromReference` takes. Each may be left out. */
export interface ReferenceExtensions {
  /** Returns the row that an operation writes. `null` leaves the operation out, which counts as success. */
  readonly mapper?: (
    entry: ReferenceEntry,
  ) => ReferenceMapped | null | Promise<ReferenceMapped | null>;
  readonly authorizer?: ReferenceAuthorizer;
  readonly fatalErrorHandler?: ReferenceFatalErrorHandler;
}

/** The part of an operation's context that the options of `fromReference` need. */
export interface InTransaction {
  readonly principal: Principal;
  readonly transaction: CrudTransaction;
}

/** What `fromReference` returns: options of `createWrites`. */
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
