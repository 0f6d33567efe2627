/** What a store can say of its database, for `check()` and `ready()`. */
import type { Column, Scope, Table } from "./tables.js";

export interface Inspect {
  /** Read anew. Throws UnsuitableTable where writes to it could not be undone. */
  table(name: string): Promise<InspectedTable | undefined>;
  /** Rejects where the database does not take the scope. No row is read. */
  scope(scope: Scope): Promise<void>;
  /**
   * What is wrong with the library's own tables, each with its remedy. Empty: they are as `createTables` makes them, and may be read.
   * Rejects where they may not.
   */
  ownTables(used: OwnTablesUsed): Promise<readonly OwnTableProblem[]>;
  /** `rowSecurity` only. Whether the policies bind the role that writes the data. */
  policies(inspected: InspectedRole): Promise<PolicyReport>;
}

export interface InspectedTable extends Table {
  /** The columns of each key that holds for all rows, and by which an upsert finds its row. Absent for a view, which has none of its own. */
  readonly unique?: readonly (readonly string[])[];
  /** Columns that take one letter for another. */
  readonly inexact: ReadonlySet<string>;
  /** Whether an owner's column is compared letter by letter all the same. */
  comparedExactly(column: Column): boolean;
}

/** Dead letters always are. */
export interface OwnTablesUsed {
  readonly ledger: boolean;
  readonly attempts: boolean;
  readonly checkpoints: boolean;
}

export interface OwnTableProblem {
  readonly table: string;
  /** Missing, or of another form. */
  readonly message: string;
}

export interface InspectedRole {
  /** The role that writes the data: its name, the login role itself, or one that only a principal can tell. */
  readonly role: { readonly name: string } | "login" | "unknown";
  /** By their names in the source database. */
  readonly tables: readonly string[];
  /** It is the only role there is, and writes the tables itself: then it needs grants on each. */
  readonly granted: boolean;
}

export interface PolicyReport {
  /** Each with its remedy, for whoever operates the server. */
  readonly problems: readonly string[];
  /** False: a table is not there yet, and may come without policies. */
  readonly complete: boolean;
}
