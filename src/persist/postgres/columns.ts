/** What Postgres says a table's columns are. */
import { sql } from "kysely";
import type { Column, Connection, SourceTable } from "../dialect.js";

interface Row {
  readonly name: string;
  readonly type: string;
  readonly array: boolean;
  readonly modifier: number;
  readonly nullable: boolean;
  readonly defaulted: boolean;
  readonly generated: boolean;
}

/** One statement on the connection it is given. The table is found as a statement would find it, by the search path unless it has a schema. */
export async function readColumns(tx: Connection, table: SourceTable): Promise<readonly Column[]> {
  const { rows } = await sql<Row>`
    select
      a.attname as name,
      coalesce(element.typname, base.typname) as type,
      element.oid is not null as array,
      base.modifier,
      not a.attnotnull as nullable,
      a.atthasdef or a.attidentity <> '' as defaulted,
      a.attgenerated <> '' or a.attidentity = 'a' as generated
    from pg_catalog.pg_attribute a
    cross join lateral (
      with recursive up (oid, modifier) as (
        select a.atttypid, a.atttypmod
        union all
        select d.typbasetype, d.typtypmod from up join pg_catalog.pg_type d on d.oid = up.oid where d.typtype = 'd'
      )
      select t.typname, t.typelem, t.typcategory, up.modifier
      from up join pg_catalog.pg_type t on t.oid = up.oid
      where t.typtype <> 'd'
    ) base
    left join pg_catalog.pg_type element on element.oid = base.typelem and base.typcategory = 'A'
    where a.attrelid = to_regclass(${quoted(table)}::text) and a.attnum > 0 and not a.attisdropped
    order by a.attnum
  `.execute(tx.withoutPlugins());
  return rows.map(toColumn);
}

function toColumn({ name, type, array, modifier, nullable, defaulted, generated }: Row): Column {
  const scale = modifier >= 0 ? scaleOf(type, modifier) : undefined;
  const length =
    modifier >= 4 && (type === "varchar" || type === "bpchar") ? modifier - 4 : undefined;
  return {
    name,
    type,
    array,
    ...(scale !== undefined && { scale }),
    ...(length !== undefined && { length }),
    nullable,
    hasDefault: defaulted,
    generated,
  };
}

function scaleOf(type: string, modifier: number): number | undefined {
  switch (type) {
    case "numeric":
      // As information_schema computes `numeric_scale`: the lower 11 bits, signed, of the modifier less its 4-byte header.
      return (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
    case "timestamp":
    case "timestamptz":
    case "time":
    case "timetz":
      return modifier;
    case "interval":
      // The lower half; the upper one says which fields it has.
      return (modifier & 0xffff) === 0xffff ? undefined : modifier & 0xffff;
    default:
      return undefined;
  }
}

/** As SQL has it. */
export function quoted({ schema, name }: SourceTable): string {
  return [schema, name]
    .filter((part) => part !== undefined)
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join(".");
}
