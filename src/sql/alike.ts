/** The conditions under which several changes can be made by one statement. */
import { membershipsOf } from "../store/conditions.js";
import type { Scope } from "../store/tables.js";
import { sameName } from "./qualifier.js";
import type { CompiledOnce } from "./texts.js";

/** Whether two scopes compile to the same text and have the same owners' values. */
export function isSameScope({ scope: one }: CompiledOnce, { scope: other }: CompiledOnce): boolean {
  for (const name in one) if (one[name] !== other[name]) return false;
  return true;
}

/** Whether a scope reads the table itself: then the write of one row can change the judgment of the next, and each needs its own statement. */
export function readsTable({ condition, parents }: Scope, table: string): boolean {
  const members = condition === undefined ? [] : membershipsOf(condition.holds);
  return (
    [...members, ...parents].some((each) => sameName(each.table, table)) ||
    parents.some(({ scope }) => scope !== undefined && readsTable(scope, table))
  );
}
