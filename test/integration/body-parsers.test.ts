/** A body parser in front of the endpoint: the same answers as without one where nothing is lost, and one line of the log that says that it is there. */
import { createServer, type RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import { Module } from "@nestjs/common";
import { RouterModule } from "@nestjs/core";
import express, { type RequestHandler } from "express";
import express4 from "express4";
import Koa from "koa";
import bodyParser from "koa-bodyparser";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { powersyncWrites, powersyncWritesAdmin } from "../../adapters/express.js";
import { powersyncWrites as koaWrites } from "../../adapters/koa.js";
import { PowerSyncWriteModule } from "../../adapters/nest/index.js";
import { PowerSyncWriteConnector } from "../../src/client/index.js";
import type { Writes } from "../../src/index.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import { addLists, createDevices, queued } from "../support/device.js";
import { badThing, from, put, uuid, writesWithEvents } from "../support/letters.js";
import { createNest, listenNest, type Platform } from "../support/nest.js";
import { listen } from "../support/uploads.js";
import type { TestPrincipal } from "../support/writes.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await betterSqlite3.open();
});
beforeEach(() => database.reset());
afterAll(() => database.close());

interface Served {
  readonly url: string;
  close(): Promise<unknown>;
}
type Start = (writes: Writes<TestPrincipal>) => Promise<Served>;

const onExpress =
  (...inFront: readonly RequestHandler[]): Start =>
  (writes) => {
    const app = express().set("env", "test");
    for (const each of inFront) app.use(each);
    return listen(createServer(app.use(powersyncWrites(writes))));
  };

const onKoa =
  (...inFront: readonly Koa.Middleware[]): Start =>
  (writes) => {
    const app = new Koa();
    app.silent = true;
    for (const each of [...inFront, koaWrites(writes)]) app.use(each as Koa.Middleware);
    const handle = app.callback();
    const listener: RequestListener = (request, response) => void handle(request, response);
    return listen(createServer(listener));
  };

/** Under `RouterModule` the library does not know its own path, and so is behind Nest's parser. */
const onNest =
  (platform: Platform, options: { rawBody?: boolean } = {}): Start =>
  async (writes) => {
    class AppModule {}
    Module({
      imports: [
        PowerSyncWriteModule.forRoot(writes),
        RouterModule.register([{ path: "mobile", module: PowerSyncWriteModule }]),
      ],
    })(AppModule);
    const app = await createNest(platform, AppModule, options);
    return { url: `${await listenNest(app)}/mobile/api/data`, close: () => app.close() };
  };

/** As many applications have written it: nothing keeps the text. */
const koaParser: Koa.Middleware = async (ctx, next) => {
  let text = "";
  for await (const chunk of ctx.req) text += String(chunk);
  Object.assign(ctx.request, { body: JSON.parse(text) });
  await next();
};

const leavesValue: readonly [string, Start][] = [
  ["express.json()", onExpress(express.json())],
  ["express.json({ strict: false })", onExpress(express.json({ strict: false }))],
  ["Express 4's json()", onExpress(express4.json() as RequestHandler)],
  ["a parser of one's own on Koa", onKoa(koaParser)],
  ["Nest's parser, under RouterModule", onNest("Express")],
  ["Fastify's parser, under Nest's RouterModule", onNest("Fastify")],
];
const leavesText: readonly [string, Start][] = [
  ["express.raw()", onExpress(express.raw({ type: "*/*" }))],
  ["express.text()", onExpress(express.text({ type: "*/*" }))],
  ["koa-bodyparser", onKoa(bodyParser())],
  ["Nest with rawBody, under RouterModule", onNest("Express", { rawBody: true })],
];
const parsers = [...leavesValue, ...leavesText];
const nothing: readonly [string, Start][] = [
  ["Express", onExpress()],
  ["Koa", onKoa()],
];

async function answers(
  start: Start,
  bodies: readonly (string | Uint8Array<ArrayBuffer>)[],
  headers = {},
) {
  const log: string[] = [];
  const line = (level: string) => (text: string) => void log.push(`${level}: ${text}`);
  const logger = { error: line("error"), warn: line("warn"), info: line("info") };
  const { writes } = writesWithEvents(database.db, { logger });
  const served = await start(writes);
  const sent = { authorization: "Bearer alice", "content-type": "application/json", ...headers };
  const all: { readonly status: number; readonly body: unknown }[] = [];
  for (const body of bodies) {
    const answer = await fetch(served.url, { method: "POST", headers: sent, body });
    const text = await answer.text();
    const isOurs = answer.headers.has("x-correlation-id");
    all.push({ status: answer.status, body: isOurs ? JSON.parse(text) : "the parser's own" });
  }
  await served.close();
  return {
    answers: all,
    log,
    about: (words: string) => log.filter((each) => each.includes(words)),
  };
}

