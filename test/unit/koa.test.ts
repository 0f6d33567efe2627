/** Koa: the body wherever it is, the path however it is mounted, and an answer that middleware upstream can work with. */
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync, gzipSync } from "node:zlib";
import Router, { type RouterMiddleware } from "@koa/router";
import Koa, { type Context, type Middleware } from "koa";
import bodyParser from "koa-bodyparser";
import mount from "koa-mount";
import type { Kysely } from "kysely";
import supertest from "supertest";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { powersyncWrites } from "../../adapters/koa.js";
import { isRetryable } from "../../src/errors.js";
import type { WriteRequest } from "../../src/model.js";
import { deferred, fakeWrites, json, maxBytes } from "../support/fake-writes.js";

const sent = '{ "crud": [], "n": 9007199254740993 }';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

function serverOf(...middleware: Middleware[]): Server {
  const app = new Koa();
  // It would print that callers leave.
  app.silent = true;
  for (const one of middleware) app.use(one);
  const handle = app.callback();
  return createServer((request, response) => void handle(request, response));
}

async function listen(...middleware: Middleware[]): Promise<number> {
  const server = serverOf(...middleware);
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

const post = (middleware: readonly Middleware[], url = "/api/data") =>
  supertest(serverOf(...middleware))
    .post(url)
    .set("content-type", "application/json");

const own = (options?: Parameters<typeof fakeWrites>[0]) => powersyncWrites(fakeWrites(options));

describe("the body", () => {
  test("arrives as it was sent", async () => {
    const { body, headers } = await post([own()]).send(sent).expect(200);
    expect(body).toMatchObject({ method: "POST", url: "/api/data", kind: "bytes", body: sent });
    expect(headers).toMatchObject({
      "x-correlation-id": "c1",
      "content-type": "application/json",
      "content-length": expect.any(String),
    });
  });

  test("with koa-bodyparser behind", async () => {
    const { body } = await post([own(), bodyParser()]).send(sent);
    expect(body).toMatchObject({ kind: "bytes", body: sent });
  });

  test("with koa-bodyparser in front: the text that it keeps, with all digits", async () => {
    const { body } = await post([bodyParser(), own()]).send(sent);
    expect(body).toMatchObject({ kind: "string", body: sent });
  });

  test("with koa-bodyparser in front, compressed: no longer called so, or text", async () => {
    const request = post([bodyParser(), own()]).set("content-encoding", "gzip");
    const { body } = await request.serialize(() => gzipSync(sent) as never).send({});
    expect(body).toMatchObject({ kind: "string", body: sent });
  });

  test("with koa-bodyparser in front, another content-type: it left the stream alone", async () => {
    const { body } = await post([bodyParser(), own()]).set("content-type", "text/csv").send(sent);
    expect(body).toMatchObject({ kind: "bytes", body: sent });
  });

  test("with a parser in front that keeps no text", async () => {
    const parse: Middleware = async (ctx, next) => {
      const chunks: Buffer[] = [];
      for await (const chunk of ctx.req) chunks.push(chunk as Buffer);
      Object.assign(ctx.request, { body: JSON.parse(Buffer.concat(chunks).toString()) });
      await next();
    };
    const { body } = await post([parse, own()]).send('{"crud":[]}');
    expect(body).toMatchObject({ kind: "object", body: { crud: [] } });
  });

  test("read by somebody who did not keep it", async () => {
    const { body } = await post([
      async (ctx, next) => {
        await once(ctx.req.resume(), "end");
        await next();
      },
      own(),
    ]).send(sent);
    expect(body).toMatchObject({ kind: "undefined" });
  });

  test.each([
    ["gzip", gzipSync(sent)],
    ["deflate", deflateSync(sent)],
  ])("arrives in %s, as it was sent", async (encoding, bytes) => {
    const request = post([own()]).set("content-encoding", encoding);
    const { body } = await request.serialize(() => bytes as never).send({});
    expect(body.headers).toMatchObject({ "content-encoding": encoding });
  });

  test("that comes slowly is waited for", async () => {
    const port = await listen(own());
    const request = httpRequest({ port, method: "POST", path: "/api/data" });
    for (const character of '{"a":1}') {
      request.write(character);
      await sleep(10);
    }
    const [response] = (await once(request.end(), "response")) as [IncomingMessage];
    expect(JSON.parse((await response.toArray()).join(""))).toMatchObject({ body: '{"a":1}' });
  });
});

describe("the path", () => {
  const mounted = (path: string) => mount(path, own() as Middleware) as Middleware;

  test("under a mount path", async () => {
    const app = [mounted("/v1")];
    const { body } = await post(app, "/v1/api/data?x=1").send(sent);
    expect(body).toMatchObject({ url: "/api/data?x=1", body: sent });
    await post(app).send(sent).expect(404);
  });

  test("mounted at the whole path", async () => {
    const app = [mounted("/api/data")];
    expect((await post(app).send(sent)).body.url).toBe("/api/data");
    await post(app, "/api/data/other").send(sent).expect(404);
  });

  test("on a router, as a route's own handler, and nested", async () => {
    const router = new Router();
    router.post("/api/data", own() as RouterMiddleware);
    router.post("/anywhere", own({ path: false }) as RouterMiddleware);
    const outer = new Router().use("/v2", router.routes());
    const app = [router.routes() as Middleware, outer.routes() as Middleware];
    expect((await post(app).send(sent)).body.body).toBe(sent);
    expect((await post(app, "/anywhere").send(sent)).body.url).toBe("/anywhere");
    await post(app, "/v2/anywhere").send(sent).expect(200);
  });

  test("the rest is passed on, unread and without an error", async () => {
    const next: Middleware = (ctx) => {
      ctx.body = { next: ctx.request.body };
    };
    const { body } = await post([own(), bodyParser(), next], "/other").send('{"a":1}');
    expect(body).toEqual({ next: { a: 1 } });
  });
});

describe("middleware upstream", () => {
  test("reads the answer, and adds to it", async () => {
    const seen = deferred<unknown>();
    const upstream: Middleware = async (ctx, next) => {
      await next();
      seen.resolve([ctx.status, ctx.type, ctx.length, ctx.body]);
      ctx.set("x-response-time", "1ms");
    };
    const { headers, text } = await post([upstream, own()]).send("{}").expect(200);
    expect(headers["x-response-time"]).toBe("1ms");
    expect(await seen.promise).toEqual([200, "application/json", text.length, text]);
  });

  test("sees the status of a body over the limit, and no error", async () => {
    const seen = deferred<number>();
    const upstream: Middleware = async (ctx, next) => {
      await next();
      seen.resolve(ctx.status);
      ctx.set("x-response-time", "1ms");
    };
    const port = await listen(upstream, own());
    const request = httpRequest({ port, method: "POST", path: "/api/data" });
    request.on("error", () => undefined);
    for (let index = 0; index < 20; index++) request.write("x".repeat(100_000));
    const [response] = (await once(request.end(), "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    await once(response.resume(), "end");
    expect(await seen.promise).toBe(413);
  });

  test("is told of no failure of ours, and its error handler sees none", async () => {
    const failing = own({ handle: () => Promise.reject(new Error("secret")) });
    const caught: unknown[] = [];
    const upstream: Middleware = async (_, next) => {
      await next().catch((error: unknown) => caught.push(error));
    };
    const { body, headers } = await post([upstream, failing]).send(sent).expect(503);
    expect(body).toEqual({ message: "The request could not be handled." });
    expect(headers["retry-after"]).toBe("5");
    expect(caught).toEqual([]);
  });

  test("hears of the failures of what comes behind", async () => {
    const upstream: Middleware = async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        ctx.status = 418;
        ctx.body = String(error);
      }
    };
    const behind: Middleware = () => Promise.reject(new Error("Theirs."));
    await post([upstream, own(), behind], "/other").send(sent).expect(418, "Error: Theirs.");
  });

  test("keeps the headers that it has set, and an answer that it has begun", async () => {
    const header: Middleware = (ctx, next) => {
      ctx.set("x-earlier", "1");
      return next();
    };
    expect((await post([header, own()]).send(sent)).headers["x-earlier"]).toBe("1");
    const begun: Middleware = async (ctx, next) => {
      ctx.respond = false;
      ctx.res.writeHead(504).write("Too ");
      await next();
      ctx.res.end("late.");
    };
    await post([begun, own()]).send(sent).expect(504, "Too late.");
  });
});

test("an empty answer has no type", async () => {
  const empty = own({ handle: async () => ({ status: 204, headers: {}, body: "" }) });
  const { status, headers, text } = await post([empty]).send(sent);
  expect([status, text, headers["content-type"]]).toEqual([204, "", undefined]);
});

describe("a caller who leaves", () => {
  /** What the fake saw, once the middleware is done. */
  async function leaving(during: (request: WriteRequest) => Promise<unknown>, upload: string) {
    const arrived = deferred<void>();
    const seen = deferred<{ request: WriteRequest; error: unknown }>();
    const finished = deferred<void>();
    const upstream: Middleware = async (_, next) => {
      await next();
      finished.resolve();
    };
    const handle = async (request: WriteRequest) => {
      arrived.resolve();
      const error = await during(request).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (!request.signal.aborted) await once(request.signal, "abort");
      seen.resolve({ request, error });
      return json(200, {});
    };
    const port = await listen(upstream, own({ handle }));
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST /api/data HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n${upload}`);
    await arrived.promise;
    socket.destroy();
    const result = await seen.promise;
    await finished.promise;
    return result;
  }

  test("while uploading: the body is retryable, the signal fires", async () => {
    const { error } = await leaving((request) => request.body(maxBytes), "{");
    expect(isRetryable(error)).toBe(true);
  });

  test("while the answer is made: the signal fires", async () => {
    const { error } = await leaving((request) => request.body(maxBytes), "{}");
    expect(error).toBeUndefined();
  });
});

describe("listeners", () => {
  const events = ["data", "end", "error", "close", "readable", "aborted"];
  const counts = (emitter: IncomingMessage | ServerResponse) =>
    events.map((event) => emitter.listenerCount(event));

  test.each([
    ["an ordinary answer", sent],
    ["a body over the limit", "x".repeat(3_000_000)],
  ])("after %s none is left", async (_, body) => {
    const measured = deferred<{ before: number[][]; after: number[][] }>();
    const upstream: Middleware = async (ctx, next) => {
      const before = [counts(ctx.req), counts(ctx.res)];
      await next();
      measured.resolve({ before, after: [counts(ctx.req), counts(ctx.res)] });
    };
    const port = await listen(upstream, own());
    const request = httpRequest({ port, method: "POST", path: "/api/data" }).end(body);
    request.on("error", () => undefined);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    const { before, after } = await measured.promise;
    // Fewer, where Koa has removed one of its own.
    for (const [emitter, each] of after.entries())
      for (const [event, count] of each.entries())
        expect(count).toBeLessThanOrEqual(before[emitter]?.[event] ?? 0);
  });
});

/** Never called: the compiler is what checks it. */
function typed(database: Kysely<{ lists: { id: string } }>) {
  return powersyncWrites({
    authenticate: ({ raw }) => {
      expectTypeOf(raw).toEqualTypeOf<Context>();
      return { userId: String(raw.state["user"]), tenant: 1 };
    },
    database,
    tables: { lists: { access: "everyone" } },
    authorize: (_, { principal }) => {
      expectTypeOf(principal.tenant).toBeNumber();
    },
  });
}

test("Koa's Middleware, with its context as `raw`", async () => {
  expectTypeOf(powersyncWrites(fakeWrites())).toExtend<Middleware>();
  expectTypeOf(typed).toBeFunction();
  const handle = async ({ raw }: WriteRequest) =>
    json(200, { user: (raw as Context).state["user"] });
  const guard: Middleware = (ctx, next) => {
    ctx.state["user"] = "ann";
    return next();
  };
  expect((await post([guard, own({ handle })]).send(sent)).body).toEqual({ user: "ann" });
});
