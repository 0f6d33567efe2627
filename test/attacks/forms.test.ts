/** A page of another site sends a form, with the user's cookie, to a server whose body parser takes forms or any type: nothing is written. */
import type { Server } from "node:http";
import { createServer } from "node:http";
import { ExpressAdapter } from "@nestjs/platform-express";
import { NestFactory } from "@nestjs/core";
import express5, { type RequestHandler } from "express";
import express4 from "express4";
import Koa from "koa";
import bodyParser from "koa-bodyparser";
import supertest from "supertest";
import { describe, expect, it } from "vitest";
import { powersyncWrites as express } from "../../adapters/express.js";
import { powersyncWrites as fetched } from "../../adapters/fetch.js";
import { powersyncWrites as koa } from "../../adapters/koa.js";
import { PowerSyncWriteModule } from "../../adapters/nest/index.js";
import { powersyncWrites as node } from "../../adapters/node.js";
import { createWrites, unauthenticated } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { initNest } from "../support/nest.js";

const form =
  "client_id=d&transactions[0][crud][0][op]=PUT&transactions[0][crud][0][table]=lists&transactions[0][crud][0][id]=a" +
  "&transactions[0][crud][0][op_id]=1&transactions[0][crud][0][op_data][name]=forged";
const crud = [{ op: "PUT", table: "lists", id: "a", op_id: 1, op_data: { name: "forged" } }];
const json = JSON.stringify({ client_id: "d", transactions: [{ crud }] });
const parsed: unknown = JSON.parse(json);

/** What a form can be sent as, without asking first. */
const attacks: readonly (readonly [type: string | undefined, body: string])[] = [
  ["application/x-www-form-urlencoded", form],
  ["text/plain", json],
  ["text/plain; charset=utf-8", json],
  ["multipart/form-data; boundary=application/json", json],
  [undefined, json],
];

function server() {
  const store = memoryStore({
    tables: { lists: { columns: { id: "text", name: "text" }, key: ["id"] } },
  });
  const writes = createWrites({
    authenticate: ({ headers }) => {
      if (headers.get("cookie") !== "session=alice") throw unauthenticated();
      return { userId: "alice" };
    },
    database: store,
    tables: { lists: { access: "everyone" } },
    logger: false,
  });
  return { store, writes };
}

type Writes = ReturnType<typeof server>["writes"];
type Start = (writes: Writes) => unknown;

const parsers = (of: typeof express5): readonly (readonly [string, RequestHandler])[] => [
  ["urlencoded()", of.urlencoded({ extended: true })],
  ['json({ type: "*/*" })', of.json({ type: () => true })],
  ['text({ type: "*/*" })', of.text({ type: () => true })],
  ['raw({ type: "*/*" })', of.raw({ type: () => true })],
];
const byHand: RequestHandler = (request, _, next) => {
  request.body = parsed;
  // As whatever reads the stream and keeps what it made of it.
  request.on("end", () => next()).resume();
};

const cases: readonly (readonly [string, Start])[] = [
  ...[express5, express4 as unknown as typeof express5].flatMap((of, index) =>
    [...parsers(of), ["a parser by hand", byHand] as const].map(
      ([name, parser]) =>
        [
          `Express ${5 - index}, ${name}`,
          (writes: Writes) => of().use(parser, express(writes)),
        ] as const,
    ),
  ),
  ...(["form", "text", "json"] as const).map(
    (type) =>
      [
        `Koa, bodyParser() of ${type}`,
        (writes: Writes) =>
          new Koa()
            .use(
              bodyParser({
                enableTypes: [type],
                extendTypes: { json: ["*/*"], text: ["*/*"] },
              }),
            )
            .use(koa(writes))
            .callback(),
      ] as const,
  ),
  [
    "node:http, a body that is there already",
    (writes) => {
      const listener = node(writes);
      return createServer((request, response) => {
        request
          .on("end", () => listener(Object.assign(request, { body: parsed }), response))
          .resume();
      });
    },
  ],
  [
    "Nest, urlencoded() in front",
    async (writes) => {
      const adapter = new ExpressAdapter(
        express5().use(
          express5.urlencoded({ extended: true }),
          express5.json({ type: () => true }),
        ),
      );
      const app = await NestFactory.create(PowerSyncWriteModule.forRoot(writes), adapter, {
        logger: false,
      });
      await initNest(app);
      return app.getHttpServer() as Server;
    },
  ],
];

describe.each(cases)("%s", (name, start) => {
  it.each(attacks)("%s writes nothing", async (type, body) => {
    const { store, writes } = server();
    const request = supertest((await start(writes)) as Server)
      .post("/api/data")
      .set("cookie", "session=alice")
      .set("origin", "https://evil.example");
    if (type === undefined) request.unset("content-type");
    else void request.set("content-type", type);
    // A JSON parser would refuse the form by itself; but a page may send any text under a form's type.
    const text = /json/i.test(name) ? json : body;
    const { status } = await request.serialize((value) => String(value)).send(text);
    expect(status).toBe(415);
    expect(store.rows("lists")).toEqual([]);
  });
});

it.each(attacks)("fetch, %s writes nothing", async (type, body) => {
  const { store, writes } = server();
  const headers = { cookie: "session=alice", ...(type !== undefined && { "content-type": type }) };
  const bytes = new TextEncoder().encode(body);
  const request = new Request("https://api.example/api/data", {
    method: "POST",
    headers,
    body: bytes,
  });
  expect((await fetched(writes)(request)).status).toBe(415);
  expect(store.rows("lists")).toEqual([]);
});

it("an honest request is taken behind such parsers all the same", async () => {
  for (const [name, start] of cases) {
    const { store, writes } = server();
    const { status, text } = await supertest((await start(writes)) as Server)
      .post("/api/data")
      .set("cookie", "session=alice")
      .set("content-type", "application/json; charset=utf-8")
      .send(json);
    expect([status, text], name).toEqual([200, '{"results":[{"status":"success"}]}']);
    expect(store.rows("lists"), name).toEqual([{ id: "a", name: "forged" }]);
  }
});
