/**
 * `npm run bench:client`: a queue of 10,000 transactions through the connector, beside one request a transaction as in PowerSync's examples; the same
 * client, server and Postgres in one run. One request a transaction is measured on the first of them, as the rest takes as long each.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import type { PowerSyncDatabase } from "@powersync/node";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { PowerSyncWriteConnector } from "../../src/client/index.js";
import { createTables } from "../../src/index.js";
import { createPostgresDatabase, createTestTables } from "../support/databases.js";
import { createDevices, queued, queueTransactions } from "../support/device.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { startUploadProcess } from "../support/upload-process.js";

const transactions = 10_000;
/** Of which so many go one by one. */
const oneByOne = { loopback: 1_000, delayed: 200 };
const delayMs = 20;

if (!(await postgresAvailable())) {
  console.log("The bench needs a Postgres server; none answers.");
  process.exit(1);
}
const { url: databaseUrl, drop } = await createPostgresDatabase();
const db = new Kysely<TestSchema>({
  dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: databaseUrl, max: 1 }) }),
});
await createTestTables(db);
await createTables(db);
await db.destroy();
const server = await startUploadProcess(databaseUrl);
const far = await createDelay(Number(new URL(server.url).port), delayMs);
const devices = createDevices();

for (const [name, url, slice] of [
  ["on loopback", server.url, oneByOne.loopback],
  [`with ${delayMs} ms on the way to the server`, far.url, oneByOne.delayed],
] as const) {
  const slow = await filledDevice();
  const slowMs = (await timed(() => sendOneByOne(slow, url, slice))) / slice;
  const fast = await filledDevice();
  const connector = new PowerSyncWriteConnector({
    url,
    powersyncUrl: "http://127.0.0.1:1",
    getToken: () => "alice",
  });
  const fastMs = (await timed(() => connector.uploadData(fast))) / transactions;
  if ((await queued(fast)).length > 0 || connector.status.rejected > 0) {
    throw new Error("The bench's queue was not drained.");
  }
  console.log(`\n${transactions} transactions of one operation, ${name}`);
  console.log(`  one a request    ${perSecond(slowMs)} transactions/s (of ${slice})`);
  console.log(`  the connector    ${perSecond(fastMs)} transactions/s`);
  console.log(`  ${(slowMs / fastMs).toFixed(1)} times as fast`);
}

await devices.remove();
await far.close();
await server.kill();
await drop();

async function filledDevice(): Promise<PowerSyncDatabase> {
  const device = await devices.open();
  const queue = Array.from({ length: transactions }, () => ({
    crud: [
      {
        op: "PUT" as const,
        table: "lists",
        id: crypto.randomUUID(),
        op_data: { name: "Groceries", owner_id: "alice", created_at: "2026-01-01T00:00:00.000Z" },
      },
    ],
  }));
  await queueTransactions(device, queue);
  return device;
}

async function sendOneByOne(device: PowerSyncDatabase, url: string, count: number): Promise<void> {
  const client_id = await device.getClientId();
  for (let sent = 0; sent < count; sent++) {
    const transaction = await device.getNextCrudTransaction();
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: "Bearer alice", "content-type": "application/json" },
      body: JSON.stringify({ client_id, crud: transaction?.crud }),
    });
    const { status } = (await response.json()) as { status: string };
    if (status !== "success") throw new Error(`The bench's transaction was answered ${status}.`);
    await transaction?.complete();
  }
}

async function timed(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

function perSecond(ms: number): string {
  return String(Math.round(1_000 / ms)).padStart(6);
}

/** Passes on what the client sends once it has been on the way for so long; answers at once. */
async function createDelay(port: number, ms: number) {
  const proxy = createServer((client) => {
    const upstream = connect({ port, host: "127.0.0.1" });
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    client.on("data", (chunk) => setTimeout(() => upstream.write(chunk), ms));
    upstream.pipe(client);
    client.on("close", () => upstream.destroy());
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/api/data`,
    close: async () => {
      proxy.close();
      proxy.unref();
    },
  };
}
