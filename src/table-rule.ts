/** Who may write what: one rule for each table of the client's schema. */
import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import type { Operation } from "./crud.js";
import type { OperationContext, Principal } from "./layer.js";
import type { Write } from "./write.js";

/** A column that the server sets on every PUT and PATCH; what the client sends for it is refused. */
export interface ServerColumn<P extends Principal, DB> {
  /** A value, or a Kysely expression such as `sql\`now()\``. */
  readonly set: (context: OperationContext<P, DB>) => unknown;
}

export interface ClientColumn<P extends Principal, DB> {
  /** The source database's name for it, where it differs. */
  readonly column?: string;
  /** Looks up the value to store by the value sent. NULL stays NULL. One statement. */
  readonly references?: Reference;
  /** Makes the value to store of the value sent. It is then converted by the column's type. */
  readonly convert?: (value: unknown, context: OperationContext<P, DB>) => unknown;
  /** `reject`: sending it is FORBIDDEN_COLUMN. `ignore`: it is left out, for clients that always send it. */
  readonly readOnly?: "reject" | "ignore";
}

/** `true`: as it is. Text: the source database's name. */
export type ColumnRule<P extends Principal, DB> =
  | true
  | string
  | ClientColumn<P, DB>
  | ServerColumn<P, DB>;

/** A filter on the rule's own table: references without a table mean it; inside a subquery and in raw SQL, name the table. */
export type Scope<P extends Principal, DB> = (
  eb: ExpressionBuilder<DB, keyof DB>,
  context: OperationContext<P, DB>,
) => Expression<SqlBool>;

/** A key of several columns. A list of names alone means that the client's id holds their values with a `.` between. */
export interface CompositeId {
  readonly columns: readonly string[];
  /** The columns' values, in order. Any other number of them is INVALID_DATA. */
  readonly split: (id: string) => readonly unknown[];
}

/**
 * A column that refers to a row by its own key, where clients refer to it by the id they know:
 * tables with sequential ids that clients know by uuid. What refers to no row is FOREIGN_KEY_VIOLATION.
 */
export interface Reference {
  /** The table referred to, `name` or `schema.name`. */
  readonly table: string;
  /** Its column that holds what the client sends. */
  readonly match: string;
  /** Its column whose value is stored. */
  readonly take: string;
}

/** `{}` allows every operation on every column that the table has, to any caller that `authenticate` lets in. */
export interface TableRule<P extends Principal, DB> {
  /** The table in the source database, `name` or `schema.name`. Default: the rule's key. */
  readonly table?: string;
  /** Where the client's `id` goes: a column, or several. The database must hold them unique. Default `id`. */
  readonly id?: string | readonly string[] | CompositeId;
  /** The columns that may be written, by the client's names. Default: all that the table has. */
  readonly columns?: readonly string[] | Readonly<Record<string, ColumnRule<P, DB>>>;
  /** Default: all three. Another one is FORBIDDEN_OPERATION. */
  readonly operations?: readonly Operation[];
  /** Shorthand for a scope: this column holds the caller's `userId`. Set on a PUT that leaves it out. */
  readonly owner?: string;
  /** Must hold on the stored row and on the row after the write; otherwise UNAUTHORIZED. */
  readonly scope?: Scope<P, DB>;
  /** Throws (`fatal('UNAUTHORIZED', …)`) to refuse. Runs inside the transaction, before the write. */
  readonly authorize?: (write: Write, context: OperationContext<P, DB>) => void | Promise<void>;
  /** A PUT of a row that exists: `merge` (default) changes the sent columns only, `replace` sets the rule's other listed columns to NULL. */
  readonly put?: "merge" | "replace";
  /** Makes DELETE an update of these columns: a soft delete. */
  readonly delete?: {
    readonly set: Readonly<Record<string, (context: OperationContext<P, DB>) => unknown>>;
  };
  /** A column that may not be written: FORBIDDEN_COLUMN (`reject`, default), or left out (`ignore`). */
  readonly unknownColumns?: "reject" | "ignore";
  /** PATCH and DELETE of a row outside the scope answer as if it did not exist. */
  readonly hideForeign?: boolean;
}
