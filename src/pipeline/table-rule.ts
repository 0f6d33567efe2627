/** Who may write what: one rule for each table of the client's schema; and `defineTables`, for rules whose names the compiler knows. */
import type { Expression, ExpressionBuilder, SelectType, SqlBool } from "kysely";
import type { OperationContext, Principal } from "../context.js";
import type { Operation, Write, WriteOutcome } from "../model.js";
import type { Native } from "../store/store.js";
import type { MemberValue } from "../store/conditions.js";
import type { MemberTable, ScopeCondition } from "./conditions.js";
import type { ConflictRule, KnownConflict } from "./conflict/rule.js";
import type { RowSchemas, StandardSchema } from "./standard-schema.js";

/** What the server sets a column to: a value, a Kysely expression such as `sql\`now()\``, or a promise of one. */
export type SetColumn<P extends Principal, DB> = (context: OperationContext<P, DB>) => unknown;

export interface ClientColumn<P extends Principal, DB> {
  /** The source database's name for it, where it differs. */
  readonly column?: string;
  /** Looks up the value to store by the value sent. NULL stays NULL. One statement. */
  readonly references?: Reference;
  /** Makes the value to store of the value sent, or a promise of it. It is then converted by the column's type. */
  readonly convert?: (value: unknown, context: OperationContext<P, DB>) => unknown;
  /** `reject`: sending it is FORBIDDEN_COLUMN. `ignore`: it is left out, for clients that always send it. */
  readonly readOnly?: "reject" | "ignore";
  /** As `exact` of the rule, for this column. */
  readonly exact?: boolean;
}

/** `true`: as it is. Text: the source database's name. */
export type ColumnRule<P extends Principal, DB> = true | string | ClientColumn<P, DB>;

/**
 * A filter on the rule's own table: references without a table mean it; inside a subquery and in raw SQL, name the table.
 * It gives an expression, or `true` for no restriction; anything else, as a forgotten `return`, is an error, and nothing is written.
 * A store that is no SQL database takes an expression of its own kind.
 */
export type ScopeRule<P extends Principal, DB> = (
  eb: ScopeBuilder<DB>,
  context: OperationContext<P, DB>,
) => ScopeExpression<DB>;

type ScopeBuilder<DB> = DB extends Native<unknown> ? unknown : ExpressionBuilder<DB, keyof DB>;
type ScopeExpression<DB> = DB extends Native<unknown> ? unknown : Expression<SqlBool> | true;

/** A key of several columns. A list of names alone means that the client's id holds their values with a `.` between. */
export interface CompositeId<P extends Principal> {
  readonly columns: readonly string[];
  /** The columns' values, in order: of the id, or of the caller. Any other number of them is INVALID_DATA. */
  readonly split: (id: string, context: SplitContext<P>) => readonly unknown[];
}

/** Who sent the row. For what a dead letter would create, that is its sender, as far as the letter keeps who that was: at least the `userId`. */
export interface SplitContext<P extends Principal> {
  readonly principal: P;
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
  readonly id?: string | readonly string[] | CompositeId<P>;
  /** The columns that may be written, by the client's names. Default: all that the table has, but for those that the server sets. */
  readonly columns?: readonly string[] | Readonly<Record<string, ColumnRule<P, DB>>>;
  /** Columns that the server sets on every PUT and PATCH. What a client sends for them is refused. */
  readonly set?: Readonly<Record<string, SetColumn<P, DB>>>;
  /** Columns that the server sets where a PUT makes the row; one that exists keeps what it has. What a client sends for them is refused. */
  readonly setOnInsert?: Readonly<Record<string, SetColumn<P, DB>>>;
  /**
   * Columns that the client sets with the PUT that makes the row, and that stay as they are: what would change one is FORBIDDEN_COLUMN, what repeats
   * its value is not. The statement that writes the row decides.
   */
  readonly insertOnly?: readonly string[];
  /**
   * A Standard Schema (zod, valibot, arktype, …) for what a client sends for a row, by the client's names, before anything is made of it. What it refuses is
   * INVALID_DATA, with its issues in the details. A PUT must fit it whole, a PATCH its `partial()`; where it has none, give `{ put, patch }`. Only its
   * verdict counts: what it makes of the values is not used.
   */
  readonly validate?: StandardSchema | RowSchemas;
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
  /** Must hold on the stored row and on the row after the write; otherwise UNAUTHORIZED. A function, or what `anyOf`, `isOwner` and `isMember` give. */
  readonly scope?: ScopeRule<P, DB> | ScopeCondition;
  /** Throws (`fatal('UNAUTHORIZED', …)`) to refuse. Runs inside the transaction, before the write; `context.stored()` is the row as it is by then. */
  readonly authorize?: (write: Write, context: OperationContext<P, DB>) => void | Promise<void>;
  /** `everyone`: any caller that `authenticate` lets in may write every row. For a table that has none of the four options above. */
  readonly access?: "everyone";
  /**
   * A PUT of a row that exists: `merge` (default) changes the sent columns only, `replace` sets the rule's other listed columns to NULL. `insert`
   * changes nothing: where the row holds what was sent it is success, and otherwise UNIQUE_VIOLATION.
   */
  readonly put?: "merge" | "replace" | "insert";
  /** Makes DELETE an update of these columns: a soft delete. Clients may not write them, unless `columns` lists them. */
  readonly delete?: {
    readonly set: Readonly<Record<string, SetColumn<P, DB>>>;
  };
  /** What becomes of a write to a row that others have changed since the device saw it. Default: the last one to come wins, column by column. */
  readonly conflict?: ConflictRule<P, DB>;
  /**
   * Replaces the `persist` layer for this table. `next` runs the default. A global `persist` stands before it: its `next` runs this one.
   * The scope is held by the default alone.
   */
  readonly persist?: (
    write: Write,
    context: OperationContext<P, DB>,
    next: (write: Write) => Promise<WriteOutcome>,
  ) => WriteOutcome | Promise<WriteOutcome>;
  /** A column that may not be written: FORBIDDEN_COLUMN (`reject`, default), or left out (`ignore`). */
  readonly unknownColumns?: "reject" | "ignore";
  /**
   * What becomes of a client's value that has more digits than its column is declared to keep, of a decimal or of a second: rounded as the database
   * itself rounds (`false`, default), or INVALID_DATA (`true`). Said either way, `check()` names none of the columns. What identifies a row (a key,
   * `owner`, a column of `belongsTo` or `references`) is never rounded.
   */
  readonly exact?: boolean;
  /** PATCH and DELETE of a row outside the scope answer as if it did not exist. */
  readonly hideForeign?: boolean;
}

