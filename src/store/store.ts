/**
 * The port to a database; it contains only types. `sql/` implements it on Kysely, `mongodb/` on MongoDB's driver, and `memory.ts` in the process's memory.
 * Everything above it is shared by all databases; everything below it knows one family.
 */
import type { ErrorCode, TransactionResult } from "../model.js";
import type {
  Column,
  FingerprintOptions,
  Fingerprints,
  ForeignKey,
  Inspect,
  SchemaTrust,
  Table,
} from "./tables.js";
import type {
  AttemptStore,
  CheckpointStore,
  Batch,
  Prunable,
  Pruned,
  PruneStep,
} from "./bookkeeping.js";
import type {
  Change,
  Effect,
  Merged,
  MergedChange,
  RunOutcome,
  StoredRow,
  Values,
} from "./change.js";
import type { Blamed, Meaning } from "./failures.js";
import type { LetterStore } from "./letters.js";
import type { Claim } from "./ledger.js";

export type { Change, Effect, RunOutcome, StoredRow, Values } from "./change.js";

declare const native: unique symbol;

/** Takes the place of a Kysely schema for a store whose hooks get another kind of `tx`. */
export interface Native<Tx> {
  readonly [native]: Tx;
}

/** What hooks get as `tx`: the store's own transaction, or `Default` for Kysely's. */
export type TxOf<DB, Default> = DB extends Native<infer Tx> ? Tx : Default;

/** The port to one database. */
export interface Store<Tx = unknown> {
  /** The name for messages, such as `postgres`. */
  readonly name: string;
  /** How many units can run at once, if that is known. The size of the application's pool is not. */
  readonly connections?: number;
  /** For types only, so that the type of hooks' `tx` follows from the store. Never present at run time. */
  readonly native?: Native<Tx>;
  /**
   * The key of what the process remembers about the database: admission, shared executions, schema, parking, pruning. Two stores with the same key are
   * the same database to the library. Two with different keys are different databases, even if they share a pool.
   */
  readonly key: object | string;
  /**
   * Tells apart databases that may share the library's own tables, such as schemas of one server: a transaction for one of them is no replay of a
   * transaction for another, and letters don't mix. At most 64 characters; empty if the store can't tell.
   */
  readonly place: string;
  /** The first argument of a rule's `scope`. */
  readonly scopeBuilder: unknown;
  /** Whether what a rule's `scope` returned is an expression of this store's kind. Not called for `true`, which means no restriction. */
  isScope(given: unknown): boolean;
  /** Whether `Unit.become` and `Inspect.policies` work. */
  readonly rowSecurity: boolean;
  /** Whether the database has constraints that can wait for COMMIT: see `UnitOptions.deferConstraints`. Absent: it has none. */
  readonly deferral?: boolean;
  /**
   * Runs one database transaction, bounded in time. It commits after `work` has resolved and every statement sent through it has been answered.
   * It rolls back if `work` rejects or a statement fails, and rejects with that error. After a failure only ROLLBACK is sent.
   *
   * @throws CallerLeft if `options.signal` was aborted before anything had begun; TooManyDevices if the claim's queue is new and there is no room for it
   */
  unit<T>(options: UnitOptions, work: (unit: Unit<Tx>) => Promise<T>): Promise<T>;
  /** A table from the cache. `undefined`: the database would have to be asked. Absent: the store has no cache. */
  known?(
    name: string,
    columns: readonly string[],
    schema: SchemaTrust,
    caller: DatabaseCaller | undefined,
  ): Table | undefined;
  /** Sends units whose changes are all known in advance as a whole. Absent: the store can't. */
  readonly flight?: Flight;
  /** What an error that a statement or `unit` threw means. Never throws; returns `other` for an unknown error. */
  meaning(error: unknown): Meaning;
  /** What the configuration's `errors` says about an error: the code of a fatal failure, or `retryable`. `undefined`: `meaning` decides. */
  applicationWord?(error: unknown): ErrorCode | "retryable" | undefined;
  /**
   * Converts a value from JSON or from a hook to what the column stores. Idempotent.
   * Digits of a decimal or of a second that the column's declared precision does not keep are rounded in the same way as by the database.
   *
   * @param lossyNumbers whether integers beyond 2^53 may have been rounded by a parser
   * @param exact refuses such digits instead of rounding them
   * @throws InvalidValue for a value that can't be stored; PrecisionLost for an integer that may have been rounded
   */
  convert(column: Column, value: unknown, lossyNumbers: boolean, exact?: boolean): unknown;
  /** Whether the database is sure to accept what `convert` made: for some types only the database can tell. Absent: it always accepts it. */
  isSure?(column: Column, converted: unknown): boolean;
  /** Converts what `convert` made to the form in which `read` returns it, so that application code can compare both. */
  view(column: Column, converted: unknown): unknown;
  /** The columns whose values another row has, if a UNIQUE_VIOLATION names them. Absent: it never does. */
  taken?(error: unknown): readonly string[];
  /** What the operator can do about a failure, if the store knows. */
  remedy?(error: unknown): string | undefined;
  /**
   * The table and columns that a failure is about. Absent: the database does not name them.
   *
   * @param table the table whose change failed; `undefined` if COMMIT failed
   */
  blamed?(error: unknown, table: Table | undefined): Blamed;
}

