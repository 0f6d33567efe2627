/**
 * Mutations of two tabs, or of two devices of one user, with PowerSync's own client, while the server is killed again and again: each is done once or a dead
 * letter once, and what a refused one has shown goes with the next sync.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { column, Schema, Table } from "@powersync/common";
import { PowerSyncDatabase } from "@powersync/node";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guardPool } from "../../adapters/pg.js";
import { createMutators, PowerSyncWriteConnector } from "../../src/client/index.js";
import { createTables } from "../../src/index.js";
import {
  countingDefinitions,
  type CountingTables,
  countingWrites,
  createCountingTables,
} from "../support/counting.js";
import { createPostgresDatabase } from "../support/databases.js";
import { queued } from "../support/device.js";
import { long } from "../support/long.js";
import { postgresAvailable } from "../support/servers.js";
import { startSyncDown, type SyncDown } from "../support/sync-down.js";
import { startUploadProcess, type UploadProcess } from "../support/upload-process.js";
import { until } from "../support/uploads.js";

const mutations = long ? 500 : 40;
const kills = long ? 20 : 3;
/** With five mutations in an upload there are enough of them. */
const everyUpload = long ? 4 : 2;

const schema = new Schema({
  counters: new Table({ value: column.integer }),
  steps: new Table({ name: column.text }),
  rejected_writes: new Table(
    { failure: column.text, crud: column.text, rejected_at: column.text },
    { localOnly: true },
  ),
  powersync_mutations: new Table({ name: column.text, args: column.text }, { insertOnly: true }),
});

/** Of every seven, one is refused. */
const planned = Array.from({ length: mutations }, (_, index) => ({
  id: crypto.randomUUID() as string,
  name: `m${index}`,
  by: index % 7 === 3 ? -1 : 1 + (index % 3),
}));
const accepted = planned.filter(({ by }) => by > 0);
const refused = planned.filter(({ by }) => by < 0);
const namesOf = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);

/** Before the server has it, while it works, or when it has answered and the answer is lost. */
const phases = ["sent", "working", "answered"] as const;
/** Stands for the server, wherever it listens after its last start. */
const base = "http://writes.test";

