/** What the filters of scopes are made with, and those that compare a column with the caller's id: for `owner`, `isOwner` and `isMember`. */
import { type Expression, expressionBuilder, type ExpressionBuilder, type SqlBool } from "kysely";
import type { OwnerKind, Table } from "../store/tables.js";
import type { AnyDatabase, Dialect, SqlTable } from "./dialect.js";

/** A table that a rule names, where it is there. */
export type TableOf = (table: string, columns?: readonly string[]) => Promise<SqlTable | undefined>;

/** The first argument of a rule's `scope`. */
export const scopeBuilder = expressionBuilder<AnyDatabase, string>();

// Named by configuration and checked by the database; types can't be known here.
export const any = scopeBuilder as unknown as ExpressionBuilder<
  Record<string, Record<string, never>>,
  string
>;

/** What stands in a statement for an owner's value. */
export type PlaceOwner = (value: unknown) => unknown;

/** A column that holds the caller's id, and the filter that says so. */
export interface Owned {
  /** Its own name, with a table's in front of it. */
  readonly reference: string;
  readonly userId: string;
  readonly kind: OwnerKind | undefined;
  readonly value: unknown;
  /** What the filter compares with. */
  readonly compared: unknown;
  readonly filter: Expression<SqlBool>;
}

export interface OwnedColumn {
  readonly table: string;
  readonly column: string;
  readonly userId: string;
  /** What the statement calls the table. Default: its name. */
  readonly as?: string;
  /** The table, where it has been read. */
  readonly known?: Table | undefined;
}

/** Its filter with a place for the value. */
export function placedOwner(
  { reference, kind, value }: Owned,
  { owners }: Dialect,
  place: PlaceOwner,
): Expression<SqlBool> {
  return owners.same(any.ref(reference), kind, value, place);
}
