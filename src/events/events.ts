/** What happens, as data: a closed union, given to `config.onEvent`. */
import type { ErrorCode, Operation, TransactionResult } from "../model.js";

/** In every event of a request. */
export interface Correlated {
  readonly correlationId: string;
  /** The caller's place in a trace, as [W3C Trace Context](https://www.w3.org/TR/trace-context/) writes it. */
  readonly traceparent?: string;
}

/** A request has been answered. */
interface RequestEvent extends Correlated {
  readonly type: "request";
  readonly method: string;
  /** The path alone, without query. */
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
  /** Statements answered by the database, hooks' included, and with `rls` the one that sets role and claims; BEGIN, COMMIT and what bounds the waits are not counted. */
  readonly statements: number;
  /** `hit`: a replay, answered from the ledger. `shared`: it joined an identical one in flight. `off`: nothing tells the transaction apart, and a repeat is applied again. */
  readonly ledger: "hit" | "miss" | "shared" | "off";
  /** It was applied in one go: on Postgres, with a guarded pool. See `guardPool`. */
  readonly flown: boolean;
  readonly durationMs: number;
}

/** What the event of a transaction tells beside its answer. */
export type Tally = {
  -readonly [Name in "attempts" | "statements" | "ledger" | "flown"]: TransactionEvent[Name];
};

/** Something was thrown that changed an answer. The one place where a driver's own text appears: keep it on the server. */
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
  /** What to change, where that is known. */
  readonly remedy?: string;
}

/** A transaction has been recorded as a dead letter. */
interface DeadLetterEvent extends Correlated {
  readonly type: "dead_letter";
  readonly id: string;
  readonly userId: string;
  readonly errorCode: ErrorCode;
  /** As the client was told: with its own name of the column, where one is known. */
  readonly message: string;
  /** Which operation failed, from 0, where it was one. */
  readonly operationIndex?: number;
  /** What the database refused, by the database's own names: for the operator, and told to no client. */
  readonly about?: {
    readonly table: string;
    readonly columns: readonly string[];
    readonly constraint?: string;
  };
  /** The same payload was recorded before and is still open: no new letter. */
  readonly repeat: boolean;
  /** It is a dependant: the letter at the root of its chain. */
  readonly root?: string;
}

/** A transaction needs what a dead letter would create, and that letter's chain takes no more: it stays queued. Nobody else's queue waits. */
interface ChainFullEvent extends Correlated {
  readonly type: "chain_full";
  /** The letter at the root. */
  readonly id: string;
  readonly userId: string;
  readonly clientId?: string;
}

/** Somebody has dealt with a dead letter, or tried to. */
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

/** A trigger or a rule of the database's own chose to do something else with a row than what was sent; it was answered as success. */
interface RowDeclinedEvent extends Correlated {
  readonly type: "row_declined";
  readonly table: string;
  readonly id: string;
  readonly op: Operation;
  readonly operationIndex: number;
}

/** By the rule's `conflict` a row kept what it holds, and nothing of a PUT, PATCH or DELETE was written; it was answered as success. */
interface RowKeptEvent extends Correlated {
  readonly type: "row_kept";
  readonly table: string;
  readonly id: string;
  readonly op: Operation;
  readonly operationIndex: number;
}

/** An entry beside a mutation was not applied, as it should be, and the mutator has left its row as it was. */
interface EntryUnmatchedEvent extends Correlated {
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
interface RowIdRespelledEvent extends Correlated {
  readonly type: "row_id_respelled";
  /** By the client's name. */
  readonly table: string;
  /** By the source database's name. */
  readonly column: string;
  readonly id: string;
}

/** The key's column can't hold the ids that the clients make. Said once for each table by each process, with the first dead letter of it. */
interface RowIdUnfitEvent extends Correlated {
  readonly type: "row_id_unfit";
  /** By the source database's names. */
  readonly table: string;
  readonly column: string;
  /** With its remedy. */
  readonly message: string;
}

/** `check()` has found something, behind the first upload. */
interface MismatchEvent extends Correlated {
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
interface OriginRefusedEvent extends Correlated {
  readonly type: "origin_refused";
  /** The page's, in up to 200 characters. Absent: it is not known. */
  readonly origin?: string;
  /** There is a `cors` in the configuration. Where there is none, it is said once by each process. */
  readonly configured: boolean;
}

/** A declared table or column is not in the database right now. */
interface SchemaMissingEvent extends Correlated {
  readonly type: "schema_missing";
  readonly table: string;
  readonly column?: string;
}

/** A value that the configuration gave does not fit its column: the caller's id for an `owner`, or what `set` made. Writes wait on the device. */
interface ServerValueEvent extends Correlated {
  readonly type: "server_value";
  /** By the source database's names. */
  readonly table: string;
  readonly column: string;
  readonly why: string;
}

/** A body parsed before the library saw it held an integer that JavaScript numbers can't carry. */
interface PrecisionLostEvent extends Correlated {
  readonly type: "precision_lost";
  readonly table: string;
  readonly column: string;
  /** What to change. */
  readonly cure: string;
}

/** A request's body was lost in the server's own stack before the library saw it. The device sends it again. */
interface BodyMissingEvent extends Correlated {
  readonly type: "body_missing";
  /** What to change. */
  readonly cure: string;
}

/** Middleware in front, such as a body parser, has read an upload before the library saw it. Said once by each process. */
interface BodyParsedEvent extends Correlated {
  readonly type: "body_parsed";
  /** What it has left: the parsed `value`, in which integers beyond 2^53 are rounded, or the `text` or bytes of the body, with every digit. */
  readonly kept: "value" | "text";
  /** What to change. */
  readonly cure: string;
}

/** A new device of a user's has come, who had as many as may be: what one has sent that had not come for `ledger.retentionDays` has been forgotten. */
interface DeviceForgottenEvent extends Correlated {
  readonly type: "device_forgotten";
  readonly userId: string;
}

/** A transaction was taken for a repeat by its id and content alone, and nothing was written: nobody says which device has sent it, or the device is new. */
interface ReplayedByContentEvent extends Correlated {
  readonly type: "replayed_by_content";
  readonly userId: string;
}

/** The ledger has been pruned, the counts of failures, and closed dead letters, behind the requests. */
interface PrunedEvent extends Correlated {
  readonly type: "pruned";
  /** Rows. */
  readonly removed: number;
}

/** `ready()` found problems, or `rls` refused uploads: said once in 3 seconds, however many there are. */
interface NotReadyEvent extends Correlated {
  readonly type: "not_ready";
  /** Each with its remedy. */
  readonly problems: readonly string[];
}

/** `ready()` found settings of the database server's that break the promise, or are too small for the limits. Said once by each process; nothing is refused for it. */
interface UnsafeSettingsEvent extends Correlated {
  readonly type: "unsafe_settings";
  /** Each with its remedy. */
  readonly problems: readonly string[];
}

/** Something that has happened, as data for `onEvent`. `type` says which it is. */
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
