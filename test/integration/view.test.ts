/**
 * What `view` says of a parameter is what the driver by its defaults reads when the parameter has been stored: on every database,
 * in a process whose time zone is not UTC. Of mysql2, with the one setting that docs/databases.md asks for.
 */
import Database from "better-sqlite3";
import {
  type Dialect as KyselyDialect,
  Kysely,
  MysqlDialect,
  PGliteDialect,
  PostgresDialect,
  sql,
  SqliteDialect,
} from "kysely";
import mysql from "mysql2";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import type { Column } from "../../src/store/tables.js";
import type { Dialect } from "../../src/sql/dialect.js";
import { createMysql } from "../../src/sql/mysql/dialect.js";
import { postgres as postgresWays } from "../../src/sql/postgres/dialect.js";
import { sqlite as sqliteWays } from "../../src/sql/sqlite/dialect.js";
import { isChosen } from "../support/chosen.js";
import { createPostgresDatabase } from "../support/databases.js";
import { createMysqlDatabase } from "../support/mysql.js";
import { nodeSqlite } from "../support/node-sqlite.js";
import { startPglite } from "../support/pglite.js";
import { mysqlServers, postgresAvailable } from "../support/servers.js";

type AnyDatabase = Record<string, Record<string, unknown>>;

interface Case {
  readonly name: string;
  readonly dialect: Dialect;
  readonly before: readonly string[];
  /** By the type of a column, what is sent. NULL is sent to each, too. */
  readonly sent: Readonly<Record<string, readonly unknown[]>>;
  available(): Promise<boolean>;
  open(): Promise<{ kysely: KyselyDialect; drop?: () => Promise<void> }>;
}

const instants = ["2026-07-01T12:00:00.123456+02:00", "2026-03-29T02:30:00Z"];
const days = ["2024-02-29", "2026-03-29"];
/** PGlite and mysql2 take it for 1999. */
const ancient = "0099-01-01";
const integers = [42, "-7", "+007", true];
const decimals = ["12.5", "+012.50", "1250e-2", "-0", ".5", "1E3", 0.1];
const floats = [0.1, "1e22", "-2.5e-7", 16_777_217, "0.123456789012345"];
const documents = ['{"a": [1, "x", null]}', { a: [true] }, "7", '"text"', "null"];
const ids = ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"];
const texts = ["Grüße 🎉", "", 'a "quoted" \\ text', 1.5];

/** What `pg` and PGlite read alike. */
const postgresTypes = {
  boolean: [1, "f"],
  smallint: integers,
  integer: integers,
  oid: [42],
  numeric: decimals,
  "numeric(12, 4)": decimals,
  real: floats,
  "double precision": floats,
  text: texts,
  "varchar(20)": texts,
  "char(4)": ["ab", "🎉"],
  uuid: ids,
  json: documents,
  jsonb: documents,
  timestamptz: instants,
  "timestamptz(3)": ["2026-07-01T12:00:00.120Z"],
  timestamp: instants,
  time: ["23:59:59.120", "10:30"],
  bytea: ["AP+A", ""],
  mood: ["happy"],
  "integer[]": [[1, null, -7], "{1, NULL}", "[2]", [[1], [2]], []],
  "text[]": [["a", 'with "quotes" \\ and, {braces}', null, "NULL", ""], "{a, b c}"],
  "boolean[]": [[true, 0, null]],
  "real[]": [[0.1, 16_777_217]],
  "uuid[]": [ids],
  "jsonb[]": [[{ a: [1] }, "7", null]],
  "timestamptz[]": [instants],
  "timestamp[]": [instants],
  "bytea[]": [["AP+A", ""]],
};

/** What mysql2 reads alike of both servers. */
const mysqlTypes = {
  "tinyint(1)": [1, "f"],
  "bit(1)": [1, "f"],
  "bit(12)": [0, 2_050],
  tinyint: integers,
  smallint: integers,
  "int unsigned": [4_294_967_295],
  bigint: [...integers, "9223372036854775807"],
  "bigint unsigned": ["18446744073709551615"],
  "decimal(12, 4)": decimals,
  "decimal(12, 0)": ["1e3", "-0", 7],
  float: floats,
  "float(12, 2)": ["12345.67"],
  double: floats,
  "varchar(40)": texts,
  "char(4)": ["ab", "🎉"],
  text: texts,
  json: documents,
  "datetime(6)": instants,
  "timestamp(6) null": instants,
  datetime: ["2026-07-01T12:00:00Z"],
  date: days,
  time: ["10:30", "-100:00:00", "012:00:00"],
  "time(3)": ["23:59:59.5", "10:30"],
  year: [2026],
  "enum('happy', 'sad')": ["happy"],
  "set('a', 'b')": ['["b", "a"]', ""],
};

