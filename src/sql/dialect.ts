/** What differs between SQL databases, as data and small functions; everything else in this folder is shared. */
import type {
  Compilable,
  DatabaseConnection,
  Expression,
  IsolationLevel,
  Kysely,
  QueryResult,
  RawBuilder,
  SqlBool,
  Transaction,
} from "kysely";
import type {
  Column,
  ForeignKey,
  InspectedRole,
  OwnerKind,
  PolicyReport,
  SettingProblem,
  SettingsAsked,
  Table,
} from "../store/tables.js";
import type { Operation } from "../model.js";
import type { DatabaseCaller, Effect, Values } from "../store/store.js";
import type { Blamed, Meaning } from "../store/failures.js";
import type { BoundScope } from "./bound-scope.js";
import type { Guard, Merging } from "./merging.js";
import type { OwnTypes } from "./own-types.js";
import type { RowLock } from "./row-lock.js";
import type { Aside, Sending } from "./sending.js";
import type { CompiledOnce } from "./texts.js";
import type { Lessons, Traits, Verb } from "./traits.js";

/** Tables that are known by name at run time only. */
export type AnyDatabase = Record<string, Record<string, unknown>>;
export type SqlDatabase = Kysely<AnyDatabase>;
export type SqlTransaction = Transaction<AnyDatabase>;

export interface SourceTable {
  readonly schema?: string;
  readonly name: string;
}

/** A table as the port has it, and as a statement names it, plugins applied. */
export interface SqlTable extends Table {
  readonly source: SourceTable;
  /** Absent: it does with every statement what is asked. */
  readonly traits?: Traits;
  readonly lessons: Lessons;
}

/** What a table holds its rows to. */
export interface Constraints {
  /** The columns of each key that holds for all rows, and by which an upsert finds its row. Absent for a view, which has none of its own. */
  readonly unique?: readonly (readonly string[])[];
  /** Columns that take one letter for another. */
  readonly inexact: ReadonlySet<string>;
}

/** What the connection's role may do with a table. */
export interface Access {
  /** The columns that it may read. */
  readonly readable: ReadonlySet<string>;
  /** Whether it may lock rows. */
  readonly lockable: boolean;
}

/** As whom the data is written, and whether the policies bind that role. */
export interface RowSecurity {
  /** The rest of the transaction is this caller's; with the transaction it ends. One statement. */
  become(tx: SqlTransaction, caller: DatabaseCaller): Promise<void>;
  /** The statement by which it does. */
  becoming(caller: DatabaseCaller): RawBuilder<unknown>;
  /** What is in the way of the policies. The transaction may be another role's afterwards: nothing else belongs in it. */
  inspect(
    tx: SqlTransaction,
    inspected: Omit<InspectedRole, "tables"> & { readonly tables: readonly SourceTable[] },
  ): Promise<PolicyReport>;
}

/** In milliseconds. */
export interface StatementBounds {
  readonly lockMs: number;
  readonly statementMs: number;
  /** Whether COMMIT may be answered before it is safe on disk, where the connection is set so. */
  readonly asynchronousCommit: boolean;
}

/** How a connection is set for a transaction. */
export interface SessionSettings {
  readonly timeouts: StatementBounds;
  /** Absent: as the connection has it. */
  readonly isolation: IsolationLevel | undefined;
}

/** One row, and what must hold for it. */
export interface Target {
  readonly op: Operation;
  readonly operationIndex: number;
  readonly table: string;
  readonly traits: Traits | undefined;
  readonly lessons: Lessons;
  /** When the transaction began, by `performance.now()`. */
  readonly begunAt: number;
  /** Reads the table's traits anew. */
  readonly look: () => Promise<Traits | undefined>;
  /** Of the table. */
  readonly columns: Table["columns"];
  /** The key columns and the row's values for them. */
  readonly key: Values;
  readonly scope: BoundScope | undefined;
  /** What must hold, too, where the row is there. Absent: nothing. */
  readonly fixed?: Fixed;
  /** The same, where others may have changed the row: see `merge.ts`. */
  readonly guards?: readonly Guard[];
  /** What becomes of these columns where the row is there, in place of the values that are sent. Absent: nothing else. */
  readonly computed?: ReadonlyMap<string, Expression<unknown>>;
  /** How its statements are compiled once. Absent: each is compiled anew. */
  readonly once?: CompiledOnce;
}

/** Columns that keep their values: a statement that changes the row changes nothing where they hold others. */
export interface Fixed {
  readonly values: Values;
  readonly same: Dialect["same"];
}

