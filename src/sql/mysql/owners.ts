/** Compares owners' columns exactly. MySQL and MariaDB read `7abc` as 7 in a numeric column, and mostly treat `alice` and `Alice` as equal. */
import { sql, type SqlBool } from "kysely";
import type { OwnerKind } from "../../store/tables.js";
import type { Owners } from "../dialect.js";

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

export const owners: Owners = {
  kind: ({ type, length }) => {
    // Where a UUID is kept by its bytes.
    if (type === "binary" && length === 16) return "uuid";
    return Object.hasOwn(ownerKinds, type) ? ownerKinds[type] : undefined;
  },
  same: (reference, kind, value, place) => {
    switch (kind) {
      case "text":
        // Most collations take `a` for `A` and `á`, and spaces at the end for nothing. Its bytes are the text's own.
        return sql<SqlBool>`cast(convert(${reference} using utf8mb4) as binary) = cast(${place(value)} as binary)`;
      case "number":
        // As a `bigint`, which mysql2 writes as digits: with a text, numbers are compared as floating-point ones.
        return sql<SqlBool>`${reference} = ${place(BigInt(String(value)))}`;
      default:
        return sql<SqlBool>`${reference} = ${place(value)}`;
    }
  },
};
