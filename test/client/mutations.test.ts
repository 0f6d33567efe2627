/** `createMutators` with PowerSync's own client: one local transaction, queued in order with raw writes, and run by the server through the connector. */
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { column, Schema, Table } from "@powersync/common";
import { PowerSyncDatabase } from "@powersync/node";
import express from "express";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { powersyncWrites } from "../../adapters/express.js";
import {
  createMutators,
  MutationArgumentsError,
  PowerSyncWriteConnector,
} from "../../src/client/index.js";
import { createWrites, defineMutators, fatal } from "../../src/index.js";
import { memoryStore, type MemoryTransaction } from "../../src/store/memory.js";
import type { Native } from "../../src/store/store.js";
import { byName } from "../support/writes.js";
import { listen, type Listening } from "../support/uploads.js";

const definitions = {
  "list.rename": z.object({
    list: z.string(),
    name: z.string().min(2, "Too short."),
    shout: z.boolean().default(false),
  }),
};
const schema = new Schema({
  lists: new Table({ name: column.text, owner_id: column.text }),
  powersync_mutations: new Table({ name: column.text, args: column.text }, { insertOnly: true }),
});
const list = "00000000-0000-4000-8000-000000000001";

describe("createMutators", () => {
  const folder = mkdtempSync(join(tmpdir(), "mutations-"));
  const tables = { lists: { columns: { id: "uuid", name: "text", owner_id: "text" } } } as const;
  const store = memoryStore({ tables });
  const order: unknown[] = [];
  let server: Listening;
  let database: PowerSyncDatabase;
  let files = 0;

  beforeAll(async () => {
    const writes = createWrites({
      authenticate: byName,
      database: store,
      tables: { lists: { owner: "owner_id" } },
      mutators: defineMutators<Native<MemoryTransaction>>()(definitions, {
        "list.rename": ({ list: id, name, shout }, { tx }) => {
          order.push(name);
          if (name === "forbidden") throw fatal("FORBIDDEN_NAME", "Not this one.");
          tx.update("lists", { id }, { name: shout ? `${name}!` : name });
        },
      }),
      hooks: { map: { before: ({ opData }) => void order.push(opData?.["name"]) } },
      logger: false,
    });
    server = await listen(createServer(express().use(powersyncWrites(writes))));
  });
  beforeEach(async () => {
    await store.clear();
    order.length = 0;
    database = new PowerSyncDatabase({
      schema,
      database: { dbFilename: `${(files += 1)}.db`, dbLocation: folder, readWorkerCount: 1 },
      logger: { log: () => undefined },
    });
    await database.init();
  });
  afterEach(() => database.close());
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const upload = async () => {
    const rejected: string[] = [];
    const connector = new PowerSyncWriteConnector({
      url: server.url,
      powersyncUrl: "http://127.0.0.1:1",
      getToken: async () => "alice",
      subject: (token) => token,
      onFatalTransaction: ({ code }) => {
        rejected.push(code);
        return "complete";
      },
    });
    await connector.uploadData(database);
    return rejected;
  };
  const names = async () =>
    (await database.getAll<{ name: string }>("SELECT name FROM lists")).map(({ name }) => name);
  const queue = async () =>
    (await database.getAll<{ tx_id: number; data: string }>("SELECT tx_id, data FROM ps_crud")).map(
      ({ tx_id, data }) => {
        const {
          op,
          type,
          data: values,
        } = JSON.parse(data) as {
          readonly op: string;
          readonly type: string;
          readonly data?: Readonly<Record<string, unknown>>;
        };
        return { tx: tx_id, op, type, values };
      },
    );

  it("queues a mutation with its optimistic effect, and the server makes its own", async () => {
    const mutate = createMutators(database, definitions);
    await database.execute("INSERT INTO lists (id, name) VALUES (?, 'a')", [list]);
    await mutate("list.rename", { list, name: "bb", shout: true }, async (tx) => {
      await tx.execute("UPDATE lists SET name = 'bb (saving)' WHERE id = ?", [list]);
    });
    await mutate("list.rename", { list, name: "cc" });
    expect(await names()).toEqual(["bb (saving)"]);
    const entries = await queue();
    expect(entries.map(({ op, type }) => `${op} ${type}`)).toEqual([
      "PUT lists",
      "PUT powersync_mutations",
      "PATCH lists",
      "PUT powersync_mutations",
    ]);
    expect(new Set(entries.map(({ tx }) => tx)).size).toBe(3);
    expect(entries[1]?.tx).toBe(entries[2]?.tx);
    expect(entries[1]?.values).toEqual({
      name: "list.rename",
      args: JSON.stringify({ list, name: "bb", shout: true }),
    });
    expect(await upload()).toEqual([]);
    expect(order).toEqual(["a", "bb", "cc"]);
    expect(store.rows("lists")).toEqual([{ id: list, name: "cc", owner_id: "alice" }]);
    expect(await queue()).toEqual([]);
  });

  it("is told of a mutation that the server refuses, and goes on", async () => {
    const mutate = createMutators(database, definitions);
    await database.execute("INSERT INTO lists (id, name) VALUES (?, 'a')", [list]);
    await mutate("list.rename", { list, name: "forbidden" });
    await mutate("list.rename", { list, name: "bb" });
    expect(await upload()).toEqual(["FORBIDDEN_NAME"]);
    expect(await upload()).toEqual([]);
    expect(store.rows("lists")).toEqual([{ id: list, name: "bb", owner_id: "alice" }]);
    expect(store.letters()).toHaveLength(1);
    expect(await queue()).toEqual([]);
  });

  it("writes nothing where the arguments or the optimistic effect fail", async () => {
    const mutate = createMutators(database, definitions);
    const refused = mutate("list.rename", { list, name: "b" }, async () => {
      throw new Error("It is not called.");
    });
    await expect(refused).rejects.toThrow(MutationArgumentsError);
    await expect(refused).rejects.toMatchObject({
      message: "list.rename: Too short.",
      issues: [{ path: ["name"] }],
    });
    await expect(
      mutate("list.rename", { list, name: "bb" }, async (tx) => {
        await tx.execute("INSERT INTO lists (id, name) VALUES (?, 'x')", [list]);
        throw new Error("Changed its mind.");
      }),
    ).rejects.toThrow("Changed its mind.");
    await expect(mutate("toString" as "list.rename", { list, name: "bb" })).rejects.toThrow(
      'The mutation "toString" is not defined.',
    );
    expect(await names()).toEqual([]);
    expect(await queue()).toEqual([]);
  });
});
