/** Common mistakes of operators and developers, made on real databases: one line of the default log names each, and what to do. */
import { createServer } from "node:http";
import { type Kysely, PostgresDialect, sql } from "kysely";
import * as kysely from "kysely";
import pg from "pg";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTables, createWrites, type Principal, type WritesConfig } from "../../src/index.js";
import { powersyncWrites as fetchWrites } from "../../adapters/fetch.js";
import {
  createPostgresDatabase,
  dialects,
  type OpenOptions,
  type TestDatabase,
  type TestDialect,
} from "../support/databases.js";
import { expectLine, readLog } from "../support/mistakes.js";
import { postgresAvailable, postgresUrl } from "../support/servers.js";
import { listen } from "../support/uploads.js";
import { powersyncWrites as expressWrites } from "../../adapters/express.js";
import express from "express";

type Config = WritesConfig<Principal, never>;

const alice = { userId: "alice" };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function writesOn(db: unknown, config: object) {
  const log = readLog();
  const writes = createWrites<Principal, never>({
    authenticate: () => alice,
    database: db as Kysely<never>,
    logger: log.logger,
    ...config,
  } as unknown as Config);
  let opId = 0;
  const send = (op: "PUT" | "PATCH", table: string, op_data: object, id: string = uuid()) =>
    writes.processTransaction(
      { client_id: "phone", crud: [{ op, table, id, op_id: (opId += 1), op_data }] },
      { principal: alice },
    );
  return { ...log, writes, put: send.bind(undefined, "PUT"), patch: send.bind(undefined, "PATCH") };
}

const uuid = () => crypto.randomUUID() as string;

async function open(dialect: TestDialect, options?: OpenOptions): Promise<TestDatabase> {
  const database = await dialect.open(options);
  closing.push(() => database.close());
  return database;
}

