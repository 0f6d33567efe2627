/** What has been answered is safe on disk, whatever the server's settings say; and where it is not, `check()` and `ready()` say so. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anonymous,
  createWrites,
  type Principal,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";

const principal = { userId: "alice" };
const put = (opId: number) => ({
  crud: [
    { op: "PUT", table: "lists", id: crypto.randomUUID(), op_id: opId, op_data: { name: "one" } },
  ],
});

describe.each(dialects)("on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<TestSchema>;
  let events: WriteEvent[] = [];
  beforeAll(async () => {
    if (!(await dialect.available())) return;
    // One connection, so that a setting of the session's is every transaction's.
    database = await dialect.open({ connections: 1 });
    db = database.db;
  });
  beforeEach(({ skip }) => {
    skip(database === undefined);
    events = [];
  });
  afterAll(async () => database?.close());

  const open = (config: Partial<WritesConfig<Principal, TestSchema>> = {}) =>
    createWrites({
      authenticate: anonymous(),
      database: db,
      tables: { lists: { access: "everyone" } },
      logger: false,
      onEvent: (event) => void events.push(event),
      ...config,
    });
  const warned = () =>
    events.flatMap((event) => (event.type === "unsafe_settings" ? event.problems : []));

  it("warns of nothing where all is well", async () => {
    const writes = open();
    expect(await writes.check()).toEqual([]);
    expect(await writes.ready()).toEqual({ ready: true });
    expect(warned()).toEqual([]);
  });

  if (dialect.family === "postgres") {
    it.each(["on", "off", "local", "remote_write", "remote_apply"])(
      "with synchronous_commit = %s a transaction waits for the disk",
      async (setting) => {
        await sql.raw(`set synchronous_commit = ${setting}`).execute(db);
        const seen: string[] = [];
        const look: NonNullable<WritesConfig<Principal, TestSchema>["hooks"]> = {
          persist: {
            before: async (_write, { tx }) => {
              const { rows } = await sql<{
                value: string;
              }>`select current_setting('synchronous_commit') as value`.execute(tx);
              seen.push(rows[0]?.value ?? "");
            },
          },
        };
        const success = { status: "success" };
        const options = { principal, clientId: "phone" };
        const durable = open({ hooks: look });
        expect(await durable.processTransaction(put(1), options)).toEqual(success);
        // Without an identity another statement bounds the transaction's waits.
        expect(await durable.processTransaction(put(2), { principal })).toEqual(success);
        const told = open({ hooks: look, asynchronousCommit: true });
        expect(await told.processTransaction(put(3), { principal })).toEqual(success);
        const waits = setting === "off" ? "on" : setting;
        expect(seen).toEqual([waits, waits, setting]);
        // What it was, it is again.
        const { rows } = await sql<{
          value: string;
        }>`select current_setting('synchronous_commit') as value`.execute(db);
        expect(rows).toEqual([{ value: setting }]);
      },
    );

    it("warns of synchronous_commit = off, once, and is ready", async () => {
      await sql`set synchronous_commit = off`.execute(db);
      const writes = open();
      const off = expect.stringMatching(/synchronous_commit = off.*Remedy: alter system/);
      expect(await writes.check()).toContainEqual({
        severity: "warning",
        code: "not_durable",
        table: "",
        message: off,
      });
      for (let time = 0; time < 2; time += 1) expect(await writes.ready()).toEqual({ ready: true });
      expect(warned()).toEqual([off]);
      await sql`set synchronous_commit = on`.execute(db);
    });
  }

  if (dialect.family === "sqlite") {
    it("warns of synchronous = OFF, and is ready", async () => {
      await sql`pragma synchronous = off`.execute(db);
      const writes = open();
      const off = expect.stringMatching(/synchronous = OFF.*Remedy: pragma synchronous = FULL/);
      expect(await writes.check()).toMatchObject([{ code: "not_durable", message: off }]);
      expect(await writes.ready()).toEqual({ ready: true });
      expect(warned()).toEqual([off]);
      await sql`pragma synchronous = full`.execute(db);
    });
  }

  if (dialect.family === "mysql") {
    it("warns of a packet that is smaller than a body may be, and is ready", async () => {
      const writes = open({ limits: { bodyBytes: 2 ** 31 } });
      const small = expect.stringMatching(/max_allowed_packet = \d+.*Remedy: set/);
      expect(await writes.check()).toMatchObject([{ code: "too_small", message: small }]);
      expect(await writes.ready()).toEqual({ ready: true });
      expect(warned()).toEqual([small]);
    });
  }
});
