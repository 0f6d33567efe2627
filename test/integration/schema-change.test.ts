/** The source tables change while the process runs: nothing is refused by what was read of them before the request came. */
import { type LogEvent, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTables, createWrites, type Hooks, type WriteEvent } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

const principal = { userId: "alice" };

describe.each(dialects)("on $name", ({ available, open, concurrent, family, flies }) => {
  let database: TestDatabase | undefined;
  /** How often the catalog was asked for columns. */
  let readings = 0;
  const log = ({ query }: LogEvent) => {
    if (/up \(oid, modifier\)|c\.extra as extra|pragma_table_xinfo/.test(query.sql)) {
      readings += 1;
    }
  };

  beforeAll(async () => {
    if (!(await available())) return;
    database = await open({ bare: true, log });
    await createTables(database.db);
  });
  beforeEach(({ skip }) => {
    skip(database === undefined);
    readings = 0;
  });
  afterAll(() => database?.close());

  const given = (): TestDatabase["db"] => {
    if (database === undefined) throw new Error("The database is not open.");
    return database.db;
  };

  const run = (statement: string) => sql.raw(statement).execute(given());
  const made = async (columns: string, table = "measures") => {
    await run(`drop table if exists ${table}`);
    await run(`create table ${table} (id varchar(40) primary key, ${columns})`);
  };

  let opId = 0;
  const entry = (op_data: object, table = "measures", op = "PUT") => {
    opId += 1;
    return { op, op_id: opId, table, id: `m${opId}`, op_data };
  };

  interface Config {
    readonly rule?: object;
    readonly hooks?: Hooks<typeof principal, TestSchema>;
    readonly isolation?: "repeatable read" | "serializable";
  }
  const writer = ({ rule, ...config }: Config = {}) => {
    const events: WriteEvent[] = [];
    const everyone = { access: "everyone" as const, ...rule };
    const writes = createWrites({
      authenticate: () => principal,
      database: given(),
      tables: { measures: everyone, others: everyone },
      logger: false,
      onEvent: (event) => void events.push(event),
      ...config,
    });
    const write = async (...crud: readonly object[]) => {
      const result = await writes.processTransaction({ client_id: "phone", crud }, { principal });
      return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
    };
    const attempts = () =>
      events.flatMap((event) => (event.type === "transaction" ? [event.attempts] : []));
    return { writes, write, attempts, events };
  };

  const letters = async (): Promise<number> => {
    const { count } = await given()
      .selectFrom("powersync_dead_letters")
      .select((eb) => eb.fn.countAll<string>().as("count"))
      .executeTakeFirstOrThrow();
    return Number(count);
  };

  it("a value that the column takes now is written, and no letter is recorded", async () => {
    await made("value integer");
    const { write } = writer();
    expect(await write(entry({ value: 1 }))).toBe("success");
    const before = await letters();
    await made("value varchar(40)");
    expect(await write(entry({ value: "one" }))).toBe("success");
    expect(await letters()).toBe(before);
  });

  it("a column that was computed and is no longer takes its value", async () => {
    await made("value integer generated always as (length(id)) stored");
    const { write } = writer();
    expect(await write(entry({ value: 1 }))).toBe("FORBIDDEN_COLUMN");
    const before = await letters();
    await made("value integer");
    expect(await write(entry({ value: 1 }))).toBe("success");
    expect(await letters()).toBe(before);
  });

  it("a column that is required by now does not keep a row that has its value from being changed", async () => {
    await made("value integer, other integer");
    const { write } = writer();
    expect(await write(entry({ other: 1 }))).toBe("success");
    await made("value integer not null, other integer");
    await run("insert into measures values ('there', 1, 1)");
    const before = await letters();
    const sent = { ...entry({ other: 2 }), id: "there" };
    expect(await write(sent)).toBe("success");
    const { rows } = await sql`select other from measures`.execute(given());
    expect(rows.map((row) => Number((row as { other: unknown }).other))).toEqual([2]);
    expect(await letters()).toBe(before);
    expect(await write(entry({ other: 3 }))).toBe("NOT_NULL_VIOLATION");
  });

  it.each([
    ["date", "timestamptz", "2026-01-01", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00"],
    ["real", "double precision", 1.5, 0.1, "0.1"],
    ["double precision", "numeric", 1.5, "12345678901234567890.5", "12345678901234567890.5"],
    ["char(9)", "text", "a", "a ", "a "],
  ])(
    "what was prepared for %s does not cut a value for %s",
    async (type, later, before, value, kept) => {
      // Postgres prepares the statements of a flight.
      if (family !== "postgres") return;
      // Whoever has letters waiting does not fly.
      await given().deleteFrom("powersync_dead_letters").execute();
      await made(`value ${type}`);
      const { write, events } = writer();
      const flown = () =>
        events.some((event) => event.type === "transaction" && event.flown === true);
      for (let time = 0; time < 9 && !(flies && flown()); time += 1)
        expect(await write(entry({ value: before }))).toBe("success");
      expect(flown()).toBe(flies);
      await run(`alter table measures alter column value type ${later}, add column other text`);
      // The new column makes the library read the table again.
      expect(await write(entry({ other: "x" }))).toBe("success");
      events.length = 0;
      const sent = [1, 2, 3, 4].map(() => entry({ value }));
      for (const each of sent) expect(await write(each)).toBe("success");
      expect(flown()).toBe(flies);
      const { rows } = await sql<{ text: string }>`
        select value::text as text from measures where id in (${sql.join(sent.map(({ id }) => id))})
      `.execute(given());
      expect(rows.map(({ text }) => text)).toEqual(sent.map(() => kept));
    },
  );

  it("what the new reading refuses, too, is recorded once, and not tried again", async () => {
    await made("value integer");
    const { write, attempts } = writer();
    expect(await write(entry({ value: 1 }))).toBe("success");
    const before = await letters();
    expect(await write(entry({ value: "one" }))).toBe("INVALID_DATA");
    expect(await letters()).toBe(before + 1);
    expect(attempts()).toEqual([1, 1]);
  });

  it.each([
    ["a rule that names no columns", {}],
    ["one that ignores unknown columns", { unknownColumns: "ignore" }],
    ["one that names the column", { columns: ["value", "added"] }],
  ])("a column that has just been added is written: %s", async (_name, rule) => {
    await made("value integer");
    const { write } = writer({ rule });
    expect(await write(entry({ value: 1 }))).toBe("success");
    const before = await letters();
    await run("alter table measures add column added varchar(40)");
    const sent = entry({ value: 2, added: "yes" });
    expect(await write(sent)).toBe("success");
    const { rows } = await sql`select added from measures where id = ${sent.id}`.execute(given());
    expect(rows).toEqual([{ added: "yes" }]);
    expect(await letters()).toBe(before);
  });

  it("a column that is nowhere is refused, and each time by a reading of its own", async () => {
    await made("value integer");
    const { write, attempts } = writer();
    expect(await write(entry({ value: 1 }))).toBe("success");
    for (let time = 1; time <= 3; time += 1) {
      expect(await write(entry({ value: 1, nowhere: 1 }))).toBe("FORBIDDEN_COLUMN");
    }
    expect(attempts()).toEqual([1, 1, 1, 1]);
    await run("alter table measures add column nowhere integer");
    expect(await write(entry({ value: 1, nowhere: 1 }))).toBe("success");
  });

  it("known columns cost nothing", async () => {
    await made("value integer");
    const { write } = writer();
    await write(entry({ value: 1 }));
    readings = 0;
    for (let time = 1; time <= 5; time += 1) {
      expect(await write(entry({ value: 1 }), entry({ value: 2 }))).toBe("success");
    }
    expect(readings).toBe(0);
  });

  it("in a transaction of several operations one reading is enough for all of them", async () => {
    await made("value integer");
    const { write } = writer({ rule: { unknownColumns: "ignore" } });
    await write(entry({ value: 1 }));
    await run("alter table measures add column added integer");
    readings = 0;
    const crud = [1, 2, 3].map((added) => entry({ value: 1, added, nowhere: 1 }));
    expect(await write(...crud)).toBe("success");
    expect(readings).toBe(1);
    const { rows } = await sql`select added from measures where added is not null`.execute(given());
    expect(rows).toHaveLength(3);
  });

  it("in the middle of a transaction that has written to the table before", async () => {
    await made("value integer");
    const { write } = writer();
    await write(entry({ value: 1 }));
    await run("alter table measures add column added integer");
    const first = entry({ value: 1 });
    const second = { ...entry({ added: 2 }, "measures", "PATCH"), id: first.id };
    expect(await write(first, second)).toBe("success");
    const { rows } = await sql`select added from measures where id = ${first.id}`.execute(given());
    expect(rows.map((row) => Number((row as { added: unknown }).added))).toEqual([2]);
  });

  it.each(["repeatable read", "serializable"] as const)(
    "where transactions are %s",
    async (isolation) => {
      await made("value integer");
      const { write } = writer(family === "sqlite" ? {} : { isolation });
      expect(await write(entry({ value: 1 }))).toBe("success");
      await run("alter table measures add column added integer");
      const before = await letters();
      expect(await write(entry({ value: 1 }), entry({ added: 1 }))).toBe("success");
      await run("alter table measures drop column value");
      await run("alter table measures add column value varchar(40)");
      expect(await write(entry({ value: "one" }))).toBe("success");
      expect(await letters()).toBe(before);
    },
  );

  it("a letter is tried again by what the table is now", async () => {
    await made("value integer");
    const { write, writes } = writer();
    expect(await write(entry({ value: "one" }))).toBe("INVALID_DATA");
    expect(await write(entry({ value: 1, added: 1 }))).toBe("FORBIDDEN_COLUMN");
    const { letters: found } = await writes.deadLetters.list({ limit: 2, order: "newest" });
    await made("value varchar(40), added integer");
    for (const { id } of found) {
      expect(await writes.deadLetters.retry(id, { force: true })).toEqual({ status: "retried" });
    }
  });

  it.each([
    ["columns that are nowhere", { value: 1, nowhere: 1 }, "FORBIDDEN_COLUMN"],
    ["values that fit nowhere", { value: "one" }, "INVALID_DATA"],
  ])("a flood of %s shares its readings", async (_name, data, code) => {
    await made("value integer");
    const { write } = writer();
    await write(entry({ value: 1 }));
    readings = 0;
    const flood = 40;
    const answers = await Promise.all(Array.from({ length: flood }, () => write(entry(data))));
    expect(answers).toEqual(Array.from({ length: flood }, () => code));
    expect(readings).toBeGreaterThan(0);
    expect(readings).toBeLessThan(flood / 2);
  });

  it("what came before the column is refused, what came behind it is not", async ({ skip }) => {
    skip(!concurrent);
    // The tables of whoever has letters waiting are read as soon as the transaction begins.
    await given().deleteFrom("powersync_dead_letters").execute();
    await made("value integer");
    await made("value integer", "others");
    let added: (() => Promise<unknown>) | undefined = async () =>
      run("alter table measures add column added integer");
    const { write } = writer({
      hooks: {
        map: {
          // Another connection changes the table while the transaction is open.
          before: async (operation) => {
            if (operation.table !== "others") return;
            const add = added;
            added = undefined;
            await add?.();
          },
        },
      },
    });
    expect(await write(entry({ value: 1 }, "others"), entry({ value: 1, added: 1 }))).toBe(
      "success",
    );
    expect(await write(entry({ added: 1 }))).toBe("success");
  });
});
