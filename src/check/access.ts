/** The columns and tables by which a rule tells who may write: `owner`, `isOwner`, and the members' tables of `isMember`. */
import type { Principal } from "../context.js";
import { membershipsIn, type Rule } from "../pipeline/rules.js";
import type { Membership } from "../store/conditions.js";
import { ServerValue } from "../store/failures.js";
import { heldValue, ownerForms, typeName } from "../store/owners.js";
import type { Store } from "../store/store.js";
import type { InspectedTable } from "../store/tables.js";
import { columnMissing, memberUses, namedBy, ownerColumns } from "./declared.js";
import { error, type Mismatch, warning } from "./mismatch.js";

export function* ownerMismatches<P extends Principal, DB>(
  rule: Rule<P, DB>,
  table: InspectedTable,
): Iterable<Mismatch> {
  for (const column of ownerColumns(rule)) yield* ownerMismatchesOf(rule, column, table);
}

function* ownerMismatchesOf<P extends Principal, DB>(
  rule: Rule<P, DB>,
  owner: string,
  { columns, inexact, ownerKind }: InspectedTable,
): Iterable<Mismatch> {
  const { name } = rule;
  const column = columns.get(owner);
  if (column === undefined) return;
  const kind = ownerKind(column);
  if (kind === undefined) {
    const message = `"${owner}" is of type ${typeName(column)}, which can't hold a user's id. Writes wait on the device. Make it a text column.`;
    yield error("owner_type", name, owner, message);
  } else if (kind !== "text" || column.members !== undefined) {
    const form = kind === "text" ? "in its list" : ownerForms[kind];
    const message = `"${owner}" is of type ${typeName(column)}, not text. Writes of a caller whose id is not ${form} wait on the device. Make it a text column, unless every id is.`;
    yield warning("owner_type", name, owner, message);
  }
  if (!inexact.has(owner)) return;
  yield warning(
    "collation",
    name,
    owner,
    `"${owner}" has a collation that treats different letters as equal. "${namedBy(rule, owner)}" compares exactly, but queries of your own do not. Give it a binary collation.`,
  );
}

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
      const message = `scope.isMember names the table "${table}", which the database does not have. Create it, or correct the name. Until then, writes wait on the device.`;
      yield error("table_missing", rule.name, undefined, message);
      continue;
    }
    for (const [column, by] of memberUses(membership)) {
      if (found.columns.has(column)) continue;
      yield error(
        "column_missing",
        rule.name,
        column,
        columnMissing(table, column, by, found.columns.keys()),
      );
    }
    yield* unfitValues(rule, membership, found, store);
  }
}

/** Values in `where` that the column can't hold. */
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
