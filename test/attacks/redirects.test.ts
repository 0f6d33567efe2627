/** A server that sends the connector elsewhere: nothing of the device's goes there, and nothing that is said there empties the queue. */
import type { PowerSyncDatabase } from "@powersync/node";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConnectorOptions, PowerSyncWriteConnector } from "../../src/client/index.js";
import { addLists, createDevices, queued } from "../support/device.js";
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.js";

const devices = createDevices();
let database: PowerSyncDatabase;
let elsewhere: ScriptedServer;
let server: ScriptedServer | undefined;

beforeEach(async () => {
  database = await devices.open();
  const success = { results: [{ status: "success" }], checkpoint_request_id: "7", limits: {} };
  elsewhere = await startScriptedServer([() => ({ body: success })], () => ({ body: success }));
});
afterEach(async () => {
  await server?.close();
  await elsewhere.close();
  await devices.close(database);
});
afterAll(() => devices.remove());

async function connect(
  status: number,
  options: Partial<ConnectorOptions> = {},
): Promise<PowerSyncWriteConnector> {
  const redirect = ({ url }: { readonly url: string }) => ({
    status,
    headers: { location: new URL(url, elsewhere.url).href },
    body: { results: [{ status: "success" }] },
  });
  server = await startScriptedServer([redirect, redirect], redirect);
  return new PowerSyncWriteConnector({
    url: server.url,
    powersyncUrl: "http://127.0.0.1:1",
    getToken: () => "token",
    headers: { "x-secret": "s" },
    ...options,
  });
}
const nothingCame = () => expect([...elsewhere.requests, ...elsewhere.others]).toEqual([]);

describe.each([301, 302, 303, 307, 308])("%i", (status) => {
  it("is not followed with an upload, and is an error of its own", async () => {
    const connector = await connect(status);
    await addLists(database, ["a"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({
      name: "UploadError",
      code: "REDIRECTED",
      status,
    });
    expect(await queued(database)).toHaveLength(1);
    nothingCame();
  });

  it("is not followed with any other request", async () => {
    const connector = await connect(status, { checkpointRequests: true });
    await addLists(database, ["a", "b"]);
    await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "REDIRECTED" });
    expect(server?.others.map(({ url }) => url)).toEqual(["/api/data/limits"]);
    await expect(connector.postCheckpointRequest?.("device", "7")).rejects.toMatchObject({
      code: "REDIRECTED",
    });
    expect(await queued(database)).toHaveLength(2);
    nothingCame();
  });
});

const answer = {
  status: 200,
  headers: new Headers(),
  text: async () => '{"results":[{"status":"success"}]}',
};

it.each<[string, object, string?]>([
  ["a browser's opaque one", { ...answer, type: "opaqueredirect", status: 0 }],
  ["one that a replacement of fetch has followed", { ...answer, redirected: true }],
  ["one that React Native has followed", { ...answer, url: "https://elsewhere.example/api/data" }],
  ["one to another port", { ...answer, url: "https://api.example:8443/api/data" }],
])("%s is one, too", async (_, response) => {
  const init: unknown[] = [];
  const connector = await connect(200, {
    url: "https://api.example/api/data",
    fetch: async (_url, given) => {
      init.push(given);
      return response as Response;
    },
  });
  await addLists(database, ["a"]);
  await expect(connector.uploadData(database)).rejects.toMatchObject({ code: "REDIRECTED" });
  expect(init).toEqual([expect.objectContaining({ redirect: "manual" })]);
  expect(await queued(database)).toHaveLength(1);
});

it.each(["https://API.example/api/data", "https://api.example:443/api/data", "", undefined])(
  "an answer from %j is the server's own",
  async (url) => {
    const connector = await connect(200, {
      url: "https://api.example/api/data",
      fetch: async () => ({ ...answer, ...(url !== undefined && { url }) }),
    });
    await addLists(database, ["a"]);
    await connector.uploadData(database);
    expect(await queued(database)).toHaveLength(0);
  },
);
