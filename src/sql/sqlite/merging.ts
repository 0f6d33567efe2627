/** How SQLite combines a stored value with a sent one. */
import { sql } from "kysely";
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson } from "../../wire/serialize.js";
import type { Merging } from "../merging.js";
import { columnKindOf, rangeOf } from "./declared-types.js";

export const merging: Merging = {
  typed: (_column, value) => sql`${value}`,
  sum: (reference, { type, scale = 0 }, yours, base) => {
    const sum = sql`(coalesce(${reference}, 0) + (${yours} - ${base}))`;
    // Decimal fractions such as 0.1 are not exact as doubles.
    return columnKindOf(type) === "decimal" && scale > 0
      ? sql`round(${sum}, ${sql.lit(scale)})`
      : sum;
  },
  range: ({ type }) => (columnKindOf(type) === "integer" ? rangeOf(type) : undefined),
  union: (reference, _column, value) => {
    // What `convert` has made of a list is its JSON.
    const list = parseJson(String(value)) as readonly unknown[];
    const stored = sql`coalesce(${reference}, '[]')`;
    const elements = [...new Set(list.map(stringifyJson))].map((element) => {
      const atom = sql`json_extract(${element}, '$')`;
      const type = sql`json_type(${element})`;
      const numbers = sql`('integer', 'real')`;
      const isThere = sql`exists (select 1 from json_each(${stored}) as each where (each.type = ${type} or (each.type in ${numbers} and ${type} in ${numbers})) and each.atom = ${atom})`;
      // What is there already is not inserted at its place; what isn't, at the end.
      return sql`case when ${isThere} then '$[0]' else '$[#]' end, json(${element})`;
    });
    return elements.length === 0 ? stored : sql`json_insert(${sql.join([stored, ...elements])})`;
  },
};
