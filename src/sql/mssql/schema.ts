/** Reads a table's columns and keys from SQL Server's catalog. Also hashes its rows. */
import { type Expression, type RawBuilder, sql } from "kysely";
import type { Column, ForeignKey } from "../../store/tables.js";
import type { Constraints } from "../dialect.js";
import { type ForeignKeyColumn, foreignKeysOf } from "../schema.js";
import type { SourceTable, SqlTransaction } from "../table.js";
import { objectName } from "./family.js";
import { textBytes } from "./operators.js";
import { charsetOf } from "./text.js";

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  /** In bytes; -1: `max`. */
  readonly size: number;
  readonly digits: number;
  readonly scale: number;
  readonly collation: string | null;
  readonly page: number | null;
  readonly nullable: boolean;
  readonly counts: boolean;
  readonly computed: boolean;
  /** Whether it is a period column of a temporal table. */
  readonly period: number;
  /** 0: there is none. */
  readonly default: number;
  /** Absent for a login that may not see the table's definition. */
  readonly defaulted: string | null;
  readonly json: number;
}

/** The table's name as any statement resolves it: in the login's default schema unless one is named. */
export function objectId(table: SourceTable): RawBuilder<number> {
  return sql<number>`object_id(${objectName(table)})`;
}

/** In lower case and with one collation, because names and definitions may have different collations in the catalog. */
function folded(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`lower(${text}) collate Latin1_General_BIN2`;
}

