/** Transactions that meet: in one process, in several, on the same rows, and with themselves. */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createTables, createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { createPostgresDatabase } from "../support/databases.js";
import { postgresTables } from "../support/postgres.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { startUploadProcess } from "../support/upload-process.js";
import {
  count,
  effects,
  emptyAll,
  poison,
  putThing,
  statuses,
  traceEffects,
  until,
  upload,
  type WireResult,
  type WireTransaction,
} from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const available = await postgresAvailable();
type Config = Partial<WritesConfig<TestPrincipal, TestSchema>>;
/** Sends one transaction of one client, as one device would. */
type Send = (
  client: string,
  transactions: readonly WireTransaction[],
  user?: string,
) => Promise<readonly WireResult[]>;

describe.skipIf(!available)("transactions that meet on Postgres", () => {
  let url: string;
  let drop: () => Promise<void>;
  let db: Kysely<TestSchema>;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    ({ url, drop } = await createPostgresDatabase());
    // Deadlocks are waited for on purpose here.
    const name = new URL(url).pathname.slice(1);
    db = connect(3);
    await sql`alter database ${sql.ref(name)} set deadlock_timeout = '50ms'`.execute(db);
    await db.destroy();
    db = connect(3);
    for (const statement of postgresTables) await sql.raw(statement).execute(db);
    await createTables(db);
    await traceEffects(db);
    await sql`create table counter (n integer not null)`.execute(db);
  });

  afterAll(async () => {
    await db?.destroy();
    await drop?.();
  });

  beforeEach(async () => {
    await emptyAll(db);
    await sql`delete from counter`.execute(db);
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const connect = (max: number, options?: string) =>
    new Kysely<TestSchema>({
      dialect: new PostgresDialect({
        pool: guardPool(
          new pg.Pool({
            connectionString: url,
            connectionTimeoutMillis: 20_000,
            max,
            ...(options !== undefined && { options }),
          }),
        ),
      }),
    });

  /** As one process would: a Writes and a pool of its own. */
  const open = (
    config: Config = {},
    options?: string,
  ): Send & { readonly events: readonly WriteEvent[] } => {
    const database = connect(10, options);
    closing.push(() => database.destroy());
    const events: WriteEvent[] = [];
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(database),
      // One caller stands for many.
      limits: { concurrentRequests: 1_000 },
      onEvent: (event) => void events.push(event),
      ...config,
    });
    const send: Send = async (client_id, transactions, userId = "alice") => {
      const request = new Request("http://localhost/api/data", {
        method: "POST",
        body: JSON.stringify({ client_id, transactions }),
      });
      const { status, body } = await writes.handle({
        method: "POST",
        url: "/api/data",
        headers: new Headers({
          authorization: `Bearer ${userId}`,
          "content-type": "application/json",
        }),
        body: () => request.bytes(),
        signal: new AbortController().signal,
      });
      if (status !== 200) throw new Error(`Answered ${status}: ${body}`);
      return (JSON.parse(body) as { results: readonly WireResult[] }).results;
    };
    return Object.assign(send, { events });
  };

  /** As a client does: again and again, until it is done. A fatal answer is an end too. */
  const untilDone = async (send: Send, client: string, transaction: WireTransaction) => {
    let tries = 0;
    let last: WireResult | undefined;
    await until(async () => {
      tries += 1;
      [last] = await send(client, [transaction]);
      return last?.status !== "retryable_error";
    });
    return { status: last?.status, tries };
  };

  const times = <T>(number: number, make: (index: number) => T): readonly T[] =>
    Array.from({ length: number }, (_, index) => make(index));

  describe("the same transaction many times at once", () => {
    const transaction: WireTransaction = {
      crud: [1, 2].flatMap((opId) => putThing(opId).crud),
    };

    const appliedOnce = async (answers: readonly (readonly WireResult[])[]) => {
      expect(answers).toHaveLength(50);
      expect(new Set(answers.flatMap(statuses))).toEqual(new Set(["success"]));
      expect((await effects(db)).map(({ op, size }) => [op, size])).toEqual([
        ["INSERT", 1],
        ["INSERT", 2],
      ]);
      expect(await count(db, "powersync_ledger")).toBe(1);
      expect(await count(db, "powersync_dead_letters")).toBe(0);
    };

    test("in one process", async () => {
      let committed = 0;
      const send = open({ hooks: { committed: () => void (committed += 1) } });
      await appliedOnce(await Promise.all(times(50, () => send("phone", [transaction]))));
      expect(committed).toBe(1);
    });

    test("over two pools", async () => {
      let committed = 0;
      const config = { hooks: { committed: () => void (committed += 1) } };
      const sends = [open(config), open(config)];
      await appliedOnce(
        await Promise.all(sends.flatMap((send) => times(25, () => send("phone", [transaction])))),
      );
      expect(committed).toBe(1);
    });

    test("over two processes", async () => {
      const servers = await Promise.all([startUploadProcess(url), startUploadProcess(url)]);
      closing.push(...servers.map(({ kill }) => kill));
      await appliedOnce(
        await Promise.all(
          servers.flatMap((server) => times(25, () => upload(server.url, "phone", [transaction]))),
        ),
      );
    });

    test("that can't be applied: one dead letter, one answer", async () => {
      const letters: unknown[] = [];
      const config: Config = { deadLetters: { onRecorded: (letter) => void letters.push(letter) } };
      const sends = [open(config), open(config)];
      const bad = { crud: [...putThing(1).crud, ...poison(2).crud] };
      const answers = await Promise.all(
        sends.flatMap((send) => times(25, () => send("phone", [bad]))),
      );
      expect(answers[0]).toMatchObject([
        {
          status: "fatal_error",
          failed_operation: { error_code: "CHECK_VIOLATION", operation_index: 1 },
        },
      ]);
      for (const answer of answers) expect(answer).toEqual(answers[0]);
      expect(await count(db, "powersync_dead_letters")).toBe(1);
      expect(await count(db, "powersync_ledger")).toBe(1);
      expect(await effects(db)).toEqual([]);
      expect(letters).toHaveLength(1);
      expect(
        sends.flatMap(({ events }) => events).filter(({ type }) => type === "dead_letter"),
      ).toHaveLength(1);
    });

    test("that one attempt finds impossible and another does not: applied or recorded, never both", async () => {
      const sends = [open(), open()];
      const outcomes = { applied: 0, recorded: 0 };
      for (let round = 1; round <= 25; round++) {
        await emptyAll(db);
        const [parent, child] = [crypto.randomUUID(), crypto.randomUUID()];
        const orphan = putThing(round, { parent_id: parent }, child);
        const mended = new Promise((resolve) => setTimeout(resolve, round % 8)).then(() =>
          db.insertInto("things").values({ id: parent, size: 0 }).execute(),
        );
        const answers = await Promise.all(
          sends.flatMap((send) => times(2, () => send("phone", [orphan]))),
        );
        await mended;
        const heard = new Set(answers.flatMap(statuses));
        const applied = (await effects(db)).filter(({ id }) => id === child).length;
        const recorded = await count(db, "powersync_dead_letters");
        expect([applied, recorded]).toEqual(heard.has("fatal_error") ? [0, 1] : [1, 0]);
        expect(heard.size).toBe(1);
        for (const send of sends)
          expect(new Set(statuses(await send("phone", [orphan])))).toEqual(heard);
        outcomes[applied === 1 ? "applied" : "recorded"] += 1;
      }
      expect(outcomes.applied + outcomes.recorded).toBe(25);
    });
  });

  describe("different transactions on the same rows", () => {
    test("in opposite orders: deadlocks are the server's business", async () => {
      const sends = [open(), open()];
      const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
      await db
        .insertInto("things")
        .values([
          { id: a, size: 0 },
          { id: b, size: 0 },
        ])
        .execute();
      const patch = (id: string, opId: number, size: number) => ({
        op: "PATCH" as const,
        table: "things",
        id,
        op_id: opId,
        op_data: { size },
      });
      const answers = await Promise.all(
        times(20, async (index) => {
          const rows = index % 2 === 0 ? [a, b] : [b, a];
          const crud = rows.map((id, step) => patch(id, step + 1, index + 1));
          return untilDone(sends[index % sends.length] ?? open(), `phone ${index}`, { crud });
        }),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(["success"]));
      const written = (await effects(db)).filter(({ op }) => op === "UPDATE");
      expect(written).toHaveLength(40);
      for (let index = 0; index < 40; index += 2) {
        const [first, second] = [written[index], written[index + 1]];
        expect(first?.size).toBe(second?.size);
        expect(first?.id).not.toBe(second?.id);
      }
      const rows = await db.selectFrom("things").select("size").execute();
      expect(rows[0]?.size).toBe(rows[1]?.size);
      expect(await count(db, "powersync_dead_letters")).toBe(0);
    });

    test.each(["repeatable read", "serializable"])(
      "isolated as %s: counters count",
      async (level) => {
        await sql`insert into counter values (0)`.execute(db);
        // Read, then written: wrong wherever two of them do not see each other.
        const config: Config = {
          hooks: {
            persist: {
              after: async (_outcome, { tx }) => {
                const { rows } = await sql<{ n: number }>`select n from counter`.execute(tx);
                await sql`update counter set n = ${Number(rows[0]?.n) + 1}`.execute(tx);
              },
            },
          },
        };
        const options = `-c default_transaction_isolation=${level.replace(" ", "\\ ")}`;
        const sends = [open(config, options), open(config, options)];
        const answers = await Promise.all(
          times(40, (index) =>
            // Two at once for each: its own copy is in the way, too.
            Promise.all(
              sends.map((send) => untilDone(send, `phone ${index}`, putThingOnce(index))),
            ),
          ),
        );
        expect(new Set(answers.flat().map(({ status }) => status))).toEqual(new Set(["success"]));
        const { rows } = await sql<{ n: number }>`select n from counter`.execute(db);
        expect(rows).toEqual([{ n: 40 }]);
        expect(await effects(db)).toHaveLength(40);
        expect(await count(db, "powersync_ledger")).toBe(40);
        expect(await count(db, "powersync_dead_letters")).toBe(0);
      },
    );

    const ids = times(40, () => crypto.randomUUID() as string);
    const putThingOnce = (index: number) => putThing(index, {}, ids[index]);
  });

  describe("one client's batch sent again while it is under way", () => {
    test.each([1, 2])("over %i pools: in order, each once", async (pools) => {
      const sends = times(pools, () => open());
      const id = crypto.randomUUID();
      const batch = times(20, (index) => putThing(index + 1, {}, id));
      const answers = await Promise.all(
        times(4, async (index) => {
          await new Promise((resolve) => setTimeout(resolve, 7 * index));
          return (sends[index % pools] ?? open())("phone", batch);
        }),
      );
      for (const answer of answers) expect(statuses(answer)).toEqual(batch.map(() => "success"));
      expect((await effects(db)).map(({ size }) => size)).toEqual(
        batch.map((_, index) => index + 1),
      );
    });

    test("with one that can't be applied in the middle: what follows it waits for its dead letter", async () => {
      const sends = [open({ onFatal: "skip" }), open({ onFatal: "skip" })];
      const batch = times(9, (index) => (index === 4 ? poison(5) : putThing(index + 1)));
      const expected = batch.map((_, index) => (index === 4 ? "fatal_error" : "success"));
      const answers = await Promise.all(
        sends.flatMap((send) => times(3, () => send("phone", batch))),
      );
      for (const answer of answers) expect(statuses(answer)).toEqual(expected);
      expect((await effects(db)).map(({ size }) => size)).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
      expect(await count(db, "powersync_dead_letters")).toBe(1);
    });
  });

  describe("a transaction sent again later", () => {
    test("leaves somebody else's change as it is", async () => {
      const send = open();
      const id = crypto.randomUUID();
      const transaction = putThing(1, { code: "first" }, id);
      await send("phone", [transaction]);
      await db.updateTable("things").set({ code: "changed" }).where("id", "=", id).execute();
      expect(statuses(await send("phone", [transaction]))).toEqual(["success"]);
      expect(await db.selectFrom("things").select("code").execute()).toEqual([{ code: "changed" }]);
    });

    test("does not bring back what somebody else has deleted", async () => {
      const [send, other] = [open(), open()];
      const transaction = putThing(1);
      await send("phone", [transaction]);
      await db.deleteFrom("things").execute();
      expect(statuses(await other("phone", [transaction]))).toEqual(["success"]);
      expect(await count(db, "things")).toBe(0);
    });

    test("with operation ids begun again and other content is another one", async () => {
      const send = open();
      const id = crypto.randomUUID();
      for (const size of [1, 2, 3]) {
        expect(statuses(await send("phone", [putThing(1, { size }, id)]))).toEqual(["success"]);
      }
      expect((await effects(db)).map(({ size }) => size)).toEqual([1, 2, 3]);
    });

    test("by another user of the same device is another one", async () => {
      const send = open();
      const transaction = putThing(1);
      for (const user of ["alice", "bob", "alice", "bob"]) {
        expect(statuses(await send("phone", [transaction], user))).toEqual(["success"]);
      }
      expect((await effects(db)).map(({ op }) => op)).toEqual(["INSERT", "UPDATE"]);
      expect(await count(db, "powersync_ledger")).toBe(2);
    });
  });
});
