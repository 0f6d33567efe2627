/** The admin routes over HTTP in every adapter: who gets in, what they answer, and what they never do. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { UseGuards } from "@nestjs/common";
import express5 from "express";
import express4 from "express4";
import Koa from "koa";
import bodyParser from "koa-bodyparser";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { powersyncWritesAdmin as forExpress } from "../../adapters/express.js";
import { powersyncWritesAdmin as forFetch } from "../../adapters/fetch.js";
import { powersyncWritesAdmin as forKoa } from "../../adapters/koa.js";
import { PowerSyncWriteAdminModule, PowerSyncWriteModule } from "../../adapters/nest/index.js";
import { powersyncWritesAdmin as forNode } from "../../adapters/node.js";
import { type AdminOptions, createAdmin } from "../../src/admin/admin.js";
import {
  anonymous,
  forbidden,
  unauthenticated,
  type WriteEvent,
  type WriteRequest,
} from "../../src/index.js";
import { parseJson } from "../../src/wire/parse-json.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import { fetchListener } from "../support/fetch-server.js";
import { alice, badThing, from, put, uuid, writesWithEvents } from "../support/letters.js";
import { createNest, initNest, type Platform } from "../support/nest.js";
import { byName, type TestPrincipal } from "../support/writes.js";

type Writes = ReturnType<typeof writesWithEvents>["writes"];
type Options = AdminOptions<TestPrincipal>;

/** `X-Console: open` and nothing else lets in. */
function guard({ headers }: WriteRequest): boolean {
  switch (headers.get("x-console")) {
    case "open":
      return true;
    case "closed":
      throw forbidden("Not you.");
    case "broken":
      throw new Error("secret");
    case null:
      throw unauthenticated();
    default:
      return false;
  }
}

function nest(
  platform: Platform,
  how: "sync" | "async",
): (writes: Writes, options: Options) => RequestListener {
  return (writes, options) => {
    const imports = [PowerSyncWriteModule.forRoot(writes, { isGlobal: true })];
    const admin =
      how === "sync"
        ? PowerSyncWriteAdminModule.forRoot(options, { imports })
        : PowerSyncWriteAdminModule.forRootAsync({ imports, useFactory: async () => options });
    const started = createNest(platform, admin).then(initNest);
    return (request, response) =>
      void started.then((app) =>
        (app.getHttpServer() as Server).emit("request", request, response),
      );
  };
}

const adapters: Readonly<Record<string, (writes: Writes, options: Options) => RequestListener>> = {
  "Express 5": (writes, options) => express5().use(forExpress(writes, options)),
  "Express 4, behind a parser": (writes, options) =>
    express4().use(express4.json()).use(forExpress(writes, options)),
  Koa: (writes, options) => {
    const app = new Koa().use(forKoa(writes, options)).callback();
    return (request, response) => void app(request, response);
  },
  "Koa, behind a parser": (writes, options) => {
    const app = new Koa().use(bodyParser()).use(forKoa(writes, options)).callback();
    return (request, response) => void app(request, response);
  },
  fetch: (writes, options) => fetchListener(forFetch(writes, options)),
  "node:http": (writes, options) => forNode(writes, options),
  "Nest on Express": nest("Express", "sync"),
  "Nest on Fastify": nest("Fastify", "async"),
};

let database: TestDatabase;
beforeAll(async () => {
  database = await betterSqlite3.open();
});
afterAll(() => database.close());

const open = { "x-console": "open" };
const json = { "content-type": "application/json" };

