/** Sessions of Postgres' that wait for the rest of a transaction which never comes: whoever waits for their locks ends them, and no others. */
import { sql } from "kysely";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type Writes } from "../../src/index.js";
import { postgres, type TestDatabase } from "../support/databases.js";
import { postgresAvailable, postgresUrl } from "../support/servers.js";
import { until } from "../support/uploads.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

const principal: TestPrincipal = { userId: "alice" };
const list = "11111111-1111-4111-8111-111111111111";
const put = {
  client_id: "phone",
  crud: [{ op: "PUT", table: "lists", id: list, op_id: 1, op_data: { name: "mine" } }],
};
const transactionMs = 300;

describe.skipIf(!(await postgresAvailable()))("a session that holds what a write needs", () => {
  let database: TestDatabase;
  let writes: Writes<TestPrincipal>;
  let other: pg.Client;
  let lost: unknown;

  beforeEach(async () => {
    database = await postgres.open();
    writes = createWrites({
      ...testConfig(database.db),
      timeouts: { lockMs: 50, statementMs: 200, transactionMs },
    });
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(
      database.db,
    );
    const url = new URL(postgresUrl);
    url.pathname = `/${rows[0]?.name}`;
    other = new pg.Client({ connectionString: url.href });
    lost = undefined;
    other.on("error", (error) => (lost ??= error));
    await other.connect();
  });
  afterEach(async () => {
    await other.end();
    await database.close();
  });

  const send = async () => (await writes.processTransaction(put, { principal })).status;
  const state = async () => {
    const { rows } = await sql<{ state: string; waits: string }>`
      select state, wait_event as waits from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
        and xact_start is not null and (query like '%powersync_ledger%' or query like 'copy%')
    `.execute(database.db);
    return rows.map((row) => `${row.state} ${row.waits}`);
  };
  /** Long enough for several tries behind the time at which a silent one is ended. */
  const tries = async () => {
    const end = performance.now() + 5 * transactionMs;
    do expect(await send()).toBe("retryable_error");
    while (performance.now() < end);
  };
  /** As one that is sent in one go, and of which only a part arrives. */
  const begin = (...statements: readonly string[]) => {
    const { connection } = other as unknown as { readonly connection: Protocol };
    void other.query({
      submit: () => {
        for (const text of statements) {
          connection.parse({ text, name: "", types: [] });
          connection.bind({ portal: "", statement: "", values: [] });
          connection.execute({ portal: "", rows: 0 });
        }
        connection.flush();
        return null;
      },
      handleError: (error: unknown) => (lost ??= error),
      handleRowDescription: ignored,
      handleDataRow: ignored,
      handleCommandComplete: ignored,
      handleReadyForQuery: ignored,
    } as unknown as pg.QueryConfig);
  };
  const insert = `insert into lists (id, name) values ('${list}', 'other')`;
  const ledger = "select count(*) from powersync_ledger";

  it("is ended where its rest never comes", async () => {
    begin("begin", insert, ledger);
    await until(async () => (await state()).includes("active ClientRead"));
    await until(async () => (await send()) === "success");
    await until(() => lost !== undefined);
    expect(await database.db.selectFrom("lists").select("name").execute()).toEqual([
      { name: "mine" },
    ]);
  });

  it("stays where it is none of the library's", async () => {
    begin("begin", insert);
    await tries();
    expect(lost).toBeUndefined();
    other.end().catch(ignored);
    await until(async () => (await send()) === "success");
  });

  it("stays where it is somebody's who thinks between two statements", async () => {
    await other.query(`begin; ${insert}; ${ledger}`);
    await until(async () => (await state()).includes("idle in transaction ClientRead"));
    await tries();
    await other.query("rollback");
    await until(async () => (await send()) === "success");
  });

  it("stays where it copies rows in", async () => {
    await other.query(`begin; ${insert}; ${ledger}`);
    const { connection } = other as unknown as { readonly connection: Protocol };
    const copied = new Promise((resolve) => {
      void other.query({
        submit: () => {
          connection.query("copy lists (id) from stdin");
          return null;
        },
        handleCopyInResponse: ignored,
        handleError: resolve,
      } as unknown as pg.QueryConfig);
    });
    await until(async () => (await state()).includes("active ClientRead"));
    await tries();
    expect(lost).toBeUndefined();
    connection.sendCopyFail("enough");
    await copied;
    await other.query("rollback");
    await until(async () => (await send()) === "success");
  });
});

interface Protocol {
  parse(message: object): void;
  bind(message: object): void;
  execute(message: object): void;
  flush(): void;
  query(text: string): void;
  sendCopyFail(message: string): void;
}

const ignored = (): void => undefined;
