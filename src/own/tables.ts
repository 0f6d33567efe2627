/** Makes the library's own tables, and brings those of earlier versions up to date. */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import {
  makingOf,
  type OwnMigration,
  ownMigrations,
  recordTable,
  type Step,
} from "./migrations.js";
import { createOwn, type Own } from "./own.js";
import type { OwnTables, OwnTablesOptions } from "./own-tables.js";
import type { Database, Dialect } from "../persist/dialect.js";
import { dialectOf } from "../persist/dialects.js";

/**
 * Creates what is missing of the library's own tables, and changes what an earlier version has left. Nothing that is recorded is lost.
 * Safe at every start, from many processes at once, and where it was interrupted before.
 */
export async function createTables<DB>(db: Kysely<DB>, options?: OwnTablesOptions): Promise<void> {
  await migrate(db, createOwn(options), ownMigrations);
}

/**
 * The same as migrations for Kysely's `Migrator`, by name: spread them into those of your own.
 * `createTables` and they know of each other.
 */
export function kyselyMigrations(options?: OwnTablesOptions): Record<string, Migration> {
  const own = createOwn(options);
  return Object.fromEntries(
    ownMigrations.map((migration) => [
      `powersync_writes_${migration.name}`,
      { up: (db: Kysely<unknown>) => run(db as unknown as Database, own, [migration]) },
    ]),
  );
}

/**
 * The same as SQL, for whoever runs migrations by hand: statements for an empty database, each with a semicolon at the end.
 * Sends nothing. `createTables` then finds that there is nothing left to do.
 */
export function tablesSql<DB>(db: Kysely<DB>, options?: OwnTablesOptions): string {
  const own = createOwn(options);
  const on = own.on(db);
  const making = makingOf(on, dialectOf(db).types, own);
  const statements = [
    recordTable(making),
    ...ownMigrations.flatMap(({ name, steps }) => [...steps(making), record(on, name)]),
  ];
  return statements.map((statement) => `${printed(statement)};\n`).join("");
}

async function migrate<DB>(
  db: Kysely<DB>,
  own: Own,
  migrations: readonly OwnMigration[],
): Promise<void> {
  const dialect = dialectOf(db);
  await dialect.migrate(db as unknown as Database, (on) => run(on, own, migrations));
}

async function run(db: Database, own: Own, migrations: readonly OwnMigration[]): Promise<void> {
  const dialect = dialectOf(db);
  const on = own.on(db);
  const making = makingOf(on, dialect.types, own);
  await recordTable(making).execute();
  const applied = await on.selectFrom("powersync_migrations").select("name").execute();
  const done = new Set(applied.map(({ name }) => name));
  for (const { name, steps } of migrations) {
    if (done.has(name)) continue;
    for (const step of steps(making)) await taken(step, dialect);
    await record(on, name).execute();
  }
}

/** Where a change of the schema commits at once, an interrupted migration has left some of its steps behind. */
async function taken(step: Step, { alreadyThere }: Dialect): Promise<void> {
  try {
    await step.execute();
  } catch (error) {
    if (alreadyThere?.(error) !== true) throw error;
  }
}

/** The name as a literal: a statement that is printed has no parameters. */
function record(on: Kysely<OwnTables>, name: string) {
  return on.insertInto("powersync_migrations").values({ name: sql.lit(name) });
}

function printed(step: Step): string {
  return step.compile().sql;
}
