/** What a statement asks of a row that others may have changed, and how a database makes a new value of the stored one. */
import type { Expression, SqlBool } from "kysely";
import type { Column } from "../store/tables.js";

/** A filter that a row must pass to be changed, and what has come of the write where it doesn't. */
export interface Guard {
  readonly filter: Expression<SqlBool>;
  readonly effect: "conflict" | "outdated";
}

/** How a database makes a new value of a stored one and of what `convert` made. */
export interface Merging {
  /** The value, to be computed with and compared: a number of the column's type, or of a wider one. */
  typed(column: Column, value: unknown): Expression<unknown>;
  /** The stored number and the difference, NULL as 0. It does not overflow. */
  sum(
    reference: Expression<unknown>,
    column: Column,
    yours: unknown,
    base: unknown,
  ): Expression<unknown>;
  /** What `sum` may come to, where the database itself does not bound the column. */
  range?(column: Column): { readonly min: bigint; readonly max: bigint } | undefined;
  /** The stored list with what it lacks of the other one. */
  union(reference: Expression<unknown>, column: Column, value: unknown): Expression<unknown>;
}
