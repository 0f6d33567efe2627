/** Builds the layers that requests run: the default, the application's replacement, and the hooks around both. */
import type { WritesConfig } from "../config/config.js";
import type { Committed, CommittedContext, OperationContext, Principal } from "../context.js";
import { type Emit, correlated } from "../events/emit.js";
import type { DeadLetter } from "../model.js";
import type { Limits } from "../wire/limits.js";
import { createValidate } from "../wire/upload.js";
import { authorizer, sameRow } from "./authorize.js";
import { rowId } from "./column-messages.js";
import { type Convert, createConvert } from "./convert.js";
import { invalidKey, keyOf } from "./key.js";
import {
  type Hooks,
  type LayerFunction,
  type LayerHook,
  type LayerName,
  type Layers,
  layer,
  replaceable,
} from "./layers.js";
import { mapper } from "./map.js";
import { keepingEntry, keepingWrite, keepMapped, type Mapping } from "./mapping.js";
import { createMutations, type Mutations } from "./mutations.js";
import type { Mutators } from "./mutators.js";
import { type RowReader, stateOf } from "./operation.js";
import { createPersist, type Persist } from "./persist.js";
import {
  letterFrom,
  operationFrom,
  outcomeFrom,
  responseFrom,
  uploadFrom,
  writeFrom,
} from "./returned.js";
import type { Rules } from "./rules.js";

export type Pipeline<P extends Principal, DB> = {
  readonly [Name in Exclude<LayerName, "respond">]: LayerFunction<Layers<P, DB>[Name]>;
} & {
  readonly rules: Rules<P, DB>;
  readonly convert: Convert;
  /** Reads the row for `context.stored()`. */
  readonly readRow: RowReader<P, DB>;
  /**
   * The parts of the default `persist`, if no global replacement or hook surrounds it: then several writes can go to the store together. A table whose
   * rule has a `persist` still goes through the layer.
   */
  readonly plainPersist: Persist<P, DB> | undefined;
  /** Absent: the application has no mutators. */
  readonly mutations: Mutations<P, DB> | undefined;
  /** Whether application code maps or authorizes every operation. See also `Rule.looksAround`. */
  readonly looksAtAll: boolean;
  /** Absent: every operation writes the row that it names. */
  readonly mapping: Mapping | undefined;
  /** Absent if there is no hook. */
  readonly respond: LayerFunction<Layers<P, DB>["respond"]> | undefined;
  /** Calls the `committed` hooks. Never rejects. Absent if there are none. */
  readonly announceCommit:
    | ((applied: CommittedWrites, context: CommittedContext<P>) => Promise<void>)
    | undefined;
};

/** What a `committed` hook is told, except the mutations. */
export type CommittedWrites = Omit<Committed, "mutations">;

interface PipelineParts<P extends Principal, DB> {
  readonly rules: Rules<P, DB>;
  readonly mapping: Mapping | undefined;
  readonly limits: Limits;
  readonly emit: Emit;
  /** The default `deadLetter` layer. */
  readonly deadLetter: LayerFunction<Layers<P, DB>["deadLetter"]>;
  /** Makes the function that writes a rejection for the device, in the transaction of its letter. */
  reject(convert: Convert): LayerFunction<Layers<P, DB>["deadLetter"]> | undefined;
}

export function createPipeline<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  { rules, mapping, limits, emit, deadLetter, reject }: PipelineParts<P, DB>,
): Pipeline<P, DB> {
  const allHooks = hooksOf(config);
  const hooks = <Name extends LayerName>(name: Name): LayerHook<Layers<P, DB>[Name]>[] =>
    allHooks.flatMap((each) => each[name] ?? []);
  const committed = allHooks.flatMap((each) => each.committed ?? []);
  const isPlain = (name: "map" | "authorize" | "persist"): boolean =>
    config[name] === undefined && hooks(name).length === 0;

  const looksAtAll = !isPlain("map") || !isPlain("authorize");
  const isSeen = looksAtAll || !isPlain("persist") || committed.length > 0;
  const convert = createConvert(emit, isSeen);
  const persist = createPersist(rules, convert, emit);
  const mutations = config.mutators && createMutations(config.mutators as Mutators<P, DB>, rules);
  const byRules = keepingEntry(mapper(rules, { convert, emit }), mapping);
  const validate = createValidate(limits);
  const validating = layer(replaceable(validate, config.validate), hooks("validate"));
  const map = layer(replaceable(byRules, config.map), hooks("map"), {
    input: operationFrom("hooks.map.before"),
  });
  const judge = keepingWrite(authorizer(rules, config.authorize, convert), mapping);

  return {
    rules,
    convert,
    authenticate: layer(config.authenticate as Authenticate<P, DB>, hooks("authenticate")),
    validate:
      validating === validate
        ? validate
        : async (body, context) => {
            const upload = await validating(body, context);
            uploadFrom(upload);
            return upload;
          },
    map: isPlain("map") ? map : withConvertedHooks(map, rules, convert, mapping),
    authorize: layer(judge, hooks("authorize"), {
      after: sameRow,
      input: operationFrom("hooks.authorize.before"),
      output: operationFrom("hooks.authorize.after"),
    }),
    persist: layer(replaceable(byTable(persist.layer, rules), config.persist), hooks("persist"), {
      before: sameRow,
      input: operationFrom("hooks.persist.before"),
      output: outcomeFrom("hooks.persist.after"),
    }),
    plainPersist: isPlain("persist") ? persist : undefined,
    looksAtAll,
    mapping,
    mutations,
    deadLetter: rejecting(
      layer(replaceable(deadLetter, config.deadLetter), hooks("deadLetter"), {
        input: letterFrom("hooks.deadLetter.before"),
        output: letterFrom("hooks.deadLetter.after"),
      }),
      reject(convert),
    ),
    respond:
      hooks("respond").length === 0
        ? undefined
        : layer(async (response) => response, hooks("respond"), {
            input: responseFrom("hooks.respond.before"),
            output: responseFrom("hooks.respond.after"),
          }),
    readRow: rowReader(rules, convert),
    announceCommit: committed.length === 0 ? undefined : announcer(committed, mutations, emit),
  };
}

