/** Every way to mount the write path, as a server on loopback. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express5 from "express";
import express4 from "express4";
import Koa from "koa";
import bodyParser from "koa-bodyparser";
import { powersyncWrites as expressWrites } from "../../adapters/express.js";
import { powersyncWrites as fetchWrites } from "../../adapters/fetch.js";
import { powersyncWrites as koaWrites } from "../../adapters/koa.js";
import { PowerSyncWriteModule } from "../../adapters/nest/index.js";
import { powersyncWrites as nodeWrites } from "../../adapters/node.js";
import type { Writes } from "../../src/index.js";
import { fetchListener } from "../support/fetch-server.js";
import { createNest, initNest, type Platform } from "../support/nest.js";
import type { TestPrincipal } from "../support/writes.js";

type TestWrites = Writes<TestPrincipal>;

export interface TestAdapter {
  readonly name: string;
  /** @param parsed behind the framework's own JSON body parser */
  listener(writes: TestWrites, parsed: boolean): RequestListener;
  /** Whether the framework has a body parser of its own. */
  readonly parses: boolean;
}

export const adapters: readonly TestAdapter[] = [
  {
    name: "Express 5",
    parses: true,
    listener: (writes, parsed) => {
      const app = express5();
      if (parsed) app.use(express5.json());
      return app.use(expressWrites(writes));
    },
  },
  {
    name: "Express 4",
    parses: true,
    listener: (writes, parsed) => {
      const app = express4();
      if (parsed) app.use(express4.json());
      return app.use(expressWrites(writes));
    },
  },
  {
    name: "Koa",
    parses: true,
    listener: (writes, parsed) => {
      const app = new Koa();
      // It would write of every connection that breaks.
      app.silent = true;
      if (parsed) app.use(bodyParser()).use(forgetText);
      const answer = app.use(koaWrites(writes)).callback();
      return (request, response) => void answer(request, response);
    },
  },
  {
    name: "fetch",
    parses: false,
    listener: (writes) => fetchListener(fetchWrites(writes)),
  },
  { name: "Nest on Express", parses: true, listener: nestListener("Express") },
  // Fastify parses after the library has put its requests aside.
  { name: "Nest on Fastify", parses: false, listener: nestListener("Fastify") },
  {
    name: "node:http",
    parses: false,
    listener: (writes) => nodeWrites(writes),
  },
];

/** This parser keeps the text beside what it makes of it, which is read instead; others keep nothing. */
function forgetText(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  Object.assign(ctx.request, { rawBody: undefined });
  return next();
}

/** Nest takes a moment to start; requests wait for it. */
function nestListener(platform: Platform): TestAdapter["listener"] {
  return (writes, parsed) => {
    const started = createNest(platform, PowerSyncWriteModule.forRoot(writes), { parsed })
      .then(initNest)
      .then((app) => app.getHttpServer() as Server);
    return (request, response) =>
      void started.then((server) => server.emit("request", request, response));
  };
}

export async function listen(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}` };
}
