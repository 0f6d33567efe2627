/** Which pages may call, and what browsers are told: in the core, and the same through every adapter. */
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import express5 from "express";
import express4 from "express4";
import Koa from "koa";
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "kysely";
import supertest from "supertest";
import { describe, expect, it } from "vitest";
import { powersyncWrites as expressWrites } from "../../adapters/express.js";
import { powersyncWrites as fetchWrites } from "../../adapters/fetch.js";
import { powersyncWrites as koaWrites } from "../../adapters/koa.js";
import { powersyncWrites as nodeWrites } from "../../adapters/node.js";
import { createCors, type CorsOptions } from "../../src/http/cors.js";
import { createWrites, unauthenticated, type WriteEvent } from "../../src/index.js";
import { fetchListener } from "../support/fetch-server.js";

const page = "https://app.example.com";
const names = "authorization, content-type, content-encoding, x-correlation-id, traceparent";

describe("createCors", () => {
  it.each<[string, CorsOptions, string | null, Record<string, string>]>([
    [
      "an origin of the list",
      { origins: [page] },
      page,
      { vary: "origin", "access-control-allow-origin": page },
    ],
    [
      "with credentials",
      { origins: [page], credentials: true },
      page,
      {
        vary: "origin",
        "access-control-allow-origin": page,
        "access-control-allow-credentials": "true",
      },
    ],
    ["a foreign one", { origins: [page] }, "https://evil.example", { vary: "origin" }],
    ["one that begins like it", { origins: [page] }, `${page}.evil.example`, { vary: "origin" }],
    ["another scheme", { origins: [page] }, "http://app.example.com", { vary: "origin" }],
    ["another port", { origins: [page] }, `${page}:8443`, { vary: "origin" }],
    ["no origin", { origins: [page] }, null, { vary: "origin" }],
    ["a sandbox", { origins: [page] }, "null", { vary: "origin" }],
    [
      "a sandbox, where that is wanted",
      { origins: ["null"] },
      "null",
      { vary: "origin", "access-control-allow-origin": "null" },
    ],
    ["nobody", { origins: [] }, page, { vary: "origin" }],
    ["any", { origins: ["*"] }, page, { "access-control-allow-origin": "*" }],
    [
      "a function that says yes",
      { origins: (origin) => origin.endsWith(".example.com"), credentials: true },
      page,
      {
        vary: "origin",
        "access-control-allow-origin": page,
        "access-control-allow-credentials": "true",
      },
    ],
    ["a function that says no", { origins: () => false }, page, { vary: "origin" }],
    [
      "a function that promises",
      { origins: (async () => false) as unknown as () => boolean },
      page,
      { vary: "origin" },
    ],
  ])("%s", (_, options, origin, expected) => {
    const { headers } = createCors(options)(origin);
    const { "access-control-expose-headers": exposed, ...others } = headers;
    expect(others).toEqual(expected);
    expect(exposed).toBe(
      "access-control-allow-origin" in expected ? "x-correlation-id, retry-after" : undefined,
    );
  });

  it.each<[string, CorsOptions]>([
    ["any origin with credentials", { origins: ["*"], credentials: true }],
    ["a path", { origins: ["https://app.example.com/"] }],
    ["no scheme", { origins: ["app.example.com"] }],
    ["a port that browsers leave out", { origins: ["https://app.example.com:443"] }],
    ["capitals", { origins: ["https://App.example.com"] }],
    ["a pattern", { origins: ["https://*.example.com/*"] }],
    ["an age that is no number of seconds", { origins: [page], maxAgeSeconds: -1 }],
  ])("refuses %s at the start", (_, options) => {
    expect(() => createCors(options)).toThrow(/^cors: /);
  });

  it("takes the origins of hybrid apps", () => {
    const cors = createCors({ origins: ["capacitor://localhost", "http://localhost:5173"] });
    expect(cors("capacitor://localhost").allowed).toBe(true);
    expect(cors("http://localhost:5173").allowed).toBe(true);
  });
});

/** Compiles, and answers every query with nothing. */
const database = new Kysely<object>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

function writesWith(cors: CorsOptions | undefined, events: WriteEvent[] = []) {
  return createWrites({
    authenticate: (request) => {
      if (!request.headers.has("authorization")) throw unauthenticated();
      return { userId: "alice" };
    },
    database,
    tables: {},
    ...(cors && { cors }),
    onEvent: (event) => void events.push(event),
  });
}

type Write = ReturnType<typeof writesWith>;

const hosts: readonly [string, (writes: Write) => RequestListener][] = [
  ["Express 5", (writes) => express5().use(expressWrites(writes))],
  ["Express 4", (writes) => express4().use(expressWrites(writes))],
  ["Koa", (writes) => new Koa().use(koaWrites(writes)).callback() as RequestListener],
  ["node:http", (writes) => nodeWrites(writes)],
  ["fetch", (writes) => fetchListener(fetchWrites(writes))],
];