const uploadOf = (n: number) =>
  JSON.stringify(from("phone", n, put("lists", uuid(n), { name: "Groceries" })));
const bigInteger = `{"client_id":"phone","crud":[{"op":"PUT","table":"things","id":"${uuid(7)}","op_id":9,"op_data":{"big":9007199254740993}}]}`;
const expected = {
  status: 400,
  body: { message: expect.stringContaining("Expected a JSON object with") },
};

describe.each([...nothing, ...parsers])("%s in front, or nothing", (_what, start) => {
  it("applies an upload", async () => {
    const { answers: given } = await answers(start, [uploadOf(1)]);
    expect(given).toEqual([{ status: 200, body: { status: "success" } }]);
  });

  it("answers 400 to a list and an empty object that the device has sent", async () => {
    const { answers: given, about } = await answers(start, ["[]", "{}", "{ }", `[${uploadOf(1)}]`]);
    expect(given).toEqual([expected, expected, expected, expected]);
    expect(about("came without its body")).toEqual([]);
  });

  it("takes the last of duplicate members", async () => {
    const twice = `{"crud":[],${uploadOf(2).slice(1)}`;
    const { answers: given } = await answers(start, [twice]);
    expect(given).toEqual([{ status: 200, body: { status: "success" } }]);
    expect(await database.db.selectFrom("lists").select("id").execute()).toEqual([{ id: uuid(2) }]);
  });
});

describe("express.json({ strict: false }) in front", () => {
  it("answers 400 to values that are no object", async () => {
    const bodies = ["null", "7", "true", '"text"'];
    const { answers: given } = await answers(onExpress(express.json({ strict: false })), bodies);
    expect(given.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(given.every(({ body }) => typeof body === "object")).toBe(true);
  });
});

describe("compressed bodies", () => {
  it.each(parsers)("reach the endpoint through %s", async (what, start) => {
    // These inflate nothing.
    if (/^Fastify|of one's own/.test(what)) return;
    const { answers: given } = await answers(start, [new Uint8Array(gzipSync(uploadOf(3)))], {
      "content-encoding": "gzip",
    });
    expect(given).toEqual([{ status: 200, body: { status: "success" } }]);
  });
});

describe("large integers", () => {
  it.each(leavesValue)("are retryable behind %s, which has rounded them", async (_what, start) => {
    const { answers: given, about } = await answers(start, [bigInteger]);
    expect(given).toMatchObject([{ status: 200, body: { status: "retryable_error" } }]);
    expect(about("an integer for things.big was rounded")).toHaveLength(1);
  });

  it.each(leavesText)("keep every digit behind %s", async (_what, start) => {
    const { answers: given } = await answers(start, [bigInteger]);
    expect(given).toEqual([{ status: 200, body: { status: "success" } }]);
    const thing = await database.db.selectFrom("things").select("big").executeTakeFirst();
    expect(String(thing?.big)).toBe("9007199254740993");
  });
});

describe("the log", () => {
  const bodies = [uploadOf(1), uploadOf(2), "[]"];

  it.each(leavesValue)("warns once of %s", async (_what, start) => {
    const { about } = await answers(start, bodies);
    expect(about("before their caller is authenticated")).toEqual([
      expect.stringMatching(
        /^warn: .*a body parser parses uploads .* Mount powersync-writes before/,
      ),
    ]);
  });

  it.each(leavesText)("says once that %s reads uploads", async (_what, start) => {
    const { about } = await answers(start, bodies);
    expect(about("before their caller is authenticated")).toEqual([
      expect.stringMatching(/^info: .*middleware reads uploads .* Mount powersync-writes before/),
    ]);
  });

  it.each(nothing)("says nothing of the kind on %s alone", async (_what, start) => {
    const { log } = await answers(start, [uploadOf(1)]);
    expect(log).toEqual([]);
  });

  it("says nothing where the parser leaves the endpoint's content type alone", async () => {
    const { answers: given, log } = await answers(
      onExpress(express.json(), express.urlencoded()),
      [uploadOf(4)],
      { "content-type": "application/vnd.powersync+json" },
    );
    expect(given).toMatchObject([{ status: 200 }]);
    expect(log).toEqual([]);
  });
});

describe("a parser in front that answers itself", () => {
  it("has said so before, by the line of the first upload", async () => {
    const small = onExpress(express.json({ limit: 1_000 }));
    const long = JSON.stringify(from("phone", 5, put("lists", uuid(5), { name: "x".repeat(999) })));
    const { answers: given, about } = await answers(small, [uploadOf(1), long, "{"]);
    expect(given.map(({ status }) => status)).toEqual([200, 413, 400]);
    expect(about("above its own size limit")).toHaveLength(1);
  });

  // What `docs/troubleshooting.md` says under "413, and no line in the log".
  it("on Koa leaves no line of anybody's, and the device says 413 without a reason", async () => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    const log: string[] = [];
    const line = (text: string) => void log.push(text);
    const logger = { error: line, warn: line, info: line };
    const { writes, events } = writesWithEvents(database.db, { logger });
    const app = new Koa().use(bodyParser({ jsonLimit: "1kb" })).use(koaWrites(writes));
    const handle = app.callback();
    const served = await listen(createServer((...both) => void handle(...both)));
    const devices = createDevices();
    const device = await devices.open();
    await addLists(device, ["x".repeat(1_024)]);
    const connector = new PowerSyncWriteConnector({
      url: served.url,
      powersyncUrl: "http://127.0.0.1:1",
      getToken: async () => "alice",
    });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(connector.uploadData(device)).rejects.toMatchObject({
        code: "TRANSACTION_TOO_LARGE",
        message: "The upload was answered with 413.",
      });
    }
    expect(await queued(device)).toEqual([1]);
    expect(printed.mock.calls).toEqual([]);
    expect(log).toEqual([]);
    const uploads = events.filter((event) => event.type !== "request" || event.method === "POST");
    expect(uploads).toEqual([]);
    printed.mockRestore();
    await devices.close(device);
    await devices.remove();
    await served.close();
  });
});

