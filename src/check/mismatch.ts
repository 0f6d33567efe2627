/** What `writes.check()` finds: where rules, database and client's schema don't fit together. */

/**
 * In the database:
 * - `table_missing`, `column_missing`, `key_missing`: a rule names what is not there;
 * - `table_unsuitable`: writes to it could not be undone, or not be carried;
 * - `key_not_unique`, `key_type`, `key_generated`: the key can't be a row's id;
 * - `column_generated`: a rule lets the client write, or the server set, what the database computes;
 * - `column_required`: a column without default that no PUT can fill;
 * - `collation`: a key or an owner that takes other letters for the same;
 * - `scope_fails`: the scope is no statement that the database takes;
 * - `own_tables_missing`: `createTables` has not run;
 * - `unprotected`: anybody who is let in may write every row.
 *
 * Against the client's schema:
 * - `rule_missing`, `rule_unused`: a table of the one and not of the other;
 * - `column_refused`: a column that may not be written;
 * - `column_type`: values of the client's type don't fit the column;
 * - `operation_refused`: an insert-only table whose rule has no PUT.
 */
export type MismatchCode =
  | "table_missing"
  | "table_unsuitable"
  | "key_missing"
  | "key_not_unique"
  | "key_type"
  | "key_generated"
  | "column_missing"
  | "column_generated"
  | "column_required"
  | "collation"
  | "scope_fails"
  | "own_tables_missing"
  | "unprotected"
  | "rule_missing"
  | "rule_unused"
  | "column_refused"
  | "column_type"
  | "operation_refused";

export interface Mismatch {
  /** `error`: writes fail, or can't be trusted. `warning`: it may be meant so. */
  readonly severity: "error" | "warning";
  /** Stable. */
  readonly code: MismatchCode;
  /** The client's name for the table: a key of `tables`. For the library's own tables theirs. */
  readonly table: string;
  /** By the name that the message uses for it. */
  readonly column?: string;
  /** What is wrong and what to change. For the log: it names the database's tables and columns. */
  readonly message: string;
  /** What the database or the scope threw. */
  readonly cause?: unknown;
}
