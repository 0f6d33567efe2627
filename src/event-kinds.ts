/** What happens beside requests, transactions, errors and dead letters: each an event. See `events.ts`. */
import type { Operation } from "./model.js";

/** In every event of a request. */
export interface Correlated {
  readonly correlationId: string;
  /** The caller's place in a trace, as [W3C Trace Context](https://www.w3.org/TR/trace-context/) writes it. */
  readonly traceparent?: string;
}

/** A PATCH or DELETE found no row; it was answered as success. */
export interface RowMissingEvent extends Correlated {
  readonly type: "row_missing";
  readonly table: string;
  readonly id: string;
  readonly op: "PATCH" | "DELETE";
  readonly operationIndex: number;
}

/** A trigger or a rule of the database's own chose to do something else with a row than what was sent; it was answered as success. */
export interface RowDeclinedEvent extends Correlated {
  readonly type: "row_declined";
  readonly table: string;
  readonly id: string;
  readonly op: Operation;
  readonly operationIndex: number;
}

/** An entry beside a mutation was not applied, as it should be, and the mutator has left its row as it was. */
export interface EntryUnmatchedEvent extends Correlated {
  readonly type: "entry_unmatched";
  readonly table: string;
  readonly id: string;
  readonly op: Operation;
  readonly operationIndex: number;
}

/**
 * A PUT's row id is a UUID in capitals, or in another spelling than the database keeps: the row syncs back under another id than the app gave it.
 * Said once for each table by each process.
 */
export interface RowIdRespelledEvent extends Correlated {
  readonly type: "row_id_respelled";
  /** By the client's name. */
  readonly table: string;
  /** By the source database's name. */
  readonly column: string;
  readonly id: string;
}

/** The key's column can't hold the ids that the clients make. Said once for each table by each process, with the first dead letter of it. */
export interface RowIdUnfitEvent extends Correlated {
  readonly type: "row_id_unfit";
  /** By the source database's names. */
  readonly table: string;
  readonly column: string;
  /** With its remedy. */
  readonly message: string;
}

/** `check()` has found something, behind the first upload. */
export interface MismatchEvent extends Correlated {
  readonly type: "mismatch";
  readonly severity: "error" | "warning";
  /** One of `MismatchCode`. */
  readonly code: string;
  /** The client's name for the table; for the library's own tables theirs, and empty for a setting. */
  readonly table: string;
  readonly column?: string;
  /** What is wrong and what to change. */
  readonly message: string;
}

/** A browser has asked whether a page of another origin may call, and it may not. */
export interface OriginRefusedEvent extends Correlated {
  readonly type: "origin_refused";
  /** The page's, in up to 200 characters. Absent: it is not known. */
  readonly origin?: string;
  /** There is a `cors` in the configuration. Where there is none, it is said once by each process. */
  readonly configured: boolean;
}

/** A declared table or column is not in the database just now. */
export interface SchemaMissingEvent extends Correlated {
  readonly type: "schema_missing";
  readonly table: string;
  readonly column?: string;
}

/** A value that the configuration gave does not fit its column: the caller's id for an `owner`, or what `set` made. Writes wait on the device. */
export interface ServerValueEvent extends Correlated {
  readonly type: "server_value";
  /** By the source database's names. */
  readonly table: string;
  readonly column: string;
  readonly why: string;
}

/** A body parsed before the library saw it held an integer that JavaScript numbers can't carry. */
export interface PrecisionLostEvent extends Correlated {
  readonly type: "precision_lost";
  readonly table: string;
  readonly column: string;
  /** What to change. */
  readonly cure: string;
}

/** A request's body was lost in the server's own stack before the library saw it. The device sends it again. */
export interface BodyMissingEvent extends Correlated {
  readonly type: "body_missing";
  /** What to change. */
  readonly cure: string;
}

/** A new device of a user's has come, who had as many as may be: what one has sent that had not come for `ledger.retentionDays` has been forgotten. */
export interface DeviceForgottenEvent extends Correlated {
  readonly type: "device_forgotten";
  readonly userId: string;
}

/** A transaction was taken for a repeat by its id and content alone, and nothing was written: nobody says which device has sent it, or the device is new. */
export interface ReplayedByContentEvent extends Correlated {
  readonly type: "replayed_by_content";
  readonly userId: string;
}

/** The ledger has been pruned, the counts of failures, and closed dead letters, behind the requests. */
export interface PrunedEvent extends Correlated {
  readonly type: "pruned";
  /** Rows. */
  readonly removed: number;
}

/** `ready()` found problems, or `rls` refused uploads: said once in 3 seconds, however many there are. */
export interface NotReadyEvent extends Correlated {
  readonly type: "not_ready";
  /** Each with its remedy. */
  readonly problems: readonly string[];
}

/** `ready()` found settings of the database server's that break the promise, or are too small for the limits. Said once by each process; nothing is refused for it. */
export interface UnsafeSettingsEvent extends Correlated {
  readonly type: "unsafe_settings";
  /** Each with its remedy. */
  readonly problems: readonly string[];
}
