/**
 * Transactions on MySQL and MariaDB that are sent as a whole, with a fault at each of their messages: nothing is lost, applied twice or by halves. A trigger
 * counts one of the changes, so that also what writes the same values once more is seen.
 */
import { Kysely, MysqlDialect } from "kysely";
import { format as mysqlFormat } from "mysql2";
import type mysql from "mysql2";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  type MockInstance,
  vi,
} from "vitest";
import { type GuardOptions, guardPool } from "../../adapters/mysql2.js";
import { createTables, createWrites, type WriteEvent, type Writes } from "../../src/index.js";
import { createFlightProxy, type FlightFault, type FlightProxy } from "../support/flight-proxy.js";
import { createMysqlDatabase, mysqlPool } from "../support/mysql.js";
import { type MysqlServer, mysqlServers } from "../support/servers.js";
import { until } from "../support/uploads.js";
import type { TestPrincipal } from "../support/writes.js";

const principal = { userId: "alice" };
const id = "varchar(40) character set utf8mb4 collate utf8mb4_bin";
const tables = [
  `create table lists (id ${id} primary key, name varchar(100), owner_id ${id})`,
  `create table todos (id ${id} primary key, list_id ${id}, description mediumtext not null,
    foreign key (list_id) references lists (id) on delete cascade)`,
  `create table tallies (id ${id} primary key, name varchar(100), owner_id ${id})`,
  "insert into tallies values ('tally', 'a', 'alice')",
  "create table counter (writes int not null)",
  "insert into counter values (0)",
  "create procedure victim() begin rollback; signal sqlstate '40001' set mysql_errno = 1213; end",
  "create trigger counted after update on tallies for each row update counter set writes = writes + 1",
];
const rules = {
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
  tallies: { owner: "owner_id" },
};
const settings = `select @@session.time_zone as zone, @@session.sql_mode as mode, if(@@autocommit, 'on', 'off') as auto,
  cast(@@session.innodb_lock_wait_timeout as char) as waits, @powersync_writes as mark`;

type Any = Kysely<never>;
/** Who waits for a connection of a pool. */
interface Waiting {
  readonly _connectionQueue: { readonly length: number };
}
type Row = Record<string, unknown>;

