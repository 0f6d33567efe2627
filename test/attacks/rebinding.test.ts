/** A page whose own name points at the operator's machine (DNS rebinding): to a guard by address it is the operator, and to the browser it is no other origin. */
import { createServer, type Server } from "node:http";
import express5 from "express";
import Koa from "koa";
import supertest from "supertest";
import { describe, expect, it } from "vitest";
import { powersyncWritesAdmin as express } from "../../adapters/express.js";
import { powersyncWritesAdmin as fetched } from "../../adapters/fetch.js";
import { powersyncWritesAdmin as koa } from "../../adapters/koa.js";
import { PowerSyncWriteAdminModule } from "../../adapters/nest/index.js";
import { powersyncWritesAdmin as node } from "../../adapters/node.js";
import { anonymous, createWrites } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { createNest, initNest } from "../support/nest.js";

const path = "/api/admin/dead-letters";

function server() {
  const writes = createWrites({
    authenticate: anonymous(),
    database: memoryStore({ tables: {} }),
    tables: {},
    logger: false,
  });
  const crud = [{ op: "PUT", table: "nowhere", id: "a", op_id: 1, op_data: {} }];
  const record = () => writes.processTransaction({ crud }, { principal: { userId: "alice" } });
  return { writes, record };
}
type Writes = ReturnType<typeof server>["writes"];
interface Options {
  readonly hosts?: readonly string[];
}
const open = { guard: () => true };

const adapters: readonly (readonly [string, (writes: Writes, options: Options) => unknown])[] = [
  ["Express", (writes, options) => express5().use(express(writes, { ...open, ...options }))],
  ["Koa", (writes, options) => new Koa().use(koa(writes, { ...open, ...options })).callback()],
  ["node:http", (writes, options) => createServer(node(writes, { ...open, ...options }))],
  ...(["Express", "Fastify"] as const).map(
    (platform) =>
      [
        `Nest on ${platform}`,
        async (writes: Writes, options: Options) => {
          const module = PowerSyncWriteAdminModule.forRoot({ ...open, ...options }, { writes });
          const app = await initNest(await createNest(platform, module));
          return app.getHttpServer() as Server;
        },
      ] as const,
  ),
];

const rebound = { host: "rebound.evil.example:9000", origin: "http://rebound.evil.example:9000" };

describe.each(adapters)("%s", (_, start) => {
  const request = async (
    options: Options,
    method: "get" | "post",
    url: string,
    headers: Readonly<Record<string, string>>,
    writes = server().writes,
  ) =>
    supertest((await start(writes, options)) as Server)
      [method](url)
      .set(headers);

  it("lets no page of such a name read or change anything", async () => {
    const { writes, record } = server();
    await record();
    const { letters } = await writes.deadLetters.list();
    const id = letters[0]?.id ?? "";
    const json = { ...rebound, "content-type": "application/json" };
    for (const [method, url] of [
      ["get", path],
      ["get", `${path}/${id}`],
      ["get", `${path}/export`],
      ["post", `${path}/${id}/discard`],
      ["post", `${path}/discard`],
    ] as const) {
      const { status, text } = await request({}, method, url, json, writes);
      expect([status, text]).toEqual([
        403,
        '{"message":"The admin routes may not be called by this host name. Add it to their option `hosts`."}',
      ]);
    }
    expect((await writes.deadLetters.get(id))?.status).toBe("open");
  });

  it.each(["localhost:9000", "LOCALHOST", "admin.localhost:9000", "127.0.0.1", "[::1]:80"])(
    "answers the operator who calls it %s",
    async (host) => {
      expect((await request({}, "get", path, { host })).status).toBe(200);
    },
  );

  it.each(["localhost.evil.example", "127.0.0.1.evil.example", "evil.example", "1270.0.0.1", "x"])(
    "takes %s for no name of its own",
    async (host) => {
      expect((await request({}, "get", path, { host })).status).toBe(403);
    },
  );

  it("goes by the names that the options say, and no others", async () => {
    const hosts = ["Ops.example.com", "console.example.com:8443"];
    const statusOf = async (host: string) =>
      (await request({ hosts }, "get", path, { host })).status;
    expect(await statusOf("ops.example.com")).toBe(200);
    expect(await statusOf("OPS.example.com:9000")).toBe(200);
    expect(await statusOf("console.example.com:8443")).toBe(200);
    expect(await statusOf("console.example.com")).toBe(403);
    expect(await statusOf("ops.example.com.evil.example")).toBe(403);
    expect(await statusOf("localhost")).toBe(403);
    expect(await statusOf("")).toBe(403);
  });

  it("changes nothing for what a form can send", async () => {
    const { writes, record } = server();
    await record();
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      for (const url of [`${path}/discard`, `${path}/retry`]) {
        const headers = { host: "localhost", "content-type": type };
        const response = await request({}, "post", url, headers, writes);
        expect(response.status).toBe(415);
      }
    }
    expect((await writes.deadLetters.list()).letters[0]?.status).toBe("open");
  });
});

it("fetch goes by the names that the options say", async () => {
  const handler = fetched(server().writes, { ...open, hosts: ["ops.example.com"] });
  expect((await handler(new Request(`https://ops.example.com${path}`))).status).toBe(200);
  expect((await handler(new Request(`https://rebound.example${path}`))).status).toBe(403);
});
