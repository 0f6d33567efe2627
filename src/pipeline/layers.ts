/**
 * The table of layers. The types of everything that can be replaced or hooked derive from it: a layer's input, its output and its context.
 *
 *     authenticate → validate → for each operation: map → authorize → persist → respond
 *                                    \ fatal failure → deadLetter
 */
import type {
  CallContext,
  Committed,
  CommittedContext,
  DeadLetterContext,
  OperationContext,
  Principal,
  RequestContext,
  RespondContext,
} from "../context.js";
import { ofApplication } from "../errors.js";
import type {
  CrudEntry,
  DeadLetter,
  Upload,
  Write,
  WriteOutcome,
  WriteRequest,
  WriteResponse,
} from "../model.js";

interface Layer<Input, Output, Context> {
  readonly input: Input;
  readonly output: Output;
  readonly context: Context;
}

/** Input, output and context of each layer. `authorize` returns the write that it approved, or throws. */
export interface Layers<P extends Principal, DB> {
  authenticate: Layer<WriteRequest, P, RequestContext>;
  validate: Layer<unknown, Upload, CallContext<P>>;
  /** `null` leaves the operation out, which counts as success. */
  map: Layer<CrudEntry, Write | null, OperationContext<P, DB>>;
  authorize: Layer<Write, Write, OperationContext<P, DB>>;
  persist: Layer<Write, WriteOutcome, OperationContext<P, DB>>;
  deadLetter: Layer<DeadLetter, DeadLetter, DeadLetterContext<P, DB>>;
  respond: Layer<WriteResponse, WriteResponse, RespondContext>;
}

/** The names of the layers, as in `hooks`. */
export type LayerName = keyof Layers<Principal, unknown>;

type AnyLayer = Layer<unknown, unknown, unknown>;
export type MaybePromise<T> = T | Promise<T>;

/** A layer as the pipeline calls it. What is known at once is no promise: several promises for each operation cost more than its work. */
export type LayerFunction<L extends AnyLayer> = (
  input: L["input"],
  context: L["context"],
) => MaybePromise<L["output"]>;

/** A layer of the application's own. `next` runs the default, so that a replacement may handle only one table or one case. */
export type LayerReplacement<L extends AnyLayer> = (
  input: L["input"],
  context: L["context"],
  next: (input: L["input"]) => Promise<L["output"]>,
) => MaybePromise<L["output"]>;

/** Functions that run before and after a layer. One that returns nothing leaves the input or the output as it is. */
export interface LayerHook<L extends AnyLayer> {
  before?(input: L["input"], context: L["context"]): MaybePromise<L["input"] | void>;
  after?(
    output: L["output"],
    context: L["context"],
    input: L["input"],
  ): MaybePromise<L["output"] | void>;
}

/** Hooks by layer. In an array of hooks, `before` runs in order and `after` in reverse order. */
export type Hooks<P extends Principal, DB> = {
  readonly [Name in LayerName]?: LayerHook<Layers<P, DB>[Name]>;
} & {
  /**
   * Runs after the commit, at most once, and never on a replay. Its failure does not change the answer. If you need certainty, write an outbox row
   * through `tx` in `persist`.
   */
  readonly committed?: (committed: Committed, context: CommittedContext<P>) => void | Promise<void>;
};

/** What a layer does not let its hooks do. */
interface Seal<L extends AnyLayer> {
  /** Throws if a hook has changed what was approved. */
  readonly before?: (approved: L["input"], replaced: L["input"]) => void;
  readonly after?: (approved: L["output"], replaced: L["output"]) => void;
  /** Throws if a hook has returned something else than an input or an output of the layer, which would be taken for the device's mistake. */
  readonly input?: (returned: unknown) => void;
  readonly output?: (returned: unknown) => void;
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
      input = or(await ofApplication(() => hook.before?.(input, context)), input, seal.input);
    }
    if (input !== given) seal.before?.(given, input);
    const approved = await run(input, context);
    let output = approved;
    for (const hook of after) {
      const returned = await ofApplication(() => hook.after?.(output, context, input));
      output = or(returned, output, seal.output);
    }
    if (output !== approved) seal.after?.(approved, output);
    return output;
  };
}

/** Only `undefined` means that a hook returned nothing: `null` is a value. */
function or<T>(replaced: unknown, given: T, check: ((returned: unknown) => void) | undefined): T {
  if (replaced === undefined) return given;
  check?.(replaced);
  return replaced as T;
}

/** The application's replacement, which can call the default by `next`; without a replacement, the default. */
export function replaceable<L extends AnyLayer>(
  run: LayerFunction<L>,
  replacement: LayerReplacement<L> | undefined,
): LayerFunction<L> {
  if (replacement === undefined) return run;
  return async (input, context) => replacement(input, context, async (next) => run(next, context));
}

/**
 * A member of a replaced `map` that can tell without a database transaction what it does with an entry: it returns the entry that is passed to the
 * default `map`, whose write is returned unchanged, or `null`.
 */
export const handsOn = Symbol("powersync-writes.handsOn");

export interface HandsOn {
  readonly [handsOn]?: (entry: CrudEntry) => Promise<CrudEntry | null>;
}
