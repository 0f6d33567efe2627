/** A server that is killed again and again while a device uploads its queue: in the end all is as if nothing had happened. */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createTables } from "../../src/index.js";
import { createPostgresDatabase } from "../support/databases.js";
import { long } from "../support/long.js";
import { postgresTables } from "../support/postgres.js";
import { expectedOf, randomTransaction } from "../support/random-queue.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { startUploadProcess, type UploadProcess } from "../support/upload-process.js";
import { effects, emptyAll, traceEffects, uploadQueue } from "../support/uploads.js";

const available = await postgresAvailable();

const kills = long ? 15 : 6;
const transactions = 100;

describe.skipIf(!available)("a server that is killed while a device uploads", () => {
  let url: string;
  let drop: () => Promise<void>;
  let db: Kysely<TestSchema>;

  beforeAll(async () => {
    ({ url, drop } = await createPostgresDatabase());
    const pool = guardPool(new pg.Pool({ connectionString: url, max: 2 }));
    db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    for (const statement of postgresTables) await sql.raw(statement).execute(db);
    await createTables(db);
    await traceEffects(db);
  });

  afterAll(async () => {
    await db?.destroy();
    await drop?.();
  });

  beforeEach(() => emptyAll(db));

  test(
    "applies every transaction once and in order, and records what can't be applied",
    { timeout: 600_000 },
    async () => {
      const queue = Array.from({ length: transactions }, (_, index) => randomTransaction(index));
      const model = expectedOf(queue);

      const server = restarting(url);
      const sent = uploadQueue(server.url, "phone", queue);
      const outcomes = await sent.finally(() => server.stop());

      expect(server.killed()).toBeGreaterThanOrEqual(5);
      expect(outcomes).toEqual(model.outcomes);
      expect(await effects(db)).toEqual(model.effects);
      const stored = await db.selectFrom("things").select(["id", "size"]).orderBy("id").execute();
      expect(stored).toEqual(model.rows);
      const ledger = await db.selectFrom("powersync_ledger").select("answer").execute();
      expect(ledger.filter(({ answer }) => answer === null)).toHaveLength(
        model.outcomes.filter((outcome) => outcome === "success").length,
      );
      expect(ledger).toHaveLength(transactions);
      const letters = await db.selectFrom("powersync_dead_letters").select("payload").execute();
      const poisons = queue.filter((_, index) => model.outcomes[index] === "fatal_error");
      expect(
        letters.map(({ payload }) => JSON.parse(payload) as unknown).sort(byTransaction),
      ).toEqual(poisons);
    },
  );
});

/** A server that is killed soon after it has begun to listen, and started again; the last one is left alone. */
function restarting(databaseUrl: string) {
  let killed = 0;
  let stopped = false;
  let current: Promise<UploadProcess> = startUploadProcess(databaseUrl);
  const live = async (): Promise<void> => {
    const server = await current;
    // The answers of the first requests, which make connections and read the schema, take the longest.
    await new Promise((resolve) => setTimeout(resolve, 15 + Math.random() * 90));
    if (stopped || killed === kills) return;
    killed += 1;
    current = server.kill().then(() => startUploadProcess(databaseUrl));
    return live();
  };
  const life = live();
  return {
    url: async () => (await current).url,
    killed: () => killed,
    stop: async () => {
      stopped = true;
      await life;
      await (await current).kill();
    },
  };
}

function byTransaction(a: unknown, b: unknown): number {
  const [first, second] = [a, b].map(
    (letter) => (letter as { transaction_id: number }).transaction_id,
  );
  return Number(first) - Number(second);
}
