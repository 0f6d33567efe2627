/** The default `persist`: turns a write into a change of one row inside the rule's scope, and decides what the change's effect means. */
import type { OperationContext, Principal } from "../context.js";
import { fatal } from "../errors.js";
import { type Emit, correlated } from "../events/emit.js";
import type { Correlated } from "../events/events.js";
import type { Write, WriteOutcome } from "../model.js";
import type { Change, Effect, Store, Values } from "../store/store.js";
import type { Scope, Table } from "../store/tables.js";
import { rowId } from "./column-messages.js";
import { type Convert, storedValues } from "./convert.js";
import { createKeyFor } from "./key.js";
import { errorForRefused } from "./refused-change.js";
import type { LayerFunction, Layers, MaybePromise } from "./layers.js";
import { type Needs, type OperationState, seenAbsent, stateOf } from "./operation.js";
import type { Rule, Rules } from "./rules.js";
import { isByUser, scopeOf } from "./scope.js";

export interface Persist<P extends Principal, DB> {
  /** The layer, which applies and judges one write. Throws fatal UNAUTHORIZED, what the conversion throws, and the database's own errors. */
  readonly layer: LayerFunction<Layers<P, DB>["persist"]>;
  /** The change for a write; `undefined` if it changes nothing. After this call the operation counts as written, so `stored()` can't be called first. */
  change(
    write: Write,
    context: OperationContext<P, DB>,
    state: OperationState,
  ): MaybePromise<Change | undefined>;
  /** Decides what an effect means for the client. Throws fatal UNAUTHORIZED. */
  judge(effect: Effect, write: Write, operation: JudgedOperation): WriteOutcome;
}

/** The operation whose effect is judged. */
export interface JudgedOperation extends Correlated {
  readonly operationIndex: number;
  /** Absent if no letter could create a missing row: then its event is emitted at once. */
  readonly needs: Needs | undefined;
}

interface FixedScope {
  readonly userId: string;
  readonly scope: Scope | undefined;
}

/** What had to be awaited for a change, as far as it is known. */
interface KnownOfChange {
  readonly write?: Write;
  readonly table?: Table;
  /** Whether application code has seen that there is no such row. */
  readonly isAbsent?: boolean;
}

