/**
 * `npm run faults`: tries to lose a write, in every cell, on Postgres and MySQL. `npm run faults -- --short` is the form for CI: fewer
 * transactions, SQLite and PGlite as well, and with it the proof that the suite can fail.
 *
 * `--seeds N` (default 5, and 3 for what is large or waits long; 1 in the short form), `--seed S` (the first; without `--seeds` the only one),
 * `--cell NAME,…`, `--database NAME,…`, `--transactions N` (in a cell and seed; default 200, in the short form 30; what is large or waits long keeps its 10, or 6),
 * `--flights`: on Postgres, transactions are sent as a whole where that can be done; `--sabotage NAME`: breaks the promise on purpose, and is to be seen.
 */
import { ownMysqlAvailable } from "../support/own-mysql.js";
import { ownPostgresAvailable } from "../support/own-postgres.js";
import { cells } from "./cells/cells.js";
import { createServer, type DatabaseName, type DatabaseServer } from "./databases.js";
import { noticedLine, noticing } from "./noticed.js";
import { readOptions } from "./options.js";
import { lastLine, lineOf, type Row, sumOf } from "./report.js";
import { type Outcome, run } from "./run.js";
import { type Sabotage, sabotages } from "./sabotage.js";
import { createProcesses } from "./server-process.js";
import type { Cell } from "./terms.js";
import type { Plan } from "./world.js";

const options = readOptions(process.argv.slice(2));
const { short, first, databases, sabotage, flights } = options;
const processes = createProcesses();
const rows: Row[] = [];
const wanted = options.cells.flatMap((cell) =>
  cell.databases.filter((name) => databases.includes(name)),
).length;
let tried = 0;
let unnoticed = 0;

// What was started is ended, also where the run is broken off; and what it has shown by then is said.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    console.log(`Broken off. ${lastLine(rows)}`);
    process.exit(1);
  });
}
console.log(`Seed ${first}.`);
// Side by side: while one waits for a clock, the other has something to do.
await Promise.all(databases.map(tryDatabase));
await processes.end();
console.log(lastLine(rows));
const failed = rows.length === 0 || rows.some(({ failures }) => failures.length > 0);
process.exitCode = failed || unnoticed > 0 ? 1 : 0;

async function tryDatabase(name: DatabaseName): Promise<void> {
  if (!(await isThere(name))) return console.log(`${name} is not there.`);
  const server = await createServer(name);
  try {
    for (const cell of options.cells) {
      if (cell.databases.includes(name)) await tryCell(cell, server);
    }
    if (short && options.whole) await showNoticed(server);
  } finally {
    await server.end();
  }
}

async function tryCell(cell: Cell, server: DatabaseServer): Promise<void> {
  const began = performance.now();
  const outcomes: (Outcome | Error)[] = [];
  const seeds = options.seedsOf(cell);
  for (let seed = first; seed < first + seeds; seed += 1)
    outcomes.push(
      await tryOnce({ cell, server, seed, transactions: options.transactionsOf(cell), sabotage }),
    );
  const row = sumOf(cell, server.name, options, outcomes);
  rows.push(row);
  tried += 1;
  console.log(`${String(tried).padStart(2)}/${wanted} ${lineOf(row, performance.now() - began)}`);
}

function tryOnce(
  plan: Omit<Plan, "first" | "long" | "flights" | "processes">,
): Promise<Outcome | Error> {
  processes.prepare(2);
  return run({ ...plan, first: plan.seed === first, long: !short, flights, processes }).catch(
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}

async function showNoticed(server: DatabaseServer): Promise<void> {
  for (const each of sabotages) {
    const { cell: name, database } = noticing[each];
    const cell = cells.find((one) => one.name === name);
    if (database !== server.name || cell === undefined) continue;
    const { line, noticed } = noticedLine(each, await sabotagedRun(cell, server, each));
    if (!noticed) unnoticed += 1;
    console.log(line);
  }
}

function sabotagedRun(
  cell: Cell,
  server: DatabaseServer,
  sabotage: Sabotage,
): Promise<Outcome | Error> {
  const transactions = 3 * options.transactionsOf(cell);
  const { enough } = noticing[sabotage];
  return tryOnce({ cell, server, seed: first, transactions, sabotage, enough });
}

function isThere(name: DatabaseName): Promise<boolean> | boolean {
  if (name === "postgres") return ownPostgresAvailable();
  return name === "mysql" ? ownMysqlAvailable() : true;
}
