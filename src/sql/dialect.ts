/** What differs between databases, as data and small functions; everything else is shared. */
import type {
  ColumnDataType,
  DatabaseConnection,
  Expression,
  IsolationLevel,
  Kysely,
  SqlBool,
  Transaction,
} from "kysely";
import type { DatabaseCaller } from "../rls/rls.js";
import type { RowStatements } from "./statements.js";

/** A database whose tables are known by name at run time only. */
export type AnyDatabase = Record<string, Record<string, unknown>>;
/** A connection, inside its transaction. */
export type Connection = Transaction<AnyDatabase>;
/** Not inside one. */
export type Database = Kysely<AnyDatabase>;

export interface SourceTable {
  readonly schema?: string;
  readonly name: string;
}

export interface Column {
  readonly name: string;
  /** The database's name of the type, domains resolved; of the elements, for an array. */
  readonly type: string;
  readonly array: boolean;
  /** Digits behind the point, where the type says; of a second, for a point in time. */
  readonly scale?: number;
  /** Digits in all, or bits of a bit field, where the type says. */
  readonly precision?: number;
  /** How many characters, or bytes of binary data, fit, where the type says. */
  readonly length?: number;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
  /** The database computes it and takes no value. */
  readonly generated: boolean;
  /** Where the database would not refuse a NULL but store something else. */
  readonly nullReplaced?: true;
  /** Numbers below zero don't fit. */
  readonly unsigned?: true;
  /** What a text is stored in, where it can't hold every character. */
  readonly charset?: string;
  /** Of an enumeration or a set. */
  readonly members?: readonly string[];
}

/** What a table holds its rows to, for `check()`. */
export interface Constraints {
  /** The columns of each key that holds for all rows, and by which an upsert finds its row. Absent for a view, which has none of its own. */
  readonly unique?: readonly (readonly string[])[];
  /** Columns that take one letter for another. */
  readonly inexact: ReadonlySet<string>;
}

/** Writes to the table could not be undone, or not be carried. The message says what to change. */
export class UnsuitableTable extends Error {}

/** What the connection's role may do with a table. */
export interface Access {
  /** The columns that it may read. */
  readonly readable: ReadonlySet<string>;
  /** Whether it may lock rows. */
  readonly lockable: boolean;
}

/** What a driver's error means for a write: in capitals the code of a fatal failure, else why it is retryable. */
export type Meaning = FatalMeaning | RetryableMeaning;

export type FatalMeaning =
  | "NOT_NULL_VIOLATION"
  | "UNIQUE_VIOLATION"
  | "FOREIGN_KEY_VIOLATION"
  | "CHECK_VIOLATION"
  | "CONSTRAINT_VIOLATION"
  | "INVALID_DATA";

export type RetryableMeaning =
  /** A deadlock or a serialization failure: worth trying again at once. */
  | "contention"
  /** Waited too long for others. */
  | "busy"
  /** The statement does not fit the schema: it has changed since it was read, or a deployment is under way. */
  | "schema"
  /** The connection's role lacks a grant. */
  | "permission"
  /** The database can't be reached, is starting or stopping, read-only, or has no room left. */
  | "outage"
  | "other";

export interface OwnTypes {
  /** Up to some kilobytes. */
  readonly text: ColumnDataType | Expression<unknown>;
  /** A whole transaction. */
  readonly longText: ColumnDataType | Expression<unknown>;
  readonly timestamp: ColumnDataType | Expression<unknown>;
  readonly now: Expression<unknown>;
  /** The time so many milliseconds before now. */
  ago(ms: number): Expression<unknown>;
  /** A timestamp column in UTC as `YYYY-MM-DDTHH:MM:SS.fffZ`, with all the digits that it has. */
  iso(column: Expression<unknown>): Expression<string>;
  /** The other way: what such a column is compared with. */
  at(iso: string): Expression<unknown>;
  /** Behind the columns of a new table. */
  readonly options?: Expression<unknown>;
}

/** As whom the data is written, and whether the policies bind that role. */
interface RowSecurity {
  /** The rest of the transaction is this caller's; with the transaction it ends. One statement. */
  become(tx: Connection, caller: DatabaseCaller): Promise<void>;
  /** What is in the way of the policies. The transaction may be another role's afterwards: nothing else belongs in it. */
  inspect(tx: Connection, inspected: Inspected): Promise<Inspection>;
}

