/** An adapter that is mounted on another framework than its own: the error says what to import, every request is answered, and the process goes on. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import express5 from "express";
import express4 from "express4";
import { Hono } from "hono";
import Koa from "koa";
import { afterEach, expect, it } from "vitest";
import { powersyncWrites as expressWrites } from "../../adapters/express.js";
import { powersyncWrites as fetchWrites } from "../../adapters/fetch.js";
import { powersyncWrites as koaWrites } from "../../adapters/koa.js";
import { powersyncWrites as nodeWrites } from "../../adapters/node.js";
import { createWrites } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { fakeWrites } from "../support/fake-writes.js";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** What is thrown, and the status of the answer to an upload. */
interface Outcome {
  readonly thrown: unknown;
  readonly status: number;
}

async function answered(listener: Listener, thrown: () => unknown): Promise<Outcome> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { status } = await fetch(`http://127.0.0.1:${port}/api/data`, {
    method: "POST",
    body: "{}",
  });
  return { thrown: thrown(), status };
}

const writes = fakeWrites();

function onExpress(express: typeof express5, middleware: unknown): Promise<Outcome> {
  let thrown: unknown;
  const app = express();
  app.use(middleware as never);
  app.use(((error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => {
    thrown = error;
    response.writeHead(500).end();
  }) as never);
  return answered(app as unknown as Listener, () => thrown);
}

function onKoa(middleware: unknown): Promise<Outcome> {
  let thrown: unknown;
  const app = new Koa();
  app.on("error", (error: unknown) => (thrown = error));
  app.use(middleware as never);
  return answered(app.callback() as Listener, () => thrown);
}

async function onHono(handler: (context: never) => unknown): Promise<Outcome> {
  let thrown: unknown;
  const app = new Hono();
  app.all("*", handler as never);
  app.onError((error, context) => {
    thrown = error;
    return context.text("", 500);
  });
  const { status } = await app.request("/api/data", { method: "POST", body: "{}" });
  return { thrown, status };
}

const express4As5 = express4 as unknown as typeof express5;

it.each<[what: string, subpath: string, mounted: () => Promise<Outcome>]>([
  ["Express' on Koa", "express", () => onKoa(expressWrites(writes))],
  ["node:http's on Koa", "node", () => onKoa(nodeWrites(writes))],
  ["the fetch handler on Koa", "fetch", () => onKoa(fetchWrites(writes))],
  ["Koa's on Express 4", "koa", () => onExpress(express4As5, koaWrites(writes))],
  ["Koa's on Express 5", "koa", () => onExpress(express5, koaWrites(writes))],
  ["the fetch handler on Express 4", "fetch", () => onExpress(express4As5, fetchWrites(writes))],
  ["the fetch handler on Express 5", "fetch", () => onExpress(express5, fetchWrites(writes))],
  ["the fetch handler with Hono's context", "fetch", () => onHono(fetchWrites(writes) as never)],
  [
    "the fetch handler with Hono's own request",
    "fetch",
    () => onHono(({ req }: { readonly req: never }) => fetchWrites(writes)(req)),
  ],
])("%s", async (_what, subpath, mounted) => {
  const { thrown, status } = await mounted();
  expect(status).toBe(500);
  expect(thrown).toBeInstanceOf(TypeError);
  expect(String(thrown)).toMatch(
    new RegExp(`powersync-writes/${subpath} was called with something else .* Remedy: import`),
  );
});

it("writes.handle with a framework's own request", async () => {
  const real = createWrites({
    authenticate: () => ({ userId: "alice" }),
    database: memoryStore({ tables: { lists: { columns: { id: "uuid" } } } }),
    tables: { lists: { access: "everyone" } },
  });
  const request = { method: "POST", url: "/api/data", headers: { host: "127.0.0.1" } };
  await expect(real.handle(request as never)).rejects.toThrow(/Remedy: mount an adapter, as in/);
});