export interface Put {
  /** What a row that is not there yet is made of, its key excepted. */
  readonly values: Values;
  /** What becomes of one that exists. */
  readonly changes: Values;
  /** A row that is there already may not be changed. */
  readonly neverChanges: boolean;
  /** Values are missing that an INSERT would need. The row may exist already, and then they are not needed. */
  readonly incomplete: boolean;
  /** Somebody has looked and relies on it that there is no such row. */
  readonly seenAbsent: boolean;
}

/** The statements, by what a database can do. Each is atomic: no other transaction comes between the judgment of a row and its change. */
export interface RowStatements {
  /** Inserts the row, or changes the one that has its key. Another unique constraint that is taken stays a violation. */
  put(tx: SqlTransaction, target: Target, put: Put): Promise<Effect>;
  /** Changes columns of the row that has the key. */
  patch(tx: SqlTransaction, target: Target, values: Values): Promise<Effect>;
  /** The same, but the row may leave the scope. */
  softDelete(tx: SqlTransaction, target: Target, values: Values): Promise<Effect>;
  remove(tx: SqlTransaction, target: Target): Promise<Effect>;
}

/** PUTs of several rows in one statement, which writes all of them or is not plainly good. One row may be enough. */
export interface RunStatements {
  /** So many rows at least, and so many parameters at most. */
  readonly least: number;
  readonly mostParameters: number;
  /**
   * Inserts rows, or changes those that have their keys and are in the scope. Its parameters are those of the rows, and behind them the scope's.
   *
   * @param changed the columns in which a row changes that is there
   * @param rows stands for the rows: `(…), (…)`
   */
  put(
    tx: SqlTransaction,
    target: Target,
    columns: readonly string[],
    changed: readonly string[],
    rows: RawBuilder<never>,
  ): Compilable;
  /** Whether all rows have been written, as far as the row itself can tell. */
  isPut(result: QueryResult<unknown>, rows: number, target: Target): boolean;
}

/** Columns that say whose a row is. */
export interface Owners {
  /** What the column can name users by; `undefined`: it can't. */
  kind(column: Column): OwnerKind | undefined;
  /**
   * Whether the column holds the value that `convert` made, and no other: letter by letter, whatever the collation, and digit by digit.
   *
   * @param place what stands in the statement for the value that is compared with; it is called once. What else there is of the value in the text,
   * is its type alone
   */
  same(
    reference: Expression<unknown>,
    kind: OwnerKind | undefined,
    value: unknown,
    place: (compared: unknown) => unknown,
  ): Expression<SqlBool>;
}

/** Sessions that wait for the rest of a transaction, with locks held, and whose clients have given up on it. */
export interface Stranded {
  /** Whether an error may come from the wait for such a lock. */
  isSuspected(error: unknown): boolean;
  /** Ends the sessions whose transactions hold one of the tables and began longer ago. One statement. */
  end(tx: SqlTransaction, tables: readonly SourceTable[], olderThanMs: number): Promise<void>;
}

