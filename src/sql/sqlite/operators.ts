/** Operators on columns of SQLite: exact comparison with a value and with an owner's id, and how a stored value and a sent one are combined. */
import { sql, type SqlBool } from "kysely";
import type { OwnerKind } from "../../store/tables.js";
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson } from "../../wire/serialize.js";
import type { MergeOperators, Owners } from "../dialect.js";
import type { SameValue } from "../rows/target.js";
import { type ColumnKind, columnKindOf, rangeOf } from "./declared-types.js";

export const same: SameValue = (reference, _column, value) =>
  sql`${reference} is ${value} collate binary`;

const ownerKinds: Readonly<Partial<Record<ColumnKind, OwnerKind>>> = {
  text: "text",
  any: "text",
  // If the column converts the text to a number, the number is unambiguous, or it is refused.
  other: "text",
  integer: "number",
  decimal: "number",
  real: "number",
  uuid: "uuid",
  date: "date",
};

/** Compares exactly, by declared types. The collation NOCASE ignores case, and RTRIM ignores trailing spaces. */
export const owners: Owners = {
  kind: ({ type }) => ownerKinds[columnKindOf(type)],
  same: (reference, kind, value, place) => {
    if (typeof value !== "string") return sql<SqlBool>`${reference} = ${place(value)}`;
    // The stored UUID may be in capitals. NOCASE covers all of its letters.
    return kind === "uuid"
      ? sql<SqlBool>`${reference} collate nocase = ${place(value)}`
      : sql<SqlBool>`${reference} collate binary = ${place(value)}`;
  },
};

export const merging: MergeOperators = {
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
    // `convert` has made JSON of the list.
    const list = parseJson(String(value)) as readonly unknown[];
    const stored = sql`coalesce(${reference}, '[]')`;
    const elements = [...new Set(list.map(stringifyJson))].map((element) => {
      const atom = sql`json_extract(${element}, '$')`;
      const type = sql`json_type(${element})`;
      const numbers = sql`('integer', 'real')`;
      const isThere = sql`exists (select 1 from json_each(${stored}) as each where (each.type = ${type} or (each.type in ${numbers} and ${type} in ${numbers})) and each.atom = ${atom})`;
      // At `$[0]` nothing is inserted, because there is an element already. Missing elements are added at the end.
      return sql`case when ${isThere} then '$[0]' else '$[#]' end, json(${element})`;
    });
    return elements.length === 0 ? stored : sql`json_insert(${sql.join([stored, ...elements])})`;
  },
};
