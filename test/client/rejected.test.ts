/** Rejected transactions: who decides, what is kept on the device, and how it is sent again. */
import type { PowerSyncDatabase } from "@powersync/node";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectorOptions, PowerSyncWriteConnector } from "../../src/client/index.js";
import { addLists, createDevices, queued } from "../support/device.js";
import {
  fatal,
  results,
  type ScriptedServer,
  startScriptedServer,
} from "../support/scripted-server.js";

const devices = createDevices();
let database: PowerSyncDatabase;
let server: ScriptedServer | undefined;

beforeEach(async () => {
  database = await devices.open();
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await devices.close(database);
});
afterAll(() => devices.remove());

const success = { status: "success" };
const table = { deadLetters: { table: "rejected_writes" } };

async function connect(
  script: Parameters<typeof startScriptedServer>[0],
  options: Partial<ConnectorOptions> = {},
): Promise<PowerSyncWriteConnector> {
  server = await startScriptedServer(script);
  return connectorOf(options);
}

function connectorOf(options: Partial<ConnectorOptions> = {}): PowerSyncWriteConnector {
  return new PowerSyncWriteConnector({
    url: server?.url ?? "",
    powersyncUrl: "http://127.0.0.1:1",
    getToken: () => "token",
    ...options,
  });
}

describe("a rejected transaction", () => {
  it("completes, where the server has recorded it", async () => {
    const connector = await connect([results(fatal("A"), success, fatal("B"))]);
    await addLists(database, ["a", "b", "c"]);
    await connector.uploadData(database);
    expect(await queued(database)).toEqual([]);
    expect(connector.status).toMatchObject({ pending: 0, rejected: 2 });
  });

  it("is retained, where nobody else has it and nobody decides", async () => {
    const answer = results(success, fatal("ASK", true), success);
    const connector = await connect([answer, results(fatal("ASK", true), success)]);
    await addLists(database, ["a", "b", "c"]);
    const failure = { code: "RETAINED", rejectedWith: "ASK" };
    await expect(connector.uploadData(database)).rejects.toMatchObject(failure);
    expect(await queued(database)).toEqual([2, 3]);
    await expect(connector.uploadData(database)).rejects.toMatchObject(failure);
    expect(await queued(database)).toEqual([2, 3]);
  });

  it.each([true, false])("is the application's decision, recorded or not: %s", async (client) => {
    const decisions = ["complete", "retain"] as const;
    const onFatalTransaction = vi.fn(async () => {
      // In front of it, everything that was accepted has left the queue.
      expect(await queued(database)).toEqual(
        onFatalTransaction.mock.calls.length === 1 ? [2, 3, 4] : [3, 4],
      );
      return decisions[onFatalTransaction.mock.calls.length - 1] ?? "retain";
    });
    const connector = await connect(
      [results(success, fatal("A", client), fatal("B", client), success)],
      { onFatalTransaction },
    );
    await addLists(database, ["a", "b", "c", "d"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      code: "RETAINED",
      rejectedWith: "B",
    });
    expect(onFatalTransaction.mock.calls).toEqual([
      [
        {
          code: "A",
          message: "It is A.",
          details: { hint: "A" },
          operationIndex: 0,
          requiresClientHandling: client,
        },
        {
          transactionId: 2,
          crud: [
            expect.objectContaining({
              op: "PUT",
              table: "lists",
              opId: 2,
              opData: { name: "b", owner_id: "alice" },
            }),
          ],
        },
      ],
      [expect.objectContaining({ code: "B" }), expect.objectContaining({ transactionId: 3 })],
    ]);
    expect(await queued(database)).toEqual([3, 4]);
  });

  it.each<[string, () => never]>([
    [
      "throws",
      () => {
        throw new Error("bug");
      },
    ],
    ["rejects", (() => Promise.reject(new Error("bug"))) as unknown as () => never],
  ])("stays where the callback %s; what was accepted is completed", async (_name, callback) => {
    const connector = await connect([results(success, fatal("A"), success)], {
      onFatalTransaction: callback,
    });
    await addLists(database, ["a", "b", "c"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      code: "CALLBACK_FAILED",
      cause: new Error("bug"),
    });
    expect(await queued(database)).toEqual([2, 3]);
  });

  it.each([undefined, null, "completed", true])(
    "stays where the callback says %j",
    async (said) => {
      const connector = await connect([results(fatal("A"))], {
        onFatalTransaction: () => said as "complete",
      });
      await addLists(database, ["a"]);
      await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "RETAINED" });
      expect(await queued(database)).toEqual([1]);
    },
  );

  it("that is too large alone is reported; the application may let it go", async () => {
    const large = { status: 413, body: { message: "Too large." } };
    const connector = await connect([large, large, success ? results(success) : large]);
    await addLists(database, ["a"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      code: "TRANSACTION_TOO_LARGE",
      status: 413,
    });
    expect(await queued(database)).toEqual([1]);
    const onFatalTransaction = vi.fn(() => "complete" as const);
    const letting = new PowerSyncWriteConnector({
      url: server?.url ?? "",
      powersyncUrl: "",
      getToken: () => "token",
      onFatalTransaction,
      ...table,
    });
    await letting.uploadData(database);
    expect(onFatalTransaction).toHaveBeenCalledWith(
      expect.objectContaining({
        code: "TRANSACTION_TOO_LARGE",
        requiresClientHandling: true,
      }),
      expect.objectContaining({ transactionId: 1 }),
    );
    expect(await queued(database)).toEqual([]);
    expect(await letting.rejected(database)).toHaveLength(1);
  });
});

