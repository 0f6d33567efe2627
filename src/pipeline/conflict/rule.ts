/** A rule's `conflict`: what becomes of a write to a row that others have changed since the device saw it. */
import type { OperationContext, Principal } from "../../context.js";
import type { FatalError } from "../../errors.js";
import type { Operation } from "../../model.js";
import type { StoredRow, Values } from "../../store/store.js";

/** The least and the greatest number that a difference may lead to; what leads beyond is CONFLICT. */
export interface AddBounds {
  readonly min?: number | bigint;
  readonly max?: number | bigint;
}

/** Three states of a row, by the source database's column names. */
export interface RowConflict {
  /** What the device had before its change, as far as it has sent that: the columns that its schema tracks. */
  readonly base: Values;
  /** The row as it is in the database, locked. */
  readonly theirs: StoredRow;
  /** What the write would set. Of a DELETE nothing, or what a soft delete sets. */
  readonly yours: Values;
  readonly operation: Operation;
}

/**
 * `"theirs"`: the row stays as it is. `"yours"`: the operation is made as it was sent. Values: these are written, also in place of a DELETE.
 * `fatal(…)`, returned or thrown, refuses.
 */
export type Resolution = "theirs" | "yours" | Values | FatalError;

/** Decides a conflict: gives the values to write, or throws. */
export type ResolveConflict<P extends Principal, DB> = (
  conflict: RowConflict,
  context: OperationContext<P, DB>,
) => Resolution | Promise<Resolution>;

/**
 * Columns go by the source database's names. What a device's write was made on is read from its `previous_values`, which PowerSync sends for tables
 * with `trackPrevious`.
 */
export interface ConflictRule<P extends Principal, DB> {
  /**
   * A column that counts the row's versions: the server does, from 1. A write names the version that it was made on, in `previous_values` or in its data;
   * where there is a newer one, it is CONFLICT, unless the same queue has written every version since.
   */
  readonly version?: string;
  /**
   * The last write wins, by a timestamp that the device sets with each write: of the row, or of each column, `{ title: "title_at" }`. An earlier one is
   * success, and the row keeps what it has. A time in the future counts as now.
   */
  readonly newest?: string | Readonly<Record<string, string>>;
  /** Numbers that are changed by the difference between what was and what is sent. With bounds: `{ quantity: { min: 0 } }`. */
  readonly add?: readonly string[] | Readonly<Record<string, AddBounds>>;
  /** Lists of texts and numbers that keep what they hold and get what they lack. */
  readonly union?: readonly string[];
  /** Columns that never fall. */
  readonly greatest?: readonly string[];
  /** Columns that never rise. */
  readonly least?: readonly string[];
  /**
   * `reject`: CONFLICT where any column that the device tracks and may write has changed since. `merge`: only where a column has that the write changes,
   * to another value than it would have got.
   */
  readonly changed?: "reject" | "merge";
  /**
   * A table of the application's own. A write that would be CONFLICT, or that an earlier stamp loses, is a row in it, and success; the row keeps what it
   * has. Of these columns it has those that the table has: `id` (a uuid), `table_name`, `row_id`, `user_id`, `client_id`, `operation`, `base`,
   * `theirs` and `yours` (JSON), `created_at`.
   */
  readonly record?: string;
  /**
   * Decides, with the row locked: what would be CONFLICT by `version` or `changed`; without either, every write to a row that is there.
   */
  readonly resolve?: ResolveConflict<P, DB>;
  /**
   * Columns whose stored values a CONFLICT may tell the device. Default: those in `columns`; where the rule lists none, those that the operation
   * sends.
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
