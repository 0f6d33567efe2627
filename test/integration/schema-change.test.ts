/** The source tables change while the process runs: what was refused by an older reading of them is judged by a new one first. */
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createTables, createWrites } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";

const principal = { userId: "alice" };

describe.each(dialects)("on $name", ({ available, open }) => {
  let database: TestDatabase | undefined;

  beforeAll(async () => {
    if (!(await available())) return;
    database = await open({ bare: true });
    await createTables(database.db);
  });
  afterAll(() => database?.close());
  afterEach(() => vi.restoreAllMocks());

  const given = (): TestDatabase["db"] => {
    if (database === undefined) throw new Error("The database is not open.");
    return database.db;
  };

  /** As if so much time had passed since the last reading. */
  const later = (ms: number) => {
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + ms);
  };

  const made = async (column: string) => {
    await sql`drop table if exists measures`.execute(given());
    await sql`create table measures (id varchar(40) primary key, ${sql.raw(column)})`.execute(
      given(),
    );
  };

  let opId = 0;
  const writer = () => {
    const writes = createWrites({
      authenticate: () => principal,
      database: given(),
      tables: { measures: { access: "everyone" } },
      logger: false,
    });
    return async (value: unknown) => {
      opId += 1;
      const crud = [
        { op: "PUT", op_id: opId, table: "measures", id: `m${opId}`, op_data: { value } },
      ];
      const result = await writes.processTransaction({ client_id: "phone", crud }, { principal });
      return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
    };
  };

  const letters = async (): Promise<number> => {
    const { count } = await given()
      .selectFrom("powersync_dead_letters")
      .select((eb) => eb.fn.countAll<string>().as("count"))
      .executeTakeFirstOrThrow();
    return Number(count);
  };

  it("a value that the column takes now is written, and no letter is recorded", async ({
    skip,
  }) => {
    skip(database === undefined);
    await made("value integer");
    const write = writer();
    expect(await write(1)).toBe("success");
    const before = await letters();
    await made("value varchar(40)");
    later(60_000);
    expect(await write("one")).toBe("success");
    expect(await letters()).toBe(before);
  });

  it("a column that was computed and is no longer takes its value", async ({ skip }) => {
    skip(database === undefined);
    await made("value integer generated always as (length(id)) stored");
    const write = writer();
    expect(await write(1)).toBe("FORBIDDEN_COLUMN");
    const before = await letters();
    await made("value integer");
    later(60_000);
    expect(await write(1)).toBe("success");
    expect(await letters()).toBe(before);
  });

  it("what the new reading refuses, too, is recorded once", async ({ skip }) => {
    skip(database === undefined);
    await made("value integer");
    const write = writer();
    expect(await write(1)).toBe("success");
    const before = await letters();
    later(60_000);
    expect(await write("one")).toBe("INVALID_DATA");
    expect(await letters()).toBe(before + 1);
  });
});
