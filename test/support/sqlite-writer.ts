/**
 * A process that writes to an SQLite file: `sqlite-writer.ts FILE DRIVER MODE TIMES`.
 * It makes what tables are missing, tells its parent when it is ready, writes when it is told to, and answers with how often each status came.
 *
 * `same`: one transaction again and again. `other`: each time another one, without identity and without the library's tables.
 */
import { once } from "node:events";
import { createTables, createWrites } from "../../src/index.js";
import { openSqlite, type SqliteDriver } from "./sqlite-files.js";
import { testConfig, type TestPrincipal } from "./writes.js";
import type { TestSchema } from "./schema.js";

const [, , file = "", driver = "", mode = "", times = ""] = process.argv;
const db = openSqlite(file, driver as SqliteDriver);
if (mode === "same") await createTables(db);
const writes = createWrites<TestPrincipal, TestSchema>({
  ...testConfig(db),
  ...(mode === "other" && { ledger: false }),
});

const id = "00000000-0000-4000-8000-000000000001";
const list = { op: "PUT", table: "lists", id, op_data: { name: "shared" } };
const same = { client_id: "device", crud: [{ ...list, op_id: 1 }] };
const other = (n: number) => ({
  crud: [list, { op: "PATCH", table: "lists", id, op_data: { name: `${process.pid} ${n}` } }],
});

process.send?.("ready");
await once(process, "message");
const statuses: Record<string, number> = {};
for (let n = 0; n < Number(times); n += 1) {
  const body = mode === "same" ? same : other(n);
  const { status } = await writes.processTransaction(body, { principal: { userId: "alice" } });
  statuses[status] = (statuses[status] ?? 0) + 1;
}
await db.destroy();
process.send?.(statuses);
process.disconnect();
