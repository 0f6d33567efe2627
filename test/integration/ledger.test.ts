/** How long an answer is remembered, and that it is one answer for all processes. */
import { type Kysely, sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  anonymous,
  createTables,
  createWrites,
  type Principal,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { openByUrl } from "../support/by-url.js";
import { createTestTables, dialects, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { shared } from "../support/shared.js";
import { startUploadProcess } from "../support/upload-process.js";
import { post, upload, type WireEntry } from "../support/uploads.js";

const principal = { userId: "alice" };
const success = { status: "success" };

/** A list by a number, so that the same call is the same transaction. */
const list = (opId: number) => ({
  crud: [
    {
      op: "PUT",
      table: "lists",
      id: `00000000-0000-4000-8000-${String(opId).padStart(12, "0")}`,
      op_id: opId,
      op_data: { name: "Groceries" },
    },
  ],
});

function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 5));

describe.each(dialects)("the ledger on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<TestSchema>;
  let events: WriteEvent[] = [];

  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db;
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    events = [];
    await database?.reset();
  });
  afterEach(() => void vi.restoreAllMocks());
  afterAll(async () => database?.close());

  const open = (config: Partial<WritesConfig<Principal, TestSchema>> = {}): Writes<Principal> =>
    createWrites({
      authenticate: anonymous(),
      database: db,
      tables: { lists: { access: "everyone" } },
      onEvent: (event) => void events.push(event),
      ...config,
    });

  const send = async (writes: Writes<Principal>, clientId: string, opIds: readonly number[]) => {
    // SQLite's clock counts milliseconds, and which request was the later one goes by it.
    await tick();
    const transactions = opIds.map(list);
    const results = await writes.processBatch({ transactions }, { principal, clientId });
    expect(results).toEqual(opIds.map(() => success));
  };

  /** Applied, and not replayed: somebody else had removed the row. */
  const applied = async (writes: Writes<Principal>, clientId: string, opId: number) => {
    await db.deleteFrom("lists").execute();
    await send(writes, clientId, [opId]);
    return (await db.selectFrom("lists").select("id").execute()).length === 1;
  };

  /** As if the rows had been written so many days before. */
  const age = async (days: number) => {
    const rows = await db.selectFrom("powersync_ledger").select("identity").execute();
    const then = new Date(Date.now() - days * 24 * 3_600_000).toISOString();
    const text = then.replace("T", " ").replace("Z", "");
    for (const { identity } of rows) {
      await sql`update powersync_ledger set answered_at = ${text} where identity = ${identity}`.execute(
        db,
      );
    }
  };
  const remembered = async () =>
    (await db.selectFrom("powersync_ledger").select("identity").execute()).length;

  it("forgets what is old, but not what a device sent last", async () => {
    const writes = open();
    await send(writes, "phone", [1, 2]);
    await send(writes, "tablet", [3]);
    await age(200);
    await send(writes, "phone", [4, 5, 6]);
    await age(91);
    expect(await writes.prune()).toBe(2);
    for (const opId of [4, 5, 6]) expect(await applied(writes, "phone", opId)).toBe(false);
    expect(await applied(writes, "tablet", 3)).toBe(false);
    expect(await applied(writes, "phone", 1)).toBe(true);
  });

  it("forgets nothing that is younger than it shall be", async () => {
    const writes = open({ ledger: { retentionDays: 30 } });
    await send(writes, "phone", [1]);
    await age(29);
    await send(writes, "phone", [2]);
    expect(await writes.prune()).toBe(0);
    await age(31);
    await send(writes, "phone", [3]);
    expect(await writes.prune()).toBe(2);
  });

  it("remembers a transaction by the last request that it came with", async () => {
    const writes = open();
    await send(writes, "phone", [1, 2]);
    await age(200);
    // The answer was lost; now it comes with what has been written since, and that answer is lost too.
    await send(writes, "phone", [2, 3]);
    await age(100);
    expect(await writes.prune()).toBe(1);
    expect(await applied(writes, "phone", 2)).toBe(false);
    expect(await applied(writes, "phone", 3)).toBe(false);
  });

  it("keeps a fatal answer as well, and prunes it alike", async () => {
    const writes = open();
    const refused = { crud: [{ op: "DELETE", table: "nowhere", id: "1", op_id: 1 }] };
    const options = { principal, clientId: "phone" };
    const answer = await writes.processTransaction(refused, options);
    expect(answer.status).toBe("fatal_error");
    await age(91);
    expect(await writes.prune()).toBe(0);
    expect(await writes.processTransaction(refused, options)).toEqual(answer);
    await age(91);
    await send(writes, "phone", [2]);
    expect(await writes.prune()).toBe(1);
  });

  it("remembers a request that has been replayed in part, until the queue goes on", async () => {
    const writes = open();
    await send(writes, "phone", [1, 2, 3]);
    await age(200);
    // The answer was lost, and the connector sends less at once; then it is offline for a quarter of a year.
    await send(writes, "phone", [1]);
    await age(91);
    expect(await writes.prune()).toBe(0);
    for (const opId of [1, 2, 3]) expect(await applied(writes, "phone", opId)).toBe(false);
    // It goes on with a request that holds the last of them.
    await send(writes, "phone", [3, 4]);
    await age(91);
    expect(await writes.prune()).toBe(2);
    for (const opId of [3, 4]) expect(await applied(writes, "phone", opId)).toBe(false);
    await send(writes, "phone", [5]);
    await age(91);
    expect(await writes.prune()).toBe(2);
  });

  /** Holds every operation with this id until the gate opens, and says when the first has come. */
  const gated = (opId: number) => {
    const [arrived, opens] = [gate(), gate()];
    const writes = open({
      hooks: {
        map: {
          before: async (operation) => {
            if (operation.opId !== opId) return operation;
            arrived.open();
            await opens.opened;
            return operation;
          },
        },
      },
    });
    return { writes, arrived: arrived.opened, open: opens.open };
  };

  it("does not take what an older request still does for a later one", async ({ skip }) => {
    skip(!dialect.concurrent, "One connection: nothing comes in between.");
    const { writes, arrived, open: go } = gated(2);
    await send(open(), "phone", [1]);
    const slow = send(writes, "phone", [1, 2]);
    await arrived;
    // The device has given up waiting.
    await send(open(), "phone", [1]);
    go();
    await slow;
    await age(91);
    expect(await writes.prune()).toBe(0);
    expect(await applied(writes, "phone", 1)).toBe(false);
  });

  it("knows of a request that has waited for another one's answer", async ({ skip }) => {
    skip(!dialect.concurrent, "One connection: nothing comes in between.");
    const { writes, arrived, open: go } = gated(1);
    const first = send(writes, "phone", [1]);
    await arrived;
    const second = send(writes, "phone", [1, 2]);
    await tick();
    go();
    await Promise.all([first, second]);
    expect(events.flatMap((event) => (event.type === "transaction" ? event.ledger : []))).toEqual([
      "miss",
      "shared",
      "miss",
    ]);
    await age(91);
    expect(await writes.prune()).toBe(0);
    expect(await applied(writes, "phone", 1)).toBe(false);
  });

  it("is pruned behind an upload now and then, and `drain` waits for it", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const writes = open();
    await send(writes, "phone", [1]);
    // In the background, it could still find what is made old here.
    await vi.waitFor(() => expect(events.some(({ type }) => type === "pruned")).toBe(true), 10_000);
    await age(200);
    await send(writes, "phone", [2]);
    await send(writes, "phone", [3]);
    expect(await writes.drain(10_000)).toBe(true);
    expect(events.filter(({ type }) => type === "pruned")).toMatchObject([
      { type: "pruned", removed: 0 },
    ]);
    const again = open();
    await send(again, "phone", [4]);
    expect(await again.drain(10_000)).toBe(true);
    expect(events.filter(({ type }) => type === "pruned")).toMatchObject([
      { removed: 0 },
      { removed: 1 },
    ]);
  });

  it("is left alone where it shall be", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const writes = open({ ledger: { prune: false } });
    await send(writes, "phone", [1]);
    await age(200);
    await send(writes, "phone", [2]);
    await writes.drain(10_000);
    expect(await remembered()).toBe(2);
    expect(events.filter(({ type }) => type === "pruned")).toEqual([]);
  });

  it("can be done without: then what comes twice is applied twice", async () => {
    const writes = open({ ledger: false });
    expect(await applied(writes, "phone", 1)).toBe(true);
    expect(await applied(writes, "phone", 1)).toBe(true);
    expect(await remembered()).toBe(0);
    expect(events).toMatchObject([
      { type: "transaction", ledger: "off" },
      { type: "transaction", ledger: "off" },
    ]);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "takes no retention of %s days",
    (retentionDays) => {
      expect(() => open({ ledger: { retentionDays } })).toThrow(TypeError);
    },
  );
});

