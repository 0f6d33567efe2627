/** Conditions that a rule's `scope` may be instead of a function: `anyOf`, `isOwner` and `isMember`, as plain data. */
import type { Condition, Membership, MemberValue } from "../store/conditions.js";

/** See {@link anyOf}, {@link isOwner} and {@link isMember}. */
export type ScopeCondition =
  | { readonly isOwner: string }
  | { readonly isMember: MemberTable }
  | { readonly anyOf: readonly ScopeCondition[] };

/** Where memberships are stored. All names are the source database's. */
export interface MemberTable {
  /** The table that has a row for each membership, `name` or `schema.name`. */
  readonly table: string;
  /** The column of that table that refers to the row to be written. */
  readonly row: string;
  /** The column of that table that holds the member's user id. */
  readonly user: string;
  /** The column that `row` refers to, in the table to be written. Default: the key of that table's rule. */
  readonly by?: string;
  /** What else the member's row must contain, such as a role: for each column a value, or a list of the allowed values. */
  readonly where?: Readonly<Record<string, MemberValue | readonly MemberValue[]>>;
}

/**
 * A condition that holds if the column contains the caller's `userId`, compared as for `owner`. A PUT that leaves the column out gets the `userId`; if a
 * scope has several of these conditions, only the first one's column does.
 *
 * @param column the source database's name
 * @example
 * const tables = { lists: { scope: isOwner("owner_id") } };
 */
export function isOwner<const Column extends string>(column: Column): { readonly isOwner: Column } {
  return { isOwner: column };
}

/**
 * A condition that holds if a row of another table makes the caller a member. Earlier operations of the same transaction count, so a transaction may
 * first create the membership and then use it.
 *
 * In a write to the members' table itself, the row that it inserts, or whose member it changes, does not count as a membership: nobody can become a member
 * by writing a row with their own id.
 *
 * @example
 * const members = { table: "list_members", row: "list_id", user: "user_id" } as const;
 * const tables = {
 *   // A list's members may write it.
 *   lists: { scope: isMember(members) },
 *   // A todo, whose `list_id` the members' rows refer to as well. Only of members who may edit, and have not left.
 *   todos: {
 *     scope: isMember({
 *       ...members,
 *       by: "list_id",
 *       where: { role: ["editor", "owner"], left_at: null },
 *     }),
 *   },
 * };
 */
export function isMember<const Members extends MemberTable>(
  members: Members,
): { readonly isMember: Members } {
  return { isMember: members };
}

/**
 * A condition that holds if at least one of the given conditions holds.
 *
 * @example
 * const tables = {
 *   lists: {
 *     scope: anyOf(
 *       isOwner("owner_id"),
 *       isMember({ table: "list_members", row: "list_id", user: "user_id" }),
 *     ),
 *   },
 * };
 */
export function anyOf<const Conditions extends readonly ScopeCondition[]>(
  ...conditions: Conditions
): { readonly anyOf: Conditions } {
  return { anyOf: conditions };
}

/** The condition for a store, with every `by` filled in. Members are copied one by one, because a spread omits inherited ones. @param key the default of `by` */
export function storeCondition(given: ScopeCondition, key: () => string): Condition {
  if ("anyOf" in given) return { anyOf: given.anyOf.map((each) => storeCondition(each, key)) };
  if ("isOwner" in given) return { isOwner: given.isOwner };
  const { table, row, user, by, where = {} } = given.isMember;
  const held = Object.entries(where).map(([column, value]) => ({ column, oneOf: oneOf(value) }));
  const membership: Membership = { table, row, user, by: by ?? key(), where: held };
  return { isMember: membership };
}

function oneOf(value: MemberValue | readonly MemberValue[]): readonly MemberValue[] {
  // A single value is never an object. For the compiler, `Array.isArray` does not recognize a readonly list.
  return typeof value === "object" && value !== null ? [...value] : [value];
}
