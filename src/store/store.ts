/**
 * The port to a database, as types alone. `sql/` implements it on Kysely, `memory.ts` in the process's memory.
 * Everything above it is shared by all databases; everything below it knows one family.
 */
import type { ErrorCode, FatalResult, TransactionResult } from "../model.js";
import type {
  Column,
  FingerprintOptions,
  Fingerprints,
  ForeignKey,
  Inspect,
  SchemaTrust,
  Table,
} from "./tables.js";
import type { AttemptStore } from "./attempts.js";
import type {
  Change,
  Effect,
  Merged,
  MergedChange,
  RunOutcome,
  StoredRow,
  Values,
} from "./change.js";
import type { CheckpointStore } from "./checkpoints.js";
import type { Blamed, Meaning } from "./failures.js";
import type { Content } from "./content.js";
import type { LetterStore } from "./letters.js";
import type { Batch, Prunable, Pruned, PruneStep } from "./prune.js";

export type { Change, Effect, RunOutcome, StoredRow, Values } from "./change.js";

declare const native: unique symbol;

/** In place of a Kysely schema, for a store whose hooks get another kind of `tx`. */
export interface Native<Tx> {
  readonly [native]: Tx;
}

/** What hooks get as `tx`: the store's own transaction, or `Default` for Kysely's. */
export type TxOf<DB, Default> = DB extends Native<infer Tx> ? Tx : Default;

/** One database, as one caller's data goes to it. */
export interface Store<Tx = unknown> {
  /** For messages: `postgres`. */
  readonly name: string;
  /** How many units it can run at once, where that is known: what is a pool's own is not. */
  readonly connections?: number;
  /** For types alone, so that hooks' `tx` follows from the store. It is never there. */
  readonly native?: Native<Tx>;
  /**
   * What the process's memory of the database goes by: admission, single flight, schema, parking, pruning. Two stores with the same key are the
   * same database to the library, two with different keys are never, whatever pool they share.
   */
  readonly key: object | string;
  /**
   * Tells databases apart that may share the library's own tables, as schemas of one server do: what is sent to the one is no replay, and no
   * letter, of the other. At most 64 characters; empty where nothing of the kind is known.
   */
  readonly place: string;
  /** The first argument of a rule's `scope`. */
  readonly scopeBuilder: unknown;
  /** Whether what a rule's `scope` gave is an expression of this store's kind. `true`, for no restriction, is not asked about. */
  isScope(given: unknown): boolean;
  /** Whether `Unit.become` and `Inspect.policies` work. */
  readonly rowSecurity: boolean;
  /** Whether it has constraints that can wait for COMMIT: see `UnitOptions.deferConstraints`. Absent: it has none. */
  readonly deferral?: boolean;
  /**
   * One database transaction, bounded in time. It commits what `work` resolves to, once every statement sent through it has been answered.
   * It rolls back where `work` rejects or a statement has failed, and rejects with that error. After a failure nothing but ROLLBACK is sent.
   *
   * @throws CallerLeft where `options.signal` was aborted before anything was begun, TooManyDevices where the claim is a new queue's and has no room
   */
  unit<T>(options: UnitOptions, work: (unit: Unit<Tx>) => Promise<T>): Promise<T>;
  /** A table, as far as nobody has to be asked. `undefined`: somebody would have to be. Absent: somebody always would. */
  known?(
    name: string,
    columns: readonly string[],
    schema: SchemaTrust,
    caller: DatabaseCaller | undefined,
  ): Table | undefined;
  /** Units whose changes are all known before they begin, sent as a whole. Absent: it has none. */
  readonly flight?: Flight;
  /** `UnitOptions.together` is heeded. */
  readonly runs?: true;
  /** What an error that a statement or `unit` threw means. Never throws; `other` for what the store does not know. */
  meaning(error: unknown): Meaning;
  /** What the configuration's `errors` makes of an error: a code to be fatal with, or `retryable`. Otherwise `meaning` counts. */
  applicationWord?(error: unknown): ErrorCode | "retryable" | undefined;
  /**
   * A value as JSON has it, or a hook gives it, as the column stores it. Idempotent.
   * Digits of a decimal or of a second beyond those that the column is declared to keep are rounded, as the database itself rounds them.
   *
   * @param lossyNumbers integers beyond 2^53 may have been rounded before
   * @param exact nothing is rounded
   * @throws InvalidValue for what can't be stored as it is, PrecisionLost for an integer that has been rounded
   */
  convert(column: Column, value: unknown, lossyNumbers: boolean, exact?: boolean): unknown;
  /** Whether the database is sure to take what `convert` made for the column: with some types it has the last word. Absent: it always is. */
  isSure?(column: Column, converted: unknown): boolean;
  /** What `convert` made, in the form in which `read` gives it: what application code compares. */
  view(column: Column, converted: unknown): unknown;
  /** The columns whose values another row has, as far as a UNIQUE_VIOLATION tells. Absent: it tells none. */
  taken?(error: unknown): readonly string[];
  /** What to do about a failure, for the operator, where the store knows. */
  remedy?(error: unknown): string | undefined;
  /**
   * What a statement's failure is about. Absent: it tells nothing.
   *
   * @param table whose change has met it. Absent: it is COMMIT's
   */
  blamed?(error: unknown, table: Table | undefined): Blamed;
}

