/** Devices with PowerSync's own client, through the connector, to the library's own server on Postgres. */
import { copyFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { PowerSyncDatabase } from "@powersync/node";
import express, { type RequestHandler } from "express";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/express.js";
import {
  type ConnectorOptions,
  powersyncAuthenticator,
  powersyncUploader,
  PowerSyncWriteConnector,
  type UploadDatabase,
} from "../../src/client/index.js";
import { createWrites, fatal } from "../../src/index.js";
import { jwt } from "../../src/jwt/index.js";
import { createCuttingProxy } from "../support/cutting-proxy.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import { createDevices, queued } from "../support/device.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { startSyncService, type SyncService } from "../support/sync-service.js";
import {
  count,
  effects,
  emptyAll,
  listen,
  type Listening,
  traceEffects,
  until,
} from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const issuer = "https://issuer.test";
const audience = "writes";

describe.skipIf(!(await postgresAvailable()))("PowerSync's client", () => {
  const devices = createDevices();
  let source: TestDatabase;
  let service: SyncService;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let server: Listening;
  /** Metadata of deletions, as a hook has seen it. */
  const deletions: unknown[] = [];
  /** Of another route, in front of the library's. */
  let inFront: RequestHandler = (_request, _response, next) => next();

  beforeAll(async () => {
    source = await postgres.open();
    await traceEffects(source.db);
    service = await startSyncService();
    keys = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(keys.publicKey)), alg: "ES256" };
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(source.db),
      authenticate: jwt({ jwks: { keys: [jwk] }, issuer, audience }),
      hooks: {
        persist: {
          before: (write, { metadata, previousValues }) => {
            if (write.op === "DELETE") deletions.push({ metadata, previousValues });
            return write;
          },
        },
        authorize: {
          before: (write) => {
            if (write.values?.["name"] === "ask the client") throw fatal("ASK", "Really?");
            return write;
          },
        },
      },
      deadLetters: { requiresClientHandling: ({ errorCode }) => errorCode === "ASK" },
    });
    const app = express()
      .use((request, response, next) => void inFront(request, response, next))
      .use(powersyncWrites(writes));
    server = await listen(createServer(app));
  });
  afterAll(async () => {
    await devices.remove();
    await server?.close();
    await service?.close();
    await source?.close();
  });
  beforeEach(() => emptyAll(source.db));
  afterEach(() => {
    inFront = (_request, _response, next) => next();
    deletions.length = 0;
  });

  function token(sub = "alice", seconds = 60): Promise<string> {
    return new SignJWT({
      sub,
      iss: issuer,
      aud: audience,
      exp: Math.floor(Date.now() / 1000) + seconds,
    })
      .setProtectedHeader({ alg: "ES256" })
      .sign(keys.privateKey);
  }

  function connectorOf(
    sub = "alice",
    options: Partial<ConnectorOptions> = {},
  ): PowerSyncWriteConnector {
    return new PowerSyncWriteConnector({
      url: server.url,
      powersyncUrl: service.url,
      getToken: () => token(sub),
      ...options,
    });
  }

  const quick = { retryDelayMs: 50, crudUploadThrottleMs: 10 };
  const drained = (device: PowerSyncDatabase) =>
    until(async () => (await queued(device)).length === 0);

  async function addThing(
    device: PowerSyncDatabase,
    values: Readonly<Record<string, unknown>> = {},
  ) {
    const id = crypto.randomUUID() as string;
    const columns = ["id", ...Object.keys(values)];
    await device.execute(
      `INSERT INTO things (${columns.join()}) VALUES (${columns.map(() => "?").join()})`,
      [id, ...Object.values(values)],
    );
    return id;
  }

  const things = () =>
    source.db.selectFrom("things").select(["id", "code", "size", "big"]).orderBy("size").execute();
  const letters = () => source.db.selectFrom("powersync_dead_letters").selectAll().execute();

  it("uploads what was written offline, in its order, once it is connected", async () => {
    const device = await devices.open();
    const list = crypto.randomUUID();
    const todo = crypto.randomUUID();
    await device.writeTransaction(async (tx) => {
      await tx.execute("INSERT INTO lists (id, name, owner_id) VALUES (?, 'Groceries', 'alice')", [
        list,
      ]);
      await tx.execute(
        "INSERT INTO todos (id, list_id, description, completed) VALUES (?, ?, 'Bread', 0)",
        [todo, list],
      );
    });
    await device.execute("UPDATE todos SET completed = 1 WHERE id = ?", [todo]);
    const connector = connectorOf();
    await device.connect(connector, quick);
    await drained(device);
    expect(
      await source.db.selectFrom("todos").select(["id", "description", "completed"]).execute(),
    ).toEqual([{ id: todo, description: "Bread", completed: true }]);
    // And goes on with what is written while it is connected; then the service is asked for a checkpoint.
    await device.execute("UPDATE lists SET name = 'Errands' WHERE id = ?", [list]);
    await drained(device);
    await until(() => service.requests.includes("GET /write-checkpoint2.json"));
    expect(await source.db.selectFrom("lists").select("name").execute()).toEqual([
      { name: "Errands" },
    ]);
    // The queue is empty a moment before the upload has ended.
    await until(() => !connector.status.uploading);
    expect(connector.status).toEqual({ uploading: false, pending: 0, rejected: 0 });
    expect(service.tokens.at(-1)).toMatch(/^ey/);
    await devices.close(device);
  });

  it("sends a long queue in batches of what the server takes", async () => {
    const device = await devices.open();
    for (let size = 0; size < 250; size++) await addThing(device, { size });
    const requests: number[] = [];
    inFront = (request, _response, next) => {
      if (request.method === "POST") requests.push(Number(request.headers["content-length"]));
      next();
    };
    await connectorOf().uploadData(device);
    expect(requests).toHaveLength(3);
    expect((await things()).map(({ size }) => size)).toEqual(
      Array.from({ length: 250 }, (_, size) => size),
    );
  });

  it("lets poisoned writes go: they are dead letters, here and there, and the others are applied", async () => {
    const device = await devices.open();
    const connector = connectorOf("alice", { deadLetters: { table: "rejected_writes" } });
    const good = await addThing(device, { size: 1, code: "taken" });
    await device.writeTransaction(async (tx) => {
      await tx.execute("INSERT INTO things (id, size) VALUES (uuid(), 2)");
      await tx.execute("INSERT INTO things (id, size, code) VALUES (uuid(), 3, 'taken')");
    });
    await device.execute("INSERT INTO clicks (id, button) VALUES (uuid(), 'ok')");
    const last = await addThing(device, { size: 4 });
    await device.connect(connector, quick);
    await drained(device);
    await until(() => !connector.status.uploading);
    expect((await things()).map(({ id }) => id)).toEqual([good, last]);
    expect((await letters()).map(({ error_code }) => error_code).sort()).toEqual([
      "UNIQUE_VIOLATION",
      "UNKNOWN_TABLE",
    ]);
    const rejected = await connector.rejected(device);
    expect(rejected.map(({ failure }) => failure)).toMatchObject([
      {
        code: "UNIQUE_VIOLATION",
        operationIndex: 1,
        requiresClientHandling: false,
      },
      { code: "UNKNOWN_TABLE", operationIndex: 0 },
    ]);
    expect(connector.status).toMatchObject({ rejected: 2, pending: 0 });
    // Put right, and sent again.
    const [first] = rejected;
    await connector.resend(
      device,
      first?.id ?? "",
      first?.crud.map((operation) => ({
        ...operation,
        opData: { ...operation.opData, code: null },
      })),
    );
    await drained(device);
    expect((await things()).map(({ size, code }) => [size, code])).toEqual([
      [1, "taken"],
      [2, null],
      [3, null],
      [4, null],
    ]);
    await devices.close(device);
  });

  it("keeps what the server leaves to the client, until the application has decided", async () => {
    const device = await devices.open();
    let decision: "retain" | "complete" = "retain";
    const connector = connectorOf("alice", { onFatalTransaction: () => decision });
    for (const name of ["a", "ask the client", "b"]) {
      await device.execute("INSERT INTO lists (id, name, owner_id) VALUES (uuid(), ?, 'alice')", [
        name,
      ]);
    }
    await expect(connector.uploadData(device)).rejects.toMatchObject({
      code: "RETAINED",
      rejectedWith: "ASK",
    });
    expect(await queued(device)).toEqual([2, 3]);
    expect(await count(source.db, "powersync_dead_letters")).toBe(0);
    decision = "complete";
    await connector.uploadData(device);
    expect(await queued(device)).toEqual([]);
    expect(
      (await source.db.selectFrom("lists").select("name").orderBy("name").execute()).map(
        ({ name }) => name,
      ),
    ).toEqual(["a", "b"]);
  });

  it("applies nothing twice, when answers get lost", async () => {
    const device = await devices.open();
    const proxy = await createCuttingProxy(Number(new URL(server.url).port), "http");
    const connector = connectorOf("alice", {
      url: `http://127.0.0.1:${proxy.port}/api/data`,
      batch: { transactions: 7 },
    });
    for (let size = 0; size < 30; size++)
      await addThing(device, { size: size % 10 === 9 ? -1 : size });
    await device.connect(connector, quick);
    // Whichever upload is under way, its answer does not arrive.
    for (let times = 0; times < 4; times++) {
      const cut = proxy.cut({ at: "POST /api/data", lose: "answer", reset: times % 2 === 0 });
      await addThing(device, { size: 100 + times });
      await cut;
    }
    await drained(device);
    const written = await effects(source.db);
    expect(written).toHaveLength(31);
    expect(new Set(written.map(({ id }) => id)).size).toBe(31);
    expect(written.map(({ size }) => size)).toEqual(
      written.map(({ size }) => Number(size)).sort((a, b) => a - b),
    );
    expect(await letters()).toHaveLength(3);
    await devices.close(device);
    await proxy.close();
  });

  it("gets a new token when its own has expired, and loses nothing while there is none", async () => {
    const device = await devices.open();
    const asked: boolean[] = [];
    let offline = false;
    const connector = connectorOf("alice", {
      getToken: ({ refresh }) => {
        asked.push(refresh);
        if (offline) throw new Error("offline");
        return token("alice", refresh ? 60 : -60);
      },
    });
    await addThing(device, { size: 1 });
    await connector.uploadData(device);
    expect(asked).toEqual([false, true]);
    offline = true;
    await addThing(device, { size: 2 });
    await expect(connector.uploadData(device)).rejects.toMatchObject({ code: "TOKEN_UNAVAILABLE" });
    offline = false;
    await connector.uploadData(device);
    expect((await things()).map(({ size }) => size)).toEqual([1, 2]);
    const stale = connectorOf("alice", { getToken: () => token("alice", -60) });
    await addThing(device, { size: 3 });
    await expect(stale.uploadData(device)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await queued(device)).toHaveLength(1);
  });

  it("of two devices writes both; of the same column, the later upload stays", async () => {
    const [phone, tablet] = [await devices.open(), await devices.open()];
    const id = crypto.randomUUID();
    await phone.execute("INSERT INTO things (id, size, code) VALUES (?, 1, 'phone')", [id]);
    await connectorOf().uploadData(phone);
    // As it would have synced.
    await tablet.execute("INSERT INTO ps_data__things (id, data) VALUES (?, ?)", [
      id,
      '{"size":1,"code":"phone"}',
    ]);
    await tablet.execute("UPDATE things SET size = 2 WHERE id = ?", [id]);
    await phone.execute("UPDATE things SET code = 'again' WHERE id = ?", [id]);
    await Promise.all([connectorOf().uploadData(phone), connectorOf().uploadData(tablet)]);
    expect(await things()).toMatchObject([{ size: 2, code: "again" }]);
    await phone.execute("UPDATE things SET size = 3 WHERE id = ?", [id]);
    await connectorOf().uploadData(phone);
    await tablet.execute("UPDATE things SET size = 4 WHERE id = ?", [id]);
    await connectorOf().uploadData(tablet);
    expect(await things()).toMatchObject([{ size: 4, code: "again" }]);
  });

  it("serves one user after another on one device, and sends nothing in the wrong name", async () => {
    const device = await devices.open();
    const add = (owner: string) =>
      device.execute("INSERT INTO lists (id, name, owner_id) VALUES (uuid(), ?, ?)", [
        `${owner}'s`,
        owner,
      ]);
    const lists = async () =>
      (await source.db.selectFrom("lists").select("name").orderBy("name").execute()).map(
        ({ name }) => name,
      );
    await add("alice");
    const offline = connectorOf("alice", { url: "http://127.0.0.1:1/api/data" });
    await expect(offline.uploadData(device)).rejects.toMatchObject({ code: "NETWORK" });
    // Bob signs in, and Alice's database was not cleared.
    const bob = connectorOf("bob");
    await device.connect(bob, quick);
    await add("bob");
    await until(
      () => (bob.status.error as { code?: unknown } | undefined)?.code === "USER_CHANGED",
    );
    expect(await lists()).toEqual([]);
    await device.disconnect();
    await device.connect(connectorOf("alice"), quick);
    await drained(device);
    // Bob's list, in Alice's name, is refused. This is why an application clears the database when users change.
    expect(await lists()).toEqual(["alice's"]);
    expect((await letters()).map(({ error_code }) => error_code)).toEqual(["UNAUTHORIZED"]);
    await device.disconnectAndClear();
    await device.connect(connectorOf("bob"), quick);
    await add("bob");
    await drained(device);
    expect(await lists()).toEqual(["alice's", "bob's"]);
    await devices.close(device);
  });

  it("that was cleared begins a new queue, in which nothing is taken for what was there before", async () => {
    const device = await devices.open();
    const id = await addThing(device, { size: 1 });
    await connectorOf().uploadData(device);
    await device.disconnectAndClear();
    // The very operations of the first queue, their ids included.
    await device.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'ps_crud'");
    await source.db.deleteFrom("things").execute();
    await device.execute("INSERT INTO things (id, size) VALUES (?, 1)", [id]);
    expect(await queued(device)).toEqual([1]);
    await connectorOf().uploadData(device);
    expect(await things()).toHaveLength(1);
  });

  it("that was restored from a copy sends again what it had sent, and new things as new", async () => {
    const device = await devices.open();
    await addThing(device, { size: 1 });
    await connectorOf("alice", { url: "http://127.0.0.1:1/api/data" })
      .uploadData(device)
      .catch(() => undefined);
    await device.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    copyFileSync(join(devices.folder, device.database.name), join(devices.folder, "restored.db"));
    await addThing(device, { size: 2 });
    await connectorOf().uploadData(device);
    const restored = await devices.open("restored.db");
    await addThing(restored, { size: 3 });
    expect(await queued(restored)).toEqual(await queued(device).then(() => [1, 2]));
    await connectorOf().uploadData(restored);
    expect((await effects(source.db)).map(({ op, size }) => `${op} ${size}`)).toEqual([
      "INSERT 1",
      "INSERT 2",
      "INSERT 3",
    ]);
  });

  it("takes the connector in two halves; what is aborted after it was applied is applied once", async () => {
    const options = { url: server.url, getToken: () => token() };
    const [authenticator, uploader] = [powersyncAuthenticator(options), powersyncUploader(options)];
    const device = await devices.open();
    await addThing(device, { size: 1 });
    const controller = new AbortController();
    inFront = (_request, response, next) => {
      // The server has committed, and its answer does not come.
      response.end = () => {
        controller.abort();
        return response;
      };
      next();
    };
    const upload = uploader.uploadMutations({ database: device, abort: controller.signal });
    await expect(upload).rejects.toMatchObject({ code: "ABORTED" });
    expect([await count(source.db, "things"), (await queued(device)).length]).toEqual([1, 1]);

    inFront = (_request, _response, next) => next();
    const connector = {
      fetchCredentials: async () => ({
        endpoint: service.url,
        token: await authenticator.resolveCredentials(),
      }),
      uploadData: (database: UploadDatabase) => uploader.uploadMutations({ database }),
    };
    await device.connect(connector, quick);
    await addThing(device, { size: 2 });
    await drained(device);
    expect((await effects(source.db)).map(({ op, size }) => `${op} ${size}`)).toEqual([
      "INSERT 1",
      "INSERT 2",
    ]);
    await devices.close(device);
  });

  it("carries every value: 64 bits, JSON, NULL, and what comes with a deletion", async () => {
    const device = await devices.open();
    const thing = await addThing(device, { size: 1, big: "9223372036854775807", code: "c" });
    await device.execute("UPDATE things SET big = big - 1, code = NULL WHERE id = ?", [thing]);
    const list = crypto.randomUUID();
    const settings = { nested: { deep: [1, "é", null] }, big: 9007199254740991 };
    await device.execute(
      "INSERT INTO lists (id, name, owner_id, settings, labels) VALUES (?, 'x', 'alice', ?, ?)",
      [list, JSON.stringify(settings), JSON.stringify(["a", 'b"c'])],
    );
    const todo = crypto.randomUUID();
    await device.execute(
      "INSERT INTO todos (id, list_id, description, position) VALUES (?, ?, 'd', 0.1)",
      [todo, list],
    );
    await connectorOf().uploadData(device);
    const { rows } = await sql`select id, code, size, big::text as big from things`.execute(
      source.db,
    );
    expect(rows).toEqual([{ id: thing, code: null, size: 1, big: "9223372036854775806" }]);
    expect(await source.db.selectFrom("lists").select(["settings", "labels"]).execute()).toEqual([
      { settings, labels: ["a", 'b"c'] },
    ]);
    expect(await source.db.selectFrom("todos").select("position").execute()).toEqual([
      { position: 0.1 },
    ]);
    await device.execute("UPDATE todos SET _deleted = TRUE, _metadata = 'swiped' WHERE id = ?", [
      todo,
    ]);
    await connectorOf().uploadData(device);
    expect(await count(source.db, "todos")).toBe(0);
    expect(deletions).toEqual([
      {
        metadata: "swiped",
        previousValues: expect.objectContaining({ description: "d" }) as object,
      },
    ]);
  });

  it("sends an update that changes nothing, and the queue goes on", async () => {
    const device = await devices.open();
    const id = await addThing(device, { size: 1 });
    await device.execute("UPDATE things SET size = 1 WHERE id = ?", [id]);
    await addThing(device, { size: 2 });
    await connectorOf().uploadData(device);
    expect((await things()).map(({ size }) => size)).toEqual([1, 2]);
  });

  it("asks the endpoint for checkpoints where it answers for them, and else PowerSync", async () => {
    const asked: unknown[] = [];
    inFront = (request, response, next) => {
      if (request.path !== "/api/data/checkpoint-request") return next();
      express.json()(request, response, () => {
        asked.push(request.body);
        response.json({ checkpoint_request_id: request.body.checkpoint_request_id });
      });
    };
    const device = await devices.open();
    await addThing(device, { size: 1 });
    await device.connect(connectorOf("alice", { checkpointRequests: true }), {
      ...quick,
      checkpointMode: "requests",
    });
    await drained(device);
    await until(() => asked.length > 0);
    expect(asked[0]).toEqual({
      client_id: await device.getClientId(),
      checkpoint_request_id: expect.stringMatching(/^\d+$/) as string,
    });
    await device.disconnect();
    inFront = (_request, _response, next) => next();
    const before = service.requests.filter(
      (request) => request === "POST /sync/checkpoint-request",
    ).length;
    await addThing(device, { size: 2 });
    await device.connect(connectorOf("alice", { checkpointRequests: true }), {
      ...quick,
      checkpointMode: "requests",
    });
    await drained(device);
    await until(
      () =>
        service.requests.filter((request) => request === "POST /sync/checkpoint-request").length >
        before,
    );
    await devices.close(device);
  });
});
