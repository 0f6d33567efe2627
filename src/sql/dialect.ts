/** The type of a dialect: what differs between SQL databases, as data and small functions. The rest of this folder is shared by all of them. */
import type {
  CompiledQuery,
  DatabaseConnection,
  Expression,
  IsolationLevel,
  RawBuilder,
  SqlBool,
} from "kysely";
import type { Blamed, Meaning } from "../store/failures.js";
import type { DatabaseCaller } from "../store/store.js";
import type {
  Column,
  ForeignKey,
  InspectedRole,
  OwnerKind,
  PolicyReport,
  SettingProblem,
  SettingsAsked,
} from "../store/tables.js";
import type { OwnTypes } from "./family.js";
import type { RowStatements, RunStatements, SameValue } from "./rows/target.js";
import type { SourceTable, SqlTable, SqlTransaction, Traits, Verb } from "./table.js";

/** The constraints of a table. */
export interface Constraints {
  /** The columns of each unique key that covers all rows, so that an upsert can use it. Absent for a view, which has no keys. */
  readonly unique?: readonly (readonly string[])[];
  /** Columns whose collation treats different texts as equal. */
  readonly inexact: ReadonlySet<string>;
}

/** The rights of the connection's role on a table. */
export interface Access {
  /** The columns that the role may read. */
  readonly readable: ReadonlySet<string>;
  /** Whether it may lock rows. */
  readonly lockable: boolean;
}

/** Row-level security: writes the data as another role, and checks whether policies restrict that role. */
export interface RowSecurity {
  /** Runs the rest of the transaction as this caller. The effect ends with the transaction. One statement. */
  become(tx: SqlTransaction, caller: DatabaseCaller): Promise<void>;
  /** The statement for that. */
  becoming(caller: DatabaseCaller): RawBuilder<unknown>;
  /** The reasons why policies would not apply. Afterward the transaction may run as another role, so use it for nothing else. */
  inspect(
    tx: SqlTransaction,
    inspected: Omit<InspectedRole, "tables"> & { readonly tables: readonly SourceTable[] },
  ): Promise<PolicyReport>;
}

/** The time limits of a transaction's statements, in milliseconds. */
export interface TimeLimits {
  readonly lockMs: number;
  readonly statementMs: number;
  /** Whether COMMIT may be answered before it is safe on disk, if the connection is set to do so. */
  readonly asynchronousCommit: boolean;
}

/** The settings of a connection for a transaction. */
export interface SessionSettings {
  readonly timeouts: TimeLimits;
  /** Absent: the connection's own. */
  readonly isolation: IsolationLevel | undefined;
}

/** A lock of the rows that a SELECT finds, until the transaction ends. It follows the SELECT, or the table's name. */
export type RowLock =
  | { readonly behind: Expression<unknown> }
  | { readonly beside: Expression<unknown> };

/** The time limit that each statement contains, in milliseconds. */
export interface LockLimit {
  readonly lockMs: number;
}

/** Statements around one that may fail without undoing what is before it. */
export interface Savepoint {
  readonly begin: string;
  /** Undoes what has been done since `begin`. */
  readonly undo: string;
  /** Absent: the savepoint needs no end. */
  readonly end?: string;
  /** Changes the statement so that its failure undoes only itself. Absent: the savepoint ensures that. */
  alone?(statement: CompiledQuery): CompiledQuery;
}

/** For databases on which a setting ends with the statement that makes it: each statement contains the transaction's settings. */
export interface StatementSettings {
  withSettings(statement: CompiledQuery, limits: LockLimit): CompiledQuery;
  /** The error that a statement failed with, if the driver reports several. */
  thrown(error: unknown): unknown;
}

/** Columns that contain an owner's id. */
export interface Owners {
  /** The column's form of a user's id. `undefined`: the column can't contain one. */
  kind(column: Column): OwnerKind | undefined;
  /**
   * A condition that the column contains exactly the value that `convert` made, independent of the collation.
   *
   * @param place called once with the compared value, and returns what the statement contains for it. Otherwise the text only depends on the value's type
   */
  same(
    reference: Expression<unknown>,
    kind: OwnerKind | undefined,
    value: unknown,
    place: (compared: unknown) => unknown,
  ): Expression<SqlBool>;
}

