/** A store that can't take a letter: the device keeps its transaction. And rows that can't be read: the letter is recorded all the same. */
import Database from "better-sqlite3";
import { Kysely, MysqlDialect, PostgresDialect, sql, SqliteDialect } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createTables } from "../../src/index.js";
import { isChosen } from "../support/chosen.js";
import {
  createPostgresDatabase,
  createTestTables,
  dialects,
  type TestDatabase,
} from "../support/databases.js";
import {
  alice,
  badThing,
  from,
  goodThing,
  patch,
  put,
  uuid,
  writesWithEvents,
} from "../support/letters.js";
import { createMysqlDatabase, mysqlPool, packetOf, mysqlTables } from "../support/mysql.js";
import type { TestSchema } from "../support/schema.js";
import { mysqlServers, postgresAvailable } from "../support/servers.js";
import { sqliteTables } from "../support/sqlite.js";

const RETRYABLE = { status: "retryable_error" };
const FATAL = { status: "fatal_error" };

/** Nothing of the letter or the answer is there, and the same transaction is answered fatally as soon as the store can take it. */
async function expectKept(db: Kysely<TestSchema>, mend: () => Promise<unknown>, code?: string) {
  const { writes, letters } = writesWithEvents(db);
  const body = from("phone", 1, put("things", uuid(1), { size: -1, ...(code && { code }) }));
  for (let time = 0; time < 2; time += 1) {
    const answer = await writes.processTransaction(body, alice);
    expect(answer).toMatchObject({
      ...RETRYABLE,
      message: "The failure can't be recorded right now.",
    });
  }
  expect(await db.selectFrom("powersync_ledger").select("identity").execute()).toEqual([]);
  await mend();
  expect(await writes.processTransaction(body, alice)).toMatchObject(FATAL);
  expect((await letters.list()).letters).toMatchObject([{ attempts: 1 }]);
}

describe.each(dialects.filter(({ name }) => !name.startsWith("SQLite")))("$name", (dialect) => {
  let database: TestDatabase | undefined;
  afterAll(() => database?.close());

  it("a constraint that refuses letters makes nothing fatal", async ({ skip }) => {
    skip(!(await dialect.available()));
    database = await dialect.open();
    const { db } = database;
    await sql`alter table powersync_dead_letters add constraint none check (user_id <> 'alice')`.execute(
      db,
    );
    await expectKept(db, () =>
      sql`alter table powersync_dead_letters drop constraint none`.execute(db),
    );
  });
});

describe.skipIf(!isChosen("sqlite")).each(["better-sqlite3"])("SQLite (%s)", () => {
  it("a file that may not grow makes nothing fatal", async () => {
    const file = new Database(":memory:");
    const db = new Kysely<TestSchema>({ dialect: new SqliteDialect({ database: file }) });
    await createTestTables(db, sqliteTables);
    await createTables(db);
    const pages = Number((file.pragma("page_count") as { page_count: number }[])[0]?.page_count);
    file.pragma(`max_page_count = ${pages}`);
    await expectKept(db, async () => file.pragma("max_page_count = 100000"), "x".repeat(500_000));
    await db.destroy();
  });
});

describe.each(dialects.filter(({ family }) => family === "mysql"))(
  "$name, a letter that no packet carries in one",
  (dialect) => {
    it("is recorded in parts", async ({ skip }) => {
      skip(!(await dialect.available()));
      const database = await dialect.open();
      const { db } = database;
      try {
        const bytes = await packetOf(db);
        const { writes, letters } = writesWithEvents(db, { limits: { stringLength: bytes } });
        // Escaped, the letter is six times as large as the text, and the server has a limit that the text itself stays under.
        const text = "\u0001".repeat(Math.ceil(bytes / 5));
        const body = from("phone", 1, put("lists", uuid(1), { name: text, owner_id: "bob" }));
        expect(await writes.processTransaction(body, alice)).toMatchObject(FATAL);
        const { id } = (await letters.list()).letters[0] ?? { id: "" };
        expect(await letters.get(id)).toMatchObject({
          payload: { crud: [{ op_data: { name: text } }] },
        });
      } finally {
        await database.close();
      }
    });
  },
);

