/** `powersync-writes audit URL --token T`: the audit from the command line. */
import { exec } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { junitOf, mendOf, tableOf } from "./report.js";
import { AuditImpossible, type AuditReport, runAudit } from "./run.js";
import { auditDialects, auditSql, defaultTable } from "./sql.js";
import type { Outage } from "./steps.js";

/** Where the command writes. */
export interface AuditIo {
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** To stdout, as it is. */
  out(text: string): Promise<void> | void;
  /** A line to stderr. */
  note(line: string): void;
  /** How far it has come; `undefined` takes it away. */
  progress(text: string | undefined): void;
}

const help = `Usage: powersync-writes audit URL --token TOKEN [options]
       powersync-writes audit --sql DIALECT [--table NAME]

Holds a write endpoint, in whatever language, to the contract of PowerSync uploads: over HTTP alone, on a
table of its own. It takes less than two minutes, and removes its rows again.

Options
  --token TOKEN          a bearer token (or AUDIT_TOKEN in the environment); @FILE reads it from a file
  --token2 TOKEN         that of another user (or AUDIT_TOKEN2): what is between users needs it
  --table NAME           the table, as clients name it (${defaultTable})
  --level N              1 PowerSync's reference contract, 2 identity and replay, 3 the whole contract and
                         its limits, 4 checkpoints; cases above are left out (4)
  --only IDS             cases by the beginning of their id, separated by commas
  --strict               a SHOULD that fails makes the exit code 1, too
  --outage-begin COMMAND takes the database away, such as "docker pause db"
  --outage-end COMMAND   gives it back
  --json                 the report as JSON on stdout, in place of the table
  --junit FILE           writes the report as JUnit's XML
  --mend FILE            writes what to mend as Markdown; without it, it stands below the table
  --sql DIALECT          prints the table's CREATE TABLE: ${auditDialects.join(", ")}
  -h, --help             prints this help

Exit codes: 0 every MUST that was run holds, 1 one does not, 2 the audit could not begin.
`;

class Usage extends Error {}

/** @returns the exit code */
export async function auditCommand(args: readonly string[], io: AuditIo): Promise<0 | 1 | 2> {
  try {
    return await run(args, io);
  } catch (error) {
    io.progress(undefined);
    if (error instanceof Usage) {
      io.note(`error: ${error.message}`);
      io.note("Run `npx powersync-writes audit --help` for the options.");
      return 2;
    }
    if (!(error instanceof AuditImpossible)) throw error;
    io.note(`error: The audit could not begin. ${error.message}`);
    return 2;
  }
}

async function run(args: readonly string[], io: AuditIo): Promise<0 | 1 | 2> {
  const { values, positionals } = read(args);
  if (values.help === true) {
    await io.out(help);
    return 0;
  }
  const { table = defaultTable, strict = false } = values;
  if (values.sql !== undefined) {
    await io.out(`${sqlOf(values.sql, table)};\n`);
    return 0;
  }
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0) throw new Usage("Give one URL, the endpoint's own.");
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw new Usage(`"${url}" is no http(s) URL.`);
  const token = await secret(values.token ?? io.env["AUDIT_TOKEN"]);
  if (token === undefined) throw new Usage("Give a token: --token, or AUDIT_TOKEN.");
  const otherToken = await secret(values.token2 ?? io.env["AUDIT_TOKEN2"]);
  const outage = outageOf(values["outage-begin"], values["outage-end"]);
  const report = await runAudit({
    url,
    token,
    ...(otherToken !== undefined && { otherToken }),
    table,
    level: levelOf(values.level),
    ...(values.only !== undefined && { only: values.only.split(",") }),
    ...(outage !== undefined && { outage }),
    signal: io.signal,
    onCase: ({ id, title }, done, of) => io.progress(`${done} of ${of}: ${id} ${title}`),
  });
  io.progress(undefined);
  await tell(report, values, strict, io);
  return report.failed.MUST > 0 || (strict && report.failed.SHOULD > 0) ? 1 : 0;
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        token: { type: "string" },
        token2: { type: "string" },
        table: { type: "string" },
        level: { type: "string" },
        only: { type: "string" },
        strict: { type: "boolean" },
        "outage-begin": { type: "string" },
        "outage-end": { type: "string" },
        json: { type: "boolean" },
        junit: { type: "string" },
        mend: { type: "string" },
        sql: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Usage(error.message, { cause: error });
  }
}

type Values = ReturnType<typeof read>["values"];

async function tell(
  report: AuditReport,
  { json = false, junit, mend }: Values,
  strict: boolean,
  io: AuditIo,
): Promise<void> {
  if (junit !== undefined) await writeFile(junit, junitOf(report, strict));
  if (mend !== undefined) await writeFile(mend, mendOf(report));
  if (json) await io.out(`${JSON.stringify(report, null, 2)}\n`);
  else await io.out(`${tableOf(report)}${mend === undefined ? `\n${mendOf(report)}` : ""}`);
}

function levelOf(given: string | undefined): 1 | 2 | 3 | 4 {
  const level = ([1, 2, 3, 4] as const).find((each) => String(each) === (given ?? "4"));
  if (level === undefined) throw new Usage("--level is 1, 2, 3 or 4.");
  return level;
}

function sqlOf(given: string, table: string): string {
  const dialect = auditDialects.find((each) => each === given);
  if (dialect === undefined) throw new Usage(`--sql is one of ${auditDialects.join(", ")}.`);
  try {
    return auditSql(dialect, table);
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function secret(given: string | undefined): Promise<string | undefined> {
  if (given === undefined || given === "") return undefined;
  if (!given.startsWith("@")) return given;
  try {
    return (await readFile(given.slice(1), "utf8")).trim();
  } catch (error) {
    throw new Usage(`The file ${given.slice(1)} can't be read.`, { cause: error });
  }
}

/** For a command that takes something away, or gives it back. */
const commandMs = 60_000;

function outageOf(begin: string | undefined, end: string | undefined): Outage | undefined {
  if (begin === undefined && end === undefined) return undefined;
  if (begin === undefined || end === undefined)
    throw new Usage("--outage-begin and --outage-end belong together.");
  return { begin: () => shell(begin), end: () => shell(end) };
}

function shell(command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    exec(command, { timeout: commandMs }, (error) => {
      if (error === null) resolve();
      else reject(new AuditImpossible(`The command "${command}" failed.`, { cause: error }));
    });
  });
}
