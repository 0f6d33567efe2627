/** Conditions of a scope as plain data, which every store understands. */
import type { Operation } from "../model.js";

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
  /** What the table's row must hold beside that. Empty: nothing. */
  readonly where: readonly Held[];
}

/** A column that holds one of these values. */
export interface Held {
  readonly column: string;
  readonly oneOf: readonly MemberValue[];
}

/**
 * What a member's row must hold: a value of a column of texts, numbers, UUIDs, days (`YYYY-MM-DD`) or booleans, compared letter by letter; integers beyond
 * 2^53 as a bigint or as digits. `null`, of any column: it holds no value.
 */
export type MemberValue = string | number | bigint | boolean | null;

/** Every column of the members' table that a membership goes by. */
export function memberColumns({ row, user, where }: Membership): readonly string[] {
  return [row, user, ...where.map(({ column }) => column)];
}

/** The row of a write that may become a membership by that write. It must not be what allows the write. */
export interface NewMember {
  readonly table: string;
  /** Converted. */
  readonly key: Readonly<Record<string, unknown>>;
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

interface ConditionalWrite {
  readonly op: Operation;
  readonly table: {
    readonly name: string;
    readonly columns: ReadonlyMap<string, { readonly generated: boolean }>;
  };
  readonly values: object;
}

/** Whether the row that a write leaves may be a membership of the condition's that it was not before. */
export function makesMember(
  condition: Condition,
  { op, table, values }: ConditionalWrite,
): boolean {
  if (op === "DELETE") return false;
  // A column that the database computes may follow any other.
  const changes = (column: string) =>
    Object.hasOwn(values, column) || table.columns.get(column)?.generated === true;
  return membershipsOf(condition).some(
    (membership) =>
      mayBeSame(membership.table, table.name) &&
      (op === "PUT" || memberColumns(membership).some(changes)),
  );
}

/** Whether two names may mean one table: a schema that one of them leaves out may be the other's, and a plugin may spell `listMembers` another way. */
export function mayBeSame(one: string, other: string): boolean {
  const [parts, others] = [partsOf(one), partsOf(other)];
  return parts.every((part, index) => others[index] === undefined || part === others[index]);
}

/** The table first. */
function partsOf(name: string): readonly string[] {
  return name.replaceAll("_", "").toLowerCase().split(".").reverse();
}
