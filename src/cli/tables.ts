/** `powersync-writes tables`: creates the library's own tables, or prints their SQL. */
import { createTables, tablesSql } from "../sql/own-tables/migrations.js";
import {
  type Help,
  oneOf,
  readArguments,
  type ExitCode,
  Problem,
  UsageProblem,
} from "./command.js";
import { databaseKinds, openDatabase, readDatabaseUrl, type DatabaseKind } from "./database-url.js";
import { describeError, type Io } from "./io.js";
import { configOptions, loadConfig, readEnvironment, sureDatabase } from "./load-config.js";
import {
  DummyDriver,
  Kysely,
  MssqlAdapter,
  MssqlIntrospector,
  MssqlQueryCompiler,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

const options = {
  ...configOptions,
  database: {
    type: "string",
    short: "d",
    value: "URL",
    about:
      "the database, if there is no configuration: postgres://…, mysql://…, mssql://…, sqlite:FILE",
  },
  print: { type: "boolean", about: "print the SQL for an empty database without running it" },
  dialect: {
    type: "string",
    value: "NAME",
    about: "with --print, instead of a database: postgres, mysql, mssql or sqlite",
  },
} as const;

const help: Help<typeof options> = {
  usage: [
    "tables [--config FILE | --database URL]",
    "tables --print [--config FILE | --database URL | --dialect NAME]",
  ],
  about:
    "Creates those of the library's own tables that are missing. Tables that exist are not changed, so the command can be repeated.\nThe names and the schema are those of `ownTables` in the configuration.",
  options,
  examples: [
    "npx powersync-writes tables --env-file .env",
    "npx powersync-writes tables --print --dialect postgres > migrations/0007_powersync.sql",
  ],
};

export async function tables(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io);
  if (given === undefined) return 0;
  const { values } = given;
  if (values.dialect !== undefined) {
    if (values.print !== true) throw new UsageProblem("--dialect needs --print.");
    if (values.database !== undefined)
      throw new UsageProblem("Give --dialect or --database, not both.");
    const dialect = oneOf("dialect", values.dialect, databaseKinds);
    await io.out(tablesSql(compilerFor(dialect)));
    return 0;
  }
  const { db, own } = await target(values, io);
  if (values.print === true) {
    await io.out(tablesSql(db, own));
    return 0;
  }
  io.progress("Creating the tables …");
  try {
    await createTables(db, own);
  } catch (error) {
    throw new Problem(`The tables could not be created: ${describeError(error, io)}`);
  }
  io.progress(undefined);
  await io.out(`${io.paint("green", "The library's own tables exist.")}\n`);
  return 0;
}

async function target(
  values: { readonly database?: string } & Parameters<typeof loadConfig>[0],
  io: Io,
) {
  if (values.database === undefined) {
    const loaded = await loadConfig(values, io);
    return { db: await sureDatabase(loaded), own: loaded.config.ownTables };
  }
  if (values.config !== undefined) throw new UsageProblem("Give --config or --database, not both.");
  readEnvironment(values["env-file"], io);
  const db = await openDatabase(values.database, readDatabaseUrl(values.database, io.secrets), io);
  return { db, own: undefined };
}

/** Returns a Kysely object that compiles statements without sending them. */
export function compilerFor(kind: DatabaseKind): Kysely<unknown> {
  const createDriver = () => new DummyDriver();
  switch (kind) {
    case "postgres":
      return new Kysely({
        dialect: {
          createDriver,
          createAdapter: () => new PostgresAdapter(),
          createIntrospector: (db) => new PostgresIntrospector(db),
          createQueryCompiler: () => new PostgresQueryCompiler(),
        },
      });
    case "mysql":
      return new Kysely({
        dialect: {
          createDriver,
          createAdapter: () => new MysqlAdapter(),
          createIntrospector: (db) => new MysqlIntrospector(db),
          createQueryCompiler: () => new MysqlQueryCompiler(),
        },
      });
    case "mssql":
      return new Kysely({
        dialect: {
          createDriver,
          createAdapter: () => new MssqlAdapter(),
          createIntrospector: (db) => new MssqlIntrospector(db),
          createQueryCompiler: () => new MssqlQueryCompiler(),
        },
      });
    case "sqlite":
      return new Kysely({
        dialect: {
          createDriver,
          createAdapter: () => new SqliteAdapter(),
          createIntrospector: (db) => new SqliteIntrospector(db),
          createQueryCompiler: () => new SqliteQueryCompiler(),
        },
      });
  }
}
