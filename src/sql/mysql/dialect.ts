/** MySQL and MariaDB, by `mysql2` and Kysely's MysqlDialect. */
import { CompiledQuery, sql } from "kysely";
import type { Dialect, SameValue } from "../dialect.js";
import type { Locking } from "../look.js";
import { mayByTrying } from "../may.js";
import { carefulRows } from "../statements-locking.js";
import {
  access,
  columnNames,
  fingerprint,
  readColumns,
  readConstraints,
  readForeignKeys,
} from "./schema.js";
import { blamed } from "./blamed.js";
import { codes, meaning } from "./errors.js";
import { insert } from "./insert.js";
import { owners } from "./owners.js";
import { merging } from "./merging.js";
import { runs } from "./runs.js";
import { readTraits } from "./traits.js";
import { prepare, settingProblems } from "./session.js";
import { convert, view } from "./values.js";
import { mysqlFamily } from "./family.js";

export const same: SameValue = (reference, column, value) => {
  if (value === null) return sql`${reference} is null`;
  // MySQL compares what it means, MariaDB its text.
  if (column.type === "json")
    return sql`json_extract(${reference}, '$') <=> json_extract(${value}, '$')`;
  // Beside a text it would be a double, and most decimals are other doubles than floats.
  if (column.type === "float") return sql`${reference} <=> cast(${value} as float)`;
  if (owners.kind(column) !== "text") return sql`${reference} <=> ${value}`;
  return sql`ifnull(${owners.same(reference, "text", value, (compared) => compared)}, false)`;
};

export const locking: Locking = {
  lock: () => ({ behind: sql`for update` }),
  returning: false,
  text: (reference) => sql`cast(${reference} as char)`,
  insert,
  same,
};

export const mysql: Dialect = {
  name: "mysql",
  rows: carefulRows(locking),
  runs,
  same,
  merging,
  // At the server's default, REPEATABLE READ, looking for a row that does not exist locks the gap around it against all other INSERTs.
  isolation: "read committed",
  inserts: "duplicate key",
  types: mysqlFamily.types,
  readColumns,
  columnNames,
  readTraits,
  readConstraints,
  // The server keeps the latest statement of this name until the connection ends.
  may: mayByTrying(meaning, (statement) =>
    CompiledQuery.raw(`prepare powersync_asked from '${statement.sql.replaceAll("'", "''")}'`),
  ),
  readForeignKeys,
  convert,
  view,
  // Depending on its settings, the driver rounds integers beyond 2^53.
  exact: (reference, { type }) => (type === "bigint" ? sql`cast(${reference} as char)` : reference),
  rowLock: { behind: sql`for update` },
  // The syntax that both servers support.
  shareLock: () => ({ behind: sql`lock in share mode` }),
  owners,
  fingerprint,
  access,
  codes,
  meaning,
  blamed,
  prepare,
  settings: settingProblems,
  // Kysely destroys mysql2's connection first, so it needs no other connection to send a KILL.
  abandon: async (connection) => connection.killSession?.(async () => {}),
};