describe.skipIf(!(await postgresAvailable()))("a server that is killed among mutations", () => {
  const folder = mkdtempSync(join(tmpdir(), "mutations-"));
  let db: Kysely<CountingTables>;
  let service: SyncDown;
  let server: UploadProcess | undefined;
  let restarted = Promise.resolve();
  let uploads = 0;
  let killed = 0;
  let url: string;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    ({ url, drop } = await createPostgresDatabase());
    const pool = guardPool(new pg.Pool({ connectionString: url, max: 5 }));
    db = new Kysely<CountingTables>({ dialect: new PostgresDialect({ pool }) });
    await createCountingTables(db);
    await createTables(db);
    service = await startSyncDown(async () => {
      const steps = await db.selectFrom("steps").selectAll().execute();
      const counters = await db.selectFrom("counters").selectAll().execute();
      return [
        ...counters.map(({ id, value }) => ({ table: "counters", id, values: { value } })),
        ...steps.map(({ id, name }) => ({ table: "steps", id, values: { name } })),
      ];
    });
    await start();
  });
  afterAll(async () => {
    await restarted;
    await server?.kill();
    await service?.close();
    await db?.destroy();
    await drop?.();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    server = await startUploadProcess(
      url,
      undefined,
      new URL("../support/mutation-server.ts", import.meta.url),
    );
  }

  function kill(): void {
    const dying = server;
    if (dying === undefined || killed >= kills) return;
    server = undefined;
    killed += 1;
    restarted = dying.kill().then(start);
  }

  /** Sends to the server of the moment, which dies of one upload in so many until it has died often enough. */
  async function send(input: string, init: RequestInit | undefined): Promise<Response> {
    if (server === undefined) throw new TypeError("The server is down.");
    const target = input.replace(base, server.url.replace(/\/api\/data$/, ""));
    const dies = init?.method === "POST" && (uploads += 1) % everyUpload === 0 && killed < kills;
    if (!dies) return fetch(target, init);
    const phase = phases[killed % phases.length];
    const answer = fetch(target, init);
    if (phase === "answered") {
      await (await answer).text();
      kill();
      throw new TypeError("The answer is lost.");
    }
    setTimeout(kill, phase === "sent" ? 0 : Math.random() * 15);
    return answer;
  }

  function openTab(file: string) {
    const database = new PowerSyncDatabase({
      schema,
      database: { dbFilename: file, dbLocation: folder, readWorkerCount: 1 },
      logger: { log: () => undefined },
    });
    const mutate = createMutators(database, countingDefinitions);
    const connector = new PowerSyncWriteConnector({
      url: `${base}/api/data`,
      powersyncUrl: service.url,
      getToken: () => "alice",
      subject: (token) => token,
      batch: { transactions: 5 },
      deadLetters: { table: "rejected_writes" },
      fetch: (input, init) => send(String(input), init),
    });
    return {
      database,
      connector,
      connect: () => database.connect(connector, { retryDelayMs: 50, crudUploadThrottleMs: 10 }),
      add: (mutation: { id: string; name: string; by: number }) =>
        mutate("counter.add", mutation, async (tx) => {
          await tx.execute("INSERT INTO steps (id, name) VALUES (?, ?)", [
            mutation.id,
            mutation.name,
          ]);
          await tx.execute("UPDATE counters SET value = value + ?", [mutation.by]);
        }),
      steps: async () =>
        namesOf(await database.getAll<{ name: string }>("SELECT name FROM steps")).sort(),
      value: async () =>
        (await database.getAll<{ value: number }>("SELECT value FROM counters"))[0]?.value,
    };
  }
  type Tab = ReturnType<typeof openTab>;

  /** As it was in the beginning, but for the ledger. */
  async function empty() {
    await db.deleteFrom("steps").execute();
    await db.deleteFrom("step_log").execute();
    await db.updateTable("counters").set({ value: 0 }).execute();
    const { deadLetters } = countingWrites(db);
    const { letters } = await deadLetters.list({ limit: 500 });
    for (const { id } of letters) await deadLetters.discard(id, "Another test.");
    uploads = killed = 0;
  }

  /** Queues all, by turns; the first quarter offline. */
  async function mutateAll(tabs: readonly [Tab, Tab], connect: () => Promise<void>) {
    for (const [index, mutation] of planned.entries()) {
      const tab = tabs[index % 2 === 0 ? 0 : 1];
      if (index === mutations / 4) {
        const shown = (await Promise.all(tabs.map(({ steps }) => steps()))).flat();
        // What will be refused is shown as all the others are.
        expect(new Set(shown)).toEqual(new Set(namesOf(planned.slice(0, index))));
        await connect();
      }
      // Written while it is sent, in every life of the server's.
      if (index > mutations / 4)
        await until(async () => (await queued(tab.database)).length < 60, 300_000);
      await tab.add(mutation);
    }
  }

  async function expectOnce() {
    const log = await db.selectFrom("step_log").select("name").orderBy("number").execute();
    const steps = await db.selectFrom("steps").select("name").execute();
    expect(namesOf(log).sort()).toEqual(namesOf(accepted).sort());
    expect(namesOf(steps).sort()).toEqual(namesOf(accepted).sort());
    expect(await db.selectFrom("counters").select("value").execute()).toEqual([
      { value: accepted.reduce((sum, { by }) => sum + by, 0) },
    ]);
    const { deadLetters } = countingWrites(db);
    const { letters } = await deadLetters.list({ status: "open", limit: 500 });
    const recorded: string[] = [];
    for (const { id } of letters) {
      const letter = await deadLetters.get(id);
      const text = JSON.stringify(letter);
      recorded.push(...refused.filter((each) => text.includes(each.id)).map(({ name }) => name));
      expect(letter).toMatchObject({ errorCode: "NOT_POSITIVE", attempts: 1 });
    }
    expect(letters).toHaveLength(refused.length);
    expect(recorded.sort()).toEqual(namesOf(refused).sort());
    return namesOf(log);
  }

  /** Of the sync service it hears what the server holds, and shows nothing else. */
  async function expectSynced({ database, steps, value }: Tab) {
    const held = await db.selectFrom("counters").select("value").executeTakeFirst();
    await until(async () => {
      await service.publish();
      await new Promise((resolve) => setTimeout(resolve, 50));
      return (await value()) === held?.value && (await steps()).length === accepted.length;
    });
    expect(await steps()).toEqual(namesOf(accepted).sort());
    expect(await queued(database)).toEqual([]);
  }

  const drained = (tab: Tab) =>
    until(async () => (await queued(tab.database)).length === 0, 300_000);
  const rejectedIn = async ({ database }: Tab) =>
    (await database.getAll<{ crud: string }>("SELECT crud FROM rejected_writes")).flatMap(
      ({ crud }) => refused.filter(({ id }) => crud.includes(id)).map(({ name }) => name),
    );
  const inOrder = (log: readonly string[]) => {
    const numbers = log.map((name) => Number(name.slice(1)));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  };

  it("does each once, for two devices of one user", { timeout: 900_000 }, async () => {
    const tabs = [openTab("one.db"), openTab("two.db")] as const;
    await mutateAll(tabs, async () => {
      for (const tab of tabs) await tab.connect();
    });
    for (const tab of tabs) await drained(tab);
    await restarted;
    expect(killed).toBe(kills);
    const log = await expectOnce();
    for (const parity of [0, 1]) {
      inOrder(log.filter((name) => Number(name.slice(1)) % 2 === parity));
    }
    for (const tab of tabs) await expectSynced(tab);
    const rejected = await Promise.all(tabs.map(rejectedIn));
    expect(rejected.flat().sort()).toEqual(namesOf(refused).sort());
    for (const { database } of tabs) await database.close();
  });

  it("does each once, for two tabs of one queue", { timeout: 900_000 }, async () => {
    await empty();
    const tabs = [openTab("shared.db"), openTab("shared.db")] as const;
    const [first, second] = tabs;
    await first.database.init();
    await second.database.init();
    // One of them syncs, as PowerSync has it; both upload, which it would not let them.
    let done = false;
    let uploading: Promise<void> | undefined;
    await mutateAll(tabs, async () => {
      await first.connect();
      uploading = (async () => {
        while (!done) {
          await second.connector.uploadData(second.database).catch(() => undefined);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
    });
    await drained(second);
    done = true;
    await uploading;
    await restarted;
    expect(killed).toBe(kills);
    inOrder(await expectOnce());
    // The SDK asks for a write checkpoint behind its own upload, or when it connects.
    await first.database.disconnect();
    await first.connect();
    for (const tab of tabs) await expectSynced(tab);
    expect((await rejectedIn(first)).sort()).toEqual(namesOf(refused).sort());
    for (const { database } of tabs) await database.close();
  });
});
