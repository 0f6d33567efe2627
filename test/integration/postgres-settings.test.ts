/** A connection's own settings by which Postgres reads texts: what a client sends has the same meaning under all of them. */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { anonymous, createTables, createWrites, type WriteEvent } from "../../src/index.js";
import { createPostgresDatabase } from "../support/databases.js";
import { postgresAvailable } from "../support/servers.js";

type Schema = Record<string, Record<string, unknown>>;

describe.skipIf(!(await postgresAvailable()))("on a Postgres connection", () => {
  it.each(
    [
      "-c intervalstyle=sql_standard",
      "-c array_nulls=off",
      "-c datestyle=SQL,DMY",
      "-c timezone=Asia/Kolkata",
      "-c standard_conforming_strings=off",
    ].flatMap((options) => [
      { options, flights: true },
      { options, flights: false },
    ]),
  )("with $options, values are what they are; flights: $flights", async ({ options, flights }) => {
    const { url, drop } = await createPostgresDatabase();
    const pool = guardPool(new pg.Pool({ connectionString: url, max: 1, options }), { flights });
    const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
    try {
      await createTables(db);
      await sql`
        create table items (id text primary key, name text, tags text[], lasts interval, due timestamptz, day date)
      `.execute(db);
      let flew = false;
      const writes = createWrites({
        authenticate: anonymous(),
        database: db,
        tables: { items: { access: "everyone" } },
        logger: false,
        onEvent: (event: WriteEvent) => {
          if (event.type === "transaction") flew = event.flown === true;
        },
      });
      let opId = 0;
      const send = (...rows: readonly object[]) => {
        const crud = rows.map((op_data, index) => {
          opId += 1;
          return { op: "PUT", table: "items", id: `${index}`, op_id: opId, op_data };
        });
        return writes.processTransaction(
          { client_id: "phone", crud },
          { principal: { userId: "alice" } },
        );
      };
      // The device is known, and flies.
      for (let time = 0; time < 4; time += 1) await send({ name: "before" });
      const sent = {
        name: null,
        tags: ["a\\", null, "NULL"],
        lasts: "-1 days 02:03:04",
        due: "2026-02-03T04:05:06",
        day: "2026-02-03",
      };
      // Several rows are one statement.
      expect(
        await send(sent, { ...sent, lasts: { months: -1, days: 2, seconds: 3.0000004 } }),
      ).toEqual({
        status: "success",
      });
      expect(flew).toBe(flights);
      const { rows } = await sql`
        select name, array_to_json(tags)::text as tags, extract(day from lasts)::int as days, extract(second from lasts)::int as seconds,
          extract(epoch from due)::int as due, extract(month from day)::int as month
        from items order by id
      `.execute(db);
      const kept = { name: null, tags: String.raw`["a\\",null,"NULL"]`, due: 1770091506, month: 2 };
      expect(rows).toEqual([
        { ...kept, days: -1, seconds: 4 },
        { ...kept, days: 2, seconds: 3 },
      ]);
    } finally {
      await db.destroy();
      await drop();
    }
  });
});
