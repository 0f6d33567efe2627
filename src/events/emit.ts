/** Passes events to their listeners. `Telemetry` is the interface of the listener for traces and metrics. */
import { origin } from "../errors.js";
import type { Correlated, ErrorEvent, Tally, TransactionEvent, WriteEvent } from "./events.js";
import type {
  CrudTransaction,
  InvalidTransaction,
  TransactionResult,
  WriteRequest,
  WriteResponse,
} from "../model.js";

export type Emit = (event: WriteEvent) => void;

/** Gets events. */
export interface Listener {
  /** The types of events that the listener gets. Default: all. */
  readonly types?: ReadonlySet<WriteEvent["type"]>;
  readonly tell: (event: WriteEvent) => unknown;
}

/** Receives events and statements, for traces and metrics. The functions are called while requests are processed: they must not throw, and must not wait. */
export interface Telemetry {
  /** Called with every event. */
  event(event: WriteEvent): void;
  /** Runs the processing of a request, which never rejects. */
  request(request: WriteRequest, run: () => Promise<WriteResponse>): Promise<WriteResponse>;
  /** Runs the processing of one transaction, which never rejects. Transactions that are committed together only have their events. */
  transaction<T>(call: Correlated, run: () => Promise<T>): Promise<T>;
  /** Called before a statement is sent, with its text without values. */
  statement(text: string): void;
  /**
   * Called at the start with a function that counts the waiting letters by error code. The function rejects with the database's errors, and if
   * `database` depends on the principal.
   */
  waitingLetters(count: () => Promise<Readonly<Record<string, number>>>): void;
}

/** Returns the function that passes an event to each listener. A listener that throws changes nothing. */
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
        // A listener's failure can't be reported anywhere.
      }
    }
  };
}

/** Replaces a wrapped error by the application's own, and adds `toJSON`, because JSON of an error is empty. */
function withJson(given: ErrorEvent): ErrorEvent {
  const event = { ...given, error: origin(given.error) };
  const toJSON = () => ({ ...event, error: plainError(event.error) });
  // Not enumerable, so that a copy of the event is plain data.
  return Object.defineProperty(event, "toJSON", { value: toJSON });
}

const mostCauses = 5;

/** The parts of a thrown value that JSON can hold. */
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

export function correlated({ correlationId, traceparent }: Correlated): Correlated {
  return { correlationId, ...(traceparent !== undefined && { traceparent }) };
}

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
