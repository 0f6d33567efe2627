/** The default `persist`: a write becomes a change of one row inside the rule's scope, and its effect is judged. */
import type { OperationContext, Principal } from "../context.js";
import { fatal, misconfigured } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { Correlated } from "../events/events.js";
import type { Write, WriteOutcome } from "../model.js";
import { type Condition, makesMember } from "../store/conditions.js";
import type { Change, Effect, Store, Values } from "../store/store.js";
import type { Scope } from "../store/tables.js";
import { rowId } from "./client-names.js";
import { type Convert, storedValues } from "./convert.js";
import { createKeyFor } from "./key.js";
import { faultOf } from "./fault.js";
import type { LayerFunction, Layers } from "./layers.js";
import { type Needs, type OperationState, seenAbsent, stateOf } from "./operation.js";
import type { ParentRule, Rule, Rules } from "./rules.js";

export interface Persist<P extends Principal, DB> {
  /** The layer: one write, applied and judged. Throws fatal UNAUTHORIZED, what the conversion throws, and the database's own errors. */
  readonly layer: LayerFunction<Layers<P, DB>["persist"]>;
  /** The change that a write stands for; `undefined` where there is nothing to change. From then on the row is not what it was. */
  change(
    write: Write,
    context: OperationContext<P, DB>,
    state: OperationState,
  ): Promise<Change | undefined>;
  /** What an effect means for the client. Throws fatal UNAUTHORIZED. */
  judge(
    effect: Effect,
    write: Write,
    context: OperationContext<P, DB>,
    state: OperationState,
  ): WriteOutcome;
}

/** As most clients spell a row's id, and databases a UUID: nothing is to be made of it, or told. */
const plainUuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

export function createPersist<P extends Principal, DB>(
  rules: Rules<P, DB>,
  convert: Convert,
  emit: Emit,
): Persist<P, DB> {
  const ruleOf = ({ table }: Write): Rule<P, DB> => {
    const rule = rules.get(table);
    if (rule === undefined) throw new Error("A write names a table that has no rule.");
    return rule;
  };

  const keyFor = createKeyFor<P, DB>(convert, emit);

  const change: Persist<P, DB>["change"] = async (given, context, kept) => {
    const rule = ruleOf(given);
    const { op, id } = given;
    if (op === "PATCH" && Object.keys(given.values).length === 0) return undefined;
    const { store, unit } = kept;
    // What hooks have put in since.
    const write = await convert.write(given, rule, context, kept, "throws");
    kept.final = write;
    const { columns } = rule.key;
    const values = storedValues(write, columns, kept);
    const table = await convert.table(unit, rule.table, columns, context, kept.table);
    const [column] = columns;
    const key =
      rule.key.split === undefined && column !== undefined && plainUuid.test(id)
        ? convert.values(
            store,
            table,
            { [column]: id },
            context,
            op === "PUT" ? "key" : "sought",
            rowId,
          )
        : keyFor(store, table, rule, given, context);
    const scope = scopeOf(rule, rule.parents, context, store, {
      op,
      table: rule.table,
      key,
      values,
    });
    const absent = kept.seen.size > 0 && (await seenAbsent(kept, given));
    kept.written = true;
    const made: Change = {
      op,
      table,
      key,
      values,
      ...(op === "PUT" && { insertOnly: insertOnly(rule, kept) }),
      ...(op === "PUT" && rule.put === "insert" && { neverChanges: true }),
      ...(rule.insertOnly.size > 0 && op !== "DELETE" && { fixed: fixedAmong(values, rule, kept) }),
      ...(absent && { seenAbsent: true }),
      scope,
      operationIndex: context.operationIndex,
    };
    kept.change = made;
    return made;
  };

  const judge: Persist<P, DB>["judge"] = (effect, write, context, { needs }) => {
    if (effect === "written") return { effect };
    const { hideForeign } = ruleOf(write);
    if (effect === "declined") {
      const { op, table, id } = write;
      const row = { table, id, op, operationIndex: context.operationIndex };
      emit({ type: "row_declined", ...correlated(context), ...row });
      return { effect };
    }
    // Only what was left alone can be hidden; what has been written must be undone. Who sees a row that a policy refuses knows that it exists.
    const shown = effect === "left" || effect === "refused";
    if (shown || (effect === "foreign" && (write.op === "PUT" || !hideForeign))) {
      throw fatal("UNAUTHORIZED", "The caller may not write this row.");
    }
    if (write.op !== "PUT") {
      const { op, table, id } = write;
      const row = { table, id, op, operationIndex: context.operationIndex };
      // It is not yet known whether that is all there is to say.
      if (needs !== undefined) needs.rows.push(row);
      else emit({ type: "row_missing", ...correlated(context), ...row });
    }
    return { effect: "missing" };
  };

  return {
    change,
    judge,
    layer: async (write, context) => {
      const state = stateOf(context);
      const made = await change(write, context, state);
      if (made === undefined) return { effect: "unchanged" };
      const rule = ruleOf(write);
      const { conflict } = rule;
      if (conflict !== undefined) {
        // Loaded where it is used.
        const { writeMerging } = await import("./conflict/write.js");
        const asked = { change: made, write, rule, conflict, context, kept: state, convert };
        const outcome = await writeMerging(asked, (effect) => judge(effect, write, context, state));
        if (outcome.effect === "kept") {
          const { op, table, id } = write;
          const row = { table, id, op, operationIndex: context.operationIndex };
          emit({ type: "row_kept", ...correlated(context), ...row });
        }
        return outcome;
      }
      const { effects, failure } = await state.unit.write([made]);
      if (failure !== undefined) throw faultOf(failure.cause, made, state);
      return judge(effects[0] ?? "absent", write, context, state);
    },
  };
}

