/** NestJS, on Express and on Fastify: what applications do to a controller, they can do to this endpoint. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage, type Server } from "node:http";
import {
  Body,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Global,
  type INestApplication,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  Post,
  UnauthorizedException,
  UseGuards,
  VERSION_NEUTRAL,
  VersioningType,
} from "@nestjs/common";
import { APP_GUARD, APP_INTERCEPTOR, NestFactory } from "@nestjs/core";
import type { NestFastifyApplication } from "@nestjs/platform-fastify";
import { Test } from "@nestjs/testing";
import type { Kysely } from "kysely";
import { tap } from "rxjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type HttpRequest,
  type NestConfig,
  PowerSyncWriteAdminModule,
  PowerSyncWriteModule,
  WriteHook,
  type WriteHooks,
  WriteService,
  type WritesConfigFactory,
} from "../../adapters/nest/index.js";
import {
  createWrites,
  fatal,
  type OperationContext,
  toWire,
  type WriteOutcome,
  type WriteResponse,
} from "../../src/index.js";
import { betterSqlite3, type TestDatabase } from "../support/databases.js";
import { createNest, listenNest, type Platform } from "../support/nest.js";
import type { TestSchema } from "../support/schema.js";
import { post, until } from "../support/uploads.js";
import { type TestPrincipal, testConfig } from "../support/writes.js";

let database: TestDatabase;
const apps: INestApplication[] = [];

beforeAll(async () => {
  database = await betterSqlite3.open();
});
afterAll(() => database.close());
beforeEach(() => database.reset());
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

type InTransaction = OperationContext<TestPrincipal, TestSchema>;

const first = "11111111-1111-4111-8111-111111111111";
const second = "22222222-2222-4222-8222-222222222222";
const applied = { results: [{ status: "success" }] };

function putList(id = first, op_data: object = { name: "one" }) {
  return { op: "PUT", table: "lists", id, op_id: 1, op_data };
}
const uploadOf = (...crud: readonly object[]) => ({ client_id: "phone", transactions: [{ crud }] });

const lists = () => database.db.selectFrom("lists").select(["id", "name", "owner_id"]).execute();

const KYSELY = Symbol("kysely");
const LOG = Symbol("log");

const provided = {
  provide: KYSELY,
  useFactory: (): Kysely<TestSchema> => database.db,
};

@Module({ providers: [provided], exports: [KYSELY] })
class DatabaseModule {}

/** What the hooks have seen; in a module that all others see. */
const log: string[] = [];
beforeEach(() => void log.splice(0));

@Global()
@Module({ providers: [{ provide: LOG, useValue: log }], exports: [LOG] })
class LogModule {}

@Injectable()
class NamedGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<HttpRequest & { user?: unknown }>();
    if (request.headers["x-user"] === undefined) throw new UnauthorizedException("Who?");
    request.user = { id: request.headers["x-user"], type: request.headers["content-type"] };
    return true;
  }
}

/** Takes the caller from what the guard has found. */
const guarded = () =>
  PowerSyncWriteModule.forRoot({
    ...testConfig(database.db),
    authenticate: ({ raw }) => {
      const { id } = raw.user as { id: string };
      return { userId: id };
    },
  });

it("runs on the NestJS that its project names", async () => {
  let stack = "";
  const useFactory = () => (stack = String(new Error("Who calls?").stack));
  const called = { module: class {}, providers: [{ provide: "stack", useFactory }] };
  await (await NestFactory.createApplicationContext(called, { logger: false })).close();
  const [, core] = /(\/[^():]*\/@nestjs\/core)\//.exec(stack) ?? [];
  const { version } = JSON.parse(readFileSync(`${core}/package.json`, "utf8")) as {
    version: string;
  };
  expect(version.split(".")[0]).toBe(process.env["NEST_MAJOR"]);
});

