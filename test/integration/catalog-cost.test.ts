/** What is read of Postgres' catalog stays cheap to the planner: above `jit_above_cost` the server compiles a statement, which takes longer than an upload. */
import { type CompiledQuery, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { expect, it } from "vitest";
import { createTables, createWrites } from "../../src/index.js";
import { createPostgresDatabase } from "../support/databases.js";
import { postgresAvailable } from "../support/servers.js";

/** Half of the server's default. */
const most = 50_000;

it.skipIf(!(await postgresAvailable()))(
  "no statement about the catalog is worth compiling",
  async () => {
    const { url, drop } = await createPostgresDatabase();
    const pool = new pg.Pool({ connectionString: url });
    const asked: CompiledQuery[] = [];
    const db = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool }),
      log: ({ query }) => void asked.push(query),
    });
    try {
      await createTables(db);
      await pool.query(`create table places (id text primary key)`);
      // References that wait for COMMIT, and cascades: all that is looked for is there.
      await pool.query(`create table notes (id text primary key,
      place text references places (id) on delete cascade deferrable initially deferred)`);
      await pool.query(`do $$ begin for n in 1..200 loop
      execute format('create table more_%s (id text primary key, place text references places (id) on delete cascade)', n);
    end loop; end $$`);
      await pool.query("analyze");
      const writes = createWrites({
        authenticate: () => ({ userId: "alice" }),
        database: db,
        tables: { places: { access: "everyone" }, notes: { access: "everyone" } },
      });
      asked.length = 0;
      const crud = [{ op: "PUT", table: "notes", id: "n", op_data: {} }];
      const principal = { userId: "alice" };
      expect(await writes.processTransaction({ crud }, { principal })).toEqual({
        status: "success",
      });
      const catalog = asked.filter(({ sql }) => sql.includes("pg_catalog."));
      expect(catalog.length).toBeGreaterThan(2);
      for (const { sql, parameters } of catalog) {
        const { rows } = await pool.query(`explain (format json) ${sql}`, [...parameters]);
        const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
        expect({ sql, cheap: plan["Total Cost"] < most }).toEqual({ sql, cheap: true });
      }
    } finally {
      await db.destroy();
      await drop();
    }
  },
);
