/** The dead-letter queue as an application works with it: `writes.deadLetters`. */
import type { Principal } from "../context.js";
import type { ErrorCode } from "../model.js";
import type { Letter, LetterStatus, LetterSummary, NamedRow } from "../store/letters.js";

/** Selects the letters that match every given member. `{}` selects every letter. */
export interface LetterFilter {
  readonly status?: LetterStatus | readonly LetterStatus[];
  readonly userId?: string;
  readonly clientId?: string;
  readonly errorCode?: ErrorCode;
  /** A client table that the letter names. */
  readonly table?: string;
  /** The id of a letter: selects its dependants. */
  readonly root?: string;
  /** First seen at this time or later. Text is ISO 8601. */
  readonly since?: Date | string;
  /** First seen before this time. Text is ISO 8601. */
  readonly until?: Date | string;
}

/** Selects the database if `config.database` depends on the principal. It does not decide as whom a letter is retried; see `as`. */
export interface LetterOptions<P extends Principal> {
  readonly principal?: P;
}

interface VersionOption {
  /**
   * The `version` of the letter that the caller has read, or several: if the letter has none of them by now, nothing is done and the result is
   * `changed`. Default: any version.
   */
  readonly version?: string | readonly string[];
}

/** Options for editing a letter. */
export interface EditOptions<P extends Principal> extends LetterOptions<P>, VersionOption {}

/** A dead letter as it is read, with its version. */
export interface VersionedLetter extends Letter {
  /** Changes when an edit changes the payload, and with nothing else. `edit`, `retry` and `discard` take it. */
  readonly version: string;
}

/** Which letters are listed, in which order, and how many on a page. */
export interface ListOptions<P extends Principal> extends LetterFilter, LetterOptions<P> {
  /** 1 to 500. Default 50. */
  readonly limit?: number;
  /** `next` of the previous page. */
  readonly cursor?: string;
  /** Which letters come first, by the time at which they were first seen. Default `newest`. */
  readonly order?: "newest" | "oldest";
}

/** A page of letters, and where the next one begins. */
export interface LetterPage {
  readonly letters: readonly LetterSummary[];
  /** The `cursor` of the next page. Absent on the last page. */
  readonly next?: string;
}

/** Options for retrying one letter. `version` is the letter's own: other letters of its chain may have been edited. */
export interface RetryOptions<P extends Principal> extends LetterOptions<P>, VersionOption {
  /** Retry even if the letter's rows have changed since it was recorded. Default false. */
  readonly force?: boolean;
  /** Replaces the stored principal, whose claims may be out of date. Its `userId` must be the letter's. */
  readonly as?: P;
}

/** The other letters of the same chain after a retry: the letter's dependants, or the letters before it. */
export interface ChainReport {
  /** The ids of the others that were applied, in order. */
  readonly retried: readonly string[];
  /** How many letters of the chain still wait. */
  readonly waiting: number;
  /** The first letter that could not be applied. It is now the root of the letters behind it. */
  readonly stoppedBy?: {
    readonly id: string;
    readonly retryable: boolean;
    readonly errorCode?: ErrorCode;
    readonly message: string;
    readonly operationIndex?: number;
  };
}

/** The result of a retry. */
export type RetryResult =
  /** Applied, and committed together with the letter's new status. `dependants` is present if the letter has dependants, or is one. */
  | { readonly status: "retried"; readonly dependants?: ChainReport }
  /** Nothing was written: these rows have changed since the letter was recorded. `force` retries it anyway. */
  | { readonly status: "stale"; readonly rows: readonly NamedRow[] }
  /** Nothing of the letter was written, and it still waits. `retryable`: the cause may pass by itself. */
  | {
      readonly status: "failed";
      readonly retryable: boolean;
      /** Absent if the failure is retryable. */
      readonly errorCode?: ErrorCode;
      /** Safe to show to users. */
      readonly message: string;
      readonly operationIndex?: number;
      /** Present if the letter is a dependant, and letters before it have been applied. */
      readonly dependants?: ChainReport;
    }
  | Changed
  | NotOpen
  | NotFound;

