/** The types for merging a change into a row that others may have changed. */
import type { Expression, SqlBool } from "kysely";
import type { Column } from "../store/tables.js";

/** A filter that a row must pass to be changed, and the effect of the write if it does not. */
export interface Guard {
  readonly filter: Expression<SqlBool>;
  readonly effect: "conflict" | "outdated";
}

/** How a database combines a stored value with a value that `convert` made. */
export interface Merging {
  /** The value as an operand: a number of the column's type, or of a wider one. */
  typed(column: Column, value: unknown): Expression<unknown>;
  /** The stored number plus the difference, with NULL as 0. It must not overflow. */
  sum(
    reference: Expression<unknown>,
    column: Column,
    yours: unknown,
    base: unknown,
  ): Expression<unknown>;
  /** The range for `sum`, if the database does not limit the column itself. */
  range?(column: Column): { readonly min: bigint; readonly max: bigint } | undefined;
  /** The stored list, followed by the members of the other list that it lacks. */
  union(reference: Expression<unknown>, column: Column, value: unknown): Expression<unknown>;
}
