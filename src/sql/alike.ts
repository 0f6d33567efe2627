/** The conditions under which several changes can be made by one statement. */
import { membershipsOf } from "../store/conditions.js";
import type { Scope } from "../store/tables.js";
import type { CompiledOnce } from "./texts.js";

/** Whether two scopes compile to the same text and have the same owners' values. */
export function isSameScope({ scope: one }: CompiledOnce, { scope: other }: CompiledOnce): boolean {
  if (one === other) return true;
  for (const name in one) if (one[name] !== other[name]) return false;
  return true;
}

/** Whether a scope reads the table itself: then the write of one row can change the judgment of the next, and each needs its own statement. */
export function readsTable({ condition, parents }: Scope, table: string): boolean {
  const members = condition === undefined ? [] : membershipsOf(condition.holds);
  return (
    [...members, ...parents].some((each) => nameOf(each.table) === nameOf(table)) ||
    parents.some(({ scope }) => scope !== undefined && readsTable(scope, table))
  );
}

/** Ignores schema, case and underscores: taking two tables for one only costs statements, but taking one for two would be wrong. */
function nameOf(table: string): string {
  return table
    .slice(table.lastIndexOf(".") + 1)
    .replaceAll("_", "")
    .toLowerCase();
}