/** Nothing was done: the letter has been edited, and its `version` is none of those that were given. */
export interface Changed {
  readonly status: "changed";
}

/** The letter has already been retried or discarded; `is` is its status. */
export interface NotOpen {
  readonly status: "not_open";
  readonly is: LetterStatus;
}

/** There is no letter with this id. */
export interface NotFound {
  readonly status: "not_found";
}

/** The result of an edit. */
export type EditResult =
  | { readonly status: "edited" }
  /** The payload is not a valid transaction. The message says why. */
  | { readonly status: "invalid"; readonly message: string }
  | Changed
  | NotOpen
  | NotFound;

/** The result of a discard. */
export type DiscardResult =
  | { readonly status: "discarded" }
  /** Nothing was done: this many letters depend on it, and the `dependants` option was not given. */
  | { readonly status: "has_dependants"; readonly dependants: number }
  | Changed
  | NotOpen
  | NotFound;

/** What happens to the dependants of a discarded letter. */
interface DependantsChoice {
  /**
   * `discard`: they are discarded as well. `keep`: they go on waiting, the first as the root of the others, and later transactions that need their
   * rows no longer become their dependants. If the option is absent, a letter that has dependants is not discarded.
   */
  readonly dependants?: "discard" | "keep";
}

export interface DiscardOptions<P extends Principal>
  extends LetterOptions<P>, DependantsChoice, VersionOption {}

export interface BulkDiscardOptions<P extends Principal> extends BulkOptions<P>, DependantsChoice {}

/** Options for handling the letters that a filter selects. */
export interface BulkOptions<P extends Principal> extends LetterOptions<P> {
  /** The most letters to handle in this call: 1 to 100,000. Default 1,000. */
  readonly limit?: number;
  /** `next` of the previous report, to go on from there. */
  readonly cursor?: string;
}

/** Options for retrying the letters that a filter selects. */
export interface BulkRetryOptions<P extends Principal> extends BulkOptions<P> {
  /** Retry letters even if their rows have changed since they were recorded. Default false. */
  readonly force?: boolean;
}

/** The result of `retryAll`: how many letters had each result, and the results themselves. */
export interface BulkRetryReport {
  readonly retried: number;
  readonly stale: number;
  readonly failed: number;
  /** The number of letters that come after a letter of the same queue or chain that was not applied. */
  readonly skipped: number;
  /** In the order in which the letters were handled. */
  readonly results: readonly BulkRetryResult[];
  /** The `cursor` of the next call. Absent if no letters are left. */
  readonly next?: string;
}

/** The result for one letter of a `retryAll`. */
export interface BulkRetryResult {
  readonly id: string;
  readonly userId: string;
  readonly result: RetryResult | { readonly status: "skipped" };
}

/** The result of `discardAll`: how many letters were discarded, and which. */
export interface BulkDiscardReport {
  readonly discarded: number;
  readonly ids: readonly string[];
  /** The ids of letters that were not discarded, because they have dependants and the `dependants` option was not given. */
  readonly refused?: readonly string[];
  /** The `cursor` of the next call. Absent if no letters are left. */
  readonly next?: string;
}

/** A letter's operations compared with the rows as they are now. */
export interface LetterComparison {
  /** The first 50. */
  readonly operations: readonly ComparedOperation[];
  /** The number of further operations, which are not compared. */
  readonly more: number;
}

/** One operation of a letter. Columns have the client's names. Members that the payload lacks, or that are invalid, are absent. */
export interface ComparedOperation {
  /** From 0. */
  readonly operationIndex: number;
  readonly op?: string;
  readonly table?: string;
  readonly id?: string;
  /** What the device had before the change: the operation's `previous_values`. */
  readonly base?: Readonly<Record<string, unknown>>;
  /** What the letter would write: the operation's `op_data`. */
  readonly yours?: Readonly<Record<string, unknown>>;
  /** The current row, without its key. `null`: there is no such row. Absent: the row can't be read, for example because the login role lacks the right. */
  readonly theirs?: Readonly<Record<string, unknown>> | null;
  /** The columns that the rule lets a client write. Absent if there is no rule or no table. */
  readonly columns?: readonly ComparedColumn[];
}

