/** Database work that does not come to an end: the caller is answered in time, and nothing is lost, left running or applied twice. */
import { Kysely, type Logger, MysqlDialect, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createWrites, type WriteEvent, type Writes, type WritesConfig } from "../../src/index.js";
import { createCuttingProxy, type CuttingProxy } from "../support/cutting-proxy.js";
import {
  betterSqlite3,
  databases,
  mariadb,
  mysql,
  postgres,
  type TestDatabase,
  type TestDialect,
} from "../support/databases.js";
import { mysqlPool } from "../support/mysql.js";
import type { TestSchema } from "../support/schema.js";
import { type MysqlServer, mysqlServers, postgresUrl } from "../support/servers.js";
import { until } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

type Config = WritesConfig<TestPrincipal, TestSchema>;

const principal: TestPrincipal = { userId: "alice" };
const put = (op_id = 1) => ({
  client_id: "phone",
  crud: [
    {
      op: "PUT",
      table: "lists",
      id: `11111111-1111-4111-8111-${String(op_id).padStart(12, "0")}`,
      op_id,
      op_data: { name: `list ${op_id}` },
    },
  ],
});
const tooLong = {
  status: "retryable_error",
  message: "The database is taking too long right now.",
};

/** What a device does: it sends the same again until it is through. */
async function repeated(writes: Writes<TestPrincipal>, transaction: object): Promise<void> {
  await until(
    async () => (await writes.processTransaction(transaction, { principal })).status === "success",
  );
}

/** Sent again where a busy machine is so slow that it is given up before the moment that is meant. */
async function sentUntil(
  met: () => boolean,
  writes: Writes<TestPrincipal>,
  transaction: object,
): Promise<void> {
  do {
    expect(await writes.processTransaction(transaction, { principal })).toEqual(tooLong);
  } while (!met());
}

/** Whether it has settled by now. */
function settled(promise: Promise<unknown>): () => boolean {
  let is = false;
  void promise.then(() => (is = true));
  return () => is;
}

const closing: (() => Promise<unknown>)[] = [];
const uncaught: unknown[] = [];
const onUncaught = (error: unknown) => void uncaught.push(error);
beforeEach(() => {
  process.on("unhandledRejection", onUncaught).on("uncaughtException", onUncaught);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  process.off("unhandledRejection", onUncaught).off("uncaughtException", onUncaught);
  expect(uncaught.splice(0)).toEqual([]);
});

interface Opened {
  readonly proxy: CuttingProxy;
  /** The write path's, through the proxy. */
  readonly db: Kysely<TestSchema>;
  /** Past the proxy. */
  readonly direct: TestDatabase;
  /** Connections that the pool counts as its own. */
  pooled(): number;
}

interface Server {
  readonly name: string;
  readonly dialect: TestDialect;
  /** As they look on the wire. On MySQL the settings begin the transaction. */
  readonly begin: string;
  readonly commit: string;
  open(connections: number, log?: Logger): Promise<Opened>;
}

async function open(
  dialect: TestDialect,
  serverUrl: string,
  defaultPort: number,
  currentDatabase: string,
  connect: (url: string) => Pick<Opened, "db" | "pooled">,
): Promise<Opened> {
  const direct = await dialect.open();
  closing.push(() => direct.close());
  const url = new URL(serverUrl);
  const protocol = dialect.family === "mysql" ? "mysql" : "postgres";
  const proxy = await createCuttingProxy(Number(url.port) || defaultPort, protocol);
  closing.push(() => proxy.close());
  const { rows } = await sql<{ name: string }>`select ${sql.raw(currentDatabase)} as name`.execute(
    direct.db,
  );
  url.port = String(proxy.port);
  url.pathname = `/${rows[0]?.name}`;
  const { db, pooled } = connect(url.href);
  closing.push(() => db.destroy());
  return { proxy, db, direct, pooled };
}

const servers: readonly Server[] = [
  onPostgres("Postgres", true),
  onPostgres("Postgres, step by step,", false),
  ...mysqlServers.map(onMysqlServer),
];

function onPostgres(name: string, flights: boolean): Server {
  return {
    name,
    dialect: postgres,
    begin: "begin",
    commit: "commit\0",
    open: (max, log) =>
      open(postgres, postgresUrl, 5432, "current_database()", (connectionString) => {
        // No `query_timeout`: it is the library that must not wait. A connection that is well and idle goes soon, so that the pool counts the others.
        const pool = guardPool(new pg.Pool({ connectionString, max, idleTimeoutMillis: 50 }), {
          flights,
        });
        return {
          db: new Kysely({ dialect: new PostgresDialect({ pool }), ...(log && { log }) }),
          pooled: () => pool.totalCount,
        };
      }),
  };
}