interface Flight {
  /** Whether flights are possible. `undefined`: not known yet. */
  readonly support: { readonly supported: boolean | undefined };
  /**
   * Applies the claims and all changes, in order, in one database transaction. `not sent`: a part of it needs more than one statement, and nothing has been
   * written. `not entered`: a claim was not plainly good, and everything was rolled back. `undone`: so was everything, because a change was not plainly good,
   * or something has failed. After each of them, the transactions have to run through `unit`. Rejects if the outcome is unknown, or if running through `unit`
   * would not help.
   *
   * @throws CallerLeft if `options.signal` was aborted before anything had begun
   */
  send(options: FlightOptions, transactions: readonly FlightPart[]): Promise<FlightOutcome>;
}

/** One of the client's transactions. A flight usually carries one. */
export interface FlightPart {
  readonly claim?: Claim;
  readonly changes: readonly Change[];
}

/** The effects of all changes: each is `written`, or, for a DELETE, `absent`. */
export type FlightOutcome = readonly Effect[] | "not sent" | "not entered" | "undone";

export interface FlightOptions extends Pick<
  UnitOptions,
  "lettersOf" | "signal" | "waitedMs" | "deferConstraints" | "tally"
> {
  readonly schema: SchemaTrust;
  /** The caller as whom the changes are written. Absent: the login role. */
  readonly caller?: DatabaseCaller;
}

export interface UnitOptions {
  /** The claim on the ledger, made before anything else. `Unit.earlier` says whether it won. */
  readonly claim?: Claim;
  /** More claims of the same sender, made after the first and committed with it. `Unit.earlier` is then an earlier answer to any of them. */
  readonly alongside?: readonly Claim[];
  /** The user for whom `Unit.hasLetters` is determined; the claim's user if there is a claim. With a claim this costs no statement. */
  readonly lettersOf?: string;
  /** If aborted before anything has begun, nothing is begun. */
  readonly signal?: AbortSignal;
  /** How much of `transactionMs` has already passed while the unit waited for its place. */
  readonly waitedMs?: number;
  /** Replaces the configured time-outs. */
  readonly timeouts?: UnitTimeouts;
  /** `plain`: the weakest isolation level that suits a counter, which needs only its row's lock. Default: as configured. */
  readonly isolation?: "plain";
  /** Defers all constraints that can wait for COMMIT, from the claim on. The unit is refused if the store has no such constraints. */
  readonly deferConstraints?: boolean;
  /** The unit only reads, so it does not have to wait for writers. */
  readonly readOnly?: true;
  /** How far cached schema is trusted. Default: a missing table or column must be found missing after the unit began. */
  readonly schema?: SchemaTrust;
  /** Called between two statements of a run. If it returns a promise, the unit waits for it, to let others go first. */
  readonly giveWay?: () => Promise<void> | undefined;
  /** Counts the statements that the database answers. */
  readonly tally?: { statements: number };
  /**
   * Neighboring changes may be written by one statement if the result is the same. If that statement fails, the failure is `Undone`, and the unit has
   * to be run again without this option. Default false: one statement for each change.
   */
  readonly together?: boolean;
}

