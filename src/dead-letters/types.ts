/** The dead-letter queue as an application works with it: `writes.deadLetters`. */
import type { Principal } from "../context.js";
import type { ErrorCode } from "../model.js";
import type { Letter, LetterStatus, LetterSummary, NamedRow } from "../store/letters.js";

/** All that are given must hold. `{}` is every letter. */
export interface LetterFilter {
  readonly status?: LetterStatus | readonly LetterStatus[];
  readonly userId?: string;
  readonly clientId?: string;
  readonly errorCode?: ErrorCode;
  /** A table of the client's that the letter names. */
  readonly table?: string;
  /** The id of a letter: its dependants. */
  readonly root?: string;
  /** First seen then or later; ISO 8601 where it is text. */
  readonly since?: Date | string;
  /** First seen before then. */
  readonly until?: Date | string;
}

/** Whose database, where `config.database` is a function. It says nothing about as whom a letter is retried. */
export interface LetterOptions<P extends Principal> {
  readonly principal?: P;
}

/** Which letters are listed, and how many at once. */
export interface ListOptions<P extends Principal> extends LetterFilter, LetterOptions<P> {
  /** 1 to 500. Default 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
  /** By when they were first seen. Default `newest`. */
  readonly order?: "newest" | "oldest";
}

/** A page of letters, and where the next one begins. */
export interface LetterPage {
  readonly letters: readonly LetterSummary[];
  /** For the next page. Absent on the last. */
  readonly next?: string;
}

/** Options of the retry of one letter. */
export interface RetryOptions<P extends Principal> extends LetterOptions<P> {
  /** Although its rows have changed. */
  readonly force?: boolean;
  /** In place of the principal that was stored, whose claims may be out of date. Its `userId` must be the letter's. */
  readonly as?: P;
}

/** What became of the letters that stand in one chain with it: its dependants, or those before it. */
export interface ChainReport {
  /** Ids of those that have been applied too, in their order. */
  readonly retried: readonly string[];
  /** How many wait. */
  readonly waiting: number;
  /** The first that could not be applied. It is the root of those behind it now. */
  readonly stoppedBy?: {
    readonly id: string;
    readonly retryable: boolean;
    readonly errorCode?: ErrorCode;
    readonly message: string;
    readonly operationIndex?: number;
  };
}

/** What has become of a letter that was retried. */
export type RetryResult =
  /** Applied, and committed together with the letter's new status. `dependants`: where it has some, or is one. */
  | { readonly status: "retried"; readonly dependants?: ChainReport }
  /** Nothing was written: these rows are not as they were when it was recorded. `force` retries all the same. */
  | { readonly status: "stale"; readonly rows: readonly NamedRow[] }
  /** Nothing was written, and the letter is as open as before. `retryable`: what was in the way may pass. */
  | {
      readonly status: "failed";
      readonly retryable: boolean;
      /** Absent where it is retryable. */
      readonly errorCode?: ErrorCode;
      /** Safe to show. */
      readonly message: string;
      readonly operationIndex?: number;
      /** Where it is a dependant, and letters before it have been applied. */
      readonly dependants?: ChainReport;
    }
  | NotOpen
  | NotFound;

/** It has been retried or discarded already. */
export interface NotOpen {
  readonly status: "not_open";
  readonly is: LetterStatus;
}

/** There is no letter with this id. */
export interface NotFound {
  readonly status: "not_found";
}

/** What has become of a letter that was to be edited. */
export type EditResult =
  | { readonly status: "edited" }
  /** It is no transaction. The message says where. */
  | { readonly status: "invalid"; readonly message: string }
  | NotOpen
  | NotFound;

/** What has become of a letter that was to be discarded. */
export type DiscardResult =
  | { readonly status: "discarded" }
  /** Nothing has been done: so many letters depend on it. Say what becomes of them. */
  | { readonly status: "has_dependants"; readonly dependants: number }
  | NotOpen
  | NotFound;

/** What becomes of the letters that depend on one that is discarded. */
interface DependantsChoice {
  /**
   * `discard`: they are discarded with it. `keep`: they wait on, the first as the root of the others; what needs their rows is no dependant any
   * more. Without it, a letter that has dependants is not discarded.
   */
  readonly dependants?: "discard" | "keep";
}

export interface DiscardOptions<P extends Principal> extends LetterOptions<P>, DependantsChoice {}

export interface BulkDiscardOptions<P extends Principal> extends BulkOptions<P>, DependantsChoice {}

/** How letters are chosen and dealt with by a filter. */
export interface BulkOptions<P extends Principal> extends LetterOptions<P> {
  /** How many letters at most are dealt with. Default 1,000. */
  readonly limit?: number;
  /** `next` of the report before: goes on from there. */
  readonly cursor?: string;
}

/** Options of a retry by a filter. */
export interface BulkRetryOptions<P extends Principal> extends BulkOptions<P> {
  readonly force?: boolean;
}