describe.each(Object.keys(shared))("50 identical transactions at once, on %s", (name) => {
  it("have one effect and one answer, over two processes", async ({ skip, onTestFinished }) => {
    const database = await shared[name]?.();
    if (database === undefined) return skip("There is no such server.");
    onTestFinished(() => database.drop());
    const db = openByUrl(database.url);
    onTestFinished(() => db.destroy());
    await createTestTables(db, database.tables);
    await createTables(db);
    const servers = await Promise.all([1, 2].map(() => startUploadProcess(database.url)));
    onTestFinished(() => Promise.all(servers.map(({ kill }) => kill())).then(() => undefined));

    const id = "00000000-0000-4000-8000-00000000000b";
    const author = { op: "PUT", table: "authors", id, op_id: 1, op_data: { name: "A" } } as const;
    const refused = { op: "DELETE", table: "nowhere", id, op_id: 2 } as const;
    const sendFifty = async (crud: readonly WireEntry[]) => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          upload(servers[index % 2]?.url ?? "", "phone", [{ crud }]),
        ),
      );
      for (const answer of answers) expect(answer).toEqual(answers[0]);
      return answers[0]?.[0]?.status;
    };
    const authors = async () => (await db.selectFrom("authors").select("name").execute()).length;

    expect(await sendFifty([author])).toBe("success");
    expect(await authors()).toBe(1);
    await db.deleteFrom("authors").execute();
    expect(await sendFifty([author])).toBe("success");
    expect(await authors()).toBe(0);
    expect(await sendFifty([refused])).toBe("fatal_error");
    expect(await db.selectFrom("powersync_dead_letters").select("id").execute()).toHaveLength(1);
    expect(await db.selectFrom("powersync_ledger").select("identity").execute()).toHaveLength(2);

    // Nobody says from which device, and their users' account is locked in turn.
    const anonymous = { transactions: [{ transaction_id: 1, crud: [author] }] };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => post(servers[index % 2]?.url ?? "", anonymous)),
    );
    for (const { body } of answers) expect(body).toEqual({ results: [success] });
    expect(await authors()).toBe(1);
    const [account] = await db.selectFrom("powersync_accounts").select("position").execute();
    expect(Number(account?.position)).toBe(1);
  });
});
