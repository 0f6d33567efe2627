/** What Postgres holds unique in a table, and compares by more than its letters. */
import { sql } from "kysely";
import type { Connection, Constraints, SourceTable } from "../dialect.js";
import { quoted } from "./columns.js";

interface Row {
  /** A view or a foreign table has no indexes of its own. */
  readonly plain: boolean;
  /** JSON, which some connections leave as its text. */
  readonly unique: readonly (readonly string[])[] | string;
  readonly inexact: readonly string[] | string;
}

/** One statement. */
export async function readConstraints(tx: Connection, table: SourceTable): Promise<Constraints> {
  // ON CONFLICT takes no index that is partial, of expressions, or deferrable.
  const { rows } = await sql<Row>`
    select
      c.relkind in ('r', 'p') as plain,
      coalesce((
        select json_agg((
          select json_agg(a.attname order by k.nr)
          from unnest(i.indkey::int2[]) with ordinality as k (attnum, nr)
          join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
          where k.nr <= i.indnkeyatts
        ))
        from pg_catalog.pg_index i
        where i.indrelid = c.oid and i.indisunique and i.indimmediate and i.indisvalid
          and i.indpred is null and i.indexprs is null
      ), '[]') as unique,
      coalesce((
        select json_agg(a.attname)
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_type t on t.oid = a.atttypid
        left join pg_catalog.pg_collation l on l.oid = a.attcollation
        where a.attrelid = c.oid and a.attnum > 0 and (t.typname = 'citext' or not l.collisdeterministic)
      ), '[]') as inexact
    from pg_catalog.pg_class c
    where c.oid = to_regclass(${quoted(table)}::text)
  `.execute(tx.withoutPlugins());
  const [row] = rows;
  return {
    ...(row?.plain && { unique: parsed(row.unique) }),
    inexact: new Set(row === undefined ? [] : parsed(row.inexact)),
  };
}

function parsed<T>(value: T | string): T {
  return typeof value === "string" ? (JSON.parse(value) as T) : value;
}
