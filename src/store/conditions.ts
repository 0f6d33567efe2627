/** Conditions that a scope may consist of, as plain data: what every store understands without an expression of its own kind. */

/** One of them; of `anyOf` at least one must hold. Columns and tables go by the source database's names. */
export type Condition =
  /** The row's column holds the caller's user id. */
  | { readonly isOwner: string }
  /** There is a row that makes the caller a member. */
  | { readonly isMember: Membership }
  | { readonly anyOf: readonly Condition[] };

/** A row of this table makes `user` a member of what `row` refers to. */
export interface Membership {
  readonly table: string;
  /** The table's column that refers to the row in question. */
  readonly row: string;
  /** The table's column that holds a user id. */
  readonly user: string;
  /** The column of the row in question that is referred to. */
  readonly by: string;
}

/** The columns of the row itself that are compared with the caller's id, in order. */
export function ownerColumnsOf(condition: Condition): readonly string[] {
  if ("anyOf" in condition) return condition.anyOf.flatMap(ownerColumnsOf);
  return "isOwner" in condition ? [condition.isOwner] : [];
}

export function membershipsOf(condition: Condition): readonly Membership[] {
  if ("anyOf" in condition) return condition.anyOf.flatMap(membershipsOf);
  return "isMember" in condition ? [condition.isMember] : [];
}
