/** What is known about a kind of database before its dialect is loaded: how it is recognized, and how the library's own tables are declared. */
import type { ColumnDataType, Expression, RawBuilder } from "kysely";
import type { Parameter } from "./rows/compiled.js";
import type { SqlDatabase } from "./table.js";

/** A kind of database. */
export interface Family {
  readonly name: string;
  /** Kysely's adapter for it. */
  readonly adapter: abstract new () => object;
  /** Whether it has row-level security. */
  readonly rowSecurity: boolean;
  /** Whether it has constraints that can wait for COMMIT. */
  readonly deferral: boolean;
  /** How the library's own tables are declared. */
  readonly types: OwnTypes;
  /** Runs changes of the schema on one connection while no other process does; in a transaction if the database supports that. */
  migrate(db: SqlDatabase, run: (on: SqlDatabase) => Promise<void>): Promise<void>;
  /** Whether an error says that a change of the schema has already been made. Absent: changes run in a transaction, so none is ever half done. */
  alreadyThere?(error: unknown): boolean;
}

/** A family's types and expressions for the library's own tables. */
export interface OwnTypes {
  /** A text of up to some kilobytes. */
  readonly text: ColumnDataType | Expression<unknown>;
  /** A text that can hold a whole transaction. */
  readonly longText: ColumnDataType | Expression<unknown>;
  readonly timestamp: ColumnDataType | Expression<unknown>;
  readonly now: Expression<unknown>;
  /** The time this many milliseconds ago. The database computes it, because a statement that is compiled once has a placeholder for the number. */
  ago(ms: Parameter<number>): Expression<unknown>;
  /** The same, relative to the time of the statement. Absent: `ago` does that already. */
  agoByStatement?(ms: Parameter<number>): Expression<unknown>;
  /** A timestamp column in UTC as `YYYY-MM-DDTHH:MM:SS.fffZ`, with all the digits that it has. */
  iso(column: Expression<unknown>): Expression<string>;
  /** The inverse: a text as a value to compare such a column with. */
  at(iso: string): Expression<unknown>;
  /** The digits of a column of 64-bit integers. Absent: a cast to `text`. */
  digits?(column: Expression<unknown>): RawBuilder<string>;
  /** The number of characters of a text. Absent: `length`. */
  length?(text: Expression<unknown>): Expression<number>;
  /** A text of at most this many characters, compared exactly. Absent: `varchar`. */
  varchar?(length: number): Expression<unknown>;
  /** A text that a MERGE inserts, in the form in which it is compared with a column. Absent: as it is. */
  mergeKey?(sent: Expression<unknown>): Expression<unknown>;
  /** Whether a unique index treats NULL like any value, so that the index must exclude rows with NULL. */
  readonly uniqueNulls?: true;
  /** A CREATE TABLE that does nothing if the table exists. Absent: `if not exists`. */
  ifMissing?(
    table: { readonly schema?: string; readonly name: string },
    create: Expression<unknown>,
  ): RawBuilder<unknown>;
  /** The end of a CREATE TABLE, after the columns. */
  readonly options?: Expression<unknown>;
}
