/** Dead letters in a store: what is kept of each, and the port's operations on them. */
import type { ErrorCode } from "../model.js";
import { parseJson } from "../wire/parse-json.js";

/** `stale`: the letter's rows have changed since it was recorded. A stale letter waits like an open one, but its retry needs `force`. */
export type LetterStatus = "open" | "stale" | "retried" | "discarded";

/** The statuses of letters that nobody has decided about yet. */
export const waiting: readonly LetterStatus[] = ["open", "stale"];

/** A row by the client's names. */
export interface NamedRow {
  readonly table: string;
  /** The client's row id. */
  readonly id: string;
}

/** A text that identifies the row, for use as a key. */
export function rowName({ table, id }: NamedRow): string {
  return JSON.stringify([table, id]);
}

/** The state of a letter's rows when it was recorded. */
export interface RowStates {
  /** By the client's table: the source columns that were read. A column that is added later does not count as a change of the row. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly rows: readonly RowState[];
  /** The number of rows that were not read: no rule, no grant, an impossible id, or more rows than the limit. */
  readonly unread: number;
}

export interface RowState extends NamedRow {
  /** Hex SHA-256. `null`: there was no such row. */
  readonly hash: string | null;
}

/** A letter to be recorded. */
export interface NewLetter {
  readonly id: string;
  readonly errorCode: ErrorCode;
  readonly message: string;
  readonly operationIndex?: number;
  readonly userId: string;
  readonly clientId?: string;
  readonly queueId?: string;
  readonly identity?: string;
  readonly payload: unknown;
  /** Hex SHA-256 of the user. */
  readonly subject: string;
  /** Hex SHA-256 of user, client, queue and payload. At most one letter with the same content waits. */
  readonly content: string;
  /** As JSON text. */
  readonly principal?: string;
  readonly rowStates?: object;
  /** The root of its chain, which `lockRoot` has locked. Absent if the letter is no dependant. */
  readonly root?: string;
  /** Hashes of what the letter would create, as `dead-letters/created-rows.ts` makes them. */
  readonly creates: readonly string[];
  /** The client's tables that it names. */
  readonly tables: readonly string[];
  readonly lossyNumbers: boolean;
}

/** A letter without its payload. Times are UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`. */
export interface LetterSummary {
  readonly id: string;
  readonly status: LetterStatus;
  /** The user who sent the transaction. */
  readonly userId: string;
  readonly clientId?: string;
  readonly queueId?: string;
  /** The code of the latest failure; `message` and `operationIndex` belong to the same failure. */
  readonly errorCode: ErrorCode;
  readonly message: string;
  readonly operationIndex?: number;
  /** The transaction's key in the ledger, if it has an identity. */
  readonly identity?: string;
  /** The client's tables that it names. */
  readonly tables: readonly string[];
  /** How often it has failed: when it was first recorded, recorded again, or retried. From 1. */
  readonly attempts: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  /** Whether the payload has been edited since it was recorded. */
  readonly edited: boolean;
  /** Why it was discarded. */
  readonly reason?: string;
  /** When it was retried or discarded. */
  readonly closedAt?: string;
  /** Present if the letter is a dependant: the letter at the root of its chain, which must be applied first. */
  readonly root?: string;
  /** How many dependants wait behind it. */
  readonly dependants: number;
}

/** A dead letter as it is stored. */
export interface Letter extends LetterSummary {
  /** The transaction in its wire form, or as it was sent if it was invalid. Integers beyond 2^53 are `bigint`. */
  readonly payload: unknown;
  /** The payload as it was recorded. Present if the letter has been edited. */
  readonly originalPayload?: unknown;
  /** What `authenticate` returned, if JSON can carry it. */
  readonly principal?: unknown;
  /** The rows that a retry compares, and whether each existed when the letter was recorded. */
  readonly rows: readonly (NamedRow & { readonly present: boolean })[];
  /** How many more rows the letter names. They were not read, and are not compared. */
  readonly unreadRows: number;
}

/** A letter with what it keeps for a retry. */
export interface StoredLetter extends Letter {
  readonly rowStates: RowStates | undefined;
  /** A row that it would create has been written since. Its retry needs `force`, even if the row is gone again. */
  readonly overtaken: boolean;
  readonly lossyNumbers: boolean;
}

/** A listed letter with the queue that it came from, whose order a bulk retry keeps. */
export interface ListedLetter extends LetterSummary {
  readonly queue: string;
}

/** A checked filter. A letter must match every member given. */
export interface LetterQuery {
  readonly status?: readonly LetterStatus[];
  readonly userId?: string;
  readonly clientId?: string;
  readonly errorCode?: string;
  readonly table?: string;
  readonly root?: string;
  /** ISO 8601, UTC. */
  readonly since?: string;
  readonly until?: string;
}

