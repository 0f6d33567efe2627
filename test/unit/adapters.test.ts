import { once } from "node:events";
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import express5, { type Express, type RequestHandler } from "express";
import express4 from "express4";
import Koa from "koa";
import type { Kysely } from "kysely";
import supertest from "supertest";
import { afterEach, describe, expect, expectTypeOf, test } from "vitest";
import { powersyncWrites } from "../../adapters/express.js";
import { powersyncWrites as koaWrites } from "../../adapters/koa.js";
import { serve } from "../../adapters/node-http.js";
import { powersyncWrites as nodeWrites } from "../../adapters/node.js";
import { isRetryable } from "../../src/errors.js";
import type { Principal } from "../../src/context.js";
import type { WriteRequest } from "../../src/model.js";
import type { Writes } from "../../src/config/writes.js";
import { deferred, fakeWrites, json, maxBytes } from "../support/fake-writes.js";

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

async function listen(listener: Listener): Promise<number> {
  const server = createServer((request, response) => void listener(request, response));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const sent = '{ "crud": [], "n": 9007199254740993 }';
const post = (app: Parameters<typeof supertest>[0], url = "/api/data") =>
  supertest(app).post(url).set("content-type", "application/json");

/** Leaves the raw body beside the parsed one, as NestJS and others do. */
function keepRaw(request: IncomingMessage, _: ServerResponse, buffer: Buffer): void {
  Object.assign(request, { rawBody: buffer });
}

describe.each([
  ["Express 4", express4],
  ["Express 5", express5],
])("%s", (_, express) => {
  const appWith = (...handlers: RequestHandler[]): Express => {
    const app = express();
    for (const handler of handlers) app.use(handler);
    return app.use(powersyncWrites(fakeWrites()));
  };

  describe("the body", () => {
    test("arrives as it was sent", async () => {
      const { body, headers } = await post(appWith()).send(sent).expect(200);
      expect(body).toMatchObject({ method: "POST", url: "/api/data", kind: "bytes", body: sent });
      expect(headers["x-correlation-id"]).toBe("c1");
      expect(headers["content-type"]).toContain("application/json");
    });

    test("arrives compressed, as it was sent", async () => {
      const request = post(appWith()).set("content-encoding", "gzip");
      const { body } = await request.serialize(() => gzipSync(sent) as never).send({});
      expect(body).toMatchObject({ kind: "gzip", headers: { "content-encoding": "gzip" } });
    });

    test("with express.json() behind", async () => {
      const app = express().use(powersyncWrites(fakeWrites())).use(express.json());
      expect((await post(app).send(sent)).body).toMatchObject({ kind: "bytes", body: sent });
    });

    test("with express.json() in front: what it parsed", async () => {
      const { body } = await post(appWith(express.json())).send(sent);
      expect(body).toMatchObject({ kind: "object", body: { crud: [] } });
    });

    test("with express.json() in front, compressed", async () => {
      const request = post(appWith(express.json())).set("content-encoding", "gzip");
      const { body } = await request.serialize(() => gzipSync(sent) as never).send({});
      expect(body).toMatchObject({ kind: "object", body: { crud: [] } });
    });

    test("with express.json() in front, another content-type: it left the stream alone", async () => {
      const { body } = await post(appWith(express.json()))
        .set("content-type", "text/csv")
        .send(sent);
      expect(body).toMatchObject({ kind: "bytes", body: sent });
    });

    test.each<[string, RequestHandler[]]>([
      ["nothing", []],
      ["express.json()", [express.json()]],
      ["express.raw()", [express.raw({ type: "*/*" })]],
    ])(
      "none at all, with %s in front: empty, not an object that a parser made up",
      async (__, handlers) => {
        const { body } = await post(appWith(...handlers));
        expect(body).toMatchObject({ kind: "bytes", body: "" });
      },
    );

    test("with express.raw() in front", async () => {
      const { body } = await post(appWith(express.raw({ type: "*/*" }))).send(sent);
      expect(body).toMatchObject({ kind: "bytes", body: sent });
    });

    test("with express.raw() in front, which has inflated it: no longer called compressed", async () => {
      const request = post(appWith(express.raw({ type: "*/*" }))).set("content-encoding", "gzip");
      const { body } = await request.serialize(() => gzipSync(sent) as never).send({});
      expect(body).toMatchObject({ kind: "bytes", body: sent });
      expect(body.headers).not.toHaveProperty("content-encoding");
    });

    test("with express.text() in front", async () => {
      const { body } = await post(appWith(express.text({ type: "*/*" }))).send(sent);
      expect(body).toMatchObject({ kind: "string", body: sent });
    });

    test("with rawBody beside the parsed one: the raw one", async () => {
      const app = appWith(express.json({ verify: keepRaw }));
      expect((await post(app).send(sent)).body).toMatchObject({ kind: "bytes", body: sent });
      const request = post(app).set("content-encoding", "gzip");
      const { body } = await request.serialize(() => gzipSync(sent) as never).send({});
      expect(body).toMatchObject({ kind: "bytes", body: sent });
      expect(body.headers).not.toHaveProperty("content-encoding");
    });

    test("with a rawBody that nobody has inflated: still called compressed", async () => {
      const app = appWith(async (request, __, next) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        Object.assign(request, { rawBody: Buffer.concat(chunks) });
        next();
      });
      const request = post(app).set("content-encoding", "gzip");
      const { body } = await request.serialize(() => gzipSync(sent) as never).send({});
      expect(body).toMatchObject({ kind: "gzip", headers: { "content-encoding": "gzip" } });
    });

    test("read by somebody who did not keep it", async () => {
      const app = appWith((request, __, next) => {
        request.resume().on("end", () => next());
      });
      expect((await post(app).send(sent)).body).toMatchObject({ kind: "undefined" });
    });

    test("paused, and with its encoding set, by somebody who did not read it", async () => {
      const app = appWith((request, __, next) => {
        request.setEncoding("utf8");
        request.pause();
        setTimeout(next, 20);
      });
      const { body } = await post(app).send('{"a":"é€😀"}');
      expect(body).toMatchObject({ kind: "bytes", body: '{"a":"é€😀"}' });
    });
  });

  describe("the path", () => {
    test("under a mount path", async () => {
      const app = express().use("/v1", powersyncWrites(fakeWrites()));
      expect((await post(app, "/v1/api/data?x=1").send(sent)).body.url).toBe("/api/data?x=1");
      await post(app).send(sent).expect(404);
    });

    test("mounted at the whole path", async () => {
      const app = express().use("/api/data", powersyncWrites(fakeWrites()));
      expect((await post(app, "/api/data").send(sent)).body.url).toBe("/api/data");
      await post(app, "/api/data/other").send(sent).expect(404);
    });

    test("on a Router, and as a route's own handler", async () => {
      const router = express.Router();
      router.post("/api/data", powersyncWrites(fakeWrites()));
      const app = express().use("/v2", router).post("/api/data", powersyncWrites(fakeWrites()));
      expect((await post(app, "/v2/api/data").send(sent)).body.body).toBe(sent);
      expect((await post(app).send(sent)).body.body).toBe(sent);
    });

    test("with `path: false`, wherever the host routes it", async () => {
      const app = express().post("/anywhere", powersyncWrites(fakeWrites({ path: false })));
      expect((await post(app, "/anywhere").send(sent)).body.url).toBe("/anywhere");
    });

    test("the rest is passed on, unread and without an error", async () => {
      const app = appWith();
      app.use(express.json(), (request, response) => void response.json({ next: request.body }));
      expect((await post(app, "/other").send('{"a":1}')).body).toEqual({ next: { a: 1 } });
      expect((await supertest(app).get("/api/data")).status).toBe(200);
    });
  });

  test("no answer of its own ever goes to next()", async () => {
    let passed = 0;
    const failing = fakeWrites({ handle: () => Promise.reject(new Error("secret")) });
    const app = express().use(powersyncWrites(failing));
    app.use(() => void passed++);
    const { body, headers } = await post(app).send(sent).expect(503);
    expect(body).toEqual({ message: "The request could not be handled." });
    expect(headers["retry-after"]).toBe("5");
    const refusing = fakeWrites({ handle: async () => json(401, { message: "No." }) });
    await post(express().use(powersyncWrites(refusing), () => void passed++))
      .send(sent)
      .expect(401);
    expect(passed).toBe(0);
  });

  test("headers that earlier middleware has set stay", async () => {
    const app = appWith((__, response, next) => {
      response.setHeader("x-earlier", "1");
      next();
    });
    expect((await post(app).send(sent)).headers["x-earlier"]).toBe("1");
  });

  test("an answer that somebody else has already given stays", async () => {
    const app = appWith((__, response, next) => {
      response.status(504).write("Too ");
      next();
      setTimeout(() => response.end("late."), 20);
    });
    expect((await post(app).send(sent).buffer(true).parse(asText).expect(504)).body).toBe(
      "Too late.",
    );
  });
});

