/** `powersync-writes doctor`: examines a deployment, from outside by its URL and from inside by its configuration. */
import { isAbsolute } from "node:path";
import { type Help, readArguments, type ExitCode, UsageProblem } from "./command.js";
import { counted, type Io, redacted } from "./io.js";
import { findingsOf } from "./check.js";
import { examineDatabase } from "./doctor/database.js";
import { examineDeployment } from "./doctor/deployment.js";
import { readUrl } from "./doctor/requests.js";
import { examineKeys } from "./doctor/tokens.js";
import {
  info,
  ok,
  type Section,
  sectionText,
  type Verdict,
  warning,
  wrong,
} from "./doctor/verdict.js";
import { configOptions, findConfig, loadConfig, type Loaded } from "./load-config.js";
import { readClientSchema } from "./load-module.js";
import { installedVersion, packageVersion } from "./packages.js";

const options = {
  url: {
    type: "string",
    short: "u",
    value: "URL",
    about: "the endpoint's full URL: https://api.example.com/api/data",
  },
  origin: {
    type: "string",
    value: "ORIGIN",
    about: "with --url: the origin of a page that must be allowed to upload",
  },
  health: {
    type: "string",
    value: "PATH",
    about: "with --url: the health route (default: /healthz)",
  },
  ready: {
    type: "string",
    value: "PATH",
    about: "with --url: the readiness route (default: /readyz)",
  },
  jwks: {
    type: "string",
    value: "URL",
    about: "fetch the identity provider's keys from this URL",
  },
  schema: {
    type: "string",
    short: "s",
    value: "FILE",
    about: "also compare the rules with this client schema",
  },
  json: { type: "boolean", about: "write JSON" },
  ...configOptions,
} as const;

const help: Help<typeof options> = {
  usage: ["doctor --url URL [--origin ORIGIN]", "doctor [--config FILE] [--url URL] [--jwks URL]"],
  about:
    "Examines a deployment and writes nothing. With --url, from outside: routes, health, CORS, who is let in, sizes, clock. With a configuration, from inside: database, tables, rules, dead letters, ledger, connections.\nIf $POWERSYNC_WRITES_TOKEN contains a user's token, an empty upload is sent as that user.\nExit codes: 0 no errors, 1 there are errors, 2 nothing could be examined.",
  options,
  examples: [
    "npx powersync-writes doctor --url https://api.example.com/api/data --origin https://app.example.com",
    "npx powersync-writes doctor --env-file .env",
  ],
};

export async function doctor(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io);
  if (given === undefined) return 0;
  const { values } = given;
  for (const name of ["origin", "health", "ready"] as const) {
    if (values[name] !== undefined && values.url === undefined) {
      throw new UsageProblem(`--${name} needs --url.`);
    }
  }
  for (const name of ["health", "ready"] as const) {
    const path = values[name];
    if (path !== undefined && !isAbsolute(path)) {
      throw new UsageProblem(`--${name} must be a path, such as /healthz.`);
    }
  }
  const url = values.url === undefined ? undefined : readUrl("url", values.url);
  const jwks = values.jwks === undefined ? undefined : readUrl("jwks", values.jwks);
  const configured = values.config !== undefined || findConfig(undefined, io.cwd) !== undefined;
  if (url === undefined && jwks === undefined && !configured) {
    throw new UsageProblem(
      "There is no configuration in this folder: give --url URL or --config FILE.",
    );
  }
  // If a URL is given, the configuration is examined only if it is given as well.
  const inside = values.config !== undefined || (url === undefined && configured);

  const sections: Section[] = [];
  const examine = async (title: string, verdicts: AsyncIterable<Verdict>): Promise<void> => {
    const found: Verdict[] = [];
    sections.push({ title, verdicts: found });
    for await (const verdict of verdicts) {
      io.progress(`${title}: ${verdict.what} …`);
      found.push(verdict);
    }
    io.progress(undefined);
    if (values.json !== true) await io.out(sectionText({ title, verdicts: found }, io));
  };
  if (url !== undefined) {
    const token = io.env["POWERSYNC_WRITES_TOKEN"];
    if (token !== undefined && token !== "") io.secrets.add(token);
    await examine("Deployment", examineDeployment({ ...values, url, ...(token && { token }) }, io));
  }
  if (jwks !== undefined) await examine("Keys", examineKeys(jwks, io));
  if (inside) {
    const loaded = await loadConfig(values, io);
    await examine("Configuration", examineConfig(loaded, values.schema, io));
    await examine("Database", examineDatabase(loaded, io));
    await examine("Versions", versions(io.cwd));
  }
  const all = sections.flatMap(({ verdicts }) => verdicts);
  const errors = all.filter(({ level }) => level === "error").length;
  const warnings = all.filter(({ level }) => level === "warning").length;
  if (values.json === true) {
    const shown = { errors, warnings, sections };
    await io.out(`${redacted(JSON.stringify(shown, null, 2), io.secrets)}\n`);
  } else {
    const total = `${counted(errors, "error")}, ${counted(warnings, "warning")}.`;
    await io.out(`${io.paint(errors > 0 ? "red" : warnings > 0 ? "yellow" : "green", total)}\n`);
  }
  return errors > 0 ? 1 : 0;
}

/** Examines whether the configuration is ready, and what `check()` finds. Rejects with a Problem if the client schema can't be read. */
async function* examineConfig(
  loaded: Loaded,
  schemaFile: string | undefined,
  io: Io,
): AsyncGenerator<Verdict> {
  const { writes, config, whose, file } = loaded;
  yield ok(file, counted(Object.keys(config.tables).length, "table"));
  const schema = schemaFile === undefined ? undefined : await readClientSchema(schemaFile, io);
  const ready = await writes.ready(whose.principal);
  if (ready.ready) yield ok("ready for uploads");
  else for (const problem of ready.problems) yield wrong("ready for uploads", problem);
  let findings: Awaited<ReturnType<typeof findingsOf>>;
  try {
    findings = await findingsOf(loaded, schema, io);
  } catch (error) {
    yield wrong("the rules", error instanceof Error ? error.message : String(error));
    return;
  }
  if (findings.length === 0) yield ok("the rules", "fit the database");
  for (const { severity, table, column, message } of findings) {
    const place = [table, column].filter((part) => part !== undefined && part !== "").join(".");
    const what = place === "" ? "the server" : `the rule ${place}`;
    yield severity === "error" ? wrong(what, message) : warning(what, message);
  }
}

const packages = [
  "kysely",
  "pg",
  "mysql2",
  "tedious",
  "tarn",
  "better-sqlite3",
  "express",
  "koa",
  "@nestjs/core",
  "hono",
  "@powersync/common",
];

/** The installed versions of the packages that matter. */
async function* versions(folder: string): AsyncGenerator<Verdict> {
  yield info("powersync-writes", packageVersion());
  yield info("Node", process.version);
  for (const name of packages) {
    const version = installedVersion(name, folder);
    if (version !== undefined) yield info(name, version);
  }
}