describe.each<Platform>(["Express", "Fastify"])("Nest on %s", (platform) => {
  const start = async (
    module: Parameters<typeof createNest>[1],
    { prepare, ...options }: Parameters<typeof createNest>[2] & Preparing = {},
  ): Promise<{ app: INestApplication; url: string }> => {
    const app = await createNest(platform, module, options);
    prepare?.(app);
    apps.push(app);
    return { app, url: await listenNest(app) };
  };

  const module = (metadata: Parameters<typeof Module>[0]) => {
    class AppModule {}
    Module(metadata)(AppModule);
    return AppModule;
  };

  const endpoint = () => PowerSyncWriteModule.forRoot(testConfig(database.db));

  describe("mounted", () => {
    it("by forRoot as the root module, with all of its routes", async () => {
      const { url } = await start(endpoint());
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ body: applied });
      expect(await lists()).toEqual([{ id: first, name: "one", owner_id: "alice" }]);
      const limits = await fetch(`${url}/api/data/limits`);
      expect(await limits.json()).toMatchObject({ limits: { transactions: 100 } });
      const contract = await fetch(`${url}/api/data/openapi.yaml`);
      expect(contract.headers.get("content-type")).toMatch(/^application\/yaml/);
      expect((await fetch(`${url}/api/data`)).status).toBe(404);
    });

    it("with writes that were made before, wherever they are", async () => {
      const writes = createWrites({ ...testConfig(database.db), path: "/sync" });
      const { url } = await start(PowerSyncWriteModule.forRoot(writes, { path: "/sync" }));
      expect(await post(`${url}/sync`, uploadOf(putList()))).toMatchObject({ body: applied });
      await expect(createNest(platform, PowerSyncWriteModule.forRoot(writes))).rejects.toThrow(
        "These writes are not at /api/data",
      );
    });

    it.each(["/sync/", "/up/load", "/"])("at the configuration's path: %s", async (path) => {
      const { url } = await start(
        PowerSyncWriteModule.forRoot({ ...testConfig(database.db), path }),
      );
      const at = `${url}/${path}`.replace(/(?<!:)\/+/g, "/");
      expect(await post(at, uploadOf(putList()))).toMatchObject({ status: 200, body: applied });
    });

    it("nowhere with `path: false`", async () => {
      const { url } = await start(
        PowerSyncWriteModule.forRoot({ ...testConfig(database.db), path: false }),
      );
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ status: 404 });
    });

    it("says at the start what contradicts itself", async () => {
      const tables = { lists: { access: "everyone", put: "replace" } };
      const wrong = { ...testConfig(database.db), tables } as never;
      await expect(start(PowerSyncWriteModule.forRoot(wrong))).rejects.toThrow(TypeError);
    });

    it.each<[string, () => unknown, RegExp]>([
      [
        "the class alone",
        () => PowerSyncWriteModule,
        /^PowerSyncWriteModule is imported without its configuration\. .*forRoot\(…\)/,
      ],
      [
        "the admin module's class alone",
        () => PowerSyncWriteAdminModule,
        /^PowerSyncWriteAdminModule is imported without its configuration\./,
      ],
      [
        "no configuration",
        () => PowerSyncWriteModule.forRoot(undefined as never),
        /^PowerSyncWriteModule has no configuration\. Pass one to forRoot/,
      ],
      [
        "a factory that returns none",
        () => PowerSyncWriteModule.forRootAsync({ useFactory: () => undefined as never }),
        /^PowerSyncWriteModule has no configuration\. .* return one from the factory/,
      ],
      [
        "a configuration in place of a factory",
        () => PowerSyncWriteModule.forRootAsync(testConfig(database.db) as never),
        /forRootAsync needs `useFactory`, .* To pass a configuration, use forRoot\.$/,
      ],
      [
        "a class that makes no configuration",
        () => {
          class Settings {}
          return PowerSyncWriteModule.forRootAsync({ useClass: Settings as never });
        },
        /forRootAsync: Settings has no method createWritesConfig\(\)\.$/,
      ],
      [
        "an option of the module in the configuration",
        () => PowerSyncWriteModule.forRoot({ ...testConfig(database.db), isGlobal: true } as never),
        /^isGlobal is an option of the module.*forRoot\(configuration, \{ isGlobal \}\)/,
      ],
      [
        "admin routes without a WriteService",
        () => PowerSyncWriteAdminModule.forRoot({ guard: () => true }),
        /^PowerSyncWriteAdminModule finds no WriteService\. List .* or set `writes`\.$/,
      ],
      [
        "admin routes without a factory",
        () => PowerSyncWriteAdminModule.forRootAsync({} as never),
        /^PowerSyncWriteAdminModule\.forRootAsync needs `useFactory`\.$/,
      ],
    ])("names the mistake: %s", async (_what, imported, message) => {
      const starting = async () => start(module({ imports: [imported() as never] }));
      await expect(starting()).rejects.toThrow(message);
    });

    it("warns of a second endpoint at the same path, and of no other", async () => {
      const warnings: unknown[] = [];
      const none = () => undefined;
      const logger = { log: none, error: none, warn: (line: unknown) => warnings.push(line) };
      const imports = [
        endpoint(),
        PowerSyncWriteModule.forRoot({ ...testConfig(database.db), path: "/other" }),
        PowerSyncWriteModule.forRoot(testConfig(database.db), { version: [VERSION_NEUTRAL, "2"] }),
      ];
      apps.push(await createNest(platform, module({ imports }), { logger }));
      expect(warnings).toEqual([]);
      const twice = module({ imports: [endpoint(), module({ imports: [endpoint()] })] });
      apps.push(await createNest(platform, twice, { logger }));
      expect(warnings).toEqual([
        expect.stringMatching(/^There are two endpoints at \/api\/data, .* or set isGlobal\.$/),
      ]);
    });

    it("by forRootAsync with useFactory, of what it injects", async () => {
      const { url } = await start(
        PowerSyncWriteModule.forRootAsync({
          imports: [DatabaseModule],
          inject: [KYSELY],
          useFactory: async (db: Kysely<TestSchema>) => ({ ...testConfig(db), path: "/later" }),
        }),
      );
      expect(await post(`${url}/later`, uploadOf(putList()))).toMatchObject({ body: applied });
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ status: 404 });
    });

    @Injectable()
    class Factory implements WritesConfigFactory<TestPrincipal, TestSchema> {
      readonly #db: Kysely<TestSchema>;
      constructor(@Inject(KYSELY) db: Kysely<TestSchema>) {
        this.#db = db;
      }
      createWritesConfig(): NestConfig<TestPrincipal, TestSchema> {
        return testConfig(this.#db);
      }
    }

    it("by forRootAsync with useClass", async () => {
      const options = { imports: [DatabaseModule], useClass: Factory };
      const { url } = await start(PowerSyncWriteModule.forRootAsync(options));
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ body: applied });
    });

    it("by forRootAsync with useExisting", async () => {
      const FactoryModule = module({
        imports: [DatabaseModule],
        providers: [Factory],
        exports: [Factory],
      });
      const options = { imports: [FactoryModule], useExisting: Factory };
      const { url } = await start(PowerSyncWriteModule.forRootAsync(options));
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ body: applied });
    });

    it("in an application made for tests", async () => {
      const testing = await Test.createTestingModule({ imports: [endpoint()] }).compile();
      const app = testing.createNestApplication(
        (await createNest(platform, module({}))).getHttpAdapter() as never,
        { logger: false },
      );
      apps.push(app);
      const url = await listenNest(app);
      const big = putList(first, { name: "x".repeat(2 ** 21) });
      expect(await post(`${url}/api/data`, uploadOf(big))).toMatchObject({ body: applied });
    });
  });

  it("answers what Fastify's own `inject` sends", async () => {
    if (platform !== "Fastify") return;
    const { app } = await start(endpoint());
    const fastify = (app as NestFastifyApplication).getHttpAdapter().getInstance();
    const headers = { authorization: "Bearer alice" };
    const payload = uploadOf(putList(first, { name: "x".repeat(2 ** 21) }));
    const sent = { method: "POST", url: "/api/data", headers, payload } as const;
    expect((await fastify.inject(sent)).json()).toEqual(applied);
  });

  describe("WriteService", () => {
    @Controller()
    class Uploads {
      readonly #writes: WriteService<TestPrincipal>;
      constructor(@Inject(WriteService) writes: WriteService<TestPrincipal>) {
        this.#writes = writes;
      }

      @Post("one")
      async one(@Body() body: unknown): Promise<unknown> {
        const principal = { userId: "carol" };
        return toWire(await this.#writes.processTransaction(body, { principal }));
      }

      @Post("many")
      async many(@Body() body: unknown): Promise<unknown> {
        const results = await this.#writes.processBatch(body, { principal: { userId: "carol" } });
        return { results: results.map((result) => toWire(result)) };
      }
    }

    it("serves a controller of one's own, whose body Nest parses", async () => {
      const { url } = await start(module({ imports: [endpoint()], controllers: [Uploads] }));
      const one = { client_id: "phone", crud: [putList()] };
      expect(await post(`${url}/one`, one)).toMatchObject({ body: { status: "success" } });
      expect(await post(`${url}/many`, uploadOf(putList(second)))).toMatchObject({ body: applied });
      expect(await lists()).toMatchObject([{ owner_id: "carol" }, { owner_id: "carol" }]);
    });

    it("needs no HTTP", async () => {
      const context = await NestFactory.createApplicationContext(endpoint(), { logger: false });
      const writes = context.get<WriteService<TestPrincipal>>(WriteService);
      const body = { client_id: "phone", crud: [putList()] };
      const principal = { userId: "carol" };
      expect(await writes.processTransaction(body, { principal })).toEqual({ status: "success" });
      // Two of the rules name what is not there.
      const problems = [expect.stringMatching(/absent/), expect.stringMatching(/half_absent/)];
      expect([await writes.ready(), writes.health().status]).toEqual([
        { ready: false, problems },
        "ok",
      ]);
      expect(await writes.forget("carol")).toBeGreaterThan(0);
      await context.close();
      expect([await writes.ready(), writes.health().status]).toEqual([
        { ready: false, problems: ["The server is being stopped."] },
        "draining",
      ]);
    });

    it("is there in other modules only with isGlobal, or by import", async () => {
      const Feature = module({ controllers: [Uploads] });
      const global = PowerSyncWriteModule.forRoot(testConfig(database.db), { isGlobal: true });
      const { url } = await start(module({ imports: [global, Feature] }));
      const one = { client_id: "phone", crud: [putList()] };
      expect(await post(`${url}/one`, one)).toMatchObject({ body: { status: "success" } });
      const local = module({ imports: [endpoint(), Feature] });
      await expect(createNest(platform, local)).rejects.toThrow("WriteService");
    });
  });

  describe("hooks", () => {
    class Logging implements WriteHooks<TestPrincipal, TestSchema> {
      readonly #log: string[];
      readonly #name: string;
      constructor(lines: string[], name: string) {
        this.#log = lines;
        this.#name = name;
      }
      readonly authenticate = this.#around("authenticate");
      readonly validate = this.#around("validate");
      readonly map = this.#around("map");
      readonly authorize = this.#around("authorize");
      readonly persist = this.#around("persist");
      readonly respond = this.#around("respond");
      committed(): void {
        this.#log.push(`${this.#name}: committed`);
      }
      #around(layer: string) {
        return {
          before: () => void this.#log.push(`${this.#name}: before ${layer}`),
          after: () => void this.#log.push(`${this.#name}: after ${layer}`),
        };
      }
    }

    @WriteHook({ order: 2 })
    class Second extends Logging {
      constructor(@Inject(LOG) lines: string[]) {
        super(lines, "second");
      }
    }

    @WriteHook({ order: 1 })
    class First extends Logging {
      constructor(@Inject(LOG) lines: string[]) {
        super(lines, "first");
      }
    }

    it("of classes run once around each layer, in their order, behind the configuration's", async () => {
      const hooks = Object.assign(new Logging(log, "configured"), {
        committed: () => void log.push("configured: committed"),
      });
      const { url } = await start(
        module({
          imports: [
            LogModule,
            PowerSyncWriteModule.forRoot({ ...testConfig(database.db), hooks }),
            module({ providers: [Second] }),
          ],
          // The same one under another name is still one.
          providers: [First, { provide: "alias", useExisting: First }],
        }),
      );
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ body: applied });
      const around = (layer: string) => [
        ...["configured", "first", "second"].map((name) => `${name}: before ${layer}`),
        ...["second", "first", "configured"].map((name) => `${name}: after ${layer}`),
      ];
      expect(log).toEqual([
        ...["authenticate", "validate", "map", "authorize", "persist"].flatMap(around),
        ...["configured", "first", "second"].map((name) => `${name}: committed`),
        ...around("respond"),
      ]);
    });

    it("write through the transaction, and roll back with it", async () => {
      @WriteHook()
      class Audit implements WriteHooks<TestPrincipal, TestSchema> {
        readonly persist = {
          after: async (_: WriteOutcome, { tx, principal }: InTransaction) => {
            await tx.insertInto("things").values({ id: first, code: principal.userId }).execute();
          },
        };
      }
      const { url } = await start(module({ imports: [endpoint()], providers: [Audit] }));
      await post(`${url}/api/data`, uploadOf(putList(), { ...putList(second), table: "absent" }));
      const things = database.db.selectFrom("things").select("code");
      expect(await things.execute()).toEqual([]);
      await post(`${url}/api/data`, uploadOf(putList()));
      expect(await things.execute()).toEqual([{ code: "alice" }]);
    });

    it("join a configuration that is an instance of a class, whose methods count", async () => {
      class Configuration {
        readonly authenticate = () => ({ userId: "alice" });
        readonly database = database.db;
        readonly tables = { lists: {} };
        readonly logger = false;
        authorize(): never {
          throw fatal("UNAUTHORIZED", "Nobody may.");
        }
      }
      const { url } = await start(
        module({
          imports: [LogModule, PowerSyncWriteModule.forRoot(new Configuration())],
          providers: [First],
        }),
      );
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({
        body: { results: [{ failed_operation: { error_code: "UNAUTHORIZED" } }] },
      });
      expect(await lists()).toEqual([]);
      expect(log).toContain("first: before map");
    });

    it("can't join writes that have been made, and can't be made for each request", async () => {
      const made = PowerSyncWriteModule.forRoot(createWrites(testConfig(database.db)));
      const joining = module({ imports: [LogModule, made], providers: [First] });
      await expect(start(joining)).rejects.toThrow(
        "@WriteHook() can't be added to writes that have already been created",
      );

      @WriteHook()
      class Scoped extends Logging {
        constructor(@Inject("REQUEST") _request: unknown) {
          super(log, "scoped");
        }
      }
      const scoped = module({ imports: [endpoint()], providers: [Scoped] });
      await expect(start(scoped)).rejects.toThrow("Scoped");

      @WriteHook()
      class Misspelled {
        readonly persists = { before: () => undefined };
      }
      const misspelled = module({ imports: [endpoint()], providers: [Misspelled] });
      await expect(start(misspelled)).rejects.toThrow(
        /^Misspelled: a class with @WriteHook\(\) needs a member that is named after a layer/,
      );
    });
  });

  describe("as a controller", () => {
    it("is behind guards, and authenticate reads what they found", async () => {
      const { url } = await start(
        module({
          imports: [guarded()],
          providers: [{ provide: APP_GUARD, useClass: NamedGuard }],
        }),
      );
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({
        status: 401,
        body: { message: "Who?" },
      });
      const body = JSON.stringify(uploadOf(putList()));
      const headers = { "x-user": "dave", "content-type": "application/json" };
      const response = await fetch(`${url}/api/data`, { method: "POST", headers, body });
      expect(await response.json()).toEqual(applied);
      expect(await lists()).toMatchObject([{ owner_id: "dave" }]);
    });

    it("gives guards and middleware the request as it came", async () => {
      const seen: unknown[] = [];
      class Looking implements CanActivate {
        canActivate(context: ExecutionContext): boolean {
          seen.push(context.switchToHttp().getRequest<HttpRequest>().headers["content-type"]);
          return true;
        }
      }
      const decorators = [UseGuards(Looking)];
      const { url } = await start(
        PowerSyncWriteModule.forRoot(testConfig(database.db), { decorators }),
      );
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ body: applied });
      expect(seen).toEqual(["application/json"]);
    });

    it("is inside interceptors", async () => {
      const seen: string[] = [];
      const interceptor: NestInterceptor = {
        intercept: (context, next) => {
          seen.push(`before ${context.getHandler().name}`);
          return next.handle().pipe(tap(() => void seen.push("after")));
        },
      };
      const { url } = await start(
        module({
          imports: [endpoint()],
          providers: [{ provide: APP_INTERCEPTOR, useValue: interceptor }],
        }),
      );
      expect(await post(`${url}/api/data`, uploadOf(putList()))).toMatchObject({ body: applied });
      expect(seen).toEqual(["before upload", "after"]);
    });

    const big = uploadOf(putList(first, { name: "x".repeat(2 ** 21) }));
    const uri = { type: VersioningType.URI, defaultVersion: "1" } as const;

    it.each<[string, string, (app: INestApplication) => void]>([
      ["a global prefix", "/up/api/data", (app) => app.setGlobalPrefix("up")],
      [
        "a global prefix that it is excluded from",
        "/api/data",
        (app) => app.setGlobalPrefix("up", { exclude: ["api/data", "api/data/*rest"] }),
      ],
      ["the default version", "/v1/api/data", (app) => app.enableVersioning(uri)],
      [
        "both",
        "/up/v1/api/data",
        (app) => app.setGlobalPrefix("up").enableVersioning({ ...uri, prefix: "v" }),
      ],
    ])("stands under %s, and reads its own body there", async (_name, path, prepare) => {
      const { url } = await start(endpoint(), { prepare });
      expect(await post(`${url}${path}`, big)).toMatchObject({ status: 200, body: applied });
      expect((await fetch(`${url}${path}/limits`)).status).toBe(200);
      if (path !== "/api/data") expect((await fetch(`${url}/api/data/limits`)).status).toBe(404);
    });

    it.each<[string, string, Exclude<Versioned, undefined>]>([
      ["version 2", "/v2/api/data", "2"],
      ["several", "/v3/api/data", ["2", "3"]],
      ["none", "/api/data", VERSION_NEUTRAL],
    ])("has a version of its own: %s", async (_name, path, version) => {
      const { url } = await start(
        PowerSyncWriteModule.forRoot(testConfig(database.db), { version }),
        { prepare: (app) => app.enableVersioning(uri) },
      );
      expect(await post(`${url}${path}`, big)).toMatchObject({ status: 200, body: applied });
    });

    it("leaves other routes to Nest's parser, also with the same ending", async () => {
      @Controller("other")
      class Other {
        @Post("api/data")
        echo(@Body() body: unknown): unknown {
          return { echo: body };
        }
      }
      const { url } = await start(module({ imports: [endpoint()], controllers: [Other] }));
      expect(await post(`${url}/other/api/data`, { a: 1 })).toMatchObject({
        status: 201,
        body: { echo: { a: 1 } },
      });
    });
  });

  describe("the body", () => {
    it("of 2 MiB, with every digit of 64-bit integers", async () => {
      const { url } = await start(endpoint());
      const name = "x".repeat(2 ** 21);
      const list = JSON.stringify(putList(first, { name }));
      const body = `{"transactions":[{"crud":[${list},{"op":"PUT","table":"things","id":"${second}","op_data":{"big":9223372036854775807}}]}]}`;
      const response = await fetch(`${url}/api/data`, {
        method: "POST",
        headers: { authorization: "Bearer alice", "content-type": "application/json" },
        body,
      });
      expect(await response.json()).toEqual(applied);
      const thing = await database.db.selectFrom("things").select("big").executeTakeFirst();
      expect(String(thing?.big)).toBe("9223372036854775807");
    });

    it("goes unread where the caller is unknown", async () => {
      const { url } = await start(endpoint());
      const response = await fetch(`${url}/api/data`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "x".repeat(2 ** 24) }),
      });
      expect(response.status).toBe(401);
    });

    const begin = (url: string, length: number) => {
      const headers = {
        authorization: "Bearer alice",
        "content-type": "application/json",
        "content-length": length,
      };
      return httpRequest(`${url}/api/data`, { method: "POST", headers });
    };

    it("may trickle in", async () => {
      const { url } = await start(endpoint());
      const body = JSON.stringify(uploadOf(putList()));
      const sent = begin(url, body.length);
      const answered = once(sent, "response") as Promise<[IncomingMessage]>;
      const step = Math.ceil(body.length / 10);
      for (let at = 0; at < body.length; at += step) {
        sent.write(body.slice(at, at + step));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      sent.end();
      const [response] = await answered;
      expect(JSON.parse(Buffer.concat(await response.toArray()).toString())).toEqual(applied);
      expect(await lists()).toHaveLength(1);
    });

    it("that is cut off applies nothing, also where what came makes sense, and harms nobody", async () => {
      const { app, url } = await start(endpoint());
      const arrived = once(app.getHttpServer() as Server, "request") as Promise<[IncomingMessage]>;
      const body = JSON.stringify(uploadOf(putList()));
      const sent = begin(url, body.length + 1);
      sent.on("error", () => undefined).write(body);
      const [request] = await arrived;
      const closed = new Promise((resolve) => request.socket.once("close", resolve));
      // Not before it is being read.
      await expect.poll(() => request.readableFlowing).toBe(true);
      sent.destroy();
      await closed;
      const next = uploadOf(putList(second));
      expect(await post(`${url}/api/data`, next)).toMatchObject({ body: applied });
      expect(await lists()).toMatchObject([{ id: second }]);
    });
  });

  it("answers preflights in front of guards, where the configuration has cors", async () => {
    const { url } = await start(
      module({
        imports: [
          PowerSyncWriteModule.forRoot({
            ...testConfig(database.db),
            cors: { origins: ["https://app.example.com"] },
          }),
        ],
        providers: [{ provide: APP_GUARD, useClass: NamedGuard }],
      }),
    );
    const headers = {
      origin: "https://app.example.com",
      "access-control-request-method": "POST",
    };
    const response = await fetch(`${url}/api/data`, { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  });

  it("finishes what is in flight before the application ends", async () => {
    let arrive: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const { app, url } = await start(
      PowerSyncWriteModule.forRoot({
        ...testConfig(database.db),
        hooks: {
          persist: {
            before: async () => {
              arrive();
              await new Promise((resolve) => setTimeout(resolve, 300));
            },
          },
        },
      }),
    );
    const pending = post(`${url}/api/data`, uploadOf(putList()));
    await arrived;
    apps.splice(0);
    await app.close();
    expect(await lists()).toHaveLength(1);
    expect(await pending).toMatchObject({ status: 200, body: applied });
  });

  it("outlives a hook that answers with a header that can't be sent", async () => {
    const respond = {
      after: (response: WriteResponse) => ({ ...response, headers: { "x-bad": "a\nb" } }),
    };
    const { url } = await start(
      PowerSyncWriteModule.forRoot({ ...testConfig(database.db), hooks: { respond } }),
    );
    await expect(post(`${url}/api/data`, uploadOf(putList()))).rejects.toThrow("fetch failed");
    expect(await lists()).toHaveLength(1);
  });

  it("leaves no listener behind", async () => {
    const { app, url } = await start(endpoint());
    const server = app.getHttpServer() as Server;
    const counts: Record<string, number>[] = [];
    server.on("request", (request, response) => {
      response.on("finish", () =>
        setImmediate(() => counts.push({ ...countsOf(request), ...countsOf(response) })),
      );
    });
    for (const path of ["/api/data", "/nothing", "/api/data"]) {
      const sent = httpRequest(`${url}${path}`, {
        method: "POST",
        headers: { authorization: "Bearer alice", "content-type": "application/json" },
      });
      sent.end(JSON.stringify(uploadOf(putList())));
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      await once(response.resume(), "end");
    }
    await until(() => counts.length === 3);
    for (const name of ["data", "error", "close", "aborted"]) {
      expect(counts[0]?.[name] ?? 0).toBeLessThanOrEqual(counts[1]?.[name] ?? 0);
    }
    expect(counts[0]).toEqual(counts[2]);
  });
});

interface Preparing {
  readonly prepare?: (app: INestApplication) => unknown;
}
type Versioned = NonNullable<Parameters<typeof PowerSyncWriteModule.forRoot>[1]>["version"];

function countsOf(emitter: NodeJS.EventEmitter): Record<string, number> {
  return Object.fromEntries(
    emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]),
  );
}