/**
 * The columns that a row which is there already keeps. Whose it is, where the client has left that out, was the caller's before or is not the
 * caller's to say. A PUT that never changes a row compares what the client sent, and not what the server sets.
 */
function insertOnly<P extends Principal, DB>(
  rule: Rule<P, DB>,
  { set, filledOwner }: OperationState,
): readonly string[] {
  const { insertColumns, ownerColumn, put } = rule;
  if (put === "insert") return [...insertColumns.keys(), ...set];
  const kept = [...insertColumns.keys(), ...rule.insertOnly.keys()];
  return filledOwner && ownerColumn !== undefined && set.has(ownerColumn)
    ? [...kept, ownerColumn]
    : kept;
}

/** The columns that must hold what was sent already, where the row is there. Its owner is not asked where the client has left that out. */
function fixedAmong<P extends Principal, DB>(
  values: Values,
  { insertOnly, ownerColumn, put }: Rule<P, DB>,
  kept: OperationState,
): readonly string[] {
  kept.fixed = insertOnly;
  // A PUT that never changes a row compares all that was sent.
  if (put === "insert" && kept.final?.op === "PUT") return [];
  return [...insertOnly.keys()].filter(
    (name) => Object.hasOwn(values, name) && !(kept.filledOwner && name === ownerColumn),
  );
}

/** Tells of the rows that a transaction has not found, once it is known that no letter would create them. */
export function announceMissing(emit: Emit, { rows }: Needs, call: Correlated): void {
  for (const row of rows) emit({ type: "row_missing", ...correlated(call), ...row });
}

/**
 * Whose row it is, and whose rows it belongs to, for a caller. `undefined`: anybody's.
 * Throws what the rule's `scope` throws, and retryable where it gives no scope: a forgotten `return` must not mean that everybody may write.
 *
 * @param written what the scope is asked about; absent: no write
 */
export function scopeOf<P extends Principal, DB>(
  rule: Rule<P, DB>,
  parents: readonly ParentRule<P, DB>[],
  context: OperationContext<P, DB>,
  store: Pick<Store, "scopeBuilder" | "isScope">,
  written?: Written,
): Scope | undefined {
  const { table, owner, condition } = rule;
  const { userId } = context.principal;
  const expression = expressionOf(rule, context, store);
  if ((owner ?? condition ?? expression) === undefined && parents.length === 0) return undefined;
  return {
    table,
    ...(owner !== undefined && { owner: { column: owner, userId } }),
    ...(condition !== undefined && { condition: conditionOf(condition, userId, written) }),
    ...(expression !== undefined && { expression }),
    parents: parents.map(({ column, rule: parent, by, optional }) => ({
      column,
      table: parent.table,
      by,
      optional,
      scope: scopeOf(parent, furtherParents(rule, parent), context, store, written),
    })),
  };
}

/** A write, by its table's name. */
type Written = Pick<Change, "op" | "key" | "values"> & { readonly table: string };

/** Who may write a row must not be told by the write itself: the row that would make its sender a member is none until it is there. */
function conditionOf(
  holds: Condition,
  userId: string,
  written: Written | undefined,
): NonNullable<Scope["condition"]> {
  if (written === undefined || !makesMember(holds, written)) return { holds, userId };
  const { table, key } = written;
  return { holds, userId, without: { table, key } };
}

/** `undefined`: no restriction. */
function expressionOf<P extends Principal, DB>(
  { name, scope }: Rule<P, DB>,
  context: OperationContext<P, DB>,
  store: Pick<Store, "scopeBuilder" | "isScope">,
): unknown {
  if (scope === undefined) return undefined;
  const given: unknown = scope(store.scopeBuilder as never, context);
  if (given === true) return undefined;
  if (store.isScope(given)) return given;
  throw misconfigured(
    `tables.${name}: the scope gave ${described(given)} and no filter. Return an expression; or true, for no restriction.`,
  );
}

function described(given: unknown): string {
  if (given instanceof Promise) return "a promise";
  return given === undefined || given === null || typeof given === "boolean"
    ? String(given)
    : typeof given === "object"
      ? "an object"
      : `a ${typeof given}`;
}

/** A table that refers to itself is asked one level up, for the chain has no end that a statement could know. */
function furtherParents<P extends Principal, DB>(
  rule: Rule<P, DB>,
  parent: Rule<P, DB>,
): readonly ParentRule<P, DB>[] {
  return parent === rule ? parent.parents.filter((each) => each.rule !== rule) : parent.parents;
}