describe.each(Object.entries(adapters))("%s", (_name, listener) => {
  let server: Server;
  let base: string;
  let writes: Writes;
  let events: WriteEvent[];

  beforeAll(async () => {
    events = [];
    ({ writes } = writesWithEvents(database.db));
    const options: Options = {
      guard,
      ui: true,
      logger: false,
      onEvent: (event) => void events.push(event),
    };
    server = createServer(listener(writes, options));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/admin/dead-letters`;
  });
  beforeEach(() => database.reset());
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const ask = async (
    method: string,
    path = "",
    body?: unknown,
    headers: Readonly<Record<string, string>> = { ...open, ...(body !== undefined && json) },
  ) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(90_000),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: () => parseJson(text),
    };
  };
  const record = async (n: number, client = "phone") => {
    await writes.processTransaction(from(client, n, badThing(uuid(n))), alice);
    return (await writes.deadLetters.list({ limit: 1 })).letters[0]?.id ?? "";
  };

  it("lets in by the guard alone", async () => {
    const id = await record(1);
    const cases: readonly (readonly [Readonly<Record<string, string>>, number, string])[] = [
      [{}, 401, "Authentication is required."],
      // A user's token: the very one that uploads are taken with.
      [{ authorization: "Bearer alice" }, 401, "Authentication is required."],
      [
        { "x-console": "ajar", authorization: "Bearer alice" },
        403,
        "You may not use this endpoint.",
      ],
      [{ "x-console": "closed" }, 403, "Not you."],
      [{ "x-console": "broken" }, 503, "The request can't be answered right now. Try again."],
    ];
    const requests: readonly (readonly [string, string, unknown?])[] = [
      ["GET", ""],
      ["GET", "/export"],
      ["GET", `/${id}`],
      ["GET", "/unknown"],
      ["PUT", `/${id}`, { payload: { crud: [] } }],
      ["POST", `/${id}/retry`, {}],
      ["POST", `/${id}/discard`, { reason: "x" }],
      ["POST", "/retry", { filter: {} }],
      ["POST", "/discard", { filter: {}, reason: "x" }],
    ];
    for (const [headers, status, message] of cases) {
      for (const [method, path, body] of requests) {
        const answer = await ask(method, path, body, {
          ...headers,
          ...(body !== undefined && json),
        });
        expect([method, path, answer.status]).toEqual([method, path, status]);
        expect(answer.body()).toEqual({ message });
        expect(answer.text).not.toContain("secret");
      }
    }
    expect(await writes.deadLetters.get(id)).toMatchObject({
      status: "open",
      edited: false,
      attempts: 1,
    });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "error",
        during: "admin",
        error: expect.objectContaining({ message: "secret" }),
      }),
    );
  });

  it("serves a page of three files, behind the guard and a policy that lets nothing else in", async () => {
    const types = { "": "text/html", ".css": "text/css", ".js": "text/javascript" };
    for (const [ending, type] of Object.entries(types)) {
      const file = await ask("GET", `/ui${ending}`);
      expect([ending, file.status]).toEqual([ending, 200]);
      expect(file.headers.get("content-type")).toBe(`${type}; charset=utf-8`);
      expect(file.headers.get("x-content-type-options")).toBe("nosniff");
      const policy = file.headers.get("content-security-policy") ?? "";
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect((await ask("GET", `/ui${ending}`, undefined, { "x-console": "ajar" })).status).toBe(
        403,
      );
      const refused = await ask("GET", `/ui${ending}`, undefined, {});
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
        401,
        expect.stringMatching(/^Basic realm=/),
      ]);
    }
    const markup = (await ask("GET", "/ui")).text;
    expect(markup).not.toMatch(/<script(?![^>]*\bsrc="ui\.js")|<style|\son\w+=|style=|https?:/);
    expect((await ask("GET", "", undefined, {})).headers.get("www-authenticate")).toBe("Bearer");
  });

  it("compares a letter with the rows as they are now", async () => {
    const id = await record(1);
    await database.db
      .insertInto("things")
      .values({ id: uuid(1), size: 9 })
      .execute();
    const compared = await ask("GET", `/${id}/compare`);
    expect([compared.status, compared.body()]).toMatchObject([
      200,
      {
        operations: [
          {
            operation_index: 0,
            op: "PUT",
            table: "things",
            yours: { size: -1 },
            theirs: { size: 9 },
          },
        ],
        more: 0,
      },
    ]);
    expect((await ask("GET", `/${uuid(7)}/compare`)).status).toBe(404);
    expect((await ask("GET", `/${id}/compare`, undefined, {})).status).toBe(401);
  });

  it("lists, shows, edits, retries and discards", async () => {
    const id = await record(1);
    const second = await record(2, "tablet");
    const list = await ask("GET", "?limit=1&status=open,stale&user_id=alice");
    expect(list.status).toBe(200);
    expect(list.headers.get("cache-control")).toBe("no-store");
    expect(list.headers.get("access-control-allow-origin")).toBeNull();
    expect(list.headers.get("x-correlation-id")).toMatch(/./);
    const page = list.body() as { next: string; letters: unknown[] };
    expect(page).toEqual({
      letters: [
        expect.objectContaining({
          id: second,
          user_id: "alice",
          client_id: "tablet",
          error_code: "CHECK_VIOLATION",
          operation_index: 0,
          tables: ["things"],
          attempts: 1,
        }),
      ],
      next: expect.any(String),
    });
    expect((await ask("GET", `?limit=1&cursor=${page.next}`)).body()).toMatchObject({
      letters: [{ id }],
    });

    const payload = `{"payload":{"crud":[{"op":"PUT","table":"things","id":"${uuid(1)}","op_data":{"big":"9007199254740993","size":3}}]}}`;
    expect(await ask("PUT", `/${id}`, payload)).toMatchObject({ status: 200 });
    const shown = await ask("GET", `/${id}`);
    expect(shown.body()).toMatchObject({
      edited: true,
      payload: { crud: [{ op_data: { big: "9007199254740993" } }] },
      original_payload: { crud: [{ op_data: { size: -1 } }] },
      rows: [{ table: "things", id: uuid(1), present: false }],
      principal: { userId: "alice" },
    });
    expect(await ask("PUT", `/${id}`, { payload: { crud: [{}] } })).toMatchObject({
      status: 400,
      text: expect.stringContaining("has no"),
    });

    await database.db
      .insertInto("things")
      .values({ id: uuid(1), size: 9 })
      .execute();
    const stale = await ask("POST", `/${id}/retry`, {});
    expect([stale.status, stale.body()]).toEqual([
      409,
      { status: "stale", rows: [{ table: "things", id: uuid(1) }], message: expect.any(String) },
    ]);
    expect((await ask("POST", `/${id}/retry`, { force: true })).body()).toEqual({
      status: "retried",
    });
    expect(await ask("POST", `/${id}/retry`, {})).toMatchObject({
      status: 409,
      text: expect.stringContaining('"not_open"'),
    });
    const failed = await ask("POST", `/${second}/retry`, {});
    expect([failed.status, failed.body()]).toEqual([
      422,
      {
        status: "failed",
        retryable: false,
        error_code: "CHECK_VIOLATION",
        message: expect.any(String),
        operation_index: 0,
      },
    ]);
    expect((await ask("POST", `/${second}/discard`, { reason: "Old." })).body()).toEqual({
      status: "discarded",
    });
    expect((await ask("GET", "?status=discarded")).body()).toMatchObject({
      letters: [{ id: second, reason: "Old.", attempts: 2 }],
    });
    for (const [method, path, body] of [
      ["GET", ""],
      ["PUT", "", { payload: { crud: [] } }],
      ["POST", "/retry", {}],
      ["POST", "/discard", { reason: "x" }],
    ] as const) {
      expect((await ask(method, `/${uuid(7)}${path}`, body)).status).toBe(404);
    }
  });

  it("stores only the first of two operators' edits, by ETag and If-Match", async () => {
    const id = await record(1);
    const tagOf = async () => {
      const { headers, body } = await ask("GET", `/${id}`);
      const { version } = body() as { readonly version: string };
      expect(headers.get("etag")).toBe(`"${version}"`);
      return `"${version}"`;
    };
    const edit = (size: number, match: string) =>
      ask(
        "PUT",
        `/${id}`,
        { payload: { crud: [put("things", uuid(1), { size })] } },
        { ...open, ...json, "if-match": match },
      );
    const first = await tagOf();
    const both = await Promise.all([edit(1, first), edit(2, first)]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 412]));
    expect(both.find(({ status }) => status === 412)?.body()).toEqual({
      status: "changed",
      message: expect.stringMatching(/edited since it was read.*Read it again/),
    });
    const second = await tagOf();
    expect(second).not.toBe(first);

    for (const match of [first, `W/${second}`, `${first}, W/${second}`, '"other", "a,b"', '""']) {
      expect([match, (await edit(3, match)).status]).toEqual([match, 412]);
    }
    for (const match of [second.slice(1, -1), `*, ${second}`, `${second} x`, '"', ","]) {
      const refused = await edit(3, match);
      expect([match, refused.status, refused.text]).toEqual([
        match,
        400,
        expect.stringContaining("If-Match must be"),
      ]);
    }
    expect(await tagOf()).toBe(second);
    expect((await edit(4, `"other",${first} , ${second}`)).status).toBe(200);
    expect((await edit(5, "*")).status).toBe(200);

    const old = { ...open, ...json, "if-match": second };
    expect((await ask("POST", `/${id}/retry`, {}, old)).status).toBe(412);
    expect((await ask("POST", `/${id}/discard`, { reason: "Old." }, old)).status).toBe(412);
    expect(await writes.deadLetters.get(id)).toMatchObject({ status: "open", attempts: 1 });
    expect((await ask("PUT", `/${uuid(7)}`, { payload: { crud: [] } }, old)).status).toBe(404);
    const now = { ...open, ...json, "if-match": await tagOf() };
    expect((await ask("POST", `/${id}/retry`, {}, now)).body()).toEqual({ status: "retried" });
    expect((await edit(6, second)).status).toBe(409);
    const other = await record(2);
    const { version } = (await writes.deadLetters.get(other)) ?? { version: "" };
    const discard = { ...open, ...json, "if-match": `"${version}"` };
    expect((await ask("POST", `/${other}/discard`, { reason: "Old." }, discard)).status).toBe(200);
  });

  it("deals with many, and exports them in pages", async () => {
    for (const n of [1, 2, 3]) await record(n);
    const report = await ask("POST", "/retry", { filter: { user_id: "alice" }, limit: 2 });
    expect(report.body()).toMatchObject({
      failed: 1,
      skipped: 1,
      retried: 0,
      results: [{ status: "failed", error_code: "CHECK_VIOLATION" }, { status: "skipped" }],
      next: expect.any(String),
    });

    const lines: string[] = [];
    let path: string | undefined = "/export?limit=2&client_id=phone";
    for (let page = 0; path !== undefined && page < 5; page += 1) {
      const exported = await ask("GET", path);
      expect(exported.headers.get("content-type")).toMatch("application/x-ndjson");
      lines.push(...exported.text.split("\n").slice(0, -1));
      path = /^<\/api\/admin\/dead-letters(.*)>; rel="next"$/.exec(
        exported.headers.get("link") ?? "",
      )?.[1];
    }
    expect(
      lines.map(
        (line) =>
          (JSON.parse(line) as { payload: { crud: { op_id: number }[] } }).payload.crud[0]?.op_id,
      ),
    ).toEqual([1, 2, 3]);
    expect((await ask("GET", "/export?user_id=bob")).text).toBe("");
    expect(
      (
        await ask("POST", "/discard", { filter: { client_id: "phone" }, reason: "All old." })
      ).body(),
    ).toMatchObject({ discarded: 3 });
  });

  it("refuses what it does not understand, and changes nothing", async () => {
    const id = await record(1);
    const bad: readonly (readonly [number, string, string, unknown?, Record<string, string>?])[] = [
      [400, "GET", "?usr_id=alice"],
      [400, "GET", "?limit=0"],
      [400, "GET", "?limit=x"],
      [400, "GET", "?cursor=garbage"],
      [400, "GET", "?status=gone"],
      [400, "GET", "?since=then"],
      [400, "GET", "?user_id=a&user_id=b"],
      [400, "GET", "/export?order=newest"],
      [400, "POST", "/discard", { reason: "x" }],
      [400, "POST", "/discard", { filter: { usr: "alice" }, reason: "x" }],
      [400, "POST", "/discard", { filter: {}, reason: "x", every: true }],
      [400, "POST", "/discard", { filter: {} }],
      [400, "POST", "/discard", { filter: [], reason: "x" }],
      [400, "POST", "/retry", { filter: {}, force: "yes" }],
      [400, "POST", "/retry", { filter: {}, limit: "7" }],
      [400, "POST", "/retry", { filter: { status: "retried" } }],
      [400, "POST", `/${id}/discard`, { reason: "" }],
      [400, "POST", `/${id}/retry`, { force: 1 }],
      [400, "PUT", `/${id}`, {}],
      [400, "PUT", `/${id}`, { payload: null }],
      // What a form of another site's page can send.
      [
        415,
        "POST",
        `/${id}/discard`,
        "reason=x",
        { "content-type": "application/x-www-form-urlencoded" },
      ],
      [415, "POST", `/${id}/discard`, '{"reason":"x"}', { "content-type": "text/plain" }],
      [403, "POST", `/${id}/discard`, { reason: "x" }, { ...json, origin: "https://evil.example" }],
      [403, "POST", `/${id}/discard`, { reason: "x" }, { ...json, origin: "null" }],
      [403, "GET", "", undefined, { origin: "https://evil.example" }],
      [403, "GET", "", undefined, { "sec-fetch-site": "cross-site" }],
    ];
    for (const [status, method, path, body, headers] of bad) {
      const answer = await ask(method, path, body, {
        ...open,
        ...(body !== undefined && json),
        ...headers,
      });
      expect([method, path, body, answer.status]).toEqual([method, path, body, status]);
      expect(answer.body()).toEqual({ message: expect.stringMatching(/./) });
    }
    expect(await writes.deadLetters.get(id)).toMatchObject({ status: "open", attempts: 1 });
    const own = { ...open, ...json, origin: new URL(base).origin };
    expect((await ask("POST", `/${id}/discard`, { reason: "x" }, own)).status).toBe(200);
    for (const [method, path] of [
      ["DELETE", `/${id}`],
      ["PATCH", ""],
      ["POST", ""],
      ["GET", "/a/b/c"],
    ] as const) {
      expect((await ask(method, path)).status).toBe(404);
    }
  });
});

describe("createAdmin", () => {
  const { writes } = writesWithEvents(undefined as never, { database: () => database.db });
  const request = (
    method: string,
    url: string,
    more: Partial<WriteRequest> = {},
  ): WriteRequest => ({
    method,
    url,
    headers: new Headers(),
    body: async () => undefined,
    signal: new AbortController().signal,
    ...more,
  });

  it("needs a guard", () => {
    for (const options of [undefined, {}, { guard: true }]) {
      expect(() => createAdmin(writes, options as never)).toThrow(TypeError);
      expect(() => forExpress(writes, options as never)).toThrow(/need a guard/);
      expect(() => forNode(writes, options as never)).toThrow(/need a guard/);
      expect(() => forFetch(writes, options as never)).toThrow(/need a guard/);
      expect(() => forKoa(writes, options as never)).toThrow(/need a guard/);
    }
  });

  it("needs a guard at a Nest application's start", async () => {
    const module = PowerSyncWriteAdminModule.forRoot({} as never, { writes });
    await expect(createNest("Express", module)).rejects.toThrow(/need a guard/);
  });

  it("takes nothing but true for a yes", async () => {
    const answers: readonly unknown[] = [
      false,
      undefined,
      null,
      1,
      "true",
      {},
      byName,
      alice.principal,
    ];
    for (const answer of answers) {
      const admin = createAdmin(writes, { guard: (() => answer) as never });
      expect(await admin.handle(request("GET", admin.path))).toMatchObject({ status: 403 });
    }
    const { status } = await createAdmin(writes, { guard: anonymous() as never }).handle(
      request("GET", "/api/admin/dead-letters"),
    );
    expect(status).toBe(403);
  });

  it("has a page where `ui` says so, which a link of another site may lead to, and no request of its", async () => {
    const admin = createAdmin(writes, { guard: () => true, ui: true, path: "/console/letters" });
    const answer = async (path: string, headers: Record<string, string>) => {
      const { status } = await admin.handle(
        request("GET", `/console/letters${path}`, { headers: new Headers(headers) }),
      );
      return status;
    };
    const crossSite = { "sec-fetch-site": "cross-site" };
    const visit = { ...crossSite, "sec-fetch-mode": "navigate" };
    expect(await answer("/ui", visit)).toBe(200);
    expect(await answer("/ui", crossSite)).toBe(403);
    expect(await answer("/ui.js", visit)).toBe(403);
    expect(await answer("", visit)).toBe(403);
    expect(await answer("/ui", { ...visit, origin: "https://other.example.com" })).toBe(403);
    const plain = createAdmin(writes, { guard: () => true });
    const missing = await plain.handle(request("GET", `${plain.path}/ui`));
    expect(missing.headers["content-type"]).toContain("application/json");
    expect(() => createAdmin(writes, { guard: () => true, ui: "yes" as never })).toThrow(/ui/);
  });

  it("knows its own path alone", () => {
    const admin = createAdmin(writes, { guard: () => true, path: "/console//letters" });
    expect(admin.path).toBe("/console/letters");
    expect(admin.handles("GET", "/console/letters?x=1")).toBe(true);
    expect(admin.handles("GET", "https://host/console/letters/")).toBe(true);
    expect(admin.handles("GET", "/console/lettersx")).toBe(false);
    expect(admin.handles("GET", "/api/admin/dead-letters")).toBe(false);
    expect(admin.handles("POST", "/console/letters/a/b")).toBe(false);
  });

  it("asks whose database, behind the guard, and takes named origins and bounded bodies", async () => {
    await database.reset();
    await writes.processTransaction({ crud: [put("nowhere", "1")] }, alice);
    const asked: string[] = [];
    const admin = createAdmin(writes, {
      guard: ({ headers }) => (asked.push("guard"), headers.get("x-console") === "open"),
      principal: () => (asked.push("principal"), { userId: "tenant" }),
      origins: ["https://console.example"],
      bodyBytes: 1_000,
    });
    const headers = (more: Record<string, string> = {}) => ({
      headers: new Headers({ ...open, ...more }),
    });
    expect(await admin.handle(request("GET", admin.path))).toMatchObject({ status: 403 });
    expect(asked).toEqual(["guard"]);
    const listed = await admin.handle(
      request("GET", admin.path, headers({ origin: "https://console.example" })),
    );
    expect(JSON.parse(listed.body)).toMatchObject({ letters: [{ user_id: "alice" }] });
    expect(asked).toEqual(["guard", "guard", "principal"]);
    expect(
      await admin.handle(request("GET", admin.path, headers({ origin: "https://other.example" }))),
    ).toMatchObject({ status: 403 });
    const large = {
      ...headers(json),
      body: async () => `{"filter":{},"reason":"${"x".repeat(2_000)}"}`,
    };
    expect(await admin.handle(request("POST", `${admin.path}/discard`, large))).toMatchObject({
      status: 413,
    });
    const without = createAdmin(writes, { guard: () => true });
    expect(await without.handle(request("GET", without.path))).toMatchObject({ status: 503 });
  });
});

describe("in Nest", () => {
  it("stands behind the application's own guards and prefix, too", async () => {
    class Nobody {
      canActivate(): boolean {
        return false;
      }
    }
    const { writes } = writesWithEvents(database.db);
    const module = PowerSyncWriteAdminModule.forRoot(
      { guard: ({ raw }) => raw.headers["x-console"] === "open", path: "/letters" },
      { writes, decorators: [UseGuards(Nobody)] },
    );
    const app = await createNest("Express", module);
    app.setGlobalPrefix("v1");
    await initNest(app);
    const server = app.getHttpServer() as Server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await fetch(`${url}/v1/letters`, { headers: open })).status).toBe(403);
    expect((await fetch(`${url}/letters`, { headers: open })).status).toBe(404);
    await app.close();
  });
});

it("says on the operator's side alone what the guard has thrown", async () => {
  const lines: string[] = [];
  const log = { error: (line: string) => void lines.push(line), warn: () => undefined };
  const { writes } = writesWithEvents(database.db);
  const admin = createAdmin(writes, { guard, logger: log });
  const ask = (how: string) =>
    forFetchRequest(admin, new Headers({ "x-console": how, host: "ops.example.com" }));
  for (const how of ["closed", "unknown"]) expect(await ask(how)).toMatchObject({ status: 403 });
  expect(lines).toEqual([]);
  const answer = await ask("broken");
  expect(answer.status).toBe(503);
  expect(answer.body).not.toContain("secret");
  expect(lines).toEqual([expect.stringMatching(/during admin: Error: secret/)]);
});

const forFetchRequest = (admin: ReturnType<typeof createAdmin>, headers: Headers) =>
  admin.handle({
    method: "GET",
    url: "/api/admin/dead-letters",
    headers,
    body: async () => new Uint8Array(),
    signal: new AbortController().signal,
  } as never);

it("is made of what createWrites returns, and not of its configuration", () => {
  const config = { authenticate: anonymous(), database: database.db, tables: {} };
  expect(() => createAdmin(config as never, { guard })).toThrow(
    /need what createWrites returns, and not its configuration: powersyncWritesAdmin\(writes/,
  );
  expect(() => createAdmin(undefined as never, { guard })).toThrow(TypeError);
});
