/** Compares owners' columns exactly: a text's collation may treat different texts as equal, and CHAR ignores trailing spaces. */
import { sql, type SqlBool } from "kysely";
import type { OwnerKind } from "../../store/tables.js";
import type { Owners } from "../dialect.js";

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
