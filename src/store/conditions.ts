/** Conditions of a scope as plain data, which every store understands. */

/** A condition on a row. Columns and tables have the source database's names. */
export type Condition =
  /** The row's column holds the caller's user id. */
  | { readonly isOwner: string }
  /** A row of another table makes the caller a member. */
  | { readonly isMember: Membership }
  /** At least one of these conditions holds. */
  | { readonly anyOf: readonly Condition[] };

/** Where memberships are stored: a row of this table makes `user` a member of the row that `row` refers to. */
export interface Membership {
  readonly table: string;
  /** The table's column that refers to the row in question. */
  readonly row: string;
  /** The table's column that holds a user id. */
  readonly user: string;
  /** The column of the row in question that is referred to. */
  readonly by: string;
}

/** The row's own columns that are compared with the caller's id, in order. */
export function ownerColumnsOf(condition: Condition): readonly string[] {
  if ("anyOf" in condition) return condition.anyOf.flatMap(ownerColumnsOf);
  return "isOwner" in condition ? [condition.isOwner] : [];
}

export function membershipsOf(condition: Condition): readonly Membership[] {
  if ("anyOf" in condition) return condition.anyOf.flatMap(membershipsOf);
  return "isMember" in condition ? [condition.isMember] : [];
}
