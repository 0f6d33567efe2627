/**
 * `npm run bench:cases`: what the library's own work costs on Postgres, by case: trips and statements counted in front of the server, and the CPU of both
 * processes. Without HTTP. The counts are exact; the CPU's milliseconds are those of this machine.
 */
import { readFileSync } from "node:fs";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type WritesConfig } from "../../src/index.js";
import { createCountingProxy } from "../support/counting-proxy.js";
import { createPostgresDatabase, createTestTables } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

const { url, drop } = await createPostgresDatabase();
const proxy = await createCountingProxy(Number(new URL(url).port || 5432));
const through = new URL(url);
through.port = String(proxy.port);

const principal = { userId: "alice" };

interface Server {
  readonly send: (transactions: readonly object[][]) => Promise<void>;
  readonly close: () => Promise<void>;
}

let lastOpId = 0;

function serve(
  connectionString: string,
  tables: WritesConfig<typeof principal, TestSchema>["tables"],
): Server {
  const pool = guardPool(new pg.Pool({ connectionString, max: 4 }), { flights: true });
  const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
  const writes = createWrites({ authenticate: () => principal, database: db, tables });
  return {
    send: async (transactions) => {
      const body = {
        client_id: "bench",
        transactions: transactions.map((crud) => ({
          crud: crud.map((entry) => ({ ...entry, op_id: (lastOpId += 1) })),
        })),
      };
      for (const { status } of await writes.processBatch(body, { principal }))
        if (status !== "success") throw new Error(`Answered ${status}.`);
    },
    close: () => db.destroy(),
  };
}

const owned = { lists: { owner: "owner_id" }, todos: { access: "everyone" } } as const;
const belonging = {
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
} as const;

const list = (id: string = crypto.randomUUID()) => ({
  op: "PUT",
  table: "lists",
  id,
  op_data: { name: "Groceries", owner_id: "alice", created_at: "2026-01-01T00:00:00.000Z" },
});
const shared = crypto.randomUUID();
const todo = (id: string = crypto.randomUUID()) => ({
  op: "PUT",
  table: "todos",
  id,
  op_data: { list_id: shared, description: "Milk", completed: 0, position: 1.5 },
});

/** 600 PUTs, 300 PATCHes and 100 DELETEs on two tables, as an app that was offline for a while sends them. */
function mixed(): object[] {
  const crud: object[] = [];
  for (let group = 0; group < 50; group += 1) {
    const lists = Array.from({ length: 4 }, () => list());
    const todos = Array.from({ length: 8 }, () => todo());
    crud.push(...lists, ...todos);
    for (const { id } of todos.slice(0, 6))
      crud.push({ op: "PATCH", table: "todos", id, op_data: { completed: 1 } });
    for (const { id } of todos.slice(6)) crud.push({ op: "DELETE", table: "todos", id });
  }
  return crud;
}

interface Case {
  readonly name: string;
  readonly tables: object;
  readonly rounds: number;
  readonly body: () => object[][];
}

const four = () => [list(), todo(), todo(), todo()];
const cases: readonly Case[] = [
  { name: "W1 one PUT", tables: owned, rounds: 300, body: () => [[list()]] },
  { name: "W1 one PUT, belongsTo", tables: belonging, rounds: 300, body: () => [[todo()]] },
  {
    name: "W2 100 PUTs",
    tables: owned,
    rounds: 40,
    body: () => [Array.from({ length: 100 }, () => list())],
  },
  {
    name: "W2 100 PUTs, belongsTo",
    tables: belonging,
    rounds: 40,
    body: () => [Array.from({ length: 100 }, () => todo())],
  },
  { name: "W3 1,000 mixed", tables: owned, rounds: 6, body: () => [mixed()] },
  { name: "W4 50 of 4", tables: owned, rounds: 10, body: () => Array.from({ length: 50 }, four) },
  {
    name: "W4 50 of 4, belongsTo",
    tables: belonging,
    rounds: 10,
    body: () => Array.from({ length: 50 }, four),
  },
];

const admin = new pg.Client({ connectionString: url });
await admin.connect();
const setup = new Kysely<TestSchema>({
  dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
});
await createTestTables(setup);
await createTables(setup);
await setup.destroy();
await admin.query("insert into lists (id, owner_id) values ($1, 'alice')", [shared]);
// Tables that are analyzed while they are empty keep prepared statements on sequential scans.
await admin.query(
  "insert into lists (id, owner_id) select gen_random_uuid(), 'bob' from generate_series(1, 5000)",
);
await admin.query(
  "insert into todos (id, description) select gen_random_uuid(), 'x' from generate_series(1, 5000)",
);
await admin.query("analyze");

/** In milliseconds: of the server processes that serve this database. */
async function serverCpu(): Promise<number> {
  const { rows } = await admin.query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  let ticks = 0;
  for (const { pid } of rows) {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

const only = process.argv[2];
console.log(
  "case                       trips  statements  parsed     bytes  CPU ours  CPU server  ms",
);
for (const { name, tables, rounds, body } of cases) {
  if (only !== undefined && !name.startsWith(only)) continue;
  const counting = serve(through.href, tables as never);
  for (let warm = 0; warm < 3; warm += 1) await counting.send(body());
  proxy.counted();
  await counting.send(body());
  const { trips, statements, parsed, bytes } = proxy.counted();
  await counting.close();
  const direct = serve(url, tables as never);
  for (let warm = 0; warm < Math.ceil(rounds / 5); warm += 1) await direct.send(body());
  const bodies = Array.from({ length: rounds }, body);
  const before = await serverCpu();
  const cpu = process.cpuUsage();
  const started = performance.now();
  for (const each of bodies) await direct.send(each);
  const ms = (performance.now() - started) / rounds;
  const { user, system } = process.cpuUsage(cpu);
  const server = ((await serverCpu()) - before) / rounds;
  await direct.close();
  console.log(
    [
      name.padEnd(26),
      String(trips).padStart(5),
      String(statements).padStart(11),
      String(parsed).padStart(7),
      String(bytes).padStart(9),
      ((user + system) / 1000 / rounds).toFixed(2).padStart(9),
      server.toFixed(2).padStart(11),
      ms.toFixed(1).padStart(8),
    ].join(" "),
  );
}

await admin.end();
await proxy.close();
await drop();
