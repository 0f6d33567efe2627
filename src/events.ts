/** What happens, as data: a closed union, given to `config.onEvent`. */
import { origin } from "./errors.js";
import type {
  Correlated,
  RowMissingEvent,
  RowDeclinedEvent,
  EntryUnmatchedEvent,
  RowIdRespelledEvent,
  RowIdUnfitEvent,
  MismatchEvent,
  OriginRefusedEvent,
  SchemaMissingEvent,
  ServerValueEvent,
  PrecisionLostEvent,
  BodyMissingEvent,
  DeviceForgottenEvent,
  ReplayedByContentEvent,
  PrunedEvent,
  NotReadyEvent,
  UnsafeSettingsEvent,
} from "./event-kinds.js";
import type { CrudTransaction, ErrorCode, InvalidTransaction, TransactionResult } from "./model.js";

export type { Correlated };

export function correlated({ correlationId, traceparent }: Correlated): Correlated {
  return { correlationId, ...(traceparent !== undefined && { traceparent }) };
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

export function transactionEvent(
  transaction: CrudTransaction | InvalidTransaction,
  call: Correlated & {
    readonly principal: { readonly userId: string };
    readonly clientId?: string;
  },
  result: TransactionResult,
  { attempts, statements, ledger, flown }: Tally,
  durationMs: number,
): TransactionEvent {
  const { principal, clientId } = call;
  return {
    type: "transaction",
    ...correlated(call),
    userId: principal.userId,
    ...(clientId !== undefined && { clientId }),
    status: result.status,
    ...(result.status === "fatal_error" && { errorCode: result.failedOperation.errorCode }),
    operations: "invalid" in transaction ? 0 : transaction.crud.length,
    attempts,
    statements,
    ledger,
    flown,
    durationMs,
  };
}

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

export type WriteEvent =
  | RequestEvent
  | TransactionEvent
  | ErrorEvent
  | DeadLetterEvent
  | ChainFullEvent
  | DeadLetterHandledEvent
  | RowMissingEvent
  | RowDeclinedEvent
  | EntryUnmatchedEvent
  | RowIdRespelledEvent
  | RowIdUnfitEvent
  | MismatchEvent
  | OriginRefusedEvent
  | SchemaMissingEvent
  | ServerValueEvent
  | PrecisionLostEvent
  | BodyMissingEvent
  | DeviceForgottenEvent
  | ReplayedByContentEvent
  | PrunedEvent
  | NotReadyEvent
  | UnsafeSettingsEvent;

export type Emit = (event: WriteEvent) => void;

/** Hears of events. */
export interface Listener {
  /** Those it wants to hear of. Absent: all. */
  readonly types?: ReadonlySet<WriteEvent["type"]>;
  readonly tell: (event: WriteEvent) => unknown;
}

/** A listener that throws changes nothing. */
export function emitter(listeners: readonly Listener[]): Emit {
  return (given) => {
    const event = given.type === "error" ? withJson(given) : given;
    for (const { types, tell } of listeners) {
      if (types?.has(event.type) === false) continue;
      try {
        // An async function fits the type too; its rejection must not end the process.
        const running: unknown = tell(event);
        if (running instanceof Promise) running.catch(() => undefined);
      } catch {
        // There is nowhere to report the failure of the reporter.
      }
    }
  };
}

/** With the application's own error in place of what it was wrapped in; and JSON of it keeps the error, of which there would be nothing left. */
function withJson(given: ErrorEvent): ErrorEvent {
  const event = { ...given, error: origin(given.error) };
  const toJSON = () => ({ ...event, error: plainError(event.error) });
  // Not among its members: a copy of the event is plain data.
  return Object.defineProperty(event, "toJSON", { value: toJSON });
}

const mostCauses = 5;

/** What JSON can hold of something thrown. */
function plainError(thrown: unknown, left = mostCauses): unknown {
  if (!(thrown instanceof Error)) return plainValue(thrown);
  const { name, message, cause } = thrown;
  const code = "code" in thrown ? plainValue(thrown.code) : undefined;
  const several = thrown instanceof AggregateError ? thrown.errors : [];
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    ...(several.length > 0 &&
      left > 1 && {
        errors: several.slice(0, mostCauses).map((each) => plainError(each, 1)),
      }),
    ...(cause !== undefined && left > 1 && { cause: plainError(cause, left - 1) }),
  };
}

function plainValue(value: unknown): unknown {
  if (typeof value !== "object") return typeof value === "bigint" ? String(value) : value;
  try {
    return JSON.parse(JSON.stringify(value) ?? "null") as unknown;
  } catch {
    return Object.prototype.toString.call(value);
  }
}