/** The rule's own `persist`, if it has one, in front of the default. */
function byTable<P extends Principal, DB>(
  run: LayerFunction<Layers<P, DB>["persist"]>,
  rules: Rules<P, DB>,
): LayerFunction<Layers<P, DB>["persist"]> {
  return async (write, context) =>
    replaceable(run, rules.get(write.table)?.persist)(write, context);
}

/** The configured function may also return the principal itself, because the result is awaited. */
type Authenticate<P extends Principal, DB> = LayerFunction<Layers<P, DB>["authenticate"]>;

function announcer<P extends Principal, DB>(
  hooks: readonly NonNullable<Hooks<P, DB>["committed"]>[],
  mutations: Mutations<P, DB> | undefined,
  emit: Emit,
): NonNullable<Pipeline<P, DB>["announceCommit"]> {
  return async (applied, context) => {
    const { crud } = applied.transaction;
    const committed = { ...applied, mutations: mutations?.told(crud) ?? [] };
    for (const hook of hooks) {
      try {
        await hook(committed, context);
      } catch (error) {
        const during = "committed";
        emit({ type: "error", ...correlated(context), during, error, outcome: "ignored" });
      }
    }
  };
}

/** Also converts what the application's own mapping returns. */
function withConvertedHooks<P extends Principal, DB>(
  map: LayerFunction<Layers<P, DB>["map"]>,
  rules: Rules<P, DB>,
  convert: Convert,
  mapping: Mapping | undefined,
): LayerFunction<Layers<P, DB>["map"]> {
  return async (entry, context) => {
    const write = await map(entry, context);
    writeFrom(write);
    keepMapped(write, context, mapping);
    const rule = write === null ? undefined : rules.get(write.table);
    // `authorize` refuses a write without a rule.
    return write === null || rule === undefined
      ? write
      : convert.write(write, rule, context, stateOf(context), "pass");
  };
}

/** Adds the rejection to the `deadLetter` layer, in the same transaction. */
function rejecting<P extends Principal, DB>(
  store: LayerFunction<Layers<P, DB>["deadLetter"]>,
  reject: LayerFunction<Layers<P, DB>["deadLetter"]> | undefined,
): LayerFunction<Layers<P, DB>["deadLetter"]> {
  return async (letter, context) => {
    // A layer of the application's own may return nothing, whatever its type says.
    const stored = ((await store(letter, context)) as DeadLetter | undefined) ?? letter;
    return reject === undefined ? stored : reject(stored, context);
  };
}

function hooksOf<P extends Principal, DB>({ hooks }: WritesConfig<P, DB>): readonly Hooks<P, DB>[] {
  if (hooks === undefined) return [];
  return isList(hooks) ? hooks : [hooks];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** Reads an operation's row. Also `undefined` if the table has no rule, because the write is refused anyway. */
function rowReader<P extends Principal, DB>(
  rules: Rules<P, DB>,
  convert: Convert,
): RowReader<P, DB> {
  return async ({ table: name, id }, context: OperationContext<P, DB>) => {
    const rule = rules.get(name);
    if (rule === undefined) return undefined;
    const { store, unit } = stateOf(context);
    const table = await convert.table(unit, rule.table, rule.key.columns, context);
    const parts = keyOf(rule, id, context.principal);
    const key = convert.values(store, table, parts, context, "sought", rowId);
    try {
      return await unit.read(table, key);
    } catch (error) {
      // An error in application code is never fatal by itself, but an invalid id is the client's fault and will not pass.
      throw store.meaning(error) === "INVALID_DATA" ? invalidKey() : error;
    }
  };
}
