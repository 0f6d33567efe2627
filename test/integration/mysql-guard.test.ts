/** A guarded pool of mysql2: which statements it saves, and that nothing of the application's ever runs with the library's settings. */
import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, MysqlDialect, sql, type Transaction } from "kysely";
import type mysql from "mysql2";
import { createPool as createPromisePool } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/mysql2.js";
import {
  createTables,
  createWrites,
  type TransactionResult,
  type WritesConfig,
} from "../../src/index.js";
import {
  createMysqlDatabase,
  isChangingSettings,
  isPuttingBack,
  mysqlPool,
  mysqlTables,
} from "../support/mysql.js";
import type { TestSchema } from "../support/schema.js";
import { type MysqlServer, mysqlServers } from "../support/servers.js";
import { until } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

type Config = Partial<WritesConfig<TestPrincipal, TestSchema>>;
type Tx = Transaction<TestSchema>;

const alice = { principal: { userId: "alice" } };
const own = "set session time_zone = '+05:30', sql_mode = ''";
const state =
  "select @@session.time_zone as zone, @@session.sql_mode as mode, if(@@autocommit, 'on', 'off') as auto";
const ownState = { zone: "+05:30", mode: "", auto: "on" };

/** A machine that is busy for half a second makes a connection idle, so the count is taken a few times. */
async function fewest(count: () => Promise<number>): Promise<number> {
  let least = Infinity;
  for (let tries = 0; least > 0 && tries < 20; tries += 1) least = Math.min(least, await count());
  return least;
}

/** What the connection's commands have, as far as these tests read it. */
interface Command {
  sql?: string;
  readonly query?: string;
}

interface Sending {
  addCommand(command: Command): Command;
}

interface Closing {
  readonly stream: { end(): unknown; destroy(): unknown };
  close(): void;
}

