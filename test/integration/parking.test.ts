/** Transactions that fail again and again: which become dead letters, and when; and which never do. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  createTables,
  createWrites,
  type Principal,
  retryable,
  type TransactionResult,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { openByUrl } from "../support/by-url.js";
import { createTestTables, dialects, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { shared } from "../support/shared.js";
import { startUploadProcess } from "../support/upload-process.js";
import { putThing, until, upload } from "../support/uploads.js";

type Config = Partial<WritesConfig<Principal, TestSchema>>;
type Db = Kysely<TestSchema>;

const principal = { userId: "alice" };
const clientId = "phone";
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const put = (opId: number | undefined, name: string, id = uuid(opId ?? 0)) => ({
  crud: [
    {
      op: "PUT",
      table: "lists",
      id,
      ...(opId !== undefined && { op_id: opId }),
      op_data: { name },
    },
  ],
});
const poison = put(1, "poison");
const exhausted = { status: "fatal_error", failedOperation: { errorCode: "RETRIES_EXHAUSTED" } };
const retryLater = { status: "retryable_error" };
const success = { status: "success" };

/** A bug that one transaction brings out. */
let failure: () => unknown = () => new Error("bug");
function configOf(db: Db, config: Config = {}): WritesConfig<Principal, TestSchema> {
  return {
    authenticate: anonymous(),
    database: db,
    tables: { lists: { access: "everyone" }, things: { access: "everyone" } },
    parking: { attempts: 3 },
    authorize: ({ values }) => {
      if (values.name === "poison") throw failure();
    },
    ...config,
  };
}

/** Sends the same so many times, and gives the last answer. */
async function fail(
  writes: Writes<Principal>,
  times: number,
  body: unknown = poison,
  options: { readonly userId?: string; readonly clientId?: string | undefined } = { clientId },
): Promise<TransactionResult | undefined> {
  const { userId = "alice", clientId: client } = options;
  let result: TransactionResult | undefined;
  for (let time = 0; time < times; time += 1) {
    result = await writes.processTransaction(body, {
      principal: { userId },
      ...(client !== undefined && { clientId: client }),
    });
  }
  return result;
}

/** Somebody else's, so that it is seen that the system works. */
let counter = 1_000;
async function succeed(writes: Writes<Principal>): Promise<void> {
  counter += 1;
  // Times are compared to the millisecond on SQLite.
  await new Promise((resolve) => setTimeout(resolve, 5));
  const bob = { principal: { userId: "bob" }, clientId: "tablet" };
  expect(await writes.processTransaction(put(counter, "fine"), bob)).toEqual(success);
  await new Promise((resolve) => setTimeout(resolve, 5));
}

/** As if it had failed so many hours before for the first time, or for the last. */
async function age(db: Db, column: "first_failed_at" | "last_failed_at", hours: number) {
  const then = new Date(Date.now() - hours * 3_600_000).toISOString();
  const text = then.replace("T", " ").replace("Z", "");
  await sql`update powersync_attempts set ${sql.ref(column)} = ${text}`.execute(db);
}

const counts = async (db: Db) =>
  (await db.selectFrom("powersync_attempts").select("attempts").execute()).map(({ attempts }) =>
    Number(attempts),
  );
const letters = async (db: Db) =>
  (await db.selectFrom("powersync_dead_letters").selectAll().execute()).map((letter) => ({
    ...letter,
    payload: JSON.parse(letter.payload) as unknown,
  }));

