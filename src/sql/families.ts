/** The SQL databases that are supported. A new one is a folder beside the others, and a line here. */
import type { Kysely } from "kysely";
import type { Dialect } from "./dialect.js";
import type { Family } from "./family.js";
import { mssqlFamily } from "./mssql/family.js";
import { mysqlFamily } from "./mysql/family.js";
import { postgresFamily } from "./postgres/family.js";
import { sqliteFamily } from "./sqlite/family.js";

interface LoadedFamily extends Family {
  /** Loads the rest of its code when such a database is used, and returns the dialect of one store. */
  load(): Promise<Dialect>;
}

const families: readonly LoadedFamily[] = [
  { ...postgresFamily, load: async () => (await import("./postgres/dialect.js")).postgres },
  { ...mysqlFamily, load: async () => (await import("./mysql/dialect.js")).createMysql() },
  { ...mssqlFamily, load: async () => (await import("./mssql/dialect.js")).mssql },
  { ...sqliteFamily, load: async () => (await import("./sqlite/dialect.js")).sqlite },
];

/** @throws TypeError for a database that the library does not support */
export function familyOf<DB>(db: Kysely<DB>): LoadedFamily {
  // Code without types may give anything, or nothing.
  const given = (db as object | undefined) ?? {};
  if (!isKysely(given)) throw notADatabase(given);
  const { adapter } = db.getExecutor();
  const family = families.find((each) => adapter instanceof each.adapter);
  if (family !== undefined) return family;
  const { name } = adapter.constructor;
  // The class may come from another copy of Kysely.
  const isCopy = families.some((each) => each.adapter.name === name);
  throw new TypeError(
    isCopy
      ? `database: its ${name} is of another copy of Kysely than the one that powersync-writes finds. Install one version alone: see "npm ls kysely", then "npm dedupe", or the same version in both places.`
      : `database: powersync-writes supports Kysely's Postgres, PGlite, MySQL, SQL Server and SQLite dialects; this one has a ${name}. Take one of these dialects, or a dialect whose adapter extends Kysely's own.`,
  );
}

/** What is known about a database before it is used. @throws TypeError for a database that the library does not support */
export function abilitiesOf(database: object): Pick<Family, "name" | "rowSecurity" | "deferral"> {
  if (isKysely(database)) return familyOf(database);
  throw notADatabase(database);
}

/** The error for what is not a database. The usual mistake is a driver's pool, or another query builder. */
export function notADatabase(given: object): TypeError {
  const has = (name: string) =>
    typeof (given as Readonly<Record<string, unknown>>)[name] === "function";
  // The first that fits: pg's pool has `connect`, and mysql2's `query` as well.
  const [, dialect] =
    wrapped.find(([name]) => has(name)) ?? (has("query") ? wrapped.at(-1) : undefined) ?? [];
  const remedy =
    dialect !== undefined
      ? ` This is a driver's own pool or database: wrap it, as in new Kysely({ dialect: ${dialect} }).`
      : has("then")
        ? " This is a promise: await it first."
        : "";
  return new TypeError(
    `database must be a Kysely object, or a store such as the memory store.${remedy}`,
  );
}

const wrapped: readonly (readonly [method: string, dialect: string])[] = [
  ["prepare", "new SqliteDialect({ database: guardDatabase(file) })"],
  ["getConnection", "new MysqlDialect({ pool: guardPool(pool) })"],
  ["connect", "new PostgresDialect({ pool: guardPool(pool) })"],
];

export function isKysely(database: object): database is Kysely<unknown> {
  return "getExecutor" in database && typeof database.getExecutor === "function";
}
