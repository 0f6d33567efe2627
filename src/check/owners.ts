/** The columns that a rule compares with the caller's id. */
import type { Principal } from "../context.js";
import type { Rule } from "../pipeline/rules.js";
import { ownerColumnsOf } from "../store/conditions.js";
import { ownerForms, typeName } from "../store/owners.js";
import type { InspectedTable } from "../store/tables.js";
import { error, warning } from "./mismatch.js";
import type { Mismatch } from "./types.js";

/** The columns by the source database's names. */
export function ownerColumns<P extends Principal, DB>({
  owner,
  condition,
}: Rule<P, DB>): ReadonlySet<string> {
  return new Set([
    ...(owner === undefined ? [] : [owner]),
    ...(condition === undefined ? [] : ownerColumnsOf(condition)),
  ]);
}

/** The option that names the column. */
export function namedBy<P extends Principal, DB>({ owner }: Rule<P, DB>, column: string): string {
  return column === owner ? "owner" : "scope.isOwner";
}

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
    const message = `"${owner}" is of type ${typeName(column)}, which can't hold a user's id: nobody owns a row, and writes wait on the device. Make it a text.`;
    yield error("owner_type", name, owner, message);
  } else if (kind !== "text" || column.members !== undefined) {
    const form = kind === "text" ? "in its list" : ownerForms[kind];
    const message = `"${owner}" is of type ${typeName(column)}, no text: writes of a caller whose id is not ${form}, wait on the device. Make it a text, unless every id is.`;
    yield warning("owner_type", name, owner, message);
  }
  if (!inexact.has(owner)) return;
  yield warning(
    "collation",
    name,
    owner,
    `"${owner}" takes some letters for others: "${namedBy(rule, owner)}" compares it letter by letter all the same, but queries of your own don't. Give it a binary collation.`,
  );
}
