/** Reads a table's traits: its kind, and the role's rights, as far as they decide which statements to use. */
import { sql } from "kysely";
import type { DeferredPlace } from "../../store/tables.js";
import type { SourceTable, SqlTransaction, Traits, Verb } from "../table.js";
import { parsedJson, quoted } from "./schema.js";

interface TraitsRow {
  /** JSON, which some connections return as text. */
  readonly declining: readonly Verb[] | string;
  readonly rewritten: readonly Verb[] | string;
  readonly keys:
    | readonly {
        readonly name: string;
        readonly columns: readonly string[];
        readonly immediate: boolean;
        /** Not a partition's table, although an error names that. */
        readonly own: boolean;
      }[]
    | string;
  readonly constraints: Readonly<Record<string, readonly string[]>> | string;
  readonly readable: readonly string[] | string;
  readonly updatable: readonly string[] | string;
  readonly may: readonly Verb[] | string;
  readonly table: boolean;
  readonly shows: string;
  readonly simple: boolean;
  readonly partial: boolean;
  readonly inherited: boolean;
  readonly instead: boolean;
  readonly secured: boolean;
  readonly changeable: boolean;
  readonly stricter: boolean;
  readonly inserts_alike: boolean;
  readonly deletes_alike: boolean;
  readonly declared: DeferredPlace;
  readonly asked: DeferredPlace;
}

/** The bits of `pg_relation_is_updatable`: UPDATE and INSERT. */
const simply = 4 + 8;

/** The value for a view of one table without WHERE. */
const unfiltered = String.raw`:fromlist \(\{RANGETBLREF :rtindex \d+\}\) :quals <>\}`;

/** A `DeferredPlace`. A write also changes rows through the actions of foreign keys. What triggers, rules and other servers do is not known. */
const deferredPlace = (waits: "condeferred" | "condeferrable") => sql`case
  when not exists (select from pg_catalog.pg_constraint o where o.${sql.id(waits)}) then 'none'
  when (select writes from further) or exists (
    select from unnest(array(select oid from reached)) as r (oid)
    join pg_catalog.pg_constraint o on r.oid in (o.conrelid, o.confrelid) where o.${sql.id(waits)}
  ) then 'here'
  else 'elsewhere' end`;

/**
 * Reads the traits with one statement. Results of a recursion are put into an array, for which the planner expects few rows. For the recursion itself it
 * expects thousands, and the server would then compile the statement, which takes longer than the rest of an upload.
 *
 * A view has the policies of its tables, for the view's owner or the current role; with views of views, all of them count. The triggers of the tables that a
 * view reads, and of a partitioned table's partitions, run, too.
 */
