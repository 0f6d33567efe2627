/** What is to become of rows, and what has: what passes between `persist` and a store. */
import type { Operation } from "../model.js";
import type { Merge } from "./merge.js";
import type { Scope, Table } from "./tables.js";

/** By the source database's column names. */
export type Values = Readonly<Record<string, unknown>>;
/** A row as it is in the database, by column. */
export type StoredRow = Values;

/** What is to become of one row. Values and key are converted. */
export interface Change {
  readonly op: Operation;
  readonly table: Table;
  readonly key: Values;
  /** PUT: all of a new row but its key. PATCH: the changed columns. DELETE: empty, or what a soft delete sets. */
  readonly values: Values;
  /** PUT: columns that a row which is there already keeps. */
  readonly insertOnly?: readonly string[];
  /**
   * Columns among `values` that are not changed: a row that is there and in the scope must hold the very value, as it is when it is written. Otherwise
   * the change fails with ColumnsFixed. Of a PUT they are in `insertOnly`, too.
   */
  readonly fixed?: readonly string[];
  /** PUT: a row that is there already is not changed. One with the same values is as good as written, another is a UNIQUE_VIOLATION. */
  readonly neverChanges?: true;
  /** Somebody has looked and relies on it that there is no such row. */
  readonly seenAbsent?: boolean;
  readonly scope: Scope | undefined;
  /** From 0, in its transaction. */
  readonly operationIndex: number;
}

/**
 * `written`: the change took effect. `absent`: there is no such row. `foreign`: the row is outside the scope, and was left alone.
 * `left`: the row was written, and is outside the scope now. `refused`: the row may be seen and, by the database's own policies, not be written.
 * `declined`: the row is there and in the scope, or may be made, and a trigger or a rule of the database's chose to do something else with it.
 */
export type Effect = "written" | "absent" | "foreign" | "left" | "refused" | "declined";

export interface RunOutcome {
  /** One a change, in order, up to the failure. */
  readonly effects: readonly Effect[];
  readonly failure?: { readonly operationIndex: number; readonly cause: unknown };
}

export interface MergedChange extends Change {
  readonly merge: Merge;
}

export interface Merged {
  /** `conflict`: the row is there and in the scope, and does not take the write. `outdated`: the same, because its stamp is later. It was left alone. */
  readonly effect: Effect | "conflict" | "outdated";
  /** Columns of `Stamp.columns` that have kept what they held. */
  readonly kept?: readonly string[];
}