/** Never called: the compiler is what checks it. */
function typed(database: Kysely<{ lists: { id: string } }>) {
  return [
    powersyncWrites({
      authenticate: () => ({ userId: "ann", tenant: 1 }),
      database,
      tables: { lists: { access: "everyone" } },
      authorize: (_, { principal }) => {
        expectTypeOf(principal.tenant).toBeNumber();
      },
    }),
    nodeWrites({ authenticate: async () => ({ userId: "ann" }), database, tables: {} }),
  ];
}

test("a RequestHandler, with the principal's type from `authenticate`", () => {
  expectTypeOf(powersyncWrites(fakeWrites())).toExtend<RequestHandler>();
  expectTypeOf(typed).toBeFunction();
});

describe("node:http", () => {
  test("answers its own routes, and 404 for the rest", async () => {
    const handler = nodeWrites(fakeWrites());
    const { body } = await post(handler, "/api/data?a=b").send(sent).expect(200);
    expect(body).toMatchObject({ url: "/api/data?a=b", kind: "bytes", body: sent });
    const missing = await supertest(handler).get("/").expect(404);
    expect(missing.body).toEqual({ message: expect.stringMatching(/^There is no such route/) });
    expect(missing.headers["content-type"]).toContain("application/json");
  });

  test("headers, with duplicates as Node has judged them, but every credential", async () => {
    const port = await listen(nodeWrites(fakeWrites()));
    const answer = await raw(port, [
      "POST /api/data HTTP/1.1",
      "host: a",
      "connection: close",
      "authorization: Bearer one",
      "authorization: Bearer two",
      "content-type: application/json",
      "content-type: text/plain",
      "content-encoding: gzip",
      "content-encoding: br",
      "x-many: 1",
      "x-many: 2",
      "set-cookie: a=1",
      "set-cookie: b=2",
      "x-latin: caf\xe9",
      "content-length: 2",
      "",
      "{}",
    ]);
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))).headers).toMatchObject({
      authorization: "Bearer one, Bearer two",
      "content-type": "application/json",
      "content-encoding": "gzip, br",
      "x-many": "1, 2",
      "set-cookie": expect.stringContaining("b=2"),
      "x-latin": "caf\xe9",
    });
  });

  test("keeps the connection after an ordinary answer", async () => {
    const port = await listen(nodeWrites(fakeWrites()));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (let turn = 0; turn < 3; turn++) {
      const request = httpRequest({ port, agent, method: "POST", path: "/api/data" }).end(sent);
      const [response] = (await once(request, "response")) as [IncomingMessage];
      ports.add(response.socket.localPort);
      expect(response.headers.connection).toBe("keep-alive");
      expect(response.headers["content-length"]).toBeDefined();
      await once(response.resume(), "end");
    }
    expect(ports.size).toBe(1);
    agent.destroy();
  });

  test("an empty answer", async () => {
    const writes = fakeWrites({ handle: async () => ({ status: 204, headers: {}, body: "" }) });
    const port = await listen(nodeWrites(writes));
    const response = await fetch(`http://127.0.0.1:${port}/api/data`, {
      method: "POST",
      body: "x",
    });
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  test("an answer with a header that can't be sent ends the connection, not the process", async () => {
    const bad = { status: 200, headers: { "x-bad": "a\nb" }, body: "{}" };
    const port = await listen(nodeWrites(fakeWrites({ handle: async () => bad })));
    await expect(fetch(`http://127.0.0.1:${port}/api/data`, { method: "POST" })).rejects.toThrow(
      "fetch failed",
    );
  });
});