function onMysqlServer(server: MysqlServer): Server {
  const dialect = server.name === "MySQL" ? mysql : mariadb;
  return {
    name: dialect.name,
    dialect,
    begin: "set @powersync_writes = 1",
    // MySQL is told before the text that no attributes come with it.
    commit: dialect === mysql ? "\u0003\0\u0001commit" : "\u0003commit",
    open: (connectionLimit, log) =>
      open(dialect, server.url, 3306, "database()", (url) => {
        const pool = mysqlPool(url, { connectionLimit });
        let count = 0;
        pool.on("connection", (connection) => {
          count += 1;
          // mysql2 tells of the end of one that it destroys itself to nobody but the stream.
          const { stream } = connection as unknown as { stream: NodeJS.EventEmitter };
          stream.once("close", () => {
            count -= 1;
          });
        });
        return {
          db: new Kysely({ dialect: new MysqlDialect({ pool }), ...(log && { log }) }),
          pooled: () => count,
        };
      }),
  };
}

for (const { name, dialect, begin, commit, open } of servers) {
  const available = await dialect.available();

  describe.skipIf(!available)(`${name} behind a network that goes silent`, () => {
    const writesOn = (db: Kysely<TestSchema>, config: Partial<Config> = {}) => {
      const events: WriteEvent[] = [];
      const writes = createWrites<TestPrincipal, TestSchema>({
        ...testConfig(db),
        timeouts: { transactionMs: 400, statementMs: 1_000 },
        onEvent: (event) => void events.push(event),
        ...config,
      });
      return { writes, events };
    };

    it.each([
      ["before BEGIN", begin],
      ["in the middle", "lists"],
      ["at COMMIT", commit],
    ])("%s: is answered in time, and its connection replaced", async (_when, at) => {
      const { proxy, db, direct, pooled } = await open(1);
      const { writes, events } = writesOn(db);
      // Whatever is read once has been read: the silence is to meet the transaction itself.
      await repeated(writes, put(1));
      events.length = 0;
      // The silence has no end of its own: that there is an answer is the time's doing.
      await sentUntil(settled(proxy.cut({ at, lose: "silence" })), writes, put(2));
      const [error] = events.filter((event) => event.type === "error");
      expect(error?.outcome).toBe("retryable");
      expect(error?.error).toMatchObject({
        cause: { message: expect.stringMatching(/not ended after 400 ms/) },
      });
      // Its pool of one connection has room again; and what the server holds for it is free once it has been idle too long.
      await until(() => pooled() === 0);
      await repeated(writes, put(2));
      expect(await direct.db.selectFrom("lists").select("name").orderBy("name").execute()).toEqual([
        { name: "list 1" },
        { name: "list 2" },
      ]);
    });

    it.skipIf(dialect.family !== "mysql")(
      "behind COMMIT, where settings are put back: is answered as it is, and its connection replaced",
      async () => {
        const { proxy, db, direct, pooled } = await open(1);
        const { writes } = writesOn(db, {
          timeouts: { transactionMs: 30_000, statementMs: 20_000 },
        });
        await repeated(writes, put(1));
        // Whoever waits for the pool's one connection waits until it has been put back.
        await db.selectFrom("lists").select("id").execute();
        const cut = proxy.cut({ at: "set @powersync_writes = null", lose: "silence" });
        expect(await writes.processTransaction(put(2), { principal })).toEqual({
          status: "success",
        });
        await cut;
        await until(() => pooled() === 0);
        await repeated(writes, put(3));
        expect(await direct.db.selectFrom("lists").select("name").execute()).toHaveLength(3);
      },
    );

    it("answers a COMMIT that was heeded and not heard of from the ledger", async () => {
      const { proxy, db, direct } = await open(1);
      const { writes } = writesOn(db);
      await repeated(writes, put(1));
      await sentUntil(settled(proxy.cut({ at: commit, lose: "hearing" })), writes, put(2));
      // Its COMMIT is on its way.
      await until(
        async () => (await direct.db.selectFrom("lists").select("id").execute()).length === 2,
      );
      await direct.db.updateTable("lists").set({ name: "by another" }).execute();
      await repeated(writes, put(2));
      expect(await direct.db.selectFrom("lists").select("name").execute()).toEqual([
        { name: "by another" },
        { name: "by another" },
      ]);
    });

    it("does not hang a drain, whose requests have all been answered", async () => {
      const { proxy, db, pooled } = await open(6);
      const { writes } = writesOn(db);
      void proxy.cut({ at: begin, lose: "silence", always: true });
      const results = await Promise.all(
        [1, 2, 3, 4, 5, 6].map((op) => writes.processTransaction(put(op), { principal })),
      );
      expect(results).toEqual(results.map(() => tooLong));
      // In no time at all.
      expect(await writes.drain(0)).toBe(true);
      // Pools wait for the answers of connections that they still have when they are ended.
      await until(() => pooled() === 0);
    });
  });

  describe.skipIf(!available)(`${name} with no connection to spare`, () => {
    it("answers who has waited too long for one, and begins nothing when there is one", async () => {
      const statements: string[] = [];
      const { db } = await open(1, (event) => void statements.push(event.query.sql));
      const writes = createWrites<TestPrincipal, TestSchema>({
        ...testConfig(db),
        timeouts: { transactionMs: 200 },
      });
      await holding(db, async () => {
        statements.length = 0;
        expect(await writes.processTransaction(put(), { principal })).toEqual(tooLong);
      });
      await db.selectFrom("lists").selectAll().execute();
      expect(statements.filter((text) => /begin|start|set/.test(text))).toEqual([]);
    });

    it("begins nothing for a caller who has left while waiting", async () => {
      const statements: string[] = [];
      const { db } = await open(1, (event) => void statements.push(event.query.sql));
      const writes = createWrites<TestPrincipal, TestSchema>(testConfig(db));
      const caller = new AbortController();
      let gone: Promise<unknown> = Promise.resolve();
      let other: Promise<unknown> = Promise.resolve();
      await holding(db, async () => {
        statements.length = 0;
        gone = writes.processTransaction(put(), { principal, signal: caller.signal });
        await new Promise((resolve) => setTimeout(resolve, 20));
        // The same device, come again: it shares the wait, and has not left.
        other = writes.processTransaction(put(), { principal });
        await new Promise((resolve) => setTimeout(resolve, 20));
        caller.abort();
      });
      expect(await gone).toEqual({
        status: "retryable_error",
        message: "The caller disconnected before the transaction was tried.",
      });
      expect(await other).toEqual({ status: "success" });
      expect(
        statements.filter((text) =>
          /^(?:begin|start transaction|set @powersync_writes = 1)/.test(text),
        ),
      ).toHaveLength(1);
    });
  });
}

