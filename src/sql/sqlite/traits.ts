/** What a table is to SQLite, as far as the statements must follow it. */
import { sql } from "kysely";
import type { SourceTable, SqlTransaction } from "../dialect.js";
import type { Traits, Verb } from "../traits.js";

interface TraitsRow {
  readonly kind: string;
  readonly triggered: number | bigint;
}

const verbs: ReadonlySet<Verb> = new Set<Verb>(["insert", "update", "delete"]);
const none: ReadonlySet<Verb> = new Set();

/** One statement. Which operation a trigger is for stands in its text alone; so any may be. */
export async function readTraits(
  tx: SqlTransaction,
  { name, schema }: SourceTable,
): Promise<Traits> {
  const from = (catalog: string) =>
    sql`exists (select 1 from ${sql.id(catalog)} where type = 'trigger' and tbl_name = ${name} collate nocase)`;
  const its =
    schema === undefined
      ? sql`0`
      : sql`exists (
    select 1 from ${sql.id(schema, "sqlite_schema")} where type = 'trigger' and tbl_name = ${name} collate nocase)`;
  const { rows } = await sql<TraitsRow>`
    select type as kind, ${from("sqlite_schema")} or ${from("sqlite_temp_schema")} or ${its} as triggered
    from pragma_table_list(${name}) where ${sql.id("schema")} = coalesce(${schema ?? null}, ${sql.id("schema")})
    order by ${sql.id("schema")} = 'temp' desc, ${sql.id("schema")} = 'main' desc limit 1
  `.execute(tx.withoutPlugins());
  const [row] = rows;
  const isView = row?.kind === "view";
  return {
    declining: Number(row?.triggered) === 1 || isView ? verbs : none,
    rewritten: none,
    // A view takes no upsert.
    ...(isView && { keys: [] }),
    lockable: !isView,
    versioned: false,
    rowSecurity: false,
  };
}
