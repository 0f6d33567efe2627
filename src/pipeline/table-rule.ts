/** Who may write what: one rule for each table of the client's schema. */
import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import type { OperationContext, Principal } from "../context.js";
import type { Operation, Write } from "../model.js";
import type { Native } from "../store/store.js";

/** A column that the server sets; what the client sends for it is refused. */
export interface ServerColumn<P extends Principal, DB> {
  /** A value, a Kysely expression such as `sql\`now()\``, or a promise of one. */
  readonly set: (context: OperationContext<P, DB>) => unknown;
  /** `write` (default): on every PUT and PATCH. `insert`: only where a PUT makes the row; one that exists keeps what it has. */
  readonly on?: "write" | "insert";
}

export interface ClientColumn<P extends Principal, DB> {
  /** The source database's name for it, where it differs. */
  readonly column?: string;
  /** Looks up the value to store by the value sent. NULL stays NULL. One statement. */
  readonly references?: Reference;
  /** Makes the value to store of the value sent, or a promise of it. It is then converted by the column's type. */
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

/**
 * A filter on the rule's own table: references without a table mean it; inside a subquery and in raw SQL, name the table.
 * It gives an expression, or `true` for no restriction; anything else, as a forgotten `return`, is an error, and nothing is written.
 * A store that is no SQL database takes an expression of its own kind.
 */
export type Scope<P extends Principal, DB> = (
  eb: ScopeBuilder<DB>,
  context: OperationContext<P, DB>,
) => ScopeExpression<DB>;

type ScopeBuilder<DB> = DB extends Native<unknown> ? unknown : ExpressionBuilder<DB, keyof DB>;
type ScopeExpression<DB> = DB extends Native<unknown> ? unknown : Expression<SqlBool> | true;

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

/** The row that a column refers to: it must be one that its own rule's `owner`, `scope` and `belongsTo` let the caller write. */
export interface Parent {
  /** The client's name for its table: a key of `tables`. */
  readonly table: string;
  /** Its column that this one refers to. Default: the key of its rule. */
  readonly by?: string;
  /** True: the column may be NULL, and then nothing is asked of it. Default: NULL is outside the scope. */
  readonly optional?: boolean;
}

/**
 * Says who may write the table, by `owner`, `scope`, `belongsTo`, `authorize` or `access: "everyone"`; a rule that says nothing is refused at the
 * start, unless `rls` or a global `authorize` judges. All else has a default: every operation, on every column that the table has.
 */
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
  /**
   * Shorthand for a scope: by this table's column, the table whose row it refers to. That row must be the caller's by its own rule, whose `authorize` is not asked.
   * `{ list_id: "lists" }`: a todo is written by whoever may write its list, and moved to no other's.
   * Of a table that refers to itself one level is asked: the parent's `owner`, `scope` and other parents.
   */
  readonly belongsTo?: Readonly<Record<string, string | Parent>>;
  /** Must hold on the stored row and on the row after the write; otherwise UNAUTHORIZED. */
  readonly scope?: Scope<P, DB>;
  /** Throws (`fatal('UNAUTHORIZED', …)`) to refuse. Runs inside the transaction, before the write; `context.stored()` is the row as it is by then. */
  readonly authorize?: (write: Write, context: OperationContext<P, DB>) => void | Promise<void>;
  /** `everyone`: any caller that `authenticate` lets in may write every row. For a table that has none of the four options above. */
  readonly access?: "everyone";
  /** A PUT of a row that exists: `merge` (default) changes the sent columns only, `replace` sets the rule's other listed columns to NULL. */
  readonly put?: "merge" | "replace";
  /** Makes DELETE an update of these columns: a soft delete. Clients may not write them, unless `columns` lists them. */
  readonly delete?: {
    readonly set: Readonly<Record<string, ServerColumn<P, DB>["set"]>>;
  };
  /** A column that may not be written: FORBIDDEN_COLUMN (`reject`, default), or left out (`ignore`). */
  readonly unknownColumns?: "reject" | "ignore";
  /** PATCH and DELETE of a row outside the scope answer as if it did not exist. */
  readonly hideForeign?: boolean;
}
