/** What MySQL or MariaDB says a table's columns are. */
import { sql } from "kysely";
import { type Column, type Connection, type SourceTable, UnsuitableTable } from "../dialect.js";

interface Row {
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
  readonly extra: string;
  readonly expression: string | null;
  readonly json: Count;
  /** Of the table's engine; null for a view. */
  readonly transactions: string | null;
  /** Of the connection. */
  readonly client: string;
}

/** By the pool's settings a number, a bigint or its digits. */
type Count = number | bigint | string;

/**
 * One statement on the connection it is given. The table is found as a statement would find it: in the connection's database unless a schema is named.
 *
 * @throws UnsuitableTable where the table's engine has no transactions, or the connection could not carry every text
 */
export async function readColumns(tx: Connection, table: SourceTable): Promise<readonly Column[]> {
  // As constants on each of the views: without, the server opens every table that it has. Literals, for a driver puts no parameters into comments.
  const name = sql.lit(table.name);
  const schema = table.schema === undefined ? sql`database()` : sql.lit(table.schema);
  const { rows } = await sql<Row>`
    select
      c.column_name as name, c.data_type as type, c.column_type as declared,
      if(c.data_type like '%text', c.character_octet_length, c.character_maximum_length) as length,
      c.numeric_precision as digits, coalesce(c.numeric_scale, c.datetime_precision) as scale,
      c.character_set_name as charset, c.is_nullable as nullable, c.column_default is not null as defaulted,
      c.extra as extra, c.generation_expression as expression,
      /*M!100222 exists (
        select 1 from information_schema.check_constraints k
        where k.constraint_schema = ${schema} and k.table_name = ${name} and k.check_clause in
          (concat('json_valid(\`', c.column_name, '\`)'), concat('json_valid("', c.column_name, '")'))
      ) or */ c.data_type = 'json' as json,
      e.transactions as transactions, @@character_set_client as client
    from information_schema.columns c
    join information_schema.tables t on t.table_schema = ${schema} and t.table_name = ${name}
    left join information_schema.engines e on e.engine = t.engine
    where c.table_schema = ${schema} and c.table_name = ${name}
    order by c.ordinal_position
  `.execute(tx.withoutPlugins());
  const [first] = rows;
  if (first?.transactions === "NO") {
    throw new UnsuitableTable(
      `The table ${table.name} is in an engine without transactions: a part of a transaction could stay. Use InnoDB.`,
    );
  }
  if (first !== undefined && first.client !== "utf8mb4") {
    throw new UnsuitableTable(
      `The connection's character set is ${first.client}, which can't carry every text. Leave out "charset" in mysql2's pool, or use utf8mb4.`,
    );
  }
  return rows.map(toColumn);
}

function toColumn(row: Row): Column {
  const { charset, scale, digits, length, extra, declared } = row;
  const type = typeOf(row);
  const nullable = row.nullable === "YES";
  const numbered = extra.includes("auto_increment");
  return {
    name: row.name,
    type,
    array: false,
    ...(scale !== null && { scale: Number(scale) }),
    ...(digits !== null && { precision: Number(digits) }),
    ...(length !== null && { length: Number(length) }),
    ...(charset !== null && charset !== "utf8mb4" && { charset }),
    ...(/ unsigned\b/.test(declared) && { unsigned: true }),
    ...((type === "enum" || type === "set") && { members: membersOf(declared) }),
    // By explicit_defaults_for_timestamp, a TIMESTAMP takes a NULL for "now".
    ...(!nullable && (numbered || type === "timestamp") && { nullReplaced: true }),
    nullable,
    hasDefault: Number(row.defaulted) === 1 || numbered,
    generated: row.expression !== null && row.expression !== "",
  };
}

/** A boolean and MariaDB's JSON are written as other types. */
function typeOf({ type, declared, json }: Row): string {
  if (Number(json) === 1) return "json";
  return declared === "tinyint(1)" || declared === "bit(1)" ? "boolean" : type;
}

const escapes: Readonly<Record<string, string>> = { "0": "\0", n: "\n", r: "\r" };

/** `enum('a','it''s')`; backslashes escape too. */
function membersOf(declared: string): readonly string[] {
  return Array.from(declared.matchAll(/'((?:[^'\\]|''|\\.)*)'/gs), ([, member = ""]) =>
    member.replace(/''|\\(.)/gs, (quoted, escaped: string | undefined) =>
      escaped === undefined ? quoted.charAt(0) : (escapes[escaped] ?? escaped),
    ),
  );
}