/** The letter after which a page begins. */
export interface Position {
  readonly at: string;
  readonly id: string;
}

export interface Page {
  readonly newest: boolean;
  readonly limit: number;
  readonly after?: Position | undefined;
}

/** A change of a letter. */
export interface LetterChange {
  readonly status?: "open" | "stale";
  readonly closed?: { readonly status: "retried" | "discarded"; readonly reason?: string };
  /** A failed retry. Without an error it is only counted. */
  readonly failed?: {
    readonly error?: {
      readonly errorCode: string;
      readonly message: string;
      readonly operationIndex?: number;
    };
  };
  readonly payload?: {
    readonly value: unknown;
    readonly tables: readonly string[];
    readonly rowStates: RowStates | undefined;
    readonly creates: readonly string[];
  };
  /** The state of its rows, read again. */
  readonly rowStates?: RowStates;
}

export interface Dependant {
  readonly id: string;
  readonly root: string;
}

/** The dependants behind a root. */
export interface Chain {
  /** The number of dependants, including closed ones. */
  readonly length: number;
  /** The size of their payloads as JSON. */
  readonly bytes: number;
}

export interface WaitingLetters {
  readonly letters: number;
  /** The size of their payloads. */
  readonly bytes: number;
}

/** Operations on letters inside a database transaction. */
export interface LetterStore {
  /** Records a letter. If one with the same content waits, its count is raised instead, and its id and count are returned. */
  record(letter: NewLetter): Promise<{ readonly id: string; readonly attempts: number }>;
  /**
   * Whether `record` would only raise the count of a letter that waits already.
   *
   * @param root the letter that it depends on, if there is one
   */
  repeats(content: string, root: string | undefined): Promise<boolean>;
  /** The waiting letters of a user, and those of them that came from one client. Counts at most `most` letters. */
  countWaiting(
    subject: string,
    clientId: string | undefined,
    most: number,
  ): Promise<{ readonly ofUser: WaitingLetters; readonly ofClient: WaitingLetters }>;
  /** The number of waiting letters of all users, by error code. */
  countByCode(): Promise<Readonly<Record<string, number>>>;
  /** @param lock locks the letter until the unit ends */
  find(id: string, lock?: boolean): Promise<StoredLetter | undefined>;
  list(query: LetterQuery, page: Page): Promise<readonly ListedLetter[]>;
  /** The queues that have a waiting letter at or before a position. */
  waitingQueues(query: LetterQuery, until: Position): Promise<readonly string[]>;
  /** Those of the letters that still wait, locked until the unit ends. */
  lockWaiting(ids: readonly string[]): Promise<readonly string[]>;
  /** Locks a root until the unit ends, so that nobody else adds to its chain or retries it. `undefined`: it no longer waits, or is a dependant itself. */
  lockRoot(id: string): Promise<Chain | undefined>;
  /**
   * The waiting dependants of these roots, in order.
   *
   * @param lock reads the latest state, and locks the dependants until the unit ends
   */
  dependants(roots: readonly string[], lock?: boolean): Promise<readonly Dependant[]>;
  /**
   * By hash, the root of the chain that would create the row; the oldest root, if there are several.
   *
   * @param except the root of a chain that is left out
   */
  creators(hashes: readonly string[], except?: string): Promise<ReadonlyMap<string, string>>;
  /**
   * Tells the letters that their user writes these rows: letters that would create them no longer do, and become stale, as do the roots of their chains.
   *
   * @param except the root of a chain that is left out
   */
  overtake(hashes: readonly string[], except?: string): Promise<void>;
  /** Makes the first of these letters the root of the others. `bytes` is as in `Chain`, without the first letter. */
  follow(ids: readonly string[], bytes: number): Promise<void>;
  /** Clears what these letters would create, so that later transactions no longer become their dependants. */
  attractNoMore(ids: readonly string[]): Promise<void>;
  /** Changes those of the letters that still wait. */
  change(ids: readonly string[], change: LetterChange): Promise<void>;
}

/** The members of a letter about its rows, from the stored JSON text. */
export function rowStatesOf(
  text: string | null | undefined,
): Pick<StoredLetter, "rows" | "unreadRows" | "rowStates"> {
  const rowStates = typeof text === "string" ? (parseJson(text) as RowStates) : undefined;
  const rows = rowStates?.rows ?? [];
  return {
    rows: rows.map(({ table, id, hash }) => ({ table, id, present: hash !== null })),
    unreadRows: rowStates?.unread ?? 0,
    rowStates,
  };
}
