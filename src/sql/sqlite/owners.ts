/** Compares owners' columns exactly, by their declared types. The collation NOCASE ignores case, and RTRIM ignores trailing spaces. */
import { sql, type SqlBool } from "kysely";
import type { OwnerKind } from "../../store/tables.js";
import type { Owners } from "../dialect.js";
import { columnKindOf, type ColumnKind } from "./declared-types.js";

const ownerKinds: Readonly<Partial<Record<ColumnKind, OwnerKind>>> = {
  text: "text",
  any: "text",
  // A number that the column makes of a text is that text's one number, or refused.
  other: "text",
  integer: "number",
  decimal: "number",
  real: "number",
  uuid: "uuid",
  date: "date",
};

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
