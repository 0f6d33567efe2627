/** MySQL and MariaDB, by `mysql2` and Kysely's MysqlDialect. */
import { sql } from "kysely";
import type { Dialect } from "../dialect.js";
import { lockingRows } from "../rows-locking.js";
import { readColumns } from "./columns.js";
import { readConstraints } from "./constraints.js";
import { convert } from "./convert.js";
import { meaning } from "./errno.js";
import { access, fingerprint } from "./fingerprint.js";
import { alreadyThere, migrate } from "./migrate.js";
import { prepare } from "./session.js";
import { sameText } from "./text.js";

export const mysql: Dialect = {
  name: "mysql",
  rows: lockingRows(meaning),
  // At the server's own REPEATABLE READ, looking for a row that is not there yet would lock the gap, against everybody else who inserts one.
  isolation: "read committed",
  insertIgnore: true,
  types: {
    // TEXT ends at 64 kB, and escaped text is up to six times as long.
    text: sql`mediumtext`,
    longText: sql`longtext`,
    timestamp: sql`timestamp(6)`,
    now: sql`current_timestamp(6)`,
    ago: (ms) => sql`current_timestamp(6) - interval ${Math.round(ms * 1000)} microsecond`,
    iso: (column) => sql`date_format(${column}, '%Y-%m-%dT%H:%i:%s.%fZ')`,
    at: (iso) => sql`${iso.slice(0, -1).replace("T", " ")}`,
    // Transactions and exact comparison, whatever the server's and the database's defaults are.
    options: sql`engine = InnoDB default character set utf8mb4 collate utf8mb4_bin`,
  },
  readColumns,
  readConstraints,
  convert,
  // By its settings the driver rounds what is beyond 2^53.
  exact: (reference, { type }) => (type === "bigint" ? sql`cast(${reference} as char)` : reference),
  rowLock: sql`for update`,
  sameText,
  fingerprint,
  access,
  meaning,
  prepare,
  // Kysely destroys mysql2's connection first; and then it is offered none to send a KILL through.
  abandon: async (connection) => connection.killSession?.(async () => {}),
  migrate,
  alreadyThere,
};
