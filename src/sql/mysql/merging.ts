/** How MySQL and MariaDB combine a stored value with a sent one. */
import { type Expression, sql } from "kysely";
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson } from "../../wire/serialize.js";
import type { Column } from "../../store/tables.js";
import type { Merging } from "../merging.js";

const floats: ReadonlySet<string> = new Set(["float", "double"]);
const exactNumbers: ReadonlySet<string> = new Set([
  "tinyint",
  "smallint",
  "mediumint",
  "int",
  "bigint",
  "decimal",
]);
const mostDigits = 65;

/** Of a text the servers would make a floating-point number; and where a number has no sign, nor has what is computed with it. */
function wide({ scale = 0 }: Column, value: Expression<unknown>): Expression<unknown> {
  return sql`cast(${value} as decimal(${sql.lit(mostDigits)}, ${sql.lit(scale)}))`;
}

const typed: Merging["typed"] = (column, value) => {
  if (floats.has(column.type)) return sql`(${value} + 0e0)`;
  return exactNumbers.has(column.type) ? wide(column, sql`${value}`) : sql`${value}`;
};

export const merging: Merging = {
  typed,
  sum: (reference, column, yours, base) => {
    const stored = sql`coalesce(${reference}, 0)`;
    const difference = sql`(${typed(column, yours)} - ${typed(column, base)})`;
    return sql`(${floats.has(column.type) ? stored : wide(column, stored)} + ${difference})`;
  },
  union: (reference, _column, value) => {
    // What `convert` has made of a list is its JSON.
    const list = parseJson(String(value)) as readonly unknown[];
    const stored = sql`coalesce(${reference}, '[]')`;
    const lacking = [...new Set(list.map(stringifyJson))].map(
      (element) => sql`if(json_contains(${stored}, ${element}), '[]', ${`[${element}]`})`,
    );
    return lacking.length === 0
      ? stored
      : sql`json_merge_preserve(${sql.join([stored, ...lacking])})`;
  },
};
