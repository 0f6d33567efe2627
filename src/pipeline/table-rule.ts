/** The types of table rules, one for each table of the client's schema, and `defineTables`, with which the compiler checks their names. */
import type { Expression, ExpressionBuilder, SqlBool } from "kysely";
import type { OperationContext, Principal } from "../context.js";
import type { Operation, Write, WriteOutcome } from "../model.js";
import type { Native } from "../store/store.js";
import type { MemberTable, ScopeCondition } from "./conditions.js";
import type { ConflictRule, KnownConflict } from "./conflict-rule.js";
import type { RowSchemas, StandardSchema } from "./standard-schema.js";

/** Returns what the server sets a column to: a value, a Kysely expression such as `sql\`now()\``, or a promise of a value. */
export type SetColumn<P extends Principal, DB> = (context: OperationContext<P, DB>) => unknown;

export interface ClientColumn<P extends Principal, DB> {
  /** The source database's name of the column, if it differs. */
  readonly column?: string;
  /** Looks up the value to store by the value sent, in one statement. NULL stays NULL. */
  readonly references?: Reference;
  /** Returns the value to store for the value sent, or a promise of it. The result is then converted by the column's type. */
  readonly convert?: (value: unknown, context: OperationContext<P, DB>) => unknown;
  /** `reject`: sending the column is FORBIDDEN_COLUMN. `ignore`: its value is left out, for clients that always send it. */
  readonly readOnly?: "reject" | "ignore";
  /** Like `exact` of the rule, for this column. */
  readonly exact?: boolean;
}

/** `true`: the column has the same name in the source database. Text: its name there. */
export type ColumnRule<P extends Principal, DB> = true | string | ClientColumn<P, DB>;

/**
 * A filter on the rule's own table. References without a table name mean this table; inside a subquery and in raw SQL, name the table.
 * It returns an expression, or `true` for no restriction. Anything else, such as a forgotten `return`, is an error, and nothing is written.
 * A store that is not an SQL database takes expressions of its own kind.
 */
export type ScopeRule<P extends Principal, DB> = (
  eb: ScopeBuilder<DB>,
  context: OperationContext<P, DB>,
) => ScopeExpression<DB>;

type ScopeBuilder<DB> = DB extends Native<unknown> ? unknown : ExpressionBuilder<DB, keyof DB>;
type ScopeExpression<DB> = DB extends Native<unknown> ? unknown : Expression<SqlBool> | true;

/** A key of several columns. If only a list of names is given instead, the client's id holds their values, separated by `.`. */
export interface CompositeId<P extends Principal> {
  readonly columns: readonly string[];
  /** Returns the columns' values, in order, from the id or from the principal. Any other number of values is INVALID_DATA. */
  readonly split: (id: string, context: SplitContext<P>) => readonly unknown[];
}

/** Who sent the row. For the rows of a dead letter, this is the letter's sender, as far as the letter stores the principal: at least the `userId`. */
export interface SplitContext<P extends Principal> {
  readonly principal: P;
}

/**
 * A column that stores another key of the row it refers to than the one that clients send, for example a sequential id
 * instead of a UUID. A value that matches no row is FOREIGN_KEY_VIOLATION.
 */
export interface Reference {
  /** The table that is referred to, `name` or `schema.name`. */
  readonly table: string;
  /** The column of that table that holds what the client sends. */
  readonly match: string;
  /** The column of that table whose value is stored. */
  readonly take: string;
}

/** The row that a column refers to. The caller must be allowed to write it by its own rule's `owner`, `scope` and `belongsTo`. */
export interface Parent {
  /** The client's name of the parent's table: a key of `tables`. */
  readonly table: string;
  /** The column of the parent that is referred to. Default: the key of the parent's rule. */
  readonly by?: string;
  /** If true, the column may be NULL, and the row is then not checked by this column. Default: NULL is outside the scope. */
  readonly optional?: boolean;
}

/**
 * A rule says who may write the table, by `owner`, `scope`, `belongsTo`, `authorize` or `access: "everyone"`. A rule with none of them is refused at the
 * start, unless `rls` or a global `authorize` decides. All other options have defaults: every operation is allowed, on every column of the table.
 */
