/** What waits for something of the same user's that is under way sees what has come of it, at every isolation. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CrudEntry } from "../../src/index.js";
import { databases, type TestDatabase } from "../support/databases.js";
import { alice, from, patch, put, uuid, writesWithEvents } from "../support/letters.js";

const thing = uuid(1);
const success = { status: "success" };
const depends = { failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } };
const sized = (size: number) => patch("things", thing, { size });
/** Without a device. */
const tx = (transaction_id: number, ...crud: readonly object[]) => ({
  transactions: [{ transaction_id, crud }],
});

function gated() {
  let resolve = (): void => {};
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve };
}

const isolations = [{}, { isolation: "repeatable read" }, { isolation: "serializable" }] as const;

describe.each(databases.filter(({ concurrent }) => concurrent))("on $name", (dialect) => {
  let database: TestDatabase | undefined;
  const db = () => (database as TestDatabase).db;

  beforeAll(async () => {
    if (await dialect.available()) database = await dialect.open();
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    await database?.reset();
    await db().insertInto("things").values({ id: thing, size: 0 }).execute();
  });
  afterAll(() => database?.close());

  /** Begins `first`, which waits in a hook; begins `second` behind it; and lets both end. */
  const overlapped = async <T>(config: object, first: object, second: () => Promise<T>) => {
    const [arrived, gate] = [gated(), gated()];
    const before = async (operation: CrudEntry) => {
      arrived.resolve();
      await gate.promise;
      return operation;
    };
    const { writes } = writesWithEvents(db(), { ...config, hooks: { map: { before } } });
    const one = writes.processBatch(first, alice);
    await arrived.promise;
    const two = second();
    // Nothing tells that it waits, but that it does not come to an end.
    await Promise.race([two, new Promise((resolve) => setTimeout(resolve, 300))]);
    gate.resolve();
    expect(await one).toEqual([success]);
    return two;
  };

  it("forget(userId) begins the positions of what is named anew only where nothing is named", async () => {
    const { writes } = writesWithEvents(db());
    for (const n of [1, 2, 3]) await writes.processBatch(tx(n, sized(n)), alice);
    const many = Array.from({ length: 1_001 }, (_, n) => patch("things", uuid(1_000 + n), {}));
    await overlapped({}, tx(4, ...many), () => writes.forget("alice"));
    await writes.processBatch(tx(5, sized(5)), alice);
    await db().updateTable("things").set({ size: 7 }).execute();
    expect(await writes.processBatch(tx(5, sized(5)), alice)).toEqual([success]);
    expect(await db().selectFrom("things").select("size").execute()).toEqual([{ size: 7 }]);
    await writes.forget("alice");
    for (const table of ["powersync_named", "powersync_accounts"] as const)
      expect(await db().selectFrom(table).selectAll().execute()).toEqual([]);
  });

  it("forget(userId) leaves no answer behind that belongs to no device", async () => {
    const { writes } = writesWithEvents(db());
    await writes.processBatch(from("phone", 1, sized(1)), alice);
    await overlapped({}, from("phone", 2, sized(2)), () => writes.forget("alice"));
    await writes.forget("alice");
    expect(await db().selectFrom("powersync_ledger").selectAll().execute()).toEqual([]);
    expect(await db().selectFrom("powersync_devices").selectAll().execute()).toEqual([]);
  });

  it.each(isolations)("a new device's first is found by its content, with %o", async (config) => {
    const { writes } = writesWithEvents(db(), config);
    const entry = put("things", uuid(2), { size: 1 });
    await writes.processBatch(tx(1, sized(1)), alice);
    const ours = {
      client_id: "phone",
      queue_id: "q",
      transactions: [{ transaction_id: 2, crud: [{ op_id: 9, ...entry }] }],
    };
    const results = await overlapped(config, tx(2, entry), async () => {
      const [result] = await writes.processBatch(ours, alice);
      await db().updateTable("things").set({ size: 7 }).execute();
      return result;
    });
    expect(results).toEqual(success);
    expect(await writes.processBatch(ours, alice)).toEqual([success]);
    const sizes = await db().selectFrom("things").select("size").execute();
    expect(sizes).toEqual([{ size: 7 }, { size: 7 }]);
    const { rows } =
      await sql`select applied_at from powersync_ledger where applied_at is not null`.execute(db());
    expect(rows).toEqual([]);
  });

  it.each(isolations)(
    "dependants that come at once have places of their own, with %o",
    async (config) => {
      const two = [1, 2].map(() => writesWithEvents(db(), config).writes);
      const [writes] = two;
      const poison = put("things", uuid(3), { size: -1 });
      await writes?.processBatch(from("phone", 1, poison), alice);
      for (let n = 1; n <= 5; n += 1) {
        const edit = (size: number) => patch("things", uuid(3), { size });
        const bodies = [tx(10 + n, edit(n)), from("phone", 10 + n, edit(100 + n))];
        const results = await Promise.all(
          bodies.map(async (body, index) => {
            for (let times = 0; times < 20; times += 1) {
              const [result] = (await two[index]?.processBatch(body, alice)) ?? [];
              if (result?.status !== "retryable_error") return result;
            }
            return undefined;
          }),
        );
        for (const result of results) expect(result).toMatchObject(depends);
      }
      const places = await db()
        .selectFrom("powersync_dead_letters")
        .select("chain_position")
        .where("root", "is not", null)
        .orderBy("chain_position")
        .execute();
      expect(places.map((place) => Number(place.chain_position))).toEqual(
        Array.from({ length: 10 }, (_, n) => n + 1),
      );
    },
  );

  it.each(isolations)(
    "a retry that waits for a dependant to be recorded takes it along, with %o",
    async (config) => {
      const [arrived, gate] = [gated(), gated()];
      const after = async (recorded: unknown) => {
        arrived.resolve();
        await gate.promise;
        return recorded;
      };
      const { writes, letters } = writesWithEvents(db(), config);
      const slow = writesWithEvents(db(), { ...config, hooks: { deadLetter: { after } } }).writes;
      await writes.processBatch(from("phone", 1, put("things", uuid(3), { size: -1 })), alice);
      const root = (await letters.list()).letters[0]?.id ?? "";
      await letters.edit(root, { crud: [put("things", uuid(3), { size: 1 })] });
      const edit = from("phone", 2, patch("things", uuid(3), { size: 2 }));
      const recording = slow.processBatch(edit, alice);
      await arrived.promise;
      const retry = letters.retry(root);
      await Promise.race([retry, new Promise((resolve) => setTimeout(resolve, 300))]);
      gate.resolve();
      expect(await recording).toMatchObject([depends]);
      expect(await retry).toMatchObject({ status: "retried" });
      for (const { id, status } of (await letters.list()).letters)
        if (status !== "retried")
          expect((await letters.retry(id, { force: true })).status).toBe("retried");
      const sizes = db().selectFrom("things").select("size").where("id", "=", uuid(3));
      expect(await sizes.execute()).toEqual([{ size: 2 }]);
    },
  );
});