describe.each(dialects)("parking on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Db;
  let events: WriteEvent[] = [];
  const open = (config: Config = {}): Writes<Principal> =>
    createWrites(configOf(db, { onEvent: (event) => void events.push(event), ...config }));

  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db;
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    failure = () => new Error("bug");
    events = [];
    await database?.reset();
  });
  afterAll(async () => database?.close());

  it("records what has failed too often and for too long, while others don't", async () => {
    const writes = open();
    await succeed(writes);
    expect(await fail(writes, 4)).toMatchObject(retryLater);
    expect(await counts(db)).toEqual([4]);
    await succeed(writes);
    // Often enough, but not for long enough.
    expect(await fail(writes, 1)).toMatchObject(retryLater);
    await age(db, "first_failed_at", 25);
    // Both, but nothing has been applied since the failure before.
    expect(await fail(writes, 2)).toMatchObject(retryLater);
    expect(await letters(db)).toEqual([]);
    await succeed(writes);
    const parked = await fail(writes, 1);
    expect(parked).toMatchObject({
      ...exhausted,
      message: expect.stringContaining("too many times") as unknown,
      failedOperation: { operationIndex: 0 },
      requiresClientHandling: false,
    });
    expect(await letters(db)).toMatchObject([
      {
        status: "open",
        error_code: "RETRIES_EXHAUSTED",
        user_id: "alice",
        client_id: clientId,
        payload: poison,
      },
    ]);
    expect(await counts(db)).toEqual([]);
    expect(events.filter(({ type }) => type === "dead_letter")).toHaveLength(1);

    // The answer stands, also when it could be applied by now.
    failure = () => undefined;
    expect(await fail(writes, 2)).toEqual(parked);
    expect(await letters(db)).toHaveLength(1);
    expect(await counts(db)).toEqual([]);
  });

  it("leaves what has failed for long, but not often", async () => {
    const writes = open({ parking: { attempts: 5 } });
    await fail(writes, 1);
    await age(db, "first_failed_at", 500);
    for (let time = 2; time <= 4; time += 1) {
      await succeed(writes);
      expect(await fail(writes, 1)).toMatchObject(retryLater);
    }
    await succeed(writes);
    expect(await fail(writes, 1)).toMatchObject(exhausted);
  });

  it("leaves everything where everything fails", async () => {
    const writes = open();
    await succeed(writes);
    const before = { principal: { userId: "bob" }, clientId: "tablet" };
    const old = put(counter, "fine");
    await fail(writes, 3);
    await age(db, "first_failed_at", 100);
    for (let time = 0; time < 5; time += 1) {
      // What only proves that the ledger can be read, or that something can be refused.
      expect(await writes.processTransaction(old, before)).toEqual(success);
      const refused = { crud: [{ op: "DELETE", table: "nowhere", id: "1", op_id: 5 + time }] };
      expect(await writes.processTransaction(refused, before)).toMatchObject({
        status: "fatal_error",
      });
      // A process that has just been started, too.
      expect(await fail(time % 2 === 0 ? writes : open(), 1)).toMatchObject(retryLater);
    }
    expect(await counts(db)).toEqual([8]);
    const codes = (await letters(db)).map(({ error_code }) => error_code);
    expect(codes).not.toContain("RETRIES_EXHAUSTED");
    // Another process has applied something.
    await succeed(open());
    expect(await fail(writes, 1)).toMatchObject(exhausted);
  });

  it.each([
    ["an outage", () => Object.assign(new Error("x"), { code: "ECONNREFUSED" })],
    ["an outage in the application's words", () => new Error("Connection terminated")],
  ])("does not count %s", async (_name, thrown) => {
    failure = thrown;
    expect(await fail(open(), 4)).toMatchObject(retryLater);
    expect(await counts(db)).toEqual([]);
  });

  /** A database that is far away. */
  const far = {
    persist: { before: () => new Promise<void>((resolve) => setTimeout(resolve, 20)) },
  };
  const large = {
    crud: Array.from({ length: 100 }, (_, index) => ({
      ...put(index + 1, "fine").crud[0],
    })),
  };

  it("counts a transaction that is too large for its time, and records it in the end", async () => {
    const slow = open({ hooks: far, timeouts: { transactionMs: 800 }, parking: { attempts: 2 } });
    const near = open();
    const counted = async (least: number) => {
      // Where the machine itself stops for a while, that may be somebody else's fault, and is not counted.
      for (let time = 0; time < 20; time += 1) {
        const answer = await fail(slow, 1, large);
        if (answer?.status === "fatal_error") return answer;
        expect(answer).toMatchObject(retryLater);
        if (((await counts(db))[0] ?? 0) >= least) return answer;
      }
      throw new Error("It was never counted.");
    };
    await counted(1);
    await age(db, "first_failed_at", 25);
    await counted(2);
    // Nothing else has been applied.
    expect(await letters(db)).toEqual([]);
    await succeed(near);
    expect(await counted(3)).toMatchObject(exhausted);
    expect(await letters(db)).toMatchObject([{ error_code: "RETRIES_EXHAUSTED", payload: large }]);
  });

  it("does not count a transaction that waited for others, however short its time", async ({
    skip,
  }) => {
    skip(!dialect.concurrent, "One connection: nobody else is there.");
    await succeed(open());
    await db
      .insertInto("lists")
      .values({ id: uuid(1), name: "one" })
      .execute();
    await db.transaction().execute(async (tx) => {
      await tx.updateTable("lists").set({ name: "locked" }).where("id", "=", uuid(1)).execute();
      // Long enough to come to the lock on a busy machine, too.
      const hurried = open({ timeouts: { transactionMs: 2_000 } });
      expect(await fail(hurried, 1, put(1, "fine"))).toMatchObject(retryLater);
    });
    expect(await counts(db)).toEqual([]);
  });

  it("counts what the application itself calls retryable", async () => {
    failure = () => retryable("The quota is used up.", 1000);
    const writes = open();
    await fail(writes, 3);
    await age(db, "first_failed_at", 25);
    await succeed(writes);
    expect(await fail(writes, 1)).toMatchObject({
      ...exhausted,
      message: "It was tried too many times without success. The quota is used up.",
    });
  });

  it("counts neither what an unreadable integer stops nor what is fatal or applied", async () => {
    const writes = open();
    const big = 2 ** 60;
    const body = {
      crud: [{ op: "PUT", table: "things", id: uuid(9), op_id: 9, op_data: { big } }],
    };
    expect(await fail(writes, 1, body)).toMatchObject(retryLater);
    await fail(writes, 1, put(10, "fine"));
    await fail(writes, 1, { crud: [{ op: "DELETE", table: "nowhere", id: "1", op_id: 11 }] });
    expect(await counts(db)).toEqual([]);
  });

  it("asks whether the client handles it, and then records nothing", async () => {
    const asked: string[] = [];
    const writes = open({
      deadLetters: { requiresClientHandling: ({ errorCode }) => asked.push(errorCode) > 0 },
    });
    await fail(writes, 3);
    await age(db, "first_failed_at", 25);
    for (let time = 0; time < 2; time += 1) {
      await succeed(writes);
      expect(await fail(writes, 1)).toMatchObject({
        ...exhausted,
        requiresClientHandling: true,
      });
    }
    expect(asked).toEqual(["RETRIES_EXHAUSTED", "RETRIES_EXHAUSTED"]);
    expect(await letters(db)).toEqual([]);
    expect(await counts(db)).toEqual([5]);
  });

  it("needs no ids: each user's content is counted for itself", async () => {
    const writes = open();
    const nameless = put(undefined, "poison", uuid(5));
    await fail(writes, 3, nameless, {});
    await fail(writes, 1, nameless, { userId: "carol" });
    await fail(writes, 1, put(undefined, "poison", uuid(6)), {});
    expect((await counts(db)).toSorted((a, b) => a - b)).toEqual([1, 1, 3]);
    await age(db, "first_failed_at", 25);
    await succeed(writes);
    expect(await fail(writes, 1, nameless, { userId: "carol" })).toMatchObject(retryLater);
    expect(await fail(writes, 1, nameless, {})).toMatchObject(exhausted);
    expect(await letters(db)).toMatchObject([{ user_id: "alice", client_id: null }]);
    expect((await counts(db)).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  it("begins anew with content without ids that has not failed for a day", async () => {
    const writes = open();
    const nameless = put(undefined, "poison", uuid(5));
    await fail(writes, 5, nameless, {});
    await age(db, "first_failed_at", 50);
    await age(db, "last_failed_at", 25);
    await succeed(writes);
    expect(await fail(writes, 1, nameless, {})).toMatchObject(retryLater);
    expect(await counts(db)).toEqual([1]);
    expect(await fail(writes, 2, nameless, {})).toMatchObject(retryLater);
    expect(await counts(db)).toEqual([3]);
  });

  it("forgets what has been applied in the end", async () => {
    const writes = open();
    const nameless = put(undefined, "poison", uuid(5));
    await fail(writes, 2, nameless, {});
    await fail(writes, 2);
    expect(await counts(db)).toEqual([2, 2]);
    const sound = open({ authorize: () => undefined });
    // Another process does not know of it; this one does.
    expect(await fail(sound, 1, nameless, {})).toEqual(success);
    expect(await counts(db)).toEqual([2, 2]);
    failure = () => retryable("once more");
    await fail(writes, 1, nameless, {});
    const values: { name: unknown }[] = [];
    const mended = open({
      authorize: (write) => {
        values.push({ name: write.values.name });
        if (values.length < 3) throw new Error("bug");
      },
    });
    await fail(mended, 1, nameless, {});
    await fail(mended, 1);
    expect((await counts(db)).toSorted((a, b) => a - b)).toEqual([3, 4]);
    expect(await fail(mended, 1, nameless, {})).toEqual(success);
    expect(await fail(mended, 1)).toEqual(success);
    expect(await counts(db)).toEqual([]);
  });

  it("works without a ledger: by what this process has applied", async () => {
    const writes = open({ ledger: false });
    await fail(writes, 3);
    await age(db, "first_failed_at", 25);
    expect(await fail(writes, 1)).toMatchObject(retryLater);
    await succeed(writes);
    // Of this it knows nothing.
    expect(await fail(open({ ledger: false }), 1)).toMatchObject(retryLater);
    // It is sure to lie behind what has been applied, however close the clocks.
    await age(db, "last_failed_at", -1);
    expect(await fail(writes, 1)).toMatchObject(retryLater);
    // Postgres' clock stands still within a transaction, and the process's does not: a busy machine takes for earlier what has been applied.
    await age(db, "last_failed_at", 1);
    await succeed(writes);
    expect(await fail(writes, 1)).toMatchObject(exhausted);
    expect(await letters(db)).toMatchObject([{ error_code: "RETRIES_EXHAUSTED", payload: poison }]);
    expect(await counts(db)).toEqual([]);
  });

  it("can be off", async () => {
    const writes = open({ parking: false });
    await succeed(writes);
    expect(await fail(writes, 30)).toMatchObject(retryLater);
    expect(await counts(db)).toEqual([]);
  });

  it("changes no answer where it can't count", async () => {
    const ownTables = { names: { powersync_attempts: "nowhere" } };
    const writes = open({ ownTables });
    expect(await writes.ready()).toMatchObject({ ready: false });
    expect(await open({ ownTables, parking: false }).ready()).toEqual({ ready: true });
    await succeed(writes);
    expect(await fail(writes, 5)).toMatchObject({
      ...retryLater,
      message: expect.any(String) as unknown,
    });
    const ignored = events.filter((event) => event.type === "error" && event.during === "parking");
    expect(ignored).toHaveLength(5);
    expect(ignored[0]).toMatchObject({ outcome: "ignored" });
    expect(await letters(db)).toEqual([]);
  });

  it("stays queued where the letter can't be recorded, and is recorded when it can", async () => {
    let broken = true;
    const writes = open({
      deadLetter: (letter, _context, next) => {
        if (broken) throw new Error("disk");
        return next(letter);
      },
    });
    await fail(writes, 3);
    await age(db, "first_failed_at", 25);
    await succeed(writes);
    expect(await fail(writes, 1)).toMatchObject(retryLater);
    expect(await letters(db)).toEqual([]);
    expect(await counts(db)).toEqual([4]);
    broken = false;
    await succeed(writes);
    expect(await fail(writes, 1)).toMatchObject(exhausted);
    expect(await letters(db)).toHaveLength(1);
    expect(await counts(db)).toEqual([]);
  });

  it("lets the rest of the queue go on", async () => {
    const writes = open({ onFatal: "skip" });
    await fail(writes, 3);
    await age(db, "first_failed_at", 25);
    const batch = { transactions: [poison, put(2, "behind")] };
    const send = () => writes.processBatch(batch, { principal, clientId });
    expect(await send()).toMatchObject([retryLater, { status: "not_attempted" }]);
    await succeed(writes);
    expect(await send()).toMatchObject([exhausted, success]);
  });

  it("counts what shares one execution once", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let tried = 0;
    const writes = open({
      authorize: async () => {
        tried += 1;
        await gate;
        throw new Error("bug");
      },
    });
    const all = Promise.all(Array.from({ length: 5 }, () => fail(writes, 1)));
    // All of them are known by their identities, which are digests.
    await until(() => tried === 1);
    for (let time = 0; time < 50; time += 1) {
      await crypto.subtle.digest("SHA-256", new Uint8Array(1_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    release();
    await all;
    expect(await counts(db)).toEqual([1]);
  });

  it("is pruned, when it has long stopped", async () => {
    const writes = open();
    await fail(writes, 1);
    await fail(writes, 1, put(2, "poison"));
    expect(await writes.prune()).toBe(0);
    await age(db, "last_failed_at", 31 * 24);
    expect(await writes.prune()).toBe(2);
    expect(await counts(db)).toEqual([]);
    await fail(writes, 1);
    await age(db, "last_failed_at", 31 * 24);
    expect(await open({ parking: false }).prune()).toBe(0);
    expect(await open({ ledger: false }).prune()).toBe(1);
  });
});

describe.each(Object.keys(shared))("parking over two pools, on %s", (name) => {
  it("counts every failure, and records one letter", async ({ skip, onTestFinished }) => {
    const database = await shared[name]?.();
    if (database === undefined) return skip("There is no such server.");
    onTestFinished(() => database.drop());
    const pools = [openByUrl(database.url), openByUrl(database.url)] as const;
    onTestFinished(() => Promise.all(pools.map((db) => db.destroy())).then(() => undefined));
    const [db] = pools;
    await createTestTables(db, database.tables);
    await createTables(db);
    failure = () => new Error("bug");
    const [one, other] = [createWrites(configOf(pools[0])), createWrites(configOf(pools[1]))];

    await Promise.all([fail(one, 10), fail(other, 10)]);
    expect(await counts(db)).toEqual([20]);
    await age(db, "first_failed_at", 25);
    await succeed(one);
    const answers = await Promise.all([fail(one, 1), fail(other, 1)]);
    // Who counts second finds that nothing has been applied since the first; or the first one's answer.
    const fatals = answers.filter((answer) => answer?.status === "fatal_error");
    expect(fatals.length).toBeGreaterThan(0);
    await succeed(other);
    expect(await fail(other, 1)).toEqual(fatals[0]);
    expect(await fail(one, 1)).toEqual(fatals[0]);
    expect(await letters(db)).toHaveLength(1);
    expect(await counts(db)).toEqual([]);
  });
});

it("outlives a process that is killed between the count and the letter", async ({
  skip,
  onTestFinished,
}) => {
  const database = await shared.Postgres?.();
  if (database === undefined) return skip("There is no such server.");
  onTestFinished(() => database.drop());
  const db = openByUrl(database.url);
  onTestFinished(() => db.destroy());
  await createTestTables(db, database.tables);
  await createTables(db);
  const first = await startUploadProcess(database.url);
  onTestFinished(() => first.kill());
  // A declared table that is missing.
  const absent = {
    crud: [{ op: "PUT", table: "absent", id: "1", op_id: 1, op_data: {} }],
  } as const;
  const send = async (url: string) => (await upload(url, "phone", [absent]))[0];
  const others = (url: string) => upload(url, "tablet", [putThing((counter += 1))]);
  for (let time = 0; time < 19; time += 1) expect(await send(first.url)).toMatchObject(retryLater);
  await age(db, "first_failed_at", 25);
  await others(first.url);
  await db.transaction().execute(async (tx) => {
    await sql`lock table powersync_dead_letters in exclusive mode`.execute(tx);
    const answer = send(first.url).catch(() => "none");
    await until(async () => (await counts(db))[0] === 20);
    await first.kill();
    expect(await answer).toBe("none");
  });
  expect(await letters(db)).toEqual([]);

  const second = await startUploadProcess(database.url);
  onTestFinished(() => second.kill());
  await others(second.url);
  expect(await send(second.url)).toMatchObject({
    status: "fatal_error",
    failed_operation: { error_code: "RETRIES_EXHAUSTED" },
  });
  expect(await letters(db)).toHaveLength(1);
});

it.each([
  { afterHours: -1 },
  { afterHours: Number.NaN },
  { attempts: 1 },
  { attempts: 2.5 },
  { attempts: Infinity },
])("parking: %o is refused at the start", (parking) => {
  const config = {
    authenticate: anonymous(),
    database: () => Promise.reject(new Error()),
    tables: {},
  };
  expect(() => createWrites({ ...config, parking })).toThrow(TypeError);
});
