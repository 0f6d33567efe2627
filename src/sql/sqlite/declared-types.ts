/** The meaning of a column's declared type. SQLite accepts any words as a type and any value in a column; the affinity decides what it stores. */

/** `any`: no type; values are stored unchanged. `other`: an unknown type; SQLite turns text that looks like a number into a number. */
export type ColumnKind =
  | "boolean"
  | "integer"
  | "decimal"
  | "real"
  | "text"
  | "blob"
  | "json"
  | "uuid"
  | "timestamp"
  | "date"
  | "time"
  | "any"
  | "other";

const kindsByName: Readonly<Record<string, ColumnKind>> = {
  bool: "boolean",
  boolean: "boolean",
  bit: "boolean",
  int: "integer",
  integer: "integer",
  serial: "integer",
  bigserial: "integer",
  smallserial: "integer",
  numeric: "decimal",
  decimal: "decimal",
  dec: "decimal",
  number: "decimal",
  json: "json",
  jsonb: "json",
  uuid: "uuid",
  guid: "uuid",
  uniqueidentifier: "uuid",
  timestamp: "timestamp",
  timestamptz: "timestamp",
  "timestamp with time zone": "timestamp",
  "timestamp without time zone": "timestamp",
  datetime: "timestamp",
  datetime2: "timestamp",
  smalldatetime: "timestamp",
  date: "date",
  time: "time",
  "time without time zone": "time",
  binary: "blob",
  varbinary: "blob",
  bytea: "blob",
  image: "blob",
};

/** INT and INTEGER have only SQLite's own limits. A type that names a size is limited to it. */
const integerBits: Readonly<Record<string, number>> = {
  tinyint: 8,
  smallint: 16,
  int2: 16,
  smallserial: 16,
  mediumint: 24,
  int4: 32,
  bigint: 64,
  int8: 64,
};

/** @param type as `readColumns` gives it: lower case, without what is in parentheses */
export function columnKindOf(type: string): ColumnKind {
  if (Object.hasOwn(kindsByName, type)) return kindsByName[type] as ColumnKind;
  if (
    Object.hasOwn(integerBits, withoutUnsigned(type)) ||
    /^(?:unsigned )?(?:big )?int(?:eger)?(?: unsigned)?$/.test(type)
  )
    return "integer";
  return byAffinity(type);
}

/** The range that the type's words allow; SQLite itself allows 64 bits. */
export function rangeOf(type: string): { readonly min: bigint; readonly max: bigint } {
  const unsigned = /\bunsigned\b/.test(type);
  const name = withoutUnsigned(type);
  const bits = BigInt(Object.hasOwn(integerBits, name) ? (integerBits[name] as number) : 64);
  if (!unsigned) {
    // A TINYINT is signed in some databases and unsigned in others, so both ranges are allowed.
    const max = bits === 8n ? 255n : 2n ** (bits - 1n) - 1n;
    return { min: -(2n ** (bits - 1n)), max };
  }
  return { min: 0n, max: bits === 64n ? 2n ** 63n - 1n : 2n ** bits - 1n };
}

function withoutUnsigned(type: string): string {
  return type.replace(/ ?\bunsigned\b ?/, "");
}

/** Section 3.1 of "Datatypes In SQLite", in its order. */
function byAffinity(type: string): ColumnKind {
  if (type.includes("int")) return "other";
  if (/char|clob|text/.test(type)) return "text";
  if (type === "") return "any";
  if (type.includes("blob")) return "blob";
  return /real|floa|doub/.test(type) ? "real" : "other";
}
