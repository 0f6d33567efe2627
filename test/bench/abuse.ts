/**
 * `npm run bench:abuse`: what callers who mean harm cost the others, on loopback, as one table. Each scene has a server in a process of its own, on
 * Express, and a database of its own on Postgres. The times are those of this machine, and of what else it did.
 *
 *     npm run bench:abuse -- --scene 11 --seconds 60 --operations 1000 --json
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { createTables } from "../../src/index.js";
import { createPostgresDatabase, createTestTables } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { blocking } from "./abuse/blocking.js";
import { bodies } from "./abuse/bodies.js";
import { memory } from "./abuse/memory.js";
import { pool } from "./abuse/pool.js";
import { records } from "./abuse/records.js";
import type { Figure, Scene } from "./abuse/scene.js";

const scenes: readonly Scene[] = [memory, bodies, pool, records, blocking];

const { values } = parseArgs({
  options: {
    scene: { type: "string" },
    seconds: { type: "string" },
    operations: { type: "string", default: "10000" },
    json: { type: "boolean", default: false },
  },
});
const chosen = scenes.filter(({ number }) => [undefined, String(number)].includes(values.scene));
const seconds = values.seconds === undefined ? undefined : positive(values.seconds);
const operations = positive(values.operations);
if (chosen.length === 0) {
  end(`There is no scene ${values.scene}; there are ${scenes.map((s) => s.number).join(", ")}.`);
}
if (!(await postgresAvailable())) end("The bench needs a Postgres server; none answers.");

const measured = new Map<Scene, readonly Figure[]>();
const before = loadavg();
for (const scene of chosen) {
  console.error(`Scene ${scene.number}: ${scene.name} …`);
  const { url, drop } = await createPostgresDatabase();
  // Postgres ends what is still under way there, and so does the bench with its own processes.
  const interrupted = () => void drop().finally(() => process.exit(130));
  process.once("SIGINT", interrupted);
  try {
    await prepare(url);
    const options = { seconds: seconds ?? scene.seconds, operations, databaseUrl: url };
    measured.set(scene, await scene.run(options));
  } finally {
    process.off("SIGINT", interrupted);
    await drop();
  }
}
const load = { before, after: loadavg() };

if (values.json) {
  const rows = [...measured].flatMap(([{ number }, figures]) =>
    figures.map((figure) => ({ scene: number, ...figure })),
  );
  console.log(JSON.stringify({ load, node: process.version, figures: rows }, null, 2));
} else {
  for (const { number, name } of chosen) console.log(`${number}: ${name}`);
  console.log("\n| scene | case | figure | value |\n| ----- | ---- | ------ | ----- |");
  for (const [{ number }, figures] of measured) {
    for (const figure of figures) {
      const note = figure.note === undefined ? "" : ` (${figure.note})`;
      console.log(`| ${number} | ${figure.of} | ${figure.name} | ${shown(figure)}${note} |`);
    }
  }
  const loads = [load.before, load.after].map((each) => each.map((n) => n.toFixed(1)).join(" "));
  console.log(`\nLoad average before: ${loads[0]}; after: ${loads[1]}. Node ${process.version}.`);
}

async function prepare(url: string): Promise<void> {
  const connections = new pg.Pool({ connectionString: url, max: 1 });
  const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool: connections }) });
  await createTestTables(db);
  await createTables(db);
  await db.destroy();
}

function shown({ value, unit }: Figure): string {
  if (typeof value === "string") return value;
  if (value === Infinity) return "never";
  const digits = value < 10 && unit !== "rows" ? 1 : 0;
  return unit === undefined ? value.toFixed(digits) : `${value.toFixed(digits)} ${unit}`;
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) end(`${text} is not a whole number above 0.`);
  return number;
}

function end(reason: string): never {
  console.error(reason);
  process.exit(1);
}