function suite(server: MysqlServer): void {
  let own: { url: string; drop: () => Promise<void> };
  let proxy: FlightProxy;
  let admin: mysql.Pool;
  let pool: mysql.Pool;
  let db: Any;
  let events: WriteEvent[] = [];
  let opId = 0;
  let devices = 0;
  let settled: unknown;
  let complaints: MockInstance<typeof console.error>;

  const ask = async (query: string, ...values: unknown[]): Promise<Row[]> =>
    (await admin.promise().query(query, values))[0] as Row[];
  const number = async (query: string, ...values: unknown[]): Promise<number> =>
    Number((await ask(query, ...values))[0]?.["n"]);

  beforeAll(async () => {
    complaints = vi.spyOn(console, "error");
    own = await createMysqlDatabase(server);
    proxy = await createFlightProxy(Number(new URL(own.url).port || 3306));
    admin = mysqlPool(own.url, { connectionLimit: 4 });
    for (const statement of tables) await ask(statement);
    [settled] = await ask(settings);
    const made: Any = new Kysely({ dialect: new MysqlDialect({ pool: mysqlPool(own.url) }) });
    await createTables(made);
    await made.destroy();
  });
  afterAll(async () => {
    complaints.mockRestore();
    await new Promise((resolve) => {
      admin.end(resolve);
    });
    await proxy.close();
    await own.drop();
  });

  const open = (options: mysql.PoolOptions = {}, guard: GuardOptions = {}, direct = false) => {
    const through = new URL(own.url);
    through.hostname = "127.0.0.1";
    if (!direct) through.port = String(proxy.port);
    pool = guardPool(mysqlPool(through.href, { connectionLimit: 1, ...options }), guard);
    db = new Kysely({ dialect: new MysqlDialect({ pool }) });
  };
  const reopen = async (...options: Parameters<typeof open>) => {
    await db.destroy();
    open(...options);
  };
  beforeEach(() => {
    complaints.mockClear();
    devices += 1;
    open();
  });
  afterEach(async () => {
    proxy.disarm();
    await db.destroy();
    expect(complaints.mock.calls.flat().join("\n")).not.toMatch(/out of order/);
    const letters = await number("select count(*) n from powersync_dead_letters");
    await ask("delete from powersync_dead_letters");
    expect(letters).toBe(0);
  });

  const serve = (config: object = {}): Writes<TestPrincipal> =>
    createWrites<TestPrincipal, never>({
      authenticate: () => principal,
      database: db,
      ledger: { prune: false },
      tables: rules as never,
      logger: false,
      onEvent: (event) => events.push(event),
      ...config,
    });

  /** A list and its todos, a change of it, a row less, and a row whose changes are counted. */
  const body = (description = "a") => {
    const list = crypto.randomUUID();
    const todos = [1, 2, 3].map(() => crypto.randomUUID());
    const crud = [
      { op: "PUT", table: "lists", id: list, op_data: { name: "a" } },
      ...todos.map((todo) => ({
        op: "PUT",
        table: "todos",
        id: todo,
        op_data: { list_id: list, description },
      })),
      { op: "PATCH", table: "lists", id: list, op_data: { name: "b" } },
      { op: "PATCH", table: "tallies", id: "tally", op_data: { name: list } },
      { op: "DELETE", table: "todos", id: todos[0] },
    ];
    return {
      client_id: `phone ${devices}`,
      crud: crud.map((each) => ({ ...each, op_id: (opId += 1) })),
    };
  };
  type Body = ReturnType<typeof body>;
  const idsOf = ({ crud }: Body) => crud.map((each) => each.id);
  const stored = async (sent: Body) =>
    number(
      `select (select count(*) from lists where id in (?) and name = 'b')
        + (select count(*) from todos where id in (?)) n`,
      idsOf(sent),
      idsOf(sent),
    );
  const counted = () => number("select writes n from counter");
  const answered = () => number("select count(*) n from powersync_ledger");
  const flown = () => {
    const told = events.flatMap((event) => (event.type === "transaction" ? [event.flown] : []));
    return told.at(-1);
  };

  /** Sends it until it has been applied. */
  const insist = async (writes: Writes<TestPrincipal>, sent: Body) => {
    const statuses: string[] = [];
    for (let tries = 0; tries < 6; tries += 1) {
      events = [];
      const { status } = await writes.processTransaction(sent, { principal });
      statuses.push(status);
      if (status === "success") {
        expect(await stored(sent)).toBe(3);
        return statuses;
      }
      expect(status).toBe("retryable_error");
      expect([0, 3]).toContain(await stored(sent));
      // A second time it must not be written.
      await ask("update lists set name = 'b', owner_id = 'alice' where id in (?)", idsOf(sent));
    }
    throw new Error("It was not applied in six tries.");
  };

  const once = async (writes: Writes<TestPrincipal>, fault?: FlightFault, times = 1) => {
    const sent = body();
    const [before, known] = [await counted(), await answered()];
    if (fault) proxy.arm(fault);
    else proxy.count();
    const statuses = await insist(writes, sent);
    expect(proxy.struck()).toBe(true);
    expect(await counted()).toBe(before + times);
    return { statuses, entered: (await answered()) - known };
  };

  /** The tables have been read, the device is known, and what has failed before is forgotten. */
  const warm = async (writes = serve()) => {
    let flies = false;
    for (let time = 0; time < 66 && !flies; time += 1) {
      await once(writes);
      flies = flown() === true;
    }
    expect(flies).toBe(true);
    return writes;
  };

  /** The pool's next user finds the connection as the application has set it up. */
  const expectSettled = async () => {
    const [rows] = await pool.promise().query(settings);
    expect((rows as Row[])[0]).toEqual(settled);
  };

  it("none: COMMIT follows behind the answers, and the settings are put back", async () => {
    const writes = await warm();
    await once(writes);
    const { statements } = proxy.seen();
    expect(statements.length).toBeGreaterThan(9);
    expect(statements.at(-1)).toBe("commit");
    await expectSettled();
  });

  it.each([
    ["with a ledger", { prune: false }],
    ["without one", false],
  ] as const)("the connection is cut at each message: %s", async (_name, ledger) => {
    const entered = ledger === false ? 0 : 1;
    let writes = await warm(serve({ ledger }));
    const { statements, answers } = proxy.seen();
    expect(answers).toBeGreaterThan(statements.length);
    const faults: FlightFault[] = [
      ...Array.from({ length: statements.length }, (_, at) => ["before statement", at] as const),
      ...Array.from({ length: answers }, (_, at) => ["before answer", at] as const),
    ].map(([kind, at]) => ({ kind, number: at }));
    for (const fault of faults) {
      // Without a ledger, a repeat is written once more if COMMIT has been heeded.
      const more =
        ledger === false && fault.kind === "before answer" && fault.number === answers - 1;
      const done = await once(writes, fault, more ? 2 : 1);
      expect(done).toEqual({ statuses: ["retryable_error", "success"], entered });
      await expectSettled();
      // After a loss, this pool sends one statement after the other for a while.
      await reopen();
      writes = await warm(serve({ ledger }));
    }
  });

  it("the client hangs up at each statement, and the server executes them all", async () => {
    let writes = await warm();
    const { statements } = proxy.seen();
    for (const at of statements.keys()) {
      const { statuses, entered } = await once(writes, { kind: "hang up", number: at });
      expect([statuses, entered]).toEqual([["retryable_error", "success"], 1]);
      await reopen();
      writes = await warm();
    }
  });

  it.each([
    ["fails", "select nothing from nowhere"],
    // All that came before it is gone, and those behind it begin another transaction.
    ["is chosen as the victim of a deadlock", "call victim()"],
    ["meets a server that is read only", "signal sqlstate 'HY000' set mysql_errno = 1290"],
    ["changes no row", "update lists set name = 'c' where id = 'nowhere'"],
    ["finds no row", "select 1 as ok from lists where id = 'nowhere'"],
  ])("each statement %s", async (_name, statement) => {
    let writes = await warm();
    const last = proxy.seen().statements.length - 1;
    for (let at = 0; at < last; at += 1) {
      const { statuses, entered } = await once(writes, { kind: "other", number: at, statement });
      expect([statuses, entered]).toEqual([["success"], 1]);
      await expectSettled();
      await reopen();
      writes = await warm();
    }
  });

  it("a statement is refused, and ROLLBACK is lost: the careful way says why", async () => {
    const writes = await warm();
    const sent = body();
    const [, first] = sent.crud;
    if (first?.op === "PUT") Object.assign(first.op_data ?? {}, { description: null });
    proxy.arm({ kind: "before statement", text: "rollback" });
    expect(await writes.processTransaction(sent, { principal })).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "NOT_NULL_VIOLATION", operationIndex: 1 },
    });
    expect(proxy.struck()).toBe(true);
    expect(await number("select count(*) n from powersync_dead_letters")).toBe(1);
    await ask("delete from powersync_dead_letters");
    expect(await stored(sent)).toBe(0);
  });

  it("a statement is refused, and so is ROLLBACK: what came before is not committed with the settings", async () => {
    const writes = await warm();
    const sent = body();
    const [, first] = sent.crud;
    if (first?.op === "PUT") Object.assign(first.op_data ?? {}, { description: null });
    proxy.arm({ kind: "other", text: "rollback", statement: "select nothing from nowhere" });
    const { status } = await writes.processTransaction(sent, { principal });
    expect(proxy.struck()).toBe(true);
    expect(status).toBe("fatal_error");
    // Putting the settings back would commit.
    await expectSettled();
    expect(await number("select count(*) n from lists where id in (?)", idsOf(sent))).toBe(0);
    await ask("delete from powersync_dead_letters");
  });

  it("a statement is longer than the server takes, which then ends the connection", async () => {
    const writes = await warm();
    const { statuses, entered } = await once(writes, { kind: "too long" });
    // Another try, on another connection.
    expect([statuses, entered]).toEqual([["success"], 1]);
    await expectSettled();
  });

  it.each(["thrown away", "ended"] as const)(
    "behind a proxy for one statement at a time, where what comes early is %s",
    async (how) => {
      // What is thrown away is never answered.
      const timeouts = { transactionMs: 5_000 };
      const writes = await warm(serve({ timeouts }));
      const lose = async (on: typeof writes) => {
        const { status } = await on.processTransaction(body(), { principal });
        expect(status).toBe("retryable_error");
      };
      proxy.loseWhatIsEarly(how);
      try {
        // The first loss may have another reason, because others have been answered.
        await lose(writes);
        await lose(writes);
        // And from now on one statement after the other.
        for (let time = 0; time < 3; time += 1)
          expect(await insist(serve(), body())).toEqual(["success"]);
        await expectSettled();
        // A new pool has shown nothing.
        await reopen();
        await lose(serve({ timeouts }));
        expect(await insist(serve(), body())).toEqual(["success"]);
      } finally {
        proxy.loseWhatIsEarly(undefined);
      }
    },
  );

  /** Until the server executes the change of this row, which another holds. */
  const blocked = (row = "") =>
    until(
      async () =>
        (await number(
          "select count(*) n from information_schema.processlist where db = database() and id <> connection_id() and info like ?",
          `update%${row}%`,
        )) > 0,
    );
  const hold = async (...statements: readonly (readonly [string, ...unknown[]])[]) => {
    const holder = await admin.promise().getConnection();
    await holder.beginTransaction();
    for (const [text, ...values] of statements) await holder.query(text, values);
    return holder;
  };
  /** Lists of alice's, each of which is changed, and behind them the row that counts. */
  const changes = async (count: number) => {
    const ids = Array.from({ length: count }, () => crypto.randomUUID() as string);
    for (const each of ids) await ask("insert into lists values (?, 'a', 'alice')", each);
    const patch = (table: string, of: string) => ({
      op: "PATCH",
      table,
      id: of,
      op_data: { name: "b" },
      op_id: (opId += 1),
    });
    const crud = [...ids.map((each) => patch("lists", each)), patch("tallies", "tally")];
    const changed = () =>
      number("select count(*) n from lists where id in (?) and name = 'b'", ids);
    return { ids, changed, sent: { client_id: `phone ${devices}`, crud } };
  };
  const lock = "select * from lists where id in (?) for update";

  it("its caller leaves while it waits for a connection: nothing begins", async () => {
    await reopen({}, {}, true);
    const writes = await warm();
    const held = await pool.promise().getConnection();
    const caller = new AbortController();
    const { changed, sent } = await changes(3);
    const answer = writes.processTransaction(sent, { principal, signal: caller.signal });
    await until(async () => (pool as unknown as Waiting)._connectionQueue.length > 0);
    caller.abort();
    held.release();
    expect((await answer).status).toBe("retryable_error");
    expect(await changed()).toBe(0);
  });

  it("a lock is not given where the device is not known: one wait is enough", async () => {
    await reopen({}, {}, true);
    const writes = await warm(serve({ timeouts: { lockMs: 1_000 } }));
    const { ids, changed, sent } = await changes(3);
    // Of a user who has no device that is known, which would have to look for repeats of this.
    await ask("update lists set owner_id = 'carol' where id in (?)", ids);
    const unknown = { transaction_id: opId, crud: sent.crud.slice(0, -1) };
    const send = async () =>
      (await writes.processTransaction(unknown, { principal: { userId: "carol" } })).status;
    const holder = await hold([lock, [ids[1]]]);
    events = [];
    expect(await send()).toBe("retryable_error");
    expect(events).toContainEqual(expect.objectContaining({ type: "transaction", attempts: 1 }));
    await holder.rollback();
    holder.release();
    expect(await send()).toBe("success");
    expect(await changed()).toBe(3);
  });

  it("a transaction that takes too long lets others' statements be sent together", async () => {
    const writes = await warm();
    const hasty = serve({ timeouts: { transactionMs: 500 } });
    for (let time = 0; time < 3; time += 1) {
      const { ids, sent } = await changes(3);
      const holder = await hold([lock, [ids[1]]]);
      const { status } = await hasty.processTransaction(sent, { principal });
      expect(status).toBe("retryable_error");
      await holder.rollback();
      holder.release();
      proxy.count();
      expect(await insist(writes, body())).toEqual(["success"]);
      expect(proxy.seen().early).toBeGreaterThan(0);
    }
  });

  it("locks are not given: one wait is enough, and nothing is left", async () => {
    // Without a ledger, nothing else would keep what is left from being counted twice.
    await reopen({}, {}, true);
    const writes = await warm(serve({ ledger: false, timeouts: { lockMs: 1_000 } }));
    const { ids, changed, sent } = await changes(30);
    const before = await counted();
    const holder = await hold([lock, ids]);
    const began = performance.now();
    events = [];
    const { status } = await writes.processTransaction(sent, { principal });
    expect(status).toBe("retryable_error");
    // What has been answered step by step is counted.
    expect(events).toContainEqual(expect.objectContaining({ type: "transaction", statements: 0 }));
    // Thirty waits would take thirty seconds.
    expect(performance.now() - began).toBeLessThan(15_000);
    await holder.rollback();
    holder.release();
    expect([await changed(), await counted()]).toEqual([0, before]);
    expect(await writes.processTransaction(sent, { principal })).toEqual({ status: "success" });
    expect([await changed(), await counted()]).toEqual([30, before + 1]);
    await expectSettled();
  });

  it("a deadlock: what comes behind it is another transaction, which is not committed", async () => {
    const writes = await warm();
    const { ids, changed, sent } = await changes(3);
    const before = await counted();
    // The victim is the one that has written less.
    const rows = Array.from({ length: 50 }, () => [crypto.randomUUID(), "a", "bob"]);
    const [first = "", second = ""] = ids;
    const holder = await hold(["insert into lists values ?", rows], [lock, [second]]);
    const answer = writes.processTransaction(sent, { principal });
    await blocked(second);
    await holder.query(lock, [[first]]);
    await holder.rollback();
    holder.release();
    expect(await answer).toEqual({ status: "success" });
    expect([await changed(), await counted()]).toEqual([3, before + 1]);
    await expectSettled();
  });

  it.each(["kill", "kill query"])("the server is told to %s while it waits", async (kill) => {
    const writes = await warm();
    const [rows] = await pool.promise().query("select connection_id() as id");
    const { ids, changed, sent } = await changes(3);
    const before = await counted();
    const holder = await hold([lock, [ids[1]]]);
    const answer = writes.processTransaction(sent, { principal });
    await blocked(ids[1]);
    await ask(`${kill} ${String((rows as Row[])[0]?.["id"])}`);
    if (kill === "kill") expect((await answer).status).toBe("retryable_error");
    await holder.rollback();
    holder.release();
    if (kill === "kill") expect([await changed(), await counted()]).toEqual([0, before]);
    else expect(await answer).toEqual({ status: "success" });
    const { status } = await writes.processTransaction(sent, { principal });
    expect(status).toBe("success");
    expect([await changed(), await counted()]).toEqual([3, before + 1]);
    await expectSettled();
  });

  /** Of the pool's only connection. The pool may not know yet that the one before has been killed. */
  const idOfConnection = async (tries = 5): Promise<string> => {
    try {
      const [rows] = await pool.promise().query("select connection_id() as id");
      return String((rows as Row[])[0]?.["id"]);
    } catch (error) {
      if (tries === 0) throw error;
      return idOfConnection(tries - 1);
    }
  };

  it.each(["kill", "kill query"])("and to %s at any moment", async (kill) => {
    const writes = await warm();
    for (let time = 0; time < 12; time += 1) {
      const id = await idOfConnection();
      const before = await counted();
      const sent = body();
      const killing = (async () => {
        for (let turn = 0; turn < time * 4; turn += 1)
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        // It may be gone already.
        await ask(`${kill} ${id}`).catch(() => undefined);
      })();
      await insist(writes, sent);
      await killing;
      expect(await counted()).toBe(before + 1);
    }
  });

  const format = (text: string, values: unknown) => mysqlFormat(text, values as string[]);
  it.each<[string, mysql.PoolOptions, boolean?]>([
    ["multipleStatements", { multipleStatements: true }],
    ["compress", { compress: true } as mysql.PoolOptions],
    ["numbers as they come", { supportBigNumbers: false, bigNumberStrings: false }],
    ["numbers as text", { supportBigNumbers: true, bigNumberStrings: true }],
    ["dateStrings", { dateStrings: true }],
    ["decimalNumbers", { decimalNumbers: true }],
    ["namedPlaceholders", { namedPlaceholders: true }],
    ["queryFormat", { queryFormat: format } as mysql.PoolOptions],
    [
      "enableKeepAlive",
      { enableKeepAlive: true, keepAliveInitialDelay: 1, connectTimeout: 60_000 },
    ],
    ["stringifyObjects", { stringifyObjects: true } as mysql.PoolOptions],
    ["typeCast", { typeCast: (_field, next) => next() }],
    ["disableEval", { disableEval: true } as mysql.PoolOptions],
    ["without FOUND_ROWS", { flags: ["-FOUND_ROWS"] }, true],
  ])("a pool with %s", async (_name, options, isLess) => {
    await reopen(options, {}, true);
    const writes = serve();
    for (let time = 0; time < 4; time += 1) await once(writes);
    expect(flown()).toBe(true);
    // A change of nothing is one that the server does not count.
    const again = body();
    await insist(writes, again);
    const [list] = again.crud;
    const unchanged = { op: "PATCH", table: "lists", id: list?.id, op_data: { name: "b" } };
    const send = async (entry: object) => {
      events = [];
      const crud = [{ ...entry, op_id: (opId += 1) }];
      return writes.processTransaction({ client_id: `phone ${devices}`, crud }, { principal });
    };
    expect(await send(unchanged)).toEqual({ status: "success" });
    expect(flown()).toBe(isLess !== true);
    const foreign = crypto.randomUUID();
    await ask("insert into lists values (?, 'a', 'bob')", foreign);
    for (const op of ["PUT", "PATCH", "DELETE"]) {
      const refused = await send({ ...unchanged, op, id: foreign });
      expect(refused).toMatchObject({ failedOperation: { errorCode: "UNAUTHORIZED" } });
    }
    expect(await number("select count(*) n from lists where id = ? and name = 'a'", foreign)).toBe(
      1,
    );
    await ask("delete from powersync_dead_letters");
    await expectSettled();
  });

  it("a connection that is encrypted, if the server offers it", async () => {
    await reopen({ ssl: { rejectUnauthorized: false } }, {}, true);
    try {
      await pool.promise().query("select 1");
    } catch (error) {
      expect(String(error)).toMatch(/does not support secure connection/);
      return;
    }
    const writes = serve();
    for (let time = 0; time < 4; time += 1) await once(writes);
    expect(flown()).toBe(true);
    await expectSettled();
  });

  it("nothing is sent together where the pool says so", async () => {
    await reopen({}, { flights: false });
    const writes = serve();
    for (let time = 0; time < 4; time += 1) await once(writes);
    expect(flown()).toBe(false);
    await expectSettled();
  });

  it.each(["autocommit = 0", "completion_type = 1", "completion_type = 2", "sql_mode = ''"])(
    "the application has set %s in between",
    async (setting) => {
      const writes = await warm();
      await pool.promise().query(`set session ${setting}`);
      const [found] = await pool.promise().query(settings);
      for (let time = 0; time < 3; time += 1) await once(writes);
      expect(flown()).toBe(true);
      const [rows] = await pool.promise().query(settings);
      expect(rows).toEqual(found);
      // Committed, and so seen by others.
      await pool.promise().query("rollback");
      await once(writes);
    },
  );
}

for (const server of mysqlServers)
  describe.skipIf(!(await server.available()))(`faults in flight on ${server.name}`, () =>
    suite(server),
  );
