/** Reads a table's traits on MySQL and MariaDB, including the user's rights. A trigger can refuse a row there, but never skip it. */
import { type RawBuilder, sql } from "kysely";
import type { SourceTable, SqlTransaction, Traits } from "../table.js";

interface TraitsRow {
  readonly name: string;
  readonly view: number;
  readonly privileges: string;
  /** The columns of the primary key, with NUL between them. */
  readonly key: string | null;
  /** Whether its only unique index is the primary key. */
  readonly alone: number;
  /** Whether it surely has no triggers, and can be rolled back. */
  readonly untriggered: number;
  /** The unique indexes: lines of a name and a column, separated by NUL. */
  readonly uniques: string | null;
  /** The checks: lines of a name and a condition, separated by NUL. */
  readonly checks: string | null;
}

const none: ReadonlySet<never> = new Set();

/** Only users who may create triggers can see them. If rights can be revoked in part, a global one may not hold for this database, and only SHOW GRANTS says so. */
const toldOfTriggers = (schema: RawBuilder<unknown>, name: RawBuilder<unknown>) => {
  const host = sql`substring_index(current_user(), '@', -1)`;
  const user = sql`left(current_user(), char_length(current_user()) - char_length(${host}) - 1)`;
  const me = sql`concat(quote(${user}), '@', quote(${host}))`;
  const granted = (view: string, on: RawBuilder<unknown>) => sql`exists (
      select 1 from information_schema.${sql.id(view)} p where p.grantee = ${me} and p.privilege_type = 'TRIGGER' and ${on}
    )`;
  return sql`(${granted("user_privileges", sql`true /*!80016 and not @@partial_revokes */`)}
    or ${granted("schema_privileges", sql`${schema} like p.table_schema`)}
    or ${granted("table_privileges", sql`p.table_schema = ${schema} and p.table_name = ${name}`)})`;
};

/** One statement. */
export async function readTraits(tx: SqlTransaction, source: SourceTable): Promise<Traits> {
  // Each view is filtered by constants: joined by columns, MariaDB would examine every table of every database.
  const schema = source.schema === undefined ? sql`database()` : sql`${sql.lit(source.schema)}`;
  const name = sql`${sql.lit(source.name)}`;
  const indexes = sql`from information_schema.statistics s where s.table_schema = ${schema} and s.table_name = ${name}`;
  const { rows } = await sql<TraitsRow>`
    select c.column_name as name, c.privileges as privileges, t.table_type = 'VIEW' as ${sql.id("view")},
      k.columns as ${sql.id("key")}, t.table_type = 'BASE TABLE' and t.engine = 'InnoDB' and k.untriggered as untriggered, k.alone as alone,
      k.uniques as uniques, k.checks as checks
    from information_schema.columns c
    join information_schema.tables t on t.table_schema = ${schema} and t.table_name = ${name}
    join (select
      (select group_concat(s.column_name order by s.seq_in_index separator '\0') ${indexes} and s.index_name = 'PRIMARY') as columns,
      (select count(distinct s.index_name) ${indexes} and s.non_unique = 0) = 1 as alone, ${toldOfTriggers(schema, name)} and not exists (
        select 1 from information_schema.triggers g where g.event_object_schema = ${schema} and g.event_object_table = ${name}
      ) as untriggered,
      (select group_concat(s.index_name, '\0', s.column_name order by s.index_name, s.seq_in_index separator '\0\0') ${indexes}
        and s.non_unique = 0) as uniques,
      coalesce(null
        /*M!100222 , (select group_concat(o.constraint_name, '\0', o.check_clause separator '\0\0')
          from information_schema.check_constraints o
          where o.constraint_schema = ${schema} and o.table_name = ${name}) */
        /*!80016 , (select group_concat(o.constraint_name, '\0', o.check_clause separator '\0\0')
          from information_schema.check_constraints o
          join information_schema.table_constraints n on n.constraint_schema = o.constraint_schema
            and n.constraint_name = o.constraint_name and n.constraint_type = 'CHECK'
          where n.table_schema = ${schema} and n.table_name = ${name}) */
      ) as checks
    ) k
    where c.table_schema = ${schema} and c.table_name = ${name}
  `.execute(tx.withoutPlugins());
  const [first] = rows;
  const key = first?.key?.split("\0");
  const may = (privilege: string) =>
    new Set(rows.filter((row) => row.privileges.includes(privilege)).map((row) => row.name));
  const updatable = may("update");
  const isUntriggered = Number(first?.untriggered) === 1;
  const isAlike = isUntriggered && key !== undefined && Number(first?.alone) === 1;
  const isView = rows.some(({ view }) => Number(view) === 1);
  return {
    constraints: constraintsOf(
      first,
      rows.map((row) => row.name),
    ),
    declining: none,
    rewritten: none,
    // An upsert of an existing row runs the triggers for INSERT, too.
    ...(isUntriggered && { untriggered: true as const, keys: key === undefined ? [] : [key] }),
    ...(isAlike && { alike: new Set(["insert"] as const) }),
    view: isView,
    ...(isView && { shows: "others" as const }),
    lockable: updatable.size > 0,
    versioned: false,
    rowSecurity: false,
    readable: may("select"),
    updatable,
  };
}

/** The server truncates a list that is too long. Errors about the missing entries then name no column. */
function constraintsOf(
  { uniques, checks }: Pick<TraitsRow, "uniques" | "checks"> = { uniques: null, checks: null },
  columns: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [name, clause] of pairsOf(checks)) {
    const named = columns.filter((column) =>
      clause.includes(`\`${column.replaceAll("`", "``")}\``),
    );
    found.set(name, named);
  }
  for (const [name, column] of pairsOf(uniques))
    found.set(name, [...(found.get(name) ?? []), column]);
  return found;
}

function pairsOf(listed: string | null): readonly (readonly [name: string, what: string])[] {
  return (listed ?? "").split("\0\0").flatMap((each) => {
    const [name, what] = each.split("\0");
    return name === undefined || what === undefined ? [] : [[name, what] as const];
  });
}
