/** Operators on columns of SQL Server: exact comparison with a value and with an owner's id, and how a stored value and a sent one are combined. */
import { type Expression, type RawBuilder, sql, type SqlBool } from "kysely";
import type { Column, OwnerKind } from "../../store/tables.js";
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson } from "../../wire/serialize.js";
import type { Dialect, MergeOperators, Owners } from "../dialect.js";
import type { SameValue } from "../rows/target.js";

/** Compares the text's bytes, so that trailing spaces count and the collation does not. */
export function textBytes(text: Expression<unknown>): RawBuilder<unknown> {
  return sql`convert(varbinary(max), convert(nvarchar(max), ${text}))`;
}

/** Types that can't be compared directly, or treat different texts as equal. */
const textTypes: ReadonlySet<string> = new Set([
  "char",
  "json",
  "nchar",
  "ntext",
  "nvarchar",
  "text",
  "varchar",
  "xml",
]);

export const same: SameValue = (reference, { type }, value) => {
  if (value === null) return sql`${reference} is null`;
  if (textTypes.has(type)) return sql`${textBytes(reference)} = ${textBytes(sql`${value}`)}`;
  if (type === "image") return sql`convert(varbinary(max), ${reference}) = ${value}`;
  // Most decimals differ between single and double precision.
  if (type === "real") return sql`${reference} = convert(real, ${value})`;
  return sql`${reference} = ${value}`;
};

/** Read as text, because the driver would make doubles of them. */
export const exact: NonNullable<Dialect["exact"]> = (reference, { type }) => {
  switch (type) {
    case "decimal":
    case "numeric":
      return sql`convert(varchar(41), ${reference})`;
    case "money":
    case "smallmoney":
      return sql`convert(varchar(41), ${reference}, 2)`;
    default:
      return reference;
  }
};

const ownerKinds: Readonly<Record<string, OwnerKind>> = {
  char: "text",
  varchar: "text",
  nchar: "text",
  nvarchar: "text",
  tinyint: "number",
  smallint: "number",
  int: "number",
  bigint: "number",
  decimal: "number",
  numeric: "number",
  float: "number",
  real: "number",
  uniqueidentifier: "uuid",
  date: "date",
};

/** Compares exactly: SQL Server ignores trailing spaces, and mostly case. */
export const owners: Owners = {
  kind: ({ type, length }) => {
    // It may store a UUID by its bytes.
    if (type === "binary" && length === 16) return "uuid";
    return Object.hasOwn(ownerKinds, type) ? ownerKinds[type] : undefined;
  },
  same: (reference, kind, value, place) => {
    switch (kind) {
      case "text":
        return sql<SqlBool>`${textBytes(reference)} = ${textBytes(sql`${place(value)}`)}`;
      case "number":
        // As a decimal, which can hold every digit of a column of whole numbers.
        return sql<SqlBool>`${reference} = convert(decimal(38, 0), ${place(String(value))})`;
      default:
        return sql<SqlBool>`${reference} = ${place(value)}`;
    }
  },
};

const floats: ReadonlySet<string> = new Set(["float", "real"]);
const exactNumbers: ReadonlySet<string> = new Set([
  "tinyint",
  "smallint",
  "int",
  "bigint",
  "decimal",
  "numeric",
  "money",
  "smallmoney",
]);

/** With the greatest precision, so that the result of two numbers fits. */
function wide({ type, scale = 0 }: Column, value: Expression<unknown>): Expression<unknown> {
  return floats.has(type)
    ? sql`convert(float, ${value})`
    : sql`convert(decimal(38, ${sql.lit(scale)}), ${value})`;
}

const typed: MergeOperators["typed"] = (column, value) => {
  // The driver would declare a parameter as text.
  if (value === null) return sql`null`;
  return floats.has(column.type) || exactNumbers.has(column.type)
    ? wide(column, sql`${value}`)
    : sql`${value}`;
};

/** The number that `openjson` returns for a value's type. Documents are compared as text. */
function typeOf(element: unknown): number {
  if (element === null) return 0;
  if (typeof element === "string") return 1;
  if (typeof element === "number" || typeof element === "bigint") return 2;
  if (typeof element === "boolean") return 3;
  return Array.isArray(element) ? 4 : 5;
}

export const merging: MergeOperators = {
  typed,
  // ISNULL has the column's type. With COALESCE, the result would have fewer digits for the fraction.
  sum: (reference, column, yours, base) =>
    sql`(${wide(column, sql`isnull(${reference}, 0)`)} + (${typed(column, yours)} - ${typed(column, base)}))`,
  union: (reference, _column, value) => {
    // `convert` has made JSON of the list.
    const list = parseJson(String(value)) as readonly unknown[];
    const elements = [...new Map(list.map((each) => [stringifyJson(each), each]))];
    const stored = sql`rtrim(coalesce(convert(nvarchar(max), ${reference}), '[]'))`;
    if (elements.length === 0) return stored;
    const rows = elements.map(
      ([text, each], nr) =>
        sql`(${sql.lit(nr)}, ${sql.lit(typeOf(each))}, ${text}, ${typeof each === "string" ? each : text})`,
    );
    const isThere = sql`exists (select 1 from openjson(kept.list) as each where each.[type] = sent.[type] and (each.[type] = 0 or convert(varbinary(max), each.[value]) = convert(varbinary(max), sent.plain)))`;
    const lacking = sql`select string_agg(convert(nvarchar(max), sent.element), ',') within group (order by sent.nr) as elements from (values ${sql.join(rows)}) as sent (nr, [type], element, plain) where not ${isThere}`;
    // Missing elements are inserted before the closing bracket.
    return sql`(select case when lacking.elements is null then kept.list else substring(kept.list, 1, len(kept.list) - charindex(']', reverse(kept.list))) + case when exists (select 1 from openjson(kept.list)) then ',' else '' end + lacking.elements + ']' end from (select ${stored} as list) as kept cross apply (${lacking}) as lacking)`;
  },
};
