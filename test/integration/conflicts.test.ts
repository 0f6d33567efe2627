/** What becomes of writes to rows that others have changed meanwhile: every strategy, with every operation, on every database and in the memory store. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, fatal, type Principal, type TableRule } from "../../src/index.js";
import {
  type ConflictSchema,
  type ConflictTarget,
  conflictTargets,
  type OpenConflicts,
} from "../support/conflict-tables.js";
import { byName } from "../support/writes.js";

type Rule = TableRule<Principal, ConflictSchema>;
type Conflict = NonNullable<Rule["conflict"]>;

interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly op_data?: object;
  readonly previous_values?: object;
  readonly id?: string;
}

const put = (op_data: object, previous_values?: object): Entry => ({
  op: "PUT",
  op_data,
  ...(previous_values && { previous_values }),
});
const patch = (op_data: object, previous_values?: object): Entry => ({
  op: "PATCH",
  op_data,
  ...(previous_values && { previous_values }),
});
const del = (previous_values?: object): Entry => ({
  op: "DELETE",
  ...(previous_values && { previous_values }),
});

interface Outcome {
  readonly code: string;
  readonly details?: unknown;
}

const columns = [
  "title",
  "body",
  "updated_at",
  "title_at",
  "body_at",
  "clicked_at",
  "quantity",
  "price",
  "weight",
  "ratio",
  "tags",
  "high",
  "low",
];
const base: Rule = { owner: "owner_id", columns };

const isMongo = ({ name }: { readonly name: string }): boolean => name.startsWith("MongoDB");

for (const target of conflictTargets) {
  describe.skipIf(!(await target.available()))(target.name, () => cases(target));
}

function cases(target: ConflictTarget): void {
  let opened: OpenConflicts;
  beforeAll(async () => {
    opened = await target.open();
  });
  beforeEach(() => opened.reset());
  afterAll(() => opened.close());

  let kept: unknown[] = [];
  beforeEach(() => {
    kept = [];
  });
  const writesWith = (conflict: Conflict, rule: Rule = base) =>
    createWrites<Principal, ConflictSchema>({
      authenticate: byName,
      database: opened.database,
      logger: false,
      onEvent: (event) => {
        if (event.type === "row_kept") kept.push([event.op, event.table, event.id]);
      },
      tables: { docs: { ...rule, conflict } },
    });

  /** A device: what it sends has ids of its own, unless it is sent again. */
  function device(
    writes: ReturnType<typeof writesWith>,
    clientId: string | undefined,
    { userId = "alice", queueId }: { userId?: string; queueId?: string } = {},
  ) {
    let opId = 0;
    const sendAll = async (crud: readonly object[]): Promise<Outcome> => {
      const result = await writes.processTransaction(
        { crud },
        {
          principal: { userId },
          ...(clientId !== undefined && { clientId }),
          ...(queueId !== undefined && { queueId }),
        },
      );
      if (result.status !== "fatal_error") return { code: result.status };
      const { errorCode, details } = result.failedOperation;
      return { code: errorCode, ...(details !== undefined && { details }) };
    };
    const entry = (each: Entry) => {
      opId += 1;
      return { table: "docs", id: "d", op_id: opId, ...each };
    };
    return {
      entry,
      sendAll,
      send: (...entries: readonly Entry[]) => sendAll(entries.map(entry)),
    };
  }

  const doc = async () => (await opened.rows("docs")).find(({ id }) => id === "d");
  const ok = { code: "success" };

  describe("version", () => {
    const strategy: Conflict = { version: "version" };

    it("counts from 1, and goes on with every write", async () => {
      const one = device(writesWith(strategy), "one");
      expect(await one.send(put({ title: "a" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 1, title: "a" });
      expect(await one.send(patch({ title: "b" }, { version: 1 }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 2, title: "b" });
    });

    it("refuses a write that was made on an older version, with all three states", async () => {
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", body: "x" }));
      expect(await two.send(patch({ title: "two" }, { version: 1, title: "a" }))).toEqual(ok);
      expect(await one.send(patch({ title: "one" }, { version: 1, title: "a" }))).toEqual({
        code: "CONFLICT",
        details: {
          base: { version: 1, title: "a" },
          theirs: { version: expect.anything() as unknown, title: "two" },
          yours: { title: "one" },
        },
      });
      expect(await doc()).toMatchObject({ version: 2, title: "two" });
      expect(await one.send(patch({ title: "one" }, { version: "2" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 3, title: "one" });
    });

    it("takes five edits that one device has made offline", async () => {
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await two.send(put({ title: "a" }));
      for (const title of ["b", "c", "d", "e", "f"])
        expect(await one.send(patch({ title }, { version: 1 }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 6, title: "f" });
      // What others wrote in between is a conflict all the same.
      expect((await two.send(patch({ title: "x" }, { version: 1 }))).code).toBe("CONFLICT");
      expect(await two.send(patch({ title: "g" }, { version: 6 }))).toEqual(ok);
      expect((await one.send(patch({ title: "y" }, { version: 1 }))).code).toBe("CONFLICT");
      expect((await one.send(patch({ title: "y" }, { version: 6 }))).code).toBe("CONFLICT");
      expect(await doc()).toMatchObject({ version: 7, title: "g" });
    });

    it("takes edits of a row that the device has made itself, and knows no version of", async () => {
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      const crud = [put({ title: "a" }), patch({ title: "b" }, { version: null })].map(one.entry);
      expect(await one.sendAll(crud)).toEqual(ok);
      expect(await one.send(patch({ title: "c" }, { version: null }))).toEqual(ok);
      expect(await one.send(put({ title: "d" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 4, title: "d" });
      expect((await two.send(patch({ title: "x" }, { version: null }))).code).toBe("CONFLICT");
      expect(await two.send(patch({ title: "e" }, { version: 4 }))).toEqual(ok);
      expect((await one.send(patch({ title: "y" }, { version: null }))).code).toBe("CONFLICT");
    });

    it("tells queues of a device apart, and trusts nobody without a device", async () => {
      const writes = writesWith(strategy);
      const one = device(writes, "one", { queueId: "q1" });
      const again = device(writes, "one", { queueId: "q2" });
      await one.send(put({ title: "a" }));
      expect(await one.send(patch({ title: "b" }, { version: 1 }))).toEqual(ok);
      expect((await again.send(patch({ title: "x" }, { version: 1 }))).code).toBe("CONFLICT");
      const nobody = device(writes, undefined);
      expect(await nobody.send(patch({ title: "c" }, { version: 2 }))).toEqual(ok);
      expect((await nobody.send(patch({ title: "y" }, { version: 2 }))).code).toBe("CONFLICT");
      expect((await one.send(patch({ title: "z" }, { version: 2 }))).code).toBe("CONFLICT");
    });

    it("sees what others write beside the library", async () => {
      const writes = writesWith(strategy);
      const one = device(writes, "one");
      await one.send(put({ title: "a" }));
      await one.send(patch({ title: "b" }, { version: 1 }));
      await opened.update("d", { version: 3, title: "job" });
      expect((await one.send(patch({ title: "c" }, { version: 1 }))).code).toBe("CONFLICT");
      expect(await one.send(patch({ title: "c" }, { version: 3 }))).toEqual(ok);
    });

    it("takes the version from the data, and writes none", async () => {
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", version: 7 }));
      expect(await doc()).toMatchObject({ version: 1 });
      expect((await two.send(patch({ title: "b", version: 2 }))).code).toBe("CONFLICT");
      expect(await two.send(patch({ title: "b", version: 1 }))).toEqual(ok);
      expect((await two.send(patch({ title: "c", version: 3 }, { version: 2 }))).code).toBe(
        "FORBIDDEN_COLUMN",
      );
      expect((await two.send(patch({ title: "c" }, { version: "x" }))).code).toBe("INVALID_DATA");
      expect(await doc()).toMatchObject({ version: 2, title: "b" });
    });

    it("asks for a base, but where a PUT makes the row", async () => {
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      const missing = { code: "CONFLICT_BASE_MISSING", details: { column: "version" } };
      expect(await one.send(patch({ title: "b" }))).toEqual(missing);
      await one.send(put({ title: "a" }));
      expect(await one.send(patch({ title: "b" }))).toEqual(missing);
      expect(await one.send(patch({ title: "b" }, { title: "a" }))).toEqual(missing);
      expect(await one.send(del())).toEqual(missing);
      expect(await two.send(put({ title: "b" }))).toEqual(missing);
      expect(await two.send(put({ title: "b", version: 1 }))).toEqual(missing);
      expect(await two.send(put({ title: "b" }, { version: 1 }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 2, title: "b" });
      expect(await one.send(put({ title: "c", version: 2 }))).toEqual(ok);
      expect((await two.send(put({ title: "c" }, { version: 2 }))).code).toBe("CONFLICT");
    });

    it("holds a DELETE to its version, too", async () => {
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a" }));
      await two.send(patch({ title: "b" }, { version: 1 }));
      expect((await one.send(del({ version: 1 }))).code).toBe("CONFLICT");
      expect(await two.send(del({ version: 1 }))).toEqual(ok);
      expect(await doc()).toBeUndefined();
      // Deletes win: nothing is left that could conflict.
      expect(await one.send(patch({ title: "c" }, { version: 2 }))).toEqual(ok);
      // Another row begins anew, whoever wrote the old one.
      await one.send(put({ title: "new" }));
      expect((await two.send(patch({ title: "x" }, { version: 0 }))).code).toBe("CONFLICT");
      expect(await doc()).toMatchObject({ version: 1, title: "new" });
    });

    it("counts a soft delete", async () => {
      const rule = { ...base, delete: { set: { secret: () => "gone" } } };
      const writes = writesWith(strategy, rule);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a" }));
      expect((await two.send(del({ version: 5 }))).code).toBe("CONFLICT");
      expect(await two.send(del({ version: 1 }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 2, secret: "gone" });
    });

    it("counts on a row that has no version yet", async () => {
      await opened.insert({ id: "d", owner_id: "alice", title: "old" });
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      expect(await one.send(patch({ title: "a" }, { version: null }))).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 1 });
      expect((await two.send(patch({ title: "b" }, { version: null }))).code).toBe("CONFLICT");
      expect(await one.send(patch({ title: "b" }, { version: null }))).toEqual(ok);
    });

    it("tells nothing of rows that are not the caller's", async () => {
      const writes = writesWith(strategy);
      await device(writes, "one").send(put({ title: "a" }));
      const other = device(writes, "two", { userId: "bob" });
      expect(await other.send(patch({ title: "b" }, { version: 9 }))).toEqual({
        code: "UNAUTHORIZED",
      });
      expect((await other.send(del({ version: 9 }))).code).toBe("UNAUTHORIZED");
      expect((await other.send(put({ title: "b" }, { version: 9 }))).code).toBe("UNAUTHORIZED");
    });

    it("leaves columns out that may not be read", async () => {
      const writes = writesWith(strategy);
      await device(writes, "one").send(put({ title: "a" }));
      await opened.update("d", { secret: "hush" });
      const two = device(writes, "two");
      const { details } = await two.send(patch({ title: "x" }, { version: 0, secret: "?" }));
      expect(details).toMatchObject({ theirs: { title: "a" } });
      expect(JSON.stringify(details)).not.toContain("hush");
      const some = device(writesWith({ ...strategy, readable: ["body"] }), "three");
      const told = await some.send(patch({ title: "x", body: "y" }, { version: 0 }));
      expect((told.details as { theirs: object }).theirs).toEqual({
        body: null,
        version: expect.anything() as unknown,
      });
    });

    it("applies a replay once", async () => {
      const writes = writesWith(strategy);
      const one = device(writes, "one");
      const made = [one.entry(put({ title: "a" }))];
      const edit = [one.entry(patch({ title: "b" }, { version: 1 }))];
      for (const crud of [made, made, edit, edit, made])
        expect(await one.sendAll(crud)).toEqual(ok);
      expect(await doc()).toMatchObject({ version: 2, title: "b" });
    });

    it("forgets who wrote what, and then trusts nobody", async () => {
      const { database } = opened;
      const config = { authenticate: byName, database, logger: false } as const;
      const writes = createWrites<Principal, ConflictSchema>({
        ...config,
        // Everything is old.
        ledger: { retentionDays: 1e-12, prune: false },
        tables: { docs: { ...base, conflict: strategy } },
      });
      const one = device(writes, "one");
      await one.send(put({ title: "a" }));
      expect(await one.send(patch({ title: "b" }, { version: 1 }))).toEqual(ok);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await writes.prune();
      expect((await one.send(patch({ title: "c" }, { version: 1 }))).code).toBe("CONFLICT");
      expect(await one.send(patch({ title: "c" }, { version: 2 }))).toEqual(ok);
      expect(await one.send(patch({ title: "d" }, { version: 2 }))).toEqual(ok);
      await writes.forget("alice");
      expect((await one.send(patch({ title: "e" }, { version: 2 }))).code).toBe("CONFLICT");
      expect(await one.send(patch({ title: "e" }, { version: 4 }))).toEqual(ok);
    });

    it.skipIf(!target.concurrent)("lets one of two win that write at once", async () => {
      const writes = writesWith(strategy);
      await device(writes, "zero").send(put({ title: "a" }));
      for (let version = 1; version < 10; version += 1) {
        const all = ["one", "two", "three"].map((name) =>
          device(writes, `${name} ${version}`).send(patch({ title: name }, { version })),
        );
        const codes = (await Promise.all(all)).map(({ code }) => code).toSorted();
        expect(codes).toEqual(["CONFLICT", "CONFLICT", "success"]);
        expect(await doc()).toMatchObject({ version: version + 1 });
      }
    });
  });

  describe("newest", () => {
    const at = (second: number, ms = 0) =>
      new Date(Date.UTC(2026, 0, 2, 3, 4, second, ms)).toISOString();

    it("keeps the row that is newer, and tells the client nothing", async () => {
      const writes = writesWith({ newest: "updated_at" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      expect(await one.send(put({ title: "a", updated_at: at(5) }))).toEqual(ok);
      expect(await two.send(patch({ title: "late", updated_at: at(4) }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "a", updated_at: at(5) });
      expect(await two.send(patch({ title: "b", updated_at: at(6) }))).toEqual(ok);
      expect(await one.send(put({ title: "c", updated_at: at(5) }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "b", updated_at: at(6) });
      expect(kept).toEqual([
        ["PATCH", "docs", "d"],
        ["PUT", "docs", "d"],
      ]);
      expect(await one.send(put({ title: "c", updated_at: at(7) }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "c", updated_at: at(7) });
      expect(await one.send(del())).toEqual(ok);
      expect(await doc()).toBeUndefined();
      expect(kept).toHaveLength(2);
    });

    it("takes no write without a stamp", async () => {
      const writes = writesWith({ newest: "updated_at" });
      const one = device(writes, "one");
      const missing = { code: "CONFLICT_BASE_MISSING", details: { column: "updated_at" } };
      await one.send(put({ title: "a", updated_at: at(5) }));
      expect(await one.send(patch({ title: "b" }))).toEqual(missing);
      expect(await one.send(put({ title: "b" }))).toEqual(missing);
      // Made within one step of the device's clock: the stamp is what it was.
      expect(await one.send(patch({ title: "b" }, { updated_at: at(5) }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "b" });
      expect((await one.send(patch({ title: "c" }, { updated_at: at(4) }))).code).toBe("CONFLICT");
    });

    it("takes the future for now", async () => {
      const writes = writesWith({ newest: "updated_at" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", updated_at: "2099-01-01T00:00:00Z" }));
      const [row] = await opened.rows("docs");
      expect(Date.parse(String(row?.["updated_at"]))).toBeLessThan(Date.now() + 60_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await two.send(patch({ title: "b", updated_at: new Date().toISOString() }))).toEqual(
        ok,
      );
      expect(await doc()).toMatchObject({ title: "b" });
      expect((await two.send(patch({ title: "c", updated_at: "soon" }))).code).toBe("INVALID_DATA");
    });

    it("takes milliseconds for a stamp", async () => {
      const writes = writesWith({ newest: "clicked_at" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", clicked_at: 2_000 }));
      await two.send(patch({ title: "late", clicked_at: 999 }));
      expect(await doc()).toMatchObject({ title: "a" });
      await two.send(patch({ title: "b", clicked_at: 8_000_000_000_000 }));
      expect(Number((await doc())?.["clicked_at"])).toBeLessThan(Date.now() + 60_000);
    });

    it("decides for each column that has a stamp of its own", async () => {
      const writes = writesWith({ newest: { title: "title_at", body: "body_at" } });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", title_at: at(1), body: "x", body_at: at(1) }));
      expect(await one.send(patch({ title: "one", title_at: at(5) }))).toEqual(ok);
      const both = { title: "two", title_at: at(4), body: "two", body_at: at(4) };
      expect(await two.send(patch({ ...both, quantity: 7 }))).toEqual(ok);
      expect(await doc()).toMatchObject({
        title: "one",
        title_at: at(5),
        body: "two",
        body_at: at(4),
        quantity: 7,
      });
      expect(await two.send(put({ ...both, title_at: at(6), body_at: at(3) }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "two", title_at: at(6), body_at: at(4) });
      expect(await two.send(patch({ title: "x" }))).toEqual({
        code: "CONFLICT_BASE_MISSING",
        details: { column: "title_at" },
      });
      // Set anew to what it was on the device: that is what it meant by then.
      expect(await one.send(patch({ title_at: at(7) }, { title: "mine" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "mine", title_at: at(7) });
      expect((await one.send(patch({ title_at: at(8) }))).code).toBe("CONFLICT_BASE_MISSING");
    });

    it("rounds a stamp as its column does before it compares", async () => {
      const writes = writesWith({ newest: "updated_at" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", updated_at: at(5, 200) }));
      const finer = at(5, 200).replace(".200Z", ".2000001Z");
      expect(await two.send(patch({ title: "b", updated_at: finer }))).toEqual(ok);
      expect(await one.send(patch({ title: "c", updated_at: at(5, 200) }))).toEqual(ok);
    });
  });

  describe("add", () => {
    it("adds the difference, once", async () => {
      const writes = writesWith({ add: ["quantity", "price", "weight"] });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", quantity: 10, price: 1.1, weight: 1.5 }));
      const minus = [one.entry(patch({ quantity: 7 }, { quantity: 10 }))];
      for (const crud of [minus, minus, minus]) expect(await one.sendAll(crud)).toEqual(ok);
      expect(
        await two.send(patch({ quantity: 15, price: "1.30" }, { quantity: 10, price: "1.10" })),
      ).toEqual(ok);
      expect(await one.send(patch({ price: 1.0, weight: 2 }, { price: 1.1, weight: 1.5 }))).toEqual(
        ok,
      );
      expect(await doc()).toMatchObject({ quantity: 12, price: 1.2, weight: 2 });
      expect(await one.send(patch({ quantity: 3 }, { quantity: null }))).toEqual(ok);
      expect(await one.send(patch({ quantity: null }, { quantity: 5 }))).toEqual(ok);
      expect(await doc()).toMatchObject({ quantity: 10 });
    });

    // A decimal of MongoDB's has no scale.
    it.skipIf(isMongo(target))("rounds both as the column does", async () => {
      const writes = writesWith({ add: ["price"] });
      const one = device(writes, "one");
      await one.send(put({ price: 0 }));
      for (let count = 0; count < 10; count += 1)
        await one.send(patch({ price: "0.1000000000000001" }, { price: 0 }));
      expect(await doc()).toMatchObject({ price: 1 });
    });

    it("refuses what leads beyond a bound, and not what leads back", async () => {
      const writes = writesWith({ add: { quantity: { min: 0, max: 20 } } });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ quantity: 5 }));
      expect(await one.send(patch({ quantity: 2 }, { quantity: 5 }))).toEqual(ok);
      const refused = await two.send(patch({ quantity: 1 }, { quantity: 5 }));
      expect(refused).toMatchObject({ code: "CONFLICT", details: { theirs: { quantity: 2 } } });
      expect((await two.send(patch({ quantity: 24 }, { quantity: 5 }))).code).toBe("CONFLICT");
      expect(await two.send(patch({ quantity: 23 }, { quantity: 5 }))).toEqual(ok);
      await opened.update("d", { quantity: -5 });
      expect(await two.send(patch({ quantity: 6 }, { quantity: 5 }))).toEqual(ok);
      expect((await two.send(patch({ quantity: 4 }, { quantity: 5 }))).code).toBe("CONFLICT");
      expect(await doc()).toMatchObject({ quantity: -4 });
    });

    it("asks for a base", async () => {
      const writes = writesWith({ add: ["quantity"] });
      const one = device(writes, "one");
      const missing = { code: "CONFLICT_BASE_MISSING", details: { column: "quantity" } };
      await one.send(put({ quantity: 5 }));
      expect(await one.send(patch({ quantity: 4 }))).toEqual(missing);
      expect(await one.send(put({ quantity: 4 }))).toEqual(missing);
      expect(await one.send(put({ quantity: 4 }, { quantity: 5 }))).toEqual(ok);
      expect(await one.send(put({ title: "b" }))).toEqual(ok);
      expect(await one.send(patch({ title: "c" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ quantity: 4, title: "c" });
      expect(await one.send(del())).toEqual(ok);
    });

    it("refuses what the column does not hold", async () => {
      const writes = writesWith({ add: ["quantity"] });
      const one = device(writes, "one");
      await one.send(put({ quantity: 2_000_000_000 }));
      const { code } = await one.send(patch({ quantity: 2_000_000_000 }, { quantity: 0 }));
      // SQLite's INTEGER has 64 bits.
      expect(code).toBe(target.name.startsWith("SQLite") ? "success" : "INVALID_DATA");
    });

    it.skipIf(!target.concurrent)("loses none of many that come at once", async () => {
      const writes = writesWith({ add: ["quantity"] });
      await device(writes, "zero").send(put({ quantity: 0 }));
      const all = Array.from({ length: 20 }, async (_, index) => {
        const one = device(writes, `device ${index}`);
        for (;;) {
          const result = await one.send(patch({ quantity: 3 }, { quantity: 1 }));
          // MongoDB refuses who meets another's write, and does not have it wait: some are left to the device.
          if (!isMongo(target) || result.code !== "retryable_error") return result;
        }
      });
      expect(await Promise.all(all)).toEqual(all.map(() => ok));
      expect(await doc()).toMatchObject({ quantity: 40 });
    });
  });

  describe("union, greatest and least", () => {
    const strategy: Conflict = { union: ["tags"], greatest: ["high"], least: ["low"] };

    it("merges what every device has sent", async () => {
      const writes = writesWith(strategy);
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ tags: ["a", "b"], high: 5, low: "5.50" }));
      await two.send(patch({ tags: ["b", "c", "c", 1], high: 9, low: "9.50" }));
      await one.send(patch({ tags: '["a","d"]', high: 7, low: "1.25" }));
      await two.send(put({ tags: [], high: 3, low: "10.00" }));
      expect(await doc()).toMatchObject({ tags: ["a", "b", "c", 1, "d"], high: 9, low: 1.25 });
      await two.send(put({ title: "x" }), patch({ tags: null, high: null, low: null }));
      expect(await doc()).toMatchObject({ tags: ["a", "b", "c", 1, "d"], high: 9, low: 1.25 });
      expect((await two.send(patch({ tags: { a: 1 } }))).code).toBe("INVALID_DATA");
      expect((await two.send(patch({ tags: [["a"]] }))).code).toBe("INVALID_DATA");
      expect(await two.send(del())).toEqual(ok);
    });

    it("begins with nothing", async () => {
      await opened.insert({ id: "d", owner_id: "alice" });
      const one = device(writesWith(strategy), "one");
      await one.send(patch({ tags: ["a", "ä"], high: -1, low: -1 }));
      await one.send(patch({ tags: ["A", "a", true, "true", "1", 1], high: -2, low: 0 }));
      expect(await doc()).toMatchObject({
        tags: ["a", "ä", "A", true, "true", "1", 1],
        high: -1,
        low: -1,
      });
    });
  });

  describe("changed", () => {
    it("rejects where any column has changed that the device tracks", async () => {
      const writes = writesWith({ changed: "reject" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", body: "x" }));
      expect(await one.send(patch({ title: "b" }, { title: "a", body: "x" }))).toEqual(ok);
      expect(await one.send(patch({ body: "y" }, { title: "b", body: "x" }))).toEqual(ok);
      expect(await two.send(patch({ body: "z" }, { title: "a", body: "x" }))).toEqual({
        code: "CONFLICT",
        details: {
          base: { title: "a", body: "x" },
          theirs: { title: "b", body: "y" },
          yours: { body: "z" },
        },
      });
      expect((await two.send(patch({ quantity: 1 }, { title: "a", quantity: null }))).code).toBe(
        "CONFLICT",
      );
      expect(await two.send(patch({ quantity: 1 }, { title: "b", quantity: null }))).toEqual(ok);
      expect((await two.send(del({ title: "a" }))).code).toBe("CONFLICT");
      expect(await two.send(del({ title: "b", body: "y" }))).toEqual(ok);
    });

    it("merges columns that only one has changed", async () => {
      const writes = writesWith({ changed: "merge" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a", body: "x" }));
      expect(await one.send(patch({ title: "b" }, { title: "a", body: "x" }))).toEqual(ok);
      expect(await two.send(patch({ body: "y" }, { title: "a", body: "x" }))).toEqual(ok);
      // Both to the same value.
      expect(await two.send(patch({ title: "b" }, { title: "a", body: "x" }))).toEqual(ok);
      expect((await two.send(patch({ title: "c" }, { title: "a" }))).code).toBe("CONFLICT");
      expect(await doc()).toMatchObject({ title: "b", body: "y" });
      expect((await two.send(del({ title: "a", body: "y" }))).code).toBe("CONFLICT");
    });

    it.each(["reject", "merge"] as const)("asks for a base: %s", async (changed) => {
      const writes = writesWith({ changed });
      const one = device(writes, "one");
      await one.send(put({ title: "a" }));
      expect(await one.send(patch({ title: "b" }))).toEqual({
        code: "CONFLICT_BASE_MISSING",
        details: { column: "title" },
      });
      expect(await one.send(del())).toEqual({ code: "CONFLICT_BASE_MISSING" });
      expect((await one.send(put({ title: "b" }))).code).toBe("CONFLICT_BASE_MISSING");
      expect(await one.send(put({ title: "b" }, { title: "a" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "b" });
    });

    it.each(["reject", "merge"] as const)(
      "asks nothing of what clients don't send: %s",
      async (changed) => {
        const rule: Rule = {
          owner: "owner_id",
          insertOnly: ["secret"],
          set: { high: () => 1 },
          setOnInsert: { low: () => 2 },
        };
        const writes = writesWith({ changed, union: ["tags"] }, rule);
        const one = device(writes, "one");
        await one.send(put({ title: "a", secret: "s", tags: ["x"] }));
        await opened.update("d", { low: 9, high: 9, tags: '["y"]' });
        const was = { title: "a", secret: "s", tags: '["x"]', high: 1, low: 2, owner_id: "alice" };
        expect(await one.send(put({ title: "b", secret: "s" }, was))).toEqual(ok);
        expect(await one.send(patch({ tags: ["z"] }, { ...was, title: "b" }))).toEqual(ok);
        expect((await one.send(put({ title: "c" }, was))).code).toBe("CONFLICT");
        expect((await one.send(put({ title: "c", body: "x" }, { title: "b" }))).code).toBe(
          "CONFLICT_BASE_MISSING",
        );
        expect(await doc()).toMatchObject({
          title: "b",
          secret: "s",
          high: 1,
          low: 9,
          tags: ["y", "z"],
        });
      },
    );

    it("takes a float for what it is", async () => {
      const writes = writesWith({ changed: "merge" });
      const one = device(writes, "one");
      await one.send(put({ ratio: 0.1 }));
      expect(await one.send(patch({ ratio: 0.2 }, { ratio: 0.1 }))).toEqual(ok);
      expect((await one.send(patch({ ratio: 0.3 }, { ratio: 0.1 }))).code).toBe("CONFLICT");
    });

    it.skipIf(isMongo(target))("compares what the column keeps", async () => {
      const writes = writesWith({ changed: "merge" });
      const one = device(writes, "one");
      await one.send(
        put({
          price: "1.239",
          updated_at: "2026-01-02T03:04:05.6789Z",
          tags: { b: [1, 2], a: "ä" },
          weight: 0.1,
        }),
      );
      const was = {
        price: "1.2390001",
        updated_at: "2026-01-02T03:04:05.6788Z",
        tags: target.name === "MariaDB" ? { b: [1, 2], a: "ä" } : '{"a":"ä","b":[1,2]}',
        weight: 0.1,
      };
      const edit = { price: 2, updated_at: "2026-01-03T00:00:00Z", tags: [], weight: 0.2 };
      // SQLite keeps what it is given.
      const differs = target.name.startsWith("SQLite");
      expect((await one.send(patch(edit, was))).code).toBe(differs ? "CONFLICT" : "success");
    });
  });

  describe("record", () => {
    it("writes down what has lost, and goes on", async () => {
      const writes = writesWith({ version: "version", record: "lost" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a" }));
      await two.send(patch({ title: "two" }, { version: 1, title: "a" }));
      const late = [
        one.entry(patch({ title: "one" }, { version: 1, title: "a" })),
        one.entry({ ...put({ title: "other" }), id: "e" }),
      ];
      for (const crud of [late, late]) expect(await one.sendAll(crud)).toEqual(ok);
      expect(kept).toEqual([["PATCH", "docs", "d"]]);
      expect(await opened.rows("docs")).toMatchObject([
        { id: "d", title: "two", version: 2 },
        { id: "e", title: "other" },
      ]);
      expect(await opened.rows("lost")).toMatchObject([
        {
          table_name: "docs",
          row_id: "d",
          user_id: "alice",
          client_id: "one",
          operation: "PATCH",
          base: { title: "a", version: 1 },
          theirs: { title: "two" },
          yours: { title: "one" },
        },
      ]);
      expect((await one.send(patch({ title: "x" }))).code).toBe("CONFLICT_BASE_MISSING");
      expect(await one.send(del({ version: 1 }))).toEqual(ok);
      expect(await opened.rows("lost")).toHaveLength(2);
    });

    it("writes down what an earlier stamp has lost", async () => {
      const stamps = { title: "title_at", body: "body_at" };
      const writes = writesWith({ newest: stamps, record: "lost" });
      const one = device(writes, "one");
      const [early, later] = ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"];
      await one.send(put({ title: "a", title_at: later, body: "x", body_at: early }));
      await one.send(patch({ title: "b", title_at: early, body: "y", body_at: later }));
      expect(await doc()).toMatchObject({ title: "a", body: "y" });
      const [lost, ...others] = await opened.rows("lost");
      expect(lost?.["yours"]).toEqual({ title: "b" });
      expect(others).toEqual([]);
      await opened.reset();
      const row = device(writesWith({ newest: "updated_at", record: "lost" }), "one");
      await row.send(put({ title: "a", updated_at: later }));
      await row.send(patch({ title: "b", updated_at: early }));
      expect(await opened.rows("lost")).toMatchObject([{ yours: { title: "b" } }]);
    });

    it("keeps on the device what can't be recorded", async () => {
      const writes = writesWith({ changed: "merge", record: "missing" });
      const one = device(writes, "one");
      await one.send(put({ title: "a" }));
      expect((await one.send(patch({ title: "b" }, { title: "x" }))).code).toBe("retryable_error");
    });
  });

  describe("resolve", () => {
    it("is asked about what others have changed", async () => {
      const asked: unknown[] = [];
      const writes = writesWith({
        changed: "merge",
        resolve: (conflict, { principal }) => {
          asked.push({ ...conflict, theirs: conflict.theirs["title"], by: principal.userId });
          const { theirs, yours } = conflict;
          if (yours["title"] === "mine") return "yours";
          if (yours["title"] === "no") throw fatal("NO", "No.");
          if (yours["title"] === "theirs") return "theirs";
          return { title: `${String(theirs["title"])} & ${String(yours["title"])}` };
        },
      });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a" }));
      await one.send(patch({ title: "b" }, { title: "a" }));
      expect(asked).toEqual([]);
      expect(await two.send(patch({ title: "c" }, { title: "a" }))).toEqual(ok);
      expect(asked).toEqual([
        {
          base: { title: "a" },
          theirs: "b",
          yours: { title: "c" },
          operation: "PATCH",
          by: "alice",
        },
      ]);
      expect(await doc()).toMatchObject({ title: "b & c" });
      expect(kept).toEqual([]);
      expect(await two.send(patch({ title: "theirs" }, { title: "a" }))).toEqual(ok);
      expect(kept).toEqual([["PATCH", "docs", "d"]]);
      expect((await two.send(patch({ title: "no" }, { title: "a" }))).code).toBe("NO");
      expect(await doc()).toMatchObject({ title: "b & c" });
      expect(await two.send(patch({ title: "mine" }, { title: "a" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "mine" });
    });

    it("decides alone about every write to a row that is there", async () => {
      const writes = writesWith({
        resolve: ({ theirs, operation }) => {
          if (theirs["title"] === "shipped") return fatal("LOCKED", "It has been shipped.");
          return operation === "DELETE" ? { title: "cancelled" } : "yours";
        },
      });
      const one = device(writes, "one");
      expect(await one.send(put({ title: "new" }))).toEqual(ok);
      expect(await one.send(del())).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "cancelled" });
      expect(await one.send(put({ title: "shipped", body: "x" }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "shipped", body: "x" });
      expect(await one.send(patch({ title: "y" }))).toEqual({ code: "LOCKED" });
      expect((await one.send(del())).code).toBe("LOCKED");
      const bob = device(writes, "two", { userId: "bob" });
      expect((await bob.send(patch({ title: "y" }))).code).toBe("UNAUTHORIZED");
    });

    it("makes the next version, and leaves others' mistakes on the device", async () => {
      let given: unknown = "yours";
      const writes = writesWith({ version: "version", resolve: () => given as "yours" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a" }));
      await two.send(patch({ title: "b" }, { version: 1 }));
      expect(await one.send(patch({ title: "c" }, { version: 1 }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "c", version: 3 });
      given = { owner_id: "bob" };
      expect((await two.send(patch({ title: "d" }, { version: 1 }))).code).toBe("UNAUTHORIZED");
      for (const wrong of [undefined, 1, "mine", []]) {
        given = wrong;
        expect((await two.send(patch({ title: "d" }, { version: 1 }))).code).toBe(
          "retryable_error",
        );
      }
      given = "yours";
      expect(await two.send(del({ version: 1 }))).toEqual(ok);
      expect(await doc()).toBeUndefined();
    });
  });

  describe("a dead letter of a conflict", () => {
    it("is applied with what depends on it, as the queue's own", async () => {
      const { database } = opened;
      const tables = (docs: Partial<Rule>) => ({
        authenticate: byName,
        database,
        logger: false as const,
        tables: { docs: { ...base, conflict: { version: "version" }, ...docs } },
      });
      const strict = createWrites<Principal, ConflictSchema>(tables({ operations: ["PATCH"] }));
      const writes = createWrites<Principal, ConflictSchema>(tables({}));
      const one = device(strict, "one");
      expect((await one.send(put({ title: "a" }))).code).toBe("FORBIDDEN_OPERATION");
      const edit = await one.send(patch({ title: "b" }, { version: null }));
      expect(edit.code).toBe("DEPENDS_ON_DEAD_LETTER");
      const { letters } = await writes.deadLetters.list();
      const root = letters.find(({ errorCode }) => errorCode === "FORBIDDEN_OPERATION");
      expect(await writes.deadLetters.retry(root?.id ?? "")).toMatchObject({ status: "retried" });
      expect(await doc()).toMatchObject({ title: "b", version: 2 });
      const later = device(writes, "one");
      expect(await later.send(patch({ title: "c" }, { version: null }))).toEqual(ok);
      expect(await doc()).toMatchObject({ title: "c", version: 3 });
    });

    it("conflicts again, whatever force says, until it names a new base", async () => {
      const writes = writesWith({ version: "version" });
      const [one, two] = [device(writes, "one"), device(writes, "two")];
      await one.send(put({ title: "a" }));
      await two.send(patch({ title: "b" }, { version: 1 }));
      await one.send(patch({ title: "c" }, { version: 1 }));
      const { letters } = await writes.deadLetters.list();
      const [letter] = letters;
      expect(letter).toMatchObject({ errorCode: "CONFLICT" });
      const id = letter?.id ?? "";
      const again = await writes.deadLetters.retry(id);
      expect(again).toMatchObject({ status: "failed", errorCode: "CONFLICT" });
      expect(await writes.deadLetters.retry(id, { force: true })).toMatchObject({
        status: "failed",
        errorCode: "CONFLICT",
      });
      const edited = {
        crud: [
          {
            op: "PATCH",
            table: "docs",
            id: "d",
            op_data: { title: "c" },
            previous_values: { version: 2 },
          },
        ],
      };
      await writes.deadLetters.edit(id, edited);
      expect(await writes.deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect(await doc()).toMatchObject({ title: "c", version: 3 });
      // What has been edited is not the queue's own.
      expect((await one.send(patch({ title: "y" }, { version: 2 }))).code).toBe("CONFLICT");
      expect((await two.send(patch({ title: "x" }, { version: 2 }))).code).toBe("CONFLICT");
    });
  });
}