function suite(server: MysqlServer): void {
  let url: string;
  let drop: () => Promise<void>;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    ({ url, drop } = await createMysqlDatabase(server));
    const db = new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool: mysqlPool(url) }) });
    for (const statement of mysqlTables(server)) await sql.raw(statement).execute(db);
    await sql`create procedure relax() set session sql_mode = ''`.execute(db);
    await createTables(db);
    await db.destroy();
  });
  afterAll(() => drop?.());
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** @param change what becomes of a command on its way to the server */
  const open = async (
    config: Config = {},
    change: (command: Command) => void = () => {},
    guarded = true,
  ) => {
    const sent: string[] = [];
    const pool = mysqlPool(url, { connectionLimit: 1 });
    // Before the guard's listener, so that the guard's own statements pass here, too.
    pool.on("connection", (connection) => {
      const sending = connection as unknown as Sending;
      const add = sending.addCommand.bind(connection);
      sending.addCommand = (command) => {
        change(command);
        sent.push(command.sql ?? command.query ?? command.constructor.name);
        return add(command);
      };
      connection.query(own);
    });
    const database = new Kysely<TestSchema>({
      dialect: new MysqlDialect({ pool: guarded ? guardPool(pool) : pool }),
    });
    closing.push(() => database.destroy());
    const writesWith = (more: Config) =>
      createWrites<TestPrincipal, TestSchema>({
        ...testConfig(database),
        ledger: { prune: false },
        ...config,
        ...more,
      });
    const sendTo = (writes: ReturnType<typeof writesWith>): Promise<TransactionResult> =>
      writes.processTransaction(
        {
          crud: [{ op: "PUT", table: "things", id: crypto.randomUUID(), op_data: { size: 1 } }],
        },
        alice,
      );
    const writes = writesWith({});
    const put = async (): Promise<void> => {
      expect(await sendTo(writes)).toEqual({ status: "success" });
    };
    // The schema is read once.
    await put();
    sent.length = 0;
    return { pool, database, sent, put, writesWith, sendTo };
  };

  const asked = (ask: (answer: (error: unknown, rows: unknown) => void) => unknown) =>
    new Promise((resolve, reject) => {
      ask((error, rows) => (error ? reject(error) : resolve((rows as unknown[])[0])));
    });

  it("needs no statement for the settings of transactions in quick succession", async () => {
    const { sent, put } = await open();
    const settings = await fewest(async () => {
      sent.length = 0;
      for (let n = 0; n < 5; n += 1) await put();
      expect(sent.filter((text) => text === "commit")).toHaveLength(5);
      return sent.filter((text) => text.startsWith("set")).length;
    });
    expect(settings).toBe(0);
  });

  it("restores them by itself when the connection is idle", async () => {
    const { sent, put, pool } = await open();
    await put();
    await until(() => sent.some(isPuttingBack));
    sent.length = 0;
    expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
    await sleep(1_200);
    expect(sent).toEqual([state]);
    await put();
    expect(sent.filter(isChangingSettings)).toHaveLength(1);
  });

  it.each<[string, (of: { pool: mysql.Pool; database: Kysely<TestSchema> }) => Promise<unknown>]>([
    ["pool.query", ({ pool }) => asked((answer) => pool.query(state, answer))],
    ["pool.execute", ({ pool }) => asked((answer) => pool.execute(state, answer))],
    [
      "the promises of mysql2",
      async ({ pool }) => ((await pool.promise().query(state))[0] as unknown[])[0],
    ],
    [
      "a connection of the pool's, and a transaction on it",
      async ({ pool }) => {
        const connection = await pool.promise().getConnection();
        await connection.beginTransaction();
        const [rows] = await connection.query(state);
        await connection.rollback();
        connection.release();
        return (rows as unknown[])[0];
      },
    ],
    [
      "a prepared statement",
      async ({ pool }) => {
        const connection = await pool.promise().getConnection();
        const statement = await connection.prepare(state);
        const [rows] = await statement.execute([]);
        await statement.close();
        connection.release();
        return (rows as unknown[])[0];
      },
    ],
    [
      "a stream",
      ({ pool }) =>
        new Promise((resolve, reject) => {
          pool.query(state).on("result", resolve).on("error", reject);
        }),
    ],
    [
      "the same Kysely object",
      async ({ database }) => (await sql.raw(state).execute(database)).rows[0],
    ],
    [
      "a transaction of Kysely's",
      async ({ database }) =>
        database.transaction().execute(async (tx) => (await sql.raw(state).execute(tx)).rows[0]),
    ],
  ])("has restored them for %s", async (_, ask) => {
    const { pool, database, put, sent } = await open();
    await put();
    expect(await ask({ pool, database })).toEqual(ownState);
    expect(sent.filter(isPuttingBack)).not.toEqual([]);
    // And the library's transactions have theirs again.
    sent.length = 0;
    await put();
    expect(sent.filter(isChangingSettings)).toHaveLength(1);
  });

  it("has restored them for whoever waits for the connection", async () => {
    const { pool, put } = await open();
    const [, ...states] = await Promise.all([
      put(),
      ...Array.from({ length: 3 }, () => asked((answer) => pool.query(state, answer))),
      put(),
      asked((answer) => pool.query(state, answer)),
    ]);
    expect(states.filter((each) => each !== undefined)).toEqual(Array(4).fill(ownState));
  });

  it.each<[string, (tx: Tx) => Promise<unknown>]>([
    ["a setting", (tx) => sql`set session sql_mode = ''`.execute(tx)],
    ["a setting, behind a comment", (tx) => sql`/* ours */ set sql_mode = ''`.execute(tx)],
    ["a call", (tx) => sql`call relax()`.execute(tx)],
  ])("are not kept where a hook has sent %s", async (_, hook) => {
    const seen: unknown[] = [];
    const { pool, put, sent } = await open({
      hooks: {
        persist: {
          before: async (input, { tx }) => {
            seen.push((await sql.raw(state).execute(tx)).rows[0]);
            await hook(tx);
            return input;
          },
        },
      },
    });
    seen.length = 0;
    await put();
    await put();
    expect(seen).toMatchObject(Array(2).fill({ zone: "+00:00", auto: "off" }));
    for (const { mode } of seen as { mode: string }[]) expect(mode).toContain("STRICT_ALL_TABLES");
    expect(sent.filter(isPuttingBack)).toHaveLength(2);
    expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
  });

  it("are kept where a hook has only read and written", async () => {
    const { put, sent } = await open({
      hooks: {
        persist: {
          before: async (input, { tx }) => {
            await tx.selectFrom("lists").selectAll().execute();
            await sql`insert into lists (id, name) values (uuid(), 'set session')`.execute(tx);
            return input;
          },
        },
      },
    });
    const settings = await fewest(async () => {
      sent.length = 0;
      await put();
      await put();
      return sent.filter((text) => text.startsWith("set")).length;
    });
    expect(settings).toBe(0);
  });

  it("are changed where another endpoint of the same pool asks for others", async () => {
    const { pool, put, writesWith, sendTo, sent } = await open();
    const other = writesWith({ isolation: "serializable" });
    expect(await sendTo(other)).toEqual({ status: "success" });
    expect(sent.filter(isChangingSettings)).toHaveLength(1);
    sent.length = 0;
    await put();
    expect(sent.filter(isChangingSettings)).toHaveLength(1);
    expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
  });

  it("let nothing run behind them where they can't be restored", async () => {
    let isBroken = false;
    const { pool, put } = await open({}, (command) => {
      if (isBroken && isPuttingBack(command.sql ?? "")) command.sql = "set @@session.nowhere = 1";
    });
    isBroken = true;
    await put();
    await expect(asked((answer) => pool.query(state, answer))).rejects.toThrow("nowhere");
    isBroken = false;
    expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
    await put();
  });

  it("do not stay where others can't be set in their place", async () => {
    let isBroken = false;
    const { pool, put, writesWith, sendTo } = await open({}, (command) => {
      if (isBroken && isChangingSettings(command.sql ?? "")) command.sql = "set @@nowhere = 1";
    });
    await put();
    isBroken = true;
    const other = writesWith({ isolation: "serializable", logger: false });
    expect(await sendTo(other)).toMatchObject({ status: "retryable_error" });
    isBroken = false;
    expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
    await put();
  });

  it.each([true, false])(
    "do not stay where only some could be set; guarded: %s",
    async (guarded) => {
      const { pool, put, writesWith, sendTo } = await open({}, undefined, guarded);
      // Left open by mistake: it refuses `autocommit`, after the other settings have been changed.
      await asked((answer) =>
        pool.query(`xa start '${crypto.randomUUID()}'`, () => answer(null, [])),
      );
      expect(await sendTo(writesWith({ logger: false }))).toMatchObject({
        status: "retryable_error",
      });
      expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
      await put();
    },
  );

  it("need no statement where the pool is closed, so that a lost server can't fail that", async () => {
    const { pool, put, sent } = await open();
    closing.length = 0;
    const closed = new Promise((resolve) => {
      // At that moment they have just been kept, even on a busy machine.
      pool.once("release", () => {
        sent.length = 0;
        pool.end(resolve);
      });
    });
    await put();
    expect(await closed).toBeUndefined();
    expect(sent).toEqual(["Quit"]);
  });

  it("cause no second error on a connection that is lost and whose end is not confirmed", async () => {
    const { pool, put } = await open();
    const released = new Promise<mysql.PoolConnection>((resolve) => pool.once("release", resolve));
    await put();
    const lost = (await released) as mysql.PoolConnection & Closing;
    const errors: unknown[] = [];
    lost.on("error", (error) => errors.push(error));
    // As the driver does it when the server's last words are an error.
    lost.stream.end = () => lost.stream;
    lost.emit("error", new Error("Lost."));
    lost.close();
    await sleep(1_200);
    lost.stream.destroy();
    expect(errors).toEqual([new Error("Lost.")]);
    expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
  });

  it("are restored after a failure, too, and the pool can be closed at any time", async () => {
    const { pool, database, writesWith, sendTo, sent } = await open();
    closing.length = 0;
    const failing = writesWith({
      hooks: { persist: { after: () => Promise.reject(new Error("A bug.")) } },
      logger: false,
    });
    expect(await sendTo(failing)).toMatchObject({ status: "retryable_error" });
    expect(sent).toContain("rollback");
    expect(await asked((answer) => pool.query(state, answer))).toEqual(ownState);
    await sendTo(writesWith({}));
    await database.destroy();
    await expect(asked((answer) => pool.query(state, answer))).rejects.toThrow("closed");
  });
}

