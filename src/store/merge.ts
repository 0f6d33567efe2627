/** How a row that is there, and that others may have changed meanwhile, takes a write: plain data, which the store decides by in the write itself. */

/** Columns and values are the source database's, converted. A row that is not there yet is made of the change's values alone. */
export interface Merge {
  /** A row that is there is left alone, whatever it holds. */
  readonly never?: true;
  /** Its columns must hold one of these values each. */
  readonly unchanged?: readonly Unchanged[];
  readonly version?: MergedVersion;
  /** Their own columns are among the change's values. */
  readonly stamps?: readonly Stamp[];
  readonly added?: readonly Added[];
  /** Columns among the values. The row's list keeps its elements, and gets those that it lacks. */
  readonly union?: readonly string[];
  /** Columns among the values that only grow, or only fall. */
  readonly greatest?: readonly string[];
  readonly least?: readonly string[];
}

interface Unchanged {
  readonly column: string;
  readonly oneOf: readonly unknown[];
}

/** A column that counts the row's versions. A new row has the first one, and every write makes the next. */
export interface MergedVersion {
  readonly column: string;
  /** The version that the write was made on; `null`: the row had none yet; `new`: there was no row. Absent: nobody asks for it. */
  readonly base?: bigint | null | "new";
  /** Who writes: hex SHA-256. What this one has written since the base is no hindrance. Absent: nobody knows. */
  readonly writer?: string;
  /** The user: hex SHA-256. */
  readonly subject: string;
}

export interface Stamp {
  readonly column: string;
  readonly value: unknown;
  /** These keep what they hold where the row's stamp is later. Absent: the whole row does. */
  readonly columns?: readonly string[];
}

/** The row's number is changed by the difference. */
export interface Added {
  readonly column: string;
  readonly yours: unknown;
  readonly base: unknown;
  /** The difference must not lead beyond. */
  readonly min?: unknown;
  readonly max?: unknown;
}

/** The row does not take the write: nothing has been changed. */
export class MergeRefused extends Error {
  readonly effect: "conflict" | "outdated";

  constructor(effect: "conflict" | "outdated") {
    super("The row has changed since the device saw it.");
    this.effect = effect;
  }
}

/** Who wrote a row's versions last. */
export interface VersionRecord {
  readonly writer: string;
  /** The latest that this one has written. */
  readonly version: bigint;
  /** The one before the first of those that this one has written without a break; 0: this one has made the row. */
  readonly since: bigint;
}

/** The versions that a row may have for a write: its base; and the writer's own, where nobody else has written since. `null`: none. */
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

/** What is known of a row's versions behind a write that has made this one. */
export function versionWritten(
  writer: string,
  version: bigint,
  record: VersionRecord | undefined,
): VersionRecord {
  const before = version - 1n;
  const goesOn = record !== undefined && record.writer === writer && record.version === before;
  return { writer, version, since: goesOn ? record.since : before };
}