describe("the table of rejected writes", () => {
  it("keeps them whole, recorded by the server or not", async () => {
    const connector = await connect([results(fatal("A", true)), results(fatal("B"))], table);
    await database.execute(
      "INSERT INTO things (id, big, code) VALUES ('x', 9007199254740993, 'c')",
    );
    await database.writeTransaction(async (tx) => {
      await tx.execute("INSERT INTO todos (id, description, _metadata) VALUES ('t', 'd', 'm')");
      await tx.execute("UPDATE todos SET completed = 1 WHERE id = 't'");
      await tx.execute("DELETE FROM todos WHERE id = 't'");
    });
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      code: "MALFORMED_ANSWER",
    });
    expect(await connector.rejected(database)).toEqual([]);
    await server?.close();
    const again = await connect(
      [results(fatal("A", true), { status: "not_attempted" }), results(fatal("B"))],
      table,
    );
    await again.uploadData(database);
    const rejected = await again.rejected(database);
    expect(rejected).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{32}:1$/) as string,
        failure: expect.objectContaining({
          code: "A",
          requiresClientHandling: true,
        }) as object,
        crud: [
          {
            op: "PUT",
            table: "things",
            id: "x",
            opId: 1,
            opData: { big: "9007199254740993", code: "c" },
          },
        ],
        rejectedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      },
      {
        id: expect.stringMatching(/:2$/) as string,
        failure: expect.objectContaining({
          code: "B",
          requiresClientHandling: false,
        }) as object,
        crud: [
          expect.objectContaining({ op: "PUT", opId: 2, metadata: "m" }),
          expect.objectContaining({ op: "PATCH", opId: 3, opData: { completed: 1 } }),
          expect.objectContaining({ op: "DELETE", opId: 4 }),
        ],
        rejectedAt: expect.any(String) as string,
      },
    ]);
    expect(again.status.rejected).toBe(2);
    await again.discard(database, rejected[0]?.id ?? "");
    expect(await again.rejected(database)).toEqual(rejected.slice(1));
  });

  it("is kept, though another uploader of the queue begins just before it leaves", async () => {
    const connector = await connect([results(fatal("A")), { status: 503 }], table);
    const other = connectorOf(table);
    await addLists(database, ["a"]);
    let reads = 0;
    const shared = new Proxy(database, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target) as unknown;
        if (typeof member !== "function") return member;
        return async (...given: unknown[]) => {
          // The queue is read to be sent, and once more to remove what was answered.
          if (name === "getCrudBatch" && (reads += 1) === 2)
            await expect(other.uploadData(database)).rejects.toThrow();
          return (member as (...all: unknown[]) => unknown).apply(target, given);
        };
      },
    });
    await connector.uploadData(shared);
    expect(reads).toBeGreaterThanOrEqual(2);
    expect(await queued(database)).toEqual([]);
    expect(await connector.rejected(database)).toMatchObject([{ failure: { code: "A" } }]);
  });

  it("retains the transaction where it can't be written", async () => {
    const connector = await connect([results(success, fatal("A"))], {
      deadLetters: { table: "nowhere" },
    });
    await addLists(database, ["a"]);
    await expect(connector.uploadData(database)).rejects.toThrow("no such table");
    expect(await queued(database)).toEqual([1]);
  });

  it("holds a transaction once, also where it could not leave the queue, and not at all once it is applied", async () => {
    const connector = await connect(
      [results(fatal("A", true)), results(fatal("A", true)), results(success)],
      table,
    );
    await addLists(database, ["a"]);
    const broken = breakCompleting(database);
    await expect(connector.uploadData(broken)).rejects.toThrow("disk");
    expect(await connector.rejected(database)).toHaveLength(1);
    expect(await queued(database)).toEqual([1]);
    await expect(connector.uploadData(broken)).rejects.toThrow("disk");
    expect(await connector.rejected(database)).toHaveLength(1);
    await connector.uploadData(database);
    expect(await connector.rejected(database)).toEqual([]);
    expect(connector.status.rejected).toBe(0);
    expect(await queued(database)).toEqual([]);
  });

  it("is asked for only where there is one", async () => {
    const connector = await connect([]);
    expect(() => connector.rejected(database)).toThrow(TypeError);
  });
});

