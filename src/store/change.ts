/** The data that passes between `persist` and a store: changes of rows, and their effects. */
import type { Operation } from "../model.js";
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

/** Columns have the source database's names, and values are converted. A new row is made from the change's values alone. */
export interface Merge {
  /** An existing row is never changed, whatever it holds. */
  readonly never?: true;
  /** Each of these columns must hold one of the values given for it. */
  readonly unchanged?: readonly Unchanged[];
  readonly version?: MergedVersion;
  /** The columns of the stamps themselves are among the change's values. */
  readonly stamps?: readonly Stamp[];
  readonly added?: readonly Added[];
  /** Columns with lists, among the values. The row's list keeps its elements, and the missing ones are added. */
  readonly union?: readonly string[];
  /** Columns among the values that never fall (`greatest`), or never grow (`least`). */
  readonly greatest?: readonly string[];
  readonly least?: readonly string[];
}

interface Unchanged {
  readonly column: string;
  readonly oneOf: readonly unknown[];
}

/** A column that counts the row's versions. A new row has version 1, and every write raises it by one. */
export interface MergedVersion {
  readonly column: string;
  /** The version that the write was based on. `null`: the row had none yet. `new`: there was no row. Absent: the version is not compared. */
  readonly base?: bigint | null | "new";
  /** Hex SHA-256 of who writes. Versions that the same writer has made since the base are no conflict. Absent: the writer is unknown. */
  readonly writer?: string;
  /** Hex SHA-256 of the user. */
  readonly subject: string;
}

export interface Stamp {
  readonly column: string;
  readonly value: unknown;
  /** The columns that keep their values if the row's stamp is later. Absent: the whole row does. */
  readonly columns?: readonly string[];
}

/** Adds the difference between `yours` and `base` to the row's number. */
export interface Added {
  readonly column: string;
  readonly yours: unknown;
  readonly base: unknown;
  /** The bounds that the sum must not cross because of the difference. */
  readonly min?: unknown;
  readonly max?: unknown;
}

/** The row does not take the write, and nothing has been changed. */
export class MergeRefused extends Error {
  readonly effect: "conflict" | "outdated";

  constructor(effect: "conflict" | "outdated") {
    super("The row has changed since the device saw it.");
    this.effect = effect;
  }
}

/** Who wrote the latest versions of a row. */
export interface VersionRecord {
  readonly writer: string;
  /** The latest version by this writer. */
  readonly version: bigint;
  /** The version before this writer's unbroken series; 0 if the writer inserted the row. */
  readonly since: bigint;
}

/** The versions at which a row takes a write: the write's base, and the writer's own latest version if nobody else has written since. `null`: no version. */
export function versionsAllowed(
  { base, writer }: MergedVersion,
  record: VersionRecord | undefined,
): readonly (bigint | null)[] {
  const named = base === undefined || base === "new" ? [] : [base];
  if (record === undefined || writer === undefined || record.writer !== writer) return named;
  const since = typeof base === "bigint" ? base : 0n;
  const isOwn = record.since <= since && since <= record.version;
  return isOwn ? [...named, record.version] : named;
}

/** The record of a row's versions after a write has made `version`. */
export function versionWritten(
  writer: string,
  version: bigint,
  record: VersionRecord | undefined,
): VersionRecord {
  const before = version - 1n;
  const goesOn = record !== undefined && record.writer === writer && record.version === before;
  return { writer, version, since: goesOn ? record.since : before };
}
