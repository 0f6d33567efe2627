/** Compares owners' columns exactly. SQL Server ignores trailing spaces, and mostly case. */
import { type Expression, type RawBuilder, sql, type SqlBool } from "kysely";
import type { OwnerKind } from "../../store/tables.js";
import type { Owners } from "../dialect.js";

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

/** Compares the text's bytes, so that trailing spaces count and the collation does not. */
export function textBytes(text: Expression<unknown>): RawBuilder<unknown> {
  return sql`convert(varbinary(max), convert(nvarchar(max), ${text}))`;
}

export const owners: Owners = {
  kind: ({ type, length }) => {
    // Where a UUID is kept by its bytes.
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
