/** A body that the server's own stack has lost is never the device's fault: it is sent again, and an event says what to change. */
import { createServer } from "node:http";
import express, { type Express, type RequestHandler } from "express";
import Koa from "koa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWrites } from "../../adapters/express.js";
import { powersyncWrites as koaWrites } from "../../adapters/koa.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import { alice, from, put, uuid, writesWithEvents } from "../support/letters.js";
import { listen } from "../support/uploads.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await betterSqlite3.open();
});
beforeEach(() => database.reset());
afterAll(() => database.close());

const upload = from("phone", 1, put("lists", uuid(1), { name: "Groceries" }));
const text = JSON.stringify(upload);

function given(config: object = {}) {
  const all = writesWithEvents(database.db, { logger: false, ...config });
  const cures = () =>
    all.events.flatMap((event) => (event.type === "body_missing" ? [event.cure] : []));
  return { ...all, cures };
}

describe("a route of the application's own", () => {
  const lost: readonly [string, unknown][] = [
    ["nothing", undefined],
    ["null", null],
    ["an empty object", {}],
    ["an empty object without a prototype", Object.create(null)],
    ["an empty list", []],
    ["bytes", Buffer.from(text)],
    ["an ArrayBuffer", new TextEncoder().encode(text).buffer],
    ["text", text],
    ["no text", ""],
    ["a number", 7],
    ["false", false],
    ["the stream", new Blob([text]).stream()],
    ["a form", new URLSearchParams({ crud: "[]" })],
  ];

  it.each(lost)("that gives %s is told so, and no letter is recorded", async (_what, body) => {
    const { writes, cures, letters } = given();
    const retryable = { status: "retryable_error" };
    expect(await writes.processTransaction(body, alice)).toMatchObject(retryable);
    expect(await writes.processTransaction(body, { ...alice, clientId: "phone" })).toMatchObject(
      retryable,
    );
    expect(await writes.processBatch(body, alice)).toMatchObject([retryable]);
    expect(cures()).toHaveLength(3);
    expect(cures()[0]).toContain("express.json(");
    expect((await letters.list()).letters).toEqual([]);
  });

  it("whose hook says that it is fatal is told so, too", async () => {
    const { fatal } = await import("../../src/index.js");
    const before = () => {
      throw fatal("MINE", "No.");
    };
    const { writes, cures, letters } = given({ hooks: { validate: { before } } });
    expect(await writes.processTransaction(undefined, alice)).toMatchObject({
      status: "retryable_error",
    });
    expect(cures()).toHaveLength(1);
    expect((await letters.list()).letters).toEqual([]);
  });

  it("whose own validate layer reads bytes may give them", async () => {
    const { writes, cures } = given({
      validate: (body: Uint8Array, _context: unknown, next: (body: unknown) => unknown) =>
        next(JSON.parse(Buffer.from(body).toString())),
    });
    expect(await writes.processTransaction(Buffer.from(text), alice)).toEqual({
      status: "success",
    });
    expect(cures()).toEqual([]);
  });

  it("records what is an upload gone wrong, as before", async () => {
    const { writes, cures, letters } = given();
    for (const body of [{ hello: "world" }, { crud: null, table: "lists" }, [upload]]) {
      expect(await writes.processTransaction(body, alice)).toMatchObject({ status: "fatal_error" });
    }
    expect(cures()).toEqual([]);
    expect((await letters.list()).letters).toHaveLength(3);
  });
});

describe("over HTTP", () => {
  const readAll: RequestHandler = (request, _response, next) => {
    request.resume().on("end", () => next());
  };
  const leaving =
    (body: unknown): RequestHandler =>
    (request, response, next) =>
      void readAll(request, response, () => {
        Object.assign(request, { body });
        next();
      });

  const answered = async (app: Parameters<typeof createServer>[1], method: string) => {
    const server = await listen(createServer(app));
    try {
      const headers = { authorization: "Bearer alice", "content-type": "application/json" };
      const body = method === "POST" ? text : JSON.stringify({ table: "lists", data: {} });
      return await fetch(server.url, { method, headers, body });
    } finally {
      await server.close();
    }
  };

  const stacks: readonly [string, RequestHandler][] = [
    ["read and kept nothing", readAll],
    ["left an empty object", leaving({})],
    ["left null", leaving(null)],
    ["left no bytes", leaving(Buffer.alloc(0))],
    ["left no text", leaving("")],
  ];
  describe.each(stacks)("a middleware that has %s", (_what, inFront) => {
    it.each(["POST", "PUT", "DELETE"])("makes a %s retryable, and is told so", async (method) => {
      const { writes, cures, letters } = given();
      const app: Express = express().use(inFront).use(powersyncWrites(writes));
      const answer = await answered(app, method);
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toBe("5");
      expect(cures()).toEqual([
        expect.stringContaining("Mount powersync-writes before that middleware"),
      ]);
      expect((await letters.list()).letters).toEqual([]);
    });
  });

  it("the same on Koa", async () => {
    const { writes, cures } = given();
    const app = new Koa()
      .use(async (ctx, next) => {
        for await (const _ of ctx.req);
        Object.assign(ctx.request, { body: {} });
        await next();
      })
      .use(koaWrites(writes));
    const answer = app.callback();
    expect((await answered((...of) => void answer(...of), "POST")).status).toBe(503);
    expect(cures()).toHaveLength(1);
  });

  it("the same for a checkpoint", async () => {
    const { writes, cures } = given({ checkpoints: true, path: "/api" });
    const app = express()
      .use(leaving({}))
      .use((request, _response, next) => {
        request.url = "/api/checkpoint";
        next();
      })
      .use(powersyncWrites(writes));
    expect((await answered(app, "PUT")).status).toBe(503);
    expect(cures()).toHaveLength(1);
  });

  it("an empty object that the device itself has sent is a bad envelope", async () => {
    const { writes, cures } = given();
    const server = await listen(createServer(express().use(powersyncWrites(writes))));
    const headers = { authorization: "Bearer alice", "content-type": "application/json" };
    for (const body of ["{}", "null", ""]) {
      const { status } = await fetch(server.url, { method: "POST", headers, body });
      expect(status).toBe(400);
    }
    await server.close();
    expect(cures()).toEqual([]);
  });
});
