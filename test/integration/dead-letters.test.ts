/** The dead-letter queue on every database: recorded once, looked at, edited, retried at most once, discarded, exported. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fatal, retryable, type WriteEvent } from "../../src/index.js";
import { parseJson } from "../../src/wire/parse-json.js";
import { createOwn } from "../../src/sql/own-tables/tables.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import {
  alice,
  badThing,
  bob,
  from,
  goodThing,
  lines,
  patch,
  put,
  uuid,
  writesWithEvents,
} from "../support/letters.js";
import { noUuid } from "../support/schema.js";
import { itWhere } from "../support/it-where.js";

const FATAL = { status: "fatal_error" };
const SUCCESS = { status: "success" };

describe.each(dialects)("$name", (dialect) => {
  let database: TestDatabase;
  let db: TestDatabase["db"];
  let available = true;

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    ({ db } = database);
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await database.reset();
  });
  afterAll(() => database?.close());

  const made = (config: object = {}) => writesWithEvents(db, config);
  const rows = async (table: "lists" | "things" | "todos") =>
    (await db.selectFrom(table).selectAll().orderBy("id").execute()).map((row) =>
      database.plain(row),
    );
  const change = (table: "lists" | "things", id: string, to: object) =>
    db
      .updateTable(table)
      .set(database.given({ ...to }))
      .where("id", "=", id)
      .execute();
  const insert = (table: "lists" | "things" | "todos", row: object) =>
    db
      .insertInto(table)
      .values(database.given({ ...row }) as never)
      .execute();
  const only = async (letters: ReturnType<typeof made>["letters"]) => {
    const { letters: found } = await letters.list();
    expect(found).toHaveLength(1);
    const [letter] = found;
    if (letter === undefined) throw new Error("There is no letter.");
    return letter;
  };

  describe("recording", () => {
    it("keeps all that is known of the transaction", async () => {
      const { writes, letters, events } = made({ onFatal: "skip" });
      await insert("things", { id: uuid(1), size: 3 });
      const body = {
        ...from("phone", 7, goodThing(uuid(2)), badThing(uuid(1))),
        queue_id: "second",
      };
      expect(await writes.processTransaction(body, alice)).toMatchObject(FATAL);
      const summary = await only(letters);
      expect(summary).toMatchObject({
        status: "open",
        userId: "alice",
        clientId: "phone",
        queueId: "second",
        errorCode: "CHECK_VIOLATION",
        operationIndex: 1,
        tables: ["things"],
        attempts: 1,
        edited: false,
        identity: expect.stringMatching(/^[\da-f]{64}$/),
        firstSeenAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z$/),
      });
      expect(Math.abs(Date.parse(summary.firstSeenAt) - Date.now())).toBeLessThan(60_000);
      expect(Math.abs(Date.parse(summary.lastSeenAt) - Date.now())).toBeLessThan(60_000);
      const letter = await letters.get(summary.id);
      expect(letter).toMatchObject({
        payload: { crud: body.crud },
        principal: alice.principal,
        rows: [
          { table: "things", id: uuid(2), present: false },
          { table: "things", id: uuid(1), present: true },
        ],
        unreadRows: 0,
      });
      expect(letter).not.toHaveProperty("originalPayload");
      expect(events).toContainEqual(
        expect.objectContaining({ type: "dead_letter", id: summary.id, repeat: false }),
      );
    });

    it("counts repeats of one payload in the letter that is open", async () => {
      const told: { id: string; attempts: number }[] = [];
      const { writes, letters, events } = made({
        ledger: false,
        deadLetters: {
          onRecorded: ({ id, attempts }: { id: string; attempts: number }) =>
            void told.push({ id, attempts }),
        },
      });
      const body = from("phone", 1, badThing(uuid(1)));
      for (let time = 0; time < 3; time += 1) {
        expect(await writes.processTransaction(body, alice)).toMatchObject(FATAL);
      }
      const { id, attempts } = await only(letters);
      expect(attempts).toBe(3);
      expect(told).toEqual([1, 2, 3].map((attempts) => ({ id, attempts })));
      expect(
        events.flatMap((event) => (event.type === "dead_letter" ? [event.repeat] : [])),
      ).toEqual([false, true, true]);

      // Of another user, another client, another queue, with another content.
      await writes.processTransaction(body, bob);
      await writes.processTransaction(from("tablet", 1, badThing(uuid(1))), alice);
      await writes.processTransaction({ ...body, queue_id: "second" }, alice);
      await writes.processTransaction(from("phone", 1, badThing(uuid(2))), alice);
      const { letters: five } = await letters.list();
      expect(five).toHaveLength(5);
      expect(await letters.count()).toEqual({ [five[0]?.errorCode ?? ""]: 5 });

      // Once it has been dealt with, the same is news again.
      await letters.discard(id, "Nobody needs it.");
      await writes.processTransaction(body, alice);
      expect((await letters.list({ status: "open" })).letters).toHaveLength(5);
      expect((await letters.list({ status: "discarded" })).letters).toHaveLength(1);
      expect(Object.values(await letters.count())).toEqual([5]);
    });

    it("makes one letter of many at once, also of what can't be understood", async () => {
      const { writes, letters } = made();
      const garbage = { crud: [{ op: "UPSERT", table: "things", id: uuid(1) }] };
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => writes.processTransaction(garbage, alice)),
      );
      for (const answer of answers) {
        expect(answer).toMatchObject({ failedOperation: { errorCode: "INVALID_TRANSACTION" } });
      }
      const letter = await only(letters);
      expect(letter).toMatchObject({ attempts: 8, operationIndex: 0, tables: ["things"] });
      expect(await letters.get(letter.id)).toMatchObject({ payload: garbage });
    });

    it("reads no row that it can't, and records all the same", async () => {
      const { writes, letters, errors } = made();
      const crud = [
        put("nowhere", "1"),
        put("absent", uuid(1)),
        put("things", noUuid),
        put("members", "one part only"),
        badThing(uuid(1)),
      ];
      await writes.processTransaction({ crud }, alice);
      expect(await letters.get((await only(letters)).id)).toMatchObject({
        rows: [{ table: "things", id: uuid(1), present: false }],
        unreadRows: 4,
      });
      expect(errors().filter(({ during }) => during === "rowStates")).toEqual([]);
    });

    it("reads a bounded number of rows", async () => {
      const { writes, letters } = made();
      const crud = Array.from({ length: 1_200 }, (_, n) => put("nowhere", uuid(n)));
      await writes.processTransaction({ crud }, alice);
      const unknown = await only(letters);
      expect(await letters.get(unknown.id)).toMatchObject({ rows: [], unreadRows: 1_200 });

      const many = crud.map((entry) => ({ ...entry, table: "things", op_data: { size: -1 } }));
      await writes.processTransaction({ crud: many }, alice);
      const { letters: found } = await letters.list({ table: "things" });
      const letter = await letters.get(found[0]?.id ?? "");
      expect(letter?.rows).toHaveLength(1_000);
      expect(letter?.unreadRows).toBe(200);
    });

    it("keeps a principal that is plain JSON, and no other", async () => {
      class Caller {
        readonly userId: string;
        constructor(userId: string) {
          this.userId = userId;
        }
      }
      const cyclic = { userId: "u", self: {} as object };
      cyclic.self = cyclic;
      const kept = { userId: "nul \0 \ud800", claims: { big: 2n ** 60n, list: [1, null, "x"] } };
      const cases: readonly (readonly [{ readonly userId: string }, unknown])[] = [
        [kept, kept],
        [JSON.parse('{"userId":"a","__proto__":{"admin":true}}'), expect.anything()],
        [new Caller("b"), undefined],
        [cyclic, undefined],
        [{ userId: "c", since: new Date() } as object as Caller, undefined],
        [{ userId: "d", find: () => 1 } as object as Caller, undefined],
        [{ userId: "e", text: "x".repeat(70_000) } as object as Caller, undefined],
        [{ userId: "f", rounded: 2 ** 60 } as object as Caller, undefined],
      ];
      const { writes, letters } = made();
      for (const [principal, expected] of cases) {
        const { userId } = principal;
        await writes.processTransaction({ crud: [put("nowhere", "1")] }, { principal });
        const [summary] = (await letters.list({ userId })).letters;
        const letter = await letters.get(summary?.id ?? "");
        expect(letter?.principal, userId).toEqual(expected);
        expect(letter?.userId).toBe(userId);
      }
      const without = made({ deadLetters: { keepPrincipal: false } });
      await without.writes.processTransaction({ crud: [put("nowhere", "2")] }, alice);
      const [summary] = (await letters.list({ userId: "alice" })).letters;
      expect(await letters.get(summary?.id ?? "")).not.toHaveProperty("principal");
    });
  });

  describe("retrying", () => {
    /** A todo of a list that comes late. */
    const early = async (letters = made()) => {
      const body = from(
        "phone",
        1,
        put("todos", uuid(9), { list_id: uuid(1), description: "Milk" }),
      );
      expect(await letters.writes.processTransaction(body, alice)).toMatchObject(FATAL);
      return { ...letters, body, id: (await only(letters.letters)).id };
    };

    it("applies a letter as its user, and leaves the device's answer as it was", async () => {
      const { writes, letters, body, id } = await early();
      const answer = await writes.processTransaction(body, alice);
      await insert("lists", { id: uuid(1), owner_id: "alice" });
      expect(await letters.retry(id)).toEqual({ status: "retried" });
      expect(await rows("todos")).toMatchObject([{ id: uuid(9), description: "Milk" }]);
      const letter = await letters.get(id);
      expect(letter).toMatchObject({
        status: "retried",
        attempts: 1,
        closedAt: expect.any(String),
      });

      await sql`delete from todos`.execute(db);
      expect(await writes.processTransaction(body, alice)).toEqual(answer);
      expect(await rows("todos")).toEqual([]);
      expect(await only(letters)).toMatchObject({ id, status: "retried", attempts: 1 });
      expect(await letters.retry(id, { force: true })).toEqual({
        status: "not_open",
        is: "retried",
      });
      expect(await letters.discard(id, "x")).toEqual({ status: "not_open", is: "retried" });
      expect(await letters.edit(id, body)).toEqual({ status: "not_open", is: "retried" });
    });

    it("stays within what the user may do", async () => {
      const { letters, id } = await early();
      await insert("lists", { id: uuid(1), owner_id: "bob" });
      expect(await letters.retry(id)).toMatchObject({
        status: "failed",
        retryable: false,
        errorCode: "UNAUTHORIZED",
        operationIndex: 0,
      });
      expect(await rows("todos")).toEqual([]);
      expect(await letters.get(id)).toMatchObject({
        status: "open",
        attempts: 2,
        errorCode: "UNAUTHORIZED",
      });
      await expect(letters.retry(id, { as: bob.principal })).rejects.toThrow(
        /must have the `userId`/,
      );
      expect(await letters.get(id)).toMatchObject({ status: "open", attempts: 2 });
    });

    it("has one effect, however many try", async () => {
      const { letters, id } = await early();
      await insert("lists", { id: uuid(1), owner_id: "alice" });
      let applied = 0;
      const other = made({ hooks: { committed: () => void (applied += 1) } });
      const results = await Promise.all(Array.from({ length: 10 }, () => other.letters.retry(id)));
      expect(results.filter(({ status }) => status === "retried")).toHaveLength(1);
      expect(results.filter(({ status }) => status === "not_open")).toHaveLength(9);
      expect(applied).toBe(1);
      expect(await rows("todos")).toHaveLength(1);
      expect((await letters.get(id))?.attempts).toBe(1);
    });

    it("sees that a row has changed, and applies it only by force", async () => {
      const { writes, letters } = made();
      await insert("lists", { id: uuid(1), owner_id: "alice", name: "Old" });
      const body = from("phone", 1, patch("lists", uuid(1), { name: "Mine" }), put("nowhere", "1"));
      await writes.processTransaction(body, alice);
      const { id } = await only(letters);
      await letters.edit(id, { crud: [patch("lists", uuid(1), { name: "Mine" })] });
      await change("lists", uuid(1), { name: "Theirs" });

      const stale = { status: "stale", rows: [{ table: "lists", id: uuid(1) }] };
      expect(await letters.retry(id)).toEqual(stale);
      expect(await letters.retry(id)).toEqual(stale);
      expect(await rows("lists")).toMatchObject([{ name: "Theirs" }]);
      expect(await letters.get(id)).toMatchObject({ status: "stale", attempts: 1 });
      // As a letter that waits, it still takes its repeats.
      expect((await letters.list({ status: "stale" })).letters).toHaveLength(1);
      expect(await letters.retry(id, { force: true })).toEqual({ status: "retried" });
      expect(await rows("lists")).toMatchObject([{ name: "Mine" }]);
    });

    itWhere(dialect.concurrent)(
      "lets nobody change the rows between the comparison and its own change",
      async () => {
        await insert("things", { id: uuid(1), size: 1 });
        const { writes, letters } = made();
        await writes.processTransaction(from("phone", 1, badThing(uuid(1))), alice);
        const { id } = await only(letters);
        await letters.edit(id, { crud: [goodThing(uuid(1), 2)] });
        const free: number[] = [];
        const looking = made({
          hooks: {
            map: {
              before: async () => {
                const others = db.selectFrom("things").select("id").forUpdate().skipLocked();
                free.push((await others.execute()).length);
              },
            },
          },
        });
        await insert("things", { id: uuid(2), size: 1 });
        expect(await looking.letters.retry(id)).toEqual({ status: "retried" });
        expect(free).toEqual([1]);
      },
    );

    it("sees rows that came and rows that went, and takes one that is as it was", async () => {
      const { writes, letters } = made({ ledger: false });
      const record = async (n: number) => {
        await writes.processTransaction(from("phone", n, badThing(uuid(n))), alice);
        const [letter] = (await letters.list({ limit: 1 })).letters;
        await letters.edit(letter?.id ?? "", { crud: [goodThing(uuid(n))] });
        return letter?.id ?? "";
      };
      const appeared = await record(1);
      await insert("things", { id: uuid(1), size: 5 });
      expect(await letters.retry(appeared)).toMatchObject({ status: "stale" });
      await sql`delete from things`.execute(db);
      expect(await letters.retry(appeared)).toEqual({ status: "retried" });

      const gone = await record(1);
      await sql`delete from things`.execute(db);
      expect(await letters.retry(gone)).toMatchObject({ status: "stale" });
      expect(await rows("things")).toEqual([]);
      // Whoever edits it has looked at what is there.
      expect(await letters.edit(gone, { crud: [goodThing(uuid(1), 8)] })).toEqual({
        status: "edited",
      });
      expect(await letters.get(gone)).toMatchObject({ status: "open" });
      expect(await letters.retry(gone)).toEqual({ status: "retried" });
      expect(await rows("things")).toMatchObject([{ size: 8 }]);
    });

    it("tells changes of every kind of value", async () => {
      const { writes, letters } = made({ ledger: false });
      const first = {
        id: uuid(1),
        owner_id: "alice",
        name: "a",
        created_at: dialect.name.startsWith("SQLite")
          ? "2026-01-01 00:00:00"
          : new Date("2026-01-01T00:00:00Z"),
        settings: JSON.stringify({ a: 1 }),
        labels: dialect.name.startsWith("P") ? ["x"] : JSON.stringify(["x"]),
      };
      const others: readonly object[] = [
        { name: null },
        { name: "A" },
        { name: "a " },
        { created_at: null },
        { settings: JSON.stringify({ a: 2 }) },
        { settings: null },
        { labels: dialect.name.startsWith("P") ? ["x", "y"] : JSON.stringify(["x", "y"]) },
      ];
      await insert("lists", first);
      await writes.processTransaction(
        { crud: [patch("lists", uuid(1), { name: "z" }), put("nowhere", "1")] },
        alice,
      );
      const { id } = await only(letters);
      for (const other of others) {
        await change("lists", uuid(1), { ...first, ...other });
        expect(await letters.retry(id), JSON.stringify(other)).toMatchObject({ status: "stale" });
      }
      await change("lists", uuid(1), first);
      // As it was: now it is the other table that refuses it.
      expect(await letters.retry(id)).toMatchObject({
        status: "failed",
        errorCode: "UNKNOWN_TABLE",
      });
    });

    it("runs every hook, and tells of the commit", async () => {
      const { writes, letters } = made();
      await writes.processTransaction(
        from("phone", 1, put("named", uuid(1), { name: "By hand" })),
        alice,
      );
      const { id } = await only(letters);
      const committed: unknown[] = [];
      const seen: unknown[] = [];
      const hooked = made({
        hooks: {
          map: {
            before: (entry: { table: string }) =>
              entry.table === "named" ? { ...entry, table: "lists" } : undefined,
          },
          authorize: {
            before: (_write: unknown, context: { principal: unknown; clientId?: string }) =>
              void seen.push([context.principal, context.clientId]),
          },
          persist: {
            after: async (_outcome: unknown, { tx }: { tx: typeof db }) =>
              void (await tx
                .insertInto("members")
                .values({ list_id: uuid(1), user_name: "audit", role: "x" })
                .execute()),
          },
          committed: ({ writes }: { writes: readonly unknown[] }) => void committed.push(...writes),
        },
      });
      expect(await hooked.letters.retry(id)).toEqual({ status: "retried" });
      expect(seen).toEqual([[alice.principal, "phone"]]);
      expect(committed).toMatchObject([{ table: "lists", id: uuid(1) }]);
      expect(await rows("lists")).toMatchObject([{ name: "By hand", owner_id: "alice" }]);
      expect(await db.selectFrom("members").select("user_name").execute()).toHaveLength(1);
    });

    it("leaves a letter that fails again as it was, and says why", async () => {
      const { letters, id, events } = await early();
      expect(await letters.retry(id)).toMatchObject({ status: "failed", retryable: false });
      const thrown = [
        [
          fatal("LIST_CLOSED", "The list is closed."),
          { retryable: false, errorCode: "LIST_CLOSED", message: "The list is closed." },
        ],
        [retryable("Not now."), { retryable: true, message: "Not now." }],
        [new Error("secret"), { retryable: true }],
      ] as const;
      await insert("lists", { id: uuid(1), owner_id: "alice" });
      for (const [error, expected] of thrown) {
        const failing = made({
          authorize: () => {
            throw error;
          },
        });
        const result = await failing.letters.retry(id);
        expect(result).toMatchObject({ status: "failed", operationIndex: 0, ...expected });
        expect(JSON.stringify(result)).not.toContain("secret");
      }
      expect(await letters.get(id)).toMatchObject({
        status: "open",
        attempts: 5,
        // A failure that may pass says nothing about the transaction.
        errorCode: "LIST_CLOSED",
        message: "The list is closed.",
      });
      expect(await rows("todos")).toEqual([]);
      const told = (event: WriteEvent) =>
        event.type === "dead_letter_handled" ? [event.outcome] : [];
      expect(events.flatMap(told)).toEqual(["failed"]);
      expect(await letters.retry(id)).toEqual({ status: "retried" });
      expect(events.flatMap(told)).toEqual(["failed", "retried"]);
    });

    it("asks the application as whom, where it says so", async () => {
      const unknown = await early(made({ deadLetters: { keepPrincipal: false } }));
      const { id } = unknown;
      await insert("lists", { id: uuid(1), owner_id: "alice" });
      expect(await unknown.letters.retry(id)).toMatchObject({
        status: "failed",
        retryable: false,
        message: expect.stringContaining("deadLetters.principal"),
      });
      const asked: unknown[] = [];
      const other = (userId: string) =>
        made({
          deadLetters: {
            principal: (letter: { userId: string; id: string }) => {
              asked.push(letter.id);
              return { userId };
            },
          },
        });
      expect(await other("mallory").letters.retry(id)).toMatchObject({
        status: "failed",
        retryable: true,
      });
      expect(await rows("todos")).toEqual([]);
      expect(await other("alice").letters.retry(id)).toEqual({ status: "retried" });
      expect(asked).toEqual([id, id]);
    });

    it("refuses an integer that had been rounded before it came", async () => {
      const { writes, letters } = made({ ledger: false });
      // Parsed by somebody else: 2^60 may have been another number.
      await writes.processTransaction(
        { crud: [put("things", uuid(1), { big: 2 ** 60 }), put("nowhere", "1")] },
        alice,
      );
      expect(await letters.list()).toEqual({ letters: [] });
      await writes.processTransaction(
        { crud: [put("nowhere", "1"), put("things", uuid(1), { big: 2 ** 60 })] },
        alice,
      );
      const { id } = await only(letters);
      const late = made({
        ledger: false,
        hooks: {
          map: {
            after: (write: { table: string } | null) =>
              write?.table === "members" ? null : undefined,
            before: (entry: { table: string }) =>
              entry.table === "nowhere"
                ? { ...entry, table: "members", id: `${uuid(1)}.x`, opData: {} }
                : undefined,
          },
        },
      });
      expect(await late.letters.retry(id)).toMatchObject({ status: "failed", retryable: true });
      expect(await rows("things")).toEqual([]);
      expect(
        await letters.edit(id, { crud: [put("things", uuid(1), { big: 2 ** 60 })] }),
      ).toMatchObject({ status: "invalid" });
      expect(
        await letters.edit(id, { crud: [put("things", uuid(1), { big: 2n ** 60n + 1n })] }),
      ).toEqual({ status: "edited" });
      expect(await letters.retry(id)).toEqual({ status: "retried" });
      expect(await rows("things")).toMatchObject([{ big: "1152921504606846977" }]);
    });
  });

  describe("editing and discarding", () => {
    it("keeps what was recorded, and the device's answer", async () => {
      const { writes, letters } = made();
      const body = from("phone", 1, badThing(uuid(1)));
      const answer = await writes.processTransaction(body, alice);
      const { id } = await only(letters);
      for (const size of [3, 4]) {
        expect(await letters.edit(id, { crud: [goodThing(uuid(2), size)] })).toEqual({
          status: "edited",
        });
      }
      expect(await letters.get(id)).toMatchObject({
        status: "open",
        edited: true,
        payload: { crud: [goodThing(uuid(2), 4)] },
        originalPayload: { crud: body.crud },
        rows: [{ table: "things", id: uuid(2), present: false }],
      });
      expect(await writes.processTransaction(body, alice)).toEqual(answer);
      expect(await only(letters)).toMatchObject({ attempts: 1 });
      expect(await letters.retry(id)).toEqual({ status: "retried" });
      expect(await rows("things")).toMatchObject([{ id: uuid(2), size: 4 }]);
      expect(await writes.processTransaction(body, alice)).toEqual(answer);
      expect(await rows("things")).toHaveLength(1);
    });

    it("takes no payload that is no transaction", async () => {
      const { writes, letters } = made();
      await writes.processTransaction(from("phone", 1, badThing(uuid(1))), alice);
      const { id } = await only(letters);
      const bad: readonly unknown[] = [
        null,
        "text",
        {},
        { crud: [{ op: "PUT", table: "", id: "" }] },
        { crud: [{ op: "UPSERT", table: "things", id: "1" }] },
        { transactions: [{ crud: [] }, { crud: [] }] },
        { transactions: [] },
      ];
      for (const payload of bad) {
        expect(await letters.edit(id, payload)).toEqual({
          status: "invalid",
          message: expect.stringMatching(/./),
        });
      }
      expect(await letters.get(id)).toMatchObject({ edited: false });
    });

    it("discards for a reason, once", async () => {
      const { writes, letters } = made();
      const body = from("phone", 1, badThing(uuid(1)));
      const answer = await writes.processTransaction(body, alice);
      const { id } = await only(letters);
      for (const reason of ["", "  ", "x".repeat(2_001), 7 as unknown as string]) {
        await expect(letters.discard(id, reason)).rejects.toThrow(/Give a "reason"/);
      }
      const reason = "Nul \0, half \ud800, “quoted”.";
      expect(await letters.discard(id, reason)).toEqual({ status: "discarded" });
      expect(await letters.get(id)).toMatchObject({ status: "discarded", reason });
      expect(await letters.discard(id, "Again")).toEqual({ status: "not_open", is: "discarded" });
      expect(await letters.retry(id)).toEqual({ status: "not_open", is: "discarded" });
      expect(await writes.processTransaction(body, alice)).toEqual(answer);
      expect(await rows("things")).toEqual([]);
    });

    it("knows no letter by a wrong id", async () => {
      const { letters } = made();
      const ids = [
        uuid(1),
        "",
        "x".repeat(100),
        "a\0b",
        "' or 1=1 --",
        "\ud800",
        7 as unknown as string,
      ];
      for (const id of ids) {
        expect(await letters.get(id)).toBeUndefined();
        expect(await letters.retry(id)).toEqual({ status: "not_found" });
        expect(await letters.discard(id, "x")).toEqual({ status: "not_found" });
        expect(await letters.edit(id, { crud: [] })).toEqual({ status: "not_found" });
      }
    });
  });

  it("stores, shows, edits, exports and retries every text and number exactly", async () => {
    const { writes, letters } = made();
    const values = parseJson(
      `{"text":"nul \\u0000 half \\ud800 whole \\ud83d\\ude00 \\"\\\\","big":9007199254740993,"negative":-9223372036854775808,"float":0.1,"__proto__":{"x":[12345678901234567890,null,true]},"constructor":"c"}`,
    ) as object;
    const payload = {
      crud: [{ op: "PUT", table: "nowhere \0 ,\ud800", id: "id \0", op_id: 1, op_data: values }],
    };
    await writes.processTransaction({ client_id: "nul \0 \ud800", ...payload }, alice);
    const { id, tables, clientId } = await only(letters);
    expect({ tables, clientId }).toEqual({
      tables: ["nowhere \0 ,\ud800"],
      clientId: "nul \0 \ud800",
    });
    expect(
      (await letters.list({ table: "nowhere \0 ,\ud800", clientId: "nul \0 \ud800" })).letters,
    ).toHaveLength(1);
    expect((await letters.get(id))?.payload).toStrictEqual(payload);

    const [line = ""] = await lines(letters.export());
    expect(line).toMatch(/^\{.*\}\n$/);
    expect(line).not.toContain("\0");
    const exported = parseJson(line) as { payload: unknown };
    expect(exported.payload).toStrictEqual(payload);

    const kept: unknown[] = [];
    const taking = made({
      persist: (write: { values: unknown }) => (kept.push(write.values), { effect: "written" }),
      map: (entry: { opData: unknown }) => ({
        op: "PUT",
        table: "lists",
        id: "1",
        values: entry.opData,
      }),
    });
    expect(await letters.edit(id, exported.payload)).toEqual({ status: "edited" });
    expect((await letters.get(id))?.payload).toStrictEqual(payload);
    expect(await taking.letters.retry(id)).toEqual({ status: "retried" });
    expect(kept).toStrictEqual([values]);
  });

  describe("many", () => {
    const record = async (
      { writes }: ReturnType<typeof made>,
      client: string,
      ...ids: readonly number[]
    ) => {
      for (const n of ids) {
        const crud = [put("todos", uuid(100 + n), { list_id: uuid(n), description: client })];
        expect(await writes.processTransaction(from(client, n, ...crud), alice)).toMatchObject(
          FATAL,
        );
      }
    };

    it("are listed by filters, in pages that new letters don't move", async () => {
      const all = made();
      await record(all, "phone", 1, 2, 3, 4, 5);
      await record(all, "tablet", 6, 7);
      await all.writes.processTransaction(from("phone", 9, badThing(uuid(9))), bob);
      const { letters } = all;
      const clients = async (filter: Parameters<typeof letters.list>[0]) =>
        (await letters.list(filter)).letters.map(({ clientId }) => clientId).join(" ");
      expect(await clients({})).toBe("phone tablet tablet phone phone phone phone phone");
      expect(await clients({ order: "oldest", limit: 6 })).toBe(
        "phone phone phone phone phone tablet",
      );
      expect(await clients({ clientId: "tablet" })).toBe("tablet tablet");
      expect(await clients({ userId: "bob" })).toBe("phone");
      expect(await clients({ userId: "Bob" })).toBe("");
      expect(await clients({ table: "things" })).toBe("phone");
      expect(await clients({ table: "thing" })).toBe("");
      expect(await clients({ table: "%" })).toBe("");
      expect(await clients({ errorCode: "CHECK_VIOLATION" })).toBe("phone");
      expect(await clients({ status: ["retried", "discarded"] })).toBe("");
      expect(await clients({ since: new Date(Date.now() + 60_000) })).toBe("");
      expect(await clients({ until: new Date(Date.now() - 60_000) })).toBe("");
      expect(
        await clients({
          since: new Date(Date.now() - 60_000),
          until: new Date(Date.now() + 60_000).toISOString(),
          limit: 1,
        }),
      ).toBe("phone");
      const [, third] = (await letters.list({ order: "oldest" })).letters;
      expect((await letters.list({ until: third?.firstSeenAt ?? "" })).letters.length).toBeLessThan(
        3,
      );

      for (const order of ["newest", "oldest"] as const) {
        const before = (await letters.list({ order })).letters.map(({ id }) => id);
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await letters.list({
            order,
            limit: 3,
            ...(cursor !== undefined && { cursor }),
          });
          seen.push(...page.letters.map(({ id }) => id));
          cursor = page.next;
          // Meanwhile.
          if (seen.length < 9)
            await record(all, "late", 20 + seen.length + (order === "newest" ? 0 : 50));
        } while (cursor !== undefined && seen.length < 50);
        const expected =
          order === "newest"
            ? before
            : seen.filter((id, at) => at < before.length && before[at] === id);
        expect(seen.slice(0, before.length)).toEqual(before);
        expect(expected).toHaveLength(before.length);
        expect(new Set(seen).size).toBe(seen.length);
      }
    });

    it.each([
      ["a word nobody knows", { usr: "alice" }],
      ["a status that is none", { status: "gone" }],
      ["no status at all", { status: [] }],
      ["a time that is none", { since: "yesterday" }],
      ["a user that is no text", { userId: 7 }],
      ["a cursor of nobody's", { cursor: "garbage" }],
      ["a cursor in no year", { cursor: `2026-99-99T00:00:00Z_${uuid(1)}` }],
      ["no letter at all", { limit: 0 }],
      ["too many", { limit: 501 }],
      ["half a letter", { limit: 1.5 }],
      ["an order that is none", { order: "best" }],
    ])("refuses to list %s", async (_name, filter) => {
      const { letters } = made();
      await expect(letters.list(filter as object)).rejects.toThrow(/filter|cursor|limit|order/i);
      const bulk = { cursor: "garbage" };
      await expect(letters.retryAll({}, bulk)).rejects.toThrow(/cursor/);
      await expect(letters.discardAll({ usr: "x" } as object, "x")).rejects.toThrow(/usr/);
      await expect(letters.discardAll(undefined as unknown as object, "x")).rejects.toThrow(
        /filter/,
      );
    });

    it("are retried in each client's order, up to its first that fails", async () => {
      const all = made({ onFatal: "skip" });
      const { letters } = all;
      await record(all, "phone", 1, 2, 3);
      await record(all, "tablet", 4, 5);
      for (const n of [1, 3, 4, 5]) await insert("lists", { id: uuid(n), owner_id: "alice" });
      const order: string[] = [];
      const watching = made({
        hooks: {
          committed: ({ writes }: { writes: readonly { id: string }[] }) =>
            void order.push(...writes.map(({ id }) => id.slice(-3))),
        },
      });
      const report = await watching.letters.retryAll({});
      expect(report).toMatchObject({ retried: 3, failed: 1, skipped: 1, stale: 0 });
      expect(report.results.map(({ result }) => result.status)).toEqual([
        "retried",
        "failed",
        "skipped",
        "retried",
        "retried",
      ]);
      expect(order).toEqual(["101", "104", "105"]);
      expect(report.next).toBeUndefined();

      // Then the second can be applied, and the third after it.
      await insert("lists", { id: uuid(2), owner_id: "alice" });
      expect(await letters.retryAll({ clientId: "phone" })).toMatchObject({
        retried: 2,
        failed: 0,
        skipped: 0,
      });
      expect(await rows("todos")).toHaveLength(5);
    });

    it("go on from where a bounded call has stopped, and still in order", async () => {
      const all = made();
      const { letters } = all;
      await record(all, "phone", 1, 2, 3, 4);
      await record(all, "tablet", 5);
      for (const n of [2, 3, 4, 5]) await insert("lists", { id: uuid(n), owner_id: "alice" });
      const statuses: string[] = [];
      let cursor: string | undefined;
      for (let call = 0; call < 10; call += 1) {
        const report = await letters.retryAll(
          {},
          { limit: 2, ...(cursor !== undefined && { cursor }) },
        );
        statuses.push(...report.results.map(({ result }) => result.status));
        cursor = report.next;
        if (cursor === undefined) break;
      }
      expect(statuses).toEqual(["failed", "skipped", "skipped", "skipped", "retried"]);
      expect(
        await letters.discardAll({ clientId: "phone" }, "Given up.", { limit: 3 }),
      ).toMatchObject({ discarded: 3, next: expect.any(String) });
      expect(await letters.discardAll({}, "Given up.")).toMatchObject({
        discarded: 1,
        ids: [expect.any(String)],
      });
      expect(await letters.discardAll({}, "Given up.")).toEqual({ discarded: 0, ids: [] });
      await expect(letters.discardAll({ status: "retried" }, "x")).rejects.toThrow(
        /Only open and stale/,
      );
      expect(
        (await letters.list({ status: "discarded" })).letters.map(({ reason }) => reason),
      ).toEqual(Array(4).fill("Given up."));
    });

    it("are exported whole, oldest first", async () => {
      const all = made();
      await record(all, "phone", 1, 2, 3);
      const exported = (await lines(all.letters.export())).map(
        (line) => JSON.parse(line) as { id: string; payload: { crud: { op_id: number }[] } },
      );
      expect(exported.map(({ payload }) => payload.crud[0]?.op_id)).toEqual([1, 2, 3]);
      expect(await lines(all.letters.export({ userId: "bob" }))).toEqual([]);
      await expect(lines(all.letters.export({ usr: 1 } as object))).rejects.toThrow(/usr/);
    });

    it("of one moment keep their order", async () => {
      const all = made({ onFatal: "skip" });
      const crud = Array.from({ length: 30 }, (_, n) => ({
        crud: [{ ...put("nowhere", `${n}`), op_id: n }],
      }));
      await all.writes.processBatch({ client_id: "phone", transactions: crud }, alice);
      await createOwn()
        .on(db)
        .updateTable("powersync_dead_letters")
        .set({
          created_at: (
            await sql<{
              at: Date;
            }>`select max(created_at) as at from powersync_dead_letters`.execute(db)
          ).rows[0]?.at as never,
        })
        .execute();
      const { letters } = await all.letters.list({ order: "oldest" });
      const ids = await Promise.all(
        letters.map(
          async ({ id }) =>
            ((await all.letters.get(id))?.payload as { crud: { op_id: number }[] } | undefined)
              ?.crud[0]?.op_id,
        ),
      );
      expect(ids).toEqual(Array.from({ length: 30 }, (_, n) => n));
      for (const order of ["oldest", "newest"] as const) {
        const paged: string[] = [];
        for (let cursor: string | undefined, page = 0; page < 10; page += 1) {
          const found = await all.letters.list({ order, limit: 7, ...(cursor && { cursor }) });
          paged.push(...found.letters.map(({ id }) => id));
          cursor = found.next;
          if (cursor === undefined) break;
        }
        const expected = letters.map(({ id }) => id);
        expect(paged).toEqual(order === "oldest" ? expected : expected.toReversed());
      }
    });
  });

  it("asks for a tenant where every tenant has a database", async () => {
    const { letters, writes } = made({
      database: ({ userId }: { userId: string }) => {
        if (userId === "nobody") throw new Error("No such tenant.");
        return db;
      },
    });
    await writes.processTransaction(from("phone", 1, badThing(uuid(1))), alice);
    await expect(letters.list()).rejects.toThrow(/pass it as/);
    await expect(letters.retryAll({})).rejects.toThrow(/pass it as/);
    await expect(letters.list({ principal: { userId: "nobody" } })).rejects.toThrow(
      "No such tenant.",
    );
    const [letter] = (await letters.list({ principal: { userId: "operator" } })).letters;
    // Whose database it is says nothing about as whom it is retried.
    await letters.edit(
      letter?.id ?? "",
      { crud: [put("lists", uuid(1))] },
      { principal: { userId: "operator" } },
    );
    expect(await letters.retry(letter?.id ?? "", { principal: { userId: "operator" } })).toEqual({
      status: "retried",
    });
    expect(await rows("lists")).toMatchObject([{ owner_id: "alice" }]);
    expect(SUCCESS).toEqual({ status: "success" });
  });
});
