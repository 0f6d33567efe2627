/** What several changes must have in common, and what must not stand between them, to be made by one statement. */
import { membershipsOf } from "../store/conditions.js";
import type { Scope } from "../store/tables.js";
import type { CompiledOnce } from "./texts.js";

/** Compiled alike, with the same owners' values. */
export function isSameScope({ scope: one }: CompiledOnce, { scope: other }: CompiledOnce): boolean {
  for (const name in one) if (one[name] !== other[name]) return false;
  return true;
}

/** What one row's scope reads, another's write could have changed. */
export function readsTable({ condition, parents }: Scope, table: string): boolean {
  const members = condition === undefined ? [] : membershipsOf(condition.holds);
  return (
    [...members, ...parents].some((each) => nameOf(each.table) === nameOf(table)) ||
    parents.some(({ scope }) => scope !== undefined && readsTable(scope, table))
  );
}

/** To take two tables for one costs some statements, to take one for two would be wrong. */
function nameOf(table: string): string {
  return table
    .slice(table.lastIndexOf(".") + 1)
    .replaceAll("_", "")
    .toLowerCase();
}