describe("sent again", () => {
  async function rejectOne(
    write: () => Promise<unknown>,
  ): Promise<[PowerSyncWriteConnector, string]> {
    const connector = await connect([results(fatal("A"))], table);
    await write();
    await connector.uploadData(database);
    const [rejected] = await connector.rejected(database);
    return [connector, rejected?.id ?? ""];
  }

  it("is the same transaction under new operation ids, though nothing differs from what is shown", async () => {
    const [connector, id] = await rejectOne(() =>
      database.writeTransaction(async (tx) => {
        await tx.execute(
          "INSERT INTO todos (id, description, completed, _metadata) VALUES ('t', 'd', 0, 'm')",
        );
        await tx.execute("UPDATE todos SET completed = 1, description = NULL WHERE id = 't'");
      }),
    );
    await connector.resend(database, id);
    expect(await connector.rejected(database)).toEqual([]);
    await connector.uploadData(database);
    const [first, second] = server?.requests.map(({ body }) => body.transactions[0]) ?? [];
    expect(second?.transaction_id).toBeGreaterThan(first?.transaction_id ?? 0);
    expect(second?.crud).toEqual(
      first?.crud.map((operation) => ({ ...operation, op_id: expect.any(Number) as number })),
    );
    expect(second?.crud[0]?.op_id).toBeGreaterThan(first?.crud[1]?.op_id ?? 0);
    expect(await database.getAll("SELECT id, description, completed FROM todos")).toEqual([
      { id: "t", description: null, completed: 1 },
    ]);
  });

  it("may be edited, and is shown at once, also where the rejected rows are gone", async () => {
    const [connector, id] = await rejectOne(() =>
      database.execute("INSERT INTO things (id, code, big) VALUES ('x', 'bad', 9007199254740993)"),
    );
    // What PowerSync does once the server's state has come: the rejected row is not in it.
    await database.execute("DELETE FROM ps_data__things");
    const [rejected] = await connector.rejected(database);
    await connector.resend(
      database,
      id,
      rejected?.crud.map((operation) => ({
        ...operation,
        opData: { ...operation.opData, code: "good", size: 7 },
      })),
    );
    expect(
      await database.getAll("SELECT id, code, size, CAST(big AS TEXT) AS big FROM things"),
    ).toEqual([{ id: "x", code: "good", size: 7, big: "9007199254740993" }]);
    await connector.uploadData(database);
    expect(server?.requests[1]?.body.transactions[0]?.crud).toEqual([
      {
        op: "PUT",
        table: "things",
        id: "x",
        op_id: expect.any(Number) as number,
        op_data: { code: "good", big: "9007199254740993", size: 7 },
      },
    ]);
  });

  it("leaves what is queued already, and keeps its order", async () => {
    const [connector, id] = await rejectOne(() => addLists(database, ["a"]));
    await addLists(database, ["b"]);
    await connector.resend(database, id);
    await addLists(database, ["c"]);
    await connector.uploadData(database);
    expect(
      server?.requests[1]?.body.transactions.map(({ crud }) => crud[0]?.op_data?.["name"]),
    ).toEqual(["b", "a", "c"]);
  });

  it("sends a change of a row that is not on the device", async () => {
    const [connector, id] = await rejectOne(async () => {
      await database.execute("INSERT INTO things (id, code) VALUES ('x', 'a')");
      await database.execute("DELETE FROM ps_crud");
      await database.execute("UPDATE things SET code = 'b' WHERE id = 'x'");
    });
    await database.execute("DELETE FROM ps_data__things");
    await connector.resend(database, id);
    await connector.uploadData(database);
    expect(server?.requests[1]?.body.transactions[0]?.crud).toMatchObject([
      { op: "PATCH", op_data: { code: "b" } },
    ]);
  });

  it("sends a deletion, and a row of a table that is only written to", async () => {
    const [connector, id] = await rejectOne(() =>
      database.writeTransaction(async (tx) => {
        await tx.execute("INSERT INTO clicks (id, button) VALUES ('k', 'ok')");
        await tx.execute("INSERT INTO things (id, code) VALUES ('x', 'a')");
        await tx.execute("DELETE FROM things WHERE id = 'x'");
      }),
    );
    await connector.resend(database, id);
    await connector.uploadData(database);
    expect(server?.requests[1]?.body.transactions).toHaveLength(1);
    expect(server?.requests[1]?.body.transactions[0]?.crud).toMatchObject([
      { op: "PUT", table: "clicks", op_data: { button: "ok" } },
      { op: "PUT", table: "things", op_data: { code: "a" } },
      { op: "DELETE", table: "things", id: "x" },
    ]);
  });

  it("takes values that SQLite has no type for", async () => {
    const [connector, id] = await rejectOne(() => addLists(database, ["a"]));
    await connector.resend(database, id, [
      {
        op: "PUT",
        table: "lists",
        id: "l",
        opData: { name: null, settings: { a: [1] }, labels: true },
      },
    ]);
    expect(
      await database.getAll("SELECT name, settings, labels FROM lists WHERE id = 'l'"),
    ).toEqual([
      { name: null, settings: '{"a":[1]}', labels: expect.stringMatching(/^1/) as string },
    ]);
    await connector.uploadData(database);
    expect(server?.requests[1]?.body.transactions[0]?.crud[0]?.op_data).toEqual({
      name: null,
      settings: { a: [1] },
      labels: true,
    });
  });

  it("changes nothing where there is no such write, or it can't be queued", async () => {
    const [connector, id] = await rejectOne(() => addLists(database, ["a"]));
    await expect(connector.resend(database, "other")).rejects.toMatchObject({
      code: "UNKNOWN_REJECTED_WRITE",
    });
    const wrong = [{ op: "PUT" as const, table: "lists", id: "l", opData: { name: 1n } }];
    await expect(connector.resend(database, id, wrong)).rejects.toThrow();
    expect(await connector.rejected(database)).toHaveLength(1);
    expect(await queued(database)).toEqual([]);
    expect(await database.getAll("SELECT id FROM lists WHERE id = 'l'")).toEqual([]);
  });
});

