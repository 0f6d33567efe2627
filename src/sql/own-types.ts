/** How the columns of the library's own tables are declared and read, by family. */
import type { ColumnDataType, Expression, RawBuilder } from "kysely";

/** How the library's own tables are written. */
export interface OwnTypes {
  /** Up to some kilobytes. */
  readonly text: ColumnDataType | Expression<unknown>;
  /** A whole transaction. */
  readonly longText: ColumnDataType | Expression<unknown>;
  readonly timestamp: ColumnDataType | Expression<unknown>;
  readonly now: Expression<unknown>;
  /** The time so many milliseconds before now. */
  ago(ms: number): Expression<unknown>;
  /** The same by the time of the statement. Absent: `ago` goes by that. */
  agoByStatement?(ms: number): Expression<unknown>;
  /** A timestamp column in UTC as `YYYY-MM-DDTHH:MM:SS.fffZ`, with all the digits that it has. */
  iso(column: Expression<unknown>): Expression<string>;
  /** The other way: what such a column is compared with. */
  at(iso: string): Expression<unknown>;
  /** The digits of a column of 64-bit integers. Absent: a cast to `text`. */
  digits?(column: Expression<unknown>): RawBuilder<string>;
  /** How many characters a text has. Absent: `length`. */
  length?(text: Expression<unknown>): Expression<number>;
  /** A text of so many characters at most, compared letter by letter. Absent: `varchar`. */
  varchar?(length: number): Expression<unknown>;
  /** A text that is compared with a column's, where it is a column itself, of what a MERGE inserts. Absent: as it is. */
  keyed?(sent: Expression<unknown>): Expression<unknown>;
  /** To a unique index NULL is a value like others, so that it must leave out the rows that have it. */
  readonly uniqueNulls?: true;
  /** A CREATE TABLE that does nothing where there is such a table. Absent: `if not exists`. */
  ifMissing?(
    table: { readonly schema?: string; readonly name: string },
    create: Expression<unknown>,
  ): RawBuilder<unknown>;
  /** Behind the columns of a new table. */
  readonly options?: Expression<unknown>;
}