const cases: readonly Case[] = [
  {
    name: "Postgres",
    dialect: postgresWays,
    before: ["create type mood as enum ('happy', 'sad')"],
    sent: {
      ...postgresTypes,
      bigint: [...integers, "9223372036854775807"],
      timestamptz: [...instants, ancient],
      timestamp: [...instants, ancient],
      date: [...days, ancient],
      "date[]": [days],
      "bigint[]": [["9223372036854775807", 1]],
      "numeric[]": [decimals],
    },
    available: postgresAvailable,
    open: async () => {
      const { url, drop } = await createPostgresDatabase();
      const pool = guardPool(new pg.Pool({ connectionString: url, max: 1 }));
      return { kysely: new PostgresDialect({ pool }), drop };
    },
  },
  {
    name: "PGlite",
    dialect: postgresWays,
    before: ["create type mood as enum ('happy', 'sad')"],
    // It reads a `bigint` as a number or a bigint, a `date` as midnight in UTC, and the elements of a `numeric[]` as text.
    sent: postgresTypes,
    available: async () => isChosen("pglite"),
    open: async () => ({ kysely: new PGliteDialect({ pglite: await startPglite() }) }),
  },
  ...mysqlServers.map((server): Case => ({
    name: server.name,
    dialect: createMysql(),
    before: ["set time_zone = '+00:00'"],
    sent: { ...mysqlTypes, [server.uuid]: ids },
    available: server.available,
    open: async () => {
      const { url, drop } = await createMysqlDatabase(server);
      const pool = mysql.createPool({ uri: url, connectionLimit: 1, timezone: "Z" });
      return { kysely: new MysqlDialect({ pool }), drop };
    },
  })),
  ...(["better-sqlite3", "node:sqlite"] as const).map((driver): Case => ({
    name: `SQLite (${driver})`,
    dialect: sqliteWays,
    before: [],
    sent: {
      boolean: [1, "f"],
      integer: [...integers, "9007199254740991", "9007199254740993", "-9223372036854775808"],
      "decimal(12, 4)": decimals,
      numeric: decimals,
      real: floats.filter((each) => each !== 16_777_217),
      text: texts,
      blob: ["AP+A", ""],
      json: documents,
      uuid: ids,
      datetime: instants,
      date: days,
      time: ["10:30"],
    },
    available: async () => isChosen("sqlite"),
    open: async () => {
      const database = driver === "node:sqlite" ? nodeSqlite(":memory:") : new Database(":memory:");
      return { kysely: new SqliteDialect({ database }) };
    },
  })),
];

const zone = process.env["TZ"];
beforeAll(() => {
  process.env["TZ"] = "Europe/Vienna";
});
afterAll(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

for (const { name, dialect, before, sent, available, open } of cases) {
  describe.skipIf(!(await available()))(`a view on ${name}`, () => {
    let db: Kysely<AnyDatabase>;
    let drop: (() => Promise<void>) | undefined;
    let columns: readonly Column[];
    const types = Object.keys(sent);

    beforeAll(async () => {
      const opened = await open();
      drop = opened.drop;
      db = new Kysely<AnyDatabase>({ dialect: opened.kysely });
      for (const statement of before) await sql.raw(statement).execute(db);
      const declared = types.map((type, index) => `c${index} ${type}`);
      await sql.raw(`create table samples (id integer, ${declared.join(", ")})`).execute(db);
      columns = await db
        .transaction()
        .execute((tx) => dialect.readColumns(tx, { name: "samples" }));
    });
    afterAll(async () => {
      await db.destroy();
      await drop?.();
    });

    it("is in another zone than UTC", () => {
      expect(new Date(2026, 6, 1).getTimezoneOffset()).toBe(-120);
    });

    it.each(Object.entries(sent))("is what the driver reads of a %s", async (type, values) => {
      const column = columns[types.indexOf(type) + 1] as Column;
      const name = sql.id(column.name);
      const read = dialect.exact?.(name, column) ?? name;
      for (const value of [...values, null]) {
        const parameter = dialect.convert(column, value, false);
        await sql`delete from samples`.execute(db);
        await sql`insert into samples (id, ${name}) values (1, ${parameter})`.execute(db);
        const { rows } = await sql<{
          value: unknown;
        }>`select ${read} as value from samples`.execute(db);
        const [row] = rows;
        expect(plain(dialect.view(column, parameter)), String(value)).toEqual(plain(row?.value));
      }
    });
  });
}

/** Bytes are a Buffer to some drivers. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Uint8Array ? { bytes: [...value] } : value;
}