/** The usual spelling of a row id, which databases use for UUIDs as well. Such an id needs no splitting and no event. */
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

  // One caller's operations come together. A scope that is the same object is bound once.
  const lastScopes = new WeakMap<Rule<P, DB>, FixedScope>();
  /** The scope of a rule that asks the same of all rows that the caller writes. `undefined`: it depends on the write. */
  const fixedScope = (rule: Rule<P, DB>, context: OperationContext<P, DB>, store: Store) => {
    const { userId } = context.principal;
    const last = lastScopes.get(rule);
    if (last?.userId === userId) return last;
    if (!isByUser(rule, rule.parents)) return undefined;
    const fixed = { userId, scope: scopeOf(rule, rule.parents, context, store) };
    lastScopes.set(rule, fixed);
    return fixed;
  };

  const change = (
    given: Write,
    context: OperationContext<P, DB>,
    state: OperationState,
    known: KnownOfChange = {},
  ): MaybePromise<Change | undefined> => {
    const rule = ruleOf(given);
    const { op, id } = given;
    if (op === "PATCH" && Object.keys(given.values).length === 0) return undefined;
    const { store, unit, seen } = state;
    const fixed = fixedScope(rule, context, store);
    const { columns } = rule.key;
    const go = (found: KnownOfChange) => change(given, context, state, { ...known, ...found });
    // Converts the values that hooks have set since.
    const write = known.write ?? convert.write(given, rule, context, state, "throws");
    if (write instanceof Promise) return write.then((found) => go({ write: found }));
    const table = known.table ?? convert.table(unit, rule.table, rule.needed, context, state.table);
    if (table instanceof Promise) return table.then((found) => go({ write, table: found }));
    if (seen.size > 0 && known.isAbsent === undefined)
      return seenAbsent(state, given).then((isAbsent) => go({ write, table, isAbsent }));
    const values = storedValues(write, columns, state);
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
    const scope = fixed
      ? fixed.scope
      : scopeOf(rule, rule.parents, context, store, { op, table, key, values });
    const { insertColumns, keptByPut, ownerColumn, put } = rule;
    const isOwnerFilled =
      state.filledOwner && ownerColumn !== undefined && state.set.has(ownerColumn);
    // The columns that an existing row keeps. A PUT must not change its owner unasked, so an owner that the client left out is among them. A PUT that
    // never changes a row compares only what the client sent, and not what the server sets.
    const keptColumns =
      put === "insert"
        ? [...insertColumns.keys(), ...state.set]
        : isOwnerFilled
          ? [...keptByPut, ownerColumn]
          : keptByPut;
    state.final = write;
    state.written = true;
    state.change = {
      op,
      table,
      key,
      values,
      ...(op === "PUT" && { insertOnly: keptColumns }),
      ...(op === "PUT" && rule.put === "insert" && { neverChanges: true }),
      ...(rule.insertOnly.size > 0 &&
        op !== "DELETE" && { fixed: fixedAmong(values, rule, state) }),
      ...(known.isAbsent && { seenAbsent: true }),
      scope,
      operationIndex: context.operationIndex,
    };
    return state.change;
  };

  const judge: Persist<P, DB>["judge"] = (effect, write, operation) => {
    const { operationIndex, needs } = operation;
    if (effect === "written") return { effect };
    const { hideForeign } = ruleOf(write);
    if (effect === "declined") {
      const { op, table, id } = write;
      const row = { table, id, op, operationIndex };
      emit({ type: "row_declined", ...correlated(operation), ...row });
      return { effect };
    }
    // A row can be hidden only if it was not changed: one that was written must be rolled back, and a row that a policy refuses is visible to the caller.
    const shown = effect === "left" || effect === "refused";
    if (shown || (effect === "foreign" && (write.op === "PUT" || !hideForeign))) {
      throw fatal("UNAUTHORIZED", "The caller may not write this row.");
    }
    if (write.op !== "PUT") {
      const { op, table, id } = write;
      const row = { table, id, op, operationIndex };
      // A waiting letter might create the row, so the event is emitted only after the letters have been asked.
      if (needs !== undefined) needs.rows.push(row);
      else emit({ type: "row_missing", ...correlated(operation), ...row });
    }
    return { effect: "missing" };
  };

  return {
    change,
    judge,
    layer: async (write, context) => {
      const state = stateOf(context);
      const { operationIndex } = context;
      const made = await change(write, context, state);
      if (made === undefined) return { effect: "unchanged" };
      const judged = { ...correlated(context), operationIndex, needs: state.needs };
      const rule = ruleOf(write);
      const { conflict } = rule;
      if (conflict !== undefined) {
        // Loaded where it is used.
        const { writeMerging } = await import("./conflict/write.js");
        const asked = { change: made, write, rule, conflict, context, state, convert };
        const outcome = await writeMerging(asked, (effect) => judge(effect, write, judged));
        if (outcome.effect === "kept") {
          const { op, table, id } = write;
          const row = { table, id, op, operationIndex };
          emit({ type: "row_kept", ...correlated(context), ...row });
        }
        return outcome;
      }
      const { effects, failure } = await state.unit.write([made]);
      if (failure !== undefined) throw errorForRefused(failure.cause, made, state);
      return judge(effects[0] ?? "absent", write, judged);
    },
  };
}

/** The columns in which an existing row must already hold what was sent. Not the owner, if the client left it out. */
function fixedAmong<P extends Principal, DB>(
  values: Values,
  { insertOnly, ownerColumn, put }: Rule<P, DB>,
  state: OperationState,
): readonly string[] {
  state.fixed = insertOnly;
  // A PUT that never changes a row compares all sent columns anyway.
  if (put === "insert" && state.final?.op === "PUT") return [];
  return [...insertOnly.keys()].filter(
    (name) => Object.hasOwn(values, name) && !(state.filledOwner && name === ownerColumn),
  );
}

/** Emits the events for rows that a transaction has not found, once it is known that no letter would create them. */
export function announceMissing(emit: Emit, { rows }: Needs, call: Correlated): void {
  for (const row of rows) emit({ type: "row_missing", ...correlated(call), ...row });
}
