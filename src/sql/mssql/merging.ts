/** How SQL Server combines a stored value with a sent one. */
import { type Expression, sql } from "kysely";
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson } from "../../wire/serialize.js";
import type { Column } from "../../store/tables.js";
import type { Merging } from "../merging.js";

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

const typed: Merging["typed"] = (column, value) => {
  // Of a parameter the driver would say that it is a text.
  if (value === null) return sql`null`;
  return floats.has(column.type) || exactNumbers.has(column.type)
    ? wide(column, sql`${value}`)
    : sql`${value}`;
};

/** By `openjson`'s number for a value's type: documents are compared as text. */
function typeOf(element: unknown): number {
  if (element === null) return 0;
  if (typeof element === "string") return 1;
  if (typeof element === "number" || typeof element === "bigint") return 2;
  if (typeof element === "boolean") return 3;
  return Array.isArray(element) ? 4 : 5;
}

export const merging: Merging = {
  typed,
  // ISNULL has the column's type; COALESCE would make room for the zero, and take it from the fraction.
  sum: (reference, column, yours, base) =>
    sql`(${wide(column, sql`isnull(${reference}, 0)`)} + (${typed(column, yours)} - ${typed(column, base)}))`,
  union: (reference, _column, value) => {
    // What `convert` has made of a list is its JSON.
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
