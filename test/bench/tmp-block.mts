import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites } from "../../src/index.js";
import { createPostgresDatabase, createTestTables } from "../support/databases.js";
const { url, drop } = await createPostgresDatabase();
const pool = guardPool(new pg.Pool({ connectionString: url, max: 4 }));
const db: any = new Kysely({ dialect: new PostgresDialect({ pool }) });
await createTestTables(db);
await createTables(db);
let flown: any;
const writes = createWrites({
  authenticate: () => ({ userId: "alice" }),
  database: db,
  tables: { lists: { owner: "owner_id" } },
  logger: false,
  onEvent: (e: any) => {
    if (e.type === "transaction") flown = e;
  },
} as any);
let op = 0;
const send = async (crud: any[]) =>
  (
    await writes.processTransaction(
      { client_id: "a", crud: crud.map((c) => ({ ...c, op_id: ++op })) },
      { principal: { userId: "alice" } },
    )
  ).status;
const ids = Array.from({ length: 10000 }, () => crypto.randomUUID());
await send([{ op: "PUT", table: "lists", id: ids[0], op_data: { name: "x" } }]);
await send([{ op: "PUT", table: "lists", id: ids[0], op_data: { name: "x" } }]);
for (const [what, crud] of [
  ["put", ids.map((id) => ({ op: "PUT", table: "lists", id, op_data: { name: "x" } }))],
  ["patch", ids.map((id) => ({ op: "PATCH", table: "lists", id, op_data: { name: "y" } }))],
  ["patch", ids.map((id) => ({ op: "PATCH", table: "lists", id, op_data: { name: "y" } }))],
  ["delete", ids.map((id) => ({ op: "DELETE", table: "lists", id }))],
] as any) {
  let worst = 0,
    last = performance.now();
  const t = setInterval(() => {
    const n = performance.now();
    worst = Math.max(worst, n - last - 1);
    last = n;
  }, 1);
  const cpu = process.cpuUsage();
  const s = performance.now();
  const st = await send(crud);
  clearInterval(t);
  const u = process.cpuUsage(cpu);
  console.log(
    what,
    st,
    flown.flown,
    flown.statements,
    "ms",
    Math.round(performance.now() - s),
    "cpu",
    Math.round((u.user + u.system) / 1000),
    "longest turn",
    Math.round(worst),
  );
}
await db.destroy();
await drop();