export interface TableRule<P extends Principal, DB> {
  /** The table in the source database, `name` or `schema.name`. Default: the rule's name in `tables`. */
  readonly table?: string;
  /** The column, or columns, that store the client's `id`. The database must enforce that they are unique. Default `id`. */
  readonly id?: string | readonly string[] | CompositeId<P>;
  /** The columns that clients may write, by the client's names. Default: all columns of the table, except those that the server sets. */
  readonly columns?: readonly string[] | Readonly<Record<string, ColumnRule<P, DB>>>;
  /** Columns that the server sets on every PUT and PATCH. Values that a client sends for them are refused. */
  readonly set?: Readonly<Record<string, SetColumn<P, DB>>>;
  /** Columns that the server sets if a PUT inserts the row; an existing row keeps its values. Values that a client sends for them are refused. */
  readonly setOnInsert?: Readonly<Record<string, SetColumn<P, DB>>>;
  /**
   * Columns that a client may set only with the PUT that inserts the row. A later write that would change one is FORBIDDEN_COLUMN; one that repeats the
   * stored value is not. The statement that writes the row makes the comparison.
   */
  readonly insertOnly?: readonly string[];
  /**
   * A Standard Schema (zod, valibot, arktype, …) for what a client sends for a row, by the client's names, before it is mapped. A row that it refuses is
   * INVALID_DATA, with the schema's issues in the details. A PUT must match the whole schema, a PATCH its `partial()`; if the schema has no such method,
   * give `{ put, patch }`. The schema's output is not used.
   */
  readonly validate?: StandardSchema | RowSchemas;
  /** The operations that clients may send; any other is FORBIDDEN_OPERATION. Default: all three. */
  readonly operations?: readonly Operation[];
  /** Shorthand for a scope: this column must hold the caller's `userId`. It is set if a PUT leaves it out. */
  readonly owner?: string;
  /**
   * Shorthand for a scope: columns of this table, each with the table that it refers to. The row referred to must be in the scope of its own rule, whose
   * `authorize` is not called. With `{ list_id: "lists" }`, a caller who may write a list may write its todos, and can't move them to a list of others.
   * If a table refers to itself, one level is checked: the parent row's `owner`, `scope` and other parents.
   */
  readonly belongsTo?: Readonly<Record<string, string | Parent>>;
  /** Must hold for the stored row and for the row after the write; otherwise UNAUTHORIZED. A function, or what `anyOf`, `isOwner` and `isMember` return. */
  readonly scope?: ScopeRule<P, DB> | ScopeCondition;
  /** Throws, for example `fatal('UNAUTHORIZED', …)`, to refuse a write. Runs inside the transaction, before the write; `context.stored()` reads the row. */
  readonly authorize?: (write: Write, context: OperationContext<P, DB>) => void | Promise<void>;
  /** `everyone`: every authenticated caller may write every row. For a table that has none of the four options above. */
  readonly access?: "everyone";
  /**
   * What a PUT does to an existing row. `merge` (default) changes only the sent columns. `replace` also sets the rule's other listed columns to NULL.
   * `insert` changes nothing: if the row holds what was sent, the PUT is success, otherwise UNIQUE_VIOLATION.
   */
  readonly put?: "merge" | "replace" | "insert";
  /** Makes DELETE an update of these columns: a soft delete. Clients may not write them, unless `columns` lists them. */
  readonly delete?: {
    readonly set: Readonly<Record<string, SetColumn<P, DB>>>;
  };
  /** What happens to a write to a row that others have changed since the device saw it. Default: the last write wins, column by column. */
  readonly conflict?: ConflictRule<P, DB>;
  /**
   * Replaces the `persist` layer for this table. `next` runs the default. A global `persist` runs before this one, and its `next` runs this one.
   * Only the default enforces the scope.
   */
  readonly persist?: (
    write: Write,
    context: OperationContext<P, DB>,
    next: (write: Write) => Promise<WriteOutcome>,
  ) => WriteOutcome | Promise<WriteOutcome>;
  /** What happens to a sent column that the rule does not allow: FORBIDDEN_COLUMN (`reject`, default), or its value is left out (`ignore`). */
  readonly unknownColumns?: "reject" | "ignore";
  /**
   * What happens to a client's value with more digits, of a decimal or of a second, than its column is declared to keep: it is rounded as the database
   * itself rounds (`false`, default), or it is INVALID_DATA (`true`). If the option is given, `check()` no longer names such columns. Values that identify a
   * row (a key, `owner`, a column of `belongsTo` or `references`) are never rounded.
   */
  readonly exact?: boolean;
  /** If true, PATCH and DELETE of a row outside the scope are answered as if the row did not exist. Default false. */
  readonly hideForeign?: boolean;
}

/**
 * Returns the table rules that it is given. A wrong option, table or column name does not compile. The tables are those of Kysely's `Database` type.
 *
 * If callbacks use more of the principal than `userId`, name its type as well: `defineTables<Database, Caller>()`.
 *
 * @example
 * const tables = defineTables<Database>()({
 *   lists: { owner: "owner_id" },
 *   todos: { columns: ["list_id", "description"], belongsTo: { list_id: "lists" } },
 * });
 */
