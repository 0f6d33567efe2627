/**
 * A process that writes to an SQLite file: `sqlite-writer.ts FILE DRIVER MODE TIMES`.
 * It makes what tables are missing, tells its parent when it is ready, writes when it is told to, and answers with how often each status came.
 *
 * `same`: one transaction again and again. `other`: each time another one, without identity and without the library's tables. `whole`: the device's
 * transactions from its first, each sent in one go if possible; the answers count those as `flown`.
 */
import { once } from "node:events";
import { createTables, createWrites, type WriteEvent } from "../../src/index.js";
import { openSqlite, type SqliteDriver } from "./sqlite-files.js";
import { testConfig, type TestPrincipal } from "./writes.js";
import type { TestSchema } from "./schema.js";

const [, , file = "", driver = "", mode = "", times = ""] = process.argv;
const db = openSqlite(file, driver as SqliteDriver, { guarded: mode === "whole" });
if (mode === "same") await createTables(db);
const statuses: Record<string, number> = {};
const writes = createWrites<TestPrincipal, TestSchema>({
  ...testConfig(db),
  ...(mode === "other" && { ledger: false }),
  ...(mode === "whole" && {
    tables: { lists: { owner: "owner_id" }, todos: { belongsTo: { list_id: "lists" } } },
    onEvent: (event: WriteEvent) => {
      if (event.type === "transaction" && event.flown)
        statuses["flown"] = (statuses["flown"] ?? 0) + 1;
    },
  }),
});

const id = "00000000-0000-4000-8000-000000000001";
const list = { op: "PUT", table: "lists", id, op_data: { name: "shared" } };
const same = { client_id: "device", crud: [{ ...list, op_id: 1 }] };
const other = (n: number) => ({
  crud: [list, { op: "PATCH", table: "lists", id, op_data: { name: `${process.pid} ${n}` } }],
});
/** A list and three todos. */
const whole = (n: number) => {
  const at = (digit: number) => `00000000-0000-4000-8000-${digit}${String(n).padStart(11, "0")}`;
  const entries = [1, 2, 3].map((digit) => ({
    table: "todos",
    id: at(digit),
    op_data: { list_id: at(0), description: `${n}` },
  }));
  const all = [{ table: "lists", id: at(0), op_data: { name: `${n}` } }, ...entries];
  return {
    client_id: "device",
    crud: all.map((each, index) => ({ op: "PUT", ...each, op_id: 10 * n + index })),
  };
};
const bodies: Readonly<Record<string, (n: number) => object>> = { same: () => same, other, whole };

process.send?.("ready");
await once(process, "message");
for (let n = 0; n < Number(times); n += 1) {
  const body = bodies[mode]?.(n);
  const { status } = await writes.processTransaction(body, { principal: { userId: "alice" } });
  statuses[status] = (statuses[status] ?? 0) + 1;
}
await db.destroy();
process.send?.(statuses);
process.disconnect();
