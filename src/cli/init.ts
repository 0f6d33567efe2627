/** `powersync-writes init`: writes a configuration and a server for a database or a client's schema, and creates the library's tables. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Kysely } from "kysely";
import type { ClientSchema } from "../check/client-schema.js";
import { didYouMean } from "../config/nearest.js";
import { createTables } from "../sql/own-tables/migrations.js";
import {
  type Help,
  oneOf,
  readArguments,
  type ExitCode,
  Problem,
  UsageProblem,
} from "./command.js";
import { counted, describeError, oneLine, type Io } from "./io.js";
import { readClientSchema, absolute } from "./load-module.js";
import {
  databaseKinds,
  type GivenDatabase,
  openDatabase,
  readDatabaseUrl,
  describeDatabaseError,
} from "./database-url.js";
import { configText, environmentText } from "./init/config-file.js";
import { type Decision, decide } from "./init/decide.js";
import { type Framework, frameworks, nextSteps, serverText } from "./init/server-file.js";
import { joined, readSources, type Source, sourcesOfClient } from "./init/source.js";
import { readEnvironment } from "./load-config.js";

const options = {
  database: {
    type: "string",
    short: "d",
    value: "URL",
    about: "read the tables of this database: postgres://…, mysql://…, mssql://…, sqlite:FILE",
  },
  schema: {
    type: "string",
    short: "s",
    value: "FILE",
    about:
      "the PowerSync client schema: limits the rules to its tables and columns; without --database, rules are guessed from its names",
  },
  framework: {
    type: "string",
    short: "f",
    value: "NAME",
    about: `the framework of server.ts: ${frameworks.join(", ")} (default: express)`,
  },
  dialect: {
    type: "string",
    value: "NAME",
    about: "without --database: the kind of database, postgres (default), mysql, mssql or sqlite",
  },
  tables: { type: "string", value: "NAMES", about: "only these tables, separated by commas" },
  directory: {
    type: "string",
    value: "DIR",
    about: "the folder for the files (default: the current folder)",
  },
  "no-create": { type: "boolean", about: "do not create the library's own tables in the database" },
  "env-file": { type: "string", value: "FILE", about: "read DATABASE_URL from this file" },
  force: { type: "boolean", about: "overwrite existing files" },
  "dry-run": {
    type: "boolean",
    about: "print the files instead of writing them, and create nothing",
  },
} as const;

const help: Help<typeof options> = {
  usage: [
    "init --database URL [--schema FILE] [--framework NAME]",
    "init --schema FILE [--dialect NAME]",
  ],
  about:
    "Writes powersync-writes.config.ts (who may write what), server.ts and .env.example, and creates the library's own tables.\nWho may write a table is guessed from columns such as owner_id, and from the rows that columns refer to. Each guess is printed. Without a clear sign, a table stays closed until you decide. The URL is not written anywhere: the files read it from the environment.\nWithout --database, $DATABASE_URL is used.",
  options,
  examples: [
    "npx powersync-writes init --database postgres://127.0.0.1/app --framework koa --dry-run",
    "npx powersync-writes init --schema src/AppSchema.ts --dialect mysql",
  ],
};

export async function init(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io);
  if (given === undefined) return 0;
  const { values } = given;
  const framework = oneOf("framework", values.framework ?? "express", frameworks);
  readEnvironment(values["env-file"], io);
  const url =
    values.database ?? (values.schema === undefined ? process.env["DATABASE_URL"] : undefined);
  if (url === undefined && values.schema === undefined) {
    throw new UsageProblem("Say where the tables are: --database URL, or --schema FILE.");
  }
  if (url !== undefined && values.dialect !== undefined) {
    throw new UsageProblem(
      "--dialect can't be used with a database's URL, which names the dialect.",
    );
  }
  const database: GivenDatabase =
    url === undefined
      ? { kind: oneOf("dialect", values.dialect ?? "postgres", databaseKinds) }
      : readDatabaseUrl(url, io.secrets);
  const folder = absolute(values.directory ?? ".", io.cwd);
  const dryRun = values["dry-run"] === true;
  if (!dryRun && values.force !== true) refuseOverwriting(folder);

  const schema =
    values.schema === undefined ? undefined : await readClientSchema(values.schema, io);
  const db = url === undefined ? undefined : await openDatabase(url, database, io);
  const all = await sourcesFrom(db, schema, io);
  const sources = chosenTables(all, values.tables);
  const decisions = decide(sources);
  const madeFrom = [
    ...(url === undefined ? [] : [`a ${kindNames[database.kind]} database`]),
    ...(schema === undefined ? [] : ["a client schema"]),
  ].join(" and ");
  const files = filesOf({ framework, database, sources, decisions, madeFrom });

  tellDecisions(sources, decisions, io);
  if (dryRun) {
    for (const [name, text] of Object.entries(files)) {
      await io.out(`${io.paint("bold", `--- ${name}`)}\n${text}\n`);
    }
    io.note("Nothing was written, because this is a dry run.");
    return 0;
  }
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    if (name === environmentFile && existsSync(join(folder, name))) {
      io.note(
        `${io.paintNote("cyan", "kept   ")}  ${name}, which already exists. It should contain:`,
      );
      io.note(text.replace(/^#.*\n/gm, "").trimEnd());
      continue;
    }
    await writeFile(join(folder, name), text);
    await io.out(`${io.paint("green", "written")}  ${name}\n`);
  }
  await createOwnTables(db, values["no-create"] === true, io);
  await tellNext(folder, framework, database, io);
  return 0;
}

const kindNames = {
  postgres: "Postgres",
  mysql: "MySQL",
  mssql: "SQL Server",
  sqlite: "SQLite",
} as const;

const fileNames = ["powersync-writes.config.ts", "server.ts"] as const;
/** The application may already have this file, with other variables. */
const environmentFile = ".env.example";

