/** `check()` by itself, behind the first upload: once for each database, in nobody's way, and told in the log. */
import type { Kysely } from "kysely";
import { afterEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type Principal,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { until } from "../support/uploads.js";

type Config = WritesConfig<Principal, never>;

const alice = { principal: { userId: "alice" } };
const put = () => ({
  crud: [{ op: "PUT", table: "things", id: crypto.randomUUID(), op_data: { size: 1 } }],
});
const quiet = { error: () => {}, warn: () => {} };

const open: TestDatabase[] = [];
afterEach(async () => {
  for (const database of open.splice(0)) await database.close();
});

async function start(dialect: TestDialect, more: Partial<Config> = {}) {
  const statements: string[] = [];
  const database = await dialect.open({ log: ({ query }) => void statements.push(query.sql) });
  open.push(database);
  await database.db.schema
    .createTable("counted")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .execute();
  const lines: string[] = [];
  const events: WriteEvent[] = [];
  const note = (line: string) => void lines.push(line);
  const writes = createWrites<Principal, never>({
    authenticate: () => alice.principal,
    database: database.db as unknown as Kysely<never>,
    tables: {
      things: { access: "everyone" },
      gone: { access: "everyone" },
      counted: { access: "everyone" },
    } as never,
    logger: { error: note, warn: note },
    onEvent: (event) => void events.push(event),
    ...more,
  });
  const found = () => events.filter(({ type }) => type === "mismatch");
  return { database, writes, statements, lines, events, found };
}

for (const dialect of dialects) {
  it.skipIf(!(await dialect.available()))(
    `warns of what it finds, on ${dialect.name}`,
    async () => {
      const { writes, lines, found } = await start(dialect);
      expect(found()).toEqual([]);
      expect(await writes.processTransaction(put(), alice)).toEqual({ status: "success" });
      await until(() => found().length >= 2);
      const checked = (await writes.check()).map(({ message }) => message);
      expect(found().map((event) => event.type === "mismatch" && event.message)).toEqual(checked);
      expect(lines.join("\n")).toMatch(/tables\.gone: the database has no table "gone"/);
      expect(lines.join("\n")).toMatch(
        /tables\.counted: "counted"\."id" is of type int\w*.* and PowerSync's clients make UUIDs/,
      );
    },
  );
}

const someDialect = dialects.find(({ name }) => name.includes("better-sqlite3")) as TestDialect;

describe.skipIf(!(await someDialect.available()))("a self-check", () => {
  it("is made once, however many uploads there are", async () => {
    const { writes, found } = await start(someDialect);
    const uploads = () => Promise.all([1, 2, 3].map(() => writes.processTransaction(put(), alice)));
    await uploads();
    await until(() => found().length > 0);
    const before = found().length;
    await uploads();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(found()).toHaveLength(before);
  });

  it("is not made where nobody would read of it", async () => {
    const { writes, statements } = await start(someDialect, { logger: false });
    await writes.processTransaction(put(), alice);
    const before = statements.length;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(statements).toHaveLength(before);
  });

  it("is not made by a process that is being stopped, and a database that is closed is no line", async () => {
    const stopped = await start(someDialect);
    await stopped.writes.processTransaction(put(), alice);
    expect(await stopped.writes.drain(10)).toBe(true);
    const closed = await start(someDialect);
    await closed.writes.processTransaction(put(), alice);
    await closed.database.db.destroy();
    const before = stopped.statements.length;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(stopped.statements).toHaveLength(before);
    expect(closed.lines).toEqual([]);
  });

  it("fails no upload, though the database can't be asked", async () => {
    const { writes, lines, database } = await start(someDialect);
    expect(await writes.processTransaction(put(), alice)).toEqual({ status: "success" });
    await database.db.destroy();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(lines).toEqual([]);
  });

  it("is made for each database, where they depend on the principal", async () => {
    const one = await someDialect.open();
    const other = await someDialect.open();
    open.push(one, other);
    const events: WriteEvent[] = [];
    const writes = createWrites<Principal, never>({
      authenticate: () => alice.principal,
      database: ({ userId }) => (userId === "alice" ? one : other).db as unknown as Kysely<never>,
      tables: { things: { access: "everyone" }, gone: { access: "everyone" } } as never,
      logger: quiet,
      onEvent: (event) => void events.push(event),
    });
    await writes.processTransaction(put(), alice);
    await writes.processTransaction(put(), { principal: { userId: "bob" } });
    const gone = () =>
      events.filter((event) => event.type === "mismatch" && event.table === "gone");
    await until(() => gone().length === 2);
  });

  it("is not made where the database is made anew for each request", async () => {
    const database = await someDialect.open();
    open.push(database);
    const db = database.db as unknown as Kysely<never>;
    const { writes, found } = await start(someDialect, {
      database: { open: () => db, key: () => "one" },
    });
    expect(await writes.processTransaction(put(), alice)).toEqual({ status: "success" });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(found()).toEqual([]);
  });

  it("does not keep the process", async () => {
    const { execFile } = await import("node:child_process");
    const program = `
      import { createWrites, createTables, anonymous } from "./src/index.ts";
      import Database from "better-sqlite3";
      import { Kysely, SqliteDialect } from "kysely";
      const database = new Kysely({ dialect: new SqliteDialect({ database: new Database(":memory:") }) });
      await createTables(database);
      const writes = createWrites({ authenticate: anonymous(), database, tables: { gone: { access: "everyone" } } });
      await writes.processTransaction({ crud: [{ op: "PUT", table: "gone", id: "1", op_data: {} }] }, { principal: { userId: "a" } });
      console.log("done");
      process.on("exit", () => console.log("active", process.getActiveResourcesInfo().filter((each) => each === "Timeout").length));
    `;
    const text = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "-e", program],
        (error, stdout, stderr) => (error ? reject(error) : resolve(stdout + stderr)),
      );
    });
    // It has ended before the check began.
    expect(text).toMatch(/done/);
    expect(text).not.toMatch(/tables\.gone/);
  });
});
