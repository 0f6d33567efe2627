/**
 * What others do between a statement that has found nothing and the look behind it, or between the look and the statement: nobody's write is lost, and
 * nobody is told that a row is somebody else's which is not. The second connection commits while the first waits for it, so no clock decides.
 */
import { type Kysely, type LogEvent, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type TableRule } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { itWhere } from "../support/it-where.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };

describe.each(dialects.filter(({ concurrent }) => concurrent))("$name", (dialect) => {
  const { family } = dialect;
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  /** What happens once, right behind the first statement that is like this. */
  let between: { readonly behind: RegExp; readonly work: () => Promise<unknown> } | undefined;
  let happened = false;

  const log = async ({ query }: LogEvent) => {
    if (between?.behind.test(query.sql) !== true) return;
    const { work } = between;
    between = undefined;
    await work();
    happened = true;
  };
  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open({ log });
    db = database.db as unknown as Kysely<Schema>;
    await sql
      .raw(
        "create table items (id varchar(40) primary key, owner_id varchar(40), body varchar(40), code varchar(40) unique)",
      )
      .execute(db);
  });
  afterAll(async () => {
    if (available) await database.close();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    between = undefined;
    happened = false;
    await db.deleteFrom("items").execute();
    await db.deleteFrom("powersync_dead_letters").execute();
  });

  const owned: TableRule<Caller, Schema> = { owner: "owner_id" };
  const send = async (
    entry: object,
    happens: typeof between,
    rule: TableRule<Caller, Schema> = owned,
  ) => {
    const writes = createWrites<Caller, Schema>({
      authenticate: () => ({ userId: "alice" }),
      database: db,
      tables: { items: rule },
      ledger: false,
      logger: false,
    });
    between = happens;
    const crud = [{ table: "items", id: "a", ...entry }];
    const result = await writes.processTransaction({ crud }, { principal: { userId: "alice" } });
    expect(happened).toBe(true);
    return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
  };
  const insert = (owner_id: string) => () =>
    db.insertInto("items").values({ id: "a", owner_id, body: "theirs" }).execute();
  const row = async () =>
    db.selectFrom("items").select(["owner_id", "body"]).where("id", "=", "a").executeTakeFirst();
  const patch = { op: "PATCH", op_data: { body: "new" } };
  const put = { op: "PUT", op_data: { body: "new" } };
  const remove = { op: "DELETE" };
  // The first statement that names the row: an UPDATE on Postgres, the look on MySQL.
  const first =
    family === "postgres" ? /^(update|delete from) "items"/ : /^select .* from `items`/s;

  it("a PATCH that has found no row, which comes then", async () => {
    const said = await send(patch, { behind: first, work: insert("alice") });
    // On MySQL the look alone has answered: the row came behind it, as if behind the whole transaction.
    expect([said, (await row())?.body]).toEqual([
      "success",
      family === "postgres" ? "new" : "theirs",
    ]);
  });

  it("a PATCH that has found no row, and somebody else's comes", async () => {
    const said = await send(patch, { behind: first, work: insert("bob") });
    expect(said).toBe(family === "postgres" ? "UNAUTHORIZED" : "success");
    expect(await row()).toEqual({ owner_id: "bob", body: "theirs" });
  });

  it("a DELETE that has found no row, which comes then", async () => {
    expect(await send(remove, { behind: first, work: insert("alice") })).toBe("success");
    expect((await row())?.body).toBe(family === "postgres" ? undefined : "theirs");
  });

  itWhere(family === "postgres")(
    "a PATCH that has found another's row, which becomes the caller's",
    async () => {
      await insert("bob")();
      const becomes = () => db.updateTable("items").set({ owner_id: "alice" }).execute();
      expect(await send(patch, { behind: first, work: becomes })).toBe("success");
      expect(await row()).toEqual({ owner_id: "alice", body: "new" });
    },
  );

  itWhere(family === "postgres")("a PATCH that has found another's row, which goes", async () => {
    await insert("bob")();
    const goes = () => db.deleteFrom("items").execute();
    expect(await send(patch, { behind: first, work: goes })).toBe("success");
    expect(await row()).toBeUndefined();
  });

  const look = /^\s*select .* from ["`]items["`]/s;
  it.each([
    ["the caller's", "alice", "success", { owner_id: "alice", body: "new" }],
    ["somebody else's", "bob", "UNAUTHORIZED", { owner_id: "bob", body: "theirs" }],
  ])(
    "a PUT that has looked and found no row, and %s comes",
    async (_whose, owner, answer, stored) => {
      // On Postgres an upsert looks by itself, but for a key that is deferrable.
      if (family === "postgres") {
        await sql.raw("alter table items drop constraint items_pkey").execute(db);
        await sql.raw("alter table items add primary key (id) deferrable").execute(db);
      }
      try {
        // The advisory lock keeps the library's own from coming in between, and nobody else.
        expect(await send(put, { behind: look, work: insert(owner) })).toBe(answer);
        expect(await row()).toEqual(stored);
      } finally {
        if (family === "postgres") {
          await sql.raw("alter table items drop constraint items_pkey").execute(db);
          await sql.raw("alter table items add primary key (id)").execute(db);
        }
      }
    },
  );

  it("a PUT that never changes a row, has found none, and one comes", async () => {
    const rule = { ...owned, put: "insert" } as const;
    expect(await send(put, { behind: look, work: insert("alice") }, rule)).toBe("UNIQUE_VIOLATION");
    expect((await row())?.body).toBe("theirs");
  });

  // Two shared locks on the account's row, each to be raised, would wait for each other.
  it("the first transactions of a new user's eight devices do not deadlock", async () => {
    const said: unknown[] = [];
    const tell = (...message: unknown[]) => void said.push(message.map(String));
    const writes = createWrites<Caller, Schema>({
      authenticate: () => ({ userId: "nobody" }),
      database: db,
      tables: { items: owned },
      logger: { error: tell, warn: tell, info: () => {}, debug: () => {} },
    });
    const first = (userId: string, device: number) => {
      const crud = [
        { op: "PUT", table: "items", id: `${userId} ${device}`, op_id: 1, op_data: {} },
      ];
      const principal = { userId };
      return writes.processTransaction({ crud }, { principal, clientId: `device ${device}` });
    };
    for (let user = 0; user < 10; user += 1) {
      const devices = Array.from({ length: 8 }, (_, device) => first(`user ${user}`, device));
      const results = await Promise.all(devices);
      expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["success"]));
    }
    expect(said).toEqual([]);
    expect(await db.selectFrom("items").select("id").execute()).toHaveLength(80);
  });
});
