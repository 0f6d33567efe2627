/** What MySQL or MariaDB holds unique in a table, and compares by more than its letters. */
import { sql } from "kysely";
import type { Connection, Constraints, SourceTable } from "../dialect.js";

interface Row {
  readonly kind: "table" | "collation" | "index";
  /** The index; or the column's collation. */
  readonly name: string | null;
  readonly column: string | null;
}

/** One statement. */
export async function readConstraints(tx: Connection, table: SourceTable): Promise<Constraints> {
  const name = sql.lit(table.name);
  const schema = table.schema === undefined ? sql`database()` : sql.lit(table.schema);
  const { rows } = await sql<Row>`
    select 'table' as kind, t.table_type as name, null as ${sql.id("column")}, 0 as nr
    from information_schema.tables t where t.table_schema = ${schema} and t.table_name = ${name}
    union all
    select 'collation', c.collation_name, c.column_name, 0
    from information_schema.columns c
    where c.table_schema = ${schema} and c.table_name = ${name} and c.collation_name is not null
    union all
    select 'index', s.index_name, s.column_name, s.seq_in_index
    from information_schema.statistics s
    where s.table_schema = ${schema} and s.table_name = ${name} and s.non_unique = 0
    order by kind, name, nr
  `.execute(tx.withoutPlugins());
  const indexes = new Map<string, string[]>();
  const inexact = new Set<string>();
  let plain = false;
  for (const { kind, name: named, column } of rows) {
    if (kind === "table") plain = named === "BASE TABLE";
    // By its name: `_bin` and `_cs` tell one letter from another.
    else if (kind === "collation" && column !== null && !/_(bin|cs)$/.test(named ?? "")) {
      inexact.add(column);
    } else if (kind === "index") {
      // Of an expression there is no column.
      indexes.set(named ?? "", [...(indexes.get(named ?? "") ?? []), column ?? ""]);
    }
  }
  return { ...(plain && { unique: [...indexes.values()] }), inexact };
}
