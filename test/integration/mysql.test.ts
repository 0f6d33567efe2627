/** What is special about MySQL and MariaDB: locks and waits, connections that die, settings that outlive a transaction. */
import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, MysqlDialect, sql } from "kysely";
import mysql from "mysql2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/mysql2.js";
import {
  createTables,
  createWrites,
  type TransactionResult,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { createMysqlDatabase, mysqlPool, mysqlTables, packetOf } from "../support/mysql.js";
import { type TestSchema, tableNames } from "../support/schema.js";
import { type MysqlServer, mysqlServers } from "../support/servers.js";
import { createProxy } from "../support/proxy.js";
import { until } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const alice = { principal: { userId: "alice" } };
/** What the library changes of a session, on each server. */
const settings = {
  MariaDB: ["max_statement_time", "idle_transaction_timeout"],
  MySQL: ["max_execution_time"],
  both: ["innodb_lock_wait_timeout", "lock_wait_timeout", "wait_timeout", "time_zone", "sql_mode"],
} as const;

type Config = Partial<WritesConfig<TestPrincipal, TestSchema>>;

function suite(server: MysqlServer): void {
  let url: string;
  let drop: () => Promise<void>;
  /** The tests' own view. */
  let db: Kysely<TestSchema>;
  const closing: (() => Promise<unknown>)[] = [];
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => void uncaught.push(error);

  beforeAll(async () => {
    ({ url, drop } = await createMysqlDatabase(server));
    db = connect();
    for (const statement of mysqlTables(server)) await sql.raw(statement).execute(db);
    await createTables(db);
    process.on("uncaughtException", onUncaught);
  });
  afterAll(async () => {
    process.off("uncaughtException", onUncaught);
    await db?.destroy();
    await drop?.();
  });
  beforeEach(async () => {
    for (const table of tableNames) await db.deleteFrom(table).execute();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    expect(uncaught.splice(0)).toEqual([]);
  });

  let isGuarded = false;
  /** @param setUp what the application does to each of its connections */
  const connect = (options: mysql.PoolOptions = {}, setUp?: string): Kysely<TestSchema> => {
    const pool = isGuarded ? guardPool(mysqlPool(url, options)) : mysqlPool(url, options);
    if (setUp !== undefined) pool.on("connection", (connection) => connection.query(setUp));
    return new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool }) });
  };

  const open = (config: Config = {}, options: mysql.PoolOptions = {}, setUp?: string) => {
    const database = connect(options, setUp);
    closing.push(() => database.destroy());
    const events: WriteEvent[] = [];
    const onEvent = (event: WriteEvent) => void events.push(event);
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(database),
      onEvent,
      ...config,
    });
    /** One transaction, of a client without a name unless it has one. */
    const send = (crud: readonly object[], client_id?: string): Promise<TransactionResult> =>
      writes.processTransaction({ transaction_id: 1, crud, client_id }, alice);
    return { send, events, database, ready: () => writes.ready() };
  };

  const thing = (op_data: object, id: string = crypto.randomUUID()) => ({
    op: "PUT",
    table: "things",
    id,
    op_data,
  });
  const statusesOf = (results: readonly TransactionResult[]) =>
    results.map((result) =>
      result.status === "fatal_error" ? result.failedOperation.errorCode : result.status,
    );
  const times = <T>(number: number, make: (index: number) => T) =>
    Array.from({ length: number }, (_, index) => make(index));

  describe("transactions that meet", () => {
    it("make one row of one new key, and lose none of them", async () => {
      const { send, events } = open({}, { connectionLimit: 20 });
      for (let round = 0; round < 5; round += 1) {
        const id = crypto.randomUUID();
        const results = await Promise.all(times(20, (size) => send([thing({ size }, id)])));
        expect(new Set(statusesOf(results))).toEqual(new Set(["success"]));
        expect(
          await db.selectFrom("things").where("id", "=", id).select("id").execute(),
        ).toHaveLength(1);
      }
      expect(events.filter((each) => each.type === "error" && each.outcome === "fatal")).toEqual(
        [],
      );
    });

    it("change rows in crossing orders, and lose none of them", async () => {
      const { send } = open({}, { connectionLimit: 8 });
      const ids = times(4, () => crypto.randomUUID() as string);
      const results = await Promise.all(
        times(24, async (size) => {
          const crud = (size % 2 === 0 ? ids : ids.toReversed()).map((id) => thing({ size }, id));
          // As a device does: again, for as long as the answer is to try again.
          for (let tries = 1; ; tries += 1) {
            const result = await send(crud);
            if (result.status !== "retryable_error" || tries === 10) return result;
          }
        }),
      );
      expect(new Set(statusesOf(results))).toEqual(new Set(["success"]));
      const rows = await db.selectFrom("things").select("size").execute();
      expect(new Set(rows.map(({ size }) => size)).size).toBe(1);
    });

    it("let one have a unique value, and change nothing of its row", async () => {
      const { send } = open();
      const results = await Promise.all(times(10, (size) => send([thing({ code: "one", size })])));
      expect(statusesOf(results).toSorted()).toEqual([
        ...times(9, () => "UNIQUE_VIOLATION"),
        "success",
      ]);
      const size = results.findIndex(({ status }) => status === "success");
      expect(await db.selectFrom("things").select(["code", "size"]).execute()).toEqual([
        { code: "one", size },
      ]);
    });

    it.each(["repeatable read", "serializable"] as const)(
      "are not taken for a violation of a unique value at %s",
      async (isolation) => {
        const { send } = open({ isolation }, { connectionLimit: 8 });
        const id = crypto.randomUUID();
        const results = await Promise.all(times(8, (size) => send([thing({ size }, id)])));
        expect(statusesOf(results)).not.toContain("UNIQUE_VIOLATION");
        expect(statusesOf(results)).toContain("success");
      },
    );

    it("apply what two processes were sent once", async () => {
      const [one, other] = [open(), open()];
      const sendTo = (index: number) => (index % 2 === 0 ? one : other).send;
      const crud = times(3, (index) => ({ op_id: index + 1, ...thing({ size: index }) }));
      const bad = { op_id: 9, ...thing({ size: -1 }) };
      const applied = await Promise.all(times(20, (index) => sendTo(index)(crud, "device")));
      expect(new Set(applied.map(({ status }) => status))).toEqual(new Set(["success"]));
      const failed = await Promise.all(times(20, (index) => sendTo(index)([bad], "device")));
      expect(failed).toEqual(failed.map(() => failed[0]));
      expect(failed[0]).toMatchObject({ failedOperation: { errorCode: "CHECK_VIOLATION" } });
      expect(await db.selectFrom("powersync_ledger").selectAll().execute()).toHaveLength(2);
      expect(await db.selectFrom("powersync_dead_letters").selectAll().execute()).toHaveLength(1);
      expect(await db.selectFrom("things").selectAll().execute()).toHaveLength(3);
    });

    it("wait for a lock as long as they may, and are retryable then", async () => {
      const { send } = open({ timeouts: { lockMs: 1_000 } });
      const id = crypto.randomUUID();
      await send([thing({ size: 1 }, id)]);
      await db.transaction().execute(async (tx) => {
        await tx.updateTable("things").set({ size: 2 }).where("id", "=", id).execute();
        const started = performance.now();
        expect(await send([thing({ size: 3 }, id)])).toMatchObject({ status: "retryable_error" });
        // The server's own bound is 50 seconds.
        expect(performance.now() - started).toBeLessThan(30_000);
      });
      expect(await send([thing({ size: 3 }, id)])).toEqual({ status: "success" });
    });

    it("don't wait for a change of the table without bound", async () => {
      const { send } = open({ timeouts: { lockMs: 1_000 } });
      await db.connection().execute(async (holder) => {
        await sql`lock tables things write`.execute(holder);
        try {
          expect(await send([thing({ size: 1 })])).toMatchObject({ status: "retryable_error" });
        } finally {
          await sql`unlock tables`.execute(holder);
        }
      });
    });
  });

  it("makes its tables from many processes at once", async () => {
    const empty = await createMysqlDatabase(server);
    const several = times(8, () => {
      const pool = mysqlPool(empty.url, { connectionLimit: 1 });
      return new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool }) });
    });
    try {
      await Promise.all(several.map((each) => createTables(each)));
      await Promise.all(several.map((each) => createTables(each)));
      const made = (await several[0]?.introspection.getTables())?.map(({ name }) => name);
      expect(made).toEqual(
        expect.arrayContaining([
          "powersync_dead_letters",
          "powersync_ledger",
          "powersync_migrations",
        ]),
      );
    } finally {
      for (const each of several) await each.destroy();
      await empty.drop();
    }
  });

  describe("a connection that dies", () => {
    const during = (
      what: (database: Kysely<TestSchema>, id: number) => Promise<unknown>,
    ): Config => ({
      hooks: {
        persist: {
          after: async (_outcome, { tx }) => {
            const { rows } = await sql<{ id: number }>`select connection_id() as id`.execute(tx);
            await what(tx, rows[0]?.id ?? 0);
          },
        },
      },
    });
    const kill = (id: number, what = "connection") =>
      sql`kill ${sql.raw(what)} ${sql.lit(id)}`.execute(db);
    /** What the connection is at, as the server sees it; nothing where it is gone. */
    const statementOf = async (id: number): Promise<string | undefined> => {
      const { rows } = await sql<{
        info: string | null;
      }>`select info from information_schema.processlist where id = ${id}`.execute(db);
      return rows[0] && (rows[0].info ?? "");
    };
    const asleep = (id: number) =>
      until(async () => (await statementOf(id))?.includes("sleep(") === true);

    it.each<[string, Config, mysql.PoolOptions?]>([
      ["between two statements", during(async (_tx, id) => (await kill(id), sleep(100)))],
      [
        "in the middle of a statement",
        during(async (tx, id) =>
          Promise.all([sql`do sleep(60)`.execute(tx), asleep(id).then(() => kill(id))]),
        ),
      ],
      [
        "not, but its statement",
        during(async (tx, id) =>
          Promise.all([
            sql`update things set size = 1 where sleep(60) = 0`.execute(tx),
            asleep(id).then(() => kill(id, "query")),
          ]),
        ),
      ],
      [
        "over a packet that is too large",
        during(async (tx) =>
          sql`select length(${"x".repeat((await packetOf(tx)) + 2 ** 20)})`.execute(tx),
        ),
      ],
    ])("%s leaves a retryable answer, and the process alive", async (_when, config) => {
      const { send, database } = open(config, { connectionLimit: 2 });
      expect(await send([thing({ size: 1 })], "device")).toMatchObject({
        status: "retryable_error",
      });
      expect(await database.selectFrom("things").selectAll().execute()).toEqual([]);
      expect(await db.selectFrom("powersync_ledger").selectAll().execute()).toEqual([]);
    });

    it("while nobody uses it is replaced", async () => {
      const { send, database } = open({}, { connectionLimit: 1 });
      const { rows } = await sql<{ id: number }>`select connection_id() as id`.execute(database);
      const id = rows[0]?.id ?? 0;
      await kill(id);
      await until(async () => (await statementOf(id)) === undefined);
      // The news is on its way to the pool; until it is there, the dead one is tried.
      await until(async () => {
        const { status } = await send([thing({ size: 1 })]);
        if (status !== "success") expect(status).toBe("retryable_error");
        return status === "success";
      });
    });

    it.each<[string, mysql.PoolOptions]>([
      ["no server", { port: 1 }],
      ["a wrong password", { user: "nobody", password: "wrong" }],
      ["no database of that name", { database: "no_such_database" }],
    ])("before it begins, for %s, is retryable", async (_why, options) => {
      const { hostname, port, username, pathname } = new URL(url);
      const server = {
        host: hostname,
        port: Number(port),
        user: username,
        database: pathname.slice(1),
      };
      const pool = mysql.createPool({ ...server, ...options });
      const database = new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool }) });
      const { send, events } = open({ database });
      expect(await send([thing({ size: 1 })], "device")).toMatchObject({
        status: "retryable_error",
        message: "The database can't be reached right now.",
      });
      expect(events.find(({ type }) => type === "error")).toMatchObject({ during: "begin" });
    });

    it("is retryable for as long as the server is away, and forgotten when it is back", async () => {
      const proxy = await createProxy(Number(new URL(url).port || 3306), "mysql");
      closing.push(proxy.close);
      const { send } = open({}, { host: "127.0.0.1", port: proxy.port, connectionLimit: 2 });
      const [before, after, poison] = [thing({ size: 1 }), thing({ size: 2 }), thing({ size: -1 })];
      expect(await send([before], "device")).toEqual({ status: "success" });
      await proxy.down();
      for (const each of [before, after, poison, after]) {
        expect(await send([each], "device")).toMatchObject({ status: "retryable_error" });
      }
      expect(await db.selectFrom("powersync_dead_letters").selectAll().execute()).toEqual([]);
      await proxy.up();
      expect(await send([after], "device")).toEqual({ status: "success" });
      expect(statusesOf([await send([poison], "device")])).toEqual(["CHECK_VIOLATION"]);
      expect(await db.selectFrom("things").selectAll().execute()).toHaveLength(2);
    });

    it("because the pool is at its end is retryable", async () => {
      const full = open({}, { connectionLimit: 1, waitForConnections: false });
      await full.database.connection().execute(async () => {
        expect(await full.send([thing({ size: 1 })])).toMatchObject({ status: "retryable_error" });
      });
    });

    it("because the pool has been closed is retryable", async () => {
      const pool = mysqlPool(url);
      const database = new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool }) });
      const { send } = open({ database });
      await pool.promise().end();
      expect(await send([thing({ size: 1 })])).toMatchObject({ status: "retryable_error" });
    });
  });

  describe.each([
    ["the session", false],
    ["the session of a guarded pool", true],
  ])("%s", (_, guarded) => {
    beforeAll(() => void (isGuarded = guarded));
    afterAll(() => void (isGuarded = false));
    const lax = "set session sql_mode = 'NO_BACKSLASH_ESCAPES', time_zone = '+05:30'";
    const one = { connectionLimit: 1 };
    const stateOf = async (database: Kysely<TestSchema>) => {
      const names = [...settings.both, ...settings[server.name]];
      const columns = names.map((name) => sql.raw(`@@session.${name} as ${name}`));
      const { rows } = await sql`select ${sql.join(columns)}`.execute(database);
      return rows[0];
    };

    it("is put back as it was, after a success and after a failure", async () => {
      const { send, database } = open({}, one, lax);
      const before = await stateOf(database);
      expect(before).toMatchObject({ sql_mode: "NO_BACKSLASH_ESCAPES", time_zone: "+05:30" });
      expect(await send([thing({ size: 1 })])).toMatchObject({ status: "success" });
      expect(await stateOf(database)).toEqual(before);
      expect(await send([thing({ size: -1 })])).toMatchObject({ status: "fatal_error" });
      expect(await stateOf(database)).toEqual(before);
    });

    it("ends a transaction whose client is silent for longer than a statement may take", async () => {
      const bounds: Record<string, number> = {};
      const { send } = open({
        timeouts: { statementMs: 2_000 },
        hooks: {
          persist: {
            after: async (_outcome, { tx }) => {
              const { rows } = await sql<{
                Variable_name: string;
                Value: string;
              }>`show session variables where variable_name in ('wait_timeout', 'idle_transaction_timeout')`.execute(
                tx,
              );
              for (const { Variable_name, Value } of rows) bounds[Variable_name] = Number(Value);
            },
          },
        },
      });
      expect(await send([thing({ size: 1 })])).toEqual({ status: "success" });
      expect(bounds).toEqual({
        wait_timeout: 2,
        ...(server.name === "MariaDB" && { idle_transaction_timeout: 2 }),
      });
    });

    it.each([
      ["sql_mode", "'PAD_CHAR_TO_FULL_LENGTH'"],
      ["autocommit", "0"],
      ["completion_type", "1"],
      ["completion_type", "2"],
      ["sql_select_limit", "2"],
      ["sql_safe_updates", "1"],
      ["sql_big_selects", "0"],
      ["sql_auto_is_null", "1"],
      ["max_join_size", "1"],
    ])("is no hindrance with %s = %s, and is put back", async (name, value) => {
      await sql`drop table if exists padded`.execute(db);
      await sql`create table padded (id varchar(40) primary key, owner_id char(20), a int, b int, c int)`.execute(
        db,
      );
      const tables = { padded: { owner: "owner_id" } } as unknown as Config["tables"];
      const set = `set session ${name} = ${value}`;
      const { send, database } = open(
        { tables: tables as NonNullable<Config["tables"]> },
        one,
        set,
      );
      const before = await sql`select ${sql.raw(`@@session.${name} as value`)}`.execute(database);
      const id = crypto.randomUUID();
      const of = { table: "padded", id };
      const results = [
        await send([{ op: "PUT", ...of, op_data: { a: 1, b: 2, c: 3 } }]),
        await send([{ op: "PATCH", ...of, op_data: { c: 4 } }]),
        await send([{ op: "PUT", ...of, op_data: { b: 5 } }]),
        await send([{ op: "PUT", ...of, op_data: { nowhere: 5 } }]),
      ];
      expect(statusesOf(results)).toEqual(["success", "success", "success", "FORBIDDEN_COLUMN"]);
      // For everybody else, too: nothing is left in a transaction.
      const { rows } = await sql`select owner_id, a, b, c from padded`.execute(db);
      expect(rows).toEqual([{ owner_id: "alice", a: 1, b: 5, c: 4 }]);
      const after = await sql`select ${sql.raw(`@@session.${name} as value`)}`.execute(database);
      expect(after.rows).toEqual(before.rows);
      expect(await send([{ op: "DELETE", ...of }])).toEqual({ status: "success" });
    });

    it("escapes text as the driver does, whatever the server's mode", async () => {
      const { send } = open({}, one, lax);
      const id = crypto.randomUUID();
      const name = String.raw`\' or 1 = 1; drop table lists; -- \\' "`;
      expect(await send([{ op: "PUT", table: "lists", id, op_data: { name } }])).toEqual({
        status: "success",
      });
      expect(await db.selectFrom("lists").select("name").execute()).toEqual([{ name }]);
    });

    it("refuses what does not fit, also where the server's mode is lax", async () => {
      const { send } = open({}, one, lax);
      await sql`create table if not exists lax (id integer primary key, note text not null, at time check (at > 0))`.execute(
        db,
      );
      const put = (op_data: object) => ({ op: "PUT", table: "lax", id: "1", op_data });
      const { send: sendLax } = open(
        { tables: { lax: { access: "everyone" } } as unknown as NonNullable<Config["tables"]> },
        one,
        lax,
      );
      expect(
        statusesOf([await sendLax([put({})]), await sendLax([put({ note: "x".repeat(70_000) })])]),
      ).toEqual(["NOT_NULL_VIOLATION", "INVALID_DATA"]);
      expect(statusesOf([await send([thing({ code: "longer than eight" })])])).toEqual([
        "INVALID_DATA",
      ]);
    });

    it.each(["SYSTEM", "+05:30", "-11:00"])(
      "stores the instant that was sent, in the zone %s",
      async (zone) => {
        const { send } = open({}, one, `set session time_zone = '${zone}'`);
        const id = crypto.randomUUID();
        // The hour that Europe has twice, and a fraction that a Date has not.
        const sent = ["2026-10-25T02:30:00.000001+02:00", "2026-10-25T02:30:00.000001+01:00"];
        const stored: unknown[] = [];
        for (const created_at of sent) {
          expect(await send([{ op: "PUT", table: "lists", id, op_data: { created_at } }])).toEqual({
            status: "success",
          });
          const { rows } = await sql`select unix_timestamp(created_at) as at from lists`.execute(
            db,
          );
          stored.push(rows[0]);
        }
        expect(stored).toEqual([{ at: "1792888200.000001" }, { at: "1792891800.000001" }]);
      },
    );

    it("keeps a row that is changed to what it is, without the driver's flag FOUND_ROWS", async () => {
      const { send, events } = open({}, { flags: ["-FOUND_ROWS"] });
      const id = crypto.randomUUID();
      const patch = { op: "PATCH", table: "things", id, op_data: { size: 1 } };
      expect(await send([thing({ size: 1 }, id), thing({ size: 1 }, id), patch])).toEqual({
        status: "success",
      });
      expect(events.filter(({ type }) => type === "row_missing")).toEqual([]);
    });
  });

  it.runIf(server.name === "MariaDB")(
    "reads what a table is without a look at any other",
    async () => {
      const asked: string[] = [];
      const database = new Kysely<TestSchema>({
        dialect: new MysqlDialect({ pool: mysqlPool(url) }),
        log: ({ query }) => {
          if (query.sql.includes("information_schema")) asked.push(query.sql);
        },
      });
      closing.push(() => database.destroy());
      const writes = createWrites<TestPrincipal, TestSchema>(testConfig(database));
      expect(
        statusesOf([await writes.processTransaction({ crud: [thing({ size: 1 })] }, alice)]),
      ).toEqual(["success"]);
      await writes.check();
      expect(asked.length).toBeGreaterThan(3);
      for (const statement of asked) {
        const { rows } = await sql
          .raw<{ Extra: string | null }>(`explain ${statement}`)
          .execute(db);
        for (const { Extra } of rows)
          expect(Extra, statement).not.toMatch(/Scanned (?:all|1) database/);
      }
    },
  );

  it("writes as a user who may do no more than that", async () => {
    const user = `u${crypto.randomUUID().slice(0, 8)}`;
    const name = new URL(url).pathname.slice(1);
    const account = sql.raw(`'${user}'@'%'`);
    await sql`create user ${account} identified by 'p'`.execute(db);
    closing.push(() => sql`drop user ${account}`.execute(db));
    await sql`grant select, insert, update, delete on ${sql.id(name)}.* to ${account}`.execute(db);
    const options = { user, password: "p" };
    const { send } = open({}, options);
    const id = crypto.randomUUID();
    const list = { op: "PUT", table: "lists", id, op_data: { settings: [1], labels: "not json" } };
    expect(statusesOf([await send([list])])).toEqual(["INVALID_DATA"]);
    expect(await send([{ ...list, op_data: { settings: [1] } }])).toEqual({ status: "success" });
    await sql`revoke insert on ${sql.id(name)}.* from ${account}`.execute(db);
    // Grants on a database hold for connections from then on.
    expect(await open({}, options).send([thing({ size: 1 })])).toMatchObject({
      status: "retryable_error",
      message: "The server is not set up for this change right now.",
    });
  });

  it("keeps everything on the device while the server is read-only", async () => {
    const user = `u${crypto.randomUUID().slice(0, 8)}`;
    const account = sql.raw(`'${user}'@'%'`);
    await sql`create user ${account} identified by 'p'`.execute(db);
    closing.push(() => sql`drop user ${account}`.execute(db));
    const name = new URL(url).pathname.slice(1);
    await sql`grant select, insert, update, delete on ${sql.id(name)}.* to ${account}`.execute(db);
    // An administrator's own writes, as those of other tests, still go through.
    closing.push(() => sql`set global read_only = 0`.execute(db));
    await sql`set global read_only = 1`.execute(db);
    const { send } = open({}, { user, password: "p" });
    const poison = thing({ size: -1 });
    for (const each of [thing({ size: 1 }), poison]) {
      expect(await send([each], "device")).toMatchObject({ status: "retryable_error" });
    }
    await sql`set global read_only = 0`.execute(db);
    expect(statusesOf([await send([poison], "device")])).toEqual(["CHECK_VIOLATION"]);
  });

  describe("a table or a connection that can't keep the promise", () => {
    const tried = async (create: string, options: mysql.PoolOptions = {}) => {
      await sql`drop table if exists odd`.execute(db);
      await sql.raw(create).execute(db);
      const tables = { odd: { access: "everyone" } } as unknown as NonNullable<Config["tables"]>;
      const { send, events } = open({ tables }, options);
      const result = await send([{ op: "PUT", table: "odd", id: "1", op_data: { note: "😀" } }]);
      const failure = events.find((event) => event.type === "error");
      return [result.status, failure === undefined ? "" : String(failure.error)];
    };

    it("is refused until it is set up, with words for whoever runs it", async () => {
      const create = "create table odd (id integer primary key, note text)";
      expect(await tried(`${create} engine = MyISAM`)).toEqual([
        "retryable_error",
        expect.stringContaining("engine without transactions"),
      ]);
      expect(await tried(create, { charset: "latin1" })).toEqual([
        "retryable_error",
        expect.stringContaining("can't carry every text"),
      ]);
      expect(await tried(create, { typeCast: false })).toEqual([
        "retryable_error",
        expect.stringContaining("option `typeCast` is false"),
      ]);
      expect(await open({}, { charset: "latin1" }).ready()).toEqual({
        ready: false,
        problems: [expect.stringContaining("can't carry every text") as string],
      });
      expect(await tried(create, { typeCast: (_field, next) => next() })).toEqual(["success", ""]);
      expect(await tried(create)).toEqual(["success", ""]);
    });
  });

  it("stores a dead letter of ten million characters", async () => {
    const { send } = open({ limits: { stringLength: 20_000_000 } });
    const code = "x".repeat(10_000_000);
    expect(statusesOf([await send([{ op_id: 1, ...thing({ code }) }], "device")])).toEqual([
      "INVALID_DATA",
    ]);
    const parts = await db
      .selectFrom("powersync_letter_parts")
      .select("text")
      .orderBy("part")
      .execute();
    expect(parts.map(({ text }) => text).join("")).toContain(code);
  });

  it("stores a dead letter that no packet carries in one", async () => {
    const { send } = open({ limits: { stringLength: 20_000_000 } });
    // Six times as long, escaped.
    const wide = "é".repeat((await packetOf(db)) / 5);
    expect(statusesOf([await send([{ op_id: 1, ...thing({ code: wide }) }], "device")])).toEqual([
      "INVALID_DATA",
    ]);
  });
}

for (const server of mysqlServers) {
  describe.skipIf(!(await server.available()))(server.name, () => suite(server));
}
