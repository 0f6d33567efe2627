/** How a store reports failures: the meanings of errors, and error classes for what a driver's own errors can't express. */

/** What an error means for a write: the code of a fatal failure, in capitals, or the reason why it is retryable. */
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
  /** A lock was not granted in time. */
  | "busy"
  /** The statement does not fit the schema: it has changed since it was read, or a deployment is under way. */
  | "schema"
  /** A statement sets a column that the database computes. Through a view, this may only be known once the statement fails. */
  | "generated"
  /** The connection's role lacks a grant. */
  | "permission"
  /** The table has no number left for a new row. */
  | "exhausted"
  /** The database can't be reached, is starting or stopping, read-only, or has no room left. */
  | "outage"
  | "other";

/** What a refusal is about, as far as the database says, in its own names. */
export interface Blamed {
  /** Without schema. Present if the caller did not know the table, and the database names it. */
  readonly table?: string;
  readonly columns: readonly string[];
  readonly constraint?: string;
  /** The constraint is a foreign key of another table, whose rows still refer to this row. */
  readonly referred?: true;
}

/** A value can't be stored unchanged in its column. The message is safe to show to users. */
export class InvalidValue extends Error {}

/** An integer beyond 2^53 may have been rounded before the library saw it, and its column would store it exactly. */
export class PrecisionLost extends Error {}

/**
 * A value that the configuration set, or the id that `authenticate` returned, does not fit its column. That is the operator's mistake, and never the
 * device's. The message is for the log.
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

/** A PUT that never changes an existing row has found one with other values. */
export class RowTaken extends Error {
  constructor() {
    super("There is a row with this key, and it holds other values.");
  }
}

/** An existing row holds other values in columns that are only set when a row is inserted. */
export class ColumnsFixed extends Error {
  /** By the source database's names. */
  readonly columns: readonly string[];

  constructor(columns: readonly string[]) {
    super("A column that is set when its row is made would be changed.");
    this.columns = columns;
  }
}

/** The column that the database numbers has no number left: every INSERT without a number of its own fails, whatever its data. */
export class NumbersExhausted extends Error {}

/** Writes to the table could not be rolled back, or its columns could not hold every value. The message says what to change. */
export class UnsuitableTable extends Error {}

/** A row was written that is now outside its scope. The transaction is rolled back, even if application code catches the refusal. */
export class LeftScope extends Error {
  constructor() {
    super(
      "A row was written that is now outside its scope, and the refusal was caught. Don't catch what `persist` throws.",
    );
  }
}

/** The error for `rls` on a database that has no policies. */
export function noRowSecurity({ name }: { readonly name: string }): TypeError {
  return new TypeError(`rls: ${name} has no row-level security; Postgres has.`);
}

/** The error for `deferConstraints` on a database whose constraints can't wait for COMMIT. */
export function noDeferral({ name }: { readonly name: string }): TypeError {
  return new TypeError(
    `deferConstraints: ${name} has no constraints that can wait for COMMIT; Postgres and SQLite have. Remedy: take the option out, or have clients write a parent before its children.`,
  );
}

/** The problem of the library's own tables that `createTables` has not made. */
export function ownTablesMissing(names: readonly string[]): string {
  const [what, are] = names.length === 1 ? ["table", "is"] : ["tables", "are"];
  const listed = names.map((name) => `"${name}"`).join(", ");
  return `The library's own ${what} ${listed} ${are} missing. Remedy: run createTables(database). Until then writes wait on the device.`;
}

/** The ledger already keeps the most queues that a user may have, and this queue is new. */
export class TooManyDevices extends Error {}

/** The caller left before anything had begun. */
export class CallerLeft extends Error {}

/** A statement for several changes was not plainly good. The unit is rolled back, and run again one change after the other. */
export class Undone extends Error {
  constructor(cause?: unknown) {
    super("Several changes could not be written together. They are written one after the other.", {
      cause,
    });
    this.name = "Undone";
  }
}
