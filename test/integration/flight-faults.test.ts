/**
 * Transactions that are sent as a whole, with a fault at each of their messages: nothing is lost, applied twice or by halves. A trigger counts what is
 * written, so that also what writes the same values once more is seen.
 */
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GuardOptions, guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type WriteEvent, type Writes } from "../../src/index.js";
import { createPostgresDatabase, createTestTables } from "../support/databases.js";
import { createMessageProxy, type Fault, type MessageProxy } from "../support/message-proxy.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import type { TestPrincipal } from "../support/writes.js";

const principal = { userId: "alice" };

describe.skipIf(!(await postgresAvailable()))("faults in flight", () => {
  let proxy: MessageProxy;
  let own: { url: string; drop: () => Promise<void> };
  let admin: pg.Client;
  let pool: pg.Pool;
  let db: Kysely<TestSchema>;
  let events: WriteEvent[] = [];
  let opId = 0;

  beforeAll(async () => {
    own = await createPostgresDatabase();
    proxy = await createMessageProxy(Number(new URL(own.url).port || 5432));
    admin = new pg.Client({ connectionString: own.url });
    await admin.connect();
    const setup = new pg.Pool({ connectionString: own.url, max: 1 });
    const made = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool: setup }) });
    await createTestTables(made);
    await createTables(made);
    await made.destroy();
    await admin.query(`create table counter (writes int not null); insert into counter values (0);
      create function count_write() returns trigger language plpgsql as
        'begin update counter set writes = writes + 1; return null; end';
      create trigger counted after insert or update or delete on lists for each row execute function count_write();
      create trigger counted after insert or update or delete on todos for each row execute function count_write();`);
  });
  afterAll(async () => {
    await admin.end();
    await proxy.close();
    await own.drop();
  });

  const open = (options: GuardOptions = {}) => {
    const through = new URL(own.url);
    through.port = String(proxy.port);
    pool = guardPool(new pg.Pool({ connectionString: through.href, max: 1 }), {
      flights: true,
      ...options,
    });
    db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
    events = [];
  };
  beforeEach(() => open());
  afterEach(() => db.destroy());

  const serve = (config: object = {}): Writes<TestPrincipal> =>
    createWrites<TestPrincipal, never>({
      authenticate: () => principal,
      database: db as never,
      tables: { lists: { owner: "owner_id" }, todos: { belongsTo: { list_id: "lists" } } },
      logger: false,
      onEvent: (event) => events.push(event),
      ...config,
    });

  /** A list and its todos; four rows. */
  const body = () => {
    const list = crypto.randomUUID();
    const todo = (n: number) => ({
      op: "PUT",
      table: "todos",
      id: crypto.randomUUID(),
      op_data: { list_id: list, description: `${n}` },
    });
    const crud = [
      { op: "PUT", table: "lists", id: list, op_data: { name: "a" } },
      ...[1, 2, 3].map(todo),
      { op: "PATCH", table: "lists", id: list, op_data: { name: "b" } },
    ];
    return { client_id: "phone", crud: crud.map((each) => ({ ...each, op_id: (opId += 1) })) };
  };
  const number = async (query: string, ...values: unknown[]): Promise<number> =>
    Number((await admin.query<{ n: string }>(query, values)).rows[0]?.n);
  const stored = async ({ crud }: ReturnType<typeof body>) => {
    const ids = crud.map(({ id }) => id);
    return number(
      `select (select count(*) from lists where id = any($1) and name = 'b')
        + (select count(*) from todos where id = any($1)) n`,
      ids,
    );
  };
  const writesCounted = () => number("select writes n from counter");
  const answered = () => number("select count(*) n from powersync_ledger");
  const flown = () =>
    events.flatMap((event) => (event.type === "transaction" ? [event.flown] : []));

  /** Sends it until it has been applied. */
  const insist = async (writes: Writes<TestPrincipal>, sent: ReturnType<typeof body>) => {
    const statuses: string[] = [];
    for (let tries = 0; tries < 10; tries += 1) {
      const { status } = await writes.processTransaction(sent, { principal });
      statuses.push(status);
      const rows = await stored(sent);
      // Never by halves; and what has been answered is there.
      expect([0, 4]).toContain(rows);
      if (status === "success") expect(rows).toBe(4);
      if (status === "success") return statuses;
      expect(status).toBe("retryable_error");
    }
    throw new Error("It was not applied in ten tries.");
  };

  const once = async (fault: Fault | undefined, writes: Writes<TestPrincipal>) => {
    const sent = body();
    const [before, known] = [await writesCounted(), await answered()];
    if (fault !== undefined) proxy.arm(fault);
    const statuses = await insist(writes, sent);
    const struck = proxy.struck();
    proxy.disarm();
    expect(struck).toBe(true);
    expect(await writesCounted()).toBe(before + 5);
    expect(await answered()).toBe(known + 1);
    expect(await number("select count(*) n from powersync_dead_letters")).toBe(0);
    return statuses;
  };

  /** The tables have been read, the device is known, and what has failed before is forgotten. */
  const warm = async (writes = serve()) => {
    let flies = false;
    for (let time = 0; time < 66 && !flies; time += 1) {
      await once(undefined, writes);
      flies = flown().at(-1) === true;
    }
    expect(flies).toBe(true);
    return writes;
  };

  it("none: one round trip", async () => {
    const writes = await warm();
    proxy.trips();
    const sent = body();
    expect((await writes.processTransaction(sent, { principal })).status).toBe("success");
    expect(proxy.trips()).toBe(1);
    expect(flown().at(-1)).toBe(true);
  });

  it("the connection is cut at each message", { timeout: 120_000 }, async () => {
    const writes = await warm();
    const { messages } = proxy.seen();
    expect(messages).toBeGreaterThan(20);
    for (let message = 0; message <= messages; message += 1) {
      const statuses = await once({ kind: "cut", message }, writes);
      expect(statuses[0]).toBe("retryable_error");
      await warm(writes);
    }
  });

  it("each statement fails, BEGIN too", { timeout: 120_000 }, async () => {
    const writes = await warm();
    const { statements } = proxy.seen();
    expect(statements).toBeGreaterThan(9);
    for (let statement = 0; statement < statements; statement += 1) {
      // It is begun again at once, step by step.
      expect(await once({ kind: "error", statement }, writes)).toEqual(["success"]);
      // And the next ones fly again, soon.
      await warm(writes);
    }
  });

  it("each name is lost: it is sent again without", { timeout: 120_000 }, async () => {
    let writes = await warm();
    const { statements } = proxy.seen();
    for (let statement = 0; statement < statements; statement += 1) {
      expect(await once({ kind: "name", statement }, writes)).toEqual(["success"]);
      expect(flown().at(-1)).toBe(true);
      // After a few, no names are used on this pool any more.
      await db.destroy();
      open();
      writes = await warm();
    }
  });

  it("names are lost again and again, until none is used", async () => {
    const writes = await warm();
    expect(proxy.seen().named).toBe(proxy.seen().statements - 2);
    for (let time = 0; time < 3; time += 1)
      expect(await once({ kind: "name", statement: 2 }, writes)).toEqual(["success"]);
    expect(flown().slice(-3)).toEqual([true, true, true]);
    await once(undefined, writes);
    expect(flown().at(-1)).toBe(true);
    expect(proxy.seen().named).toBe(0);
  });

  it("no names are used where the pool says so, and nothing is sent as a whole", async () => {
    for (const [options, flies] of [
      [{ prepare: false }, true],
      [{ flights: false }, false],
    ] as const) {
      await db.destroy();
      open(options);
      const writes = serve();
      for (let time = 0; time < 4; time += 1) await once(undefined, writes);
      expect(flown().at(-1)).toBe(flies);
      if (flies) expect(proxy.seen().named).toBe(0);
    }
  });

  it("COMMIT has been heeded, and nobody hears of it", async () => {
    const writes = await warm();
    for (let time = 0; time < 3; time += 1) {
      const statuses = await once({ kind: "answer" }, writes);
      expect(statuses).toEqual(["retryable_error", "success"]);
      // The repeat was a replay, which does not fly.
      await warm(writes);
    }
  });

  it("nobody answers any more", async () => {
    const timeouts = { lockMs: 300, statementMs: 400, transactionMs: 500 };
    const writes = await warm(serve({ timeouts }));
    expect(await once({ kind: "silence" }, writes)).toEqual(["retryable_error", "success"]);
  });

  it("the backend is killed while it waits", async () => {
    const writes = await warm();
    const sent = body();
    const [list] = sent.crud;
    await admin.query("begin");
    await admin.query("insert into lists (id, owner_id) values ($1, 'alice')", [list?.id]);
    const answering = writes.processTransaction(sent, { principal });
    const waiting = `from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
    for (
      let time = 0;
      time < 500 && (await number(`select count(*) n ${waiting}`)) === 0;
      time += 1
    )
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await number(`select count(pg_terminate_backend(pid)) n ${waiting}`)).toBe(1);
    await admin.query("rollback");
    expect((await answering).status).toBe("retryable_error");
    expect(await stored(sent)).toBe(0);
    expect(await insist(writes, sent)).toEqual(["success"]);
  });

  it("a lock is not given in time: retryable at once, and counted exactly without a ledger, too", async () => {
    const writes = serve({ ledger: false, timeouts: { lockMs: 200, statementMs: 400 } });
    for (let time = 0; time < 4; time += 1) await insist(writes, body());
    expect(flown().at(-1)).toBe(true);
    const sent = body();
    const [list] = sent.crud;
    const before = await writesCounted();
    await admin.query("begin");
    await admin.query("insert into lists (id, owner_id) values ($1, 'alice')", [list?.id]);
    expect((await writes.processTransaction(sent, { principal })).status).toBe("retryable_error");
    await admin.query("rollback");
    expect(await writesCounted()).toBe(before);
    expect(await insist(writes, sent)).toEqual(["success"]);
    expect(await writesCounted()).toBe(before + 5);
  });
});
