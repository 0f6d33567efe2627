/** Events as data: a closed union, passed to `config.onEvent`. */
import type { ErrorCode, Operation, TransactionResult } from "../model.js";

/** The ids that every event of a request contains. */
export interface Correlated {
  readonly correlationId: string;
  /** The caller's place in a trace, as [W3C Trace Context](https://www.w3.org/TR/trace-context/) writes it. */
  readonly traceparent?: string;
}

/** A request has been answered. */
interface RequestEvent extends Correlated {
  readonly type: "request";
  readonly method: string;
  /** The path, without the query. */
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
}

/** A transaction has been answered. */
export interface TransactionEvent extends Correlated {
  readonly type: "transaction";
  readonly userId: string;
  readonly clientId?: string;
  readonly status: TransactionResult["status"];
  readonly errorCode?: ErrorCode;
  readonly operations: number;
  /** Database transactions tried: 1, unless there was contention. */
  readonly attempts: number;
  /** Statements that the database answered, including those of hooks and, with `rls`, the one that sets role and claims. BEGIN, COMMIT and the setting of time limits are not counted. */
  readonly statements: number;
  /** `hit`: a replay, answered from the ledger. `miss`: no replay. `shared`: answered with an identical one in progress. `off`: nothing identifies it, so a repeat is applied again. */
  readonly ledger: "hit" | "miss" | "shared" | "off";
  /** Whether the transaction was sent as a whole, through a guarded pool or database. See `guardPool` and `guardDatabase`. */
  readonly flown: boolean;
  readonly durationMs: number;
}

/** What a transaction's event contains in addition to its answer. */
export type Tally = {
  -readonly [Name in "attempts" | "statements" | "ledger" | "flown"]: TransactionEvent[Name];
};

/** An error was thrown. Only this event contains a driver's own text: keep it on the server. */
export interface ErrorEvent extends Correlated {
  readonly type: "error";
  readonly during:
    | "authenticate"
    | "validate"
    | "map"
    | "authorize"
    | "persist"
    | "deadLetter"
    | "respond"
    | "begin"
    | "commit"
    | "transaction"
    | "committed"
    | "onRecorded"
    | "requiresClientHandling"
    | "cors"
    | "prune"
    | "checkpoint"
    | "parking"
    | "rejection"
    | "rowStates"
    | "retry"
    | "admin"
    | "request"
    | "rls"
    | "ready";
  readonly error: unknown;
  readonly outcome: "fatal" | "retryable" | "ignored";
  readonly operationIndex?: number;
  /** What to change, if that is known. */
  readonly remedy?: string;
}

/** A transaction has been recorded as a dead letter. */
interface DeadLetterEvent extends Correlated {
  readonly type: "dead_letter";
  readonly id: string;
  readonly userId: string;
  readonly errorCode: ErrorCode;
  /** The message that the client was given, with the client's name of the column if it is known. */
  readonly message: string;
  /** The index of the failed operation, from 0, if one operation failed. */
  readonly operationIndex?: number;
  /** What the database refused, by the database's names: for the operator, and never sent to a client. */
  readonly about?: {
    readonly table: string;
    readonly columns: readonly string[];
    readonly constraint?: string;
  };
  /** Whether an earlier letter with the same payload is still open, so that no new letter was recorded. */
  readonly repeat: boolean;
  /** The letter at the root of the chain, if this one is a dependant. */
  readonly root?: string;
}

/** A transaction needs a row that a dead letter would create, and that letter's chain is full. The transaction stays queued; the user's other queues go on. */
interface ChainFullEvent extends Correlated {
  readonly type: "chain_full";
  /** The letter at the root. */
  readonly id: string;
  readonly userId: string;
  readonly clientId?: string;
}

/** A dead letter was retried, edited or discarded, or a retry was tried. */
export interface DeadLetterHandledEvent extends Correlated {
  readonly type: "dead_letter_handled";
  readonly id: string;
  readonly outcome: "retried" | "stale" | "failed" | "edited" | "discarded";
}

/** A PATCH or DELETE found no row; it was answered as success. */
interface RowMissingEvent extends Correlated {
  readonly type: "row_missing";
  readonly table: string;
  readonly id: string;
  readonly op: "PATCH" | "DELETE";
  readonly operationIndex: number;
}

/** A trigger or rule of the database did something else with a row than what was sent; it was answered as success. */
interface RowDeclinedEvent extends Correlated {
  readonly type: "row_declined";
  readonly table: string;
  readonly id: string;
  readonly op: Operation;
  readonly operationIndex: number;
}

/** The rule's `conflict` kept a row unchanged, so nothing of a PUT, PATCH or DELETE was written; it was answered as success. */
interface RowKeptEvent extends Correlated {
  readonly type: "row_kept";
  readonly table: string;
  readonly id: string;
  readonly op: Operation;
  readonly operationIndex: number;
}

/** An entry in a mutation's transaction was not applied, as intended, but the mutator did not change its row either. */
interface EntryUnmatchedEvent extends Correlated {
  readonly type: "entry_unmatched";
  readonly table: string;
  readonly id: string;
  readonly op: Operation;
  readonly operationIndex: number;
}

