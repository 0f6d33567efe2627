/** The scope of a write: what a rule and the rules of its parents ask of a row, for one caller. */
import type { OperationContext, Principal } from "../context.js";
import { misconfigured } from "../errors.js";
import { type Condition, makesMember, membershipsOf } from "../store/conditions.js";
import type { Change, Store } from "../store/store.js";
import type { Scope } from "../store/tables.js";
import { membershipsIn, type ParentRule, type Rule } from "./rules.js";

/**
 * The full scope of a rule's rows for a caller, including the scopes of their parents. `undefined`: no restriction.
 * Throws what the rule's `scope` throws, and retryable if it returns no scope: a forgotten `return` must not mean that everybody may write.
 *
 * @param written the write that the scope is asked about; absent: none
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

/** Whether a scope depends on the caller's id alone: not on the write, and not on what the application's own code says. */
export function isByUser<P extends Principal, DB>(
  rule: Rule<P, DB>,
  parents: readonly ParentRule<P, DB>[],
): boolean {
  return (
    rule.scope === undefined &&
    membershipsIn(rule).length === 0 &&
    parents.every(({ rule: parent }) => isByUser(parent, furtherParents(rule, parent)))
  );
}

type Written = Pick<Change, "op" | "table" | "key" | "values">;

/** The scope of a write whose values have been changed since the scope was made. */
export function rewritten(scope: Scope | undefined, written: Written): Scope | undefined {
  if (scope === undefined) return undefined;
  const { condition, parents, ...rest } = scope;
  return {
    ...rest,
    ...(condition && { condition: conditionOf(condition.holds, condition.userId, written) }),
    parents: parents.map((parent) => ({ ...parent, scope: rewritten(parent.scope, written) })),
  };
}

/** The write itself must not be what allows it: the row that would make its sender a member does not count. */
function conditionOf(
  holds: Condition,
  userId: string,
  written: Written | undefined,
): NonNullable<Scope["condition"]> {
  if (written === undefined || written.op === "DELETE") return { holds, userId };
  const { table, key } = written;
  return {
    holds,
    userId,
    ...(makesMember(holds, written) && { without: { table: table.name, key } }),
    ...(membershipsOf(holds).length > 0 && { writes: table.name }),
  };
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

/** A table that refers to itself is checked one level up only, because a statement can't know how long the chain is. */
function furtherParents<P extends Principal, DB>(
  rule: Rule<P, DB>,
  parent: Rule<P, DB>,
): readonly ParentRule<P, DB>[] {
  return parent === rule ? parent.parents.filter((each) => each.rule !== rule) : parent.parents;
}
