/** What the command line says. */
import { parseArgs } from "node:util";
import { cells } from "./cells/cells.js";
import { type DatabaseName, databaseNames } from "./databases.js";
import { type Sabotage, sabotages } from "./sabotage.js";
import type { Cell } from "./terms.js";

export interface Options {
  readonly short: boolean;
  readonly first: number;
  readonly cells: readonly Cell[];
  readonly databases: readonly DatabaseName[];
  readonly sabotage: Sabotage | undefined;
  readonly flights: boolean;
  /** What has to be said to run a seed again in the same form. Empty, or with a space behind. */
  readonly again: string;
  /** Everything there is, and with it that what must be noticed is. */
  readonly whole: boolean;
  seedsOf(cell: Cell): number;
  transactionsOf(cell: Cell): number;
}

const forms = {
  short: { seeds: 1, usual: 30, few: 6, large: 1 },
  long: { seeds: 5, usual: 200, few: 10, large: 10 },
} as const;

/** For cells that are large, or wait long. */
const mostSeeds = 3;

/** @throws Error for what is not known */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: "boolean", default: false },
      seeds: { type: "string" },
      seed: { type: "string" },
      cell: { type: "string" },
      database: { type: "string" },
      transactions: { type: "string" },
      sabotage: { type: "string" },
      flights: { type: "boolean", default: false },
    },
  });
  const { short } = values;
  const form = forms[short ? "short" : "long"];
  const seed = count("seed", values.seed);
  const seeds = count("seeds", values.seeds) ?? (seed === undefined ? form.seeds : 1);
  const transactions = count("transactions", values.transactions);
  const names = chosen(
    "cell",
    values.cell,
    cells.map(({ name }) => name),
  );
  const [sabotage] =
    values.sabotage === undefined ? [] : chosen("sabotage", values.sabotage, sabotages);
  return {
    short,
    first: seed ?? 1 + Math.floor(Math.random() * 1_000_000),
    cells: cells.filter(({ name }) => names.includes(name)),
    databases: chosen(
      "database",
      values.database,
      short ? databaseNames : longDatabases(values.database),
    ),
    sabotage,
    flights: values.flights,
    again: [
      short ? "--short " : "",
      transactions === undefined ? "" : `--transactions ${transactions} `,
      values.flights ? "--flights " : "",
      sabotage === undefined ? "" : `--sabotage ${sabotage} `,
    ].join(""),
    whole: values.cell === undefined && sabotage === undefined,
    seedsOf: ({ size }) =>
      size === undefined || values.seeds !== undefined ? seeds : Math.min(seeds, mostSeeds),
    transactionsOf: ({ size }) => (size === undefined ? (transactions ?? form.usual) : form[size]),
  };
}

/** In the long form the others only where they are asked for. */
function longDatabases(given: string | undefined): readonly DatabaseName[] {
  return given === undefined ? ["postgres", "mysql"] : databaseNames;
}

function count(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`--${option} wants a whole number above 0.`);
  return number;
}

function chosen<Name extends string>(
  option: string,
  value: string | undefined,
  names: readonly Name[],
): readonly Name[] {
  const given = value?.split(",");
  if (given === undefined) return names;
  // A misspelled name must not try nothing.
  for (const name of given) {
    if (!(names as readonly string[]).includes(name))
      throw new Error(`--${option} may name ${names.join(", ")}.`);
  }
  return names.filter((name) => given.includes(name));
}
