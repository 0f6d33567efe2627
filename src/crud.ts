/** What the device recorded: the upload queue in PowerSync's own words, after normalising. */
import type { ErrorCode } from "./result.js";

/** One of the three things a PowerSync client records for a row. */
export type Operation = "PUT" | "PATCH" | "DELETE";

/** Column values as they came from JSON; integers beyond 2^53 arrive as `bigint`. */
export type OpData = Readonly<Record<string, unknown>>;

/** One operation on one row. */
export interface CrudEntry {
  readonly op: Operation;
  /** The table's name in the client's schema: a key of `config.tables`, never an SQL identifier. */
  readonly table: string;
  /** The row's id, always text on the client. */
  readonly id: string;
  /** The entry's id in the device's queue. */
  readonly opId?: number;
  /** The id of the local transaction that the entry belongs to. */
  readonly transactionId?: number;
  /** PUT: every column that is not NULL. PATCH: the changed columns, NULLs included. DELETE: absent. */
  readonly opData?: OpData;
  /** The row before the change, where the client's schema has `trackPrevious`. */
  readonly previousValues?: OpData;
  /** The text the client put in `_metadata`, where its schema has `trackMetadata`. Sent by the device: never proof of anything. */
  readonly metadata?: string;
}

/** The operations of one local transaction: applied together or not at all. */
export interface CrudTransaction {
  readonly transactionId?: number;
  readonly crud: readonly CrudEntry[];
}

/** A transaction in a good envelope that can't be understood, or that `validate` refused: answered fatally and recorded, so that it never blocks the queue. */
export interface InvalidTransaction {
  /** What is wrong, safe to show. */
  readonly invalid: string;
  /** Default INVALID_TRANSACTION. */
  readonly errorCode?: ErrorCode;
  readonly details?: unknown;
  readonly operationIndex?: number;
  /** The transaction as it came. */
  readonly raw: unknown;
  /** The same, where it can be understood all the same. It may have been answered before. */
  readonly understood?: CrudTransaction;
}

/**
 * How a client spoke, and so how it wants to be answered:
 * `batch` `{ transactions }`, `single` `{ crud }`, `demo` `{ batch }` (clients of PowerSync's demo backends, which read the HTTP status alone).
 */
export type UploadShape = "batch" | "single" | "demo";

/** One request's transactions, in the client's order. */
export interface Upload {
  readonly shape: UploadShape;
  readonly clientId?: string;
  readonly queueId?: string;
  readonly transactions: readonly (CrudTransaction | InvalidTransaction)[];
}
