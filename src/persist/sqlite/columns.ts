/** What SQLite says a table's columns are. */
import { sql } from "kysely";
import type { Column, Connection, SourceTable } from "../dialect.js";

interface Row {
  readonly name: string;
  readonly type: string;
  readonly required: Flag;
  readonly defaulted: Flag;
  /** Its place in the primary key, from 1; 0 is outside. */
  readonly pk: Flag;
  /** 1: of a virtual table. 2 and 3: generated. */
  readonly hidden: Flag;
  /** Of the table: STRICT, and WITHOUT ROWID. */
  readonly strict: Flag;
  readonly wr: Flag;
}

/** By the driver's settings a number or a bigint. */
type Flag = number | bigint | null;

/** One statement. The table is found as a statement would find it, in `temp`, `main` and what is attached, unless it has a schema. */
export async function readColumns(tx: Connection, table: SourceTable): Promise<readonly Column[]> {
  const { name, schema = null } = table;
  const { rows } = await sql<Row>`
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

const declared = /^([^(]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\))?([^)]*)$/;

function toColumn(row: Row, soleKey: boolean): Column {
  const [, before = row.type, first, second, behind = ""] = declared.exec(row.type) ?? [];
  const type = `${before}${behind}`.replace(/\s+/g, " ");
  // SQLite assigns the value of a key that stands for the rowid.
  const rowid = type === "integer" && soleKey && is(row.pk) && !is(row.wr);
  return {
    name: row.name,
    // In a STRICT table ANY takes a value as it is, like a column without a type; elsewhere the word means nothing.
    type: type === "any" && is(row.strict) ? "" : type,
    array: false,
    ...sizes(type, first, second),
    nullable: !is(row.required),
    hasDefault: is(row.defaulted) || rowid,
    generated: is(row.hidden),
    ...(rowid && { nullReplaced: true }),
  };
}

/** The numbers behind a type that limit it; those of INT(11) or FLOAT(53) don't. */
function sizes(
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