export async function readTraits(tx: SqlTransaction, table: SourceTable): Promise<Traits> {
  const { rows } = await sql<TraitsRow>`
    with recursive behind (oid) as (
      select to_regclass(${quoted(table)}::text)::oid
      union
      select more.oid from behind, lateral (
        select d.refobjid as oid
        from pg_catalog.pg_rewrite r
        join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
          and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype = 'n'
        where r.ev_class = behind.oid and r.ev_type = '1'
        union all
        select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = behind.oid
      ) more
    ), triggers as (
      select t.tgtype, t.tgrelid from behind join pg_catalog.pg_trigger t on t.tgrelid = behind.oid
      where not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 1 = 1 and t.tgtype & 66 <> 0
    ), rules as (
      select distinct case r.ev_type when '2' then 'update' when '3' then 'insert' else 'delete' end as verb
      from behind join pg_catalog.pg_rewrite r on r.ev_class = behind.oid
      where r.ev_type <> '1' and r.ev_enabled <> 'D'
    ), policies as (
      select p.polcmd as cmd, p.polpermissive as permissive, pg_get_expr(p.polqual, p.polrelid) as qual,
        coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid)) as checked
      from pg_catalog.pg_policy p
      where p.polrelid = to_regclass(${quoted(table)}::text) and (
        p.polroles = '{0}' or exists (
          select from unnest(p.polroles) as r (oid) where r.oid <> 0 and pg_has_role(r.oid, 'usage')
        )
      )
    ), alike as (
      select
        k.relkind = 'r' and not row_security_active(k.oid)
          and not exists (select from behind b join pg_catalog.pg_trigger t on t.tgrelid = b.oid where not t.tgisinternal and t.tgenabled <> 'D')
          and not exists (select from behind b where b.oid <> k.oid)
          and not exists (select from pg_catalog.pg_rewrite r where r.ev_class = k.oid)
          and not exists (select from pg_catalog.pg_constraint f where f.contype = 'f' and f.conrelid = k.oid and f.confrelid = k.oid)
          and not exists (
            select from pg_catalog.pg_attribute a join pg_catalog.pg_type o on o.oid = a.atttypid
            join pg_catalog.pg_type d on d.oid in (o.oid, o.typelem)
            where a.attrelid = k.oid and a.attnum > 0 and not a.attisdropped and d.typtype = 'd'
          )
          and not exists (
            select from pg_catalog.pg_depend d where d.refclassid = 'pg_catalog.pg_proc'::regclass and (
              d.classid = 'pg_catalog.pg_constraint'::regclass and d.objid in (select f.oid from pg_catalog.pg_constraint f where f.conrelid = k.oid)
              or d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid in (select f.oid from pg_catalog.pg_attrdef f where f.adrelid = k.oid)
              or d.classid = 'pg_catalog.pg_class'::regclass and d.objid in (select i.indexrelid from pg_catalog.pg_index i where i.indrelid = k.oid)
            )
          ) as rows,
        (select count(*) from pg_catalog.pg_index i where i.indrelid = k.oid and (i.indisunique or i.indisexclusion)) = 1 as keyed,
        not exists (
          select from pg_catalog.pg_constraint f where f.contype = 'f' and f.confrelid = k.oid and f.confdeltype not in ('a', 'r')
        ) as unreferred
      from pg_catalog.pg_class k where k.oid = to_regclass(${quoted(table)}::text)
    ), edges (parent, child) as (
      select f.confrelid, f.conrelid from pg_catalog.pg_constraint f
      where f.contype = 'f' and (f.confdeltype not in ('a', 'r') or f.confupdtype not in ('a', 'r'))
      union all
      select i.inhparent, i.inhrelid from pg_catalog.pg_inherits i
    ), reached (oid) as (
      select unnest(array(select oid from behind))
      where exists (select from pg_catalog.pg_constraint o where o.condeferrable)
      union
      select e.child from reached join edges e on e.parent = reached.oid
    ), further (writes) as (
      select exists (
        select from unnest(array(select oid from reached)) as r (oid) join pg_catalog.pg_class k on k.oid = r.oid
        where k.relkind = 'f'
          or exists (select from pg_catalog.pg_trigger t where t.tgrelid = k.oid and not t.tgisinternal and t.tgenabled <> 'D')
          or exists (select from pg_catalog.pg_rewrite w where w.ev_class = k.oid and w.ev_type <> '1' and w.ev_enabled <> 'D')
      )
    ), verbs (verb, bit) as (values ('insert', 4), ('delete', 8), ('update', 16))
    select
      (select coalesce(json_agg(v.verb), '[]') from verbs v
        where exists (select from triggers t where t.tgtype & v.bit <> 0) or v.verb in (select verb from rules)) as declining,
      (select coalesce(json_agg(verb), '[]') from rules) as rewritten,
      (select coalesce(json_agg(json_build_object('name', x.relname, 'immediate', i.indimmediate, 'own', i.indrelid = c.oid, 'columns', (
          select json_agg(a.attname order by k.nr)
          from unnest(i.indkey::int2[]) with ordinality as k (attnum, nr)
          join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
          where k.nr <= i.indnkeyatts
        ))), '[]')
        from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
        where (i.indrelid = c.oid or c.relkind = 'p' and i.indrelid in (select relid from pg_partition_tree(c.oid)))
          and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null) as keys,
      (select coalesce(json_object_agg(o.conname, (
          select json_agg(a.attname order by k.nr)
          from unnest(o.conkey) with ordinality as k (attnum, nr)
          join pg_catalog.pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.attnum
        )), '{}')
        from pg_catalog.pg_constraint o
        where o.conrelid = c.oid and o.contype in ('c', 'f', 'x') and cardinality(o.conkey) > 0) as constraints,
      (select coalesce(json_agg(a.attname) filter (where has_column_privilege(c.oid, a.attnum, 'select')), '[]')
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as readable,
      (select coalesce(json_agg(a.attname) filter (where has_column_privilege(c.oid, a.attnum, 'update')), '[]')
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as updatable,
      (select coalesce(json_agg(v.verb), '[]') from (values
          ('insert', 8, has_any_column_privilege(c.oid, 'insert')),
          ('update', 4, has_any_column_privilege(c.oid, 'update')),
          ('delete', 16, has_table_privilege(c.oid, 'delete'))
        ) as v (verb, bit, granted)
        where v.granted and (pg_relation_is_updatable(c.oid, true) & v.bit <> 0 or v.verb in (select verb from rules))) as may,
      (select json_agg(oid::text) from behind) as shows,
      c.relkind in ('r', 'p') as ${sql.id("table")},
      c.relkind = 'v' and pg_relation_is_updatable(c.oid, false) & ${sql.lit(simply)} = ${sql.lit(simply)} as simple,
      exists (
        select from behind join pg_catalog.pg_rewrite r on r.ev_class = behind.oid
        where r.ev_type = '1' and r.ev_action::text !~ ${sql.lit(unfiltered)}
      ) as partial,
      c.relkind = 'r' and exists (select from pg_catalog.pg_inherits i where i.inhparent = c.oid) as inherited,
      exists (select from triggers t where t.tgtype & 64 <> 0) as instead,
      case when c.relkind in ('r', 'p') then row_security_active(c.oid)
        else exists (
          select from behind join pg_catalog.pg_class b on b.oid = behind.oid, pg_catalog.pg_roles o
          where b.relrowsecurity and o.oid = c.relowner and case
            when exists (select from behind v join pg_catalog.pg_class w on w.oid = v.oid where w.relkind = 'v' and w.oid <> c.oid) then true
            when exists (select from pg_options_to_table(c.reloptions) where option_name = 'security_invoker' and option_value::boolean)
              then row_security_active(b.oid)
            else not o.rolsuper and not o.rolbypassrls and (b.relforcerowsecurity or not pg_has_role(o.oid, b.relowner, 'usage'))
          end
        ) end as secured,
      exists (select from policies where cmd in ('w', '*') and permissive) as changeable,
      exists (
        select from policies i where i.cmd in ('a', '*') and i.permissive and not exists (
          select from policies s where s.cmd in ('r', '*') and s.permissive and s.qual = i.checked
        )
      ) or exists (select from policies where cmd in ('r', '*') and not permissive) as stricter,
      (select rows and keyed from alike) as inserts_alike,
      (select rows and unreferred from alike) as deletes_alike,
      ${deferredPlace("condeferred")} as declared,
      ${deferredPlace("condeferrable")} as asked
    from pg_catalog.pg_class c
    where c.oid = to_regclass(${quoted(table)}::text)
  `.execute(tx.withoutPlugins());
  const [row] = rows;
  if (row === undefined) return unknown;
  const updatable = parsedJson(row.updatable);
  const keys = parsedJson(row.keys);
  const isUpsertable = row.simple && !row.instead;
  return {
    declining: new Set(parsedJson(row.declining)),
    rewritten: new Set(parsedJson(row.rewritten)),
    // A simple view has the keys of its table.
    ...(!isUpsertable && {
      // A key does not cover the rows of inheriting tables.
      keys: keys
        .filter(({ immediate, own }) => immediate && own && !row.inherited)
        .map(({ columns }) => columns),
    }),
    constraints: new Map([
      ...Object.entries(parsedJson(row.constraints)),
      ...keys.map(({ name, columns }) => [name, columns] as const),
    ]),
    alike: new Set<Verb>([
      ...(row.inserts_alike ? (["insert"] as const) : []),
      ...(row.deletes_alike ? (["delete"] as const) : []),
    ]),
    view: !row.table,
    shows: new Set(parsedJson(row.shows)),
    partial: row.partial,
    lockable: (row.table || row.simple) && updatable.length > 0,
    versioned: row.table,
    deferred: { declared: row.declared, asked: row.asked },
    may: new Set(parsedJson(row.may)),
    rowSecurity: row.secured,
    stricterUpsert: row.secured && (row.stricter || !row.table),
    readable: new Set(parsedJson(row.readable)),
    // Without a policy for UPDATE, nobody can change a row.
    updatable: new Set(row.table && row.secured && !row.changeable ? [] : updatable),
  };
}

/** The traits of a table that was dropped after its columns were read. */
const unknown: Traits = {
  declining: new Set(),
  rewritten: new Set(),
  lockable: false,
  versioned: false,
  rowSecurity: false,
};
