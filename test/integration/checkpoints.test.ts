/** Checkpoints that meet, checkpoints that fail, and those of routes of one's own. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  createTables,
  createWrites,
  type Principal,
  type WriteEvent,
  type WriteRequest,
  type WritesConfig,
} from "../../src/index.js";
import { openByUrl } from "../support/by-url.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { shared } from "../support/shared.js";
import { itWhere } from "../support/it-where.js";

type Config = Partial<WritesConfig<Principal, TestSchema>>;

const principal = { userId: "alice" };
const open = (database: Kysely<TestSchema>, config: Config = {}) =>
  createWrites({
    authenticate: anonymous("alice"),
    database,
    tables: {},
    checkpoints: true,
    ...config,
  });

const request = (method: string, url: string, body: unknown): WriteRequest => ({
  method,
  url,
  headers: new Headers({ "content-type": "application/json" }),
  body: async () => body,
  signal: new AbortController().signal,
});
const next = request("PUT", "/api/data/checkpoint", { client_id: "phone" });
const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1));

describe.each(Object.keys(shared))("50 checkpoints at once over two pools, on %s", (name) => {
  it("are all different, and none is left out", async ({ skip, onTestFinished }) => {
    const database = await shared[name]?.();
    if (database === undefined) return skip("There is no such server.");
    onTestFinished(() => database.drop());
    const pools = [openByUrl(database.url), openByUrl(database.url)] as const;
    onTestFinished(() => Promise.all(pools.map((db) => db.destroy())).then(() => undefined));
    await createTables(pools[0]);
    const [one, other] = [open(pools[0]), open(pools[1])];
    const writes = (index: number) => (index % 2 === 0 ? one : other);
    const count = (clientId: string) =>
      Promise.all(
        Array.from({ length: 50 }, (_, index) => writes(index).checkpoint({ principal, clientId })),
      );
    const [phone, tablet] = await Promise.all([count("phone"), count("tablet")]);
    const sorted = (each: readonly unknown[]) => each.toSorted((a, b) => Number(a) - Number(b));
    expect(sorted(phone)).toEqual(numbers(50));
    expect(sorted(tablet)).toEqual(numbers(50));

    const sent = [...numbers(50)].reverse();
    const answers = await Promise.all(
      sent.map((checkpointRequestId, index) =>
        writes(index).checkpointRequest({ principal, clientId: "watch", checkpointRequestId }),
      ),
    );
    for (const [index, answer] of answers.entries()) {
      expect(Number(answer)).toBeGreaterThanOrEqual(Number(sent[index]));
    }
    expect(await one.checkpoint({ principal, clientId: "watch" })).toBe("51");
  });
});

describe.each(dialects)("checkpoints on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<TestSchema>;

  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db;
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    await database?.reset();
  });
  afterAll(async () => database?.close());

  it("are rows that the PowerSync service can compare", async () => {
    await open(db).checkpoint({ principal: { userId: "Jos\u00e9" }, clientId: "phone" });
    await open(db).checkpoint({ principal: { userId: "Jos\u00e9" }, clientId: "phone" });
    const rows = await db
      .selectFrom("powersync_checkpoints")
      .select(["user_id", "client_id", "checkpoint"])
      .execute();
    expect(rows.map((row) => ({ ...row, checkpoint: Number(row.checkpoint) }))).toEqual([
      { user_id: "Jos\u00e9", client_id: "phone", checkpoint: 2 },
    ]);
  });

  itWhere(dialect.concurrent)("don't fail for the isolation that the data has", async () => {
    const writes = open(db, { isolation: "serializable" });
    await db.transaction().execute(async (tx) => {
      await sql`select * from lists`.execute(tx);
      expect(await writes.checkpoint({ principal, clientId: "phone" })).toBe("1");
    });
    const once = Array.from({ length: 20 }, () =>
      writes.checkpoint({ principal, clientId: "phone" }),
    );
    expect(new Set(await Promise.all(once)).size).toBe(20);
  });

  it("have other names, where the tables have", async () => {
    const ownTables = { names: { powersync_checkpoints: "app_checkpoints" } };
    await createTables(db, { names: named("app") });
    const writes = open(db, { ownTables });
    expect(await writes.checkpoint({ principal, clientId: "phone" })).toBe("1");
    expect(await writes.checkpoint({ principal, clientId: "phone" })).toBe("2");
    const sent = { principal, clientId: "phone", checkpointRequestId: 9 };
    expect(await writes.checkpointRequest(sent)).toBe("9");
    expect(await open(db).checkpoint({ principal, clientId: "phone" })).toBe("1");
  });

  it("are 503 while they can't be written, and nothing of the driver's is told", async () => {
    const events: WriteEvent[] = [];
    const writes = open(db, {
      ownTables: { names: { powersync_checkpoints: "nowhere" } },
      onEvent: (event) => void events.push(event),
    });
    expect(await writes.ready()).toMatchObject({ ready: false });
    events.length = 0;
    const response = await writes.handle(next);
    expect(response).toMatchObject({
      status: 503,
      headers: { "retry-after": "5" },
      body: '{"message":"The checkpoint can\'t be written right now."}',
    });
    const [error] = events.filter((event) => event.type === "error");
    expect(error).toMatchObject({ during: "checkpoint", outcome: "retryable" });
    expect(error?.error).toMatchObject({
      cause: { message: expect.stringContaining("nowhere") as unknown },
    });
    await expect(writes.checkpoint({ principal, clientId: "phone" })).rejects.toMatchObject({
      name: "WriteError",
      cause: expect.any(Error) as unknown,
    });
    expect((await open(db).handle(next)).body).toBe('{"checkpoint":"1"}');
  });
});

describe("checkpoints", () => {
  const [dialect] = dialects;
  let database: TestDatabase;

  beforeAll(async () => {
    if (dialect !== undefined) database = await dialect.open();
  });
  beforeEach(() => database.reset());
  afterAll(() => database.close());

  it("are those of the caller's own database", async () => {
    const asked: string[] = [];
    const writes = createWrites({
      authenticate: anonymous("bob"),
      database: ({ userId }: Principal) => {
        asked.push(userId);
        return database.db;
      },
      tables: {},
      checkpoints: true,
    });
    expect((await writes.handle(next)).body).toBe('{"checkpoint":"1"}');
    expect(asked).toEqual(["bob"]);
    const broken = createWrites({
      authenticate: anonymous("bob"),
      database: (): Kysely<TestSchema> => {
        throw new Error("secret");
      },
      tables: {},
      checkpoints: true,
    });
    const response = await broken.handle(next);
    expect(response.status).toBe(503);
    expect(response.body).not.toContain("secret");
  });

  it("are in another schema, where the tables are", async () => {
    await sql`create schema app`.execute(database.db);
    const ownTables = { schema: "app" };
    await createTables(database.db, ownTables);
    const writes = open(database.db, { ownTables });
    for (const checkpoint of ["1", "2"])
      expect((await writes.handle(next)).body).toBe(JSON.stringify({ checkpoint }));
    const { rows } = await sql`select checkpoint from app.powersync_checkpoints`.execute(
      database.db,
    );
    expect(rows).toHaveLength(1);
  });

  it("are not begun while the process is being stopped", async () => {
    const writes = open(database.db);
    await writes.drain(10);
    expect(await writes.handle(next)).toMatchObject({
      status: 503,
      headers: { "retry-after": "5" },
    });
    await expect(writes.checkpoint({ principal, clientId: "phone" })).rejects.toThrow("stopped");
    expect(await open(database.db).checkpoint({ principal, clientId: "phone" })).toBe("1");
  });

  it("are for routes of one's own too, whatever the configuration says", async () => {
    const writes = open(database.db, { checkpoints: false });
    const phone = { principal, clientId: "phone" };
    expect(await writes.checkpoint(phone)).toBe("1");
    expect(await writes.checkpointRequest({ ...phone, checkpointRequestId: 2n ** 62n })).toBe(
      "4611686018427387904",
    );
    for (const checkpointRequestId of [-1, 1.5, Number.NaN, Infinity, 2 ** 63, -1n, 2n ** 63n, ""])
      await expect(
        writes.checkpointRequest({ ...phone, checkpointRequestId }),
      ).rejects.toMatchObject({ status: 400 });
    for (const clientId of ["", "x".repeat(256), "\0"])
      await expect(writes.checkpoint({ principal, clientId })).rejects.toMatchObject({
        status: 400,
      });
    await expect(
      writes.checkpoint({ principal: { userId: "" }, clientId: "phone" }),
    ).rejects.toThrow(TypeError);
  });

  it("are told among the features, where they are on", async () => {
    const limits = request("GET", "/api/data/limits", undefined);
    const features = async (checkpoints: boolean) =>
      (
        JSON.parse((await open(database.db, { checkpoints }).handle(limits)).body) as {
          features: string[];
        }
      ).features;
    expect(await features(true)).toContain("checkpoints");
    expect(await features(false)).not.toContain("checkpoints");
  });
});

/** Every table of the library's under a name of the application's. */
function named(prefix: string) {
  return {
    powersync_ledger: `${prefix}_ledger`,
    powersync_devices: `${prefix}_devices`,
    powersync_accounts: `${prefix}_accounts`,
    powersync_named: `${prefix}_named`,
    powersync_versions: `${prefix}_versions`,
    powersync_dead_letters: `${prefix}_letters`,
    powersync_letter_parts: `${prefix}_letter_parts`,
    powersync_letter_rows: `${prefix}_letter_rows`,
    powersync_checkpoints: `${prefix}_checkpoints`,
    powersync_attempts: `${prefix}_attempts`,
    powersync_migrations: `${prefix}_migrations`,
  };
}