const everyone = { access: "everyone" };
const waits = { status: "retryable_error" };
const refused = { status: "fatal_error" };

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(`on ${dialect.name}`, () => {
    let db: TestDatabase["db"];
    beforeAll(async () => {
      const database = await dialect.open();
      db = database.db;
      return () => database.close();
    });

    it("createTables was never called", async () => {
      const bare = await open(dialect, { bare: true });
      const log = writesOn(bare.db, { tables: { things: everyone } });
      expect(await log.put("things", { size: 1 })).toMatchObject(waits);
      expectLine(
        log,
        /retryable failure during begin: .*powersync_/,
        /Remedy: run createTables\(database\)/,
      );
      // The same problem.
      for (let time = 0; time < 5; time += 1) await log.put("things", { size: 1 });
      expect(log.lines).toHaveLength(1);
    });

    it("a table by a wrong name", async () => {
      const log = writesOn(db, { tables: { things: { ...everyone, table: "thingz" } } });
      expect(await log.put("things", { size: 1 })).toMatchObject(waits);
      expectLine(
        log,
        /the table "thingz" is declared, but missing/,
        /Remedy: create it, or correct its name/,
      );
    });

    it("a column that is not there", async () => {
      const log = writesOn(db, {
        tables: { things: { ...everyone, columns: ["size", "colour"] } },
      });
      expect(await log.put("things", { size: 1, colour: "red" })).toMatchObject(waits);
      expectLine(
        log,
        /the column "colour" of table "things" is declared, but missing/,
        /Remedy: create it/,
      );
    });

    it("a column that shall never change, by a wrong name", async () => {
      const log = writesOn(db, { tables: { things: { ...everyone, insertOnly: ["coed"] } } });
      expect(await log.put("things", { code: "a" })).toMatchObject(waits);
      expectLine(
        log,
        /the column "coed" of table "things" is declared, but missing/,
        /Remedy: create it, or correct its name/,
      );
    });

    it("a column that a strategy for conflicts names, and that is not there", async () => {
      const conflict = { newest: "change_at" };
      const log = writesOn(db, { tables: { things: { ...everyone, conflict } } });
      expect(await log.put("things", { code: "a" })).toMatchObject(waits);
      expectLine(
        log,
        /the column "change_at" of table "things" is declared, but missing/,
        /Remedy: create it, or correct its name/,
      );
    });

    it("an integer id under clients that make UUIDs", async () => {
      await db.schema
        .createTable("counted")
        .addColumn("id", "integer", (column) => column.primaryKey())
        .addColumn("name", "varchar(20)")
        .execute();
      const log = writesOn(db, { tables: { counted: everyone } });
      expect(await log.put("counted", { name: "a" })).toMatchObject({
        ...refused,
        failedOperation: { errorCode: "INVALID_DATA", details: { column: "id" } },
      });
      await log.put("counted", { name: "b" });
      expectLine(
        log,
        /"counted"\."id" is of type int\w*.* clients make UUIDs/,
        /Remedy: give the table a uuid column .* name it in "id"/,
      );
      const found = await log.writes.check();
      expect(found.map(({ code }) => code)).toContain("key_number");
    });

    it("a text that the app sends for a boolean", async () => {
      const log = writesOn(db, { tables: { todos: everyone } });
      expect(await log.put("todos", { description: "x", completed: "done" })).toMatchObject(
        refused,
      );
      expectLine(
        log,
        /dead letter .*INVALID_DATA.*Column "completed": The value is /,
        /Remedy: make the app's value and the column's type agree/,
      );
    });

    it("a table that has no rule, and a column that is not listed", async () => {
      const log = writesOn(db, { tables: { things: { ...everyone, columns: ["size"] } } });
      expect(await log.put("lists", { name: "x" })).toMatchObject(refused);
      expect(await log.put("things", { code: "x" })).toMatchObject(refused);
      expectLine(log, /UNKNOWN_TABLE.*"lists"/, /Remedy: add a rule for the table to "tables"/);
      expectLine(
        log,
        /FORBIDDEN_COLUMN.*"code"/,
        /Remedy: list the column in the rule's "columns"/,
      );
    });

    it("a view that the database can't write through", async () => {
      await sql`create view told as select t.id, t.description, l.name from todos as t join lists as l on l.id = t.list_id`.execute(
        db,
      );
      const log = writesOn(db, { tables: { told: { ...everyone, operations: ["PUT"] } } });
      expect(await log.put("told", { description: "x", name: "y" })).toMatchObject(waits);
      expectLine(
        log,
        /during persist.*\bview\b/,
        /Remedy: the database can't write through this view: name a table behind it/,
      );
      // MySQL would take an INSERT of one table's columns.
      if (dialect.family === "mysql") return;
      expect(await log.writes.check()).toContainEqual(
        expect.objectContaining({
          code: "not_writable",
          message: expect.stringMatching(
            /^tables\.told: "told" is a view through which .*Name a table behind the view/,
          ) as string,
        }),
      );
    });

    it("a row id among the columns that is not the row's id", async () => {
      const log = writesOn(db, { tables: { lists: everyone } });
      expect(await log.put("lists", { id: uuid(), name: "x" })).toMatchObject({
        ...refused,
        failedOperation: {
          errorCode: "FORBIDDEN_COLUMN",
          message: 'The column "id" holds another value than the row\'s id.',
        },
      });
    });

    it("a transaction of another form", async () => {
      const log = writesOn(db, { tables: { lists: everyone } });
      const crud = [{ op: "upsert", table: "lists", id: uuid(), op_data: {} }];
      expect(await log.writes.processTransaction({ crud }, { principal: alice })).toMatchObject(
        refused,
      );
      expectLine(log, /INVALID_TRANSACTION.*crud\[0\]\.op/, /Remedy: make the client send .* edit/);
    });

    it("a required column that nobody fills", async () => {
      const log = writesOn(db, { tables: { todos: { ...everyone, columns: ["completed"] } } });
      expect(await log.put("todos", { completed: 1 })).toMatchObject(refused);
      expectLine(log, /NOT_NULL_VIOLATION.*\(todos\.description/, /Remedy: .*setOnInsert/);
      expect((await log.writes.check()).map(({ code }) => code)).toContain("column_required");
    });

    it("a value that `set` gives, and the column does not take", async () => {
      const set = { position: () => "last" };
      const log = writesOn(db, { tables: { todos: { ...everyone, set } } });
      expect(await log.put("todos", { description: "x" })).toMatchObject(waits);
      expectLine(
        log,
        /the server sets for todos\.position does not fit/,
        /Remedy: change the column's type, or the value from the rule's/,
      );
    });

    it("a scope without `return`", async () => {
      const log = writesOn(db, { tables: { things: { scope: () => undefined } } });
      expect(await log.put("things", { size: 1 })).toMatchObject(waits);
      expectLine(
        log,
        /tables\.things: the scope gave undefined and no filter/,
        /Return an expression/,
      );
    });

    it.skipIf(!dialect.concurrent)("a hook that forgets `await`", async () => {
      const hooks = {
        persist: {
          after: (outcome: object, { tx }: { tx: Kysely<never> }) => {
            void sql`select 1 as one`.execute(tx).catch(() => undefined);
            return outcome;
          },
        },
      };
      const log = writesOn(db, { tables: { things: everyone }, hooks });
      expect(await log.put("things", { size: 1 })).toMatchObject(waits);
      expectLine(
        log,
        /A hook left a statement unawaited/,
        /await everything that is sent through `tx`/,
      );
    });

    it("a bug in a hook", async () => {
      const hooks = {
        authorize: {
          before: () => {
            throw new TypeError("Cannot read properties of undefined (reading 'team')");
          },
        },
      };
      const log = writesOn(db, { tables: { things: everyone }, hooks });
      expect(await log.put("things", { size: 1 })).toMatchObject(waits);
      expectLine(
        log,
        /retryable failure during authorize, operation 0: TypeError/,
        /reading 'team'/,
      );
    });

    it.skipIf(!dialect.concurrent)(
      "a hook that takes a second connection of a pool that has one",
      async () => {
        const { db: one } = await open(dialect, { connections: 1 });
        const hooks = {
          persist: {
            before: async (write: object) => {
              await sql`select 1 as one`.execute(one);
              return write;
            },
          },
        };
        const tables = { things: everyone };
        // So that nothing but the hook takes time.
        expect(await writesOn(one, { tables }).put("things", { size: 1 })).toEqual({
          status: "success",
        });
        const timeouts = { transactionMs: 900, statementMs: 700, lockMs: 500 };
        const log = writesOn(one, { tables, hooks, timeouts });
        expect(await log.put("things", { size: 1 })).toMatchObject(waits);
        expectLine(log, /had not ended after 900 ms/, /another connection than `tx`.*: use `tx`/);
      },
    );
  });
}

