/** Which columns clients may send. */
import type { Principal } from "../context.js";
import type { Rule } from "../pipeline/rules.js";

export function sendable<P extends Principal, DB>(rule: Rule<P, DB>, column: string): boolean {
  if (rule.serverColumns.has(column) || rule.insertColumns.has(column)) return false;
  if (rule.clientColumns === undefined) return rule.softDelete?.has(column) !== true;
  return [...rule.clientColumns.values()].some(
    (each) => each.column === column && each.readOnly === undefined,
  );
}
