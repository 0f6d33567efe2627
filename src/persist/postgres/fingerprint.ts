/** What a row is like, as Postgres itself says. */
import { type Expression, sql } from "kysely";
import type { Access, Column, Connection, SourceTable } from "../dialect.js";
import { quoted } from "./columns.js";

/** JSON, which every type has: of times and dates in a form that no setting changes. The server hashes it, so that no large value comes over the wire. */
export function fingerprint(columns: readonly Column[]): readonly Expression<string | null>[] {
  const values = sql.join(columns.map(({ name }) => sql.id(name)));
  return [
    sql<string>`encode(sha256(convert_to(row_to_json(row(${values}))::text, getdatabaseencoding())), 'hex')`,
  ];
}

const uuid = /^\{?[\da-f]{4}(?:-?[\da-f]{4}){7}\}?$/i;
const bits: Readonly<Record<string, number>> = { int2: 16, int4: 32, int8: 64 };
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
]);

/** `convert` leaves it to the server to judge the text of these; of others it is not known what they take. */
export function comparable({ type, array }: Column, value: unknown): boolean {
  if (array) return false;
  if (type === "uuid") return uuid.test(String(value));
  const size = bits[type];
  if (size === undefined) return checked.has(type);
  // Millions of digits take seconds to read.
  return (
    String(value).length <= 20 &&
    BigInt.asIntN(size, BigInt(String(value))) === BigInt(String(value))
  );
}

interface Row {
  readonly name: string;
  readonly readable: boolean;
  readonly lockable: boolean;
}

/** One statement. Rows of views and foreign tables are not locked: not all of them can be. */
export async function access(tx: Connection, table: SourceTable): Promise<Access> {
  const { rows } = await sql<Row>`
    select a.attname as name, has_column_privilege(c.oid, a.attnum, 'select') as readable,
      c.relkind in ('r', 'p') and has_any_column_privilege(c.oid, 'update') as lockable
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.oid = to_regclass(${quoted(table)}::text)
  `.execute(tx.withoutPlugins());
  const readable = rows.filter((row) => row.readable).map(({ name }) => name);
  return { readable: new Set(readable), lockable: rows[0]?.lockable === true };
}
