/** Readings of the schema: who waits for one, who shares it, and what is believed of an older one. */
import {
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { describe, expect, it } from "vitest";
import type { Dialect } from "../../src/sql/dialect.js";
import type { SqlDatabase, SqlTransaction } from "../../src/sql/table.js";
import { createSchemaCache } from "../../src/sql/schema.js";
import type { Column, SchemaTrust } from "../../src/store/tables.js";

const column = (name: string): Column => ({
  name,
  type: "text",
  array: false,
  nullable: true,
  hasDefault: false,
  generated: false,
});

/** FAKE database: each reading waits until it is told what the table's columns are. */
function given({ severalRoles = false } = {}) {
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (each) => new SqliteIntrospector(each),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }) as unknown as SqlDatabase;
  const open: { answer: (columns: string) => void; fail: (error: Error) => void }[] = [];
  let begun = 0;
  const readColumns = () =>
    new Promise<readonly Column[]>((resolve, reject) => {
      begun += 1;
      open.push({
        answer: (columns) => resolve(columns.split(" ").filter(Boolean).map(column)),
        fail: reject,
      });
    });
  const { read: tableOf } = createSchemaCache(severalRoles).tablesOf(db, {
    readColumns,
  } as unknown as Dialect);
  /** @param begunAt when the asker's transaction began */
  const ask = async (columns: string, since: number, begunAt: number, trust: object = {}) => {
    const asked: SchemaTrust = { since, ...trust };
    const tx = db as unknown as SqlTransaction;
    const table = await tableOf(tx, "t", columns.split(" ").filter(Boolean), asked, begunAt);
    return table && [...table.columns.keys()].join(" ");
  };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
  return { ask, open, begun: () => begun, settled };
}

describe("a reading of the schema", () => {
  it("is one at a time, and those who have come meanwhile share the next", async () => {
    const { ask, open, begun, settled } = given();
    const first = ask("a", 1, 1);
    const others = [2, 3, 4, 5].map((since) => ask("b", since, since));
    await settled();
    expect(begun()).toBe(1);
    open[0]?.answer("a");
    expect(await first).toBe("a");
    await settled();
    expect(begun()).toBe(2);
    open[1]?.answer("a b");
    expect(await Promise.all(others)).toEqual(["a b", "a b", "a b", "a b"]);
    expect(begun()).toBe(2);
  });

  it("is shared by all who came before its transaction began", async () => {
    const { ask, open, begun, settled } = given();
    const asked = [1, 2, 3].map((since) => ask("a", since, 5));
    await settled();
    open[0]?.answer("a");
    expect(await Promise.all(asked)).toEqual(["a", "a", "a"]);
    expect(await ask("nowhere", 5, 9)).toBe("a");
    expect(begun()).toBe(1);
  });

  it("is used for five minutes", async () => {
    const { ask, open, begun, settled } = given();
    const first = ask("a", 1, 1);
    open[0]?.answer("a");
    await first;
    expect(await ask("a", 300_001, 300_001)).toBe("a");
    const late = ask("a", 300_002, 300_002);
    await settled();
    open[1]?.answer("a b");
    expect(await late).toBe("a b");
    expect(begun()).toBe(2);
  });

  it("that is older than the request refuses nothing", async () => {
    const { ask, open, begun, settled } = given();
    const first = ask("a", 1, 1);
    open[0]?.answer("a");
    await first;
    expect(await ask("a", 7, 7)).toBe("a");
    const missing = ask("b", 7, 7);
    await settled();
    expect(begun()).toBe(2);
    open[1]?.answer("a b");
    expect(await missing).toBe("a b");
  });

  it("that fails is nobody else's failure", async () => {
    const { ask, open, settled } = given();
    const first = ask("a", 1, 1);
    const second = ask("a", 2, 2);
    first.catch(() => undefined);
    await settled();
    open[0]?.fail(new Error("cut off"));
    await expect(first).rejects.toThrow("cut off");
    await settled();
    open[1]?.answer("a");
    expect(await second).toBe("a");
  });

  it("of an older transaction takes no newer one's place", async () => {
    const { ask, open, settled } = given();
    const newer = ask("a", 9, 9);
    const older = ask("a", 3, 3, { anew: true });
    await settled();
    open[0]?.answer("a b");
    expect(await newer).toBe("a b");
    expect(await older).toBe("a b");
    const oldest = ask("c", 10, 4);
    await settled();
    open[1]?.answer("a c");
    expect(await oldest).toBe("a c");
    expect(await ask("b", 9, 9)).toBe("a b");
  });

  it("is entered where it is believed though it is older, and not believed where it must be new", async () => {
    const { ask, open, begun, settled } = given();
    const first = ask("a", 1, 1);
    open[0]?.answer("a");
    await first;
    const believed = new Map();
    await ask("a", 1, 1, { believed });
    expect([...believed.keys()]).toEqual([]);
    await ask("a", 2, 2, { believed });
    expect([...believed.keys()]).toEqual(["t"]);
    const anew = ask("a", 2, 2, { anew: true });
    await settled();
    expect(begun()).toBe(2);
    open[1]?.answer("a");
    await anew;
  });

  it("that finds no table is no reading for another role", async () => {
    const { ask, open, begun, settled } = given({ severalRoles: true });
    const asked = [ask("a", 1, 5), ask("a", 2, 6)];
    await settled();
    open[0]?.answer("");
    await settled();
    expect(begun()).toBe(2);
    open[1]?.answer("a");
    expect(await Promise.all(asked)).toEqual([undefined, "a"]);
  });
});
