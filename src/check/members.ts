/** The tables in which a rule's scope looks for members, by `isMember`. */
import type { Principal } from "../context.js";
import { membershipsIn, type Rule } from "../pipeline/rules.js";
import type { Membership } from "../store/conditions.js";
import { ServerValue } from "../store/failures.js";
import { heldValue } from "../store/owners.js";
import type { Store } from "../store/store.js";
import type { InspectedTable } from "../store/tables.js";
import { columnMissing, memberUses } from "./declared.js";
import { error } from "./mismatch.js";
import type { Mismatch } from "./types.js";

/** @param tables those that are there, by the source database's names */
export function* memberMismatches<P extends Principal, DB>(
  rule: Rule<P, DB>,
  tables: ReadonlyMap<string, InspectedTable | undefined>,
  store: Store,
): Iterable<Mismatch> {
  for (const membership of membershipsIn(rule)) {
    const { table } = membership;
    const found = tables.get(table);
    if (found === undefined) {
      const message = `scope.isMember names the table "${table}", which the database does not have. Create it, or correct the name; until then writes wait on the device.`;
      yield error("table_missing", rule.name, undefined, message);
      continue;
    }
    for (const [column, by] of memberUses(membership)) {
      if (found.columns.has(column)) continue;
      yield error("column_missing", rule.name, column, columnMissing(table, column, by));
    }
    yield* unfitValues(rule, membership, found, store);
  }
}

/** Values that `where` names, and no row can hold. */
function* unfitValues<P extends Principal, DB>(
  { name }: Rule<P, DB>,
  { table, where }: Membership,
  { columns, ownerKind }: InspectedTable,
  store: Store,
): Iterable<Mismatch> {
  const converting: Pick<Store, "convert" | "view"> = {
    convert: (...given) => store.convert(...given),
    view: (...given) => store.view(...given),
  };
  for (const { column: called, oneOf } of where) {
    const column = columns.get(called);
    if (column === undefined) continue;
    for (const value of oneOf) {
      if (value === null) continue;
      try {
        heldValue(converting, ownerKind(column), { table, column, value });
      } catch (thrown) {
        if (!(thrown instanceof ServerValue)) throw thrown;
        const message = `scope.isMember.where.${called}: "${table}" can't hold the value ${String(value)}, so writes wait on the device. ${thrown.why}`;
        yield error("scope_fails", name, called, message);
      }
    }
  }
}
