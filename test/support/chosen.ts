/**
 * Which databases a run is for: `DIALECTS=postgres,sqlite npm test`. Without the variable, every one.
 *
 * The one place that reads it. What is not chosen is not available, and is skipped as where its server is missing. Tests that need some database and
 * no certain one take SQLite or PGlite, which are always there.
 */
import { long } from "./long.js";

const names = [
  "pglite",
  "postgres",
  "mariadb",
  "mysql",
  "mssql",
  "sqlite",
  "memory",
  "mongodb",
] as const;

export type DialectName = (typeof names)[number];

const chosen = read(process.env["DIALECTS"]);

/** Whether the run names its databases. */
const narrowed = (process.env["DIALECTS"] ?? "") !== "";

/**
 * Whether every suite is for MySQL, MariaDB and MongoDB, and not the conformance cases alone: in a run that names its databases, as `.ci/run` has one
 * for these three, and in the long form. They would take half of the time of `npm test`.
 */
export const everyDatabase = narrowed || long;

export function isChosen(name: DialectName): boolean {
  return chosen.has(name);
}

function read(list = ""): ReadonlySet<DialectName> {
  const given = list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  // A misspelled name must not skip what it means.
  for (const name of given) {
    if (!isName(name))
      throw new Error(`DIALECTS names "${name}". It may name ${names.join(", ")}.`);
  }
  return new Set(given.length === 0 ? names : given.filter(isName));
}

function isName(name: string): name is DialectName {
  return (names as readonly string[]).includes(name);
}
