/** SQLite files for tests, by either driver. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Kysely, type SqliteDatabase, SqliteDialect } from "kysely";
import { guardDatabase } from "../../adapters/sqlite.js";
import { nodeSqlite } from "./node-sqlite.js";
import type { TestSchema } from "./schema.js";

export const sqliteDrivers = ["better-sqlite3", "node:sqlite"] as const;
export type SqliteDriver = (typeof sqliteDrivers)[number];

export interface SqliteOptions {
  readonly readOnly?: boolean;
  /** Integers are read as `bigint`. Default: as the driver reads them. */
  readonly bigInts?: boolean;
  /** `node:sqlite` always is. Default false: the suites show that both ways work. */
  readonly guarded?: boolean;
}

/** A connection that does not wait for locks by itself. */
export function openSqlite(
  file: string,
  driver: SqliteDriver,
  options?: SqliteOptions,
): Kysely<TestSchema> {
  return new Kysely({
    dialect: new SqliteDialect({ database: sqliteDatabase(file, driver, options) }),
  });
}

function sqliteDatabase(
  file: string,
  driver: SqliteDriver,
  { readOnly = false, bigInts = false, guarded = false }: SqliteOptions = {},
): SqliteDatabase {
  if (driver === "node:sqlite") return nodeSqlite(file, { readOnly, bigInts });
  const raw = new Database(file, { readonly: readOnly, timeout: 0 }).defaultSafeIntegers(bigInts);
  return guarded ? guardDatabase(raw) : raw;
}

/** A path in a folder of its own, until `remove`. */
export function sqliteFile(): { readonly file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "powersync-writes-"));
  return {
    file: join(folder, "test.db"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
