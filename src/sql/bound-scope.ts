/** A scope as SQL, bound to a caller: see `scope.ts`. */
import type { Expression, SqlBool } from "kysely";

/** A scope as SQL, which can be used in any statement on its table. */
export interface BoundScope {
  readonly filter: Expression<SqlBool>;
  /** It reads nothing but the row itself, so a statement can judge the row that it has just written. */
  readonly rowOnly: boolean;
  /**
   * Whether the row would be in the scope while all other rows are what they are right now: asked before the write, where a members' table may show the
   * written row under another name, so that nobody can say which row of members it makes. Absent: what is asked behind the write is enough.
   *
   * @param valueOf what the row will hold
   */
  readonly before?: (valueOf: ValueOf) => Promise<Expression<SqlBool>>;
  /** The scope in parts, to judge a row that can't be seen any more after it has been written. Absent: the application's own parts read other tables. */
  readonly parts?: ScopeParts;
}

/** By a column's name. */
export type ValueOf = (column: string) => Expression<unknown>;

interface ScopeParts {
  /** The part that only needs the row itself. */
  readonly own?: Expression<SqlBool>;
  readonly owner?: { readonly column: string; readonly value: unknown };
  /** `own` contains more conditions than the owner. */
  readonly more: boolean;
  readonly parents: readonly BoundParent[];
}

export interface BoundParent {
  readonly column: string;
  /** Whether a row may refer to this value. */
  allows(value: unknown): Expression<SqlBool>;
}
