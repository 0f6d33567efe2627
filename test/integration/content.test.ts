/** Transactions that are told apart by their content, for nobody says which device has sent them; or it is new, and may have gone by another name before. */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type CrudEntry,
  type WriteEvent,
  type WriteRequest,
  type Writes,
} from "../../src/index.js";
import { betterSqlite3 } from "../support/databases.js";
import { alice, bob, put, patch, uuid } from "../support/letters.js";
import type { OpenTarget, TargetOptions } from "../support/target.js";
import { targets } from "../support/targets.js";
import type { TestSchema } from "../support/schema.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const success = { status: "success" };
const thing = uuid(1);
/** As PowerSync's own connectors send it. */
const tx = (transaction_id: number, ...crud: readonly object[]) => ({
  transactions: [{ transaction_id, crud: crud.map((entry) => ({ transaction_id, ...entry })) }],
});
const done = (size: number, id = thing) => patch("things", id, { size });
const remove = (table: string, id: string) => ({ op: "DELETE", table, id });

function gated() {
  let resolve = (): void => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve };
}

describe.each(targets)("without a device, on $name", (target) => {
  let open: OpenTarget | undefined;
  let events: WriteEvent[] = [];
  let writes: Writes<TestPrincipal>;

  beforeAll(async () => {
    if (await target.available()) open = await target.open();
  });
  beforeEach(async ({ skip }) => {
    skip(open === undefined);
    events = [];
    await open?.reset();
    await open?.insert({ things: [{ id: thing, size: 0, stock: 1 }] });
    writes = writesWith();
  });
  afterAll(() => open?.close());

  const writesWith = (ledger: TargetOptions["ledger"] = {}): Writes<TestPrincipal> =>
    (open as OpenTarget).writes({ ledger, onEvent: (event) => void events.push(event) });
  const send = async (body: object, caller: object = alice, by = writes) => {
    events.length = 0;
    const results = await by.processBatch(body, { ...alice, ...caller });
    for (const result of results) expect(result).toEqual(success);
    return events.flatMap((event) => (event.type === "transaction" ? [event.ledger] : []));
  };
  const size = async () => (await open?.rows("things", [thing]))?.[0]?.["size"];
  /** Somebody else's write: what a repeat must not undo. */
  const others = (value: number) => open?.change("things", thing, { size: value });
  const decided = () => events.filter(({ type }) => type === "replayed_by_content").length;

  it("a repeat is one, whatever others have written", async () => {
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
    await others(2);
    expect(await send(tx(5, done(1)))).toEqual(["hit"]);
    expect(decided()).toBe(1);
    expect(await size()).toBe(2);
    await send(tx(6, put("things", uuid(2), { size: 1 })));
    await open?.change("things", uuid(2), null);
    expect(await send(tx(6, put("things", uuid(2), { size: 1 })))).toEqual(["hit"]);
    expect(await open?.rows("things", [uuid(2)])).toEqual([]);
    // Another user's is another transaction.
    expect(await send(tx(5, done(1)), bob)).toEqual(["miss"]);
  });

  it("phone and tablet with the same number and content, and something of the user's in between: all are applied", async () => {
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
    expect(await send(tx(6, done(0)))).toEqual(["miss"]);
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
    expect(await size()).toBe(1);
    // Its own repeat is one again.
    await others(7);
    expect(await send(tx(5, done(1)))).toEqual(["hit"]);
    expect(await size()).toBe(7);
  });

  it("with nothing of the user's in between the second one is taken for a repeat, as the table says", async () => {
    await send(tx(5, done(1)));
    await send(tx(6, patch("things", uuid(9), { size: 3 })));
    expect(await send(tx(5, done(1)))).toEqual(["hit"]);
  });

  it("what was refused names its rows as well, and is answered the same again", async () => {
    const refused = tx(6, done(-1));
    await send(tx(5, done(1)));
    const [first] = await writes.processBatch(refused, alice);
    expect(first).toMatchObject({ status: "fatal_error" });
    expect(await writes.processBatch(refused, alice)).toEqual([first]);
    expect((await open?.letters())?.map(({ attempts }) => attempts)).toEqual([1]);
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
    const malformed = {
      transactions: [{ transaction_id: 8, crud: [{ op: "UPSERT", table: "things", id: thing }] }],
    };
    const [no] = await writes.processBatch(malformed, alice);
    expect(await writes.processBatch(malformed, alice)).toEqual([no]);
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
  });

  it("an app that is reinstalled writes the same on its first run: applied, unless it has just done so", async () => {
    const firstRun = tx(1, put("things", uuid(3), { size: 1 }));
    await send(firstRun);
    await open?.change("things", uuid(3), null);
    expect(await send(firstRun)).toEqual(["hit"]);
    expect(await open?.rows("things", [uuid(3)])).toEqual([]);
    // Later than the days that content is good for, which is a tenth of a millisecond here. The stores' clocks count whole ones.
    await sleep(10);
    const later = writesWith({ contentDays: 1e-9 });
    expect(await send(firstRun, alice, later)).toEqual(["miss"]);
    expect(await open?.rows("things", [uuid(3)])).toHaveLength(1);
    // Or when the user has done something with the row meanwhile.
    await send(tx(2, remove("things", uuid(3))));
    expect(await send(firstRun)).toEqual(["miss"]);
    expect(await open?.rows("things", [uuid(3)])).toHaveLength(1);
  });

  it("without a transaction id nothing is a repeat, but it names its rows", async () => {
    const nameless = { transactions: [{ crud: [done(1)] }] };
    expect(await send(nameless)).toEqual(["off"]);
    expect(await send(nameless)).toEqual(["off"]);
    await send(tx(5, done(3)));
    await send(nameless);
    expect(await send(tx(5, done(3)))).toEqual(["miss"]);
    expect(await size()).toBe(3);
  });

  it("a device that says which it is names its rows, too", async () => {
    const ours = (op_id: number, value: number) => ({
      client_id: "tablet",
      queue_id: "q",
      transactions: [{ transaction_id: op_id, crud: [{ op_id, ...done(value) }] }],
    });
    await send(ours(1, 5));
    await send(tx(5, done(1)));
    expect(await send(tx(5, done(1)))).toEqual(["hit"]);
    await send(ours(2, 6));
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
    // Its repeat has been answered before.
    expect(await send(ours(2, 6))).toEqual(["hit"]);
    expect(await send(tx(5, done(1)))).toEqual(["hit"]);
    expect(await size()).toBe(1);
  });

  it("more than 1,000 rows count as all", async () => {
    const many = Array.from({ length: 1_001 }, (_, index) =>
      patch("things", uuid(10_000 + index), {}),
    );
    await send(tx(5, done(1)));
    await send(tx(6, ...many));
    expect(await send(tx(6, ...many))).toEqual(["hit"]);
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
    expect(await send(tx(6, ...many))).toEqual(["miss"]);
    await send(tx(7, patch("things", uuid(2), { size: 1 })));
    expect(await send(tx(6, ...many))).toEqual(["miss"]);
  });

  describe("with a session for a device", () => {
    const session = (name: string | undefined) =>
      writesWith({ device: (_request, _principal) => name });

    it("a new login between the lost answer and the repeat", async () => {
      const [before, after] = [session("monday"), session("tuesday")];
      await send(tx(5, done(1)), alice, before);
      await send(tx(6, done(2)), alice, before);
      await others(7);
      expect(await send(tx(6, done(2)), alice, after)).toEqual(["hit"]);
      expect(decided()).toBe(1);
      // Now it is the session's own.
      expect(await send(tx(6, done(2)), alice, after)).toEqual(["hit"]);
      expect(decided()).toBe(0);
      expect(await size()).toBe(7);
      // From the first on that is no repeat, the session is told from all others.
      expect(await send(tx(7, done(3)), alice, after)).toEqual(["miss"]);
      expect(await send(tx(8, done(4)), alice, session("phone"))).toEqual(["miss"]);
      expect(await send(tx(8, done(4)), alice, after)).toEqual(["miss"]);
      expect(await send(tx(9, patch("things", uuid(2), { size: 4 })), alice, after)).toEqual([
        "miss",
      ]);
    });

    it("its repeats are known by the session, whatever else the user does", async () => {
      const [phone, tablet] = [session("phone"), session("tablet")];
      await send(tx(5, done(1)), alice, phone);
      expect(await send(tx(6, done(0)), alice, tablet)).toEqual(["miss"]);
      await others(7);
      expect(await send(tx(5, done(1)), alice, phone)).toEqual(["hit"]);
      expect(decided()).toBe(0);
      expect(await send(tx(5, done(1)), alice, tablet)).toEqual(["miss"]);
      expect(await size()).toBe(1);
    });

    it("asks only where the client does not say, and what it throws is retryable", async () => {
      const asked: (WriteRequest | undefined)[] = [];
      const by = (device: () => unknown) =>
        writesWith({
          device: (request) => {
            asked.push(request);
            return device() as string;
          },
        });
      await send(
        { client_id: "phone", ...tx(1, done(1)) },
        alice,
        by(() => "x"),
      );
      expect(asked).toEqual([]);
      expect(
        await send(
          tx(1, done(1)),
          alice,
          by(() => undefined),
        ),
      ).toEqual(["miss"]);
      expect(asked).toEqual([undefined]);
      const failing = by(() => {
        throw new Error("No.");
      });
      const wrong = by(() => 7);
      for (const each of [failing, wrong]) {
        expect(await each.processBatch(tx(2, done(2)), alice)).toMatchObject([
          { status: "retryable_error" },
        ]);
      }
      expect(await size()).toBe(1);
    });
  });

  describe("when a connector that says which device it is takes a queue over", () => {
    const ours = (...numbers: readonly number[]) => ({
      client_id: "phone",
      queue_id: "q",
      transactions: numbers.map((n) => ({
        transaction_id: n,
        crud: [{ op_id: 10 + n, transaction_id: n, ...done(n) }],
      })),
    });

    it("from one that did not: what was applied is not applied again, until the first that is new", async () => {
      await send(tx(4, done(4)));
      await send(tx(5, done(5)));
      await others(0);
      expect(await send(ours(5, 6))).toEqual(["hit", "miss"]);
      expect(decided()).toBe(1);
      expect(await size()).toBe(6);
      // Under its own identity by now.
      await others(0);
      expect(await send(ours(5, 6))).toEqual(["hit", "hit"]);
      expect(decided()).toBe(0);
      // From here on it is not looked for elsewhere.
      await send(tx(7, done(7)));
      expect(await send(ours(7))).toEqual(["miss"]);
    });

    it("an old answer is only good while nothing of the user's came in between", async () => {
      await send(tx(5, done(5)));
      await send(tx(1, done(1)));
      expect(await send(ours(5))).toEqual(["miss"]);
      expect(await size()).toBe(5);
    });

    it("from one that sent no queue id", async () => {
      const { queue_id: _, ...before } = ours(5, 6);
      await send(before);
      await others(0);
      expect(await send(ours(5, 6))).toEqual(["hit", "hit"]);
      expect(decided()).toBe(0);
      const byNumber = { client_id: "tablet", ...tx(5, done(5)) };
      await send(byNumber);
      await others(0);
      expect(await send({ ...ours(5), client_id: "tablet" })).toEqual(["hit"]);
      expect(await size()).toBe(0);
      expect(await send(ours(7))).toEqual(["miss"]);
    });

    it("with a refused one's answer, which is recorded once", async () => {
      const [first] = await writes.processBatch(tx(5, done(-5)), alice);
      const taken = {
        ...ours(5),
        transactions: [{ transaction_id: 5, crud: [{ op_id: 1, ...done(-5) }] }],
      };
      for (let times = 0; times < 2; times += 1) {
        expect(await writes.processBatch(taken, alice)).toEqual([first]);
      }
      expect(await open?.letters()).toHaveLength(1);
    });
  });

  it("two identical ones at once are one, and two of one user's at once are decided in turn", async () => {
    // Two write paths don't know of each other, as in two processes.
    const [one, other] = [writesWith(), writesWith()];
    const twice = async (body: object) => {
      events.length = 0;
      await Promise.all([one, other].map((by) => by.processBatch(body, alice)));
      return events
        .flatMap((event) => (event.type === "transaction" ? [event.ledger] : []))
        .toSorted();
    };
    for (let n = 1; n <= 10; n += 1) {
      expect(await twice(tx(n, put("things", uuid(100 + n), { size: n })))).toEqual([
        "hit",
        "miss",
      ]);
    }
    for (let n = 1; n <= 10; n += 1) {
      const [a, b] = [tx(20, done(n)), tx(21, done(100 + n))];
      await Promise.all([one.processBatch(a, alice), other.processBatch(b, alice)]);
      const last = await size();
      // Of the two, the one that came last is the only one whose repeat is known.
      const [repeat, overtaken] = last === n ? [a, b] : [b, a];
      await others(0);
      expect(await send(repeat)).toEqual(["hit"]);
      expect(await send(overtaken)).toEqual(["miss"]);
    }
  });

  it("a device's transaction under way is waited for by the first that is told apart by its content", async ({
    skip,
  }) => {
    skip(!target.concurrent, "One connection: nothing comes in between.");
    const gate = gated();
    const arrived = gated();
    const slow = (open as OpenTarget).writes({
      hooks: {
        map: {
          before: async (operation: CrudEntry) => {
            arrived.resolve();
            await gate.promise;
            return operation;
          },
        },
      },
    });
    const ours = (op_id: number, value: number) => ({
      client_id: "tablet",
      transactions: [{ crud: [{ op_id, ...done(value) }] }],
    });
    await send(ours(1, 5));
    const order: string[] = [];
    const first = slow.processBatch(ours(2, 6), alice).then(() => order.push("device"));
    await arrived.promise;
    const second = send(tx(5, done(1))).then(() => order.push("content"));
    // Nothing tells that it waits, but that it does not come to an end.
    await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 300))]);
    gate.resolve();
    await Promise.all([first, second]);
    expect(order).toEqual(["device", "content"]);
    expect(await send(tx(5, done(1)))).toEqual(["hit"]);
    await send(ours(3, 7));
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
  });

  it("is forgotten with the user, and pruned with time", async () => {
    await send(tx(5, done(1)));
    await send(tx(5, done(1)), bob);
    await writes.forget("alice");
    expect(await send(tx(5, done(1)), bob)).toEqual(["hit"]);
    expect(await send(tx(5, done(1)))).toEqual(["miss"]);
    expect(await writes.prune()).toBe(0);
  });
});