export interface Dialect {
  readonly name: string;
  readonly rows: RowStatements;
  /** The row is looked for, locked and judged before it is changed: for tables that take no upsert, and where more must be known. Absent: `rows` do so always. */
  readonly carefulRows?: RowStatements;
  /** Absent: changes are made one after the other. */
  readonly runs?: RunStatements;
  /** Where none is configured. Absent: the database's own default. */
  readonly isolation?: IsolationLevel;
  /** How an INSERT of the library's own meets a row that is there: by `on duplicate key`, or as a MERGE. Absent: by `on conflict`. */
  readonly inserts?: "duplicate key" | "merge";
  /** The first rows of a SELECT are asked for at its front. Absent: by `limit`, behind it. */
  readonly top?: true;
  /** So many in one statement. Absent: more than the library ever sends. */
  readonly mostParameters?: number;
  /** How a statement is sent that may fail without undoing what is before it. Absent: behind a savepoint, in the words of the standard. */
  readonly aside?: Aside;
  /** How a statement of a transaction is sent. Absent: as it is. */
  readonly sending?: Sending;
  readonly types: OwnTypes;
  /** The table's columns as the database has them; none where there is no such table. */
  readColumns(tx: SqlTransaction, table: SourceTable): Promise<readonly Column[]>;
  /** A SELECT of the names of the table's columns, as `name`, each with the number as `nr`. No rows where there is no such table. */
  columnNames(table: SourceTable, nr: number): RawBuilder<unknown>;
  /** One statement. Absent: its tables have none. */
  readTraits?(tx: SqlTransaction, table: SourceTable): Promise<Traits>;
  /** The statements that the table takes from the connection's role. A few statements. Absent: the traits say so. */
  may?(tx: SqlTransaction, table: SqlTable): Promise<ReadonlySet<Verb>>;
  /** A few statements. */
  readConstraints(tx: SqlTransaction, table: SourceTable): Promise<Constraints>;
  /** One statement. */
  readForeignKeys(tx: SqlTransaction, table: SourceTable): Promise<readonly ForeignKey[]>;
  /**
   * A JSON value, as this driver's parameter for a column, rounded to the digits that the column is declared to keep as the database itself
   * rounds. Idempotent. Throws `InvalidValue` for what can't be stored, where `exact` for what would be rounded; and `PrecisionLost`.
   */
  convert(column: Column, value: unknown, lossyNumbers: boolean, exact?: boolean): unknown;
  /** What `convert` made, in the form in which the driver's default settings read the column. */
  view(column: Column, parameter: unknown): unknown;
  /** How a statement reads a column whose value must keep all its digits, where a driver may round integers. Absent: as it is. */
  exact?(reference: Expression<unknown>, column: Column): Expression<unknown>;
  /** A key's value beside its column. Absent: as `convert` made it. */
  keyed?(column: Column, value: unknown): unknown;
  /** Nobody else changes the row until the transaction ends. Absent: nobody can, anyway. */
  readonly rowLock?: RowLock;
  /** Nobody changes the rows of the table with this alias until the transaction ends, and others may lock them alike. Absent: nobody can, anyway. */
  shareLock?(alias: string): RowLock;
  readonly owners: Owners;
  /** Whether the column holds the value that `convert` made. */
  same(reference: Expression<unknown>, column: Column, value: unknown): Expression<SqlBool>;
  readonly merging: Merging;
  /** Row-level security. Absent: the database has none. */
  readonly rowSecurity?: RowSecurity;
  /**
   * Texts, or NULLs, that together stand for these columns of a row: the same as long as the row is, whatever the driver and its settings,
   * and computed by the database, so that a value which the driver can't read is no hindrance.
   */
  fingerprint(columns: readonly Column[]): readonly Expression<string | null>[];
  /** Whether the database is sure to take what `convert` has made for the column, also to compare with it. Absent: always. */
  comparable?(column: Column, value: unknown): boolean;
  /** Asks for no more than a table is sure to tell: what is refused would end the transaction. Absent: everything may be read, and rows need no lock. */
  access?(tx: SqlTransaction, table: SourceTable): Promise<Access>;
  /** See `Store.taken`. */
  taken?(error: unknown): readonly string[];
  /** See `Store.blamed`. */
  blamed?(error: unknown, table: SqlTable | undefined): Blamed;
  /** What of the server's own settings breaks the promise, or is too small. One statement. Absent: nothing can. */
  settings?(tx: SqlTransaction, asked: SettingsAsked): Promise<readonly SettingProblem[]>;
  /** What the database calls an error, the most exact name first: SQLSTATE, number, class, result code. Empty: it is not the database's. */
  codes(error: unknown): readonly string[];
  /** `undefined`: not an error of this database that the table knows. */
  meaning(error: unknown): Meaning | undefined;
  /**
   * Bounds what the statements of this transaction may take. At most one statement.
   *
   * @param ledger the library's ledger, where a lock on some table is needed before anything is written; absent where nothing is
   */
  bound?(
    tx: SqlTransaction,
    bounds: StatementBounds,
    ledger: Expression<unknown> | undefined,
  ): Promise<void>;
  /** The same as a SELECT, so that it can be a part of the transaction's first statement; from then on, `bound` is not needed. */
  bounds?(bounds: StatementBounds): Expression<unknown>;
  /**
   * The same, and what else a transaction needs, where settings are the connection's and outlive the transaction; its isolation, too. It begins the
   * transaction. One statement. Resolves to what puts the connection back as it was, for when the transaction has ended. One statement, too.
   */
  prepare?(connection: SqlDatabase, settings: SessionSettings): Promise<() => Promise<void>>;
  /** The statement with which the transaction's constraints wait for COMMIT, as far as they can. Absent: the database has none that can. */
  readonly defer?: RawBuilder<unknown>;
  /** Absent: the server itself ends each session that goes silent. */
  readonly stranded?: Stranded;
  /** Whether a statement has taken too long. Absent: transactions can't be sent as a whole. */
  tookLong?(error: unknown): boolean;
  /** Ends a connection that has not answered in time, so that its pool makes another one. Absent: a driver in the process, with nothing to end. */
  abandon?(connection: DatabaseConnection): Promise<void>;
}
