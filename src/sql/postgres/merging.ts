/** How Postgres combines a stored value with a sent one. */
import { type Expression, sql } from "kysely";
import type { Merging } from "../merging.js";

const floats: ReadonlySet<string> = new Set(["float4", "float8"]);
/** A type wide enough for the difference of any two values. */
const exactNumbers: ReadonlySet<string> = new Set(["int2", "int4", "int8", "numeric"]);

const typed: Merging["typed"] = ({ type, array }, value) => {
  if (array || !(floats.has(type) || exactNumbers.has(type))) return sql`${value}`;
  return floats.has(type) ? sql`cast(${value} as float8)` : sql`cast(${value} as numeric)`;
};

/** Keeps the order of the elements, the stored ones first. */
function distinct(elements: Expression<unknown>): Expression<unknown> {
  return sql`(select element, min(place) as place from ${elements} with ordinality as both_lists (element, place) group by element)`;
}

export const merging: Merging = {
  typed,
  sum: (reference, column, yours, base) => {
    const difference = sql`(${typed(column, yours)} - ${typed(column, base)})`;
    const wide = sql.raw(floats.has(column.type) ? "float8" : "numeric");
    return sql`(cast(coalesce(${reference}, 0) as ${wide}) + ${difference})`;
  },
  union: (reference, { type, array }, value) => {
    if (array) {
      const list = sql`cast(${value} as ${sql.id(type)}[])`;
      const elements = sql`unnest(coalesce(${reference}, ${list}) || ${list})`;
      return sql`array(select element from ${distinct(elements)} as lists order by place)`;
    }
    const list = sql`cast(${value} as jsonb)`;
    const elements = sql`jsonb_array_elements(coalesce(cast(${reference} as jsonb), '[]') || ${list})`;
    return sql`cast(coalesce((select jsonb_agg(element order by place) from ${distinct(elements)} as lists), '[]') as ${sql.id(type)})`;
  },
};
