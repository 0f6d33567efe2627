/** MySQL and MariaDB, by `mysql2` and Kysely's MysqlDialect. */
import { CompiledQuery, sql } from "kysely";
import type { Dialect } from "../dialect.js";
import { mayByTrying } from "../permissions.js";
import { lockingRows } from "../rows/locking-statements.js";
import { blamed, codes, meaning } from "./errors.js";
import { mysqlFamily } from "./family.js";
import { merging, owners, same } from "./operators.js";
import { locking, runs } from "./rows.js";
import {
  access,
  columnNames,
  fingerprint,
  readColumns,
  readConstraints,
  readForeignKeys,
} from "./schema.js";
import { createPrepare, settingProblems } from "./session.js";
import { readTraits } from "./traits.js";
import { convert, view } from "./values.js";

const shared: Dialect = {
  name: "mysql",
  rows: lockingRows(locking),
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
  flight: "answered",
  settings: settingProblems,
  // Kysely destroys mysql2's connection first, so it needs no other connection to send a KILL.
  abandon: async (connection) => connection.killSession?.(async () => {}),
};

/** The dialect of one store. */
export function createMysql(): Dialect {
  return { ...shared, prepare: createPrepare() };
}
