/** The findings of `writes.check()`: where the rules, the database and the client's schema disagree. */

/**
 * In the database:
 * - `table_missing`, `column_missing`, `key_missing`: a rule names something that does not exist;
 * - `table_unsuitable`: writes to it could not be rolled back, or would be stored wrongly;
 * - `key_not_unique`, `key_type`, `key_generated`: the key can't be a row's id;
 * - `key_number`: the key is a number, and clients make UUIDs unless the app says otherwise;
 * - `not_writable`: the login role lacks a grant, or a view does not accept the statement;
 * - `column_generated`: a rule lets the client or the server write a column that the database computes;
 * - `column_numbered`: a rule lets clients write a column that the database numbers;
 * - `column_required`: a column without a default that no PUT can provide;
 * - `column_rounds`: a column that keeps fewer digits of a decimal or of a second than clients send, and of which the rule says nothing;
 * - `key_rounds`: the same for a column that identifies a row, where nothing is rounded;
 * - `collation`: a key or an owner whose collation treats different texts as equal;
 * - `owner_type`: the owner's column is not text, so some or all callers' ids don't fit;
 * - `scope_fails`: the database does not accept the scope, or the scope compares a column with a value that it can't hold;
 * - `own_tables_missing`: `createTables` has not run;
 * - `not_deferrable`: the configuration has `deferConstraints`, but the database has no constraints that can wait for COMMIT;
 * - `not_durable`: with the server's settings, a crash can lose what has been answered;
 * - `too_small`: with the server's settings, rows that the limits allow can't be written;
 *
 * Against the client's schema:
 * - `rule_missing`, `rule_unused`: a table that only the schema or only the rules have;
 * - `column_refused`: a column that may not be written;
 * - `column_type`: values of the client's type don't fit the column;
 * - `operation_refused`: an insert-only table whose rule has no PUT;
 * - `previous_untracked`: a rule's `conflict` needs the values before a change, but the client's table does not track them.
 */
export type MismatchCode =
  | "table_missing"
  | "table_unsuitable"
  | "key_missing"
  | "key_not_unique"
  | "key_type"
  | "key_number"
  | "key_generated"
  | "not_writable"
  | "column_missing"
  | "column_generated"
  | "column_numbered"
  | "column_required"
  | "column_rounds"
  | "key_rounds"
  | "collation"
  | "owner_type"
  | "scope_fails"
  | "own_tables_missing"
  | "not_deferrable"
  | "not_durable"
  | "too_small"
  | "rule_missing"
  | "rule_unused"
  | "column_refused"
  | "column_type"
  | "operation_refused"
  | "previous_untracked";

/** A point at which the rules, the database and the client's schema disagree. */
export interface Mismatch {
  /** `error`: writes fail, or can't be trusted. `warning`: it may be intended. */
  readonly severity: "error" | "warning";
  /** The kind of mismatch. Codes are stable. */
  readonly code: MismatchCode;
  /** The client's name of the table, as in `tables`, or the name of one of the library's own tables. Empty for a server's setting or a global option. */
  readonly table: string;
  /** The column, by the name that the message uses. */
  readonly column?: string;
  /** What is wrong and what to change. For operators: it names the database's tables and columns. */
  readonly message: string;
  /** The error that the database or the scope threw. */
  readonly cause?: unknown;
}

export function error(
  code: Mismatch["code"],
  table: string,
  column: string | undefined,
  message: string,
): Mismatch {
  return mismatch("error", code, table, column, message);
}

export function warning(
  code: Mismatch["code"],
  table: string,
  column: string | undefined,
  message: string,
): Mismatch {
  return mismatch("warning", code, table, column, message);
}

/** Makes a mismatch whose message begins with the option's place in the configuration. */
export function mismatch(
  severity: Mismatch["severity"],
  code: Mismatch["code"],
  table: string,
  column: string | undefined,
  message: string,
): Mismatch {
  return {
    severity,
    code,
    table,
    ...(column !== undefined && { column }),
    message: `tables.${table}: ${message}`,
  };
}
