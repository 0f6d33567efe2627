/**
 * `npm run bench`: this library beside an endpoint written by hand, on the same Postgres, in the same run, taking turns.
 * What is printed is a ratio of medians; the milliseconds are those of this machine.
 */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type WritesConfig } from "../../src/index.js";
import { createPostgresDatabase, createTestTables } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { applyByHand } from "./baseline.js";

const rounds = 15;

interface Work {
  readonly name: string;
  /** Transactions of one round, each a list of operations. */
  readonly transactions: number;
  readonly operations: number;
  /** Requests under way at once. */
  readonly concurrency: number;
}

const works: readonly Work[] = [
  {
    name: "one PUT a transaction, one at a time",
    transactions: 100,
    operations: 1,
    concurrency: 1,
  },
  {
    name: "one PUT a transaction, 16 at a time",
    transactions: 200,
    operations: 1,
    concurrency: 16,
  },
  {
    name: "4 operations a transaction, 8 at a time",
    transactions: 100,
    operations: 4,
    concurrency: 8,
  },
  {
    name: "100 operations a transaction, one at a time",
    transactions: 5,
    operations: 100,
    concurrency: 1,
  },
  {
    name: "1,000 operations a transaction, one at a time",
    transactions: 1,
    operations: 1_000,
    concurrency: 1,
  },
];

if (!(await postgresAvailable())) {
  console.log("The bench needs a Postgres server; none answers.");
  process.exit(1);
}
const { url, drop } = await createPostgresDatabase();
const pool = guardPool(new pg.Pool({ connectionString: url, max: 16 }));
const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
await createTestTables(db);
await createTables(db);

const principal = { userId: "alice" };
const base = {
  authenticate: () => principal,
  database: db,
  tables: { lists: { access: "everyone" }, todos: { access: "everyone" } },
} satisfies WritesConfig<typeof principal, TestSchema>;
const plain = createWrites(base);
const scoped = createWrites({
  ...base,
  tables: { lists: { owner: "owner_id" }, todos: { access: "everyone" } },
});

const runners = {
  "by hand": (crud: readonly object[]) => applyByHand(pool, crud as never),
  "no identity": (crud: readonly object[]) => send(plain, { crud }),
  ledger: (crud: readonly object[]) => send(plain, { client_id: "bench", crud: numbered(crud) }),
  "ledger + owner": (crud: readonly object[]) =>
    send(scoped, { client_id: "bench", crud: numbered(crud) }),
};

let lastOpId = 0;

for (const work of works) {
  const times = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, run] of Object.entries(runners)) {
      const ms = await timed(work, run);
      // The first round only warms up.
      if (round > 0) times.set(name, [...(times.get(name) ?? []), ms]);
    }
  }
  const byHand = median(times.get("by hand") ?? []);
  console.log(`\n${work.name}`);
  for (const [name, each] of times) {
    const ms = median(each);
    const perSecond = Math.round((work.transactions * work.operations * 1000) / ms);
    console.log(
      `  ${name.padEnd(16)} ${(ms / byHand).toFixed(2)} × the time by hand   ${perSecond} operations/s`,
    );
  }
}

await db.destroy();
await drop();

async function timed(
  { transactions, operations, concurrency }: Work,
  run: (crud: readonly object[]) => Promise<void>,
): Promise<number> {
  const waiting = Array.from({ length: transactions }, () => crudOf(operations));
  const started = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let crud = waiting.pop(); crud !== undefined; crud = waiting.pop()) await run(crud);
    }),
  );
  return performance.now() - started;
}

function crudOf(operations: number): readonly object[] {
  return Array.from({ length: operations }, () => ({
    op: "PUT",
    table: "lists",
    id: crypto.randomUUID(),
    op_data: { name: "Groceries", owner_id: "alice", created_at: "2026-01-01T00:00:00.000Z" },
  }));
}

function numbered(crud: readonly object[]): readonly object[] {
  return crud.map((entry) => ({ ...entry, op_id: (lastOpId += 1) }));
}

async function send(writes: typeof plain, body: object): Promise<void> {
  const { status } = await writes.processTransaction(body, { principal });
  if (status !== "success") throw new Error(`The bench's transaction was answered ${status}.`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
