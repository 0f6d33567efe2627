/** Operators on columns of MySQL and MariaDB: exact comparison with a value and with an owner's id, and how a stored value and a sent one are combined. */
import { type Expression, sql, type SqlBool } from "kysely";
import type { Column, OwnerKind } from "../../store/tables.js";
import { parseJson } from "../../wire/parse-json.js";
import { stringifyJson } from "../../wire/serialize.js";
import type { MergeOperators, Owners } from "../dialect.js";
import type { SameValue } from "../rows/target.js";

export const same: SameValue = (reference, column, value) => {
  if (value === null) return sql`${reference} is null`;
  // MySQL compares the JSON values, MariaDB the texts.
  if (column.type === "json")
    return sql`json_extract(${reference}, '$') <=> json_extract(${value}, '$')`;
  // Compared with a text, it would become a double, and most decimals differ between single and double precision.
  if (column.type === "float") return sql`${reference} <=> cast(${value} as float)`;
  if (owners.kind(column) !== "text") return sql`${reference} <=> ${value}`;
  return sql`ifnull(${owners.same(reference, "text", value, (compared) => compared)}, false)`;
};

const ownerKinds: Readonly<Record<string, OwnerKind>> = {
  char: "text",
  varchar: "text",
  tinytext: "text",
  text: "text",
  mediumtext: "text",
  longtext: "text",
  enum: "text",
  tinyint: "number",
  smallint: "number",
  mediumint: "number",
  int: "number",
  bigint: "number",
  decimal: "number",
  float: "number",
  double: "number",
  uuid: "uuid",
  date: "date",
};

/** Compares exactly. MySQL and MariaDB read `7abc` as 7 in a numeric column, and mostly treat `alice` and `Alice` as equal. */
export const owners: Owners = {
  kind: ({ type, length }) => {
    // It may store a UUID by its bytes.
    if (type === "binary" && length === 16) return "uuid";
    return Object.hasOwn(ownerKinds, type) ? ownerKinds[type] : undefined;
  },
  same: (reference, kind, value, place) => {
    switch (kind) {
      case "text":
        // Most collations treat `a`, `A` and `á` as equal, and ignore trailing spaces. The bytes are exact.
        return sql<SqlBool>`cast(convert(${reference} using utf8mb4) as binary) = cast(${place(value)} as binary)`;
      case "number":
        // As a `bigint`, which mysql2 writes as digits: compared with a text, numbers would become floating-point numbers.
        return sql<SqlBool>`${reference} = ${place(BigInt(String(value)))}`;
      default:
        return sql<SqlBool>`${reference} = ${place(value)}`;
    }
  },
};

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

/** The servers would convert a text to a floating-point number, and the result of an unsigned number is unsigned, too. */
function wide({ scale = 0 }: Column, value: Expression<unknown>): Expression<unknown> {
  return sql`cast(${value} as decimal(${sql.lit(mostDigits)}, ${sql.lit(scale)}))`;
}

const typed: MergeOperators["typed"] = (column, value) => {
  if (floats.has(column.type)) return sql`(${value} + 0e0)`;
  return exactNumbers.has(column.type) ? wide(column, sql`${value}`) : sql`${value}`;
};

export const merging: MergeOperators = {
  typed,
  sum: (reference, column, yours, base) => {
    const stored = sql`coalesce(${reference}, 0)`;
    const difference = sql`(${typed(column, yours)} - ${typed(column, base)})`;
    return sql`(${floats.has(column.type) ? stored : wide(column, stored)} + ${difference})`;
  },
  union: (reference, _column, value) => {
    // `convert` has made JSON of the list.
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
