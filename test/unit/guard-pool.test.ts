import { setTimeout as sleep } from "node:timers/promises";
import { Client, Pool, type PoolClient } from "pg";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { postgresAvailable, postgresUrl } from "../support/servers.js";

describe("guardPool", () => {
  test("gives the same pool back, by its own type", () => {
    const pool = new Pool();
    const guarded = guardPool(pool);
    expect(guarded).toBe(pool);
    expectTypeOf(guarded).toEqualTypeOf<Pool>();
  });

  test("says what it takes", () => {
    expect(() => guardPool("postgres://127.0.0.1/app" as never)).toThrow(
      /^guardPool: give it a pool/,
    );
  });

  test("adds nothing the second time", () => {
    const pool = guardPool(new Pool());
    const counts = () =>
      (["error", "connect", "acquire"] as const).map((event) => pool.listenerCount(event));
    expect(counts()).toEqual([1, 1, 1]);
    guardPool(guardPool(pool), { onError: () => undefined });
    expect(counts()).toEqual([1, 1, 1]);
  });

  test("survives an onError that throws", () => {
    const pool = guardPool(new Pool(), {
      onError: () => {
        throw new Error("A bug in the application.");
      },
    });
    expect(() => pool.emit("error", new Error("killed"))).not.toThrow();
  });
});

async function pidOf(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() pid");
  return rows[0]?.pid ?? 0;
}

async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done() && tries < 9_000; tries++) await sleep(10);
  if (!done()) throw new Error("It did not come to pass within a minute and a half.");
}

const available = await postgresAvailable();

describe.skipIf(!available)("guardPool on a Postgres server that kills connections", () => {
  let pool: Pool;
  let other: Client;
  const heard: Error[] = [];
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown) => void uncaught.push(error);

  beforeEach(async () => {
    heard.length = uncaught.length = 0;
    process.on("uncaughtException", onUncaught);
    pool = new Pool({ connectionString: postgresUrl, max: 2 });
    other = new Client({ connectionString: postgresUrl });
    await other.connect();
  });

  afterEach(async () => {
    await pool.end();
    await other.end();
    process.off("uncaughtException", onUncaught);
    if (uncaught.length > 0) throw new Error("The process would have ended.", { cause: uncaught });
  });

  const kill = (pid: number) => other.query("select pg_terminate_backend($1)", [pid]);

  test("a client that is checked out and does nothing", async () => {
    guardPool(pool, { onError: (error) => heard.push(error) });
    const client = await pool.connect();
    await kill(await pidOf(client));
    await until(() => heard.length > 0);
    expect(heard[0]).toMatchObject({ code: "57P01" });
    await expect(client.query("select 1")).rejects.toThrow(/terminat|not queryable/i);
    client.release(true);
    expect((await pool.query("select 1 one")).rows).toEqual([{ one: 1 }]);
  });

  test("a client inside a query: the query fails, and the pool goes on", async () => {
    guardPool(pool, { onError: (error) => heard.push(error) });
    const client = await pool.connect();
    const pid = await pidOf(client);
    const query = client.query("select pg_sleep(10)");
    await Promise.all([expect(query).rejects.toMatchObject({ code: "57P01" }), kill(pid)]);
    await until(() => heard.length > 0);
    client.release(true);
    expect((await pool.query("select 1 one")).rows).toEqual([{ one: 1 }]);
  });

  test("an idle client in the pool, told once", async () => {
    guardPool(pool, { onError: (error) => heard.push(error) });
    const client = await pool.connect();
    const pid = await pidOf(client);
    client.release();
    await kill(pid);
    await until(() => pool.totalCount === 0);
    expect(heard.filter((error) => "code" in error && error.code === "57P01")).toHaveLength(1);
  });

  test("a client connected before the call, from its next checkout on", async () => {
    const early = await pool.connect();
    const pid = await pidOf(early);
    early.release();
    guardPool(pool, { onError: (error) => heard.push(error) });
    const client = await pool.connect();
    expect(await pidOf(client)).toBe(pid);
    await kill(pid);
    await until(() => heard.length > 0);
    client.release(true);
  });

  test("one listener a client, however often it is checked out", async () => {
    guardPool(pool);
    const counts = [];
    for (let turn = 0; turn < 3; turn++) {
      const client = await pool.connect();
      counts.push(client.listenerCount("error"));
      client.release();
    }
    expect(counts[0]).toBeGreaterThan(0);
    expect(new Set(counts).size).toBe(1);
  });
});
