/** The data that passes between `persist` and a store: changes of rows, and their effects. */
import type { Operation } from "../model.js";
import type { Merge } from "./merge.js";
import type { Scope, Table } from "./tables.js";

/** By the source database's column names. */
export type Values = Readonly<Record<string, unknown>>;
/** A row as it is stored, by column. */
export type StoredRow = Values;

/** A change of one row. Its values and key are converted to the database's own values. */
export interface Change {
  readonly op: Operation;
  readonly table: Table;
  readonly key: Values;
  /** PUT: all columns of a new row except its key. PATCH: the changed columns. DELETE: empty, or what a soft delete sets. */
  readonly values: Values;
  /** PUT: columns that an existing row keeps. */
  readonly insertOnly?: readonly string[];
  /**
   * Columns among `values` that must not change: an existing row in the scope must already hold the same value when it is written. Otherwise the change
   * fails with ColumnsFixed. For a PUT they are in `insertOnly`, too.
   */
  readonly fixed?: readonly string[];
  /** PUT: an existing row is never changed. If it has the same values, the effect is `written`; otherwise the change is a UNIQUE_VIOLATION. */
  readonly neverChanges?: true;
  /** Application code has read that there is no such row, and relies on it. */
  readonly seenAbsent?: boolean;
  readonly scope: Scope | undefined;
  /** The operation's index in its transaction, from 0. */
  readonly operationIndex: number;
}

/**
 * `written`: the change took effect. `absent`: there is no such row. `foreign`: the row is outside the scope, and was not changed.
 * `left`: the row was written, and is now outside the scope. `refused`: the caller may see the row, but the database's policies forbid writing it.
 * `declined`: the change was allowed, but a trigger or a rule of the database's did something else with it.
 */
export type Effect = "written" | "absent" | "foreign" | "left" | "refused" | "declined";

export interface RunOutcome {
  /** One effect for each change, in order, up to the failure. */
  readonly effects: readonly Effect[];
  readonly failure?: { readonly operationIndex: number; readonly cause: unknown };
}

export interface MergedChange extends Change {
  readonly merge: Merge;
}

export interface Merged {
  /** `conflict`: the row exists in the scope, but does not take the write. `outdated`: its stamp is later than the write's. Neither changes the row. */
  readonly effect: Effect | "conflict" | "outdated";
  /** Columns of `Stamp.columns` that have kept their values. */
  readonly kept?: readonly string[];
}
