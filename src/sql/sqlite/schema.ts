/** Reads a table's columns and keys from SQLite. Also represents its rows as texts, to detect changes. */
import { type Expression, type RawBuilder, sql } from "kysely";
import type { Column, ForeignKey } from "../../store/tables.js";
import type { Constraints } from "../dialect.js";
import { type ForeignKeyColumn, foreignKeysOf } from "../schema.js";
import type { SourceTable, SqlTransaction } from "../table.js";

interface TableInfoRow {
  readonly name: string;
  readonly type: string;
  readonly required: Flag;
  readonly defaulted: Flag;
  /** The position in the primary key, from 1; 0 if it is not part of it. */
  readonly pk: Flag;
  /** 1: hidden, in a virtual table. 2 and 3: generated. */
  readonly hidden: Flag;
  /** Whether the table is STRICT, and WITHOUT ROWID. */
  readonly strict: Flag;
  readonly wr: Flag;
}

/** A number or a bigint, depending on the driver's settings. */
type Flag = number | bigint | null;

/** Reads the columns with one statement. The table is found as in any statement, in `temp`, `main` and attached files, unless it has a schema. */
export async function readColumns(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<readonly Column[]> {
  const { name, schema = null } = table;
  const { rows } = await sql<TableInfoRow>`
    select x.name, lower(trim(x.type)) as type, x."notnull" as required, x.dflt_value is not null as defaulted,
      x.pk, x.hidden, l.strict, l.wr
    from pragma_table_xinfo(${name}, ${schema}) as x
    left join (
      select strict, wr from pragma_table_list(${name}) where schema = coalesce(${schema}, schema)
      order by schema = 'temp' desc, schema = 'main' desc limit 1
    ) as l
    where x.hidden <> 1
    order by x.cid
  `.execute(tx.withoutPlugins());
  const keyColumns = rows.filter(({ pk }) => is(pk)).length;
  return rows.map((row) => toColumn(row, keyColumns === 1));
}

function is(flag: Flag): boolean {
  return Number(flag) !== 0;
}

/** A type with its sizes, as in `decimal(10, 2) unsigned`. */
const sized = /^([^(]*)\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\)([^)]*)$/;

function toColumn(row: TableInfoRow, soleKey: boolean): Column {
  const [, before = row.type, first, second, behind = ""] = sized.exec(row.type) ?? [];
  const type = `${before.trimEnd()}${behind}`.replace(/\s+/g, " ");
  // SQLite assigns the value of a key that is the rowid.
  const rowid = type === "integer" && soleKey && is(row.pk) && !is(row.wr);
  return {
    name: row.name,
    // In a STRICT table, ANY stores values unchanged, like a column without a type. Elsewhere ANY has no meaning.
    type: type === "any" && is(row.strict) ? "" : type,
    array: false,
    ...declaredSizes(type, first, second),
    nullable: !is(row.required),
    hasDefault: is(row.defaulted) || rowid,
    generated: is(row.hidden),
    ...(rowid && { nullReplaced: true, numbered: { end: 2n ** 63n - 1n } }),
  };
}

/** The numbers of a type that limit its values. Those of INT(11) and FLOAT(53) do not. */
function declaredSizes(
  type: string,
  first: string | undefined,
  second = "0",
): Pick<Column, "length" | "precision" | "scale"> {
  if (first === undefined) return {};
  if (/char|binary/.test(type)) return { length: Number(first) };
  return /^(?:numeric|dec|number)/.test(type)
    ? { precision: Number(first), scale: Number(second) }
    : {};
}

/** Reads the unique keys, and the columns whose collation treats different texts as equal. Three statements: for indexes, columns, and a comparison. */
export async function readConstraints(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<Constraints> {
  const { name, schema = null } = table;
  const on = tx.withoutPlugins();
  // The primary key first, because a key that is the rowid has no index.
  const indexes = await sql<{ index: string; column: string | null }>`
    select ${sql.id("index")}, ${sql.id("column")} from (
      select '' as ${sql.id("index")}, name as ${sql.id("column")}, pk as nr
      from pragma_table_xinfo(${name}, ${schema}) where pk > 0
      union all
      select l.name, i.name, i.seqno
      from pragma_index_list(${name}, ${schema}) as l, pragma_index_info(l.name, ${schema}) as i
      where l.${sql.id("unique")} = 1 and l.partial = 0
    ) order by 1, nr
  `.execute(on);
  const unique = new Map<string, string[]>();
  for (const { index, column } of indexes.rows) {
    unique.set(index, [...(unique.get(index) ?? []), column ?? ""]);
  }
  const columns = await sql<{ name: string; kind: string | null }>`
    select x.name, (
      select type from pragma_table_list(${name}) where schema = coalesce(${schema}, schema)
      order by schema = 'temp' desc, schema = 'main' desc limit 1
    ) as kind
    from pragma_table_xinfo(${name}, ${schema}) as x where x.hidden <> 1
  `.execute(on);
  return {
    ...(columns.rows[0]?.kind === "table" && { unique: [...unique.values()] }),
    inexact: await inexactOf(
      on,
      table,
      columns.rows.map((column) => column.name),
    ),
  };
}

export async function readForeignKeys(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<readonly ForeignKey[]> {
  const { name, schema = null } = table;
  // If the foreign key names no columns, it refers to the other table's key.
  const { rows } = await sql<ForeignKeyColumn>`
    select f.id, f.${sql.id("from")} as ${sql.id("column")}, f.${sql.id("table")} as ${sql.id("table")},
      coalesce(f.${sql.id("to")}, (
        select x.name from pragma_table_xinfo(f.${sql.id("table")}, ${schema}) as x where x.pk = f.seq + 1
      )) as ${sql.id("by")}
    from pragma_foreign_key_list(${name}, ${schema}) as f
    order by f.id, f.seq
  `.execute(tx.withoutPlugins());
  return foreignKeysOf(rows);
}

/** SQLite does not report a column's collation, but applies it to a text that stands for the column. */
async function inexactOf(
  tx: SqlTransaction,
  { name, schema }: SourceTable,
  columns: readonly string[],
): Promise<ReadonlySet<string>> {
  if (columns.length === 0) return new Set();
  const source = schema === undefined ? sql.id(name) : sql.id(schema, name);
  const tests = columns.map(
    (column, index) => sql`
      select ${sql.lit(index)} as nr
      from (select ${sql.id(column)} as c from ${source} where 0 union all select 'a') as x
      where x.c = 'A' or x.c = 'a '`,
  );
  const inexact = new Set<string>();
  // In groups, because a compound SELECT has a limit.
  for (let first = 0; first < tests.length; first += 100) {
    const some = sql.join(tests.slice(first, first + 100), sql` union all `);
    const { rows } = await sql<{ nr: number | bigint }>`${some}`.execute(tx);
    for (const { nr } of rows) inexact.add(columns[Number(nr)] ?? "");
  }
  return inexact;
}

/** Each value's type and bytes. Bytes, because `quote` ends a text at NUL; but only `quote` returns all digits of a number. */
export function fingerprint(columns: readonly Column[]): readonly Expression<string | null>[] {
  return columns.map(({ name }) => {
    const column = sql.id(name);
    return sql<string>`case typeof(${column}) when 'real' then quote(${column})
      else typeof(${column}) || hex(${column}) end`;
  });
}

/** See `Dialect.columnNames`. */
export function columnNames({ schema, name }: SourceTable, nr: number): RawBuilder<unknown> {
  return sql`select ${sql.lit(nr)} as nr, x.name as name from pragma_table_xinfo(${name}, ${schema ?? null}) as x`;
}
