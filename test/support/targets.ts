/** Everything that the conformance cases and the random sequences run against. */
import { sql } from "kysely";
import { auditSql } from "../../src/audit/sql.js";
import { createWrites } from "../../src/index.js";
import {
  databases,
  dialects,
  drivers,
  mysql,
  type TestDatabase,
  type TestDialect,
} from "./databases.js";
import { memoryTarget } from "./memory.js";
import { mongoTarget } from "./mongodb.js";
import { everyDatabase } from "./chosen.js";
import { dressed, mssql, type MssqlTestDialect } from "./mssql/database.js";
import { rowOrder } from "./schema.js";
import { sqliteTables } from "./sqlite.js";
import type { OpenTarget, Target } from "./target.js";
import { insert } from "./given.js";
import { auditRules, testConfig } from "./writes.js";

const withDialects = drivers.map((dialect) => ({ dialect, target: sqlTarget(dialect) }));

/** Where `DATABASE_URL_MSSQL` names one; and no SQL Server: what that shows is said in `mssql/dressed.ts`. */
const sqlServers = [mssqlTarget(mssql), mssqlTarget(dressed())];

export const everyTarget: readonly Target[] = [
  ...withDialects.map(({ target }) => target),
  ...sqlServers,
  memoryTarget,
  // No MongoDB either, without `DATABASE_URL_MONGODB`.
  mongoTarget,
];

/** Each driver of the databases that suites run on: see `databases`. */
export const drivenTargets: readonly Target[] = [
  ...withDialects.flatMap(({ dialect, target }) =>
    dialect.family !== "mysql" || databases.includes(dialect) ? [target] : [],
  ),
  ...(everyDatabase ? sqlServers : []),
  memoryTarget,
  ...(everyDatabase ? [mongoTarget] : []),
];

/** What most suites run on: see `dialects`. SQL Server's statements, too, where every suite is for MySQL and MariaDB. */
export const targets: readonly Target[] = [
  ...withDialects.flatMap(({ dialect, target }) => (dialects.includes(dialect) ? [target] : [])),
  ...(everyDatabase ? sqlServers : []),
  memoryTarget,
];

function sqlTarget(dialect: TestDialect): Target {
  return {
    name: dialect.name,
    // MySQL and MariaDB have no deferred constraints.
    deferred: dialect.family !== "mysql",
    holdsItself: dialect.family === "mysql",
    parentsFirst: dialect === mysql,
    concurrent: dialect.concurrent,
    available: dialect.available,
    open: async ({ foreignKeys = true, deferredKeys = true } = {}) => {
      const database = await dialect.open();
      if (!foreignKeys) await dropForeignKeys(database, dialect.family);
      if (!deferredKeys) await checkAtOnce(database, dialect.family);
      return openSql(database, dialect.family);
    },
  };
}

function mssqlTarget(dialect: MssqlTestDialect): Target {
  const { name, concurrent, available } = dialect;
  return {
    name,
    deferred: false,
    parentsFirst: false,
    concurrent,
    available,
    open: async ({ foreignKeys = true } = {}) => {
      const database = await dialect.open();
      if (!foreignKeys) await dropForeignKeys(database, concurrent ? "mssql" : "sqlite");
      return openSql(database, concurrent ? "mssql" : "sqlite");
    },
  };
}

/** SQLite keeps them, and does not look at them. */
type Words = TestDialect["family"] | "mssql";

async function dropForeignKeys({ db }: TestDatabase, family: Words): Promise<void> {
  if (family === "sqlite") {
    await sql`pragma foreign_keys = off`.execute(db);
    return;
  }
  if (family === "mssql") {
    const { rows } = await sql<ForeignKeyName>`
      select object_name(parent_object_id) as tab, name from sys.foreign_keys
      where object_name(parent_object_id) not like 'powersync[_]%'`.execute(db);
    for (const { tab, name } of rows)
      await sql`alter table ${sql.table(tab)} drop constraint ${sql.id(name)}`.execute(db);
    return;
  }
  const { rows } = await (
    family === "postgres"
      ? sql<ForeignKeyName>`
          select conrelid::regclass::text as tab, conname as name from pg_constraint
          where contype = 'f' and connamespace = current_schema()::regnamespace`
      : sql<ForeignKeyName>`
          select table_name as tab, constraint_name as name from information_schema.referential_constraints
          where constraint_schema = database()`
  ).execute(db);
  for (const { tab, name } of rows) {
    if (tab.startsWith("powersync_")) continue;
    const drop = family === "postgres" ? sql`drop constraint` : sql`drop foreign key`;
    await sql`alter table ${sql.table(tab)} ${drop} ${sql.id(name)}`.execute(db);
  }
}

async function checkAtOnce({ db }: TestDatabase, family: Words): Promise<void> {
  if (family === "postgres")
    await sql`alter table things alter constraint things_parent_id_fkey not deferrable`.execute(db);
  if (family !== "sqlite") return;
  // A table's keys are what its text says.
  const text = sqliteTables.find((each) => each.startsWith("create table things")) ?? "";
  await sql`drop table things`.execute(db);
  await sql.raw(text.replace(" deferrable initially deferred", "")).execute(db);
}

interface ForeignKeyName {
  readonly tab: string;
  readonly name: string;
}

function openSql(database: TestDatabase, family: Words): OpenTarget {
  const { db, plain, given, reset, close } = database;
  return {
    writes: ({ audit = false, ...options } = {}) => {
      const config = testConfig(db);
      const tables = { ...config.tables, ...(audit && auditRules) };
      return createWrites({ ...config, tables, logger: false, ...options });
    },
    prepareAudit: async () => {
      await sql.raw(auditSql(family)).execute(db);
    },
    auditRows: async () => {
      const { rows } = await sql`select id from powersync_audit`.execute(db);
      return rows.length;
    },
    reset,
    insert: (rows) => insert(database, rows),
    change: async (table, id, to) => {
      if (to === null) await db.deleteFrom(table).where("id", "=", id).execute();
      else await db.updateTable(table).set(given(to)).where("id", "=", id).execute();
    },
    rows: async (table, ids) => {
      const all = db.selectFrom(table).selectAll().orderBy(sql.raw(rowOrder[table]));
      const rows = await (ids === undefined ? all : all.where(sql.ref("id"), "in", ids)).execute();
      return rows.map(plain);
    },
    letters: async (userIds) => {
      // In the order in which they were recorded: two of one moment have ids that count up.
      const all = db
        .selectFrom("powersync_dead_letters")
        .selectAll()
        .orderBy("created_at")
        .orderBy("id");
      const letters = await (
        userIds === undefined ? all : all.where("user_id", "in", userIds)
      ).execute();
      return letters.map((letter) =>
        plain({ ...letter, payload: JSON.parse(letter.payload) as unknown }),
      );
    },
    answered: async () => {
      const { count } = await db
        .selectFrom("powersync_ledger")
        .select((eb) => eb.fn.countAll<string>().as("count"))
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    close,
  };
}
