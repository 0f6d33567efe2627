/** What a store keeps of a dead letter, and what is asked of it. */
import type { ErrorCode } from "../model.js";
import { parseJson } from "../wire/parse-json.js";

/** `stale`: a retry found the rows changed since the letter was recorded. Such a letter waits as an open one does. */
export type LetterStatus = "open" | "stale" | "retried" | "discarded";

/** What nobody has decided yet. */
export const waiting: readonly LetterStatus[] = ["open", "stale"];

/** A row by the client's names. */
export interface NamedRow {
  readonly table: string;
  /** The client's row id. */
  readonly id: string;
}

/** One text for each row. */
export function rowName({ table, id }: NamedRow): string {
  return JSON.stringify([table, id]);
}

/** What rows were like when a letter was recorded. */
export interface RowStates {
  /** By the client's table: the source table's columns that were read. One that is added later is no change of the row. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly rows: readonly RowState[];
  /** Rows that could not be read: no rule, no grant, an id that can't be one of its table's; or beyond the bound. */
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
  /** The user: hex SHA-256. */
  readonly subject: string;
  /** User, client, queue and payload: hex SHA-256. Of the letters that have the same, one waits. */
  readonly content: string;
  /** As JSON text. */
  readonly principal?: string;
  readonly rowStates?: object;
  /** Its chain's root, which `lockRoot` has locked. Absent: it is no dependant. */
  readonly root?: string;
  /** What it would create: hashes, as `dead-letters/created.ts` makes them. */
  readonly creates: readonly string[];
  /** The client's tables that it names. */
  readonly tables: readonly string[];
  readonly lossyNumbers: boolean;
}

/** A letter without what was to be written. Times are UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`. */
export interface LetterSummary {
  readonly id: string;
  readonly status: LetterStatus;
  /** Whose transaction it is. */
  readonly userId: string;
  readonly clientId?: string;
  readonly queueId?: string;
  /** Of the latest failure, as are the next two. */
  readonly errorCode: ErrorCode;
  readonly message: string;
  readonly operationIndex?: number;
  /** By what the ledger knows the transaction, where it has an identity. */
  readonly identity?: string;
  /** The client's tables that it names. */
  readonly tables: readonly string[];
  /** How often it has failed: when it was recorded, recorded again, and retried. From 1. */
  readonly attempts: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  /** The payload is not what was recorded. */
  readonly edited: boolean;
  /** Why it was discarded. */
  readonly reason?: string;
  /** When it was retried or discarded. */
  readonly closedAt?: string;
  /** It is a dependant: the letter at the root of its chain, which must be applied first. */
  readonly root?: string;
  /** How many dependants of it wait. */
  readonly dependants: number;
}

/** A dead letter as it is stored. */
export interface Letter extends LetterSummary {
  /** The transaction in the wire's words, or as it came where it could not be understood. Integers beyond 2^53 are `bigint`. */
  readonly payload: unknown;
  /** As it was recorded, where it has been edited. */
  readonly originalPayload?: unknown;
  /** What `authenticate` gave, where it was plain JSON. */
  readonly principal?: unknown;
  /** The rows that a retry compares: whether each was there when the letter was recorded. */
  readonly rows: readonly (NamedRow & { readonly present: boolean })[];
  /** How many rows it names beside these. They could not be read then, and are not compared. */
  readonly unreadRows: number;
}

/** A letter, and what it keeps for a retry. */
export interface StoredLetter extends Letter {
  readonly rowStates: RowStates | undefined;
  /** A row that it would create has been written since: only force retries it, whatever has become of the row. */
  readonly overtaken: boolean;
  readonly lossyNumbers: boolean;
}

/** With the queue that it came from, for its order. */
export interface ListedLetter extends LetterSummary {
  readonly queue: string;
}

/** A filter that has been understood. All that are given must hold. */
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

/** Behind which letter a page begins. */
export interface Position {
  readonly at: string;
  readonly id: string;
}

export interface Page {
  readonly newest: boolean;
  readonly limit: number;
  readonly after?: Position | undefined;
}

/** What becomes of a letter. */
export interface LetterChange {
  readonly status?: "open" | "stale";
  readonly closed?: { readonly status: "retried" | "discarded"; readonly reason?: string };
  /** Without an error the failure is only counted. */
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
  /** Of the rows that it names, read anew. */
  readonly rowStates?: RowStates;
}

export interface Dependant {
  readonly id: string;
  readonly root: string;
}

/** A letter and its dependants. */
export interface Chain {
  /** Dependants, closed ones included. */
  readonly length: number;
  /** Of their payloads, as JSON. */
  readonly bytes: number;
}

export interface WaitingLetters {
  readonly letters: number;
  /** Of their payloads. */
  readonly bytes: number;
}

/** The letters in a database transaction. */
export interface LetterStore {
  /** Records a letter, unless one with the same content waits: that one is counted, and its id and count come back. */
  record(letter: NewLetter): Promise<{ readonly id: string; readonly attempts: number }>;
  /**
   * Whether `record` would count a letter that waits already, and add nothing.
   *
   * @param root the letter that it depends on, where it does
   */
  repeats(content: string, root: string | undefined): Promise<boolean>;
  /** What waits of a user's, and of it what came from one client. Not more than `most` letters are counted. */
  countWaiting(
    subject: string,
    clientId: string | undefined,
    most: number,
  ): Promise<{ readonly ofUser: WaitingLetters; readonly ofClient: WaitingLetters }>;
  /** How many wait, whoever's they are, by their error codes. */
  countByCode(): Promise<Readonly<Record<string, number>>>;
  /** @param lock nobody else changes it until the unit ends */
  find(id: string, lock?: boolean): Promise<StoredLetter | undefined>;
  list(query: LetterQuery, page: Page): Promise<readonly ListedLetter[]>;
  /** The queues that have a letter at or before this one which still waits. */
  waitingQueues(query: LetterQuery, until: Position): Promise<readonly string[]>;
  /** Those of them that still wait; until the unit ends nobody else changes them. */
  lockWaiting(ids: readonly string[]): Promise<readonly string[]>;
  /** Until the unit ends nobody else adds to its chain, or retries it. `undefined`: it waits no more, or is a dependant itself. */
  lockRoot(id: string): Promise<Chain | undefined>;
  /**
   * The dependants of roots that wait, in order.
   *
   * @param lock as they are when it asks, and nobody else changes them until the unit ends
   */
  dependants(roots: readonly string[], lock?: boolean): Promise<readonly Dependant[]>;
  /**
   * By hash, the root of the chain that would create the row; the oldest, where there are several.
   *
   * @param except the root of a chain that is not looked at
   */
  creators(hashes: readonly string[], except?: string): Promise<ReadonlyMap<string, string>>;
  /**
   * Rows have been written by their user: what waits to create them does so no more, and is stale, as its chain's root is.
   *
   * @param except the root of a chain that is left alone
   */
  overtake(hashes: readonly string[], except?: string): Promise<void>;
  /** The first of these becomes the root of the others. `bytes` as in `Chain`, without the first. */
  follow(ids: readonly string[], bytes: number): Promise<void>;
  /** They are taken for nobody's root any more: what needs their rows is none of their dependants. */
  attractNoMore(ids: readonly string[]): Promise<void>;
  /** Only letters that still wait are changed. */
  change(ids: readonly string[], change: LetterChange): Promise<void>;
}

/** What a letter says of its rows, from the text that the library has stored of them. */
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
