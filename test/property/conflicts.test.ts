/**
 * Three devices change the same rows, offline and online, in any order; answers get lost, and what has been sent comes again. What the server makes of
 * it is what a model says: counters exact, the last write of each field, no version lost, and nothing overwritten in silence. 20 interleavings on each
 * database; 10,000 over all databases of a run with `LONG=1`.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWrites, type Principal, type TableRule } from "../../src/index.js";
import {
  conflictDevice,
  conflictModel,
  type LocalRow,
  type QueuedEntry,
  randomEdit,
} from "../support/conflict-device.js";
import {
  type ConflictSchema,
  type ConflictTarget,
  conflictTargets,
  type OpenConflicts,
} from "../support/conflict-tables.js";
import { long } from "../support/long.js";
import { type Random, seeded, seedOf } from "../support/random.js";

const all = 10_000;
const available: ConflictTarget[] = [];
for (const target of conflictTargets) if (await target.available()) available.push(target);
const each = long ? Math.ceil(all / available.length) : 20;
/** Under way at once, where there are several connections. */
const atOnce = 8;
const seed = 20_261_126;
const start = Date.UTC(2026, 0, 1);

const rule: TableRule<Principal, ConflictSchema> = { table: "docs", owner: "owner_id" };
const tables = {
  versioned: { ...rule, conflict: { version: "version" } },
  counted: { ...rule, conflict: { add: ["quantity"] } },
  stamped: { ...rule, conflict: { newest: { title: "title_at", body: "body_at" } } },
  merged: { ...rule, conflict: { changed: "merge" } },
} as const;
const names = Object.keys(tables);
/** What the devices know of a row. */
const columnsOf: Readonly<Record<string, readonly string[]>> = {
  versioned: ["title", "body", "version"],
  counted: ["quantity"],
  stamped: ["title", "body", "title_at", "body_at"],
  merged: ["title", "body"],
};

interface Counts {
  sent: number;
  repeats: number;
  /** Refused, of versions and of values. */
  versioned: number;
  merged: number;
  /** Fields that an earlier stamp has lost, and differences that met others'. */
  stamped: number;
  counted: number;
}

for (const target of available) {
  describe(target.name, () => {
    let opened: OpenConflicts;
    beforeAll(async () => {
      opened = await target.open();
    });
    afterAll(() => opened.close());

    it(`ends ${each} interleavings as the model does`, { timeout: 3_600_000 }, async () => {
      const writes = createWrites<Principal, ConflictSchema>({
        authenticate: () => ({ userId: "nobody" }),
        database: opened.database,
        logger: false,
        tables,
      });
      const counts: Counts = {
        sent: 0,
        repeats: 0,
        versioned: 0,
        merged: 0,
        stamped: 0,
        counted: 0,
      };
      const queue = Array.from({ length: each }, (_, index) => index);
      // Those whom MongoDB refuses because of others send again, which is not what this is about.
      const many = target.concurrent && !target.name.startsWith("MongoDB");
      const lanes = Array.from({ length: many ? atOnce : 1 }, async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift())
          await interleave(opened, writes, `${target.name} ${next}`, counts);
      });
      await Promise.all(lanes);
      if (long) process.stderr.write(`${target.name} ${each} ${JSON.stringify(counts)}\n`);
      // What never happens shows nothing.
      for (const [what, count] of Object.entries(counts))
        expect(count, what).toBeGreaterThanOrEqual(each / 4);
    });
  });
}

async function interleave(
  opened: OpenConflicts,
  writes: ReturnType<typeof createWrites<Principal, ConflictSchema>>,
  name: string,
  counts: Counts,
): Promise<void> {
  const random = seeded(seedOf(seed, name));
  const devices = ["one", "two", "three"].map((each) => conflictDevice(each));
  const model = conflictModel();
  const suffix = random.uuid().slice(0, 20);
  const idOf = (table: string) => `${table} ${suffix}`;
  const answered: { device: string; entry: QueuedEntry; answer: string }[] = [];

  const post = async (device: string, entry: QueuedEntry): Promise<string> => {
    counts.sent += 1;
    const result = await writes.processTransaction(
      { crud: [entry] },
      { principal: { userId: `user ${suffix}` }, clientId: device, queueId: "q" },
    );
    return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
  };
  const send = async (device: (typeof devices)[number]): Promise<void> => {
    const [entry] = device.queue;
    if (entry === undefined) return;
    const answer = await post(device.name, entry);
    const { outcome: expected, met } = model.apply(device.name, entry);
    expect(answer, `${name}: ${JSON.stringify(entry)}`).toBe(expected);
    if (met) counts[entry.table as "versioned" | "merged" | "stamped" | "counted"] += 1;
    answered.push({ device: device.name, entry, answer });
    // Its answer may get lost, several times.
    while (random.oneIn(4)) {
      counts.repeats += 1;
      expect(await post(device.name, entry), name).toBe(answer);
    }
    device.queue.shift();
  };
  const sync = async (device: (typeof devices)[number]): Promise<void> => {
    while (device.queue.length > 0) await send(device);
    const rows = await serverRows(opened, suffix);
    for (const table of names) device.sync(table, idOf(table), rows[table]);
  };

  const [first] = devices;
  if (first === undefined) return;
  first.insert("versioned", idOf("versioned"), { title: "a", body: "a", version: null });
  first.insert("counted", idOf("counted"), { quantity: random.below(100) });
  const stamp = new Date(start).toISOString();
  const stamps = { title_at: stamp, body_at: stamp };
  first.insert("stamped", idOf("stamped"), { title: "a", body: "a", ...stamps });
  first.insert("merged", idOf("merged"), { title: "a", body: "a" });
  // Devices' clocks go wrong, but never before the row was made.
  const skews = devices.map(() => random.below(20_000));
  // Mostly all have the rows before they go offline.
  if (!random.oneIn(4)) for (const device of devices) await sync(device);
  const steps = 20 + random.below(20);
  for (let step = 0; step < steps; step += 1) {
    const at = random.below(devices.length);
    const device = devices[at];
    if (device === undefined) continue;
    const now = start + 1_000 * step + (skews[at] ?? 0);
    await act(random, {
      edit: () => randomEdit(device, random, now),
      send: () => send(device),
      sync: () => sync(device),
      repeat: async () => {
        if (answered.length === 0) return;
        const late = random.pick(answered);
        counts.repeats += 1;
        expect(await post(late.device, late.entry), name).toBe(late.answer);
      },
    });
  }
  for (const device of devices) while (device.queue.length > 0) await send(device);
  const rows = await serverRows(opened, suffix);
  for (const table of names) expect(rows[table], `${name}: ${table}`).toEqual(model.rows()[table]);
}

interface Acts {
  readonly edit: () => void;
  readonly send: () => Promise<void>;
  readonly sync: () => Promise<void>;
  readonly repeat: () => Promise<void>;
}

async function act(random: Random, { edit, send, sync, repeat }: Acts): Promise<void> {
  switch (random.below(10)) {
    case 0:
    case 1:
      return send();
    case 2:
    case 3:
      return sync();
    case 4:
      return repeat();
    default:
      edit();
  }
}

async function serverRows(
  opened: OpenConflicts,
  suffix: string,
): Promise<Readonly<Record<string, LocalRow>>> {
  const rows = await opened.rowsOf(names.map((table) => `${table} ${suffix}`));
  return Object.fromEntries(
    rows.map((row) => {
      const [table = ""] = String(row["id"]).split(" ");
      const known = columnsOf[table] ?? [];
      return [table, Object.fromEntries(known.map((column) => [column, row[column]]))];
    }),
  );
}
