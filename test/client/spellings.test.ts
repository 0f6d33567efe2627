/** What PowerSync's own client queues, in every form in which connectors put it on the wire: the same rows come of it, and no letter. */
import { createServer } from "node:http";
import type { CrudEntry, CrudTransaction } from "@powersync/common";
import type { PowerSyncDatabase } from "@powersync/node";
import express from "express";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/express.js";
import { createWrites } from "../../src/index.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import { createDevices, queued } from "../support/device.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { type Listening, listen } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

interface Sent {
  readonly method?: string;
  readonly body: unknown;
}

type Connector = (transaction: CrudTransaction, clientId: string) => readonly Sent[];

/** What a spread of the SDK's object leaves of it: its properties, without its methods. */
const spread = (entry: CrudEntry) => ({ ...entry });
const row = ({ table, opData, id }: CrudEntry) => ({ table, data: { ...opData, id } });

const connectors: readonly (readonly [string, Connector])[] = [
  ["the SDK's own JSON", ({ crud }) => [{ body: { crud } }]],
  ["the SDK's own JSON, in a batch", ({ crud }) => [{ body: { batch: crud } }]],
  ["the transaction as it is", (transaction) => [{ body: { transactions: [transaction] } }]],
  [
    "entries spread",
    ({ crud, transactionId }, clientId) => [
      { body: { clientId, transactions: [{ transactionId, crud: crud.map(spread) }] } },
    ],
  ],
  [
    "the published write API",
    ({ crud, transactionId }) => [
      {
        body: {
          transactions: [
            {
              transaction_id: transactionId,
              crud: crud.map(({ id, op, table, opData }) => ({ id, op, table, op_data: opData })),
            },
          ],
        },
      },
    ],
  ],
  [
    "the demo backends' batch",
    ({ crud }) => [
      {
        body: { batch: crud.map(({ op, table, id, opData }) => ({ op, table, id, data: opData })) },
      },
    ],
  ],
  [
    "one request an operation, by its method",
    ({ crud }) => crud.map((entry) => ({ method: entry.op, body: row(entry) })),
  ],
];

describe.skipIf(!(await postgresAvailable()))("what the SDK queues", () => {
  const devices = createDevices();
  let source: TestDatabase;
  let server: Listening;
  let device: PowerSyncDatabase;

  beforeAll(async () => {
    source = await postgres.open();
    const writes = createWrites<TestPrincipal, TestSchema>(testConfig(source.db));
    server = await listen(createServer(express().use(powersyncWrites(writes))));
  });
  beforeEach(async () => {
    await source.reset();
    device = await devices.open();
  });
  afterEach(() => devices.close(device));
  afterAll(async () => {
    await devices.remove();
    await server?.close();
    await source?.close();
  });

  const statusesOf = (answer: unknown): readonly unknown[] => {
    const { results, status } = answer as { results?: { status: unknown }[]; status?: unknown };
    return results?.map((each) => each.status) ?? [status ?? "success"];
  };

  it.each(connectors)("comes as %s", async (_name, connector) => {
    const [empty, full, gone] = [1, 2, 3].map(() => crypto.randomUUID() as string);
    // Rows without other columns, and updates that change nothing, have their data too: {}.
    await device.execute("INSERT INTO lists (id) VALUES (?)", [empty]);
    await device.execute("UPDATE lists SET name = name WHERE id = ?", [empty]);
    await device.execute("INSERT OR REPLACE INTO things (id) VALUES (?)", [empty]);
    await device.writeTransaction(async (tx) => {
      await tx.execute("INSERT INTO lists (id, name) VALUES (?, 'Groceries')", [full]);
      await tx.execute("INSERT INTO todos (id, list_id, description) VALUES (?, ?, 'Bread')", [
        full,
        full,
      ]);
      await tx.execute("UPDATE todos SET description = description WHERE id = ?", [full]);
      await tx.execute("UPDATE todos SET completed = 1 WHERE id = ?", [full]);
      await tx.execute("INSERT INTO things (id, code) VALUES (?, 'gone')", [gone]);
      await tx.execute("UPDATE things SET code = NULL WHERE id = ?", [gone]);
      await tx.execute("DELETE FROM things WHERE id = ?", [gone]);
    });
    const clientId = await device.getClientId();
    const headers = { authorization: "Bearer alice", "content-type": "application/json" };
    for await (const transaction of device.getCrudTransactions()) {
      for (const { method = "POST", body } of connector(transaction, clientId)) {
        const sent = { method, headers, body: JSON.stringify(body) };
        const response = await fetch(server.url, sent);
        expect(response.status).toBe(200);
        expect(statusesOf(await response.json())).toEqual(["success"]);
      }
      await transaction.complete();
    }
    expect(await queued(device)).toEqual([]);
    const { db } = source;
    const lists = await db.selectFrom("lists").select(["id", "name", "owner_id"]).execute();
    expect(lists).toHaveLength(2);
    expect(lists).toEqual(
      expect.arrayContaining([
        { id: empty, name: null, owner_id: "alice" },
        { id: full, name: "Groceries", owner_id: "alice" },
      ]),
    );
    expect(
      await db.selectFrom("todos").select(["id", "description", "completed"]).execute(),
    ).toEqual([{ id: full, description: "Bread", completed: true }]);
    expect(await db.selectFrom("things").select(["id", "code"]).execute()).toEqual([
      { id: empty, code: null },
    ]);
    expect(await db.selectFrom("powersync_dead_letters").selectAll().execute()).toEqual([]);
  });
});
