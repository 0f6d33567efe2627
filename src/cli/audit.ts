/** `powersync-writes audit`: tests any write endpoint against the contract, over HTTP only. */
import { exec } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { auditCases } from "../audit/cases/list.js";
import { junitOf, mendOf, tableOf } from "../audit/report.js";
import { AuditImpossible } from "../audit/abilities.js";
import { type AuditReport, runAudit } from "../audit/run.js";
import { auditDialects, auditSql, defaultTable } from "../audit/sql.js";
import type { Outage } from "../audit/steps.js";
import {
  type ExitCode,
  type Help,
  oneOf,
  Problem,
  readArguments,
  UsageProblem,
} from "./command.js";
import type { Io } from "./io.js";

const options = {
  token: {
    type: "string",
    value: "TOKEN",
    about: "a bearer token (default: $AUDIT_TOKEN); @FILE reads it from a file",
  },
  token2: {
    type: "string",
    value: "TOKEN",
    about: "another user's token (default: $AUDIT_TOKEN2), for cases with two users",
  },
  table: {
    type: "string",
    value: "NAME",
    about: `the client's name for the table (default: ${defaultTable})`,
  },
  level: {
    type: "string",
    value: "N",
    about:
      "only cases up to this level: 1 PowerSync's reference contract, 2 identity and replay, 3 limits and more, 4 checkpoints (default)",
  },
  only: {
    type: "string",
    value: "IDS",
    about: "only cases whose ids begin with these texts, separated by commas: W-2,L-400",
  },
  strict: { type: "boolean", about: "exit with 1 for a failed SHOULD as well" },
  "outage-begin": {
    type: "string",
    value: "COMMAND",
    about: 'stops the database, such as "docker pause db"',
  },
  "outage-end": { type: "string", value: "COMMAND", about: "starts the database again" },
  json: { type: "boolean", about: "write the report as JSON, instead of the table" },
  junit: { type: "string", value: "FILE", about: "write JUnit XML to this file" },
  mend: {
    type: "string",
    value: "FILE",
    about: "write what to fix to this file, as Markdown (default: below the table)",
  },
  sql: {
    type: "string",
    value: "DIALECT",
    about: `print the table's CREATE TABLE: ${auditDialects.join(", ")}`,
  },
} as const;

const help: Help<typeof options> = {
  usage: ["audit URL --token TOKEN [options]", "audit --sql DIALECT [--table NAME]"],
  about:
    "Tests a write endpoint in any language against the contract of PowerSync uploads, over HTTP only. It writes to a table of its own.\nIt takes less than two minutes, and removes its rows at the end.\nExit codes: 0 every MUST that was tested passed, 1 at least one failed, 2 the audit could not begin.",
  options,
  examples: [
    'npx powersync-writes audit http://127.0.0.1:6060/api/data --token "$ANN" --token2 "$BEN"',
    "npx powersync-writes audit --sql postgres",
  ],
};

export async function audit(args: readonly string[], io: Io): Promise<ExitCode> {
  const given = await readArguments(args, help, io, 1);
  if (given === undefined) return 0;
  const { values } = given;
  const { table = defaultTable, strict = false } = values;
  if (values.sql !== undefined) {
    await io.out(`${sqlOf(values.sql, table)};\n`);
    return 0;
  }
  const [url] = given.positionals;
  if (url === undefined) throw new UsageProblem("Give the endpoint's URL.");
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new UsageProblem(`"${url}" is not an http or https URL.`);
  }
  const token = await tokenFrom(values.token ?? io.env["AUDIT_TOKEN"]);
  if (token === undefined) throw new UsageProblem("Give a token: --token TOKEN, or $AUDIT_TOKEN.");
  const otherToken = await tokenFrom(values.token2 ?? io.env["AUDIT_TOKEN2"]);
  const level = levelOf(values.level);
  const only = values.only === undefined ? undefined : idsIn(values.only);
  const outage = outageOf(values["outage-begin"], values["outage-end"]);
  const report = await runAudit({
    url,
    token,
    ...(otherToken !== undefined && { otherToken }),
    table,
    level,
    ...(only !== undefined && { only }),
    ...(outage !== undefined && { outage }),
    signal: io.signal,
    onCase: ({ id, title }, done, of) => io.progress(`${done} of ${of}: ${id} ${title}`),
  }).catch((error: unknown) => {
    if (!(error instanceof AuditImpossible)) throw error;
    throw new Problem(`The audit could not begin. ${error.message}`);
  });
  io.progress(undefined);
  await writeReport(report, values, strict, io);
  return report.failed.MUST > 0 || (strict && report.failed.SHOULD > 0) ? 1 : 0;
}

async function writeReport(
  report: AuditReport,
  {
    json = false,
    junit,
    mend,
  }: { readonly json?: boolean; readonly junit?: string; readonly mend?: string },
  strict: boolean,
  io: Io,
): Promise<void> {
  if (junit !== undefined) await writeFile(junit, junitOf(report, strict));
  if (mend !== undefined) await writeFile(mend, mendOf(report));
  if (json) await io.out(`${JSON.stringify(report, null, 2)}\n`);
  else await io.out(`${tableOf(report)}${mend === undefined ? `\n${mendOf(report)}` : ""}`);
}

function levelOf(given = "4"): 1 | 2 | 3 | 4 {
  return Number(oneOf("level", given, ["1", "2", "3", "4"])) as 1 | 2 | 3 | 4;
}

/** @throws UsageProblem for an id that no case has, because the audit would test nothing and succeed */
function idsIn(given: string): readonly string[] {
  const ids = given.split(",").map((id) => id.trim());
  const unknown = ids.find(
    (start) => start === "" || !auditCases.some(({ id }) => id.startsWith(start)),
  );
  if (unknown === undefined) return ids;
  throw new UsageProblem(`--only: no case has an id that begins with "${unknown}".`);
}

function sqlOf(given: string, table: string): string {
  const dialect = oneOf("sql", given, auditDialects);
  try {
    return auditSql(dialect, table);
  } catch (error) {
    throw new UsageProblem(error instanceof Error ? error.message : String(error));
  }
}

async function tokenFrom(given: string | undefined): Promise<string | undefined> {
  if (given === undefined || given === "") return undefined;
  if (!given.startsWith("@")) return given;
  try {
    return (await readFile(given.slice(1), "utf8")).trim();
  } catch {
    throw new UsageProblem(`The file ${given.slice(1)} can't be read.`);
  }
}

function outageOf(begin: string | undefined, end: string | undefined): Outage | undefined {
  if (begin === undefined && end === undefined) return undefined;
  if (begin === undefined || end === undefined) {
    throw new UsageProblem("Give both --outage-begin and --outage-end, or neither.");
  }
  return { begin: () => shell(begin), end: () => shell(end) };
}

/** The time limit for a command that stops or starts the database. */
const commandMs = 60_000;

function shell(command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    exec(command, { timeout: commandMs }, (error) => {
      if (error === null) resolve();
      else reject(new Problem(`The command "${command}" failed.`));
    });
  });
}
