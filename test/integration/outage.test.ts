/** A database that fails, at every moment that matters: each transaction is applied once, recorded, or still queued; and the process lives. */
import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { createCuttingProxy, type Cut, type CuttingProxy } from "../support/cutting-proxy.js";
import { long } from "../support/long.js";
import {
  createOwnPostgres,
  type OwnPostgres,
  ownPostgresAvailable,
} from "../support/own-postgres.js";
import { postgresTables } from "../support/postgres.js";
import type { TestSchema } from "../support/schema.js";
import {
  adapters,
  count,
  effects,
  emptyAll,
  listen,
  poison,
  post,
  putThing,
  statuses,
  traceEffects,
  until,
  upload,
  uploadQueue,
} from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

/** The statement as it is sent, and not the name of a setting. */
const commit = "commit\0";

const available = await ownPostgresAvailable();

/** No adapter knows how a database fails: one is enough, but for `LONG=1`. */
const behind = Object.entries(adapters).slice(0, long ? undefined : 1);

/** The application's role may do what an application needs, and can be kept from it. */
const role = "app";

interface Opened {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly events: readonly WriteEvent[];
}

describe.skipIf(!available)("a Postgres server that fails", () => {
  let own: OwnPostgres;
  let proxy: CuttingProxy;
  /** The superuser's view, past the proxy. */
  let db: Kysely<TestSchema>;
  const closing: (() => Promise<unknown>)[] = [];
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => void uncaught.push(error);

  beforeAll(async () => {
    own = await createOwnPostgres();
    proxy = await createCuttingProxy(own.port);
    await own.query(`create role ${role} login password '${role}'`);
    await own.query("create database app");
    const pool = guardPool(new pg.Pool({ connectionString: own.url("app"), max: 3 }));
    db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    for (const statement of postgresTables) await sql.raw(statement).execute(db);
    await createTables(db);
    await traceEffects(db);
    await sql`create table delay (seconds double precision not null)`.execute(db);
    await sql`
      create function delay() returns trigger language plpgsql as $$
      begin
        perform pg_sleep(seconds) from delay;
        return new;
      end $$`.execute(db);
    await sql`create trigger slow before insert on things for each row when (new.code = 'slow') execute function delay()`.execute(
      db,
    );
    await sql`grant select, insert, update, delete on all tables in schema public to ${sql.ref(role)}`.execute(
      db,
    );
    await sql`grant usage on all sequences in schema public to ${sql.ref(role)}`.execute(db);
  });

  afterAll(async () => {
    await db?.destroy();
    await proxy?.close();
    await own?.remove();
  });

  beforeEach(async () => {
    await emptyAll(db);
    await sql`delete from delay`.execute(db);
    process.on("uncaughtException", onUncaught);
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    process.off("uncaughtException", onUncaught);
    expect(uncaught.splice(0)).toEqual([]);
  });

  const appUrl = ({ port = own.port, password = role, database = "app" } = {}) =>
    `postgres://${role}:${password}@127.0.0.1:${port}/${database}`;

  const kill = (condition: string) =>
    own.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}' and ${condition}`,
    );

  const letters = async () => {
    const rows = await db
      .selectFrom("powersync_dead_letters")
      .select(["error_code", "identity"])
      .execute();
    return rows.map(({ error_code }) => error_code);
  };

  const nothingWritten = async () => {
    expect(await effects(db)).toEqual([]);
    expect(await count(db, "powersync_ledger")).toBe(0);
    expect(await letters()).toEqual([]);
  };

  describe.each(behind)("behind %s", (_name, serverOf) => {
    const open = async (
      poolConfig: pg.PoolConfig = {},
      config: Partial<WritesConfig<TestPrincipal, TestSchema>> = {},
    ): Promise<Opened & { heard: Error[] }> => {
      const heard: Error[] = [];
      const pool = guardPool(
        new pg.Pool({
          connectionString: appUrl(),
          connectionTimeoutMillis: 1000,
          max: 4,
          ...poolConfig,
        }),
        { onError: (error) => heard.push(error) },
      );
      const database = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
      closing.push(() => database.destroy());
      const events: WriteEvent[] = [];
      const writes = createWrites<TestPrincipal, TestSchema>({
        ...testConfig(database),
        // One caller stands for many.
        limits: { concurrentRequests: 1_000 },
        onEvent: (event) => void events.push(event),
        ...config,
      });
      const { url, close } = await listen(serverOf(writes));
      closing.push(close);
      return { url, pool, events, heard };
    };

    describe("kills a connection", () => {
      test("in the middle of a statement", async () => {
        const { url } = await open();
        await sql`insert into delay values (10)`.execute(db);
        const batch = [putThing(1), putThing(2, { code: "slow" }), putThing(3)];
        const answer = upload(url, "phone", batch);
        await until(async () => (await kill("wait_event = 'PgSleep'")).length > 0);
        expect(statuses(await answer)).toEqual(["success", "retryable_error", "not_attempted"]);
        expect(await effects(db)).toHaveLength(1);
        expect(await count(db, "powersync_ledger")).toBe(1);

        await sql`delete from delay`.execute(db);
        expect(statuses(await upload(url, "phone", batch))).toEqual([
          "success",
          "success",
          "success",
        ]);
        expect((await effects(db)).map(({ op, size }) => [op, size])).toEqual([
          ["INSERT", 1],
          ["INSERT", 2],
          ["INSERT", 3],
        ]);
      });

      test("that is idle in the pool", async () => {
        const { url, pool, heard } = await open();
        expect(statuses(await upload(url, "phone", [putThing(1)]))).toEqual(["success"]);
        expect(await kill("true")).toHaveLength(1);
        await until(() => heard.length > 0 && pool.totalCount === 0);
        expect(statuses(await upload(url, "phone", [putThing(2)]))).toEqual(["success"]);
      });

      test("that is idle in the pool, and asked before its end is heard of", async () => {
        const { url } = await open();
        for (let round = 0; round < 10; round++) {
          const transaction = putThing(round);
          const [, results] = await Promise.all([
            kill("true"),
            upload(url, "phone", [transaction]),
          ]);
          expect(["success", "retryable_error"]).toContain(results[0]?.status);
          await until(
            async () => statuses(await upload(url, "phone", [transaction]))[0] === "success",
          );
        }
        expect(await effects(db)).toHaveLength(10);
      });

      test("again and again, at random moments", async () => {
        const { url } = await open();
        let killed = 0;
        // A round may be over before it has been hit often enough.
        while (killed <= 5) {
          await emptyAll(db);
          const clients = Array.from({ length: 8 }, (_, client) =>
            Array.from({ length: 15 }, (_, index) => {
              const size = 100 * client + index;
              const crud = putThing(size).crud;
              return { crud: [...crud, ...(index % 5 === 4 ? poison(1) : putThing(size)).crud] };
            }),
          );
          let done = false;
          const killing = (async () => {
            while (!done) {
              killed += (await kill("state <> 'idle' order by random() limit 1")).length;
              await sleep(Math.random() * 15);
            }
          })();
          const outcomes = await Promise.all(
            clients.map((queue, client) =>
              uploadQueue(() => url, `phone ${client}`, queue, { inOneRequest: 5 }),
            ),
          ).finally(() => {
            done = true;
          });
          await killing;
          const applied = await effects(db);
          for (const [client, queue] of clients.entries()) {
            const bad = (_: unknown, index: number) => index % 5 === 4;
            expect(outcomes[client]).toEqual(
              queue.map((_, index) => (bad(_, index) ? "fatal_error" : "success")),
            );
            const mine = applied.filter(({ size }) => Math.floor(Number(size) / 100) === client);
            expect(mine.map(({ size }) => size)).toEqual(
              queue.flatMap((_, index) =>
                bad(_, index) ? [] : [100 * client + index, 100 * client + index],
              ),
            );
          }
          expect(await letters()).toHaveLength(8 * 3);
          expect(await count(db, "powersync_ledger")).toBe(8 * 15);
        }
      });

      test("between two statements of one transaction", async () => {
        let arrived = false;
        let goOn: () => void = () => undefined;
        const gate = new Promise<void>((resolve) => {
          goOn = resolve;
        });
        const { url, heard } = await open(
          {},
          {
            hooks: {
              persist: {
                after: async (_outcome, { operationIndex }) => {
                  if (operationIndex > 0 || arrived) return;
                  arrived = true;
                  await gate;
                },
              },
            },
          },
        );
        const transaction = { crud: [...putThing(1).crud, ...putThing(2).crud] };
        const answer = upload(url, "phone", [transaction]);
        await until(() => arrived);
        expect(await kill("state = 'idle in transaction'")).toHaveLength(1);
        await until(() => heard.length > 0);
        goOn();
        expect(statuses(await answer)).toEqual(["retryable_error"]);
        await nothingWritten();
        expect(statuses(await upload(url, "phone", [transaction]))).toEqual(["success"]);
        expect(await effects(db)).toHaveLength(2);
      });
    });

    describe("is stopped and started again", () => {
      test("every shape of upload is told to come again", async () => {
        const { url } = await open();
        expect(statuses(await upload(url, "phone", [putThing(1)]))).toEqual(["success"]);
        const batch = [poison(2), putThing(3)];
        const [single, demo] = [putThing(4), putThing(5)];
        const demoBody = {
          client_id: "demo",
          batch: demo.crud.map(({ op_data: data, ...entry }) => ({ ...entry, data })),
        };

        await own.stop();
        for (let round = 0; round < 3; round++) {
          expect(statuses(await upload(url, "phone", batch))).toEqual([
            "retryable_error",
            "not_attempted",
          ]);
          expect(await post(url, { client_id: "phone", ...single })).toMatchObject({
            status: 200,
            body: { status: "retryable_error" },
          });
          const answer = await post(url, demoBody);
          expect(answer.status).toBe(503);
          expect(Number(answer.retryAfter)).toBeGreaterThan(0);
          // An upload that can't be understood has a dead letter to be written too.
          expect(await post(url, { client_id: "phone", crud: [{ op: "UPSERT" }] })).toMatchObject({
            status: 200,
            body: { status: "retryable_error" },
          });
        }

        await own.start();
        // The first one after it is back.
        expect(statuses(await upload(url, "phone", [putThing(6)]))).toEqual(["success"]);
        expect(await letters()).toEqual([]);
        expect(statuses(await upload(url, "phone", batch))).toEqual([
          "fatal_error",
          "not_attempted",
        ]);
        expect(statuses(await upload(url, "phone", batch.slice(1)))).toEqual(["success"]);
        expect(await post(url, { client_id: "phone", ...single })).toMatchObject({
          body: { status: "success" },
        });
        expect(await post(url, demoBody)).toMatchObject({ status: 200 });
        expect(await letters()).toEqual(["CHECK_VIOLATION"]);
        expect((await effects(db)).map(({ size }) => size)).toEqual([1, 6, 3, 4, 5]);
      });

      test("under load, and nothing is lost or doubled", async () => {
        const { url } = await open();
        const transactions = Array.from({ length: 40 }, (_, index) => putThing(index));
        const sending = transactions.map(async (transaction, index) => {
          await until(async () => {
            const [result] = await upload(url, `phone ${index}`, [transaction]);
            if (result?.status !== "success") expect(result?.status).toBe("retryable_error");
            return result?.status === "success";
          });
        });
        await sleep(20);
        for (const end of [own.stop, own.crash, own.stop]) {
          await end();
          await own.start();
          await sleep(30);
        }
        await Promise.all(sending);
        expect(
          (await effects(db)).map(({ size }) => size).sort((a, b) => Number(a) - Number(b)),
        ).toEqual(transactions.map((_, index) => index));
        expect(await letters()).toEqual([]);
      });
    });

    describe("loses a connection during COMMIT", () => {
      const cuts: readonly Cut[] = [
        { at: commit, lose: "statement" },
        { at: commit, lose: "statement", reset: true },
        { at: commit, lose: "answer" },
        { at: commit, lose: "answer", reset: true },
      ];

      test.each(cuts)("of the data: %o", async (cut) => {
        const { url } = await open({ connectionString: appUrl({ port: proxy.port }) });
        const transaction = { crud: [...putThing(1).crud, ...putThing(2).crud] };
        const done = proxy.cut(cut);
        const [first] = await Promise.all([upload(url, "phone", [transaction]), done]);
        expect(statuses(first)).toEqual(["retryable_error"]);
        if (cut.lose === "statement") await nothingWritten();
        else expect(await effects(db)).toHaveLength(2);

        expect(statuses(await upload(url, "phone", [transaction]))).toEqual(["success"]);
        expect(await effects(db)).toHaveLength(2);
        expect(await count(db, "powersync_ledger")).toBe(1);
      });

      test.each(cuts.map((cut) => ({ ...cut, behind: "requiresClientHandling" })))(
        "of an answer that the client decides about: %o",
        async (cut) => {
          const asking = { deadLetters: { requiresClientHandling: () => true } };
          const { url } = await open({ connectionString: appUrl({ port: proxy.port }) }, asking);
          const transaction = { ...poison(1), handling: 0 };
          const done = proxy.cut(cut);
          const [first] = await Promise.all([upload(url, "phone", [transaction]), done]);
          expect(statuses(first)).toEqual(["retryable_error"]);
          expect(await count(db, "powersync_ledger")).toBe(cut.lose === "statement" ? 0 : 1);

          const again = await upload(url, "phone", [transaction]);
          expect(again).toMatchObject([
            { status: "fatal_error", failed_operation: { error_code: "CHECK_VIOLATION" } },
          ]);
          expect(await count(db, "powersync_ledger")).toBe(1);
          expect(await letters()).toEqual([]);
        },
      );

      test.each(cuts.map((cut) => ({ ...cut, behind: "powersync_dead_letters" })))(
        "of a dead letter: %o",
        async (cut) => {
          const { url } = await open({ connectionString: appUrl({ port: proxy.port }) });
          const transaction = { crud: [...putThing(1).crud, ...poison(2).crud] };
          const done = proxy.cut(cut);
          const [first] = await Promise.all([upload(url, "phone", [transaction]), done]);
          expect(statuses(first)).toEqual(["retryable_error"]);
          expect(await letters()).toHaveLength(cut.lose === "statement" ? 0 : 1);

          const second = await upload(url, "phone", [transaction]);
          const third = await upload(url, "phone", [transaction]);
          expect(second).toMatchObject([
            {
              status: "fatal_error",
              failed_operation: { error_code: "CHECK_VIOLATION", operation_index: 1 },
            },
          ]);
          expect(third).toEqual(second);
          expect(await letters()).toEqual(["CHECK_VIOLATION"]);
          expect(await count(db, "powersync_ledger")).toBe(1);
          expect(await effects(db)).toEqual([]);
        },
      );

      test("by crashing as a whole", async () => {
        const { url } = await open({ connectionString: appUrl({ port: proxy.port }) });
        const outcomes = new Set<number>();
        for (let round = 1; round <= 8; round++) {
          const transaction = {
            crud: [...putThing(2 * round).crud, ...putThing(2 * round + 1).crud],
          };
          const crashed = new Promise((resolve, reject) => {
            proxy.watch("commit", () => {
              void sleep(round % 3)
                .then(own.crash)
                .then(resolve, reject);
            });
          });
          const [results] = await Promise.all([upload(url, "phone", [transaction]), crashed]);
          await own.start();
          const written = (await effects(db)).length - 2 * (round - 1);
          outcomes.add(written);
          expect([0, 2]).toContain(written);
          // Success may have been heard before the crash; then it must be there.
          if (results[0]?.status === "success") expect(written).toBe(2);
          else expect(statuses(results)).toEqual(["retryable_error"]);
          expect(statuses(await upload(url, "phone", [transaction]))).toEqual(["success"]);
          expect(await effects(db)).toHaveLength(2 * round);
        }
        expect(outcomes.size).toBeGreaterThan(0);
        expect(await count(db, "powersync_ledger")).toBe(8);
      });

      test.each(["commit", 'insert into "powersync_ledger"', 'insert into "things"'])(
        "without a word, at %s, where the pool has a query_timeout",
        async (at) => {
          const { url } = await open({
            connectionString: appUrl({ port: proxy.port }),
            query_timeout: 300,
            max: 1,
          });
          const transaction = putThing(1);
          const done = proxy.cut({ at, lose: "silence" });
          const [results] = await Promise.all([upload(url, "phone", [transaction]), done]);
          expect(statuses(results)).toEqual(["retryable_error"]);
          // What the server finds out by itself, later.
          await kill("true");
          await nothingWritten();
          expect(statuses(await upload(url, "phone", [transaction]))).toEqual(["success"]);
          expect(await effects(db)).toHaveLength(1);
        },
      );

      test("without a word, and the server takes it for alive: what it has locked is free again in time", async () => {
        const { url } = await open(
          { connectionString: appUrl({ port: proxy.port }), query_timeout: 300 },
          { timeouts: { statementMs: 1000 } },
        );
        const transaction = putThing(1);
        const done = proxy.cut({ at: commit, lose: "silence" });
        const [results] = await Promise.all([upload(url, "phone", [transaction]), done]);
        expect(statuses(results)).toEqual(["retryable_error"]);
        try {
          await until(
            async () => statuses(await upload(url, "phone", [transaction]))[0] === "success",
            5000,
          );
        } finally {
          await kill("true");
        }
        expect(await effects(db)).toHaveLength(1);
      });

      test("without a word, while it was idle in the pool", async () => {
        const { url } = await open({
          connectionString: appUrl({ port: proxy.port }),
          query_timeout: 300,
          max: 1,
        });
        const transaction = putThing(1);
        expect(statuses(await upload(url, "phone", [putThing(0)]))).toEqual(["success"]);
        const done = proxy.cut({ at: "begin", lose: "silence" });
        const [results] = await Promise.all([upload(url, "phone", [transaction]), done]);
        expect(statuses(results)).toEqual(["retryable_error"]);
        expect(statuses(await upload(url, "phone", [transaction]))).toEqual(["success"]);
        expect(await effects(db)).toHaveLength(2);
      });
    });

    describe("can't be used", () => {
      const refused: readonly (readonly [string, () => pg.PoolConfig])[] = [
        ["a wrong password", () => ({ connectionString: appUrl({ password: "wrong" }) })],
        [
          "a database that does not exist",
          () => ({ connectionString: appUrl({ database: "missing" }) }),
        ],
        ["a port where nothing listens", () => ({ connectionString: appUrl({ port: 1 }) })],
        [
          "an address that never answers",
          () => ({ connectionString: appUrl({ port: proxy.port }) }),
        ],
      ];

      test.each(refused)("%s", async (name, poolConfig) => {
        if (name.includes("never answers")) void proxy.cut({ at: role, lose: "silence" });
        const { url } = await open({ ...poolConfig(), connectionTimeoutMillis: 400 });
        const results = await upload(url, "phone", [poison(1), putThing(2)]);
        expect(statuses(results)).toEqual(["retryable_error", "not_attempted"]);
        expect(JSON.stringify(results)).not.toMatch(/password|missing|127\.0\.0\.1|ECONN/);
        await nothingWritten();
      });

      test("a database that is made only after the server has started", async () => {
        const { url } = await open({ connectionString: appUrl({ database: "later" }) });
        const transaction = putThing(1);
        expect(statuses(await upload(url, "phone", [transaction]))).toEqual(["retryable_error"]);
        const attempt = open.bind(undefined, { connectionString: own.url("later") });
        const early = new Kysely<TestSchema>({
          dialect: new PostgresDialect({ pool: (await attempt()).pool }),
        });
        await expect(createTables(early)).rejects.toThrow();
        await own.query(`create database later owner ${role}`);
        try {
          // The database is there, its tables are not.
          expect(statuses(await upload(url, "phone", [transaction]))).toEqual(["retryable_error"]);
          await own.query(
            `set role ${role}; create table things (id uuid primary key, size integer)`,
            "later",
          );
          const later = guardPool(
            new pg.Pool({ connectionString: appUrl({ database: "later" }), max: 1 }),
          );
          const laterDb = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool: later }) });
          await createTables(laterDb);
          await until(
            async () => statuses(await upload(url, "phone", [transaction]))[0] === "success",
          );
          expect(await count(laterDb, "things")).toBe(1);
          expect(await count(laterDb, "powersync_dead_letters")).toBe(0);
          await laterDb.destroy();
        } finally {
          await own.query("drop database later with (force)");
        }
      });

      test("read-only", async () => {
        const { url } = await open();
        await own.query("alter database app set default_transaction_read_only = on");
        try {
          for (const transaction of [putThing(1), poison(2)]) {
            expect(statuses(await upload(url, "phone", [transaction]))).toEqual([
              "retryable_error",
            ]);
          }
        } finally {
          await own.query("alter database app reset default_transaction_read_only");
        }
        await nothingWritten();
        await kill("true");
        await until(
          async () => statuses(await upload(url, "phone", [putThing(3)]))[0] === "success",
        );
      });

      test("no connection left in the pool", async () => {
        const { url, pool } = await open({ max: 2, connectionTimeoutMillis: 300 });
        const held = await Promise.all([pool.connect(), pool.connect()]);
        // They are held until it has been answered.
        const results = await upload(url, "phone", [poison(1), putThing(2)]);
        expect(statuses(results)).toEqual(["retryable_error", "not_attempted"]);
        for (const client of held) client.release();
        await nothingWritten();
        expect(statuses(await upload(url, "phone", [putThing(2)]))).toEqual(["success"]);
      });

      test("no connection left in the server", async () => {
        const { url } = await open();
        await own.query(`alter role ${role} connection limit 0`);
        try {
          expect(statuses(await upload(url, "phone", [putThing(1)]))).toEqual(["retryable_error"]);
        } finally {
          await own.query(`alter role ${role} connection limit -1`);
        }
        await nothingWritten();
        expect(statuses(await upload(url, "phone", [putThing(1)]))).toEqual(["success"]);
      });

      const broken = [
        [
          "powersync_ledger",
          "is missing",
          "alter table powersync_ledger rename to away",
          "alter table away rename to powersync_ledger",
        ],
        [
          "powersync_ledger",
          "is not writable",
          "revoke insert on powersync_ledger from app",
          "grant insert on powersync_ledger to app",
        ],
        [
          "powersync_ledger",
          "is not readable",
          "revoke select on powersync_ledger from app",
          "grant select on powersync_ledger to app",
        ],
        [
          "powersync_dead_letters",
          "is missing",
          "alter table powersync_dead_letters rename to away",
          "alter table away rename to powersync_dead_letters",
        ],
        [
          "powersync_dead_letters",
          "is not writable",
          "revoke insert on powersync_dead_letters from app",
          "grant insert on powersync_dead_letters to app",
        ],
      ] as const;

      test.each(broken)("%s %s", async (table, how, spoil, mend) => {
        const { url } = await open();
        const [good, bad] = [putThing(1), poison(2)];
        // Each upload asks, with its ledger row, whether letters of the caller's wait.
        const takesGood = table === "powersync_dead_letters" && how !== "is missing";
        await own.query(spoil, "app");
        try {
          for (let round = 0; round < 2; round++) {
            const goodThere = takesGood ? "success" : "retryable_error";
            expect(statuses(await upload(url, "phone", [good]))).toEqual([goodThere]);
            expect(statuses(await upload(url, "phone", [bad]))).toEqual(["retryable_error"]);
          }
          expect(await effects(db)).toHaveLength(takesGood ? 1 : 0);
        } finally {
          await own.query(mend, "app");
        }
        expect(await letters()).toEqual([]);
        expect(statuses(await upload(url, "phone", [good, bad]))).toEqual([
          "success",
          "fatal_error",
        ]);
        expect(await effects(db)).toHaveLength(1);
        expect(await letters()).toEqual(["CHECK_VIOLATION"]);
      });
    });

    describe("is asked by", () => {
      test("a client who leaves in the middle of a batch", async () => {
        const { url, events } = await open();
        await sql`insert into delay values (0.5)`.execute(db);
        const batch = [1, 2, 3, 4, 5].map((id) => putThing(id, id === 2 ? { code: "slow" } : {}));
        const leaving = new AbortController();
        const answer = upload(url, "phone", batch, { signal: leaving.signal });
        const left = expect(answer).rejects.toThrow(/abort/i);
        await until(async () => {
          const sleeping = await own.query(
            `select 1 from pg_stat_activity where wait_event = 'PgSleep'`,
          );
          return sleeping.length > 0;
        });
        leaving.abort();
        await left;
        await until(() => events.some(({ type }) => type === "request"));
        expect((await effects(db)).map(({ size }) => size)).toEqual([1, 2]);
        expect(events.filter(({ type }) => type === "transaction")).toMatchObject([
          { status: "success" },
          { status: "success" },
        ]);

        expect(statuses(await upload(url, "phone", batch))).toEqual(batch.map(() => "success"));
        expect((await effects(db)).map(({ size }) => size)).toEqual([1, 2, 3, 4, 5]);
      });

      test("a client who comes again while the first request is still at work", async () => {
        const { url } = await open();
        await sql`insert into delay values (0.3)`.execute(db);
        const batch = [1, 2, 3].map((id) => putThing(id, id === 2 ? { code: "slow" } : {}));
        const leaving = new AbortController();
        const answer = upload(url, "phone", batch, { signal: leaving.signal });
        const left = expect(answer).rejects.toThrow(/abort/i);
        await until(async () => (await effects(db)).length === 1);
        leaving.abort();
        await left;
        expect(statuses(await upload(url, "phone", batch))).toEqual(batch.map(() => "success"));
        expect((await effects(db)).map(({ size }) => size)).toEqual([1, 2, 3]);
      });

      test("a hook that hides a statement's failure: COMMIT answers ROLLBACK, and that is no success", async () => {
        let hide = true;
        const { url } = await open(
          {},
          {
            hooks: {
              persist: {
                after: async (_outcome, { tx }) => {
                  if (hide) await sql`select 1 / 0`.execute(tx).catch(() => undefined);
                },
              },
            },
          },
        );
        expect(statuses(await upload(url, "phone", [putThing(1)]))).toEqual(["retryable_error"]);
        await nothingWritten();
        hide = false;
        expect(statuses(await upload(url, "phone", [putThing(1)]))).toEqual(["success"]);
      });

      test("a hook that does not wait for its statement", async () => {
        const { url } = await open(
          {},
          {
            hooks: {
              persist: {
                after: (_outcome, { tx }) => {
                  void sql`select 1 / 0`.execute(tx).catch(() => undefined);
                },
              },
            },
          },
        );
        expect(statuses(await upload(url, "phone", [putThing(1)]))).toEqual(["retryable_error"]);
        await nothingWritten();
      });
    });
  });
});