function asText(response: supertest.Response, done: (error: Error | null, body: unknown) => void) {
  let text = "";
  // The type is superagent's for a finished response; a parser is given the one still coming in.
  const stream = response as unknown as IncomingMessage;
  stream.setEncoding("utf8").on("data", (part: string) => (text += part));
  stream.on("end", () => done(null, text));
}

/** Sends exactly this, and gives all that comes until the server closes. */
async function raw(port: number, lines: string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(lines.join("\r\n"), "latin1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  await once(socket, "close");
  return answer;
}

describe.each<[string, () => Listener]>([
  ["node:http", () => nodeWrites(fakeWrites())],
  ["Express 4", () => express4().use(powersyncWrites(fakeWrites()))],
  ["Express 5", () => express5().use(powersyncWrites(fakeWrites()))],
  ["Koa", () => new Koa().use(koaWrites(fakeWrites())).callback()],
])("a body over the limit, on %s", (_, listener) => {
  const tooLarge = { message: `The body is larger than ${maxBytes} bytes.` };

  test("by its content-length: refused before it has been sent", async () => {
    const port = await listen(listener());
    const socket = connect(port, "127.0.0.1");
    // Nothing more is ever sent, so the answer can't have waited for it.
    socket.write("POST /api/data HTTP/1.1\r\nhost: a\r\ncontent-length: 1000001\r\n\r\n{");
    const [data] = (await once(socket, "data")) as [Buffer];
    expect(String(data)).toMatch(/^HTTP\/1.1 413 /);
    expect(String(data).toLowerCase()).toContain("connection: close");
    socket.destroy();
  });

  test("by its chunks", async () => {
    const port = await listen(listener());
    const request = httpRequest({ port, method: "POST", path: "/api/data" });
    request.on("error", () => undefined);
    for (let index = 0; index < 20; index++) request.write("x".repeat(100_000));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(413);
    expect(response.headers.connection).toBe("close");
    expect(JSON.parse((await response.toArray()).join(""))).toEqual(tooLarge);
    request.destroy();
  });

  test("the limit itself is allowed", async () => {
    const port = await listen(listener());
    const url = `http://127.0.0.1:${port}/api/data`;
    const response = await fetch(url, { method: "POST", body: "x".repeat(maxBytes) });
    expect(response.status).toBe(200);
    await response.text();
  });

  test("a caller who sends everything before it reads gets the answer whole", async () => {
    const port = await listen(listener());
    const socket = connect(port, "127.0.0.1").pause();
    socket.write("POST /api/data HTTP/1.1\r\nhost: a\r\ncontent-length: 20000000\r\n\r\n");
    for (let index = 0; index < 200; index++) {
      if (!socket.write("x".repeat(100_000))) await once(socket, "drain");
    }
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
    await once(socket.resume(), "end");
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer.endsWith(JSON.stringify(tooLarge))).toBe(true);
    socket.destroy();
  });
});