async function holding(db: Kysely<TestSchema>, run: () => Promise<void>): Promise<void> {
  await db.connection().execute(run);
}

for (const dialect of databases) {
  const available = await dialect.available();

  describe.skipIf(!available)(`${dialect.name} and a hook that never returns`, () => {
    it("is answered in time; what it had written is undone, and its connection free", async () => {
      const database = await dialect.open({ connections: 1 });
      closing.push(() => database.close());
      let hang = true;
      let goOn: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let late: Promise<unknown> | undefined;
      const writes = createWrites<TestPrincipal, TestSchema>({
        ...testConfig(database.db),
        timeouts: { transactionMs: 300 },
        hooks: {
          persist: {
            after: async (_outcome, { tx }) => {
              if (!hang) return;
              hang = false;
              await gate;
              late = tx.insertInto("lists").values({ id: crypto.randomUUID() }).execute();
              await late;
            },
          },
        },
      });
      await sentUntil(() => !hang, writes, put());
      await repeated(writes, put());
      goOn();
      await until(() => late !== undefined);
      await expect(late).rejects.toThrow(/^The transaction has ended/);
      expect(await database.db.selectFrom("lists").select("name").execute()).toEqual([
        { name: "list 1" },
      ]);
    });
  });
}

describe("a request that takes too long", () => {
  it("ends between two transactions: what has been applied is answered, the rest comes again", async () => {
    const database = await betterSqlite3.open();
    closing.push(() => database.close());
    // The only time that passes here is what the hook lets pass.
    vi.useFakeTimers({ toFake: ["performance"] });
    closing.push(async () => vi.useRealTimers());
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(database.db),
      timeouts: { requestMs: 100 },
      hooks: {
        persist: { after: () => void vi.advanceTimersByTime(60) },
      },
    });
    const transactions = [1, 2, 3, 4].map((op) => ({ crud: put(op).crud }));
    const results = await writes.processBatch({ client_id: "phone", transactions }, { principal });
    expect(results).toEqual([
      { status: "success" },
      { status: "success" },
      { status: "retryable_error", message: "The request took too long. Send the rest again." },
      { status: "not_attempted" },
    ]);
  });
});
