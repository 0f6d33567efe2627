/** Reads a table's traits on SQL Server: the login's rights, and the triggers. */
import { type RawBuilder, sql } from "kysely";
import type { SourceTable, SqlTransaction, Traits, Verb } from "../table.js";
import { objectName } from "./family.js";
import { objectId } from "./schema.js";

interface TraitsRow {
  readonly kind: "object" | "column" | "trigger" | "unique" | "check" | "reference";
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
  return {
    declining: new Set(declining),
    rewritten: none,
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
