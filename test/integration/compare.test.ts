/** `deadLetters.compare` on every database: what the device had, what is there now by the client's names, and what a letter would write. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dialects, type TestDatabase } from "../support/databases.js";
import { alice, badThing, from, patch, put, uuid, writesWithEvents } from "../support/letters.js";

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await dialect.open();
    });
    beforeEach(() => database.reset());
    afterAll(() => database.close());

    const tables = {
      things: {
        access: "everyone",
        columns: { weight: "size", big: true, seen: { column: "stock", readOnly: "ignore" } },
      },
    };

    it("shows base, theirs and yours by the client's names, with all digits", async () => {
      const { writes, letters } = writesWithEvents(database.db, { tables, logger: false });
      const big = 9007199254740993n;
      await database.db
        .insertInto("things")
        .values(database.given({ id: uuid(1), size: 7, big }) as never)
        .execute();
      await writes.processTransaction(
        from(
          "phone",
          1,
          {
            ...patch("things", uuid(1), { weight: -1, big: "9007199254740995" }),
            previous_values: { weight: 5 },
          },
          put("things", uuid(2), { weight: 1 }),
          put("nowhere", "x", { a: 1 }),
        ),
        alice,
      );
      const id = (await letters.list()).letters[0]?.id ?? "";
      const { operations, more } = (await letters.compare(id)) ?? { operations: [], more: -1 };
      expect(more).toBe(0);
      const [first, second, third] = operations;
      expect(first).toMatchObject({
        operationIndex: 0,
        op: "PATCH",
        table: "things",
        id: uuid(1),
        base: { weight: 5 },
        yours: { weight: -1, big: "9007199254740995" },
      });
      expect(Object.keys(first?.theirs ?? {}).toSorted()).toEqual(["big", "seen", "weight"]);
      expect(Number(first?.theirs?.["weight"])).toBe(7);
      expect(BigInt(first?.theirs?.["big"] as string)).toBe(big);
      expect(first?.columns?.map(({ name }) => name)).toEqual(["weight", "big"]);
      expect(second).toMatchObject({ theirs: null, yours: { weight: 1 } });
      expect(third).toEqual({
        operationIndex: 2,
        op: "PUT",
        table: "nowhere",
        id: "x",
        yours: { a: 1 },
      });
      expect(await letters.compare(uuid(9))).toBeUndefined();
    });

    it("leaves out rows that can't be read, and says how many operations are more", async () => {
      const { writes, letters } = writesWithEvents(database.db, { logger: false });
      const many = Array.from({ length: 60 }, (_, index) => badThing(uuid(index + 1)));
      await writes.processTransaction(
        from("phone", 1, put("things", "no uuid", {}), ...many),
        alice,
      );
      const id = (await letters.list()).letters[0]?.id ?? "";
      const compared = await letters.compare(id);
      expect(compared?.more).toBe(11);
      expect(compared?.operations).toHaveLength(50);
      // An id that no row can have; on databases without the type, it is looked for as the text it is.
      expect(compared?.operations[0]?.theirs ?? null).toBeNull();
      // It has changed nothing.
      expect((await letters.get(id))?.status).toBe("open");
      expect(await database.db.selectFrom("things").selectAll().execute()).toEqual([]);
    });
  });
}
