/**
 * Operators on columns of Postgres: exact comparison with a value and with an owner's id, and how a stored value and a sent one are combined.
 */
import { type Expression, sql, type SqlBool } from "kysely";
import type { OwnerKind } from "../../store/tables.js";
import type { MergeOperators, Owners } from "../dialect.js";
import type { SameValue } from "../rows/target.js";

/** Types that Postgres can't compare, or for which `=` means something else: it compares the area of boxes, and ignores case in `citext`. */
const comparedAs: Readonly<Record<string, "jsonb" | "text">> = {
  json: "jsonb",
  citext: "text",
  xml: "text",
  point: "text",
  line: "text",
  lseg: "text",
  box: "text",
  path: "text",
  polygon: "text",
  circle: "text",
};

export const same: SameValue = (reference, { type, array }, value) => {
  const { [type]: as } = comparedAs;
  if (as === undefined) return sql`${reference} is not distinct from ${value}`;
  const cast = sql.raw(array ? `${as}[]` : as);
  return sql`cast(${reference} as ${cast}) is not distinct from cast(${value} as ${cast})`;
};

const ownerKinds: Readonly<Record<string, OwnerKind>> = {
  text: "text",
  varchar: "text",
  bpchar: "text",
  citext: "text",
  int2: "number",
  int4: "number",
  int8: "number",
  numeric: "number",
  float4: "number",
  float8: "number",
  uuid: "uuid",
  date: "date",
};

/** Compares exactly: a text's collation may treat different texts as equal, and CHAR ignores trailing spaces. */
export const owners: Owners = {
  kind: ({ type, array, members }) => {
    if (array) return undefined;
    if (members !== undefined) return "text";
    return Object.hasOwn(ownerKinds, type) ? ownerKinds[type] : undefined;
  },
  same: (reference, kind, value, place) =>
    kind === "text"
      ? sql<SqlBool>`${reference}::text collate "C" = ${place(value)}`
      : sql<SqlBool>`${reference} = ${place(value)}`,
};

const floats: ReadonlySet<string> = new Set(["float4", "float8"]);
/** A type wide enough for the difference of any two values. */
const exactNumbers: ReadonlySet<string> = new Set(["int2", "int4", "int8", "numeric"]);

const typed: MergeOperators["typed"] = ({ type, array }, value) => {
  if (array || !(floats.has(type) || exactNumbers.has(type))) return sql`${value}`;
  return floats.has(type) ? sql`cast(${value} as float8)` : sql`cast(${value} as numeric)`;
};

/** Keeps the order of the elements, the stored ones first. */
function distinct(elements: Expression<unknown>): Expression<unknown> {
  return sql`(select element, min(place) as place from ${elements} with ordinality as both_lists (element, place) group by element)`;
}

export const merging: MergeOperators = {
  typed,
  sum: (reference, column, yours, base) => {
    const difference = sql`(${typed(column, yours)} - ${typed(column, base)})`;
    const wide = sql.raw(floats.has(column.type) ? "float8" : "numeric");
    return sql`(cast(coalesce(${reference}, 0) as ${wide}) + ${difference})`;
  },
  union: (reference, { type, array }, value) => {
    if (array) {
      // The parameter gets the column's type, whose name may need a schema.
      const list = sql`case when false then ${reference} else ${value} end`;
      const elements = sql`unnest(coalesce(${reference}, ${list}) || (${list}))`;
      return sql`array(select element from ${distinct(elements)} as lists order by place)`;
    }
    const list = sql`cast(${value} as jsonb)`;
    const elements = sql`jsonb_array_elements(coalesce(cast(${reference} as jsonb), '[]') || ${list})`;
    return sql`cast(coalesce((select jsonb_agg(element order by place) from ${distinct(elements)} as lists), '[]') as ${sql.id(type)})`;
  },
};
