/** The application's own services in the write transaction, on Postgres: the examples of Drizzle, Knex, TypeORM, Prisma and plain `pg`, over a pool of one connection. */
import { readFile } from "node:fs/promises";
import Database from "better-sqlite3";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import knex from "knex";
import { Kysely, PostgresDialect, SqliteDialect } from "kysely";
import pg from "pg";
import { DataSource } from "typeorm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectionOf, guardPool } from "../../adapters/pg.js";
import { services as onDrizzle } from "../../examples/services/drizzle.js";
import { services as onKnex } from "../../examples/services/knex.js";
import { services as onPg } from "../../examples/services/pg.js";
import { services as onPrisma } from "../../examples/services/prisma.js";
import { configFor, type Services } from "../../examples/services/rules.js";
import { Audit, servicesOf, Suspended } from "../../examples/services/typeorm.js";
import {
  anonymous,
  createTables,
  createWrites,
  fatal,
  type Mutator,
  type MutatorFunction,
  type Principal,
  type TransactionResult,
  type WriteEvent,
} from "../../src/index.js";
import { betterSqlite3, createPostgresDatabase } from "../support/databases.js";
import { postgresAvailable } from "../support/servers.js";

const list = "11111111-1111-4111-8111-111111111111";
const wordOf = (result: TransactionResult) =>
  result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
const put = (name: string) => ({ op: "PUT", table: "lists", id: list, op_data: { name } });
const mutation = (name: string, args: object = {}) => ({
  op: "PUT",
  table: "powersync_mutations",
  id: "m",
  op_data: { name, args: JSON.stringify(args) },
});

let transactionId = 0;

