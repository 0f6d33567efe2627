/** Rarer tables: triggers of other forms, views with checks, inheritance, keys that are made or changed by the database. Nothing waits for ever, and nothing is doubled. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type TableRule, type WriteEvent } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { rareTables } from "../support/rare-tables.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };
type Rule = TableRule<Caller, Schema>;

describe.each(dialects)("$name", (dialect) => {
  const { family } = dialect;
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  const run = async (...statements: readonly string[]) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  };

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
  });
  afterAll(async () => {
    if (available) await database.close();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await run(
      "drop view if exists live",
      "drop table if exists children",
      "drop table if exists items",
    );
    if (family === "postgres")
      await run(
        "drop function if exists does() cascade",
        "drop domain if exists short cascade",
        "drop schema if exists elsewhere cascade",
      );
    await db.deleteFrom("powersync_dead_letters").execute();
  });

  it.each(rareTables(family))("%s", async (_name, { made, rule, steps, rows }) => {
    await run(...made);
    const events: WriteEvent[] = [];
    const writes = createWrites<Caller, Schema>({
      authenticate: () => ({ userId: "alice" }),
      database: db,
      tables: { items: { owner: "owner_id", ...rule } as Rule },
      ledger: false,
      logger: false,
      onEvent: (event) => void events.push(event),
    });
    for (const [op, id, op_data, answer] of steps) {
      events.length = 0;
      const result = await writes.processTransaction(
        { crud: [{ op, table: "items", id, ...(op_data && { op_data }) }] },
        { principal: { userId: "alice" } },
      );
      const heard = events.find(({ type }) => type === "row_declined" || type === "row_missing");
      const said =
        result.status === "fatal_error"
          ? result.failedOperation.errorCode
          : result.status === "success"
            ? (heard?.type ?? result.status)
            : result.status;
      expect([op, id, op_data, said]).toEqual([op, id, op_data, answer]);
      await db.deleteFrom("powersync_dead_letters").execute();
    }
    const found = await db.selectFrom("items").select(["id", "body"]).execute();
    // Each row once, too.
    const names = found.map(({ id }) => String(id)).toSorted();
    expect(names).toEqual(Object.keys(rows).toSorted());
    expect(Object.fromEntries(found.map(({ id, body }) => [String(id), body]))).toEqual(rows);
  });
});