/**
 * Takes table rules and gives them back; a wrong option, table or column name does not compile. The tables are those of Kysely's `Database` type.
 *
 * Name the principal's type as well where callbacks use more of it than `userId`: `defineTables<Database, Caller>()`.
 *
 * @example
 * const tables = defineTables<Database>()({
 *   lists: { owner: "owner_id" },
 *   todos: { columns: ["list_id", "description"], belongsTo: { list_id: "lists" } },
 * });
 */
export function defineTables<DB, P extends Principal = Principal>() {
  return <
    Names extends string,
    ClientColumns extends PropertyKey,
    Held extends PropertyKey,
  >(tables: {
    readonly [Name in Names]: KnownRule<DB, P, Name, NoInfer<Names>, ClientColumns, Held>;
  }): Readonly<Record<Names, TableRule<P, DB>>> =>
    // Safe: each is a rule that says less.
    tables as unknown as Readonly<Record<Names, TableRule<P, DB>>>;
}

type TableName<DB> = keyof DB & string;
type ColumnName<DB, Table> = Table extends keyof DB ? keyof DB[Table] & string : never;
type AnyColumn<DB> = { [Table in TableName<DB>]: ColumnName<DB, Table> }[TableName<DB>];

/** A rule of that name, on the table of that name or on the one that it names itself. */
type KnownRule<
  DB,
  P extends Principal,
  Name,
  Names extends string,
  ClientColumns extends PropertyKey,
  Held extends PropertyKey,
> =
  | (Name extends TableName<DB>
      ? RuleOn<DB, P, ColumnName<DB, Name>, Names, ClientColumns, Held> & { readonly table?: never }
      : never)
  | {
      [Table in TableName<DB>]: RuleOn<DB, P, ColumnName<DB, Table>, Names, ClientColumns, Held> & {
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
  Held extends PropertyKey,
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
  readonly scope?: ScopeRule<P, DB> | KnownCondition<DB, Column, Held>;
  readonly conflict?: KnownConflict<P, DB, Column, TableName<DB>>;
  readonly delete?: { readonly set: KnownSet<P, DB, Column> };
}

type KnownSet<P extends Principal, DB, Column extends string> = {
  readonly [Name in Column]?: SetColumn<P, DB>;
};

type KnownCondition<DB, Column extends string, Held extends PropertyKey> =
  | { readonly isOwner: Column }
  | { readonly isMember: KnownMembers<DB, Column, Held> }
  | { readonly anyOf: readonly KnownCondition<DB, Column, Held>[] };

type KnownMembers<DB, Column extends string, Held extends PropertyKey> = {
  [Table in TableName<DB>]: MemberTable & {
    readonly table: Table;
    readonly row: ColumnName<DB, Table>;
    readonly user: ColumnName<DB, Table>;
    readonly by?: Column;
    readonly where?: {
      readonly [Name in Held]?: Name extends ColumnName<DB, Table>
        ? KnownValue<DB[Table][Name]> | readonly KnownValue<DB[Table][Name]>[]
        : never;
    };
  };
}[TableName<DB>];

/** What `where` may compare with, of what a column gives. */
type KnownValue<Given> = unknown extends Given
  ? MemberValue
  : Extract<SelectType<Given>, MemberValue>;

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

/** A client's column that goes by another name in the source database. */
type Renamed<DB, P extends Principal, Column extends string> =
  | Column
  | (KnownColumn<DB, P, Column> & { readonly column: Column });

/** A list of columns has these names as well, for the compiler. */
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