describe.skipIf(!(await postgresAvailable()))("services in the transaction", () => {
  let pool: pg.Pool;
  let db: Kysely<unknown>;
  let outside: pg.Client;
  let source: DataSource;
  let drop: () => Promise<void>;
  const events: WriteEvent[] = [];

  beforeAll(async () => {
    const database = await createPostgresDatabase();
    drop = database.drop;
    // A second connection would wait for this one until it gives up.
    pool = guardPool(
      new pg.Pool({ connectionString: database.url, max: 1, connectionTimeoutMillis: 2_000 }),
    );
    db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    outside = new pg.Client({ connectionString: database.url });
    await outside.connect();
    const schema = new URL("../../examples/services/schema.sql", import.meta.url);
    await outside.query(await readFile(schema, "utf8"));
    await createTables(db);
    // TypeORM with the same pool, so that it could not take a connection unnoticed.
    class Shared {
      constructor() {
        return pool;
      }
    }
    source = new DataSource({
      type: "postgres",
      driver: { ...pg, Pool: Shared },
      entities: [Suspended, Audit],
    });
    await source.initialize();
  });
  beforeEach(async () => {
    await outside.query("truncate lists, suspended, audit");
    events.length = 0;
  });
  afterAll(async () => {
    await outside.end();
    await db.destroy();
    await drop();
  });

  const write = async (services: Services, userId: string, ...crud: readonly object[]) => {
    const writes = createWrites({
      ...configFor(db, services),
      logger: false,
      onEvent: (event) => void events.push(event),
    });
    const body = { client_id: "d", transaction_id: (transactionId += 1), crud };
    return wordOf(await writes.processTransaction(body, { principal: { userId } }));
  };
  const rows = async (text: string): Promise<readonly unknown[]> =>
    (await outside.query({ text, rowMode: "array" })).rows.flat();
  const state = async () => ({
    lists: await rows("select name from lists"),
    suspended: await rows("select user_id from suspended order by 1"),
    audit: await rows("select by || ': ' || what from audit order by id"),
  });
  const nothing = { lists: [], suspended: [], audit: [] };
  const causes = () => events.flatMap((event) => (event.type === "error" ? [event.error] : []));

  const libraries: Readonly<Record<string, () => Services>> = {
    pg: () => onPg,
    Drizzle: () => onDrizzle,
    Knex: () => onKnex,
    TypeORM: () => servicesOf(source),
    Prisma: () => onPrisma,
  };

  describe.each(Object.entries(libraries))("%s", (_name, servicesOfLibrary) => {
    it("writes with the data, and commits with it", async () => {
      expect(await write(servicesOfLibrary(), "alice", put("one"))).toBe("success");
      expect(await state()).toEqual({ lists: ["one"], suspended: [], audit: ["alice: PUT"] });
      expect(
        await write(servicesOfLibrary(), "alice", mutation("user.suspend", { user: "bob" })),
      ).toBe("success");
      expect(await state()).toMatchObject({
        suspended: ["bob"],
        audit: ["alice: PUT", "alice: suspend bob"],
      });
    });

    it("sees what the transaction has not committed yet, and refuses", async () => {
      const { mutators, ...services } = servicesOfLibrary();
      const run = mutators["user.suspend"] as MutatorFunction<Principal, unknown>;
      const me: Mutator<Principal, unknown> = {
        run: async (_args, context) => {
          await expect(run({ user: "alice" }, context)).rejects.toThrow("yourself");
        },
        optimistic: "apply",
      };
      const word = await write(
        { ...services, mutators: { me } },
        "alice",
        mutation("me"),
        put("one"),
      );
      expect(word).toBe("SUSPENDED");
      expect(await state()).toEqual(nothing);
    });

    it("is undone with everything else by a throw, behind its own COMMIT as well", async () => {
      const services = servicesOfLibrary();
      const word = await write(services, "alice", mutation("user.suspend", { user: "alice" }));
      expect(word).toBe("YOURSELF");
      expect(await state()).toEqual(nothing);
      const { hooks } = services;
      const failing = {
        ...services,
        hooks: [
          {
            persist: {
              after: () => {
                throw fatal("NO", "No.");
              },
            },
          },
          hooks,
        ].flat(),
      };
      expect(await write(failing, "alice", put("one"))).toBe("NO");
      expect(await state()).toEqual(nothing);
    });

    it("is judged by what the database says, whatever the library makes of it", async () => {
      await outside.query("insert into suspended values ('bob')");
      const suspend = mutation("user.suspend", { user: "bob" });
      expect(await write(servicesOfLibrary(), "alice", suspend)).toBe("UNIQUE_VIOLATION");
      expect(await state()).toEqual({ ...nothing, suspended: ["bob"] });
      // A hook's own statement is never the device's fault.
      await outside.query("alter table audit add constraint few check (what <> 'PUT')");
      try {
        expect(await write(servicesOfLibrary(), "alice", put("one"))).toBe("retryable_error");
      } finally {
        await outside.query("alter table audit drop constraint few");
      }
      expect(await state()).toEqual({ ...nothing, suspended: ["bob"] });
    });
  });

  /** Whatever the hook's code makes of its client, an operation is written behind it, and its outcome is what is asked about. */
  const around = (use: (client: pg.PoolClient, tx: Tx, attempt: number) => unknown): Services => ({
    authorize: () => undefined,
    hooks: {
      persist: {
        before: async (_write, { tx, attempt }) => void (await use(connectionOf(tx), tx, attempt)),
      },
    },
    mutators: {},
  });
  const note = (client: pg.PoolClient, what: string) =>
    client.query("insert into audit (by, what) values ('x', $1)", [what]);

  describe("an inner transaction that is rolled back takes nothing else along", () => {
    const inner: Readonly<Record<string, (client: pg.PoolClient) => Promise<unknown>>> = {
      pg: async (client) => {
        await client.query("/* of ours */ Begin Transaction;");
        await note(client, "inner");
        await client.query("-- back\nabort");
        await client.query("start transaction");
        await client.query("rollback work");
      },
      Drizzle: async (client) => {
        const db = drizzle(client);
        await db
          .transaction(async (one) => {
            await one.execute(sql`insert into audit (by, what) values ('x', 'inner')`);
            await one.transaction(async (two) => {
              await two.execute(sql`insert into audit (by, what) values ('x', 'inmost')`);
            });
            one.rollback();
          })
          .catch(() => undefined);
      },
      Knex: async (connection) => {
        const builder = knex({ client: "pg" });
        await builder
          .transaction(
            async (one) => {
              await one("audit").insert({ by: "x", what: "inner" });
              await one.transaction((two) => two("audit").insert({ by: "x", what: "inmost" }));
              throw new Error("Back.");
            },
            { connection },
          )
          .catch(() => undefined);
      },
      TypeORM: async (client) => {
        const runner = source.createQueryRunner();
        Object.assign(runner, { databaseConnection: client });
        await runner.manager
          .transaction(async (one) => {
            await one.insert(Audit, { by: "x", what: "inner" });
            await one.transaction((two) => two.insert(Audit, { by: "x", what: "inmost" }));
            throw new Error("Back.");
          })
          .catch(() => undefined);
      },
    };
    it.each(Object.entries(inner))("%s", async (_name, run) => {
      const services = around(async (client) => {
        await note(client, "before");
        await run(client);
        await note(client, "behind");
      });
      expect(await write(services, "alice", put("one"))).toBe("success");
      expect(await state()).toEqual({
        ...nothing,
        lists: ["one"],
        audit: ["x: before", "x: behind"],
      });
    });
  });

  describe("undoes everything, though the hook swallows the error", () => {
    it.each([
      "commit",
      " ; COMMIT;",
      "/* a /* nested */ comment */ end",
      "--\ncommit and chain",
      "rollback",
      "abort work",
      "begin isolation level serializable",
      "start transaction read only",
      "prepare transaction 'x'",
      "commit prepared 'x'",
      "select 1; commit",
      "insert into audit (by, what) values ('x', 'y'); rollback; begin",
    ])("%s", async (text) => {
      const services = around(async (client) => {
        await note(client, "before");
        await client.query(text).catch(() => undefined);
      });
      expect(await write(services, "alice", put("one"))).toBe("retryable_error");
      expect(await state()).toEqual(nothing);
    });

    it.each<[string, (client: pg.PoolClient) => unknown, string]>([
      [
        "two inner transactions at once",
        async (client) => {
          await client.query("begin");
          await client.query("begin").catch(() => undefined);
          await client.query("commit").catch(() => undefined);
        },
        "already open",
      ],
      ["an inner transaction left open", (client) => client.query("begin"), "unawaited"],
      [
        "a cursor",
        (client) =>
          Promise.resolve(client.query({ submit: () => undefined } as never)).catch(
            () => undefined,
          ),
        "cursor",
      ],
      [
        "the connection's end",
        (client) => (client as unknown as pg.Client).end().catch(() => undefined),
        "can't end it",
      ],
    ])("%s", async (_name, use, cause) => {
      const services = around(async (client) => {
        await note(client, "before");
        await use(client);
      });
      expect(await write(services, "alice", put("one"))).toBe("retryable_error");
      expect(causes().map(String).join()).toContain(cause);
      expect(await state()).toEqual(nothing);
      expect(
        await write(
          around(() => undefined),
          "alice",
          put("two"),
        ),
      ).toBe("success");
    });
  });

  it("undoes everything where a statement is left unawaited", async () => {
    const services = around(() => undefined);
    const left: Services = {
      ...services,
      hooks: {
        persist: {
          after: (_outcome, { tx }) => {
            note(connectionOf(tx), "unawaited").catch(() => undefined);
          },
        },
      },
    };
    expect(await write(left, "alice", put("one"))).toBe("retryable_error");
    expect(causes().map(String).join()).toContain("unawaited");
    expect(await state()).toEqual(nothing);
  });

  it("is the very connection, in every form in which pg takes a query", async () => {
    const found: unknown[] = [];
    const services = around(async (client, tx) => {
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      const other = connectionOf(tx);
      found.push(
        rows[0]?.pid === (await other.query("select pg_backend_pid() as pid")).rows[0].pid,
      );
      found.push((await client.query({ text: "select $1::int", rowMode: "array" }, [7])).rows);
      const built = new (class {
        get text() {
          return "select $1::text as it";
        }
        values = ["built"];
      })();
      found.push((await client.query(built)).rows);
      await new Promise<void>((resolve) => {
        client.query("select 1 as one", (error, result) => {
          found.push(error, result.rows);
          resolve();
        });
      });
      found.push(client.escapeIdentifier('a"b'));
      client.release();
    });
    expect(await write(services, "alice", put("one"))).toBe("success");
    expect(found).toEqual([true, [[7]], [{ it: "built" }], null, [{ one: 1 }], '"a""b"']);
    expect(pool.totalCount).toBe(1);
  });

  it("is the caller's role under rls", async () => {
    const role = `services_${crypto.randomUUID().slice(0, 8)}`;
    await outside.query(`create role ${role} nologin`);
    const found: unknown[] = [];
    try {
      await outside.query(`grant all on lists, audit to ${role}`);
      await outside.query(`grant ${role} to current_user`);
      await outside.query("alter table lists enable row level security");
      await outside.query("create policy everybody on lists using (true) with check (true)");
      const services = around(async (client) => {
        const { rows } = await client.query<{ role: string }>("select current_user as role");
        found.push(rows[0]?.role);
        await drizzle(client).transaction((inner) => inner.execute(sql`select 1`));
      });
      const writes = createWrites({ ...configFor(db, services), rls: { role }, logger: false });
      const body = { client_id: "d", transaction_id: (transactionId += 1), crud: [put("one")] };
      const result = await writes.processTransaction(body, { principal: { userId: "alice" } });
      expect(result).toEqual({ status: "success" });
      expect(found).toEqual([role]);
    } finally {
      await outside.query("drop policy if exists everybody on lists");
      await outside.query("alter table lists disable row level security");
      await outside.query(`drop owned by ${role}`);
      await outside.query(`drop role ${role}`);
    }
  });

  it("takes nothing once the transaction has ended", async () => {
    let kept: pg.PoolClient | undefined;
    expect(
      await write(
        around((client) => void (kept = client)),
        "alice",
        put("one"),
      ),
    ).toBe("success");
    await expect(note(kept as pg.PoolClient, "late")).rejects.toThrow("has ended");
    expect((await state()).audit).toEqual([]);
  });

  it("tries again what others were in the way of, whatever a library makes of the error", async () => {
    const services = around(async (client, _tx, attempt) => {
      if (attempt === 1)
        await drizzle(client).execute(
          sql`do $$ begin raise exception 'In the way.' using errcode = '40001'; end $$`,
        );
    });
    expect(await write(services, "alice", put("one"))).toBe("success");
    expect(events.find((event) => event.type === "transaction")).toMatchObject({ attempts: 2 });
  });

  it("needs a guarded pool, and the transaction that it was given", async () => {
    expect(() => connectionOf(db)).toThrow(TypeError);
    const plain = new pg.Pool({ ...pool.options, max: 1 });
    const unguarded = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: plain }) });
    const writes = createWrites({
      ...configFor(
        unguarded,
        around((client) => note(client, "before")),
      ),
      logger: false,
      onEvent: (event) => void events.push(event),
    });
    try {
      const body = { client_id: "d", transaction_id: (transactionId += 1), crud: [put("one")] };
      const result = await writes.processTransaction(body, { principal: { userId: "alice" } });
      expect(result.status).toBe("retryable_error");
      expect(String((causes()[0] as Error).cause)).toContain("guardPool");
    } finally {
      await unguarded.destroy();
    }
  });
});

