/** Whatever a device sends, and sends again in whatever parts, is remembered as long as the model says: what a queue sent last is kept until a later request brings something new. */
import fc from "fast-check";
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anonymous, createWrites } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { dialects } from "../support/databases.js";
import { long } from "../support/long.js";
import type { TestSchema } from "../support/schema.js";

type Step =
  | { readonly kind: "send"; readonly client: string; readonly opIds: readonly number[] }
  | { readonly kind: "a quarter of a year" }
  | { readonly kind: "prune" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      client: fc.constantFrom("phone", "phone", "tablet"),
      opIds: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "a quarter of a year" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "prune" }) },
);
const steps = fc.array(step, { minLength: 3, maxLength: 12, size: "max" });

/** The ledger, as the design has it. */
function createModel() {
  const rows = new Map<string, { client: string; first: number; latest: number; old: boolean }>();
  let request = 0;
  return {
    /** Gives the operations that are applied. */
    send: (client: string, opIds: readonly number[]): readonly number[] => {
      request += 1;
      return opIds.filter((opId) => {
        const key = `${client} ${opId}`;
        const known = rows.get(key);
        rows.set(key, { client, first: known?.first ?? request, latest: request, old: false });
        return known === undefined;
      });
    },
    pass: () => {
      for (const row of rows.values()) row.old = true;
    },
    prune: (): number => {
      const gone = [...rows].filter(
        ([, { client, latest, old }]) =>
          old && [...rows.values()].some((row) => row.client === client && row.first > latest),
      );
      for (const [key] of gone) rows.delete(key);
      return gone.length;
    },
  };
}

interface Real {
  send(client: string, opIds: readonly number[]): Promise<readonly number[]>;
  pass(): Promise<void>;
  prune(): Promise<number>;
}

async function hold(real: Real, taken: readonly Step[]): Promise<void> {
  const model = createModel();
  for (const each of taken) {
    switch (each.kind) {
      case "send":
        expect(await real.send(each.client, each.opIds)).toEqual(
          model.send(each.client, each.opIds).toSorted((a, b) => a - b),
        );
        break;
      case "prune":
        expect(await real.prune()).toBe(model.prune());
        break;
      default:
        await real.pass();
        model.pass();
    }
  }
}

const idOf = (opId: number) => `00000000-0000-4000-8000-${String(opId).padStart(12, "0")}`;
const batchOf = (opIds: readonly number[]) => ({
  transactions: opIds.map((opId) => ({
    crud: [{ op: "PUT", table: "lists", id: idOf(opId), op_id: opId, op_data: { name: "one" } }],
  })),
});
const opIdsOf = (rows: readonly { readonly id: unknown }[]) =>
  rows.map(({ id }) => Number(String(id).slice(-12))).toSorted((a, b) => a - b);
const tables = { lists: { access: "everyone" as const } };
const principal = { userId: "alice" };

it("in memory", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      let now = Date.now();
      const store = memoryStore({
        tables: { lists: { columns: { id: "uuid", name: "text" } } },
        now: () => now,
      });
      const writes = createWrites({
        authenticate: anonymous(),
        database: store,
        tables,
        ledger: { prune: false },
      });
      await hold(
        {
          send: async (clientId, opIds) => {
            now += 60_000;
            await store.transaction((tx) => {
              for (const { id } of tx.all("lists")) tx.delete("lists", { id });
            });
            await writes.processBatch(batchOf(opIds), { principal, clientId });
            return opIdsOf(store.rows("lists") as readonly { readonly id: unknown }[]);
          },
          pass: async () => {
            now += 91 * 24 * 3_600_000;
          },
          prune: () => writes.prune(),
        },
        taken,
      );
    }),
    { numRuns: long ? 2_000 : 200 },
  );
});

describe.each(dialects)("on $name", (dialect) => {
  let db: Kysely<TestSchema> | undefined;
  let close: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    if (await dialect.available()) ({ db, close } = await dialect.open());
  });
  afterAll(async () => close?.());

  it("", { timeout: 600_000 }, async ({ skip }) => {
    const on = db;
    if (on === undefined) return skip("There is no such database.");
    const writes = createWrites({
      authenticate: anonymous(),
      database: on,
      tables,
      ledger: { prune: false },
    });
    const property = fc.asyncProperty(steps, async (taken) => {
      await on.deleteFrom("powersync_ledger").execute();
      await hold(
        {
          send: async (clientId, opIds) => {
            await on.deleteFrom("lists").execute();
            // SQLite's clock counts milliseconds.
            await new Promise((resolve) => setTimeout(resolve, 3));
            await writes.processBatch(batchOf(opIds), { principal, clientId });
            return opIdsOf(await on.selectFrom("lists").select("id").execute());
          },
          pass: async () => {
            const then = new Date(Date.now() - 91 * 24 * 3_600_000).toISOString();
            const text = then.replace("T", " ").replace("Z", "");
            await sql`update powersync_ledger set answered_at = ${text}`.execute(on);
          },
          prune: () => writes.prune(),
        },
        taken,
      );
    });
    await fc.assert(property, { numRuns: long ? 200 : 12 });
  });
});
