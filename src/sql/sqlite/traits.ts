/** Reads a table's traits, as far as they decide which statements to use. */
import { type RawBuilder, sql } from "kysely";
import type { DeferredPlace } from "../../store/tables.js";
import type { SourceTable, SqlTransaction, Traits, Verb } from "../table.js";

interface TraitsRow {
  readonly kind: string;
  readonly triggered: number | bigint;
  /** Whether the table's text may contain ON CONFLICT. */
  readonly resolving: number | bigint;
  /** Whether it has no unique index except its key's, and does not refer to itself. */
  readonly alike: number | bigint;
  /** The database file in which it was found. */
  readonly place: string;
  readonly declared: DeferredPlace;
  readonly asked: DeferredPlace;
}

const verbs: ReadonlySet<Verb> = new Set<Verb>(["insert", "update", "delete"]);
const none: ReadonlySet<Verb> = new Set();

/** One statement. Only a trigger's text tells its operation, so a trigger counts for all operations. */
export async function readTraits(tx: SqlTransaction, source: SourceTable): Promise<Traits> {
  const { name, schema } = source;
  const anywhere = (condition: RawBuilder<unknown>) => {
    const catalogs = [sql.id("sqlite_schema"), sql.id("sqlite_temp_schema")];
    if (schema !== undefined) catalogs.push(sql.id(schema, "sqlite_schema"));
    return sql`(${sql.join(
      catalogs.map((catalog) => sql`exists (select 1 from ${catalog} where ${condition})`),
      sql` or `,
    )})`;
  };
  const triggered = anywhere(sql`type = 'trigger' and tbl_name = ${name} collate nocase`);
  const resolving = anywhere(
    sql`type = 'table' and name = ${name} collate nocase and sql like '%on%conflict%'`,
  );
  const { rows } = await sql<TraitsRow>`
    with recursive ${reachedTables(source)}
    select type as kind, ${triggered} as triggered, ${resolving} as resolving, ${sql.id("schema")} as place,
      ${deferredPlace(sql`waits`)} as declared, ${deferredPlace(sql`1`)} as asked,
      not exists (select 1 from pragma_index_list(${name}, ${schema ?? null}) where ${sql.id("unique")} = 1 and origin <> 'pk')
      and not exists (
        select 1 from pragma_foreign_key_list(${name}, ${schema ?? null}) where ${sql.id("table")} = ${name} collate nocase
      ) as alike
    from pragma_table_list(${name}) where ${sql.id("schema")} = coalesce(${schema ?? null}, ${sql.id("schema")})
    order by ${sql.id("schema")} = 'temp' desc, ${sql.id("schema")} = 'main' desc limit 1
  `.execute(tx.withoutPlugins());
  const [row] = rows;
  const isView = row?.kind === "view";
  const declining = Number(row?.triggered) === 1 || isView ? verbs : none;
  const isAlike = row?.kind === "table" && declining.size === 0 && Number(row.alike) === 1;
  // Keys and triggers in another file are not known.
  const isLookedAt = row === undefined || ["main", "temp", schema].includes(row.place);
  return {
    deferred: isLookedAt
      ? { declared: row?.declared ?? "none", asked: row?.asked ?? "none" }
      : { declared: "here", asked: "here" },
    declining,
    rewritten: none,
    ...(isAlike && { alike: new Set(["insert"] as const) }),
    ...(declining.size === 0 && row?.kind === "table" && { untriggered: true as const }),
    // What a statement says would apply to the statements of its triggers as well.
    ...(declining.size === 0 &&
      Number(row?.resolving) === 1 && { resolvesConflicts: true as const }),
    // A view does not accept upserts.
    ...(isView && { keys: [], shows: "others" as const }),
    lockable: !isView,
    versioned: false,
    rowSecurity: false,
  };
}

/**
 * Table expressions for WITH: `foreign_keys`; and `reached`, the table and those whose rows change with its rows by a foreign key's action. Only the text
 * of a table tells which keys wait, so all keys of a table whose text has the keyword count. Other attached files are not examined.
 */
function reachedTables({ name, schema }: SourceTable): RawBuilder<unknown> {
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

/** A `DeferredPlace`. @param waits the condition on a row of `foreign_keys` that the key waits */
function deferredPlace(waits: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case
    when not exists (select 1 from foreign_keys where ${waits}) then 'none'
    when exists (select 1 from reached r join triggers t on t.tbl_name = r.name collate nocase)
      or exists (
        select 1 from reached r join foreign_keys f on f.source = r.name collate nocase or f.target = r.name collate nocase
        where ${waits}
      ) then 'here'
    else 'elsewhere' end`;
}