type Tx = Parameters<typeof connectionOf>[0];

describe.skipIf(!(await betterSqlite3.available()))("on SQLite", () => {
  it("what goes through the database object is in the transaction", async () => {
    const sqlite = new Database(":memory:");
    sqlite.exec("create table lists (id text primary key, name text, owner_id text)");
    sqlite.exec("create table audit (what text)");
    const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) });
    await createTables(db);
    const audit = (what: string) => sqlite.prepare("insert into audit values (?)").run([what]);
    const writes = createWrites<Principal, unknown>({
      authenticate: anonymous(),
      database: db,
      tables: { lists: { owner: "owner_id" } },
      hooks: {
        persist: {
          after: (_outcome, _context, { values }) => {
            sqlite.transaction(audit)("inner");
            audit("outer");
            if (values["name"] === "no") throw fatal("NO", "No.");
          },
        },
      },
      logger: false,
    });
    try {
      for (const name of ["no", "yes"]) {
        const body = { client_id: "d", transaction_id: (transactionId += 1), crud: [put(name)] };
        await writes.processTransaction(body, { principal: { userId: "alice" } });
      }
      expect(sqlite.prepare("select name from lists").all([])).toEqual([{ name: "yes" }]);
      expect(sqlite.prepare("select what from audit").all([])).toEqual([
        { what: "inner" },
        { what: "outer" },
      ]);
    } finally {
      await db.destroy();
    }
  });
});