function filesOf(parts: {
  readonly framework: Framework;
  readonly database: GivenDatabase;
  readonly sources: readonly Source[];
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly madeFrom: string;
}): Readonly<Record<string, string>> {
  const { kind, file } = parts.database;
  return {
    "powersync-writes.config.ts": configText({ ...parts, kind, file }),
    "server.ts": serverText(parts.framework),
    [environmentFile]: environmentText(kind),
  };
}

/** @throws Problem */
function refuseOverwriting(folder: string): void {
  const there = fileNames.filter((name) => existsSync(join(folder, name)));
  if (there.length === 0) return;
  throw new Problem(
    `${there.join(", ")} already ${there.length === 1 ? "exists" : "exist"}. Use --force to overwrite, --dry-run to print, or --directory DIR to write to another folder.`,
  );
}

async function sourcesFrom(
  db: Kysely<unknown> | undefined,
  schema: ClientSchema | undefined,
  io: Io,
): Promise<readonly Source[]> {
  if (db === undefined) return schema === undefined ? [] : sourcesOfClient(schema);
  io.progress("Connecting …");
  const sources = await readSources(db, io.progress).catch((error: unknown) => {
    throw new Problem(`The database can't be read: ${describeDatabaseError(error, io)}`);
  });
  io.progress(undefined);
  if (sources.length === 0) {
    throw new Problem("The database has no tables. Create the application's tables first.");
  }
  if (schema === undefined) return sources;
  const both = joined(sources, schema);
  for (const name of both.missing) {
    io.note(
      `${io.paintNote("yellow", "missing")}  ${oneLine(name)}: this table exists in the client's schema, but not in the database. It is left out.`,
    );
  }
  return both.sources;
}

/** @throws UsageProblem */
function chosenTables(sources: readonly Source[], given: string | undefined): readonly Source[] {
  if (given === undefined) return sources;
  const names = given.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !sources.some((source) => source.name === name));
  if (unknown !== undefined) {
    const known = sources.map(({ name }) => name);
    throw new UsageProblem(
      `--tables: there is no table "${unknown}". ${didYouMean(unknown, known)}`,
    );
  }
  return sources.filter(({ name }) => names.includes(name));
}

function tellDecisions(
  sources: readonly Source[],
  decisions: ReadonlyMap<string, Decision>,
  io: Io,
): void {
  let open = 0;
  for (const { name } of sources) {
    const decision = decisions.get(name);
    if (decision === undefined) continue;
    const isOpen = decision.status === "undecided";
    if (isOpen) open += 1;
    const word = isOpen ? io.paintNote("yellow", "decide ") : io.paintNote("cyan", "guessed");
    io.note(`${word}  ${oneLine(name)}: ${oneLine(decision.why)}.`);
  }
  if (open > 0) {
    io.note(
      `${counted(open, "table")} without a rule: clients can't write to ${open === 1 ? "it" : "them"} until you add a rule in powersync-writes.config.ts.`,
    );
  }
}

async function createOwnTables(
  db: Kysely<unknown> | undefined,
  leftOut: boolean,
  io: Io,
): Promise<void> {
  if (db === undefined || leftOut) {
    io.note(
      "The library's own tables were not created. Both `npx powersync-writes tables` and server.ts create them.",
    );
    return;
  }
  try {
    await createTables(db);
    await io.out(`${io.paint("green", "created")}  the library's own tables\n`);
  } catch (error) {
    io.note(
      `${io.paintNote("yellow", "warning")}  The library's own tables could not be created: ${describeError(error, io)}. Run \`npx powersync-writes tables\` with a role that may create tables.`,
    );
  }
}

async function tellNext(
  folder: string,
  framework: Framework,
  { kind }: GivenDatabase,
  io: Io,
): Promise<void> {
  const steps = [...(isModule(folder) ? [] : [esModules]), ...nextSteps(framework, kind)];
  const lines = steps.map((step) => `  ${step}\n`).join("");
  await io.out(`\nRead powersync-writes.config.ts and confirm each guess. Then run:\n${lines}`);
}

/** Both files are ES modules, and server.ts imports the configuration. An existing application needs only the configuration. */
const esModules =
  "npm pkg set type=module    # in a CommonJS application, rename powersync-writes.config.ts to .mts instead";

function isModule(folder: string): boolean {
  try {
    const { type } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      readonly type?: string;
    };
    return type === "module";
  } catch {
    return false;
  }
}