describe.skipIf(!(await postgresAvailable()))("on Postgres", () => {
  const postgres = dialects.find(({ name }) => name === "Postgres") as TestDialect;

  function poolFor(url: string): Kysely<never> {
    const pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 5_000 });
    pool.on("error", () => undefined);
    const db = new kysely.Kysely<never>({ dialect: new PostgresDialect({ pool }) });
    closing.push(() => db.destroy());
    return db;
  }

  /** A role that may log in, and the database as it sees it. */
  async function asRole(grants: readonly string[]) {
    const { url, drop } = await createPostgresDatabase();
    const admin = poolFor(url);
    const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
    await createTables(admin);
    await sql`create table things (id uuid primary key, size integer)`.execute(admin);
    await sql`create role ${sql.id(role)} login`.execute(admin);
    for (const grant of grants) await sql.raw(`${grant} to ${role}`).execute(admin);
    const theirs = new URL(url);
    theirs.username = role;
    theirs.password = "";
    closing.unshift(async () => {
      await drop();
      const main = poolFor(postgresUrl);
      await sql`drop role ${sql.id(role)}`.execute(main);
    });
    return { db: poolFor(theirs.href), role };
  }

  const own = "grant select, insert, update, delete on all tables in schema public";

  it("a user that may only read", async () => {
    const { db } = await asRole(["grant select on all tables in schema public"]);
    const looking = writesOn(db, { tables: { things: everyone } });
    expect(await looking.writes.ready()).toEqual({
      ready: false,
      problems: [expect.stringMatching(/may not use the library's own tables.* Remedy: grant it/)],
    });
    const log = writesOn(db, { tables: { things: everyone } });
    expect(await log.put("things", { size: 1 })).toMatchObject(waits);
    expectLine(
      log,
      /permission denied for table powersync_/,
      /Remedy: grant the login role select, insert, update and delete on the library's own tables/,
    );
  });

  it("a grant that is missing on one table", async () => {
    const { db, role } = await asRole([own]);
    const revoking = writesOn(db, { tables: { things: everyone } });
    expect(await revoking.writes.ready()).toEqual({ ready: true });
    const owner = poolFor((await currentUrl(db)).href);
    await sql`revoke insert, update on things from ${sql.id(role)}`.execute(owner);
    const log = writesOn(db, { tables: { things: everyone } });
    expect(await log.put("things", { size: 1 })).toMatchObject(waits);
    expectLine(
      log,
      /permission denied for table things/,
      /Remedy: grant the login role what it lacks on "things"/,
    );
    expect((await log.writes.check()).map(({ code }) => code)).toContain("not_writable");
  });

  async function currentUrl(db: Kysely<never>): Promise<URL> {
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
    const url = new URL(postgresUrl);
    url.pathname = `/${rows[0]?.name}`;
    return url;
  }

  it("a role of `rls` that does not exist", async () => {
    const { db } = await open(postgres);
    const log = writesOn(db, { tables: { lists: everyone }, rls: { role: "nobody_by_this_name" } });
    await log.writes.processTransaction(
      { crud: [{ op: "PUT", table: "lists", id: uuid(), op_data: {} }] },
      { principal: alice },
    );
    expectLine(log, /nobody_by_this_name/, /Remedy|[Cc]reate|[Gg]rant/);
  });

  it("a database that does not exist", async () => {
    const url = new URL(postgresUrl);
    url.pathname = "/no_such_database_here";
    const log = writesOn(poolFor(url.href), { tables: { things: everyone } });
    expect(await log.put("things", {})).toMatchObject(waits);
    expectLine(
      log,
      /database "no_such_database_here" does not exist/,
      /Remedy: create the database that the URL names/,
    );
  });

  it("a database that nobody answers for", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { readonly port: number };
    await new Promise((resolve) => server.close(resolve));
    const log = writesOn(poolFor(`postgres://x@127.0.0.1:${port}/x`), {
      tables: { things: everyone },
    });
    expect(await log.put("things", {})).toMatchObject(waits);
    expectLine(log, /ECONNREFUSED/, /Remedy: check host and port of the database's URL/);
  });

  it("a replica, or a session that may only read", async () => {
    const { url, drop } = await createPostgresDatabase();
    const admin = poolFor(url);
    await createTables(admin);
    await sql`create table things (id uuid primary key, size integer)`.execute(admin);
    const reading = new URL(url);
    reading.searchParams.set("options", "-c default_transaction_read_only=on");
    closing.unshift(drop);
    const looking = writesOn(poolFor(reading.href), { tables: { things: everyone } });
    expect(await looking.writes.ready()).toMatchObject({ ready: false });
    expectLine(
      looking,
      /during ready: .*read-only transaction/,
      /Remedy: give the library the primary/,
    );
    const log = writesOn(poolFor(reading.href), { tables: { things: everyone } });
    expect(await log.put("things", { size: 1 })).toMatchObject(waits);
    expectLine(log, /read-only transaction/, /Remedy: give the library the primary/);
  });
});

