/** A scope as SQL, bound to a caller: see `scope.ts`. */
import type { Expression, SqlBool } from "kysely";

/** A scope as SQL, fit to stand in any statement on its table. */
export interface BoundScope {
  readonly filter: Expression<SqlBool>;
  /** It reads nothing but the row itself, so a statement can judge the row that it has just written. */
  readonly rowOnly: boolean;
  /** The same in parts, for a row that can't be seen any more once it has been written. Absent: parts of the application's own read other tables. */
  readonly parts?: ScopeParts;
}

interface ScopeParts {
  /** What the row itself tells. */
  readonly own?: Expression<SqlBool>;
  readonly owner?: { readonly column: string; readonly value: unknown };
  /** `own` holds more than the owner. */
  readonly more: boolean;
  readonly parents: readonly BoundParent[];
}

export interface BoundParent {
  readonly column: string;
  /** Whether a row may refer to this value. */
  allows(value: unknown): Expression<SqlBool>;
}
