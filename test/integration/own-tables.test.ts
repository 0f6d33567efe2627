/** The library's own tables: made once by however many processes, brought up to date from their first form, and in other places under other names. */
import { sql } from "kysely";
import { Migrator } from "kysely/migration";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  anonymous,
  createTables,
  createWrites,
  kyselyMigrations,
  type OwnTablesOptions,
  tablesSql,
} from "../../src/index.js";
import { createOwn } from "../../src/own/own.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";
import { firstTables } from "../support/first-tables.js";

const put = (id: string) => ({
  client_id: "phone",
  crud: [{ op: "PUT", table: "lists", id, op_id: 1, op_data: { name: "Groceries" } }],
});
const refused = {
  client_id: "phone",
  crud: [{ op: "PUT", table: "nowhere", id: "1", op_id: 2, op_data: {} }],
};

describe.each(dialects)("$name", (dialect: TestDialect) => {
  const open: TestDatabase[] = [];
  let available = true;

  beforeAll(async () => {
    available = await dialect.available();
  });

  afterAll(async () => {
    await Promise.all(open.map(({ close }) => close()));
  });

  const bare = async (): Promise<TestDatabase["db"]> => {
    const database = await dialect.open({ bare: true });
    open.push(database);
    return database.db;
  };

  /** Everything that the library writes works on them: an upload, its replay, and a dead letter. */
  const expectUsable = async (db: TestDatabase["db"], ownTables?: OwnTablesOptions) => {
    const writes = createWrites({
      authenticate: anonymous(),
      database: db,
      tables: { lists: {} },
      ...(ownTables && { ownTables }),
    });
    const principal = { userId: crypto.randomUUID() };
    const body = put(crypto.randomUUID());
    for (let time = 1; time <= 2; time += 1) {
      expect(await writes.processTransaction(body, { principal })).toEqual({ status: "success" });
      expect(await writes.processTransaction(refused, { principal })).toMatchObject({
        status: "fatal_error",
        failedOperation: { errorCode: "UNKNOWN_TABLE" },
      });
    }
    const own = createOwn(ownTables).on(db);
    const rows = await own.selectFrom("powersync_ledger").select("answer").execute();
    expect(rows.filter(({ answer }) => answer === null)).toHaveLength(1);
    expect(rows.filter(({ answer }) => answer !== null)).toHaveLength(1);
    const letters = await own.selectFrom("powersync_dead_letters").select("payload").execute();
    expect(letters).toHaveLength(1);
  };

  it("are made, and made again without a change", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    await createTables(db);
    await createTables(db);
    await expectUsable(db);
    await createTables(db);
    const migrations = await createOwn()
      .on(db)
      .selectFrom("powersync_migrations")
      .select("name")
      .orderBy("name")
      .execute();
    expect(migrations[0]).toEqual({ name: "0001_ledger_and_dead_letters" });
    expect(migrations.length).toBe(Object.keys(kyselyMigrations()).length);
  });

  it("are made once by many at a time", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    await Promise.all(Array.from({ length: 8 }, () => createTables(db)));
    await expectUsable(db);
  });

  it("grow out of their first form, and keep what is in them", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    for (const statement of firstTables(dialect.family)) await sql.raw(statement).execute(db);
    await sql`insert into powersync_ledger (identity, client) values (${"a".repeat(64)}, ${"b".repeat(64)})`.execute(
      db,
    );
    await sql`insert into powersync_dead_letters (id, error_code, message, user_id, payload)
      values ('one', 'CODE', 'Text.', 'alice', '{}')`.execute(db);
    await Promise.all([createTables(db), createTables(db)]);
    const own = createOwn().on(db);
    expect(
      await own.selectFrom("powersync_ledger").select(["identity", "request"]).execute(),
    ).toEqual([{ identity: "a".repeat(64), request: null }]);
    const letters = await own
      .selectFrom("powersync_dead_letters")
      .select(["id", "status", "attempts", "subject", "last_seen_at"])
      .execute();
    expect(letters.map((letter) => ({ ...letter, attempts: Number(letter.attempts) }))).toEqual([
      { id: "one", status: "open", attempts: 1, subject: null, last_seen_at: null },
    ]);
    await own.deleteFrom("powersync_ledger").execute();
    await own.deleteFrom("powersync_dead_letters").execute();
    await expectUsable(db);
  });

  it("can have other names", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    const options = {
      names: {
        powersync_ledger: "app_ledger",
        powersync_dead_letters: "app_letters",
        powersync_checkpoints: "app_checkpoints",
        powersync_attempts: "app_attempts",
        powersync_migrations: "app_migrations",
      },
    };
    await createTables(db, options);
    await expectUsable(db, options);
    await sql`select identity from app_ledger`.execute(db);
    await expect(sql`select identity from powersync_ledger`.execute(db)).rejects.toThrow();
    // Beside those of another application, in the same schema.
    await createTables(db);
    await expectUsable(db);
  });

  it("can be made by the application's own migrator", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => kyselyMigrations() },
    });
    const { error, results } = await migrator.migrateToLatest();
    expect(error).toBeUndefined();
    expect(results?.every(({ status }) => status === "Success")).toBe(true);
    await createTables(db);
    await expectUsable(db);
  });

  it("can be made by hand, from the printed SQL", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    const printed = tablesSql(db);
    for (const statement of printed.split(";\n").filter((text) => text !== "")) {
      await sql.raw(statement).execute(db);
    }
    await createTables(db);
    await expectUsable(db);
  });
});