describe("a role with few grants", () => {
  describe("on Postgres", () => {
    let url: string;
    let drop: () => Promise<void>;
    let owner: Kysely<TestSchema>;
    let served: Kysely<TestSchema>;
    const role = `pw_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
    let available = true;

    beforeAll(async () => {
      available = await postgresAvailable();
      if (!available) return;
      ({ url, drop } = await createPostgresDatabase());
      owner = new Kysely({
        dialect: new PostgresDialect({ pool: guardPool(new pg.Pool({ connectionString: url })) }),
      });
      await createTestTables(owner);
      await createTables(owner);
      await sql.raw(`create role ${role} login`).execute(owner);
      await sql
        .raw(
          `grant insert, update, select on powersync_ledger, powersync_devices, powersync_accounts, powersync_named, powersync_dead_letters, powersync_letter_parts, powersync_letter_rows to ${role}`,
        )
        .execute(owner);
      await sql
        .raw(`grant delete on powersync_letter_parts, powersync_letter_rows to ${role}`)
        .execute(owner);
      await sql.raw(`grant insert, update, delete on things to ${role}`).execute(owner);
      await sql.raw(`grant select (id, size) on things to ${role}`).execute(owner);
      const as = new URL(url);
      as.username = role;
      served = new Kysely({
        dialect: new PostgresDialect({
          pool: guardPool(new pg.Pool({ connectionString: as.href })),
        }),
      });
    });
    afterAll(async () => {
      await served?.destroy();
      if (owner !== undefined) {
        await sql.raw(`drop owned by ${role}`).execute(owner);
        await sql.raw(`drop role ${role}`).execute(owner);
        await owner.destroy();
      }
      await drop?.();
    });

    it("compares what it may read, and records what it may not", async ({ skip }) => {
      skip(!available);
      const { writes, letters, errors } = writesWithEvents(served, { ledger: false });
      const body = { crud: [badThing(uuid(1)), put("todos", uuid(2), {}), put("nowhere", "1")] };
      expect(await writes.processTransaction(body, alice)).toMatchObject(FATAL);
      const { id } = (await letters.list()).letters[0] ?? { id: "" };
      expect(await letters.get(id)).toMatchObject({
        rows: [{ table: "things", id: uuid(1), present: false }],
        unreadRows: 2,
      });
      expect(errors().filter(({ during }) => during === "rowStates")).toEqual([]);

      await letters.edit(id, { crud: [goodThing(uuid(1))] });
      await owner
        .insertInto("things")
        .values({ id: uuid(1), size: 7, code: "a" })
        .execute();
      expect(await letters.retry(id)).toMatchObject({ status: "stale" });
      await letters.edit(id, { crud: [goodThing(uuid(1))] });
      // Nobody told it of this column.
      await owner.updateTable("things").set({ code: "b" }).execute();
      expect(await letters.retry(id)).toEqual({ status: "retried" });
    });

    it("is not stopped by a letter table that it may not write", async ({ skip }) => {
      skip(!available);
      await sql`delete from powersync_dead_letters`.execute(owner);
      await sql.raw(`revoke insert on powersync_dead_letters from ${role}`).execute(owner);
      await expectKept(served, () =>
        sql.raw(`grant insert on powersync_dead_letters to ${role}`).execute(owner),
      );
    });

    it("records without its rows what the database fails to read", async ({ skip }) => {
      skip(!available);
      await sql`create function boom() returns integer language plpgsql as $$ begin raise exception 'boom'; end $$`.execute(
        owner,
      );
      await sql`create view broken as select id, boom() as size from things`.execute(owner);
      await owner
        .insertInto("things")
        .values({ id: uuid(5), size: 1 })
        .execute();
      const { writes, letters, errors } = writesWithEvents(owner, {
        ledger: false,
        tables: { broken: { access: "everyone" } },
      });
      const body = { crud: [patch("broken", uuid(5), { size: 2 }), put("nowhere", "1")] };
      // Answered and recorded whatever the view does: it is the table nobody knows that is fatal.
      expect(
        await writes.processTransaction(
          { crud: body.crud.slice(1).concat(body.crud[0] as never) },
          alice,
        ),
      ).toMatchObject(FATAL);
      const [summary] = (await letters.list({ limit: 1 })).letters;
      expect(await letters.get(summary?.id ?? "")).toMatchObject({ rows: [], unreadRows: 0 });
      expect(errors()).toContainEqual(
        expect.objectContaining({ during: "rowStates", outcome: "ignored" }),
      );
    });

    it("knows a row again after a column has been added, and not after one is gone", async ({
      skip,
    }) => {
      skip(!available);
      await owner
        .insertInto("things")
        .values({ id: uuid(6), size: 1 })
        .execute();
      const { writes, letters } = writesWithEvents(owner, { ledger: false });
      const record = async () => {
        await writes.processTransaction({ crud: [badThing(uuid(6))] }, alice);
        const [{ id } = { id: "" }] = (await letters.list({ limit: 1, status: "open" })).letters;
        await letters.edit(id, { crud: [goodThing(uuid(6), 2)] });
        return id;
      };
      const first = await record();
      await sql`alter table things add column color text default 'red'`.execute(owner);
      // Another process, which has not read the table before.
      expect(await writesWithEvents(owner).letters.retry(first)).toEqual({ status: "retried" });
      const second = await record();
      await sql`alter table things drop column code`.execute(owner);
      for (const retrying of [letters, writesWithEvents(owner).letters]) {
        expect(await retrying.retry(second)).toMatchObject({ status: "stale" });
      }
    });
  });

  it.for(mysqlServers)("on $name compares what it may read", async (server, { skip }) => {
    skip(!(await server.available()));
    const { url, drop } = await createMysqlDatabase(server);
    const owner = new Kysely<TestSchema>({ dialect: new MysqlDialect({ pool: mysqlPool(url) }) });
    const name = new URL(url).pathname.slice(1);
    const role = `pw_${crypto.randomUUID().slice(0, 8)}`;
    const as = new URL(url);
    as.username = role;
    const served = new Kysely<TestSchema>({
      dialect: new MysqlDialect({ pool: mysqlPool(as.href) }),
    });
    try {
      await createTestTables(owner, mysqlTables(server));
      await createTables(owner);
      await sql.raw(`create user \`${role}\`@'%'`).execute(owner);
      for (const table of [
        "powersync_ledger",
        "powersync_devices",
        "powersync_dead_letters",
        "powersync_letter_parts",
        "powersync_letter_rows",
      ]) {
        await sql
          .raw(`grant select, insert, update, delete on ${name}.${table} to \`${role}\`@'%'`)
          .execute(owner);
      }
      await sql
        .raw(`grant select (id, size), insert, update on ${name}.things to \`${role}\`@'%'`)
        .execute(owner);
      const { writes, letters, errors } = writesWithEvents(served, { ledger: false });
      expect(
        await writes.processTransaction(
          { crud: [put("nowhere", "1"), goodThing(uuid(1)), put("todos", uuid(1))] },
          alice,
        ),
      ).toMatchObject(FATAL);
      const [{ id } = { id: "" }] = (await letters.list()).letters;
      expect(await letters.get(id)).toMatchObject({
        rows: [{ id: uuid(1), present: false }],
        unreadRows: 2,
      });
      expect(errors().filter(({ during }) => during === "rowStates")).toEqual([]);
      await owner
        .insertInto("things")
        .values({ id: uuid(1), size: 7 })
        .execute();
      expect(await letters.retry(id)).toMatchObject({ status: "stale" });
    } finally {
      await sql.raw(`drop user if exists \`${role}\`@'%'`).execute(owner);
      await served.destroy();
      await owner.destroy();
      await drop();
    }
  });
});
