/** What a run says: a line for each cell and database, and a last line for all. */
import { counted, type Tally } from "./check.js";
import type { DatabaseName } from "./databases.js";
import type { Outcome } from "./run.js";
import type { Cell } from "./terms.js";

type Counts = { readonly [Name in (typeof counted)[number]]: number };

export interface Row extends Counts {
  readonly cell: string;
  readonly database: DatabaseName;
  readonly fires: ReadonlyMap<string, number>;
  /** Transactions that were sent to the database as a whole. */
  readonly flown: number;
  readonly failures: readonly string[];
}

/**
 * @param again the command line that says in which form each seed was run
 * @param outcomes one a seed, from `first` on; an error where the run itself has broken off
 */
export function sumOf(
  { name, faults }: Cell,
  database: DatabaseName,
  { first, again }: { readonly first: number; readonly again: string },
  outcomes: readonly (Outcome | Error)[],
): Row {
  const whole = outcomes.flatMap((outcome) => (outcome instanceof Error ? [] : [outcome]));
  const fires = new Map(faults.map((fault) => [fault, 0]));
  for (const outcome of whole) {
    for (const [fault, times] of outcome.fires) fires.set(fault, (fires.get(fault) ?? 0) + times);
  }
  const flown = whole.reduce((sum, outcome) => sum + outcome.flown, 0);
  const failures = outcomes.flatMap((outcome, index) => {
    const said = outcome instanceof Error ? [outcome.stack ?? outcome.message] : outcome.failures;
    if (said.length === 0) return [];
    const which = `--cell ${name} --database ${database} --seed ${first + index}`;
    return [...said.slice(0, 12), `Again: npm run faults -- ${again}${which}`];
  });
  return { cell: name, database, ...total(whole), fires, flown, failures };
}

export function lineOf(row: Row, ms: number): string {
  const { cell, database, fires, flown, failures } = row;
  const sign = failures.length === 0 ? "✓" : "✗";
  const faults = [...fires].map(([fault, times]) => `${fault} ${times}`).join(", ");
  const head = `${sign} ${cell.padEnd(26)} ${database.padEnd(8)} ${inWords(row)}${flown > 0 ? `, flown ${flown}` : ""}; fired: ${faults} (${(ms / 1_000).toFixed(1)} s)`;
  return [head, ...failures.map((failure) => `    ${failure}`)].join("\n");
}

export function lastLine(rows: readonly Row[]): string {
  const cells = new Map<string, number>();
  for (const { cell, fires } of rows) {
    const times = [...fires.values()].reduce((sum, next) => sum + next, 0);
    cells.set(cell, (cells.get(cell) ?? 0) + times);
  }
  const fired = [...cells].map(([cell, times]) => `${cell} ${times}`).join(", ");
  return `${inWords(total(rows))}; faults fired: ${fired}`;
}

function inWords(counts: Counts): string {
  const { sent, applied, letters, queued, lost, twice, partial, reordered, wrong } = counts;
  return `sent ${sent}, applied ${applied}, dead letters ${letters}, still queued ${queued}, lost ${lost}, twice ${twice}, partial ${partial}, reordered ${reordered}, wrong ${wrong}`;
}

function total(of: readonly Pick<Tally, (typeof counted)[number]>[]): Counts {
  const sum = (name: (typeof counted)[number]) =>
    of.reduce((before, each) => before + each[name], 0);
  return Object.fromEntries(counted.map((name) => [name, sum(name)])) as unknown as Counts;
}
