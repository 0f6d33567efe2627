/** What a row is like, as MySQL or MariaDB itself says. */
import { type Expression, type RawBuilder, sql } from "kysely";
import type { Access, Column, Connection, SourceTable } from "../dialect.js";

/** Bytes, so that no character set stands against another; each value hashed by itself, so that no text grows beyond what the server allows. */
export function fingerprint(columns: readonly Column[]): readonly Expression<string | null>[] {
  const hashes = columns.map((column) => sql`ifnull(sha2(${bytesOf(column)}, 256), '-')`);
  return [sql<string>`sha2(concat_ws(',', ${sql.join(hashes)}), 256)`];
}

const geometry = /^(?:geometry|point|linestring|polygon|multi|geometrycollection|geomcollection)/;

function bytesOf({ name, type }: Column): RawBuilder<unknown> {
  const column = sql.id(name);
  if (geometry.test(type)) return sql`st_aswkb(${column})`;
  return type === "json" ? sql`cast(${column} as char)` : sql`cast(${column} as binary)`;
}

interface Row {
  readonly name: string;
  readonly privileges: string;
  readonly kind: string;
}

/** One statement. Views are not locked: not all of them can be. */
export async function access(tx: Connection, { schema, name }: SourceTable): Promise<Access> {
  const place = schema === undefined ? sql`database()` : sql.lit(schema);
  const table = sql.lit(name);
  const { rows } = await sql<Row>`
    select c.column_name as name, c.privileges as privileges, t.table_type as kind
    from information_schema.columns c
    join information_schema.tables t on t.table_schema = ${place} and t.table_name = ${table}
    where c.table_schema = ${place} and c.table_name = ${table}
  `.execute(tx.withoutPlugins());
  const may = (privilege: string) => rows.filter((row) => row.privileges.includes(privilege));
  return {
    readable: new Set(may("select").map((row) => row.name)),
    lockable: rows[0]?.kind === "BASE TABLE" && may("update").length > 0,
  };
}