export interface Inspected {
  /** The role that writes the data: its name, the login role itself, or one that only a principal can tell. */
  readonly role: { readonly name: string } | "login" | "unknown";
  readonly tables: readonly SourceTable[];
  /** It is the only role there is, and writes the tables itself: then it needs grants on each. */
  readonly granted: boolean;
}

export interface Inspection {
  /** Each with its mend, for whoever operates the server. */
  readonly problems: readonly string[];
  /** False: a table is not there yet, and may come without policies. */
  readonly complete: boolean;
}

/** In milliseconds. */
export interface StatementBounds {
  readonly lockMs: number;
  readonly statementMs: number;
}

export interface Dialect {
  readonly name: string;
  readonly rows: RowStatements;
  /** Where none is configured. Absent: the database's own default. */
  readonly isolation?: IsolationLevel;
  /** An INSERT that gives way to a row that is there already. Absent: `on conflict … do nothing`. */
  readonly insertIgnore?: true;
  /** For the library's own tables. */
  readonly types: OwnTypes;
  /** The table's columns as the database has them; none where there is no such table. */
  readColumns(tx: Connection, table: SourceTable): Promise<readonly Column[]>;
  /** A few statements. */
  readConstraints(tx: Connection, table: SourceTable): Promise<Constraints>;
  /**
   * A JSON value, as this driver's parameter for a column.
   * Throws `InvalidValue` for what can't be stored exactly, and `PrecisionLost`.
   */
  convert(column: Column, value: unknown, lossyNumbers: boolean): unknown;
  /** How a statement reads a column whose value must keep all its digits, where a driver may round integers. Absent: as it is. */
  exact?(reference: Expression<unknown>, column: Column): Expression<unknown>;
  /** Behind a SELECT: nobody else changes the row until the transaction ends. Absent: nobody can, anyway. */
  readonly rowLock?: Expression<unknown>;
  /** Compares a column with a text letter by letter, where `=` may take one letter for another. Absent, or `undefined`: `=` does, or is meant not to. */
  sameText?(
    reference: Expression<unknown>,
    text: string,
    column: Column,
  ): Expression<SqlBool> | undefined;
  /** Row-level security. Absent: the database has none. */
  readonly rowSecurity?: RowSecurity;
  /**
   * Texts, or NULLs, that together stand for these columns of a row: the same as long as the row is, whatever the driver and its settings,
   * and computed by the database, so that a value which the driver can't read is no hindrance.
   */
  fingerprint(columns: readonly Column[]): readonly Expression<string | null>[];
  /** Whether a value that `convert` has made can be compared with the column without an error. Absent: always. */
  comparable?(column: Column, value: unknown): boolean;
  /** Asks for no more than a table is sure to tell: what is refused would end the transaction. Absent: everything may be read, and rows need no lock. */
  access?(tx: Connection, table: SourceTable): Promise<Access>;
  /** `undefined`: not an error of this database that the table knows. */
  meaning(error: unknown): Meaning | undefined;
  /**
   * Bounds what the statements of this transaction may take, each in milliseconds. At most one statement.
   *
   * @param ledger the library's ledger, where a lock on some table is needed
   */
  bound?(tx: Connection, bounds: StatementBounds, ledger: Expression<unknown>): Promise<void>;
  /** The same as a SELECT, so that it can be a part of the transaction's first statement; from then on, `bound` is not needed. */
  bounds?(bounds: StatementBounds): Expression<unknown>;
  /**
   * The same, and what else a transaction needs, where settings are the connection's and outlive the transaction: before it begins. At most one statement.
   * Resolves to what puts the connection back as it was, for when the transaction has ended. At most one statement, too.
   */
  prepare?(connection: Database, bounds: StatementBounds): Promise<() => Promise<void>>;
  /** Ends a connection that has not answered in time, so that its pool makes another one. Absent: a driver in the process, with nothing to end. */
  abandon?(connection: DatabaseConnection): Promise<void>;
  /** Changes the schema while no other process does, on one connection; in a transaction where a schema can be changed in one. */
  migrate(db: Database, run: (on: Database) => Promise<void>): Promise<void>;
  /** What a change of the schema would make is there. Absent: changes are made in a transaction, and none is ever half done. */
  alreadyThere?(error: unknown): boolean;
}
