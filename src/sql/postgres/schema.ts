/** Reads a table from Postgres' catalog: columns, keys and grants. Also hashes its rows. */
import { type Expression, type RawBuilder, sql } from "kysely";
import { UnsuitableTable } from "../../store/failures.js";
import type { Column, ForeignKey } from "../../store/tables.js";
import type { Access, Constraints } from "../dialect.js";
import type { SourceTable, SqlTransaction } from "../table.js";

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly array: boolean;
  readonly modifier: number;
  readonly nullable: boolean;
  readonly defaulted: boolean;
  readonly generated: boolean;
  readonly numbered: boolean;
  /** The labels of an enumeration, as JSON, which some connections return as text. */
  readonly members: readonly string[] | string | null;
  /** Whether a text that is sent for a `jsonb` and for a `timestamptz` arrives unchanged. */
  readonly plain: boolean;
}

/**
 * Reads the columns with one statement on the given connection. The table is found as in any statement, by the search path unless it has a schema.
 *
 * @throws UnsuitableTable if the driver converts parameters by the types that the server reports
 */
export async function readColumns(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<readonly Column[]> {
  const { rows } = await sql<ColumnRow>`
    select
      a.attname as name,
      coalesce(element.typname, base.typname) as type,
      element.oid is not null as array,
      coalesce(element.modifier, base.modifier) as modifier,
      not a.attnotnull and not base.required as nullable,
      a.atthasdef or a.attidentity <> '' or own.typdefault is not null as defaulted,
      a.attgenerated <> '' or a.attidentity = 'a' as generated,
      a.attidentity <> '' or coalesce(pg_get_expr(f.adbin, f.adrelid), own.typdefault, '') like '%nextval(%' as numbered,
      case when base.typtype = 'e' then (
        select json_agg(e.enumlabel order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = base.oid
      ) end as members,
      jsonb_typeof(${"{}"}::jsonb) = 'object'
        and ${sentTime}::timestamptz = ${sql.lit(sentTime)}::timestamptz as plain
    from pg_catalog.pg_attribute a
    cross join lateral (
      with recursive up (oid, modifier, required) as (
        select a.atttypid, a.atttypmod, false
        union all
        select d.typbasetype, d.typtypmod, up.required or d.typnotnull
        from up join pg_catalog.pg_type d on d.oid = up.oid where d.typtype = 'd'
      )
      select t.oid, t.typtype, t.typname, t.typelem, t.typcategory, up.modifier, up.required
      from up join pg_catalog.pg_type t on t.oid = up.oid
      where t.typtype <> 'd'
    ) base
    join pg_catalog.pg_type own on own.oid = a.atttypid
    left join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum and a.attgenerated = ''
    left join lateral (
      with recursive up (oid, modifier) as (
        select base.typelem, base.modifier where base.typcategory = 'A'
        union all
        select d.typbasetype, d.typtypmod from up join pg_catalog.pg_type d on d.oid = up.oid where d.typtype = 'd'
      )
      select t.oid, t.typname, up.modifier from up join pg_catalog.pg_type t on t.oid = up.oid where t.typtype <> 'd'
    ) element on true
    where a.attrelid = to_regclass(${quoted(table)}::text) and a.attnum > 0 and not a.attisdropped
    order by a.attnum
  `.execute(tx.withoutPlugins());
  if (rows[0]?.plain === false) {
    throw new UnsuitableTable(
      "The driver changes the values that it is given: it stores JSON as a text, or a time by its milliseconds. Use Kysely's PostgresDialect with pg, or PGliteDialect; or have your driver pass on text as it is.",
    );
  }
  return rows.map(toColumn);
}

/** The driver must return the text unchanged. A driver that makes a Date of it would keep only milliseconds. */
const sentTime = "2000-01-02 03:04:05.000001+00";

function toColumn({
  name,
  type,
  array,
  modifier,
  nullable,
  defaulted,
  generated,
  numbered,
  members,
}: ColumnRow): Column {
  const scale = modifier >= 0 ? scaleOf(type, modifier) : undefined;
  // The upper half of the modifier, without its header.
  const precision = modifier >= 4 && type === "numeric" ? (modifier - 4) >> 16 : undefined;
  const length =
    modifier >= 4 && (type === "varchar" || type === "bpchar") ? modifier - 4 : undefined;
  const smallestUnit = modifier >= 0 && type === "interval" ? smallestUnitOf(modifier) : undefined;
  return {
    name,
    type,
    array,
    ...(scale !== undefined && { scale }),
    ...(precision !== undefined && { precision }),
    ...(length !== undefined && { length }),
    ...(smallestUnit && { smallestUnit }),
    nullable,
    hasDefault: defaulted,
    generated,
    ...(numbered && { numbered: { end: lastOf[type] ?? sequenceEnd } }),
    ...(members !== null && { members: parsedJson(members) }),
  };
}

const sequenceEnd = 2n ** 63n - 1n;
const lastOf: Readonly<Record<string, bigint>> = { int2: 2n ** 15n - 1n, int4: 2n ** 31n - 1n };

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
      // The lower half; the upper one contains the fields.
      return (modifier & 0xffff) === 0xffff ? undefined : modifier & 0xffff;
    default:
      return undefined;
  }
}