/** How a database combines a stored value with a value that `convert` made. */
export interface MergeOperators {
  /** The value as an operand: a number of the column's type, or of a wider one. */
  typed(column: Column, value: unknown): Expression<unknown>;
  /** The stored number plus the difference, with NULL as 0. It must not overflow. */
  sum(
    reference: Expression<unknown>,
    column: Column,
    yours: unknown,
    base: unknown,
  ): Expression<unknown>;
  /** The range for `sum`, if the database does not limit the column itself. */
  range?(column: Column): { readonly min: bigint; readonly max: bigint } | undefined;
  /** The stored list, followed by the members of the other list that it lacks. */
  union(reference: Expression<unknown>, column: Column, value: unknown): Expression<unknown>;
}

/** Sessions that hold locks while they wait for the rest of a transaction that their clients have given up. */
export interface HungSessions {
  /** Whether an error may be caused by waiting for such a lock. */
  isSuspected(error: unknown): boolean;
  /** Ends such sessions if they hold one of the tables and their transactions began longer ago than this. One statement. */
  end(tx: SqlTransaction, tables: readonly SourceTable[], olderThanMs: number): Promise<void>;
}

/** One SQL database. */
export interface Dialect {
  readonly name: string;
  readonly rows: RowStatements;
  /** Statements that lock and check the row before they change it: for tables without upserts, and if more must be known. Absent: `rows` always do so. */
  readonly lockingRows?: RowStatements;
  /** Writes several rows at once. Absent: changes are made one after the other. */
  readonly runs?: RunStatements;
  /** The isolation level if none is configured. Absent: the database's own default. */
  readonly isolation?: IsolationLevel;
  /** How the library's own INSERTs handle an existing row: with `on duplicate key`, or as a MERGE. Absent: with `on conflict`. */
  readonly inserts?: "duplicate key" | "merge";
  /** A SELECT is limited at its beginning (`top`). Absent: at its end (`limit`). */
  readonly top?: true;
  /** The greatest number of parameters in one statement. Absent: more than the library ever sends. */
  readonly mostParameters?: number;
  /** The statements around one whose failure must not undo what precedes it. Absent: those of a standard savepoint. */
  readonly savepoint?: Savepoint;
  /** Changes each statement of a transaction before it is sent. Absent: nothing is changed. */
  readonly statementSettings?: StatementSettings;
  readonly types: OwnTypes;
  /** The table's columns; none if there is no such table. */
  readColumns(tx: SqlTransaction, table: SourceTable): Promise<readonly Column[]>;
  /** A SELECT of the names of the table's columns, as `name`, each with the number as `nr`. No rows if there is no such table. */
  columnNames(table: SourceTable, nr: number): RawBuilder<unknown>;
  /** The table's traits. One statement. Absent: tables have none. */
  readTraits?(tx: SqlTransaction, table: SourceTable): Promise<Traits>;
  /** Which statements the table accepts from the connection's role. A few statements. Absent: the traits say so. */
  may?(tx: SqlTransaction, table: SqlTable): Promise<ReadonlySet<Verb>>;
  /** A few statements. */
  readConstraints(tx: SqlTransaction, table: SourceTable): Promise<Constraints>;
  /** One statement. */
  readForeignKeys(tx: SqlTransaction, table: SourceTable): Promise<readonly ForeignKey[]>;
  /**
   * Converts a JSON value to this driver's parameter for a column, rounded to the column's declared digits as the database itself rounds. Idempotent.
   * Throws `InvalidValue` for a value that can't be stored, and with `exact` for one that would be rounded; also `PrecisionLost`.
   */
  convert(column: Column, value: unknown, lossyNumbers: boolean, exact?: boolean): unknown;
  /** The result of `convert`, in the form in which the driver reads the column with its default settings. */
  view(column: Column, parameter: unknown): unknown;
  /** Reads a column with all its digits, because a driver may round integers. Absent: the column itself. */
  exact?(reference: Expression<unknown>, column: Column): Expression<unknown>;
  /** A key's value, to be compared with its column. Absent: the result of `convert`. */
  keyParameter?(column: Column, value: unknown): unknown;
  /** Locks a row until the transaction ends. Absent: nobody else can write meanwhile. */
  readonly rowLock?: RowLock;
  /** A shared lock of the rows of the table with this alias, until the transaction ends. Absent: nobody else can write meanwhile. */
  shareLock?(alias: string): RowLock;
  readonly owners: Owners;
  readonly same: SameValue;
  readonly merging: MergeOperators;
  /** Row-level security. Absent: the database has none. */
  readonly rowSecurity?: RowSecurity;
  /**
   * Texts, or NULLs, that represent these columns of a row. They stay the same as long as the row does, whatever the driver and its settings. The database
   * computes them, so that values which the driver can't read do no harm.
   */
  fingerprint(columns: readonly Column[]): readonly Expression<string | null>[];
  /** Whether the database surely accepts the result of `convert` for the column, also in a comparison. Absent: always. */
  comparable?(column: Column, value: unknown): boolean;
  /** What the role may read from a table: asked first, because a refused statement would end the transaction. Absent: everything, and rows need no lock. */
  access?(tx: SqlTransaction, table: SourceTable): Promise<Access>;
  /** See `Store.taken`. */
  taken?(error: unknown): readonly string[];
  /** See `Store.blamed`. */
  blamed?(error: unknown, table: SqlTable | undefined): Blamed;
  /** Finds settings of the server that break the promise or are too small. One statement. Absent: there are none. */
  settings?(tx: SqlTransaction, asked: SettingsAsked): Promise<readonly SettingProblem[]>;
  /** The names of an error, the most specific first: SQLSTATE, number, class, result code. Empty: it is not an error of the database. */
  codes(error: unknown): readonly string[];
  /** The meaning of an error. `undefined`: the error comes neither from the database nor from its driver. */
  meaning(error: unknown): Meaning | undefined;
  /**
   * Sets the time limits of this transaction's statements. At most one statement.
   *
   * @param ledger the library's ledger, for databases that must lock a table before anything is read. Absent: the transaction writes nothing
   */
  setTimeLimits?(
    tx: SqlTransaction,
    limits: TimeLimits,
    ledger: Expression<unknown> | undefined,
  ): Promise<void>;
  /** The same as a SELECT, to be a part of the transaction's first statement. Then `setTimeLimits` is not needed. */
  timeLimits?(limits: TimeLimits): Expression<unknown>;
  /**
   * For databases whose settings outlive the transaction: sets the time limits, the isolation level and other settings, and begins the transaction. One
   * statement. Resolves to a function that restores the connection after the transaction has ended, also with one statement.
   */
  prepare?(connection: DatabaseConnection, settings: SessionSettings): Promise<() => Promise<void>>;
  /** The statement that defers constraints to COMMIT. Absent: the database has no deferrable constraints. */
  readonly defer?: RawBuilder<unknown>;
  /** Finds and ends hung sessions. Absent: the server itself ends each session that goes silent. */
  readonly hungSessions?: HungSessions;
  /** Whether a statement has taken too long. Absent: no error says so. */
  tookLong?(error: unknown): boolean;
  /**
   * How a transaction is sent as a whole: with COMMIT, because the database itself judges each statement (`judged`), or with COMMIT behind the answers
   * (`answered`). Absent: it is not.
   */
  readonly flight?: "judged" | "answered";
  /** How a transaction that is answered begins and is rolled back. Absent: `prepare` begins it. */
  readonly transactions?: {
    /** Waits for other writers, but not longer than `lockMs`. */
    begin(connection: DatabaseConnection, limit: LockLimit): Promise<void>;
    /** Also resolves if the database has already rolled back. */
    rollback(connection: DatabaseConnection): Promise<void>;
  };
  /** Closes a connection that has not answered in time, so that its pool opens another one. Absent: the database is inside the process. */
  abandon?(connection: DatabaseConnection): Promise<void>;
}
