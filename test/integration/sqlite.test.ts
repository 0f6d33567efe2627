/** What is special about SQLite: one write lock for a file, a COMMIT that can fail and leave its transaction open, and drivers that read integers in several ways. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type Kysely, sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resultCodes } from "../../docs/generate/codes/sqlite.js";
import { createTables, createWrites, type WriteEvent } from "../../src/index.js";
import { isChosen } from "../support/chosen.js";
import { createTestTables } from "../support/databases.js";
import { program } from "../support/program.js";
import type { TestSchema } from "../support/schema.js";
import { sqliteTables } from "../support/sqlite.js";
import {
  openSqlite,
  sqliteDrivers,
  sqliteFile,
  type SqliteOptions,
} from "../support/sqlite-files.js";
import { until } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const list = { op: "PUT", table: "lists", id: id(1), op_data: { name: "Groceries" } };
const success = { status: "success" };
const retryable = { status: "retryable_error", message: expect.any(String) as string };

describe.skipIf(!isChosen("sqlite")).each(sqliteDrivers)("SQLite by %s", (driver) => {
  let file: string;
  let remove: () => void;
  let open: Kysely<TestSchema>[] = [];
  let events: WriteEvent[] = [];

  beforeEach(() => {
    ({ file, remove } = sqliteFile());
    events = [];
  });
  afterEach(async () => {
    for (const db of open) await db.destroy();
    open = [];
    remove();
  });

  const connect = (options?: SqliteOptions): Kysely<TestSchema> => {
    const db = openSqlite(file, driver, options);
    open.push(db);
    return db;
  };

  const prepare = async ({ bare = false, journal = "wal" } = {}): Promise<Kysely<TestSchema>> => {
    const db = connect();
    await sql.raw(`pragma journal_mode = ${journal}`).execute(db);
    await createTestTables(db, sqliteTables);
    await sql`create table effects (name text)`.execute(db);
    for (const when of ["insert", "update"]) {
      await sql
        .raw(
          `create trigger on_${when} after ${when} on lists begin insert into effects values (new.name); end`,
        )
        .execute(db);
    }
    if (!bare) await createTables(db);
    return db;
  };

  const sender = (db: Kysely<TestSchema>, lockMs = 5_000, ledger?: false) => {
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(db),
      ...(ledger === false && { ledger }),
      timeouts: { lockMs },
      onEvent: (event) => void events.push(event),
    });
    return (...crud: readonly object[]) =>
      writes.processTransaction({ crud }, { principal: { userId: "alice" } });
  };

  const count = async (db: Kysely<TestSchema>, table: string): Promise<number> => {
    const { rows } = await sql<{
      n: number | bigint;
    }>`select count(*) as n from ${sql.table(table)}`.execute(db);
    return Number(rows[0]?.n);
  };

  /** The result codes of what failed, by name. */
  const failures = (): ReadonlySet<unknown> =>
    new Set(
      events.flatMap((event) => {
        if (event.type !== "error") return [];
        const { code, errcode } = event.error as { code?: unknown; errcode?: unknown };
        return [resultCodes.find(([, number]) => number === errcode)?.[0] ?? code];
      }),
    );

  const recorded = (db: Kysely<TestSchema>) => count(db, "powersync_dead_letters");

  const twoProcesses = async (mode: "same" | "other", times: number) => {
    const script = await program(new URL("../support/sqlite-writer.ts", import.meta.url));
    const children = [1, 2].map(() =>
      fork(script, [file, driver, mode, String(times)], { execArgv: [] }),
    );
    const told = async (child: ChildProcess): Promise<unknown[]> => {
      const ended = once(child, "exit").then(([code]): never => {
        throw new Error(`A writer ended with ${String(code)} before it had told anything.`);
      });
      return Promise.race([once(child, "message"), ended]);
    };
    await Promise.all(children.map(told));
    for (const child of children) child.send("go");
    const answers = await Promise.all(children.map(told));
    const sum: Record<string, number> = {};
    for (const [statuses] of answers as [Record<string, number>][]) {
      for (const [status, n] of Object.entries(statuses)) sum[status] = (sum[status] ?? 0) + n;
    }
    return sum;
  };

  it.each(["wal", "delete"])(
    "makes tables and applies one transaction once, from two processes (%s)",
    async (journal) => {
      const db = await prepare({ bare: true, journal });
      expect(await twoProcesses("same", 25)).toEqual({ success: 50 });
      expect(await count(db, "effects")).toBe(1);
      expect(await count(db, "powersync_ledger")).toBe(1);
    },
  );

  it("makes tables while others read, whom a rollback journal lets in the way of COMMIT", async () => {
    const db = await prepare({ bare: true, journal: "delete" });
    const reader = connect();
    await sql`begin`.execute(reader);
    await count(reader, "lists");
    let ticks = 0;
    const timer = setInterval(() => void (ticks += 1), 5);
    const made = createTables(db);
    made.catch(() => undefined);
    await until(() => ticks > 20);
    await sql`rollback`.execute(reader);
    await made;
    clearInterval(timer);
    expect(await count(db, "powersync_ledger")).toBe(0);
  });

  it.each(["wal", "delete"])(
    "applies each transaction once or not at all, though it begins with reading (%s)",
    async (journal) => {
      const db = await prepare({ bare: true, journal });
      const { success = 0, retryable_error: later = 0, ...none } = await twoProcesses("other", 50);
      expect(none).toEqual({});
      expect(success + later).toBe(100);
      expect(success).toBeGreaterThan(50);
      expect(await count(db, "effects")).toBe(success * 2);
    },
  );

  it("waits for another's lock without holding up the process", async () => {
    const db = await prepare();
    const send = sender(db, 60_000);
    const other = connect();
    await sql`begin immediate`.execute(other);
    let ticks = 0;
    const timer = setInterval(() => void (ticks += 1), 5);
    const answer = send(list);
    await until(() => ticks > 20);
    await sql`rollback`.execute(other);
    expect(await answer).toEqual(success);
    clearInterval(timer);
    expect(events.filter(({ type }) => type === "error")).toEqual([]);
  });

  it("does not wait longer than it may, and has recorded nothing then", async () => {
    const db = await prepare();
    const send = sender(db, 100);
    const other = connect();
    await sql`begin immediate`.execute(other);
    // The lock is kept: that there is an answer is the time's doing.
    expect(await send(list)).toEqual(retryable);
    await sql`rollback`.execute(other);
    expect(await recorded(db)).toBe(0);
    expect(await send(list)).toEqual(success);
  });

  it("tries again what came too late for the lock", async () => {
    const db = await prepare({ bare: true });
    const send = sender(db, 5_000, false);
    const other = connect();
    await sql`begin immediate`.execute(other);
    const answer = send(list);
    await until(() => failures().has("SQLITE_BUSY"));
    await sql`rollback`.execute(other);
    expect(await answer).toEqual(success);
    const tried = events.find(({ type }) => type === "transaction");
    expect(tried).toMatchObject({ status: "success" });
    expect(tried).not.toMatchObject({ attempts: 1 });
    expect(failures()).toEqual(new Set(["SQLITE_BUSY"]));
  });

  it("rolls back where COMMIT fails, and the connection is good for the next one", async () => {
    const db = await prepare();
    const send = sender(db);
    const orphan = { op: "PUT", table: "things", id: id(2), op_data: { parent_id: id(3) } };
    for (let times = 0; times < 3; times += 1) {
      expect(await send(list, orphan)).toMatchObject({
        status: "fatal_error",
        failedOperation: { errorCode: "FOREIGN_KEY_VIOLATION" },
      });
    }
    expect(await count(db, "lists")).toBe(0);
    // Repeats of one payload are one letter.
    expect(await recorded(db)).toBe(1);
    expect(await send(list)).toEqual(success);
    expect(await count(connect(), "lists")).toBe(1);
  });

  it("keeps on the device what can't be committed for readers", async () => {
    const db = await prepare({ journal: "delete" });
    const send = sender(db);
    const reader = connect();
    await sql`begin`.execute(reader);
    await count(reader, "lists");
    expect(await send(list)).toEqual(retryable);
    expect(failures()).toEqual(new Set(["SQLITE_BUSY"]));
    await sql`rollback`.execute(reader);
    expect(await count(db, "lists")).toBe(0);
    expect(await send(list)).toEqual(success);
    expect(await recorded(db)).toBe(0);
  });

  it.each(["abort", "rollback", "fail"])("knows a trigger's raise(%s)", async (action) => {
    const db = await prepare();
    await sql
      .raw(
        `create trigger refuse before insert on things begin select raise(${action}, 'secret'); end`,
      )
      .execute(db);
    const send = sender(db);
    const answer = await send(list, { op: "PUT", table: "things", id: id(2), op_data: {} });
    expect(answer).toMatchObject({
      status: "fatal_error",
      failedOperation: { errorCode: "CONSTRAINT_VIOLATION", operationIndex: 1 },
    });
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(await count(db, "lists")).toBe(0);
    expect(await recorded(db)).toBe(1);
    expect(await send(list)).toEqual(success);
  });

  it("keeps everything on the device while the file is read-only", async () => {
    await prepare();
    const db = connect({ readOnly: true });
    const send = sender(db);
    expect(await send(list)).toEqual(retryable);
    expect(await send({ ...list, op_data: { owner_id: "bob" } })).toEqual(retryable);
    expect(failures()).toEqual(new Set(["SQLITE_READONLY"]));
    expect(await count(db, "lists")).toBe(0);
    expect(await recorded(db)).toBe(0);
  });

  it("keeps everything on the device while the disk is full", async () => {
    const db = await prepare();
    const send = sender(db);
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
    await sql.raw(`pragma max_page_count = ${rows[0]?.page_count}`).execute(db);
    const large = { ...list, op_data: { name: "x".repeat(100_000) } };
    const orphan = { op: "PUT", table: "todos", id: id(2), op_data: { note: "x".repeat(100_000) } };
    expect(await send({ ...list, id: id(4) }, large)).toEqual(retryable);
    // A fatal failure whose dead letter has no room is not answered as one.
    expect(await send(orphan)).toEqual(retryable);
    expect(failures()).toContain("SQLITE_FULL");
    expect(await count(db, "lists")).toBe(0);
    expect(await recorded(db)).toBe(0);
    await sql`pragma max_page_count = 100000`.execute(db);
    expect(await send(large)).toEqual(success);
    expect(await send(orphan)).toMatchObject({
      failedOperation: { errorCode: "FORBIDDEN_COLUMN" },
    });
  });

  it("leaves no half of a transaction where a hook hides that SQLite has undone it", async () => {
    const db = await prepare();
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
    await sql.raw(`pragma max_page_count = ${rows[0]?.page_count}`).execute(db);
    const large = sql`insert into effects values (${"x".repeat(100_000)})`;
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(db),
      hooks: {
        persist: {
          // A full disk makes SQLite roll back by itself: what came next would be committed alone.
          after: async (_outcome, { tx }) => void (await large.execute(tx).catch(() => undefined)),
        },
      },
    });
    const crud = [list, { ...list, id: id(2) }, { ...list, id: id(3) }];
    const principal = { userId: "alice" };
    expect(await writes.processTransaction({ crud }, { principal })).toEqual(retryable);
    expect(await count(db, "lists")).toBe(0);
    expect(await recorded(db)).toBe(0);
  });

  it("keeps everything on the device while the file is no database", async () => {
    const { writeFileSync } = await import("node:fs");
    writeFileSync(file, "no database ".repeat(1_000));
    expect(await sender(connect())(list)).toEqual(retryable);
    expect(failures()).toEqual(new Set(["SQLITE_NOTADB"]));
  });

  it.each([true, false])(
    "needs no setting of how integers are read (bigint: %s)",
    async (bigInts) => {
      await prepare();
      const db = connect({ bigInts });
      const writes = createWrites<TestPrincipal, TestSchema>(testConfig(db));
      const process = (body: object) =>
        writes.processTransaction(body, { principal: { userId: "alice" } });
      const big = "9223372036854775807";
      const crud = [
        { op_id: 1, ...list },
        { op_id: 2, op: "PUT", table: "things", id: id(2), op_data: { big, size: 3 } },
        { op_id: 3, op: "PATCH", table: "things", id: id(2), op_data: { size: 4 } },
        { op_id: 4, op: "PATCH", table: "lists", id: id(1), op_data: { name: "Shopping" } },
        { op_id: 5, op: "PUT", table: "authors", id: id(5), op_data: { name: "Le Guin" } },
        { op_id: 6, op: "PUT", table: "books", id: id(6), op_data: { author_id: id(5) } },
        {
          op_id: 7,
          op: "PUT",
          table: "todos",
          id: id(7),
          op_data: { list_id: id(1), description: "x" },
        },
        { op_id: 8, op: "DELETE", table: "todos", id: id(7) },
      ];
      expect(await process({ client_id: "device", crud })).toEqual(success);
      expect(await process({ client_id: "device", crud })).toEqual(success);
      expect(await count(db, "effects")).toBe(2);
      const { rows } = await sql`
      select cast(big as text) as big, typeof(big) as type, cast(size as text) as size, cast(doubled as text) as doubled
      from things
    `.execute(db);
      expect(rows).toEqual([{ big, type: "integer", size: "4", doubled: "8" }]);
      const refused = {
        op_id: 9,
        op: "PATCH",
        table: "lists",
        id: id(1),
        op_data: { owner_id: "bob" },
      };
      const fatal = await process({ client_id: "device", crud: [refused] });
      expect(fatal).toMatchObject({ failedOperation: { errorCode: "UNAUTHORIZED" } });
      expect(await process({ client_id: "device", crud: [refused] })).toEqual(fatal);
      expect(await recorded(db)).toBe(1);
    },
  );

  it.each([true, false])("takes keys beyond 2^53 for references (bigint: %s)", async (bigInts) => {
    await prepare();
    const db = connect({ bigInts });
    const numbers = [
      "9223372036854775807",
      "-9223372036854775808",
      "9007199254740993",
      "-9007199254740993",
      "9007199254740991",
      "7",
    ];
    const send = sender(db);
    for (const [index, number] of numbers.entries()) {
      await sql`insert into authors (number, uuid) values (${BigInt(number)}, ${id(10 + index)})`.execute(
        db,
      );
      const op_data = { author_id: id(10 + index), title: number };
      expect(await send({ op: "PUT", table: "books", id: id(20 + index), op_data })).toEqual(
        success,
      );
    }
    const { rows } = await sql<{ author: string; title: string }>`
      select cast(author as text) as author, title from books
    `.execute(db);
    expect(rows.map(({ author }) => author)).toEqual(rows.map(({ title }) => title));
    expect(rows).toHaveLength(numbers.length);
  });

  it("writes to attached databases, by their schema's name", async () => {
    const db = await prepare();
    await sql.raw(`attach '${file}.other' as other`).execute(db);
    await sql`create table other.notes (id text primary key, body text, size int2)`.execute(db);
    const writes = createWrites<TestPrincipal, TestSchema>({
      ...testConfig(db),
      tables: {
        notes: {
          table: "other.notes",
          scope: (eb) => eb(sql`body`, "<>", "secret"),
        },
      },
    });
    const send = (op: string, op_data: object) =>
      writes.processTransaction(
        { crud: [{ op, table: "notes", id: "n", op_data }] },
        { principal: { userId: "alice" } },
      );
    expect(await send("PUT", { body: "Hello", size: 2 })).toEqual(success);
    expect(await send("PATCH", { body: "Goodbye" })).toEqual(success);
    expect(await send("PATCH", { size: 40_000 })).toMatchObject({ status: "fatal_error" });
    expect(await send("PATCH", { body: "secret" })).toMatchObject({ status: "fatal_error" });
    const { rows } = await sql`select body, cast(size as text) as size from other.notes`.execute(
      db,
    );
    expect(rows).toEqual([{ body: "Goodbye", size: "2" }]);
  });
});