describe("a user who has ceased to send without a device", () => {
  it("costs the other devices nothing any more, and sessions are still found again", async ({
    skip,
    onTestFinished,
  }) => {
    skip(!(await betterSqlite3.available()), "There is no such database.");
    const { db, close } = await betterSqlite3.open();
    onTestFinished(close);
    const events: WriteEvent[] = [];
    const by = (session?: string) =>
      createWrites<TestPrincipal, TestSchema>({
        ...testConfig(db),
        ledger: { device: () => session },
        onEvent: (event) => void events.push(event),
      });
    const send = async (body: object, session?: string) => {
      events.length = 0;
      await by(session).processBatch(body, alice);
      return events.flatMap((event) =>
        event.type === "transaction" ? [`${event.status} ${event.ledger} ${event.statements}`] : [],
      );
    };
    let op_id = 0;
    const ours = () => {
      op_id += 1;
      return { client_id: "phone", transactions: [{ crud: [{ op_id, ...done(op_id) }] }] };
    };
    await send(ours());
    const plain = await send(ours());
    await send(tx(1, done(1)), "monday");
    expect(await send(ours())).not.toEqual(plain);
    await sql`update powersync_accounts set told_at = '2020-01-01 00:00:00.000'`.execute(db);
    await sql`update powersync_named set named_at = '2020-01-01 00:00:00.000'`.execute(db);
    await send(ours());
    expect(await send(ours())).toEqual(plain);
    expect(await by().prune()).toBeGreaterThan(0);
    expect(await db.selectFrom("powersync_named").select("hash").execute()).toEqual([]);
    // The session still enters what it sends, so that the next one finds it.
    await send(tx(2, done(2)), "monday");
    expect(await send(ours())).not.toEqual(plain);
    await send(tx(3, done(3)), "monday");
    expect(await send(tx(3, done(3)), "tuesday")).toMatchObject([expect.stringMatching(/hit/)]);
  });
});
