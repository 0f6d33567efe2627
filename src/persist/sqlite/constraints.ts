/** What SQLite holds unique in a table, and compares by more than its letters. */
import { sql } from "kysely";
import type { Connection, Constraints, SourceTable } from "../dialect.js";

/** A statement for the indexes, one for the columns, and one that compares. */
export async function readConstraints(tx: Connection, table: SourceTable): Promise<Constraints> {
  const { name, schema = null } = table;
  const on = tx.withoutPlugins();
  // Its own key first: one that stands for the rowid has no index.
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

/** A column's collation is told nowhere; but a text that stands in the column's place is compared by it. */
async function inexactOf(
  tx: Connection,
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
  // One statement for so many: a compound of them has a limit.
  for (let first = 0; first < tests.length; first += 100) {
    const some = sql.join(tests.slice(first, first + 100), sql` union all `);
    const { rows } = await sql<{ nr: number | bigint }>`${some}`.execute(tx);
    for (const { nr } of rows) inexact.add(columns[Number(nr)] ?? "");
  }
  return inexact;
}
