/** Reads a table's traits on SQL Server: the login's rights, and the triggers. */
import { type RawBuilder, sql } from "kysely";
import type { SourceTable, SqlTransaction, Traits, Verb } from "../table.js";
import { objectName } from "./family.js";
import { objectId } from "./schema.js";

interface TraitsRow {
  readonly kind: "object" | "column" | "trigger" | "unique" | "check" | "reference" | "run";
  readonly name: string;
  /** A constraint's column, a check's condition, or a right of the login on the column or object. */
  readonly detail: string | null;
}

const none: ReadonlySet<Verb> = new Set();
const verbs: readonly Verb[] = ["insert", "update", "delete"];

/** Converts names, because the catalog has another collation than most databases. */
function text(value: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`convert(nvarchar(max), ${value}) collate database_default`;
}

/** One statement. An index with IGNORE_DUP_KEY skips a row without an error, as a trigger may. */
export async function readTraits(tx: SqlTransaction, source: SourceTable): Promise<Traits> {
  const id = objectId(source);
  const name = objectName(source);
  const may = (permission: string) =>
    sql`coalesce(has_perms_by_name(${name}, 'OBJECT', ${permission}), 0)`;
  const mayColumn = (permission: string) =>
    sql`coalesce(has_perms_by_name(${name}, 'OBJECT', ${permission}, c.name, 'COLUMN'), 0)`;
  const { rows } = await sql<TraitsRow>`
    select 'object' as kind, ${text(sql`o.type`)} as name,
      ${text(sql`concat(${may("INSERT")}, ${may("DELETE")}, ${may("VIEW DEFINITION")})`)} as detail, 0 as nr
    from sys.objects as o where o.object_id = ${id}
    union all
    select 'column', ${text(sql`c.name`)}, ${text(sql`concat(${mayColumn("SELECT")}, ${mayColumn("UPDATE")})`)}, 0
    from sys.columns as c where c.object_id = ${id}
    union all
    select 'trigger', ${text(sql`e.type_desc`)}, null, 0
    from sys.triggers as t join sys.trigger_events as e on e.object_id = t.object_id
    where t.parent_id = ${id} and t.is_disabled = 0
    union all
    select 'trigger', 'INSERT', null, 0
    from sys.indexes as d where d.object_id = ${id} and d.ignore_dup_key = 1
    union all
    select 'unique', ${text(sql`i.name`)}, ${text(sql`c.name`)}, x.key_ordinal
    from sys.indexes as i
    join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0
    join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id
    where i.object_id = ${id} and i.is_unique = 1 and i.name is not null
    union all
    select 'check', ${text(sql`k.name`)}, ${text(sql`k.definition`)}, 0
    from sys.check_constraints as k where k.parent_object_id = ${id}
    union all
    select 'reference', ${text(sql`f.name`)}, ${text(sql`c.name`)}, x.constraint_column_id
    from sys.foreign_keys as f
    join sys.foreign_key_columns as x on x.constraint_object_id = f.object_id
    join sys.columns as c on c.object_id = x.parent_object_id and c.column_id = x.parent_column_id
    where f.parent_object_id = ${id}
    union all
    ${runKeys(id)}
    order by kind, name, nr
  `.execute(tx.withoutPlugins());
  const of = (kind: TraitsRow["kind"]) => rows.filter((row) => row.kind === kind);
  const [object] = of("object");
  const [mayInsert, mayDelete, sees] = object?.detail ?? "";
  const columns = of("column");
  const allowed = (at: number) =>
    new Set(columns.filter(({ detail }) => detail?.at(at) === "1").map((row) => row.name));
  const updatable = allowed(1);
  const triggered = new Set(of("trigger").map((row) => row.name.toLowerCase()));
  // A login that may not see the table's definition can't see its triggers.
  const declining = sees === "1" ? verbs.filter((verb) => triggered.has(verb)) : verbs;
  const isView = object?.name.trim() !== "U";
  const [key, ...more] = of("run");
  const isAlike =
    key !== undefined && more.length === 0 && declining.length === 0 && mayInsert === "1";
  return {
    declining: new Set(declining),
    rewritten: none,
    ...(isAlike && { keys: [[key.name]], alike: new Set(["insert"] as const) }),
    view: isView,
    ...(isView && { shows: "others" as const }),
    lockable: !isView,
    versioned: false,
    rowSecurity: false,
    may: new Set([
      ...(mayInsert === "1" ? ["insert" as const] : []),
      ...(updatable.size > 0 ? ["update" as const] : []),
      ...(mayDelete === "1" ? ["delete" as const] : []),
    ]),
    readable: allowed(0),
    updatable,
    constraints: constraintsOf(
      [...of("unique"), ...of("reference")],
      of("check"),
      columns.map((row) => row.name),
    ),
  };
}

/**
 * The columns of the unique indexes of a table that a MERGE may write to: one row means that nothing is unique but a key of one column. Without any for tables
 * and indexes of special kinds; for rules, which MERGE refuses; and where one row may depend on another: by a foreign key to the same table, or by a function
 * that is called in a definition. Such a function has a name of two parts, which the catalog puts in brackets.
 */
function runKeys(id: RawBuilder<number>): RawBuilder<unknown> {
  const calls = (definition: string) => sql`charindex('].', ${sql.ref(definition)}) > 0`;
  return sql`select 'run', ${text(sql`c.name`)}, null, 0
    from sys.tables as t
    join sys.indexes as i on i.object_id = t.object_id and i.is_unique = 1
    join sys.index_columns as x on x.object_id = i.object_id and x.index_id = i.index_id and x.key_ordinal > 0
    join sys.columns as c on c.object_id = x.object_id and c.column_id = x.column_id
    where t.object_id = ${id} and t.temporal_type = 0 and t.is_memory_optimized = 0
      and not exists (
        select 1 from sys.indexes as o where o.object_id = t.object_id
          and (o.type > 2 or o.has_filter = 1 or o.is_disabled = 1 or o.is_hypothetical = 1 or o.ignore_dup_key = 1)
      )
      and not exists (select 1 from sys.columns as r where r.object_id = t.object_id and r.rule_object_id <> 0)
      and not exists (
        select 1 from sys.foreign_keys as f where f.parent_object_id = t.object_id and f.referenced_object_id = t.object_id
      )
      and not exists (select 1 from sys.check_constraints as k where k.parent_object_id = t.object_id and ${calls("k.definition")})
      and not exists (select 1 from sys.default_constraints as d where d.parent_object_id = t.object_id and ${calls("d.definition")})
      and not exists (select 1 from sys.computed_columns as m where m.object_id = t.object_id and ${calls("m.definition")})
      and not exists (select 1 from sys.security_predicates as p where p.target_object_id = t.object_id)`;
}

function constraintsOf(
  listed: readonly TraitsRow[],
  checks: readonly TraitsRow[],
  columns: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const { name, detail } of listed)
    found.set(name, [...(found.get(name) ?? []), detail ?? ""]);
  for (const { name, detail } of checks)
    found.set(
      name,
      columns.filter((column) => detail?.includes(`[${column.replaceAll("]", "]]")}]`)),
    );
  return found;
}
