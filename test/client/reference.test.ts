/** PowerSync's published write API: its clients get right answers from the library's server, and its servers suit the library's client. */
import { createServer } from "node:http";
import type { PowerSyncDatabase } from "@powersync/node";
import express from "express";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/express.js";
import { type ConnectorOptions, PowerSyncWriteConnector } from "../../src/client/index.js";
import { createWrites, fatal, retryable } from "../../src/index.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import { addLists, createDevices, queued } from "../support/device.js";
import { type ReferenceOptions, referenceUpload } from "../support/reference-client.js";
import { type ReferenceServer, startReferenceServer } from "../support/reference-server.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { count, type Listening, listen } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const devices = createDevices();
let device: PowerSyncDatabase;
beforeEach(async () => {
  device = await devices.open();
});
afterEach(() => devices.close(device));
afterAll(() => devices.remove());

describe.skipIf(!(await postgresAvailable()))("a client of the published API", () => {
  let source: TestDatabase;
  let server: Listening;
  let busy = false;

  beforeAll(async () => {
    source = await postgres.open();
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(source.db),
      hooks: {
        authorize: {
          before: (write) => {
            if (busy) throw retryable("Not now.", 10);
            if (write.values?.["name"] === "asked") throw fatal("ASK", "Really?", { because: [1] });
            return write;
          },
        },
      },
      deadLetters: { requiresClientHandling: ({ errorCode }) => errorCode === "ASK" },
    });
    server = await listen(createServer(express().use(powersyncWrites(writes))));
  });
  afterAll(async () => {
    await server?.close();
    await source?.close();
  });
  beforeEach(async () => {
    busy = false;
    await source.reset();
  });

  const upload = (options: Partial<ReferenceOptions> = {}) =>
    referenceUpload(device, { url: server.url, token: "alice", ...options });
  const names = async () =>
    (await source.db.selectFrom("lists").select("name").orderBy("name").execute()).map(
      ({ name }) => name,
    );

  it("has its transactions applied, one a request or fifty", async () => {
    await addLists(
      device,
      Array.from({ length: 60 }, (_, index) => `list ${index}`),
    );
    expect(await upload()).toEqual(["success"]);
    expect(await upload({ transactionsInOneRequest: 50, onFatalError: "skip" })).toEqual(
      Array(50).fill("success"),
    );
    while ((await queued(device)).length > 0) await upload();
    expect(await names()).toHaveLength(60);
  });

  it("goes on behind what can't be applied, which is recorded", async () => {
    await addLists(device, ["a"]);
    await addLists(device, ["mallory's"], "mallory");
    await addLists(device, ["b"]);
    expect(await upload({ transactionsInOneRequest: 3 })).toEqual([
      "success",
      "fatal_error",
      "not_attempted",
    ]);
    expect(await queued(device)).toEqual([3]);
    expect(await upload({ transactionsInOneRequest: 3 })).toEqual(["success"]);
    expect(await names()).toEqual(["a", "b"]);
    expect(await count(source.db, "powersync_dead_letters")).toBe(1);
  });

  it("keeps what is left to it, until it decides", async () => {
    await addLists(device, ["a", "asked", "b"]);
    await expect(upload({ transactionsInOneRequest: 3 })).rejects.toThrow("fatal_error Really?");
    expect(await queued(device)).toEqual([2, 3]);
    expect(await count(source.db, "powersync_dead_letters")).toBe(0);
    await upload({ transactionsInOneRequest: 3, decide: () => "complete" });
    await upload();
    expect(await names()).toEqual(["a", "b"]);
  });

  it("keeps what fails for a time", async () => {
    await addLists(device, ["a"]);
    busy = true;
    await expect(upload()).rejects.toThrow("retryable_error Not now.");
    expect(await queued(device)).toEqual([1]);
    busy = false;
    expect(await upload()).toEqual(["success"]);
  });

  it("is told by a message why a request can't be answered", async () => {
    await addLists(device, ["a"]);
    await expect(upload({ token: "" })).rejects.toThrow(/^401 \w/);
    const answer = await fetch(server.url, {
      method: "POST",
      headers: { authorization: "Bearer alice", "content-type": "application/json" },
      body: '{"transactions":[]}',
    });
    expect([answer.status, Object.keys((await answer.json()) as object)]).toEqual([
      400,
      ["message"],
    ]);
    expect(await queued(device)).toEqual([1]);
  });

  it("may send the same twice, as its answer got lost: the rows end the same", async () => {
    const [id = ""] = await addLists(device, ["a"]);
    await device.execute("UPDATE lists SET name = 'b' WHERE id = ?", [id]);
    const dropped = await device.getNextCrudTransaction();
    await upload();
    expect(dropped?.crud).toHaveLength(1);
    await addLists(device, []);
    await device.execute("INSERT INTO ps_crud (id, tx_id, data) VALUES (1, 1, ?)", [
      JSON.stringify({ op: "PUT", type: "lists", id, data: { name: "a", owner_id: "alice" } }),
    ]);
    while ((await queued(device)).length > 0) await upload();
    expect(await names()).toEqual(["b"]);
  });
});

describe("a server of the published API", () => {
  let server: ReferenceServer;
  beforeEach(async () => {
    server = await startReferenceServer();
  });
  afterEach(() => server.close());

  const connectorOf = (options: Partial<ConnectorOptions> = {}) =>
    new PowerSyncWriteConnector({
      url: server.url,
      powersyncUrl: "http://127.0.0.1:1",
      getToken: () => "alice",
      ...options,
    });
  const names = () => Array.from(server.rows.values(), ({ name }) => name);

  it("gets a long queue in as many requests as it needs, though it can't say what it takes", async () => {
    const lists = Array.from({ length: 130 }, (_, index) => `list ${index}`);
    await addLists(device, lists);
    await connectorOf().uploadData(device);
    expect(names()).toEqual(lists);
    expect(server.requests).toEqual([100, 50, 50, 30]);
  });

  it("says what is refused, what is asked, and what is to come later", async () => {
    await addLists(device, ["a", "refused", "b", "asked", "c"]);
    const connector = connectorOf();
    await expect(connector.uploadData(device)).rejects.toMatchObject({
      code: "RETAINED",
      rejectedWith: "CHECK_VIOLATION",
    });
    expect(names()).toEqual(["a", "b"]);
    expect(await queued(device)).toEqual([4, 5]);
    await connectorOf({ onFatalTransaction: () => "complete" }).uploadData(device);
    expect(names()).toEqual(["a", "b", "c"]);
    await addLists(device, ["later"]);
    await expect(connector.uploadData(device)).rejects.toMatchObject({
      code: "RETRYABLE",
      retryAfterMs: 10,
    });
    expect(await queued(device)).toEqual([6]);
  });

  it("that has lost an answer gets the same again", async () => {
    const [id = ""] = await addLists(device, ["a", "b"]);
    await device.execute("DELETE FROM lists WHERE id = ?", [id]);
    server.loseNextAnswer();
    await expect(connectorOf().uploadData(device)).rejects.toMatchObject({ code: "NETWORK" });
    await connectorOf().uploadData(device);
    expect(names()).toEqual(["b"]);
  });

  it("that refuses the token says so", async () => {
    await addLists(device, ["a"]);
    await expect(connectorOf({ getToken: () => "bob" }).uploadData(device)).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
    });
    expect(await queued(device)).toEqual([1]);
  });
});
