/** Reads a table from MySQL's or MariaDB's catalog: columns, keys and grants. Also hashes its rows. */
import { type Expression, type RawBuilder, sql } from "kysely";
import { UnsuitableTable } from "../../store/failures.js";
import type { Column, ForeignKey } from "../../store/tables.js";
import type { Access, Constraints } from "../dialect.js";
import { type ForeignKeyColumn, foreignKeysOf } from "../schema.js";
import type { SourceTable, SqlTransaction } from "../table.js";

interface ColumnRow {
  readonly name: string;
  /** `varchar`. */
  readonly type: string;
  /** `varchar(20)`; `int(10) unsigned`. */
  readonly declared: string;
  readonly length: Count | null;
  readonly digits: Count | null;
  readonly scale: Count | null;
  readonly charset: string | null;
  readonly nullable: string;
  readonly defaulted: Count;
  /** Whether its default is from a sequence of MariaDB. */
  readonly counted: Count;
  readonly extra: string;
  readonly expression: string | null;
  readonly json: Count;
  /** Whether the table's engine has transactions; null for a view. */
  readonly transactions: string | null;
  /** The connection's character set. */
  readonly client: string;
  readonly cuts: Count;
}

/** A number, a bigint or digits, depending on the pool's settings. */
type Count = number | bigint | string;

/**
 * Reads the columns with one statement on the given connection. The table is found as in any statement: in the connection's database unless a schema is named.
 *
 * @throws UnsuitableTable if the table's engine has no transactions, or the connection's character set lacks characters
 */
export async function readColumns(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<readonly Column[]> {
  // Each view is filtered by constants, because otherwise the server opens every table. They are literals, because drivers put no parameters into comments.
  const name = sql.lit(table.name);
  const schema = table.schema === undefined ? sql`database()` : sql.lit(table.schema);
  const { rows } = await sql<ColumnRow>`
    select
      c.column_name as name, c.data_type as type, c.column_type as declared,
      if(c.data_type like '%text', c.character_octet_length, c.character_maximum_length) as length,
      c.numeric_precision as digits, coalesce(c.numeric_scale, c.datetime_precision) as scale,
      c.character_set_name as charset, c.is_nullable as nullable, c.column_default is not null as defaulted,
      /*M!100300 coalesce(c.column_default like 'nextval(%', 0) or */ 0 as counted,
      c.extra as extra, c.generation_expression as expression,
      /*M!100222 exists (
        select 1 from information_schema.check_constraints k
        where k.constraint_schema = ${schema} and k.table_name = ${name} and k.check_clause in
          (concat('json_valid(\`', c.column_name, '\`)'), concat('json_valid("', c.column_name, '")'))
      ) or */ c.data_type = 'json' as json,
      e.transactions as transactions, @@character_set_client as client,
      if(version() like '%mariadb%', not find_in_set('TIME_ROUND_FRACTIONAL', @@sql_mode),
        find_in_set('TIME_TRUNCATE_FRACTIONAL', @@sql_mode) > 0) as cuts
    from information_schema.columns c
    join information_schema.tables t on t.table_schema = ${schema} and t.table_name = ${name}
    left join information_schema.engines e on e.engine = t.engine
    where c.table_schema = ${schema} and c.table_name = ${name}
    order by c.ordinal_position
  `.execute(tx.withoutPlugins());
  const [first] = rows;
  if (first !== undefined && typeof first.name !== "string") {
    throw new UnsuitableTable(
      "The pool's option `typeCast` is false: the driver gives every value as bytes, so nothing that it reads can be told apart. Leave `typeCast` out, or give a function that passes on what it does not change: (field, next) => next().",
    );
  }
  if (first?.transactions === "NO") {
    throw new UnsuitableTable(
      `The table ${table.name} uses an engine without transactions, so a part of a failed transaction could stay. Use InnoDB.`,
    );
  }
  if (first !== undefined && first.client !== "utf8mb4") {
    throw new UnsuitableTable(
      `The connection's character set is ${first.client}, which can't carry every text. Leave out "charset" in mysql2's pool, or use utf8mb4.`,
    );
  }
  return rows.map(toColumn);
}

function toColumn(row: ColumnRow): Column {
  const { charset, scale, digits, length, extra, declared } = row;
  const type = typeOf(row);
  const nullable = row.nullable === "YES";
  const increments = extra.includes("auto_increment");
  const unsigned = / unsigned\b/.test(declared);
  return {
    name: row.name,
    type,
    array: false,
    ...(scale !== null && { scale: Number(scale) }),
    ...(digits !== null && { precision: Number(digits) }),
    ...(length !== null && { length: Number(length) }),
    ...(charset !== null && charset !== "utf8mb4" && { charset }),
    ...(unsigned && { unsigned: true }),
    ...((type === "enum" || type === "set") && { members: enumMembers(declared) }),
    ...(secondTypes.has(type) && Number(row.cuts) === 1 && { cutsSeconds: true }),
    // Depending on explicit_defaults_for_timestamp, NULL in a TIMESTAMP means "now".
    ...(!nullable && (increments || type === "timestamp") && { nullReplaced: true }),
    nullable,
    hasDefault: Number(row.defaulted) === 1 || increments,
    generated: row.expression !== null && row.expression !== "",
    ...((increments || Number(row.counted) === 1) && { numbered: { end: endOf(row, unsigned) } }),
  };
}

const countingBits: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
};

