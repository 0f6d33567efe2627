/** How often the application has been asked about a transaction: counted on the device, through restarts and restored backups, to the library's own server. */
import { copyFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { PowerSyncDatabase } from "@powersync/node";
import express, { type RequestHandler } from "express";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/express.js";
import { type ConnectorOptions, PowerSyncWriteConnector } from "../../src/client/index.js";
import { createWrites, fatal } from "../../src/index.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import { createDevices, queued } from "../support/device.js";
import type { TestSchema } from "../support/schema.js";
import type { SentUpload } from "../support/scripted-server.js";
import { postgresAvailable } from "../support/servers.js";
import {
  count,
  effects,
  emptyAll,
  listen,
  type Listening,
  post,
  traceEffects,
} from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

describe.skipIf(!(await postgresAvailable()))("a transaction that the client decides about", () => {
  const devices = createDevices();
  let source: TestDatabase;
  let server: Listening;
  /** Whether the server would take what it asks about. */
  let allowed = false;
  let loseAnswers = false;
  let sent: SentUpload[] = [];

  const spy: RequestHandler = (request, response, next) => {
    if (request.method !== "POST") return next();
    sent.push(request.body as SentUpload);
    if (loseAnswers) response.end = (() => response.destroy()) as typeof response.end;
    next();
  };

  beforeAll(async () => {
    source = await postgres.open();
    await traceEffects(source.db);
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(source.db),
      hooks: {
        authorize: {
          before: (write) => {
            if (write.values?.["code"] === "ask" && !allowed) throw fatal("ASK", "Really?");
            return write;
          },
        },
      },
      deadLetters: { requiresClientHandling: ({ errorCode }) => errorCode === "ASK" },
    });
    server = await listen(
      createServer(express().use(express.json(), spy).use(powersyncWrites(writes))),
    );
  });
  afterAll(async () => {
    await devices.remove();
    await server?.close();
    await source?.close();
  });
  beforeEach(() => emptyAll(source.db));
  afterEach(() => {
    allowed = false;
    loseAnswers = false;
    sent = [];
  });

  const upload = (device: PowerSyncDatabase, options: Partial<ConnectorOptions> = {}) =>
    new PowerSyncWriteConnector({
      url: server.url,
      powersyncUrl: "http://127.0.0.1:1",
      getToken: () => "alice",
      ...options,
    }).uploadData(device);

  const add = async (device: PowerSyncDatabase, size: number, code?: string) => {
    const id = crypto.randomUUID();
    await device.execute("INSERT INTO things (id, size, code) VALUES (?, ?, ?)", [
      id,
      size,
      code ?? null,
    ]);
    return id;
  };

  const restart = async (device: PowerSyncDatabase) => {
    const file = device.database.name;
    await devices.close(device);
    return devices.open(file);
  };

  const change = (id: string, size: number) =>
    source.db.updateTable("things").set({ size }).where("id", "=", id).execute();
  const numbers = () => sent.map(({ transactions }) => transactions.map((each) => each.handling));
  const written = async () => (await effects(source.db)).map(({ op, size }) => `${op} ${size}`);
  const retained = { code: "RETAINED", rejectedWith: "ASK" };

  it("is sent with its number, through restarts, and applied once where the answer was lost", async () => {
    let device = await devices.open();
    const id = await add(device, 1, "ask");
    await add(device, 2);
    await expect(upload(device)).rejects.toMatchObject(retained);

    device = await restart(device);
    await expect(upload(device)).rejects.toMatchObject(retained);
    allowed = true;
    loseAnswers = true;
    device = await restart(device);
    await expect(upload(device)).rejects.toMatchObject({ code: "NETWORK" });
    expect(await written()).toEqual(["INSERT 1", "INSERT 2"]);
    await change(id, 7);

    loseAnswers = false;
    device = await restart(device);
    await upload(device);
    expect(numbers()).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [2, 0],
    ]);
    expect(await queued(device)).toEqual([]);
    // Every request again, late and in whatever order.
    for (const body of sent.slice().reverse()) await post(server.url, body);
    expect(await written()).toEqual(["INSERT 1", "INSERT 2", "UPDATE 7"]);
    expect(await count(source.db, "powersync_dead_letters")).toBe(0);
  });

  it("is asked about again where the answer was lost, and no copy is applied behind the decision", async () => {
    let device = await devices.open();
    const id = await add(device, 1, "ask");
    loseAnswers = true;
    await expect(upload(device)).rejects.toMatchObject({ code: "NETWORK" });
    loseAnswers = false;
    allowed = true;
    device = await restart(device);
    const decided: string[] = [];
    await upload(device, {
      onFatalTransaction: ({ code }) => {
        decided.push(code);
        return "complete";
      },
    });
    expect(decided).toEqual(["ASK"]);
    expect(numbers()).toEqual([[0], [0]]);
    // The user has written it anew.
    await device.execute("UPDATE things SET size = 9, code = NULL WHERE id = ?", [id]);
    await device.execute("DELETE FROM ps_crud");
    await device.execute(
      "INSERT INTO powersync_crud (op, id, type, data) VALUES ('PUT', ?, 'things', ?)",
      [id, JSON.stringify({ size: 9 })],
    );
    await upload(device);
    for (const body of sent.slice(0, 2)) {
      expect(await post(server.url, body)).toMatchObject({
        body: { results: [{ status: "fatal_error", requires_client_handling: true }] },
      });
    }
    expect(await written()).toEqual(["INSERT 9"]);
    // Another transaction, of which nobody has been asked.
    expect(numbers()).toEqual([[0], [0], [0], [0], [0]]);
  });

  it("is not tried before the application has decided: also where its decision failed", async () => {
    let device = await devices.open();
    await add(device, 1, "ask");
    let asked = 0;
    const decides = (decision: "retain" | Error) => ({
      onFatalTransaction: () => {
        asked += 1;
        if (decision !== "retain") throw decision;
        return decision;
      },
    });
    await expect(upload(device, decides(new Error("bug")))).rejects.toMatchObject({
      code: "CALLBACK_FAILED",
    });
    allowed = true;
    device = await restart(device);
    await expect(upload(device, decides("retain"))).rejects.toMatchObject(retained);
    expect([asked, await written()]).toEqual([2, []]);
    await upload(device, decides("retain"));
    expect(numbers()).toEqual([[0], [0], [1]]);
    expect([asked, await written()]).toEqual([2, ["INSERT 1"]]);
  });

  it("begins at 0 again in another queue", async () => {
    const device = await devices.open();
    await add(device, 1, "ask");
    await expect(upload(device)).rejects.toMatchObject(retained);
    await expect(upload(device)).rejects.toMatchObject(retained);
    await device.execute("DELETE FROM ps_crud");
    await device.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'ps_crud'");
    await add(device, 2, "ask");
    // The id of the first queue's transaction; but not that transaction.
    expect(await queued(device)).toEqual([1]);
    await device.execute(
      "UPDATE ps_kv SET value = json_set(value, '$.seen', 5) WHERE key = 'powersync_writes_queue'",
    );
    await expect(upload(device)).rejects.toMatchObject(retained);
    expect(numbers()).toEqual([[0], [1], [0]]);
    const [first, , last] = sent;
    expect(last?.queue_id).not.toBe(first?.queue_id);
  });

  it("loses nothing on a device that is restored from a backup, nor anything behind it", async () => {
    const device = await devices.open();
    await add(device, 0, "ask");
    for (let size = 1; size <= 5; size += 1) await add(device, size);
    for (const _time of [1, 2]) await expect(upload(device)).rejects.toMatchObject(retained);
    await device.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    const file = join(devices.folder, device.database.name);
    copyFileSync(file, `${file}.backup`);

    // Asked once more than the backup knows of; then it is let through.
    await expect(upload(device)).rejects.toMatchObject(retained);
    allowed = true;
    for (let size = 101; size <= 150; size += 1) await add(device, size);
    await upload(device);
    expect(await queued(device)).toEqual([]);

    await devices.close(device);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
    copyFileSync(`${file}.backup`, file);
    const restored = await devices.open(device.database.name);
    for (let size = 201; size <= 250; size += 1) await add(restored, size);
    await upload(restored);
    expect(await queued(restored)).toEqual([]);

    const range = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => `INSERT ${from + index}`);
    expect(await written()).toEqual([...range(0, 5), ...range(101, 150), ...range(201, 250)]);
    expect(await count(source.db, "powersync_dead_letters")).toBe(0);
  });
});
