/** Hooks that don't wait for what they send through `tx`: nothing of it is decided unread, and nothing of it reaches the connection's next user. */
import { Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { createCuttingProxy } from "../support/cutting-proxy.js";
import { dialects, postgres, type TestDatabase } from "../support/databases.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable, postgresUrl } from "../support/servers.js";
import { testConfig, type TestPrincipal } from "../support/writes.js";

type Config = WritesConfig<TestPrincipal, TestSchema>;

const principal: TestPrincipal = { userId: "alice" };
const sent = "11111111-1111-4111-8111-111111111111";
const put = (op_id = 1) => ({
  client_id: "phone",
  crud: [{ op: "PUT", table: "lists", id: sent, op_id, op_data: { name: "sent" } }],
});

let uncaught: unknown[] = [];
const onUncaught = (error: unknown) => void uncaught.push(error);
beforeEach(() => {
  uncaught = [];
  process.on("unhandledRejection", onUncaught);
});
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off("unhandledRejection", onUncaught);
  expect(uncaught).toEqual([]);
});

for (const dialect of dialects) {
  const available = await dialect.available();

  describe.skipIf(!available)(`on ${dialect.name}`, () => {
    let database: TestDatabase;
    let events: WriteEvent[];
    beforeAll(async () => {
      // One connection: whatever is left on it meets the next transaction.
      database = await dialect.open({ connections: 1 });
    });
    afterAll(() => database?.close());
    beforeEach(async () => {
      events = [];
      await database.reset();
    });

    const writesWith = (hooks: NonNullable<Config["hooks"]> = []) =>
      createWrites<TestPrincipal, TestSchema>({
        ...testConfig(database.db),
        hooks,
        onEvent: (event) => void events.push(event),
      });

    const names = async () => {
      const rows = await database.db.selectFrom("lists").select("name").orderBy("name").execute();
      return rows.map(({ name }) => name);
    };

    const insert = (tx: Transaction<TestSchema>, name: string) =>
      tx.insertInto("lists").values({ id: crypto.randomUUID(), name }).execute();

    it("a statement in flight at the end undoes the transaction, and says why", async () => {
      const floating: Promise<unknown>[] = [];
      const writes = writesWith({
        persist: {
          after: (_outcome, { tx }) => {
            // Several, for a database in the process answers one before anybody can look.
            for (let n = 0; n < 200; n += 1) floating.push(insert(tx, "unawaited"));
          },
        },
      });
      const result = await writes.processTransaction(put(), { principal });
      expect(result).toEqual({
        status: "retryable_error",
        message: "The change can't be made right now.",
      });
      const [error] = events.filter((event) => event.type === "error");
      expect(error).toMatchObject({ during: "commit", outcome: "retryable" });
      expect(String(error?.error)).toMatch(/left a statement unawaited: await everything/);
      // They were answered, and undone with the rest.
      expect((await Promise.allSettled(floating)).map(({ status }) => status)).toEqual(
        floating.map(() => "fulfilled"),
      );
      expect(await names()).toEqual([]);
      expect(await writesWith().processTransaction(put(), { principal })).toEqual({
        status: "success",
      });
      expect(await names()).toEqual(["sent"]);
    });

    it("so it does where a hook throws meanwhile, with the hook's own reason", async () => {
      const writes = writesWith({
        persist: {
          after: (_outcome, { tx }) => {
            for (let n = 0; n < 200; n += 1) void insert(tx, "unawaited");
            throw new TypeError("bug");
          },
        },
      });
      const result = await writes.processTransaction(put(), { principal });
      expect(result.status).toBe("retryable_error");
      expect(String(events.find((event) => event.type === "error")?.error)).toMatch(/bug/);
      expect(await names()).toEqual([]);
    });

    it("what is sent when the transaction has ended is refused", async () => {
      let kept: Transaction<TestSchema> | undefined;
      const late: Promise<unknown>[] = [];
      const send = (statement: Promise<unknown>) => {
        // Looked at below; until then it must not be nobody's.
        statement.catch(() => undefined);
        late.push(statement);
      };
      const writes = writesWith({
        persist: {
          after: (_outcome, { tx }) => {
            kept = tx;
          },
        },
        committed: () => {
          if (kept) send(insert(kept, "late"));
        },
      });
      const [result] = await Promise.all([
        writes.processTransaction(put(), { principal }),
        // The one connection's next user.
        writes.processTransaction(put(2), { principal }),
      ]);
      expect(result).toEqual({ status: "success" });
      if (kept) {
        send(insert(kept, "later"));
        send(insert(kept.withoutPlugins(), "later"));
        send(kept.selectFrom("lists").selectAll().execute());
      }
      expect(late.length).toBeGreaterThan(3);
      for (const outcome of await Promise.allSettled(late)) {
        expect(outcome).toMatchObject({
          status: "rejected",
          reason: { message: expect.stringMatching(/^The transaction has ended/) },
        });
      }
      expect(await names()).toEqual(["sent"]);
    });

    it("streams and statements with a signal are awaited like any other", async () => {
      const writes = writesWith({
        persist: {
          after: async (_outcome, { tx }) => {
            const { signal } = new AbortController();
            await tx.selectFrom("lists").selectAll().execute({ signal });
          },
        },
      });
      expect(await writes.processTransaction(put(), { principal })).toEqual({ status: "success" });
    });
  });
}

describe.skipIf(!(await postgresAvailable()))("between COMMIT and its answer", () => {
  it("no statement is sent any more", async () => {
    const database = await postgres.open();
    const proxy = await createCuttingProxy(Number(new URL(postgresUrl).port || 5432));
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(
      database.db,
    );
    const url = new URL(postgresUrl);
    url.port = String(proxy.port);
    url.pathname = `/${rows[0]?.name}`;
    const pool = guardPool(new pg.Pool({ connectionString: url.href, max: 1 }));
    const db = new Kysely<TestSchema>({ dialect: new PostgresDialect({ pool }) });
    try {
      let kept: Transaction<TestSchema> | undefined;
      const writes = createWrites<TestPrincipal, TestSchema>({
        ...testConfig(db),
        hooks: {
          persist: {
            after: (_outcome, { tx }) => {
              kept = tx;
            },
          },
        },
      });
      const sneaked = new Promise<unknown>((resolve) => {
        proxy.watch("commit\0", () => {
          const statement = kept?.insertInto("lists").values({ id: crypto.randomUUID() }).execute();
          statement?.then(resolve, resolve);
        });
      });
      const result = await writes.processTransaction(put(), { principal });
      expect(result).toEqual({ status: "success" });
      expect(String(await sneaked)).toMatch(/has ended/);
      expect(await db.selectFrom("lists").select("name").execute()).toEqual([{ name: "sent" }]);
    } finally {
      await db.destroy();
      await proxy.close();
      await database.close();
    }
  });
});