export interface Flight {
  /** Whether there can be one, as far as is known. */
  able(): boolean;
  /**
   * Applies all changes, in order, in one database transaction with the claims. `not sent`: a part of it takes more than one statement. `undone`: nothing
   * of it is left, and something in it is not plainly good, or has failed. Both are for `unit` to find out.
   * Rejects where the outcome is not known, or nothing would be gained by `unit`.
   *
   * @throws CallerLeft where `options.signal` was aborted before anything was begun
   */
  send(options: FlightOptions, transactions: readonly FlightPart[]): Promise<FlightOutcome>;
}

/** One of the client's transactions: usually, a flight has one. */
export interface FlightPart {
  readonly claim?: Claim;
  readonly changes: readonly Change[];
}

/** Effects of all changes: every one is `written`, or `absent` of a DELETE. */
export type FlightOutcome = readonly Effect[] | "not sent" | "undone";

export interface FlightOptions extends Pick<
  UnitOptions,
  "lettersOf" | "signal" | "waitedMs" | "deferConstraints" | "tally"
> {
  readonly schema: SchemaTrust;
  /** As whom the changes are written. Absent: the login role. */
  readonly caller?: DatabaseCaller;
}

export interface UnitOptions {
  /** Made before anything else. Whether it won stands in `Unit.earlier`. */
  readonly claim?: Claim;
  /** Claims of the same sender's that are made behind it, and commit with it. `Unit.earlier` is then the answer to any of them. */
  readonly alongside?: readonly Claim[];
  /** A user, the claim's where there is one: `Unit.hasLetters` says whether letters of theirs wait. With a claim it costs no statement. */
  readonly lettersOf?: string;
  /** Aborted before anything is begun: nothing is. */
  readonly signal?: AbortSignal;
  /** Milliseconds of `transactionMs` that have passed before it was asked for. */
  readonly waitedMs?: number;
  /** In place of the configured ones. */
  readonly timeouts?: UnitTimeouts;
  /** `plain`: the database's weakest fit, for a counter that needs no more than its row's lock. Default: as configured. */
  readonly isolation?: "plain";
  /** Constraints that can wait for COMMIT do, from the claim on. The unit is refused where the store has none. */
  readonly deferConstraints?: boolean;
  /** It only reads, so it need not wait for writers. */
  readonly readOnly?: true;
  /** Default: what is missing must have been missing since the unit began. */
  readonly schema?: SchemaTrust;
  /** Asked between two statements of a run. What it gives is awaited: others go first. */
  readonly giveWay?: () => Promise<void> | undefined;
  /** Counts the statements that the database answers. */
  readonly tally?: { statements: number };
  /**
   * Neighbouring changes may be made by one statement where that is the same. What fails in it fails with `Undone`, and the unit is begun again without.
   * See `Store.runs`. Default false: one after the other.
   */
  readonly together?: boolean;
}

/** In milliseconds. */
export interface UnitTimeouts {
  readonly lockMs: number;
  readonly statementMs: number;
  readonly transactionMs: number;
}