/** A column that a client may write, as an editor for its values needs to know it. */
export interface ComparedColumn {
  readonly name: string;
  /** The database's name of the column's type; `[]` is appended for an array. Absent if the database does not have the column. */
  readonly type?: string;
  readonly nullable?: boolean;
  /** The values of an enumeration. */
  readonly members?: readonly string[];
}

/**
 * The dead letters: transactions that failed and wait for somebody to decide. This API is for operators: no method checks who calls it.
 * Unless a method says otherwise, it rejects with `badRequest` for invalid arguments, and with the database's errors.
 */
export interface DeadLetters<P extends Principal> {
  /** Lists letters in the order in which they were first seen. Letters that are recorded between two calls don't shift the pages. */
  list(options?: ListOptions<P>): Promise<LetterPage>;
  /** Counts the open and stale letters by error code: `{ UNIQUE_VIOLATION: 3 }`. */
  count(options?: LetterOptions<P>): Promise<Readonly<Record<string, number>>>;
  /** Returns a whole letter, with its payload. `undefined`: there is no such letter. */
  get(id: string, options?: LetterOptions<P>): Promise<VersionedLetter | undefined>;
  /**
   * Compares the first 50 operations of a letter with the rows as they are now, each read in a transaction of its own. `undefined`: there is no such
   * letter.
   *
   * @example
   * const { operations } = (await writes.deadLetters.compare(id)) ?? { operations: [] };
   * for (const { base, theirs, yours } of operations) console.log(base?.name, theirs?.name, yours?.name);
   */
  compare(id: string, options?: LetterOptions<P>): Promise<LetterComparison | undefined>;
  /**
   * Replaces what a letter will write with a payload in the wire format: `{ crud: […] }`. From then on the letter is compared with its rows as they
   * are now, so a stale letter is open again. The letter also keeps the recorded payload. Integers beyond 2^53 must be `bigint` or text.
   *
   * With the `version` that was read, the edit overwrites nobody else's: of two operators who have read the same letter, the second gets `changed`.
   *
   * @example
   * const letter = await writes.deadLetters.get(id);
   * if (letter !== undefined) await writes.deadLetters.edit(id, payload, { version: letter.version });
   */
  edit(id: string, payload: unknown, options?: EditOptions<P>): Promise<EditResult>;
  /**
   * Applies a letter as the user who sent it, through map, authorize and persist with all their hooks. The writes commit together with the letter's
   * new status, so concurrent retries apply it at most once. The answer that the device received does not change. A failure of the database is a
   * `failed` result and not a rejection.
   */
  retry(id: string, options?: RetryOptions<P>): Promise<RetryResult>;
  /** Closes a letter without writing anything. The `reason`, of 1 to 2,000 characters, is kept with the letter. */
  discard(id: string, reason: string, options?: DiscardOptions<P>): Promise<DiscardResult>;
  /** Retries the waiting letters that the filter selects, oldest first. The first letter of a queue that is not applied stops the queue's later letters. */
  retryAll(filter: LetterFilter, options?: BulkRetryOptions<P>): Promise<BulkRetryReport>;
  /** Discards the waiting letters that the filter selects, oldest first, in batches. */
  discardAll(
    filter: LetterFilter,
    reason: string,
    options?: BulkDiscardOptions<P>,
  ): Promise<BulkDiscardReport>;
  /** Yields whole letters as JSON lines, oldest first, each with its line break. Keeps only one whole letter in memory. */
  export(filter?: LetterFilter, options?: LetterOptions<P>): AsyncIterable<string>;
}