/** One statement. A column is found even if the login may not see its type. */
export async function readColumns(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<readonly Column[]> {
  const { rows } = await sql<ColumnRow>`
    select c.name as name, coalesce(b.name, t.name, '') as type, c.max_length as size, c.precision as digits, c.scale as scale,
      c.collation_name as collation, convert(int, collationproperty(c.collation_name, 'CodePage')) as page,
      c.is_nullable as nullable, c.is_identity as counts, c.is_computed as computed, c.generated_always_type as period,
      c.default_object_id as [default], d.definition as defaulted,
      case when exists (
        select 1 from sys.check_constraints as k where k.parent_object_id = c.object_id
          and charindex(${folded(sql`'isjson(' + quotename(c.name)`)}, ${folded(sql`k.definition`)}) > 0
      ) then 1 else 0 end as json
    from sys.columns as c
    left join sys.types as t on t.user_type_id = c.user_type_id
    left join sys.types as b on b.user_type_id = c.system_type_id
    left join sys.default_constraints as d on d.object_id = c.default_object_id
    where c.object_id = ${objectId(table)}
    order by c.column_id
  `.execute(tx.withoutPlugins());
  return rows.map(toColumn);
}

/** The collations of columns of text. */
const collations = new WeakMap<Column, string>();

export function collationOfColumn(column: Column): string | undefined {
  return collations.get(column);
}

/** Columns that accept a value only after `set identity_insert`. */
const identities = new WeakSet<Column>();

export function isIdentity(column: Column): boolean {
  return identities.has(column);
}

function toColumn(row: ColumnRow): Column {
  const type = row.type === "timestamp" ? "rowversion" : row.type;
  const counted = row.counts || /\bnext value for\b/i.test(row.defaulted ?? "");
  const column: Column = {
    name: row.name,
    type: Number(row.json) === 1 ? "json" : type,
    array: false,
    ...sizesOf(row),
    ...charsetOfRow(row),
    nullable: row.nullable,
    hasDefault: Number(row.default) !== 0 || row.counts,
    generated: row.computed || Number(row.period) !== 0 || type === "rowversion",
    ...(counted && { numbered: { end: endOf(row) } }),
  };
  if (row.counts) identities.add(column);
  // It is written into statements.
  if (row.collation !== null && /^\w+$/.test(row.collation)) collations.set(column, row.collation);
  return column;
}

const decimals: ReadonlySet<string> = new Set(["decimal", "numeric", "money", "smallmoney"]);
const clocks: ReadonlySet<string> = new Set(["time", "datetime2", "datetimeoffset"]);
const texts: ReadonlySet<string> = new Set(["char", "varchar", "nchar", "nvarchar"]);
const binaries: ReadonlySet<string> = new Set(["binary", "varbinary"]);

function sizesOf({ type, size, digits, scale }: ColumnRow): Partial<Column> {
  if (decimals.has(type)) return { precision: Number(digits), scale: Number(scale) };
  if (clocks.has(type)) return { scale: Number(scale) };
  if (!texts.has(type) && !binaries.has(type)) return {};
  if (Number(size) < 0) return {};
  return { length: type.startsWith("n") ? Number(size) / 2 : Number(size) };
}

function charsetOfRow({ type, collation, page }: ColumnRow): Partial<Column> {
  const narrow = type === "char" || type === "varchar" || type === "text";
  return narrow && collation !== null && page !== null
    ? { charset: charsetOf(Number(page), collation) }
    : {};
}

const countingBits: Readonly<Record<string, bigint>> = { tinyint: 8n, smallint: 15n, int: 31n };

function endOf({ type, digits }: ColumnRow): bigint {
  return decimals.has(type) ? 10n ** BigInt(digits) - 1n : 2n ** (countingBits[type] ?? 63n) - 1n;
}

/** See `Dialect.columnNames`. */
export function columnNames(table: SourceTable, nr: number): RawBuilder<unknown> {
  return sql`select ${sql.lit(nr)} as nr, c.name as name from sys.columns as c where c.object_id = ${objectId(table)}`;
}

/** Collations that distinguish all characters. */
const exactCollation = /_BIN2?(?:_UTF8)?$|_CS_AS/;

/** Reads the unique keys, and the columns whose collation treats different texts as equal. Three statements. */
export async function readConstraints(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<Constraints> {
  const on = tx.withoutPlugins();
  const id = objectId(table);
  const indexes = await sql<{ index: number; column: string }>`
    select i.index_id as [index], c.name as [column]
    from sys.indexes as i
    join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0
    join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id
    where i.object_id = ${id} and i.is_unique = 1 and i.has_filter = 0 and i.is_disabled = 0 and i.is_hypothetical = 0
    order by i.is_primary_key desc, i.index_id, x.key_ordinal
  `.execute(on);
  const unique = Map.groupBy(indexes.rows, ({ index }) => Number(index));
  const columns = await sql<{ name: string; collation: string; kind: string }>`
    select c.name as name, c.collation_name as collation, o.type as kind
    from sys.columns as c
    join sys.objects as o on o.object_id = c.object_id
    where c.object_id = ${id}
  `.execute(on);
  const inexact = columns.rows.filter(
    ({ collation }) => collation !== null && !exactCollation.test(collation),
  );
  return {
    ...(columns.rows[0]?.kind.trim() === "U" && {
      unique: [...unique.values()].map((each) => each.map(({ column }) => column)),
    }),
    inexact: new Set(inexact.map(({ name }) => name)),
  };
}

export async function readForeignKeys(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<readonly ForeignKey[]> {
  const { rows } = await sql<ForeignKeyColumn>`
    select f.object_id as id, c.name as [column], r.name as [table], b.name as [by]
    from sys.foreign_keys as f
    join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id
    join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id
    join sys.objects as r on r.object_id = x.referenced_object_id
    join sys.columns as b on b.object_id = x.referenced_object_id and b.column_id = x.referenced_column_id
    where f.parent_object_id = ${objectId(table)} and f.is_disabled = 0
    order by f.object_id, x.constraint_column_id
  `.execute(tx.withoutPlugins());
  return foreignKeysOf(rows);
}

/** The hash of each column's bytes, or of the text that contains all its digits. */
export function fingerprint(columns: readonly Column[]): readonly Expression<string | null>[] {
  return columns.map(
    (column) =>
      sql<string | null>`convert(varchar(64), hashbytes('SHA2_256', ${comparedBytes(column)}), 2)`,
  );
}

/** The styles with which `convert` returns all digits of a value. */
const styles: Readonly<Record<string, number>> = {
  money: 2,
  smallmoney: 2,
  float: 3,
  real: 3,
  date: 121,
  time: 121,
  datetime: 121,
  datetime2: 121,
  datetimeoffset: 121,
  smalldatetime: 121,
};

function comparedBytes({ name, type }: Column): RawBuilder<unknown> {
  const column = sql.id(name);
  if (binaries.has(type) || type === "image" || type === "rowversion")
    return sql`convert(varbinary(max), ${column})`;
  const style = Object.hasOwn(styles, type) ? styles[type] : undefined;
  return style === undefined
    ? textBytes(column)
    : sql`convert(varbinary(max), convert(nvarchar(64), ${column}, ${sql.lit(style)}))`;
}
