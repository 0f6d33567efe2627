/**
 * The one table of layers. Everything that can be replaced or hooked derives from it: a layer's input, its output and its context.
 *
 *     authenticate → validate → for each operation: map → authorize → persist → respond
 *                                    \ fatal failure → deadLetter
 */
import type { Transaction } from "kysely";
import type {
  CrudEntry,
  CrudTransaction,
  DeadLetter,
  OpData,
  TransactionResult,
  Upload,
  Write,
  WriteOutcome,
  WriteRequest,
  WriteResponse,
} from "../model.js";
import { ofApplication } from "../errors.js";

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
  /** The `traceparent` header, where it is valid. In every event of the request. */
  readonly traceparent?: string;
  /** Aborted when the caller has left: the transaction under way is finished, no other is begun. */
  readonly signal: AbortSignal;
  /** Absent where a custom route calls `processTransaction`. */
  readonly request?: WriteRequest;
}

/** Known once the caller is. */
export interface CallContext<P extends Principal> extends RequestContext {
  readonly principal: P;
}

/** Known inside the database transaction. It may run again after a serialisation failure or a deadlock: keep side effects in `tx`. */
export interface TransactionContext<P extends Principal, DB> extends CallContext<P> {
  readonly tx: Transaction<DB>;
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
   * Read when first asked, once an operation, and locked until the transaction ends. Asked for the first time behind the write, it rejects.
   * Throws fatal INVALID_DATA for an id that can't be one of the table's, retryable where the table is missing just now.
   */
  stored(): Promise<StoredRow | undefined>;
}

/** By the source database's column names. */
export type StoredRow = Readonly<Record<string, unknown>>;

/** The `deadLetter` layer's own database transaction, begun after the failed one has been rolled back. */
export interface DeadLetterContext<P extends Principal, DB> extends CallContext<P> {
  readonly tx: Transaction<DB>;
  readonly clientId?: string;
}

export interface RespondContext extends RequestContext {
  /** Absent where the request ended before a transaction was tried. */
  readonly results?: readonly TransactionResult[];
}

/** One layer. `authorize` returns the very write it approved, or throws. */
interface Layer<Input, Output, Context> {
  readonly input: Input;
  readonly output: Output;
  readonly context: Context;
}

export interface Layers<P extends Principal, DB> {
  authenticate: Layer<WriteRequest, P, RequestContext>;
  validate: Layer<unknown, Upload, CallContext<P>>;
  /** `null` leaves the operation out; that is success. */
  map: Layer<CrudEntry, Write | null, OperationContext<P, DB>>;
  authorize: Layer<Write, Write, OperationContext<P, DB>>;
  persist: Layer<Write, WriteOutcome, OperationContext<P, DB>>;
  deadLetter: Layer<DeadLetter, DeadLetter, DeadLetterContext<P, DB>>;
  respond: Layer<WriteResponse, WriteResponse, RespondContext>;
}

export type LayerName = keyof Layers<Principal, unknown>;

type AnyLayer = Layer<unknown, unknown, unknown>;
type MaybePromise<T> = T | Promise<T>;

/** A layer as the pipeline calls it. */
export type LayerFunction<L extends AnyLayer> = (
  input: L["input"],
  context: L["context"],
) => Promise<L["output"]>;

/** A layer of the application's own; `next` runs the default, so that one table or one case can be special. */
export type LayerReplacement<L extends AnyLayer> = (
  input: L["input"],
  context: L["context"],
  next: (input: L["input"]) => Promise<L["output"]>,
) => MaybePromise<L["output"]>;

/** What runs around a layer. Returning nothing leaves things as they are. */
export interface LayerHook<L extends AnyLayer> {
  before?(input: L["input"], context: L["context"]): MaybePromise<L["input"] | void>;
  after?(
    output: L["output"],
    context: L["context"],
    input: L["input"],
  ): MaybePromise<L["output"] | void>;
}

/** A transaction that has just been committed. */
export interface Committed {
  readonly transaction: CrudTransaction;
  readonly writes: readonly Write[];
}

export interface CommittedContext<P extends Principal> extends CallContext<P> {
  readonly clientId?: string;
}

/** Hook points by layer. Where there are several, `before` runs in their order and `after` in reverse. */
export type Hooks<P extends Principal, DB> = {
  readonly [Name in LayerName]?: LayerHook<Layers<P, DB>[Name]>;
} & {
  /** After the commit, at most once, never on a replay. Its failure changes no answer. For certainty write an outbox row through `tx` in `persist`. */
  readonly committed?: (committed: Committed, context: CommittedContext<P>) => void | Promise<void>;
};

/** Throws where a hook has made something else of what was approved. */
interface Seal<L extends AnyLayer> {
  readonly before?: (approved: L["input"], replaced: L["input"]) => void;
  readonly after?: (approved: L["output"], replaced: L["output"]) => void;
}

/** Puts hooks around a layer. */
export function layer<L extends AnyLayer>(
  run: LayerFunction<L>,
  hooks: readonly LayerHook<L>[],
  seal: Seal<L> = {},
): LayerFunction<L> {
  const before = hooks.filter((hook) => hook.before !== undefined);
  const after = hooks.filter((hook) => hook.after !== undefined).reverse();
  if (before.length === 0 && after.length === 0) return run;

  return async (given, context) => {
    let input = given;
    for (const hook of before) {
      input = or(await ofApplication(() => hook.before?.(input, context)), input);
    }
    if (input !== given) seal.before?.(given, input);
    const approved = await run(input, context);
    let output = approved;
    for (const hook of after) {
      output = or(await ofApplication(() => hook.after?.(output, context, input)), output);
    }
    if (output !== approved) seal.after?.(approved, output);
    return output;
  };
}

/** A hook that returns nothing leaves things as they are; `null` is something. */
function or<T>(replaced: unknown, given: T): T {
  return replaced === undefined ? given : (replaced as T);
}

/** A default with the application's replacement in front of it. */
export function replaceable<L extends AnyLayer>(
  run: LayerFunction<L>,
  replacement: LayerReplacement<L> | undefined,
): LayerFunction<L> {
  if (replacement === undefined) return run;
  return async (input, context) => replacement(input, context, (next) => run(next, context));
}
