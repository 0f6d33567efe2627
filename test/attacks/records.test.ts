/** Accounts and broken devices that fill the library's own tables: what one may leave there is bounded, and others go on. */
import { type Kysely, sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type Principal,
  type TransactionResult,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { type MemoryStore, memoryStore } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { dialects } from "../support/databases.js";
import { badThing, from, goodThing, patch, uuid } from "../support/letters.js";
import { memoryTables } from "../support/memory.js";
import type { TestSchema } from "../support/schema.js";
import { adapters, type Listening, listen, post } from "../support/uploads.js";

const dayMs = 24 * 3_600_000;
const success = { status: "success" };
const tooManyLetters = { status: "retryable_error", tooManyDeadLetters: true };
const tooManyDevices = { status: "retryable_error", tooManyDevices: true };

interface Opened {
  readonly database: Kysely<TestSchema> | MemoryStore;
  /** As if everything had been written so many days before. */
  age(days: number): Promise<void>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

interface Where {
  readonly name: string;
  available(): Promise<boolean>;
  open(): Promise<Opened>;
}

const inMemory: Where = {
  name: "the memory store",
  available: async () => isChosen("memory"),
  open: async () => {
    let aged = 0;
    const store = memoryStore({ tables: memoryTables, now: () => Date.now() + aged });
    return {
      database: store,
      // Its rows stay, and time goes on.
      age: async (days) => void (aged += days * dayMs),
      reset: () => store.clear(),
      close: async () => {},
    };
  },
};

const inDatabases: readonly Where[] = dialects.map((dialect) => ({
  name: dialect.name,
  available: dialect.available,
  open: async () => {
    const { db, reset, close } = await dialect.open();
    const age = async (days: number) => {
      const text = new Date(Date.now() - days * dayMs).toISOString().replace(/[TZ]/g, " ").trim();
      await sql`update powersync_ledger set answered_at = ${text}`.execute(db);
      await sql`update powersync_dead_letters set closed_at = ${text} where closed_at is not null`.execute(
        db,
      );
    };
    return { database: db, age, reset, close };
  },
}));

describe.each([inMemory, ...inDatabases])("what one account leaves in $name", (where) => {
  let opened: Opened | undefined;
  let events: WriteEvent[] = [];
  const listening: Listening[] = [];
  beforeAll(async () => {
    if (await where.available()) opened = await where.open();
  });
  beforeEach(async ({ skip }) => {
    skip(opened === undefined);
    events = [];
    await opened?.reset();
  });
  afterEach(async () => {
    for (const each of listening.splice(0)) await each.close();
  });
  afterAll(() => opened?.close());

  const use = (): Opened => {
    if (opened === undefined) throw new Error("There is no database.");
    return opened;
  };
  const open = (config: Partial<WritesConfig<Principal, TestSchema>> = {}): Writes<Principal> =>
    createWrites<Principal, TestSchema>({
      authenticate: (request) => ({
        userId: request.headers.get("authorization")?.slice("Bearer ".length) ?? "",
      }),
      database: use().database as Kysely<TestSchema>,
      tables: { things: { access: "everyone" } },
      onEvent: (event) => void events.push(event),
      logger: false,
      ...config,
    });
  let last = 0;
  const send = (
    writes: Writes<Principal>,
    device: string | undefined,
    good: boolean,
    userId = "alice",
  ): Promise<TransactionResult> => {
    last += 1;
    const entry = good ? goodThing(uuid(last)) : badThing(uuid(last));
    const { client_id: _, ...body } = from(device ?? "", last, entry);
    return writes.processTransaction(
      { ...body, ...(device !== undefined && { client_id: device }) },
      { principal: { userId } },
    );
  };
  const failed = { status: "fatal_error" };
  const waiting = { status: ["open", "stale"] } as const;
  const letters = async (writes: Writes<Principal>, userId = "alice") =>
    (await writes.deadLetters.list({ userId, ...waiting, limit: 500 })).letters.length;
  const forgotten = () =>
    events.flatMap((event) => (event.type === "device_forgotten" ? [event.userId] : []));

  describe("dead letters", () => {
    it("of one device leave room to the others of its user, in number", async () => {
      const writes = open({ deadLetters: { open: 6 } });
      for (let n = 0; n < 3; n += 1)
        expect(await send(writes, "broken", false)).toMatchObject(failed);
      for (let n = 0; n < 3; n += 1) {
        expect(await send(writes, "broken", false)).toMatchObject(tooManyLetters);
      }
      expect(await letters(writes)).toBe(3);
      // Those of the others are recorded, and what is good passes.
      expect(await send(writes, "phone", false)).toMatchObject(failed);
      expect(await send(writes, "phone", true)).toEqual(success);
      expect(await send(writes, undefined, true)).toEqual(success);
      expect(await send(writes, "broken", false, "bob")).toMatchObject(failed);
    });

    it("of a user's devices together are bounded, and nobody's good writes wait for them", async () => {
      const writes = open({ deadLetters: { open: 4 } });
      for (const device of ["one", "two"]) {
        for (let n = 0; n < 3; n += 1) await send(writes, device, false);
      }
      expect(await letters(writes)).toBe(4);
      expect(await send(writes, "three", false)).toMatchObject(tooManyLetters);
      expect(await letters(writes)).toBe(4);
      // As under anonymous(), where all are one user.
      for (const device of ["four", "five", undefined]) {
        expect(await send(writes, device, true)).toEqual(success);
      }
      expect(await send(writes, undefined, false)).toMatchObject(tooManyLetters);
      expect(await send(writes, undefined, true)).toEqual(success);
    });

    it("are bounded in bytes: of a device, and of a user", async () => {
      let writes = open({ deadLetters: { openBytes: 4_000 } });
      const large = (device: string, bytes: number) => {
        last += 1;
        const entry = { ...badThing(uuid(last)), metadata: "x".repeat(bytes) };
        return writes.processTransaction(from(device, last, entry), {
          principal: { userId: "alice" },
        });
      };
      expect(await large("broken", 1_500)).toMatchObject(failed);
      // However large one is, it is recorded where the others leave room.
      expect(await large("broken", 100_000)).toMatchObject(failed);
      expect(await large("broken", 1)).toMatchObject(tooManyLetters);
      expect(await large("phone", 1)).toMatchObject(tooManyLetters);
      expect(await send(writes, "tablet", true)).toEqual(success);
      const { letters: recorded } = await writes.deadLetters.list();
      expect(recorded).toHaveLength(2);
      for (const { id } of recorded) await writes.deadLetters.discard(id, "A test.");
      // Another process: no device has been refused there.
      writes = open({ deadLetters: { openBytes: 4_000 } });
      expect(await large("phone", 1_990)).toMatchObject(failed);
      expect(await large("phone", 1)).toMatchObject(tooManyLetters);
      expect(await large("tablet", 1)).toMatchObject(failed);
    });

    it("that come again without an id are counted, where there is no room for others, too", async () => {
      const writes = open({ deadLetters: { open: 2 } });
      const anew = (n: number) =>
        writes.processTransaction(
          { crud: [badThing(uuid(n))] },
          { principal: { userId: "alice" }, clientId: "phone" },
        );
      for (let n = 0; n < 3; n += 1) expect(await anew(1)).toMatchObject(failed);
      expect((await writes.deadLetters.list()).letters).toMatchObject([{ attempts: 3 }]);
      expect(await anew(2)).toMatchObject(tooManyLetters);
    });

    it("count with what has been edited", async () => {
      const writes = open({ deadLetters: { openBytes: 4_000 } });
      expect(await send(writes, "phone", false)).toMatchObject(failed);
      const [letter] = (await writes.deadLetters.list()).letters;
      const edit = (bytes: number) =>
        writes.deadLetters.edit(letter?.id ?? "", {
          crud: [{ ...patch("things", uuid(1), { size: 1 }), metadata: "x".repeat(bytes) }],
        });
      expect(await edit(3_000)).toEqual({ status: "edited" });
      expect(await send(writes, "tablet", false)).toMatchObject(failed);
      expect(await send(writes, "phone", false)).toMatchObject(tooManyLetters);
      expect(await edit(10)).toEqual({ status: "edited" });
      const again = open({ deadLetters: { openBytes: 4_000 } });
      expect(await send(again, "phone", false)).toMatchObject(failed);
    });

    it("that are closed go after deadLetters.keepClosedDays, and open ones never", async () => {
      const writes = open();
      for (let n = 0; n < 3; n += 1) await send(writes, "phone", false);
      const [one, two] = (await writes.deadLetters.list()).letters;
      await writes.deadLetters.discard(one?.id ?? "", "A test.");
      await use().age(89);
      await writes.prune();
      expect((await writes.deadLetters.list()).letters).toHaveLength(3);
      await writes.deadLetters.discard(two?.id ?? "", "A test.");
      await use().age(91);
      const kept = { ledger: false, deadLetters: { keepClosedDays: Infinity } } as const;
      expect(await open(kept).prune()).toBe(0);
      await open({ deadLetters: { keepClosedDays: 200 } }).prune();
      expect((await writes.deadLetters.list()).letters).toHaveLength(3);
      expect(await open({ ledger: false }).prune()).toBe(2);
      expect((await writes.deadLetters.list()).letters.map(({ status }) => status)).toEqual([
        "open",
      ]);
      await use().age(10_000);
      await writes.prune();
      expect(await letters(writes)).toBe(1);
    });
  });

  describe("devices", () => {
    it("are bounded for each user: a new one more is answered 429, and those known go on", async () => {
      const writes = open({ ledger: { devices: 3 } });
      for (const device of ["a", "b", "c"])
        expect(await send(writes, device, true)).toEqual(success);
      for (let n = 0; n < 3; n += 1) {
        expect(await send(writes, `random ${n}`, true)).toEqual({
          ...tooManyDevices,
          message: "Too many devices have sent changes in your name.",
          retryAfterMs: 60_000,
        });
      }
      for (const device of ["a", "b", "c"])
        expect(await send(writes, device, true)).toEqual(success);
      // Another process, another user, and who has no identity.
      expect(await send(open({ ledger: { devices: 3 } }), "b", true)).toEqual(success);
      expect(await send(writes, "d", true, "bob")).toEqual(success);
      expect(await send(writes, undefined, true)).toEqual(success);
      expect(forgotten()).toEqual([]);
    });

    it("that are new are told by the status, where nothing of the request was applied", async () => {
      const writes = open({ ledger: { devices: 1 } });
      const server = await listen((adapters["node:http"] as (typeof adapters)[string])(writes));
      listening.push(server);
      const body = (device: string, op: number) => ({
        client_id: device,
        transactions: [{ crud: [{ op_id: op, ...goodThing(uuid(9_000 + op)) }] }],
      });
      expect((await post(server.url, body("a", 1))).status).toBe(200);
      expect(await post(server.url, body("b", 2))).toEqual({
        status: 429,
        retryAfter: "60",
        body: { message: "Too many devices have sent changes in your name." },
      });
      expect((await post(server.url, body("a", 3))).status).toBe(200);
    });

    it("that have not come for the retention go first, with an event", async () => {
      const writes = open({ ledger: { devices: 3 } });
      for (const device of ["a", "b", "c"]) await send(writes, device, true);
      await use().age(91);
      await send(writes, "b", true);
      expect(await send(writes, "d", true)).toEqual(success);
      expect(forgotten()).toEqual(["alice"]);
      expect(await send(writes, "e", true)).toEqual(success);
      expect(forgotten()).toEqual(["alice", "alice"]);
      expect(await send(writes, "f", true)).toMatchObject(tooManyDevices);
      for (const device of ["b", "d", "e"])
        expect(await send(writes, device, true)).toEqual(success);
      expect(forgotten()).toHaveLength(2);
    });

    it("are forgotten with what makes room for them, or not at all", async () => {
      const writes = open({ ledger: { devices: 1 } });
      await send(writes, "a", true);
      await use().age(91);
      // Nothing of a transaction that fails stays but its letter's.
      const failing = open({
        ledger: { devices: 1 },
        authorize: () => {
          throw new Error("bug");
        },
      });
      expect(await send(failing, "b", true)).toMatchObject({ status: "retryable_error" });
      expect(forgotten()).toEqual([]);
      expect(await send(writes, "a", true)).toEqual(success);
      expect(await send(writes, "b", true)).toMatchObject(tooManyDevices);
    });

    it("that come at once with the same transaction apply it once", async () => {
      const writes = [1, 2, 3].map(() => open({ ledger: { devices: 5 } }));
      const body = from("phone", 1, goodThing(uuid(1)));
      const principal = { userId: "alice" };
      for (let n = 0; n < 3; n += 1) {
        const results = await Promise.all(
          writes.map((each) => each.processTransaction(body, { principal })),
        );
        expect(results).toEqual([success, success, success]);
      }
      const misses = events.filter(
        (event) => event.type === "transaction" && event.ledger === "miss",
      );
      expect(misses).toHaveLength(1);
    });

    it("cost no statement once they are known", async () => {
      const statements = async (writes: Writes<Principal>, device: string) => {
        events = [];
        expect(await send(writes, device, true)).toEqual(success);
        const [event] = events.filter(({ type }) => type === "transaction");
        return event?.type === "transaction" ? event.statements : undefined;
      };
      const warm = async (writes: Writes<Principal>) => {
        await statements(writes, "phone");
        return statements(writes, "phone");
      };
      // One asks for letters that wait. The claim asks for them, too, and for the device.
      const without = await warm(open({ ledger: false }));
      expect(await warm(open({ ledger: { devices: 3 } }))).toBe(without);
      // Another process knows it as well; it reads what the table is like.
      const [bounded, unbounded] = [3, Infinity].map((devices) => open({ ledger: { devices } }));
      expect(await statements(bounded as Writes<Principal>, "phone")).toBe(
        await statements(unbounded as Writes<Principal>, "phone"),
      );
    });
  });

  describe("forget(userId)", () => {
    it("erases the ledger's rows and all letters of a user's, and of nobody else", async () => {
      const writes = open();
      for (const user of ["alice", "bob", "Alice"]) {
        for (const device of ["a", "b"]) {
          await send(writes, device, true, user);
          await send(writes, device, false, user);
        }
      }
      const [closed] = (await writes.deadLetters.list({ userId: "alice" })).letters;
      await writes.deadLetters.discard(closed?.id ?? "", "A test.");
      // Two letters, and four answers.
      expect(await writes.forget("alice")).toBe(6);
      expect(await writes.forget("alice")).toBe(0);
      expect(await writes.forget("nobody")).toBe(0);
      expect((await writes.deadLetters.list({ userId: "alice" })).letters).toEqual([]);
      for (const user of ["bob", "Alice"]) expect(await letters(writes, user)).toBe(2);
      expect(await writes.forget("bob")).toBe(6);
    });

    it("erases what letters would create, with the letters", async () => {
      const writes = open();
      const { database } = use();
      const rows = async () =>
        "selectFrom" in database
          ? (await sql`select letter from powersync_letter_rows`.execute(database)).rows.length
          : 0;
      for (const user of ["alice", "bob"]) {
        expect(await send(writes, "a", false, user)).toMatchObject(failed);
        const behind = from("a", 1_000, patch("things", uuid(last), { size: 2 }));
        expect(
          await writes.processTransaction(behind, { principal: { userId: user } }),
        ).toMatchObject({ failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } });
      }
      const before = await rows();
      expect(await writes.forget("alice")).toBe(4);
      expect(await rows()).toBe(before / 2);
      expect(await letters(writes, "bob")).toBe(2);
      expect(await writes.forget("bob")).toBe(4);
      expect(await rows()).toBe(0);
    });

    it("erases more than one step takes, and lets devices come again", async () => {
      const writes = open({ ledger: { devices: 1 } });
      const transactions = Array.from({ length: 600 }, (_, n) => ({
        crud: [{ op_id: n + 1, ...goodThing(uuid(1)) }],
      }));
      for (let at = 0; at < 600; at += 100) {
        const results = await writes.processBatch(
          { client_id: "a", transactions: transactions.slice(at, at + 100) },
          { principal: { userId: "alice" } },
        );
        expect(results).toHaveLength(100);
      }
      expect(await send(writes, "b", true)).toMatchObject(tooManyDevices);
      expect(await writes.forget("alice")).toBe(600);
      expect(await send(writes, "b", true)).toEqual(success);
    });

    it.each(["", undefined, null, 7])("takes no %j for a user", async (userId) => {
      await expect(open().forget(userId as string)).rejects.toThrow(TypeError);
    });
  });
});