describe("over HTTP", () => {
  const some = dialects.find(({ family }) => family === "sqlite") ?? (dialects[0] as TestDialect);
  const row = (data: object) => ({
    transactions: [{ crud: [{ op: "PUT", table: "things", id: uuid(), op_data: data }] }],
  });
  const json = { "content-type": "application/json" };

  async function onFetch(config: object = {}) {
    const { db } = await open(some);
    const log = writesOn(db, { tables: { things: everyone }, ...config });
    const handle = fetchWrites(log.writes);
    const ask = (path: string, init: RequestInit) =>
      handle(new Request(`https://api.example.com${path}`, init));
    return { ...log, ask };
  }

  it("a body that is larger than the limit", async () => {
    const log = await onFetch({ limits: { bodyBytes: 200 } });
    const body = JSON.stringify(row({ code: "x".repeat(500) }));
    expect((await log.ask("/api/data", { method: "POST", headers: json, body })).status).toBe(413);
    expectLine(
      log,
      /refused with 413: .*larger than 200 bytes/,
      /Remedy: raise limits\.bodyBytes and the body size of each proxy/,
    );
  });

  it("a body of another form", async () => {
    const log = await onFetch();
    const body = JSON.stringify({ rows: [] });
    expect((await log.ask("/api/data", { method: "POST", headers: json, body })).status).toBe(400);
    expectLine(
      log,
      /refused with 400: .*transactions/,
      /Remedy: make the client send requests as docs\/wire\.md describes/,
    );
  });

  it("no JSON", async () => {
    const log = await onFetch();
    const headers = { "content-type": "text/plain" };
    expect((await log.ask("/api/data", { method: "POST", headers, body: "{}" })).status).toBe(415);
    expectLine(log, /refused with 415/, /Remedy: make the client send application\/json/);
  });

  it("a page of another origin, without `cors`", async () => {
    const log = await onFetch();
    const headers = { origin: "https://app.example.com", "access-control-request-method": "POST" };
    for (let time = 0; time < 3; time += 1)
      await log.ask("/api/data", { method: "OPTIONS", headers });
    await log.ask("/elsewhere", { method: "OPTIONS", headers });
    expectLine(log, /"cors" is not set/, /Remedy: set cors: \{ origins: /);
    expect(log.lines).toHaveLength(1);
  });

  it("a page of an origin that is not listed", async () => {
    const log = await onFetch({ cors: { origins: ["https://app.example.com"] } });
    const headers = {
      origin: "https://app.example.com:3000",
      "access-control-request-method": "POST",
    };
    expect((await log.ask("/api/data", { method: "OPTIONS", headers })).status).toBe(403);
    expectLine(
      log,
      /pages from "https:\/\/app\.example\.com:3000" may not send requests/,
      /Remedy: add it to cors\.origins/,
    );
  });

  it("a URL that the client has wrong: the answer names it", async () => {
    const log = await onFetch();
    const answer = await log.ask("/api/dta", { method: "POST", headers: json, body: "{}" });
    expect(answer.status).toBe(404);
    expect(await answer.text()).toMatch(
      /Send uploads with POST to the endpoint's path, which is \/api\/data .*Check the client's URL/,
    );
  });

  it("an authenticate that throws", async () => {
    const log = await onFetch({
      authenticate: () => {
        throw new TypeError("Cannot read properties of null (reading 'uid')");
      },
    });
    const body = JSON.stringify(row({}));
    expect((await log.ask("/api/data", { method: "POST", headers: json, body })).status).toBe(503);
    expectLine(log, /retryable failure during authenticate: TypeError/, /reading 'uid'/);
  });

  it("an authenticate or authorize that throws a web framework's error", async () => {
    const thrown = (status: number) => () => {
      throw Object.assign(new Error("Not here."), { status });
    };
    const body = JSON.stringify(row({}));
    const log = await onFetch({ authenticate: thrown(401) });
    expect((await log.ask("/api/data", { method: "POST", headers: json, body })).status).toBe(503);
    expectLine(
      log,
      /during authenticate: Error: Not here\./,
      /throw unauthenticated\(\) or forbid/,
    );
    const next = await onFetch({ authorize: thrown(403) });
    const answer = await next.ask("/api/data", { method: "POST", headers: json, body });
    expect(await answer.json()).toMatchObject({ results: [{ status: "retryable_error" }] });
    expectLine(
      next,
      /during authorize, .*Error: Not here\./,
      /Remedy: .*throw fatal\(code, message\)/,
    );
  });

  it("an authenticate that gives no user", async () => {
    const log = await onFetch({ authenticate: () => ({ id: "alice" }) });
    const body = JSON.stringify(row({}));
    expect((await log.ask("/api/data", { method: "POST", headers: json, body })).status).toBe(503);
    expectLine(log, /TypeError: A principal needs a userId/, /that is a non-empty string/);
  });

  it("an authenticator that was named and not called", async () => {
    const log = await onFetch({ authenticate: () => () => ({ userId: "alice" }) });
    const body = JSON.stringify(row({}));
    expect((await log.ask("/api/data", { method: "POST", headers: json, body })).status).toBe(503);
    expectLine(log, /TypeError: authenticate returned a function/, /as in anonymous\(\)/);
  });

  async function onExpress(...before: readonly express.RequestHandler[]) {
    const { db } = await open(some);
    const log = writesOn(db, { tables: { things: everyone } });
    const app = express();
    for (const each of before) app.use(each);
    app.use(expressWrites(log.writes));
    const server = await listen(createServer(app));
    closing.push(() => server.close());
    const ask = (text: string) =>
      fetch(server.url, {
        method: "POST",
        headers: json,
        body: text,
        signal: AbortSignal.timeout(30_000),
      });
    return { ...log, ask };
  }

  it("a middleware in front that has read the body, and kept nothing", async () => {
    const log = await onExpress((request, _response, next) => {
      request.resume().on("end", next);
    });
    expect((await log.ask(JSON.stringify(row({ size: 1 })))).status).toBeGreaterThanOrEqual(500);
    expectLine(
      log,
      /an upload came without its body/,
      /Mount powersync-writes before that middleware/,
    );
  });

  it("express.json() in front, which rounds large integers", async () => {
    const log = await onExpress(express.json());
    const text = JSON.stringify(row({ big: 1 })).replace('"big":1', '"big":9007199254740993');
    await log.ask(text);
    expectLine(
      log,
      /an integer for things\.big was rounded/,
      /Mount powersync-writes before the body parser/,
    );
  });
});