/** The ledger's row for a transaction. It commits with what it speaks of, so that a transaction sent twice is applied once. */
export interface Claim {
  /** The transaction's identity: hex SHA-256. Absent: it has none, and only what it names is entered. */
  readonly key?: string;
  /** The queue it came from: hex SHA-256. Absent: nobody says from which, and its identity is its content's. */
  readonly queue?: string;
  /** The request that it came with. */
  readonly request: string;
  /** When that began, by `performance.now()`: of a queue's requests, the one that began later is the later one. */
  readonly requestBegan: number;
  /** Absent: success. */
  readonly answer?: FatalResult;
  /** How often the client has been asked about it. An answer that leaves the decision to it holds for claims with that number, or a lower one. */
  readonly handling?: number;
  /** It has been answered a moment ago, and only the request is entered. */
  readonly known?: true;
  readonly userId: string;
  /** The user: hex SHA-256. */
  readonly subject: string;
  /** How many queues of a user's the ledger keeps. Absent: however many there are. */
  readonly devices?: DeviceBound;
  readonly content: Content;
}

export interface DeviceBound {
  readonly most: number;
  /** One that has been answered nothing for so many milliseconds gives way to a new one, where there are as many as may be. */
  readonly unseenMs: number;
  /** Told when one has given way, once that has been committed. */
  readonly forgotten: () => void;
}

/** An open database transaction. */
export interface Unit<Tx = unknown> {
  /** What layers and hooks send statements through. */
  readonly tx: Tx;
  /** The ledger had this answer already: it is a replay, and nothing may be written. */
  readonly earlier: TransactionResult | undefined;
  /** Letters wait of the user whom `lettersOf` names. */
  readonly hasLetters: boolean;
  /** @throws ApplicationFailure where a statement has failed, and somebody has caught its error and gone on */
  throwIfFailed(): void;
  /** The rest of the unit is this caller's: `rowSecurity` only. */
  become(caller: DatabaseCaller): Promise<void>;
  /**
   * A table by its name in the source database, `name` or `schema.name`; `undefined` where there is none right now. What was read before is
   * believed as `UnitOptions.schema` says. Where the table, or a column that is asked for, was missing, the database is asked again.
   */
  table(name: string, columns?: readonly string[]): Promise<Table | undefined>;
  /** Applies changes in order. The effects come up to the first change that fails. After a failure, or after `left`, the unit is lost, whatever its work goes on to do. Never rejects. */
  write(run: readonly Change[]): Promise<RunOutcome>;
  /** Applies one change by its `merge`. A rejection, or `left`, loses the unit as it does with `write`. */
  merge(change: MergedChange): Promise<Merged>;
  /**
   * A stored row, locked until the unit ends. Values as the driver reads them, but integers of 64 bits exact.
   *
   * @param columns those of these alone that the connection's role may read. Absent: all
   */
  read(table: Table, key: Values, columns?: readonly string[]): Promise<StoredRow | undefined>;
  /** The value of `take` in the row whose `match` is the value given; `undefined` where there is no such row. */
  lookUp(
    table: Table,
    match: Values,
    take: string,
  ): Promise<{ readonly value: unknown } | undefined>;
  /** Adds a row without risk to the unit: where the row can't be added because of what it holds, gives the reason. A row whose `id` is there already is left alone. */
  addAside(table: Table, values: Values): Promise<{ readonly error: unknown } | undefined>;
  /** What a table's rows refer to. None where the store can't tell. */
  foreignKeys(table: Table): Promise<readonly ForeignKey[]>;
  /** Hashes of rows, to tell later whether they have changed. `undefined` where the table can't be read. */
  fingerprint(
    table: Table,
    keys: readonly Values[],
    options?: FingerprintOptions,
  ): Promise<Fingerprints | undefined>;
  readonly letters: LetterStore;
  readonly attempts: AttemptStore;
  readonly checkpoints: CheckpointStore;
  /** Looks at old rows of the library's own, at most `most`, and removes those that nothing needs; of the letters those that were closed so long ago. */
  prune(what: Prunable, step: PruneStep): Promise<Pruned>;
  /** Removes letters, whatever their status, and ledger rows of a user's, at most `most`. Where there are none, what is left to find is nothing. */
  forget(userId: string, most: number): Promise<Batch>;
  readonly inspect: Inspect;
}

/** Who a caller is to the database, under row-level security. */
export interface DatabaseCaller {
  /** Absent: the login role. */
  readonly role?: string;
  readonly settings: readonly (readonly [name: string, value: string])[];
}