test("a caller who never stops sending is hung up on", async () => {
  const port = await listen(nodeWrites(fakeWrites()));
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  socket.write("POST /api/data HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  const timer = setInterval(() => socket.write(`186a0\r\n${"x".repeat(100_000)}\r\n`), 5);
  const [data] = (await once(socket, "data")) as [Buffer];
  expect(String(data)).toMatch(/^HTTP\/1.1 413 /);
  // Still sending.
  await once(socket, "close");
  clearInterval(timer);
});

describe("an answer given without reading the body", () => {
  const refusing = fakeWrites({ handle: async () => json(401, { message: "No." }) });

  test("reaches a caller who is still sending", async () => {
    const port = await listen(nodeWrites(refusing));
    const url = `http://127.0.0.1:${port}/api/data`;
    const agent = new Agent({ keepAlive: true });
    for (let turn = 0; turn < 3; turn++) {
      const request = httpRequest(url, { method: "POST", agent }).end("x".repeat(5_000_000));
      const [response] = (await once(request, "response")) as [IncomingMessage];
      expect(response.statusCode).toBe(401);
      await once(response.resume(), "end");
    }
    agent.destroy();
  });
});

describe("a caller who leaves", () => {
  interface Seen {
    signal: AbortSignal;
    error?: unknown;
    done: Promise<void>;
  }

  /** A server of node:http that tells what the fake saw, and when the adapter was done. */
  async function watched(during: (request: WriteRequest) => Promise<void>) {
    const arrived = deferred<void>();
    const seen = deferred<Seen>();
    const finished = deferred<void>();
    const writes = fakeWrites({
      handle: async (request) => {
        arrived.resolve();
        const entry: Seen = { signal: request.signal, done: finished.promise };
        try {
          const work = during(request);
          await Promise.race([work, once(request.signal, "abort")]);
          await work;
        } catch (error) {
          entry.error = error;
        }
        seen.resolve(entry);
        return json(200, {});
      },
    });
    const port = await listen((request, response) => {
      void serve(writes, request, response, request.url ?? "/").then(finished.resolve);
    });
    return { port, arrived: arrived.promise, seen: seen.promise };
  }

  test("while uploading: the signal fires, the body is retryable, the adapter finishes", async () => {
    const { port, arrived, seen } = await watched(
      async (request) => void (await request.body(maxBytes)),
    );
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /api/data HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{");
    await arrived;
    socket.destroy();
    const { signal, error, done } = await seen;
    expect(isRetryable(error)).toBe(true);
    await done;
    expect(signal.aborted).toBe(true);
  });

  test("while the answer is made: the signal fires, the adapter finishes", async () => {
    const read = deferred<void>();
    const { port, seen } = await watched(async (request) => {
      await request.body(maxBytes);
      read.resolve();
      if (!request.signal.aborted) await once(request.signal, "abort");
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /api/data HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}");
    await read.promise;
    socket.destroy();
    const { signal, error, done } = await seen;
    expect(error).toBeUndefined();
    expect(signal.aborted).toBe(true);
    await done;
  });

  test("after the answer: nothing fires", async () => {
    const { port, seen } = await watched(async (request) => void (await request.body(maxBytes)));
    const url = `http://127.0.0.1:${port}/api/data`;
    const response = await fetch(url, {
      method: "POST",
      body: "{}",
      headers: { connection: "close" },
    });
    await response.text();
    const { signal, done } = await seen;
    await done;
    await sleep(50);
    expect(signal.aborted).toBe(false);
  });

  test("before it was handled: the signal has fired already", async () => {
    const arrived = deferred<void>();
    const gone = deferred<WriteRequest>();
    const handler = nodeWrites(
      fakeWrites({
        handle: async (request) => {
          gone.resolve(request);
          return json(200, {});
        },
      }),
    );
    const port = await listen(async (request, response) => {
      arrived.resolve();
      await once(response, "close");
      handler(request, response);
    });
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /api/data HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{");
    await arrived.promise;
    socket.destroy();
    const request = await gone.promise;
    expect(request.signal.aborted).toBe(true);
    expect(isRetryable(await request.body(maxBytes).catch((error: unknown) => error))).toBe(true);
  });
});

describe("listeners", () => {
  const events = ["data", "end", "error", "close", "finish", "readable", "aborted"];
  const counts = (emitter: IncomingMessage | ServerResponse) =>
    events.map((event) => emitter.listenerCount(event));

  /** A server that tells how many listeners there were before the adapter, and after. */
  async function measuring(writes: Writes<Principal>) {
    const arrived = deferred<void>();
    const measured = deferred<{ before: number[][]; after: number[][] }>();
    const port = await listen(async (request, response) => {
      arrived.resolve();
      const before = [counts(request), counts(response)];
      await serve(writes, request, response, request.url ?? "/");
      measured.resolve({ before, after: [counts(request), counts(response)] });
    });
    return { port, arrived: arrived.promise, measured: measured.promise };
  }

  test.each<[string, Writes<Principal>, string]>([
    ["an ordinary answer", fakeWrites(), sent],
    ["a body over the limit", fakeWrites(), "x".repeat(3_000_000)],
    ["an unread body", fakeWrites({ handle: async () => json(401, {}) }), "x".repeat(3_000_000)],
  ])("after %s are as many as before", async (_, writes, body) => {
    const { port, measured } = await measuring(writes);
    const request = httpRequest({ port, method: "POST", path: "/api/data" }).end(body);
    request.on("error", () => undefined);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    const { before, after } = await measured;
    expect(after).toEqual(before);
  });

  test("after an upload that was broken off are as many as before", async () => {
    const { port, arrived, measured } = await measuring(fakeWrites());
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /api/data HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{");
    await arrived;
    socket.destroy();
    const { before, after } = await measured;
    expect(after).toEqual(before);
  });
});
