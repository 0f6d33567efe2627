/** A server that is killed again and again while a device uploads its queue: in the end all is as if nothing had happened. */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createTables } from "../../src/index.js";
import { createPostgresDatabase } from "../support/databases.js";
import { postgresTables } from "../support/postgres.js";
import type { TestSchema } from "../support/schema.js";
import { postgresAvailable } from "../support/servers.js";
import { startUploadProcess, type UploadProcess } from "../support/upload-process.js";
import {
  type Effect,
  effects,
  emptyAll,
  traceEffects,
  uploadQueue,
  type WireEntry,
  type WireTransaction,
} from "../support/uploads.js";

const available = await postgresAvailable();

const kills = 15;
const transactions = 100;
/** The rows that the operations share, so that their order matters. */
const rows = Array.from({ length: 12 }, () => crypto.randomUUID() as string);

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
    { timeout: 60_000 },
    async () => {
      const queue = Array.from({ length: transactions }, (_, index) => randomTransaction(index));
      const model = expected(queue);

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

function randomTransaction(index: number): WireTransaction {
  const crud = [0, 1, 2].map((step): WireEntry => {
    const op_id = 3 * index + step + 1;
    const id = rows[Math.floor(Math.random() * rows.length)] ?? "";
    const kind = Math.random();
    if (kind < 0.15) return { op: "DELETE", table: "things", id, op_id };
    const op = kind < 0.6 ? "PUT" : "PATCH";
    return { op, table: "things", id, op_id, op_data: { size: op_id } };
  });
  const last = {
    op: "PUT",
    table: "things",
    id: rows[0] ?? "",
    op_id: 3 * index + 3,
    op_data: { size: -1 },
  } as const;
  return {
    transaction_id: index + 1,
    crud: index % 11 === 7 ? [...crud.slice(0, 2), last] : crud,
  };
}

/** What a server that never fails would have made of the queue. */
function expected(queue: readonly WireTransaction[]) {
  const table = new Map<string, number>();
  const written: Effect[] = [];
  const outcomes = queue.map(({ crud }) => {
    if (crud.some(({ op_data }) => op_data?.["size"] === -1)) return "fatal_error";
    for (const { op, id, op_data } of crud) {
      const there = table.has(id);
      if (!there && op !== "PUT") continue;
      const size = op === "DELETE" ? null : Number(op_data?.["size"]);
      if (size === null) table.delete(id);
      else table.set(id, size);
      written.push({ op: size === null ? "DELETE" : there ? "UPDATE" : "INSERT", id, size });
    }
    return "success";
  });
  const stored = [...table]
    .map(([id, size]) => ({ id, size }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return { outcomes, effects: written, rows: stored };
}

function byTransaction(a: unknown, b: unknown): number {
  const [first, second] = [a, b].map(
    (letter) => (letter as { transaction_id: number }).transaction_id,
  );
  return Number(first) - Number(second);
}
