/** The examples of hosts and of custom routes do what they show. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, SignJWT } from "jose";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import supertest from "supertest";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type Principal, type Writes } from "../../src/index.js";
import { uploads as expressUploads } from "../../examples/custom-route/express.js";
import { uploads as koaUploads } from "../../examples/custom-route/koa.js";
import { uploads as nestUploads } from "../../examples/custom-route/nest.js";
import { uploads as nodeUploads } from "../../examples/custom-route/node.js";
import type { Database } from "../../examples/fetch/config.js";
import { createPostgresDatabase } from "../support/databases.js";
import { createNest, initNest } from "../support/nest.js";
import { postgresAvailable } from "../support/servers.js";
import { start } from "./start.js";

describe.skipIf(!(await postgresAvailable()))("against Postgres", () => {
  let created: Awaited<ReturnType<typeof createPostgresDatabase>>;
  let db: Kysely<Database>;
  let provider: Awaited<ReturnType<typeof identityProvider>>;

  beforeAll(async () => {
    created = await createPostgresDatabase();
    const pool = guardPool(new pg.Pool({ connectionString: created.url }));
    db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
    await db.schema
      .createTable("lists")
      .addColumn("id", "uuid", (column) => column.primaryKey())
      .addColumn("name", "text")
      .addColumn("owner_id", "text")
      .execute();
    await createTables(db);
    provider = await identityProvider();
    vi.stubEnv("DATABASE_URL", created.url);
    vi.stubEnv("JWKS_URL", provider.url);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    provider.server.close();
    await db.destroy();
    await created.drop();
  });

  const ownerOf = async (id: string) =>
    (await db.selectFrom("lists").select("owner_id").where("id", "=", id).executeTakeFirst())
      ?.owner_id;

  const list = (id: string) => ({ op: "PUT", table: "lists", id, op_data: { name: "A" } });

  /** What every host must do: apply a caller's upload, and ask strangers who they are. */
  const check = async (handle: (request: Request) => Promise<Response>, url: string) => {
    const id = crypto.randomUUID();
    const body = JSON.stringify({ transactions: [{ crud: [list(id)] }] });
    const authorization = `Bearer ${await provider.sign("alice")}`;
    const headers = { "content-type": "application/json", authorization };
    const answer = await handle(new Request(url, { method: "POST", headers, body }));
    expect([answer.status, await answer.text()]).toEqual([
      200,
      '{"results":[{"status":"success"}]}',
    ]);
    expect(await ownerOf(id)).toBe("alice");
    const stranger = await handle(
      new Request(url, { method: "POST", headers: { ...headers, authorization: "" }, body }),
    );
    expect(stranger.status).toBe(401);
    await stranger.text();
  };

  describe("fetch", () => {
    it("Hono", async () => {
      const { default: app } = await import("../../examples/fetch/hono.js");
      await check(async (request) => app.fetch(request), "http://host/api/data");
      expect((await app.request("/")).status).toBe(200);
    });

    it("a Next.js route handler", async () => {
      const { POST } = await import("../../examples/fetch/next-route.js");
      await check(POST, "http://host/api/data");
    });

    it("Fastify", async () => {
      const { app } = await import("../../examples/fetch/fastify.js");
      const url = await app.listen({ host: "127.0.0.1", port: 0 });
      await check(fetch, `${url}/api/data`);
      await app.close();
    });

    it("a Supabase Edge Function, on Deno", async () => {
      const env = { SUPABASE_DB_URL: created.url, JWKS_URL: provider.url, PORT: "0" };
      const running = await start("Deno", "examples/fetch/supabase-function.ts", env);
      await check(fetch, `${running.url}/functions/v1/upload`).finally(running.stop);
    });

    it("a Cloudflare Worker, on workerd", async () => {
      const env = { DATABASE_URL: created.url, JWKS_URL: provider.url };
      const running = await start("workerd", "examples/fetch/worker.ts", env);
      await check(fetch, `${running.url}/api/data`).finally(running.stop);
    });
  });

  describe("a route of one's own", () => {
    const servers: Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close()));

    const hosts: readonly [string, (writes: Writes<Principal>) => Server | Promise<Server>][] = [
      ["Express", (writes) => createServer(expressUploads(writes))],
      ["Koa", (writes) => createServer(koaUploads(writes).callback() as RequestListener)],
      [
        "Nest",
        async (writes) => {
          const app = await initNest(await createNest("Express", nestUploads(writes)));
          return app.getHttpServer() as Server;
        },
      ],
      ["node:http", nodeUploads],
    ];

    it.each(hosts)("%s", async (_, serve) => {
      const writes = createWrites({
        authenticate: (): Principal => {
          throw new Error("Not for custom routes.");
        },
        database: db,
        tables: { lists: { owner: "owner_id" } },
      });
      const server = await serve(writes);
      servers.push(server);
      const id = crypto.randomUUID();
      const upload = (cookie: string, body: object) =>
        supertest(server).post("/upload").set("cookie", cookie).send(body);
      const applied = await upload("session=session-of-bob", { crud: [list(id)] }).expect(200);
      expect(applied.body).toEqual({ status: "success" });
      expect(await ownerOf(id)).toBe("bob");
      const foreign = await upload("session=session-of-alice", { crud: [list(id)] }).expect(200);
      expect(foreign.body).toMatchObject({
        status: "fatal_error",
        failed_operation: { error_code: "UNAUTHORIZED", operation_index: 0 },
      });
      const stranger = await upload("session=guessed", { crud: [list(id)] }).expect(401);
      expect(stranger.body).toEqual({ message: "Sign in." });
    });
  });
});

async function identityProvider() {
  const { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject } =
    generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys = [{ ...(await exportJWK(publicKey)), alg: "ES256" }];
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    sign: (subject: string) =>
      new SignJWT()
        .setProtectedHeader({ alg: "ES256" })
        .setSubject(subject)
        .setIssuer("https://id.example.com")
        .setAudience("my-api")
        .setExpirationTime("5m")
        .sign(privateKey),
  };
}