describe("a form parser that takes every type", () => {
  const forms = express.urlencoded({ type: "*/*" });

  it.each([uploadOf(6), `[${uploadOf(6)}]`, bigInteger])("loses %s: 503", async (body) => {
    const { answers: given, about } = await answers(onExpress(forms), [body]);
    expect(given).toMatchObject([{ status: 503 }]);
    expect(about("came without its body")).toEqual([
      expect.stringContaining("A form parser has read the JSON body as a form."),
    ]);
  });
});

describe("a checkpoint request", () => {
  it("with a number that a parser has rounded is retryable", async () => {
    const { writes, errors } = writesWithEvents(database.db, { checkpoints: true, logger: false });
    const served = await onExpress(express.json())(writes);
    const ask = (id: string) =>
      fetch(`${served.url}/checkpoint-request`, {
        method: "POST",
        headers: { authorization: "Bearer alice", "content-type": "application/json" },
        body: `{"client_id":"phone","checkpoint_request_id":${id}}`,
      });
    expect((await ask("9007199254740993")).status).toBe(503);
    expect(errors()).toMatchObject([
      { during: "checkpoint", error: { cause: { message: expect.stringContaining("rounded") } } },
    ]);
    expect(await (await ask('"9007199254740993"')).json()).toEqual({
      checkpoint_request_id: "9007199254740993",
    });
    await served.close();
  });
});

describe("an operator's edit", () => {
  it("that a parser has rounded or lost is refused, and says what to mount where", async () => {
    const { writes, letters } = writesWithEvents(database.db, { logger: false });
    await writes.processTransaction(from("phone", 1, badThing(uuid(1))), {
      principal: { userId: "alice" },
    });
    const [letter] = (await letters.list()).letters;
    const edit = async (inFront: RequestHandler) => {
      const admin = powersyncWritesAdmin(writes, { guard: () => true });
      const served = await listen(createServer(express().use(inFront).use(admin)));
      const at = served.url.replace("/api/data", `/api/admin/dead-letters/${letter?.id}`);
      const answer = await fetch(at, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: `{"payload":${bigInteger}}`,
      });
      const { message } = (await answer.json()) as { readonly message?: string };
      await served.close();
      return [answer.status, message];
    };
    const before = "Mount powersyncWritesAdmin before it.";
    expect(await edit(express.json())).toEqual([
      400,
      `A body parser has rounded an integer. ${before}`,
    ]);
    const readAll: RequestHandler = (request, _response, next) =>
      void request.resume().on("end", () => next());
    expect(await edit(readAll)).toEqual([
      400,
      `Middleware has read the body without keeping it. ${before}`,
    ]);
    expect(await letters.get(letter?.id ?? "")).toMatchObject({ status: "open" });
  });
});