export function defineTables<DB, P extends Principal = Principal>() {
  return <Names extends string, ClientColumns extends PropertyKey>(tables: {
    readonly [Name in Names]: KnownRule<DB, P, Name, NoInfer<Names>, ClientColumns>;
  }): Readonly<Record<Names, TableRule<P, DB>>> =>
    // Safe, because each known rule is also a table rule.
    tables as unknown as Readonly<Record<Names, TableRule<P, DB>>>;
}

type TableName<DB> = keyof DB & string;
type ColumnName<DB, Table> = Table extends keyof DB ? keyof DB[Table] & string : never;
type AnyColumn<DB> = { [Table in TableName<DB>]: ColumnName<DB, Table> }[TableName<DB>];

/** A rule on the table of its own name, or on the table that its `table` option names. */
type KnownRule<
  DB,
  P extends Principal,
  Name,
  Names extends string,
  ClientColumns extends PropertyKey,
> =
  | (Name extends TableName<DB>
      ? RuleOn<DB, P, ColumnName<DB, Name>, Names, ClientColumns> & { readonly table?: never }
      : never)
  | {
      [Table in TableName<DB>]: RuleOn<DB, P, ColumnName<DB, Table>, Names, ClientColumns> & {
        readonly table: Table;
      };
    }[TableName<DB>];

type Named =
  | "table"
  | "id"
  | "columns"
  | "set"
  | "setOnInsert"
  | "insertOnly"
  | "owner"
  | "belongsTo"
  | "scope"
  | "conflict"
  | "delete";

interface RuleOn<
  DB,
  P extends Principal,
  Column extends string,
  Names extends string,
  ClientColumns extends PropertyKey,
> extends Omit<TableRule<P, DB>, Named> {
  readonly id?: Column | readonly Column[] | KnownId<P, Column>;
  readonly columns?:
    | readonly Column[]
    | {
        readonly [Name in ClientColumns]?: Name extends Column
          ? true | Column | KnownColumn<DB, P, Column>
          : Renamed<DB, P, Column> | MemberOfList<Name>;
      };
  readonly set?: KnownSet<P, DB, Column>;
  readonly setOnInsert?: KnownSet<P, DB, Column>;
  readonly insertOnly?: readonly Column[];
  readonly owner?: Column;
  readonly belongsTo?: { readonly [Name in Column]?: Names | KnownParent<DB, Names> };
  readonly scope?: ScopeRule<P, DB> | KnownCondition<DB, Column>;
  readonly conflict?: KnownConflict<P, DB, Column, TableName<DB>>;
  readonly delete?: { readonly set: KnownSet<P, DB, Column> };
}

type KnownSet<P extends Principal, DB, Column extends string> = {
  readonly [Name in Column]?: SetColumn<P, DB>;
};

type KnownCondition<DB, Column extends string> =
  | { readonly isOwner: Column }
  | { readonly isMember: KnownMembers<DB, Column> }
  | { readonly anyOf: readonly KnownCondition<DB, Column>[] };

type KnownMembers<DB, Column extends string> = {
  [Table in TableName<DB>]: MemberTable & {
    readonly table: Table;
    readonly row: ColumnName<DB, Table>;
    readonly user: ColumnName<DB, Table>;
    readonly by?: Column;
  };
}[TableName<DB>];

interface KnownId<P extends Principal, Column extends string> extends CompositeId<P> {
  readonly columns: readonly Column[];
}

interface KnownColumn<DB, P extends Principal, Column extends string> extends Omit<
  ClientColumn<P, DB>,
  "column" | "references"
> {
  readonly column?: Column;
  readonly references?: KnownReference<DB>;
}

/** A client's column that has another name in the source database. */
type Renamed<DB, P extends Principal, Column extends string> =
  | Column
  | (KnownColumn<DB, P, Column> & { readonly column: Column });

/** To the compiler, a list of columns is an object with the members of an array, so these names must be allowed as well. */
type MemberOfList<Name> = Name extends symbol
  ? unknown
  : Name extends Exclude<keyof (readonly string[]), number>
    ? number | ((...args: never) => unknown)
    : never;

type KnownReference<DB> = {
  [Table in TableName<DB>]: Reference & {
    readonly table: Table;
    readonly match: ColumnName<DB, Table>;
    readonly take: ColumnName<DB, Table>;
  };
}[TableName<DB>];

interface KnownParent<DB, Names extends string> extends Parent {
  readonly table: Names;
  readonly by?: AnyColumn<DB>;
}
