/** Filters that compare a column with the caller's id, for `owner`, `isOwner` and `isMember`. */
import { type Expression, expressionBuilder, type ExpressionBuilder, type SqlBool } from "kysely";
import type { OwnerKind, Table } from "../store/tables.js";
import type { AnyDatabase, Dialect, SqlTable } from "./dialect.js";

/** A table that a rule names. */
export type TableOf = (table: string, columns?: readonly string[]) => Promise<SqlTable | undefined>;

/** The first argument of a rule's `scope`. */
export const scopeBuilder = expressionBuilder<AnyDatabase, string>();

// Names come from the configuration and are checked by the database, so their types can't be known here.
export const any = scopeBuilder as unknown as ExpressionBuilder<
  Record<string, Record<string, never>>,
  string
>;

/** The placeholder for an owner's value in a statement that is compiled once. */
export type PlaceOwner = (value: unknown) => unknown;

/** A column that holds the caller's id, and the filter that says so. */
export interface Owned {
  /** The column's name, qualified with a table. */
  readonly reference: string;
  readonly userId: string;
  readonly kind: OwnerKind | undefined;
  readonly value: unknown;
  /** The value that the filter compares with. */
  readonly compared: unknown;
  readonly filter: Expression<SqlBool>;
}

export interface OwnedColumn {
  readonly table: string;
  readonly column: string;
  readonly userId: string;
  /** The table's alias in the statement. Default: its name. */
  readonly as?: string;
  /** The table's form, if it has been read. */
  readonly known?: Table | undefined;
}

/** The filter with a placeholder for the value. */
export function placedOwner(
  { reference, kind, value }: Owned,
  { owners }: Dialect,
  place: PlaceOwner,
): Expression<SqlBool> {
  return owners.same(any.ref(reference), kind, value, place);
}