/** The bits of an interval's fields in the upper half of its modifier, the smallest first. If it has seconds, it keeps everything. */
const intervalFields: readonly (readonly [bit: number, unit: Column["smallestUnit"]])[] = [
  [12, undefined],
  [11, "minute"],
  [10, "hour"],
  [3, "day"],
  [1, "month"],
  [2, "year"],
];

function smallestUnitOf(modifier: number): Column["smallestUnit"] {
  return intervalFields.find(([bit]) => (modifier >> 16) & (1 << bit))?.[1];
}

/** The name in quotes, as in SQL. */
export function quoted({ schema, name }: SourceTable): string {
  return [schema, name]
    .filter((part) => part !== undefined)
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join(".");
}

interface ConstraintRow {
  /** Whether it can have indexes, unlike a view or a foreign table. */
  readonly plain: boolean;
  /** JSON, which some connections return as text. */
  readonly unique: readonly (readonly string[])[] | string;
  readonly inexact: readonly string[] | string;
}

/** Reads the unique keys, and the columns whose collation treats different texts as equal. One statement. */
export async function readConstraints(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<Constraints> {
  // No partial indexes or indexes on expressions. A deferrable one counts, although ON CONFLICT does not accept it.
  const { rows } = await sql<ConstraintRow>`
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
        where i.indrelid = c.oid and i.indisunique and i.indisvalid
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
    ...(row?.plain && { unique: parsedJson(row.unique) }),
    inexact: new Set(row === undefined ? [] : parsedJson(row.inexact)),
  };
}

/** The column names of each key, in order. */
export async function readForeignKeys(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<readonly ForeignKey[]> {
  const names = (relation: string, numbers: string) => sql`(
    select json_agg(a.attname order by k.nr)
    from unnest(${sql.ref(numbers)}) with ordinality as k (attnum, nr)
    join pg_catalog.pg_attribute a on a.attrelid = ${sql.ref(relation)} and a.attnum = k.attnum
  )`;
  const { rows } = await sql<{
    columns: readonly string[] | string;
    table: string;
    by: readonly string[] | string;
  }>`
    select ${names("f.conrelid", "f.conkey")} as columns, t.relname as ${sql.id("table")},
      ${names("f.confrelid", "f.confkey")} as ${sql.id("by")}
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class t on t.oid = f.confrelid
    where f.contype = 'f' and f.conrelid = to_regclass(${quoted(table)}::text)
  `.execute(tx.withoutPlugins());
  return rows.map(({ columns, table: name, by }) => ({
    columns: parsedJson(columns),
    table: name,
    by: parsedJson(by),
  }));
}

export function parsedJson<T>(value: T | string): T {
  return typeof value === "string" ? (JSON.parse(value) as T) : value;
}

/**
 * A hash of the row as JSON, which works for every type, and in which times and dates do not depend on settings. The server computes the hash, so that no
 * large value has to be sent.
 */
export function fingerprint(columns: readonly Column[]): readonly Expression<string | null>[] {
  const values = sql.join(columns.map(({ name }) => sql.id(name)));
  return [
    sql<string>`encode(sha256(convert_to(row_to_json(row(${values}))::text, getdatabaseencoding())), 'hex')`,
  ];
}

/** Types for which the server accepts every result of `convert`. */
const checked: ReadonlySet<string> = new Set([
  "text",
  "varchar",
  "bpchar",
  "citext",
  "name",
  "bool",
  "bytea",
  "numeric",
  "timestamptz",
  "timestamp",
  "date",
  "time",
  "uuid",
  "int2",
  "int4",
  "int8",
]);

/** Whether the server surely accepts the result of `convert`. For other types it is not known. */
export function comparable({ type, array }: Column): boolean {
  return !array && checked.has(type);
}

interface AccessRow {
  readonly name: string;
  readonly readable: boolean;
  readonly lockable: boolean;
}

/** Reads the role's rights. One statement. Rows of views and foreign tables are not locked, because not all of them can be. */
export async function access(tx: SqlTransaction, table: SourceTable): Promise<Access> {
  const { rows } = await sql<AccessRow>`
    select a.attname as name, has_column_privilege(c.oid, a.attnum, 'select') as readable,
      c.relkind in ('r', 'p') and has_any_column_privilege(c.oid, 'update') as lockable
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.oid = to_regclass(${quoted(table)}::text)
  `.execute(tx.withoutPlugins());
  const readable = rows.filter((row) => row.readable).map(({ name }) => name);
  return { readable: new Set(readable), lockable: rows[0]?.lockable === true };
}

/** See `Dialect.columnNames`. */
export function columnNames(table: SourceTable, nr: number): RawBuilder<unknown> {
  return sql`select ${sql.lit(nr)} as nr, a.attname::text as name from pg_catalog.pg_attribute a
    where a.attrelid = to_regclass(${quoted(table)}::text) and a.attnum > 0 and not a.attisdropped`;
}