describe("the status", () => {
  it("tells what is going on, to whoever listens", async () => {
    const connector = await connect([results(success, fatal("A"), { status: "retryable_error" })]);
    const seen: unknown[] = [];
    connector.subscribe(() => {
      throw new Error("A broken listener.");
    });
    const end = connector.subscribe((status) => {
      expect(status).toBe(connector.status);
      seen.push(status);
    });
    expect(connector.status).toEqual({ uploading: false, pending: 0, rejected: 0 });
    await addLists(database, ["a", "b", "c"]);
    await expect(connector.uploadData(database)).rejects.toThrow();
    const error = expect.objectContaining({ code: "RETRYABLE" }) as object;
    expect(seen).toEqual([
      { uploading: false, pending: 3, rejected: 0 },
      { uploading: true, pending: 3, rejected: 0 },
      { uploading: true, pending: 3, rejected: 1 },
      { uploading: true, pending: 1, rejected: 1 },
      { uploading: false, pending: 1, rejected: 1, error },
    ]);
    await connector.uploadData(database);
    expect(connector.status).toEqual({
      uploading: false,
      pending: 0,
      rejected: 1,
      error: undefined,
    });
    const { length } = seen;
    end();
    await addLists(database, ["d"]);
    await connector.uploadData(database);
    expect(seen).toHaveLength(length);
  });
});

/** As where the device has no room left. */
function breakCompleting(database: PowerSyncDatabase): PowerSyncDatabase {
  return new Proxy(database, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (name !== "getCrudBatch") return typeof value === "function" ? value.bind(target) : value;
      return async (limit: number) => {
        const batch = await target.getCrudBatch(limit);
        return (
          batch && { crud: batch.crud, complete: () => Promise.reject(new Error("disk full")) }
        );
      };
    },
  });
}
