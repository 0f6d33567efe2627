/** Finds foreign keys that wait for COMMIT, as a part of the statement that reads a table's traits. */
import { type RawBuilder, sql } from "kysely";
import type { SourceTable } from "../dialect.js";

/**
 * Table expressions for WITH: `foreign_keys`; and `reached`, the table and those whose rows change with its rows by a foreign key's action. Only the text
 * of a table tells which keys wait, so all keys of a table whose text has the keyword count. Other attached files are not examined.
 */
export function reaching({ name, schema }: SourceTable): RawBuilder<unknown> {
  const schemas = new Set(["main", "temp", ...(schema === undefined ? [] : [schema])]);
  const own = [...schemas].map((each) => ({
    each,
    catalog: each === "temp" ? sql.id("sqlite_temp_schema") : sql.id(each, "sqlite_schema"),
  }));
  const keys = own.map(
    ({ each, catalog }) => sql`
      select m.name, f.${sql.id("table")},
        f.on_delete not in ('NO ACTION', 'RESTRICT') or f.on_update not in ('NO ACTION', 'RESTRICT'),
        m.sql like '%initially%deferred%'
      from ${catalog} as m, pragma_foreign_key_list(m.name, ${sql.lit(each)}) as f where m.type = 'table'`,
  );
  const triggers = own.map(
    ({ catalog }) => sql`select tbl_name from ${catalog} where type = 'trigger'`,
  );
  const named = sql.join([...schemas].map((each) => sql.lit(each)));
  return sql`
    foreign_keys (source, target, cascades, waits) as (
      ${sql.join(keys, sql` union all `)}
      union all select null, null, 0, 1 from pragma_database_list where name not in (${named})
    ), triggers (tbl_name) as (${sql.join(triggers, sql` union all `)}),
    reached (name) as (
      select ${name}
      union select f.source from reached join foreign_keys f on f.target = reached.name collate nocase where f.cascades
    )`;
}

/** A `DeferredPlace`. @param waits of a row of `foreign_keys` */
export function deferredPlace(waits: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case
    when not exists (select 1 from foreign_keys where ${waits}) then 'none'
    when exists (select 1 from reached r join triggers t on t.tbl_name = r.name collate nocase)
      or exists (
        select 1 from reached r join foreign_keys f on f.source = r.name collate nocase or f.target = r.name collate nocase
        where ${waits}
      ) then 'here'
    else 'elsewhere' end`;
}
