/** What went wrong, as a store says it: what an error means, and errors for what a driver's own can't tell. */

/** What an error means for a write: in capitals the code of a fatal failure, else why it is retryable. */
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
  /** A statement sets a column that the database computes, which a view may hide until then. */
  | "generated"
  /** The connection's role lacks a grant. */
  | "permission"
  /** The table has no number left for a new row. */
  | "exhausted"
  /** The database can't be reached, is starting or stopping, read-only, or has no room left. */
  | "outage"
  | "other";

/** What a refusal is about, as far as the database tells, by its own names. */
export interface Blamed {
  /** Without schema; where it was not known beforehand, and the database tells it. */
  readonly table?: string;
  readonly columns: readonly string[];
  readonly constraint?: string;
  /** A foreign key of another table's rows, which still refer to this row. */
  readonly referred?: true;
}

/** A value can't be stored as it is in a column of that type. The message is safe to show. */
export class InvalidValue extends Error {}

/** An integer beyond 2^53 had been rounded before the library saw it, and the column would keep it exactly. */
export class PrecisionLost extends Error {}

/**
 * A value that the configuration gave, or `authenticate`, does not fit its column: the operator's mistake, and never the device's.
 * The message is for the log.
 */
export class ServerValue extends Error {
  /** By the source database's names. */
  readonly table: string;
  readonly column: string;
  readonly why: string;

  constructor(table: string, column: string, why: string, cause?: unknown) {
    super(`${table}.${column} can't take the value that the server sets for it. ${why}`, { cause });
    this.name = "ServerValue";
    this.table = table;
    this.column = column;
    this.why = why;
  }
}

/** Others are changing the same rows: the transaction is rolled back and tried again. */
export class Contention extends Error {}

/** A PUT that never changes a row has found one with other values. */
export class RowTaken extends Error {
  constructor() {
    super("There is a row with this key, and it holds other values.");
  }
}

/** A row that is there holds other values in columns that are set once, when it is made. */
export class ColumnsFixed extends Error {
  /** By the source database's names. */
  readonly columns: readonly string[];

  constructor(columns: readonly string[]) {
    super("A column that is set when its row is made would be changed.");
    this.columns = columns;
  }
}

/** The table has no number left for a new row: an INSERT that brings none fails, whatever its data. */
export class NumbersExhausted extends Error {}

/** Writes to a table could not be undone, or could not carry every value. The message says what to change. */
export class UnsuitableTable extends Error {}

/** A row was written that is outside its scope now. The transaction is undone, whoever catches the refusal. */
export class LeftScope extends Error {
  constructor() {
    super(
      "A row was written that is outside its scope now, and the refusal was caught. Let what `persist` throws through.",
    );
  }
}

/** With `rls`, on a database that has no policies. */
export function noRowSecurity({ name }: { readonly name: string }): TypeError {
  return new TypeError(`rls: ${name} has no row-level security; Postgres has.`);
}

/** With `deferConstraints`, on a database whose constraints can't wait for COMMIT. */
export function noDeferral({ name }: { readonly name: string }): TypeError {
  return new TypeError(
    `deferConstraints: ${name} has no constraints that can wait for COMMIT; Postgres and SQLite have. Remedy: take the option out, or have clients write a parent before its children.`,
  );
}

/** The ledger keeps as many queues of this user's as may be, and this one is new. */
export class TooManyDevices extends Error {}

/** The caller left before anything was begun. */
export class CallerLeft extends Error {}

/** A statement for several changes did not come out plainly good. The unit is rolled back, and begun again one change after the other. */
export class Undone extends Error {
  constructor(cause?: unknown) {
    super("Several changes were not made at once. They are made one after the other.", { cause });
    this.name = "Undone";
  }
}