/** A floating-point column is numbered up to the largest integer that it holds exactly. */
function endOf({ type }: ColumnRow, unsigned: boolean): bigint {
  if (type === "float") return 2n ** 24n;
  if (type === "double") return 2n ** 53n;
  return 2n ** ((countingBits[type] ?? 64n) - (unsigned ? 0n : 1n)) - 1n;
}
const secondTypes: ReadonlySet<string> = new Set(["datetime", "timestamp", "time"]);

/** A boolean and MariaDB's JSON are written as other types. */
function typeOf({ type, declared, json }: ColumnRow): string {
  if (Number(json) === 1) return "json";
  return declared === "tinyint(1)" || declared === "bit(1)" ? "boolean" : type;
}

const escapedCharacters: Readonly<Record<string, string>> = { "0": "\0", n: "\n", r: "\r" };

/** `enum('a','it''s')`; backslashes escape too. */
function enumMembers(declared: string): readonly string[] {
  const listed = declared.slice(declared.indexOf("(") + 1);
  return Array.from(listed.matchAll(/'((?:[^'\\]|''|\\.)*)',?/gsy), ([, member = ""]) =>
    member.replace(/''|\\(.)/gs, (quoted, escaped: string | undefined) =>
      escaped === undefined ? quoted.charAt(0) : (escapedCharacters[escaped] ?? escaped),
    ),
  );
}

interface ConstraintRow {
  readonly kind: "table" | "collation" | "index";
  /** The index; or the column's collation. */
  readonly name: string | null;
  readonly column: string | null;
}

/** Reads the unique keys, and the columns whose collation treats different texts as equal. One statement. */
export async function readConstraints(
  tx: SqlTransaction,
  table: SourceTable,
): Promise<Constraints> {
  const name = sql.lit(table.name);
  const schema = table.schema === undefined ? sql`database()` : sql.lit(table.schema);
  const { rows } = await sql<ConstraintRow>`
    select 'table' as kind, t.table_type as name, null as ${sql.id("column")}, 0 as nr
    from information_schema.tables t where t.table_schema = ${schema} and t.table_name = ${name}
    union all
    select 'collation', c.collation_name, c.column_name, 0
    from information_schema.columns c
    where c.table_schema = ${schema} and c.table_name = ${name} and c.collation_name is not null
    union all
    select 'index', s.index_name, s.column_name, s.seq_in_index
    from information_schema.statistics s
    where s.table_schema = ${schema} and s.table_name = ${name} and s.non_unique = 0
    order by kind, name, nr
  `.execute(tx.withoutPlugins());
  const indexes = new Map<string, string[]>();
  const inexact = new Set<string>();
  let plain = false;
  for (const { kind, name: named, column } of rows) {
    if (kind === "table") plain = named === "BASE TABLE";
    // The collation's name tells: `_bin` and `_cs` distinguish case.
    else if (kind === "collation" && column !== null && !/_(bin|cs)$/.test(named ?? "")) {
      inexact.add(column);
    } else if (kind === "index") {
      // An index on an expression has no column.
      indexes.set(named ?? "", [...(indexes.get(named ?? "") ?? []), column ?? ""]);
    }
  }
  return { ...(plain && { unique: [...indexes.values()] }), inexact };
}

export async function readForeignKeys(
  tx: SqlTransaction,
  { schema, name }: SourceTable,
): Promise<readonly ForeignKey[]> {
  const { rows } = await sql<ForeignKeyColumn>`
    select k.constraint_name as id, k.column_name as ${sql.id("column")},
      k.referenced_table_name as ${sql.id("table")}, k.referenced_column_name as ${sql.id("by")}
    from information_schema.key_column_usage k
    where k.table_schema = ${schema === undefined ? sql`database()` : sql.lit(schema)}
      and k.table_name = ${sql.lit(name)} and k.referenced_table_name is not null
    order by k.constraint_name, k.ordinal_position
  `.execute(tx.withoutPlugins());
  return foreignKeysOf(rows);
}

/** Hashes of a row's values, as bytes, so that character sets don't conflict. Each value is hashed separately, so that no text exceeds the server's limit. */
export function fingerprint(columns: readonly Column[]): readonly Expression<string | null>[] {
  const hashes = columns.map((column) => sql`ifnull(sha2(${comparedBytes(column)}, 256), '-')`);
  return [sql<string>`sha2(concat_ws(',', ${sql.join(hashes)}), 256)`];
}

const geometry = /^(?:geometry|point|linestring|polygon|multi|geometrycollection|geomcollection)/;

function comparedBytes({ name, type }: Column): RawBuilder<unknown> {
  const column = sql.id(name);
  if (geometry.test(type)) return sql`st_aswkb(${column})`;
  return type === "json" ? sql`cast(${column} as char)` : sql`cast(${column} as binary)`;
}

interface AccessRow {
  readonly name: string;
  readonly privileges: string;
  readonly kind: string;
}

/** Reads the user's rights. One statement. Rows of views are not locked, because not all of them can be. */
export async function access(tx: SqlTransaction, { schema, name }: SourceTable): Promise<Access> {
  const place = schema === undefined ? sql`database()` : sql.lit(schema);
  const table = sql.lit(name);
  const { rows } = await sql<AccessRow>`
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

/** See `Dialect.columnNames`. */
export function columnNames({ schema, name }: SourceTable, nr: number): RawBuilder<unknown> {
  return sql`select ${sql.lit(nr)} as nr, c.column_name as name from information_schema.columns c
    where c.table_schema = ${schema === undefined ? sql`database()` : sql.lit(schema)} and c.table_name = ${sql.lit(name)}`;
}
