/** Whose queue it is, and which: what is remembered beside it, and what is not sent in another's name. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { PowerSyncDatabase } from "@powersync/node";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ConnectorOptions, PowerSyncWriteConnector } from "../../src/client/index.js";
import { addLists, createDevices, queued } from "../support/device.js";
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.js";

const devices = createDevices();
let database: PowerSyncDatabase;
let server: ScriptedServer;

beforeEach(async () => {
  database = await devices.open();
  server = await startScriptedServer();
});
afterEach(async () => {
  await server.close();
  await devices.close(database);
});
afterAll(() => devices.remove());

/** Unsigned: the client does not verify. */
function tokenOf(subject: string, more: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: subject, ...more })}.signature`;
}

function connectorOf(
  subject: string,
  options: Partial<ConnectorOptions> = {},
): PowerSyncWriteConnector {
  return new PowerSyncWriteConnector({
    url: server.url,
    powersyncUrl: "http://127.0.0.1:1",
    getToken: () => tokenOf(subject),
    ...options,
  });
}

const unreachable = { url: "http://127.0.0.1:1/api/data" };
const senders = () =>
  server.requests.map(({ headers, body }) => [
    (
      JSON.parse(
        Buffer.from(headers.authorization?.split(".")[1] ?? "", "base64url").toString(),
      ) as { sub: string }
    ).sub,
    body.transactions.map(({ crud }) => crud[0]?.op_data?.["name"]),
  ]);
const queueIds = () => server.requests.map(({ body }) => body.queue_id);

describe("a queue of one user", () => {
  it("is held while the token speaks for another, and goes on when the first is back", async () => {
    await addLists(database, ["anna's"]);
    await expect(connectorOf("anna", unreachable).uploadData(database)).rejects.toMatchObject({
      code: "NETWORK",
    });
    await addLists(database, ["ben's"]);
    const ben = connectorOf("ben");
    for (let times = 0; times < 2; times++) {
      await expect(ben.uploadData(database)).rejects.toMatchObject({ code: "USER_CHANGED" });
    }
    expect(server.requests).toEqual([]);
    expect(ben.status).toMatchObject({ pending: 2, error: { code: "USER_CHANGED" } });
    expect(await queued(database)).toEqual([1, 2]);
    await connectorOf("anna").uploadData(database);
    expect(senders()).toEqual([["anna", ["anna's", "ben's"]]]);
  });

  it("is nobody's once it is empty", async () => {
    await addLists(database, ["anna's"]);
    await connectorOf("anna").uploadData(database);
    await addLists(database, ["ben's"]);
    await connectorOf("ben").uploadData(database);
    expect(senders()).toEqual([
      ["anna", ["anna's"]],
      ["ben", ["ben's"]],
    ]);
  });

  it("is still the same user's, when he could get no token for a time", async () => {
    await addLists(database, ["online"]);
    await connectorOf("anna").uploadData(database);
    // Started again without a network: nobody knows who is signed in, but nobody else has been since.
    const offline = connectorOf("anna", { getToken: () => Promise.reject(new Error("offline")) });
    await addLists(database, ["offline"]);
    await expect(offline.uploadData(database)).rejects.toMatchObject({ code: "TOKEN_UNAVAILABLE" });
    await addLists(database, ["ben's"]);
    await expect(connectorOf("ben").uploadData(database)).rejects.toMatchObject({
      code: "USER_CHANGED",
    });
    expect(senders()).toEqual([["anna", ["online"]]]);
  });

  it("takes in nothing of the next user's, when he can get no token either", async () => {
    await addLists(database, ["anna's"]);
    await expect(connectorOf("anna", unreachable).uploadData(database)).rejects.toThrow();
    let token: string | null = tokenOf("ben");
    const ben = connectorOf("ben", {
      getToken: () => token,
      onUserChanged: () => (token === null ? "hold" : decision),
    });
    let decision: "hold" | "discard" = "hold";
    await expect(ben.uploadData(database)).rejects.toMatchObject({ code: "USER_CHANGED" });
    await addLists(database, ["ben's"]);
    token = null;
    await expect(ben.uploadData(database)).rejects.toMatchObject({ code: "SIGNED_OUT" });
    token = tokenOf("ben");
    decision = "discard";
    await ben.uploadData(database);
    expect(senders()).toEqual([["ben", ["ben's"]]]);
  });

  it("goes in the new user's name, if the application says so", async () => {
    await addLists(database, ["anna's"]);
    await expect(connectorOf("anna", unreachable).uploadData(database)).rejects.toThrow();
    const onUserChanged = vi.fn(() => "send" as const);
    await connectorOf("ben", { onUserChanged }).uploadData(database);
    expect(onUserChanged.mock.calls).toEqual([[{ from: "anna", to: "ben", pending: 1 }]]);
    expect(senders()).toEqual([["ben", ["anna's"]]]);
  });

  it("is dropped as far as it is the other user's, if the application says so", async () => {
    await addLists(database, ["anna's", "anna's too"]);
    await expect(connectorOf("anna", unreachable).uploadData(database)).rejects.toThrow();
    await addLists(database, ["ben's"]);
    await connectorOf("ben", { onUserChanged: async () => "discard" as const }).uploadData(
      database,
    );
    expect(senders()).toEqual([["ben", ["ben's"]]]);
    expect(await queued(database)).toEqual([]);
  });

  it("is held where the application's decision fails, or is none", async () => {
    await addLists(database, ["anna's"]);
    await expect(connectorOf("anna", unreachable).uploadData(database)).rejects.toThrow();
    const broken = connectorOf("ben", { onUserChanged: () => Promise.reject(new Error("bug")) });
    await expect(broken.uploadData(database)).rejects.toMatchObject({ code: "CALLBACK_FAILED" });
    const odd = connectorOf("ben", { onUserChanged: () => "yes" as "send" });
    await expect(odd.uploadData(database)).rejects.toMatchObject({ code: "USER_CHANGED" });
    expect(server.requests).toEqual([]);
  });

  it("is held as well when the refreshed token is another's", async () => {
    await server.close();
    server = await startScriptedServer([{ status: 401, body: {} }]);
    await addLists(database, ["anna's"]);
    const connector = connectorOf("", {
      getToken: ({ refresh }) => tokenOf(refresh ? "ben" : "anna"),
    });
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "USER_CHANGED" });
    expect(server.requests).toHaveLength(1);
    expect(await queued(database)).toEqual([1]);
  });

  it("stays its owner's, when a token that says nothing has tried it", async () => {
    await addLists(database, ["anna's"]);
    for (const getToken of [() => tokenOf("anna"), () => "opaque"]) {
      const offline = connectorOf("", { getToken, ...unreachable });
      await expect(offline.uploadData(database)).rejects.toMatchObject({ code: "NETWORK" });
    }
    await expect(connectorOf("ben").uploadData(database)).rejects.toMatchObject({
      code: "USER_CHANGED",
    });
  });

  it("is known by the application, where tokens are no JWTs", async () => {
    await addLists(database, ["anna's"]);
    const plain = {
      getToken: () => "opaque:anna",
      subject: (token: string) => token.split(":")[1],
    };
    await expect(
      connectorOf("", { ...plain, ...unreachable }).uploadData(database),
    ).rejects.toThrow();
    const other = connectorOf("", { ...plain, getToken: () => "opaque:ben" });
    await expect(other.uploadData(database)).rejects.toMatchObject({ code: "USER_CHANGED" });
  });

  it.each(["opaque", "a.b.c", "..", "a.bnVsbA.c", "é.é.é"])(
    "is anybody's, where the token does not say: %s",
    async (token) => {
      await addLists(database, ["anna's"]);
      await expect(connectorOf("anna", unreachable).uploadData(database)).rejects.toThrow();
      await connectorOf("", {
        getToken: () => token,
        headers: {},
        fetch: (url, init) => fetch(url, { ...init, headers: {} }),
      }).uploadData(database);
      expect(await queued(database)).toEqual([]);
    },
  );
});

describe("the queue's id", () => {
  it("stays the same, in another connector and another process", async () => {
    await addLists(database, ["a"]);
    await connectorOf("anna").uploadData(database);
    const { name } = database.database;
    await devices.close(database);
    database = await devices.open(name);
    await addLists(database, ["b"]);
    await connectorOf("anna").uploadData(database);
    const [first, second] = queueIds();
    expect(second).toBe(first);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
  });

  it("is the same when the answer gets lost behind a refreshed token", async () => {
    await server.close();
    server = await startScriptedServer([{ status: 401, body: {} }, "cut"]);
    await addLists(database, ["a"]);
    const connector = connectorOf("anna");
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "NETWORK" });
    await connector.uploadData(database);
    expect(new Set(queueIds()).size).toBe(1);
    expect(server.requests).toHaveLength(3);
  });

  it.each([{}, { soft: true, clearLocal: false }])(
    "is another once the database was cleared: %j",
    async (options) => {
      await addLists(database, ["a"]);
      await connectorOf("anna").uploadData(database);
      await database.disconnectAndClear({ clearLocal: true, ...options });
      await addLists(database, ["b"]);
      // Nor is it anna's any longer.
      await connectorOf("ben").uploadData(database);
      const [first, second] = queueIds();
      expect(second).not.toBe(first);
    },
  );

  it("is another when it is cleared in the middle of an upload", async () => {
    await server.close();
    server = await startScriptedServer([
      async ({ body }) => {
        await database.disconnectAndClear();
        await addLists(database, ["new"]);
        return { body: { results: body.transactions.map(() => ({ status: "success" })) } };
      },
    ]);
    await addLists(database, ["a", "b"]);
    await connectorOf("anna").uploadData(database);
    expect(senders()).toEqual([
      ["anna", ["a", "b"]],
      ["anna", ["new"]],
    ]);
    const [first, second] = queueIds();
    expect(second).not.toBe(first);
  });

  it("is another when operation ids have gone back", async () => {
    await addLists(database, ["a", "b"]);
    await connectorOf("anna").uploadData(database);
    await database.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'ps_crud'");
    await addLists(database, ["c"]);
    await connectorOf("anna").uploadData(database);
    await addLists(database, ["d"]);
    await connectorOf("anna").uploadData(database);
    const [first, second, third] = queueIds();
    expect(second).not.toBe(first);
    expect(third).toBe(second);
  });

  it("goes with a copy of the file: what both send again is the same, what each adds is not", async () => {
    await addLists(database, ["both"]);
    await expect(connectorOf("anna", unreachable).uploadData(database)).rejects.toThrow();
    await database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    copyFileSync(join(devices.folder, database.database.name), join(devices.folder, "copy.db"));
    const copy = await devices.open("copy.db");
    await addLists(database, ["one"]);
    await addLists(copy, ["other"]);
    await connectorOf("anna").uploadData(database);
    await connectorOf("anna").uploadData(copy);
    const [first, second] = server.requests.map(({ body }) => body);
    expect(second?.queue_id).toBe(first?.queue_id);
    expect(second?.transactions[0]).toEqual(first?.transactions[0]);
    expect(second?.transactions[1]?.crud[0]?.op_data).not.toEqual(
      first?.transactions[1]?.crud[0]?.op_data,
    );
    await devices.close(copy);
  });
});

describe("credentials", () => {
  it("are the token, where PowerSync is, and when it expires", async () => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    const token = tokenOf("änne✓", { exp });
    const connector = connectorOf("", { getToken: async () => token });
    expect(await connector.fetchCredentials()).toEqual({
      endpoint: "http://127.0.0.1:1",
      token,
      expiresAt: new Date(exp * 1000),
    });
    expect(await connectorOf("", { getToken: () => "opaque" }).fetchCredentials()).toEqual({
      endpoint: "http://127.0.0.1:1",
      token: "opaque",
    });
  });

  it("are fresh: PowerSync asks again only when it was refused", async () => {
    const given = ["a", "a", "b"];
    const getToken = vi.fn(() => given.shift() ?? "c");
    const connector = connectorOf("", { getToken });
    expect(await connector.fetchCredentials()).toMatchObject({ token: "a" });
    expect(await connector.fetchCredentials()).toMatchObject({ token: "b" });
    expect(getToken.mock.calls).toEqual([
      [{ refresh: false }],
      [{ refresh: false }],
      [{ refresh: true }],
    ]);
  });

  it("are refreshed when they have expired", async () => {
    const getToken = vi.fn(({ refresh }: { refresh: boolean }) =>
      tokenOf("anna", { exp: Date.now() / 1000 + (refresh ? 60 : -60) }),
    );
    const credentials = await connectorOf("", { getToken }).fetchCredentials();
    expect(credentials?.expiresAt?.getTime()).toBeGreaterThan(Date.now());
    expect(getToken).toHaveBeenCalledTimes(2);
  });
});

describe("a checkpoint request", () => {
  const other = async (script: Parameters<typeof startScriptedServer>[1]) => {
    await server.close();
    server = await startScriptedServer([], script);
    return connectorOf("anna", { checkpointRequests: true });
  };

  it("is nobody's to ask for, where it was not said", () => {
    expect(connectorOf("anna").postCheckpointRequest).toBe(undefined);
  });

  it("is posted beside the endpoint, and answered with the one that counts", async () => {
    const answers = [{ status: 401, body: {} }, { body: { checkpoint_request_id: "9" } }];
    const connector = await other(() => answers.shift() ?? {});
    expect(await connector.postCheckpointRequest?.("device", "7")).toBe("9");
    const [, second] = server.others;
    expect(second?.method).toBe("POST");
    expect(second?.url).toBe("/api/data/checkpoint-request");
    expect(second?.body).toEqual({ client_id: "device", checkpoint_request_id: "7" });
  });

  it("is PowerSync's own matter, where the server knows none", async () => {
    const connector = await other(() => ({ status: 404, body: {} }));
    expect(await connector.postCheckpointRequest?.("device", "7")).toBe(null);
  });

  it("is PowerSync's own matter, once its service has left one unanswered for a minute", async () => {
    let answer = "";
    const connector = await other(() => ({ body: { checkpoint_request_id: answer } }));
    const ask = (id: string) => connector.postCheckpointRequest?.("device", id);
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      // As the SDK does: every 10 seconds.
      for (const id of ["7", "8"]) {
        for (let second = 0; second < 60; second += 10) {
          answer = id;
          expect(await ask(id)).toBe(id);
          vi.setSystemTime(Date.now() + 10_000);
        }
      }
      expect(await ask("8")).toBe(null);
      expect(await ask("9")).toBe(null);
      expect(server.others).toHaveLength(12);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    [{ status: 401, body: {} }, "UNAUTHENTICATED"],
    [{ status: 503, body: {} }, "UNAVAILABLE"],
    [{ text: "<html>" }, "MALFORMED_ANSWER"],
    [{ body: { checkpoint_request_id: 9 } }, "MALFORMED_ANSWER"],
    ["cut" as const, "NETWORK"],
  ])("fails with %j", async (answer, code) => {
    const connector = await other(() => answer);
    await expect(connector.postCheckpointRequest?.("device", "7")).rejects.toMatchObject({ code });
  });
});