for (const server of mysqlServers) {
  describe.skipIf(!(await server.available()))(`settings on a guarded pool on ${server.name}`, () =>
    suite(server),
  );
}

describe("guardPool of mysql2", () => {
  const pool = () => mysqlPool("mysql://localhost:1/none");

  it("says what it takes, where it is given a URL", () => {
    expect(() => guardPool("mysql://localhost:1/none" as never)).toThrow(
      "guardPool: give it a pool of mysql2, as in guardPool(createPool({ uri })).",
    );
  });

  it("gives the same pool back, and adds nothing the second time", () => {
    const one = pool();
    expect(guardPool(one)).toBe(one);
    const counts = () => ["connection", "acquire"].map((event) => one.listenerCount(event));
    expect(counts()).toEqual([1, 1]);
    guardPool(one);
    expect(counts()).toEqual([1, 1]);
  });

  it("refuses a pool of mysql2/promise, for which Kysely would wait without end", () => {
    const one = createPromisePool("mysql://localhost:1/none");
    expect(() => guardPool(one)).toThrow("guardPool(pool.pool)");
    expect(guardPool(one.pool)).toBe(one.pool);
  });

  it("leaves a driver alone whose commands it can't see", () => {
    const listeners: ((connection: never) => void)[] = [];
    guardPool({ on: (_, listener) => listeners.push(listener as never) });
    const query = () => "sent";
    const connection = { query };
    for (const listener of listeners) listener(connection as never);
    expect(connection).toEqual({ query });
  });
});