/** In milliseconds. */
export interface UnitTimeouts {
  readonly lockMs: number;
  readonly statementMs: number;
  readonly transactionMs: number;
}

/** An open database transaction. */
export interface Unit<Tx = unknown> {
  /** The object through which layers and hooks send statements. */
  readonly tx: Tx;
  /** The answer that the ledger already had: the transaction is a replay, and nothing may be written. */
  readonly earlier: TransactionResult | undefined;
  /** Whether the user in `UnitOptions.lettersOf` has waiting letters. */
  readonly hasLetters: boolean;
  /** @throws ApplicationFailure if a statement has failed, and application code has caught its error and gone on */
  throwIfFailed(): void;
  /** Runs the rest of the unit as this caller. Only if `rowSecurity` is true. */
  become(caller: DatabaseCaller): Promise<void>;
  /**
   * A table by its name in the source database, `name` or `schema.name`; `undefined` if it does not exist right now. `UnitOptions.schema` says how far
   * the cache is trusted. If the table, or one of `columns`, is missing in the cache, the database is asked again.
   */
  table(name: string, columns?: readonly string[]): Promise<Table | undefined>;
  /** Applies changes in order, up to the first that fails. After a failure, or the effect `left`, the unit can no longer commit. Never rejects. */
  write(run: readonly Change[]): Promise<RunOutcome>;
  /** Applies one change by its `merge`. After a rejection, or the effect `left`, the unit can no longer commit. */
  merge(change: MergedChange): Promise<Merged>;
  /**
   * Reads a stored row and locks it until the unit ends. Values are as the driver reads them, except that 64-bit integers are exact.
   *
   * @param columns reads only those of these columns that the connection's role may read. Absent: all columns
   */
  read(table: Table, key: Values, columns?: readonly string[]): Promise<StoredRow | undefined>;
  /** The value of column `take` in the row that has the values `match`; `undefined` if there is no such row. */
  lookUp(
    table: Table,
    match: Values,
    take: string,
  ): Promise<{ readonly value: unknown } | undefined>;
  /** Inserts a row without risk to the unit: if its values are refused, resolves to the reason. Does nothing if a row with the same `id` exists. */
  addAside(table: Table, values: Values): Promise<{ readonly error: unknown } | undefined>;
  /** The table's foreign keys. Empty if the store can't tell. */
  foreignKeys(table: Table): Promise<readonly ForeignKey[]>;
  /** Hashes of rows, by which a later call can tell whether they have changed. `undefined` if the table can't be read. */
  fingerprint(
    table: Table,
    keys: readonly Values[],
    options?: FingerprintOptions,
  ): Promise<Fingerprints | undefined>;
  readonly letters: LetterStore;
  readonly attempts: AttemptStore;
  readonly checkpoints: CheckpointStore;
  /** Reads at most `most` old rows of one of the library's own tables, and removes those that are no longer needed. A letter's age counts from its closing. */
  prune(what: Prunable, step: PruneStep): Promise<Pruned>;
  /** Removes at most `most` of a user's letters (of any status) and ledger rows. `found` is 0 once nothing is left. */
  forget(userId: string, most: number): Promise<Batch>;
  readonly inspect: Inspect;
}

/** The caller as the database knows it under row-level security. */
export interface DatabaseCaller {
  /** Absent: the login role. */
  readonly role?: string;
  readonly settings: readonly (readonly [name: string, value: string])[];
}