/**
 * A PUT's row id is a UUID in capitals, or in another spelling than the database keeps: the row syncs back under another id than the app gave it.
 * Reported once for each table and process.
 */
interface RowIdRespelledEvent extends Correlated {
  readonly type: "row_id_respelled";
  /** By the client's name. */
  readonly table: string;
  /** By the source database's name. */
  readonly column: string;
  readonly id: string;
}

/** The key's column can't hold the ids that clients make. Reported once for each table and process, with the first dead letter. */
interface RowIdUnfitEvent extends Correlated {
  readonly type: "row_id_unfit";
  /** By the source database's names. */
  readonly table: string;
  readonly column: string;
  /** What is wrong and what to change. */
  readonly message: string;
}

/** `check()`, which runs by itself after the first upload, found a mismatch. */
interface MismatchEvent extends Correlated {
  readonly type: "mismatch";
  readonly severity: "error" | "warning";
  /** One of `MismatchCode`. */
  readonly code: string;
  /** The client's name for the table. For one of the library's own tables, its name in the database. Empty for a setting. */
  readonly table: string;
  readonly column?: string;
  /** What is wrong and what to change. */
  readonly message: string;
}

/** A browser asked whether a page of another origin may send requests, and it may not. */
interface OriginRefusedEvent extends Correlated {
  readonly type: "origin_refused";
  /** The page's origin, up to 200 characters. Absent: not known. */
  readonly origin?: string;
  /** Whether the configuration has `cors`. If not, the event is reported once for each process. */
  readonly configured: boolean;
}

/** A table or column that a rule names is missing in the database. */
interface SchemaMissingEvent extends Correlated {
  readonly type: "schema_missing";
  readonly table: string;
  readonly column?: string;
}

/** A value from the server does not fit its column: the caller's id for an `owner`, or a result of `set`. Writes wait on the device. */
interface ServerValueEvent extends Correlated {
  readonly type: "server_value";
  /** By the source database's names. */
  readonly table: string;
  readonly column: string;
  readonly why: string;
}

/** A body that was parsed before it reached the library contained an integer that a JavaScript number can't hold. */
interface PrecisionLostEvent extends Correlated {
  readonly type: "precision_lost";
  readonly table: string;
  readonly column: string;
  /** What to change. */
  readonly cure: string;
}

/** A request's body was lost in the server before it reached the library. The device sends it again. */
interface BodyMissingEvent extends Correlated {
  readonly type: "body_missing";
  /** What to change. */
  readonly cure: string;
}

/** Middleware, such as a body parser, has read an upload before the library. Reported once for each process, for each value of `kept`. */
interface BodyParsedEvent extends Correlated {
  readonly type: "body_parsed";
  /** What the middleware kept: the parsed `value`, in which integers beyond 2^53 are rounded, or the `text` or bytes of the body, with every digit. */
  readonly kept: "value" | "text";
  /** What to change. */
  readonly cure: string;
}

/** A user with the maximum number of devices has a new one. The answers to a device that was not seen for `ledger.retentionDays` have been forgotten. */
interface DeviceForgottenEvent extends Correlated {
  readonly type: "device_forgotten";
  readonly userId: string;
}

/** A transaction was recognized as a repeat by its id and content alone, because its device is unknown or new. Nothing was written. */
interface ReplayedByContentEvent extends Correlated {
  readonly type: "replayed_by_content";
  readonly userId: string;
}

/** Expired rows of the ledger, counts of failures and closed dead letters have been deleted. */
interface PrunedEvent extends Correlated {
  readonly type: "pruned";
  /** The number of deleted rows. */
  readonly removed: number;
}

/** `ready()` found problems, or `rls` refused uploads. With `rls`, reported at most once in 3 seconds for each role. */
interface NotReadyEvent extends Correlated {
  readonly type: "not_ready";
  /** Each with its remedy. */
  readonly problems: readonly string[];
}

/** `ready()` found settings of the database server that break the promise or are too small for the limits. Reported once for each process; nothing is refused. */
interface UnsafeSettingsEvent extends Correlated {
  readonly type: "unsafe_settings";
  /** Each with its remedy. */
  readonly problems: readonly string[];
}

/** An event, as data for `onEvent`. `type` names its kind. */
export type WriteEvent =
  | RequestEvent
  | TransactionEvent
  | ErrorEvent
  | DeadLetterEvent
  | ChainFullEvent
  | DeadLetterHandledEvent
  | RowMissingEvent
  | RowDeclinedEvent
  | RowKeptEvent
  | EntryUnmatchedEvent
  | RowIdRespelledEvent
  | RowIdUnfitEvent
  | MismatchEvent
  | OriginRefusedEvent
  | SchemaMissingEvent
  | ServerValueEvent
  | PrecisionLostEvent
  | BodyMissingEvent
  | BodyParsedEvent
  | DeviceForgottenEvent
  | ReplayedByContentEvent
  | PrunedEvent
  | NotReadyEvent
  | UnsafeSettingsEvent;
