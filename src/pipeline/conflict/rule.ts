/** The type of a rule's `conflict`: what happens to a write if others have changed the row since the device saw it. */
import type { OperationContext, Principal } from "../../context.js";
import type { FatalError } from "../../errors.js";
import type { Operation } from "../../model.js";
import type { StoredRow, Values } from "../../store/store.js";

/** The least and the greatest result that a difference may lead to. Beyond them, the write is CONFLICT. */
export interface AddBounds {
  readonly min?: number | bigint;
  readonly max?: number | bigint;
}

/** Three states of a row, by the source database's column names. */
export interface RowConflict {
  /** The row as the device had it before its change. It contains only columns that the device's schema tracks. */
  readonly base: Values;
  /** The stored row, which is locked. */
  readonly theirs: StoredRow;
  /** The values that the write would set. For a DELETE: empty, or what a soft delete sets. */
  readonly yours: Values;
  readonly operation: Operation;
}

/**
 * `"theirs"`: the row stays as it is. `"yours"`: the operation is applied as sent. Values: these are written, even in place of a DELETE.
 * `fatal(…)`, returned or thrown, refuses the write.
 */
export type Resolution = "theirs" | "yours" | Values | FatalError;

/** Decides a conflict, or throws. */
export type ResolveConflict<P extends Principal, DB> = (
  conflict: RowConflict,
  context: OperationContext<P, DB>,
) => Resolution | Promise<Resolution>;

/**
 * Columns have the source database's names. The state on which a write was based is read from its `previous_values`, which PowerSync sends for tables with
 * `trackPrevious`.
 */
export interface ConflictRule<P extends Principal, DB> {
  /**
   * A column in which the server counts the row's versions, from 1. A write names the version on which it is based, in `previous_values` or in its data.
   * If there is a newer version, the write is CONFLICT, unless the same queue has written every version since.
   */
  readonly version?: string;
  /**
   * The last write wins, by a timestamp that the device sets with each write: one for the row, or one for each column, `{ title: "title_at" }`. An earlier
   * write is success, and the row stays as it is. A time in the future counts as now.
   */
  readonly newest?: string | Readonly<Record<string, string>>;
  /** Numbers to which the difference between the previous and the sent value is added. With bounds: `{ quantity: { min: 0 } }`. */
  readonly add?: readonly string[] | Readonly<Record<string, AddBounds>>;
  /** Lists of texts and numbers. A list keeps its elements, and the missing ones are added. */
  readonly union?: readonly string[];
  /** Columns that never fall. */
  readonly greatest?: readonly string[];
  /** Columns that never rise. */
  readonly least?: readonly string[];
  /**
   * `reject`: CONFLICT if any column that the device tracks and may write has changed since. `merge`: CONFLICT only if a column that the write changes has been
   * changed to another value than the write's.
   */
  readonly changed?: "reject" | "merge";
  /**
   * One of the application's own tables. A write that would be CONFLICT, or that loses by its stamp, is recorded in it and is success; the row stays as it is.
   * Those of the following columns that the table has are filled: `id` (a uuid), `table_name`, `row_id`, `user_id`, `client_id`, `operation`, `base`,
   * `theirs` and `yours` (JSON), `created_at`.
   */
  readonly record?: string;
  /**
   * Decides about writes that would be CONFLICT by `version` or `changed`; without either, about every write to an existing row. The row is locked.
   */
  readonly resolve?: ResolveConflict<P, DB>;
  /**
   * Columns whose stored values a CONFLICT may show to the device. Default: those in `columns`; if the rule lists none, those that the operation sends.
   */
  readonly readable?: readonly string[];
}

/** The same with names that the compiler knows: see `defineTables`. */
export interface KnownConflict<
  P extends Principal,
  DB,
  Column extends string,
  TableNames extends string,
> extends Pick<ConflictRule<P, DB>, "changed" | "resolve"> {
  readonly version?: Column;
  readonly newest?: Column | { readonly [Name in Column]?: Column };
  readonly add?: readonly Column[] | { readonly [Name in Column]?: AddBounds };
  readonly union?: readonly Column[];
  readonly greatest?: readonly Column[];
  readonly least?: readonly Column[];
  readonly record?: TableNames;
  readonly readable?: readonly Column[];
}