/** What retrying letters by a filter has done. */
export interface BulkRetryReport {
  readonly retried: number;
  readonly stale: number;
  readonly failed: number;
  /** Behind a letter of the same client that is still waiting. */
  readonly skipped: number;
  /** In the order in which they were dealt with. */
  readonly results: readonly BulkRetryResult[];
  /** There are more. */
  readonly next?: string;
}

/** What has become of one letter in a retry by a filter. */
export interface BulkRetryResult {
  readonly id: string;
  readonly userId: string;
  readonly result: RetryResult | { readonly status: "skipped" };
}

/** What discarding letters by a filter has done. */
export interface BulkDiscardReport {
  readonly discarded: number;
  readonly ids: readonly string[];
  /** Letters whose dependants wait, where nothing says what becomes of those. */
  readonly refused?: readonly string[];
  /** There are more. */
  readonly next?: string;
}

/** A letter's operations beside the rows as they are now. */
export interface LetterComparison {
  /** The first 50. */
  readonly operations: readonly ComparedOperation[];
  /** How many operations it has beyond these. */
  readonly more: number;
}

/** Columns go by the client's names. What the payload does not say, or what can't be understood, is absent. */
export interface ComparedOperation {
  /** From 0. */
  readonly operationIndex: number;
  readonly op?: string;
  readonly table?: string;
  readonly id?: string;
  /** What the device had before the change: `previous_values`. */
  readonly base?: Readonly<Record<string, unknown>>;
  /** What the letter would write: `op_data`. */
  readonly yours?: Readonly<Record<string, unknown>>;
  /** The row as it is now, without its key; `null`: there is none. Absent: it can't be read, by the login role or at all. */
  readonly theirs?: Readonly<Record<string, unknown>> | null;
  /** The columns that the rule lets a client write. Absent: there is no such rule or table. */
  readonly columns?: readonly ComparedColumn[];
}

/** A column of a row that a letter names: what the client sent, what it had seen, and what is stored. */
export interface ComparedColumn {
  readonly name: string;
  /** The database's name of it. Absent: the database does not have the column. */
  readonly type?: string;
  readonly nullable?: boolean;
  /** Of an enumeration. */
  readonly members?: readonly string[];
}

/**
 * What has been recorded and waits for somebody to decide. Everything here is for whoever operates the application: nothing asks who calls.
 * All of it rejects with `badRequest` for arguments that can't be understood, and with the database's errors, unless it says otherwise.
 */
export interface DeadLetters<P extends Principal> {
  /** By when they were first seen. Letters that are recorded meanwhile move nothing from one page to another. */
  list(options?: ListOptions<P>): Promise<LetterPage>;
  /** How many are open or stale, by their error codes: `{ UNIQUE_VIOLATION: 3 }`. */
  count(options?: LetterOptions<P>): Promise<Readonly<Record<string, number>>>;
  /** `undefined`: there is none. */
  get(id: string, options?: LetterOptions<P>): Promise<Letter | undefined>;
  /**
   * A letter's operations beside the rows as they are now, each read in a transaction of its own. `undefined`: there is no such letter.
   *
   * @example
   * const { operations } = (await writes.deadLetters.compare(id)) ?? { operations: [] };
   * for (const { base, theirs, yours } of operations) console.log(base?.name, theirs?.name, yours?.name);
   */
  compare(id: string, options?: LetterOptions<P>): Promise<LetterComparison | undefined>;
  /**
   * Replaces what a letter will write: `{ crud: […] }`, in the wire's words. Its rows are looked at anew, and a stale letter is open again.
   * The payload that was recorded is kept beside it. Integers beyond 2^53 must be `bigint` or text.
   */
  edit(id: string, payload: unknown, options?: LetterOptions<P>): Promise<EditResult>;
  /**
   * Applies a letter as the user who sent it, through map, authorize and persist with all their hooks, in one database transaction with its
   * new status: at most once, however many try. The answer that the device has had is not changed. A failure of the database is `failed`, too.
   */
  retry(id: string, options?: RetryOptions<P>): Promise<RetryResult>;
  /** Closes a letter without writing anything; `reason` is kept, up to 2,000 characters. */
  discard(id: string, reason: string, options?: DiscardOptions<P>): Promise<DiscardResult>;
  /** Retries what waits, oldest first. A client's letters are tried in their order, and after its first that is not applied no more of them. */
  retryAll(filter: LetterFilter, options?: BulkRetryOptions<P>): Promise<BulkRetryReport>;
  discardAll(
    filter: LetterFilter,
    reason: string,
    options?: BulkDiscardOptions<P>,
  ): Promise<BulkDiscardReport>;
  /** Whole letters, oldest first, as JSON lines, each with its line break. Holds one of them at a time. */
  export(filter?: LetterFilter, options?: LetterOptions<P>): AsyncIterable<string>;
}
