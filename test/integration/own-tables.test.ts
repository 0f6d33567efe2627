/** The library's own tables: made once by however many processes, refused where they are of another form, and in other places under other names. */
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
import { currentForm, migrationName } from "../../src/sql/own-tables/forms.js";
import { createOwn } from "../../src/sql/own-tables/tables.js";
import { dialects, postgres, type TestDatabase, type TestDialect } from "../support/databases.js";
import { until } from "../support/uploads.js";

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
      tables: { lists: { access: "everyone" } },
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
      .select(["name", "form"])
      .execute();
    expect(migrations).toEqual([{ name: migrationName, form: currentForm }]);
    expect(Object.keys(kyselyMigrations())).toEqual([`powersync_writes_${migrationName}`]);
  });

  it("are made once by many at a time", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    await Promise.all(Array.from({ length: 8 }, () => createTables(db)));
    await expectUsable(db);
  });

  it.runIf(dialect === postgres)(
    "are made once by many at a time, where the default is REPEATABLE READ",
    async ({ skip }) => {
      skip(!available);
      const db = await bare();
      // For connections that are opened from now on.
      await sql`
        do $$ begin
          execute format('alter database %I set default_transaction_isolation = %L', current_database(), 'repeatable read');
        end $$
      `.execute(db);
      // All of them have begun before the first one makes anything.
      const made = await db.transaction().execute(async (first) => {
        await sql`select pg_advisory_xact_lock(hashtext('powersync-writes'))`.execute(first);
        const making = Promise.all(Array.from({ length: 4 }, () => createTables(db)));
        making.catch(() => undefined);
        await until(async () => {
          const { rows } = await sql<{ waiting: string }>`
            select count(*) as waiting from pg_locks join pg_database on pg_database.oid = database
            where locktype = 'advisory' and not granted and datname = current_database()
          `.execute(first);
          return rows[0]?.waiting === "4";
        });
        return { making };
      });
      await made.making;
      await expectUsable(db);
    },
  );

  it("are refused in another form, with the statements that end it", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    await createTables(db);
    const own = createOwn().on(db);
    await own.updateTable("powersync_migrations").set({ form: "another" }).execute();
    const said =
      /form "0001_tables" another.*drop table powersync_ledger;.*createTables\(database\)/;
    await expect(createTables(db)).rejects.toThrow(said);
    const writes = createWrites({
      authenticate: anonymous(),
      database: db,
      tables: { lists: { access: "everyone" } },
      logger: false,
    });
    expect(await writes.ready()).toEqual({
      ready: false,
      problems: [expect.stringMatching(said)],
    });
    const message = await createTables(db).catch((error: Error) => error.message);
    for (const [drop] of String(message).matchAll(/drop table \w+;/g))
      await sql.raw(drop).execute(db);
    await createTables(db);
    await expectUsable(db);
    expect(await writes.ready()).toEqual({ ready: true });
  });

  it("can have other names", async ({ skip }) => {
    skip(!available);
    const db = await bare();
    const options = {
      names: {
        powersync_ledger: "app_ledger",
        powersync_devices: "app_devices",
        powersync_accounts: "app_accounts",
        powersync_named: "app_named",
        powersync_versions: "app_versions",
        powersync_dead_letters: "app_letters",
        powersync_letter_parts: "app_letter_parts",
        powersync_letter_rows: "app_letter_rows",
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
