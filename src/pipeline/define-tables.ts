/** `defineTables`: table rules whose names the compiler knows. */
import type { Principal } from "../context.js";
import type {
  ClientColumn,
  CompositeId,
  Parent,
  Reference,
  ServerColumn,
  TableRule,
} from "./table-rule.js";

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
  return <Names extends string, ClientColumns extends PropertyKey>(tables: {
    readonly [Name in Names]: KnownRule<DB, P, Name, NoInfer<Names>, ClientColumns>;
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
> =
  | (Name extends TableName<DB>
      ? RuleOn<DB, P, ColumnName<DB, Name>, Names, ClientColumns> & { readonly table?: never }
      : never)
  | {
      [Table in TableName<DB>]: RuleOn<DB, P, ColumnName<DB, Table>, Names, ClientColumns> & {
        readonly table: Table;
      };
    }[TableName<DB>];

type Named = "table" | "id" | "columns" | "owner" | "belongsTo" | "delete";

interface RuleOn<
  DB,
  P extends Principal,
  Column extends string,
  Names extends string,
  ClientColumns extends PropertyKey,
> extends Omit<TableRule<P, DB>, Named> {
  readonly id?: Column | readonly Column[] | KnownId<Column>;
  readonly columns?:
    | readonly Column[]
    | {
        readonly [Name in ClientColumns]?: Name extends Column
          ? true | Column | KnownColumn<DB, P, Column> | ServerColumn<P, DB>
          : Renamed<DB, P, Column> | MemberOfList<Name>;
      };
  readonly owner?: Column;
  readonly belongsTo?: { readonly [Name in Column]?: Names | KnownParent<DB, Names> };
  readonly delete?: {
    readonly set: { readonly [Name in Column]?: ServerColumn<P, DB>["set"] };
  };
}

interface KnownId<Column extends string> extends CompositeId {
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
