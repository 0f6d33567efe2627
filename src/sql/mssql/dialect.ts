/** SQL Server and Azure SQL, by `tedious`, `tarn` and Kysely's MssqlDialect. */
import { sql } from "kysely";
import type { Dialect, SameValue } from "../dialect.js";
import type { Locking } from "../look.js";
import { carefulRows } from "../statements-locking.js";
import { blamed } from "./blamed.js";
import { codes, meaning } from "./errors.js";
import { mssqlFamily } from "./family.js";
import { insert, rangeLock } from "./insert.js";
import { merging } from "./merging.js";
import { owners, textBytes } from "./owners.js";
import {
  columnNames,
  fingerprint,
  readColumns,
  readConstraints,
  readForeignKeys,
} from "./schema.js";
import { aside, sending, settings } from "./session.js";
import { collationOf } from "./text.js";
import { readTraits } from "./traits.js";
import { convert, view } from "./values.js";

/** Types that can't be compared directly, or treat different texts as equal. */
const textTypes: ReadonlySet<string> = new Set([
  "char",
  "json",
  "nchar",
  "ntext",
  "nvarchar",
  "text",
  "varchar",
  "xml",
]);

export const same: SameValue = (reference, { type }, value) => {
  if (value === null) return sql`${reference} is null`;
  if (textTypes.has(type)) return sql`${textBytes(reference)} = ${textBytes(sql`${value}`)}`;
  if (type === "image") return sql`convert(varbinary(max), ${reference}) = ${value}`;
  // Most decimals differ between single and double precision.
  if (type === "real") return sql`${reference} = convert(real, ${value})`;
  return sql`${reference} = ${value}`;
};

/** Read as text, because the driver would make doubles of them. */
export const exact: Dialect["exact"] = (reference, { type }) => {
  switch (type) {
    case "decimal":
    case "numeric":
      return sql`convert(varchar(41), ${reference})`;
    case "money":
    case "smallmoney":
      return sql`convert(varchar(41), ${reference}, 2)`;
    default:
      return reference;
  }
};

export const locking: Locking = {
  lock: () => rangeLock,
  returning: false,
  uncounted: true,
  text: (reference) => sql`convert(nvarchar(max), ${reference})`,
  insert,
  same,
};

export const mssql: Dialect = {
  name: "mssql",
  rows: carefulRows(locking),
  same,
  merging,
  inserts: "merge",
  top: true,
  // The server allows 2,100.
  mostParameters: 2_000,
  aside,
  sending,
  types: mssqlFamily.types,
  readColumns,
  columnNames,
  readTraits,
  readConstraints,
  readForeignKeys,
  convert,
  view,
  exact,
  // Converted to the column's type: compared with the driver's Unicode text, the column would be converted row by row, without its index.
  keyed: ({ type, charset }, value) => {
    const collation = charset === undefined ? undefined : collationOf(charset);
    if (collation === undefined || typeof value !== "string") return value;
    return type === "char" || type === "varchar"
      ? sql`convert(varchar(8000), ${value} collate ${sql.raw(collation)})`
      : value;
  },
  rowLock: { beside: sql`with (updlock, rowlock)` },
  shareLock: () => ({ beside: sql`with (repeatableread, rowlock)` }),
  owners,
  fingerprint,
  codes,
  meaning,
  blamed,
  settings,
  // The driver asks the server to cancel the statement, and closes the connection if there is no answer.
  abandon: async (connection) => connection.cancelQuery?.(async () => {}),
};
