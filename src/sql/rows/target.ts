/** One row to write, the scope that it must be in, and the statements that a database has for it. Types only. */
import type {
  Compilable,
  CompiledQuery,
  Expression,
  QueryResult,
  RawBuilder,
  SqlBool,
} from "kysely";
import type { Operation } from "../../model.js";
import type { Effect, Values } from "../../store/store.js";
import type { Column, Table } from "../../store/tables.js";
import type { Lessons, SqlDatabase, SqlTransaction, Traits } from "../table.js";

/** A scope as SQL, which can be used in any statement on its table. */
export interface BoundScope {
  readonly filter: Expression<SqlBool>;
  /** It reads nothing but the row itself, so a statement can judge the row that it has just written. */
  readonly rowOnly: boolean;
  /**
   * Whether the row would be in the scope while all other rows are as they are now. This is asked before the write if a members' table may show the
   * written row under another name, because then it is not known which membership the write creates. Absent: asking after the write is enough.
   *
   * @param valueOf what the row will hold
   */
  readonly before?: (valueOf: ValueOf) => Promise<Expression<SqlBool>>;
  /** The scope in parts, to judge a row that can't be seen any more after it has been written. Absent: the application's own parts read other tables. */
  readonly parts?: ScopeParts;
}

/** By a column's name. */
export type ValueOf = (column: string) => Expression<unknown>;

interface ScopeParts {
  /** The part that only needs the row itself. */
  readonly own?: Expression<SqlBool>;
  readonly owner?: { readonly column: string; readonly value: unknown };
  /** `own` contains more conditions than the owner. */
  readonly more: boolean;
  readonly parents: readonly BoundParent[];
}

export interface BoundParent {
  readonly column: string;
  /** Whether a row may refer to this value. */
  allows(value: unknown): Expression<SqlBool>;
}

/**
 * The texts of one Kysely object's statements, by table and what else they depend on. When a table is read again, its statements are compiled again.
 */
export type Texts = WeakMap<object, Map<string, CompiledQuery>>;

/** How the statements for one row are compiled once. */
export interface CompiledOnce {
  readonly texts: Texts;
  /** The table as it has been read. */
  readonly table: object;
  /** What the texts depend on, except the statement's own columns. */
  readonly shape: string;
  /** The values of the scope's owners, by placeholder. */
  readonly scope: Values;
  /** Binds the scope with placeholders in place of these values. */
  readonly bindWithPlaceholders: () => Promise<BoundScope | undefined>;
}

/** A filter that a row must pass to be changed, and the effect of the write if it does not. */
export interface Guard {
  readonly filter: Expression<SqlBool>;
  readonly effect: "conflict" | "outdated";
}

/** One row to write, and the conditions for it. */
export interface Target {
  readonly op: Operation;
  readonly operationIndex: number;
  readonly table: string;
  readonly traits: Traits | undefined;
  readonly lessons: Lessons;
  /** When the transaction began, by `performance.now()`. */
  readonly begunAt: number;
  /** Reads the table's traits again. */
  readonly readTraits: () => Promise<Traits | undefined>;
  /** The columns of the table. */
  readonly columns: Table["columns"];
  /** The key's columns, with the row's values. */
  readonly key: Values;
  readonly scope: BoundScope | undefined;
  /** Columns that must keep their values if the row exists. Absent: none. */
  readonly fixed?: Fixed;
  /** Conditions on a row that others may have changed: see `merge.ts`. */
  readonly guards?: readonly Guard[];
  /** Expressions that replace the sent values of these columns if the row exists. Absent: the sent values are used. */
  readonly computed?: ReadonlyMap<string, Expression<unknown>>;
  /** The key for statements that are compiled once. Absent: each statement is compiled again. */
  readonly once?: CompiledOnce;
}

/** A condition that the column contains the value that `convert` made. */
export type SameValue = (
  reference: Expression<unknown>,
  column: Column,
  value: unknown,
) => Expression<SqlBool>;

/** Columns that keep their values: a statement changes nothing if the row has other values in them. */
export interface Fixed {
  readonly values: Values;
  readonly same: SameValue;
}

export interface Put {
  /** The values of a new row, without its key. */
  readonly values: Values;
  /** The values that change in an existing row. */
  readonly changes: Values;
  /** Whether an existing row must not be changed. */
  readonly neverChanges: boolean;
  /** Whether values are missing that an INSERT needs. If the row exists, they are not needed. */
  readonly incomplete: boolean;
  /** Whether the application has read that there is no such row, and relies on it. */
  readonly seenAbsent: boolean;
}

/** A database's statements for one row. Each is atomic: no other transaction can change the row between its check and its change. */
export interface RowStatements {
  /** Inserts the row, or changes the row with its key. A conflict with another unique constraint stays a violation. */
  put(tx: SqlTransaction, target: Target, put: Put): Promise<Effect>;
  /** Changes columns of the row with the key. */
  patch(tx: SqlTransaction, target: Target, values: Values): Promise<Effect>;
  /** The same, but the row may leave its scope. */
  softDelete(tx: SqlTransaction, target: Target, values: Values): Promise<Effect>;
  remove(tx: SqlTransaction, target: Target): Promise<Effect>;
}

/** The text for a parameter, such as a conversion of it. */
export type Place = (parameter: string) => string;

/** PUTs of several rows in one statement, which writes all of them or does not succeed. */
export interface RunStatements {
  /** The least number of rows, and the greatest number of parameters. */
  readonly least: number;
  readonly mostParameters: number;
  /** Whether the statement must change a column of an existing row, so that PUTs that change none are made alone. */
  readonly mustChange?: true;
  /** Whether the statement assigns the key to itself, for which the role needs the right to change it. */
  readonly assignsKey?: true;
  /**
   * How a column's values stand in a row, on databases that number parameters. `undefined`: a row with this column is written alone. Absent: parameters
   * are `?`, in the order of the text.
   */
  readonly numbered?: (column: Column, isKey: boolean) => Place | undefined;
  /**
   * Inserts rows, or changes those with the same keys in the scope. In the text, the rows come before the scope.
   *
   * @param changed the columns that change in an existing row
   * @param rows stands for the rows: `(…), (…)`
   */
  put(
    db: SqlDatabase,
    target: Target,
    columns: readonly string[],
    changed: readonly string[],
    rows: RawBuilder<never>,
  ): Compilable;
  /** Whether all rows have been written, as far as the rows themselves show. */
  isPut(result: QueryResult<unknown>, rows: number, target: Target): boolean;
}
