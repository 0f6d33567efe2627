/** What the connection's user may do with a table's columns on MySQL and MariaDB. There, a trigger can refuse a row and never pass over it. */
import { sql } from "kysely";
import type { SourceTable, SqlTransaction } from "../dialect.js";
import type { Traits } from "../traits.js";

interface PrivilegeRow {
  readonly name: string;
  readonly view: number;
  readonly privileges: string;
}

const none: ReadonlySet<never> = new Set();

/** One statement. */
export async function readTraits(
  tx: SqlTransaction,
  { schema, name }: SourceTable,
): Promise<Traits> {
  // As constants on each of the views: joined by its columns, MariaDB looks at every table of every database.
  const place = schema === undefined ? sql`database()` : sql.lit(schema);
  const table = sql.lit(name);
  const { rows } = await sql<PrivilegeRow>`
    select c.column_name as name, c.privileges as privileges, t.table_type = 'VIEW' as ${sql.id("view")}
    from information_schema.columns c
    join information_schema.tables t on t.table_schema = ${place} and t.table_name = ${table}
    where c.table_schema = ${place} and c.table_name = ${table}
  `.execute(tx.withoutPlugins());
  const may = (privilege: string) =>
    new Set(rows.filter((row) => row.privileges.includes(privilege)).map((row) => row.name));
  const updatable = may("update");
  return {
    declining: none,
    rewritten: none,
    view: rows.some(({ view }) => Number(view) === 1),
    lockable: updatable.size > 0,
    versioned: false,
    rowSecurity: false,
    readable: may("select"),
    updatable,
  };
}