describe.each(hosts)("%s", (_, listener) => {
  const at = (cors: CorsOptions | undefined, events?: WriteEvent[]) =>
    supertest(createServer(listener(writesWith(cors, events))));

  const asking = (host: ReturnType<typeof at>, origin: string, path = "/api/data") =>
    host
      .options(path)
      .set("origin", origin)
      .set("access-control-request-method", "POST")
      .set("access-control-request-headers", "authorization,content-type");

  it("answers a preflight, without asking who calls", async () => {
    const answer = await asking(at({ origins: [page], maxAgeSeconds: 600 }), page);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(answer.headers).toMatchObject({
      vary: "origin",
      "access-control-allow-origin": page,
      "access-control-allow-methods": "POST, PUT, PATCH, DELETE",
      "access-control-allow-headers": names,
      "access-control-max-age": "600",
    });
    expect(answer.headers).not.toHaveProperty("access-control-allow-credentials");
    expect(answer.headers).not.toHaveProperty("content-type");
  });

  it("answers one for the limits with their method", async () => {
    const answer = await asking(at({ origins: [page] }), page, "/api/data/limits");
    expect(answer.headers["access-control-allow-methods"]).toBe("GET");
    expect(answer.headers).not.toHaveProperty("access-control-max-age");
  });

  it("refuses the preflight of a foreign page", async () => {
    const answer = await asking(at({ origins: [page] }), "https://evil.example").expect(403);
    expect(answer.body).toEqual({ message: "Pages from this origin may not send requests." });
    expect(answer.headers.vary).toBe("origin");
    expect(corsHeaders(answer.headers)).toEqual([]);
  });

  it("answers OPTIONS of a caller that is no page", async () => {
    const answer = await at({ origins: [page] })
      .options("/api/data")
      .expect(204);
    expect(corsHeaders(answer.headers)).toEqual([]);
  });

  it("lets a page read its answers, the failures too", async () => {
    const host = at({ origins: [page], credentials: true });
    const refused = await host.post("/api/data").set("origin", page).send({}).expect(401);
    const invalid = await host
      .post("/api/data")
      .set({ origin: page, authorization: "Bearer x" })
      .send({})
      .expect(400);
    for (const { headers } of [refused, invalid]) {
      expect(headers).toMatchObject({
        vary: "origin",
        "access-control-allow-origin": page,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-correlation-id, retry-after",
      });
    }
  });

  it("answers a foreign page without leave to read", async () => {
    const host = at({ origins: [page] });
    const answer = await host
      .get("/api/data/limits")
      .set("origin", "https://evil.example")
      .expect(200);
    expect(answer.headers.vary).toBe("origin");
    expect(corsHeaders(answer.headers)).toEqual([]);
  });

  it("knows nothing of it where it is not configured", async () => {
    const host = at(undefined);
    expect((await asking(host, page)).headers).not.toHaveProperty("access-control-allow-origin");
    const answer = await host.get("/api/data/limits").set("origin", page).expect(200);
    expect(corsHeaders(answer.headers)).toEqual([]);
    expect(answer.headers).not.toHaveProperty("vary");
  });

  it("takes a function that throws for a no, and tells of it", async () => {
    const events: WriteEvent[] = [];
    const origins = () => {
      throw new Error("A bug.");
    };
    const host = at({ origins }, events);
    await asking(host, page).expect(403);
    await host.get("/api/data/limits").set("origin", page).expect(200);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "error", during: "cors", outcome: "ignored" }),
    );
  });
});

it("leaves in place what earlier middleware varies by", async () => {
  const writes = writesWith({ origins: [page] });
  const app = express5().use((_request, response, next) => {
    response.vary("accept-encoding");
    next();
  });
  const koa = new Koa().use((ctx, next) => {
    ctx.vary("accept-encoding");
    return next();
  });
  for (const listener of [
    app.use(expressWrites(writes)),
    koa.use(koaWrites(writes)).callback() as RequestListener,
  ]) {
    const { headers } = await supertest(createServer(listener)).get("/api/data/limits");
    expect(headers.vary).toBe("accept-encoding, origin");
  }
});

function corsHeaders(headers: Record<string, string>): string[] {
  return Object.keys(headers).filter((name) => name.startsWith("access-control-"));
}

describe("traceparent", () => {
  const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  it.each([
    ["as it is", valid, valid],
    ["a later version", valid.replace("00-", "01-"), valid.replace("00-", "01-")],
    ["version ff", valid.replace("00-", "ff-"), undefined],
    ["no trace", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, undefined],
    ["no parent", `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`, undefined],
    ["capitals", valid.toUpperCase(), undefined],
    ["more members", `${valid}-00`, undefined],
    ["nonsense", "hello", undefined],
  ])("%s", async (_, sent, expected) => {
    const events: WriteEvent[] = [];
    const handle = fetchWrites(writesWith(undefined, events));
    await handle(
      new Request("http://host/api/data", {
        method: "POST",
        headers: { traceparent: sent, authorization: "Bearer x" },
        body: "{",
      }),
    );
    expect(events.map(({ type, traceparent }) => ({ type, traceparent }))).toEqual([
      { type: "error", traceparent: expected },
      { type: "request", traceparent: expected },
    ]);
  });

  it("is in the events of the transactions, of a custom route too", async () => {
    const events: WriteEvent[] = [];
    const writes = writesWith(undefined, events);
    const crud = [{ op: "PUT", table: "unknown", id: "1" }];
    await fetchWrites(writes)(
      new Request("http://host/api/data", {
        method: "POST",
        headers: {
          traceparent: valid,
          authorization: "Bearer x",
          "content-type": "application/json",
        },
        body: JSON.stringify({ crud }),
      }),
    );
    const principal = { userId: "alice" };
    await writes.processTransaction({ crud }, { principal, traceparent: valid });
    expect(events.map(({ type }) => type)).toContain("transaction");
    expect(new Set(events.map(({ traceparent }) => traceparent))).toEqual(new Set([valid]));
  });
});
