/** Keys: with a part that is the caller's, repeated among the columns in other spellings, and respelled by the database. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type Principal,
  type SplitContext,
  type TransactionResult,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase, type TestDialect } from "../support/databases.js";

type Schema = Record<string, Record<string, unknown>>;
type Config = Partial<WritesConfig<Caller, Schema>>;

interface Caller extends Principal {
  readonly shop?: number;
}

const alice: Caller = { userId: "alice", shop: 1 };
const bob: Caller = { userId: "bob", shop: 2 };
const url = "https://example.com/a.b?c=d";
const small = "abcdefab-0000-4000-8000-00000000000a";
const capitals = small.toUpperCase();

const text = { postgres: "text", mysql: "varchar(80)", sqlite: "text" } as const;

function tablesOf({ family, uuids }: TestDialect): readonly string[] {
  const word = text[family];
  const uuid = uuids ? "uuid" : word;
  return [
    `create table bookmarks (user_id ${word} not null, url ${word} not null, title ${word} check (title <> 'bad'), primary key (user_id, url))`,
    `create table stock (shop integer not null, item ${uuid} not null, amount integer check (amount >= 0), primary key (shop, item))`,
    `create table labels (id ${uuid} primary key, name ${word})`,
    `create table notes (slug ${word}, owner_id ${word}, body ${word})`,
    `create table steps (plan integer not null, at ${family === "sqlite" ? "integer" : "bigint"} not null, name ${word}, primary key (plan, at))`,
  ];
}

const tables: WritesConfig<Caller, Schema>["tables"] = {
  bookmarks: {
    owner: "user_id",
    id: {
      columns: ["user_id", "url"],
      split: (id: string, { principal }: SplitContext<Caller>) => [principal.userId, id],
    },
  },
  stock: {
    access: "everyone",
    id: {
      columns: ["shop", "item"],
      split: (id: string, { principal: { shop } }: SplitContext<Caller>) => {
        if (shop === undefined) throw new Error("No shop.");
        return [shop, id];
      },
    },
  },
  labels: { access: "everyone" },
  /** Nothing makes the key unique. */
  notes: { owner: "owner_id", id: "slug" },
  steps: { access: "everyone", id: ["plan", "at"] },
  /** The caller's id in a column of numbers, and no `owner` that would say so first. */
  numbered: {
    access: "everyone",
    table: "steps",
    id: {
      columns: ["plan", "at"],
      split: (id: string, { principal }: SplitContext<Caller>) => [principal.userId, id],
    },
  },
  short: { access: "everyone", table: "steps", id: { columns: ["plan", "at"], split: () => [1] } },
};

const put = (table: string, id: string, data: object) => ({ op: "PUT", table, id, op_data: data });
const patch = (table: string, id: string, data: object) => ({
  ...put(table, id, data),
  op: "PATCH",
});

function said(result: TransactionResult): string {
  return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
}

describe.each(dialects)("on $name", (dialect) => {
  let database: TestDatabase | undefined;
  let db: Kysely<Schema>;
  let events: WriteEvent[] = [];
  let lastOp = 0;
  beforeAll(async () => {
    if (!(await dialect.available())) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
    for (const statement of tablesOf(dialect)) await sql.raw(statement).execute(db);
  });
  beforeEach(async ({ skip }) => {
    skip(database === undefined);
    events = [];
    const all = ["bookmarks", "stock", "labels", "notes", "steps"];
    for (const table of [...all, "powersync_letter_rows", "powersync_dead_letters"])
      await db.deleteFrom(table).execute();
  });
  afterAll(async () => database?.close());

  const open = (config: Config = {}) =>
    createWrites<Caller, Schema>({
      authenticate: () => alice,
      database: db,
      tables,
      logger: false,
      onEvent: (event) => void events.push(event),
      ...config,
    });
  const send = async (principal: Caller, crud: readonly object[], writes = open()) => {
    const entries = crud.map((entry) => ({ ...entry, op_id: (lastOp += 1) }));
    return said(
      await writes.processTransaction({ crud: entries }, { principal, clientId: principal.userId }),
    );
  };
  const rows = (table: string, by = "1") =>
    db.selectFrom(table).selectAll().orderBy(sql.raw(by)).execute();
  const mentions = (type: WriteEvent["type"]) => events.filter((event) => event.type === type);

  it("a part of a key may be the caller's", async () => {
    for (const caller of [alice, bob]) {
      expect(await send(caller, [put("bookmarks", url, { title: caller.userId })])).toBe("success");
    }
    expect(await send(bob, [patch("bookmarks", url, { title: "B" })])).toBe("success");
    expect(await rows("bookmarks")).toEqual([
      { user_id: "alice", url, title: "alice" },
      { user_id: "bob", url, title: "B" },
    ]);
    const seen: unknown[] = [];
    const looking = open({
      authorize: async (_write, { stored }) => void seen.push((await stored())?.["title"]),
    });
    const deletion = { op: "DELETE", table: "bookmarks", id: url };
    expect(await send(alice, [deletion], looking)).toBe("success");
    expect(seen).toEqual(["alice"]);
    expect(await rows("bookmarks")).toEqual([{ user_id: "bob", url, title: "B" }]);
    // The row that is gone is Alice's own, and no letter of hers would create it.
    expect(await send(alice, [patch("bookmarks", url, { title: "A" })])).toBe("success");
    expect(mentions("row_missing")).toHaveLength(1);
  });

  it.each(["PUT", "PATCH", "DELETE"])(
    "a %s by a key that several rows have changes none of somebody else's",
    async (op) => {
      const theirs = { slug: "a", owner_id: "bob", body: "theirs" };
      const looking = open({ hooks: { authorize: { before: (write) => write } } });
      for (const writes of [open(), looking]) {
        await db.deleteFrom("notes").execute();
        for (const owner_id of ["alice", "bob", "alice"])
          await db.insertInto("notes").values({ slug: "a", owner_id, body: "theirs" }).execute();
        const entry = {
          op,
          table: "notes",
          id: "a",
          ...(op !== "DELETE" && { op_data: { body: "mine" } }),
        };
        // The first makes the device known to the ledger.
        for (let time = 0; time < 3; time += 1) await send(alice, [entry], writes);
        expect(
          await db.selectFrom("notes").selectAll().where("owner_id", "=", "bob").execute(),
        ).toEqual([theirs]);
      }
    },
  );

  it("a client may send the key's columns, where they agree", async () => {
    const agreeing = { user_id: "alice", url, title: "A" };
    expect(await send(alice, [put("bookmarks", url, agreeing)])).toBe("success");
    for (const data of [{ user_id: "bob" }, { user_id: null }, { url: "another" }]) {
      expect(await send(alice, [put("bookmarks", url, { title: "A", ...data })])).toBe(
        "FORBIDDEN_COLUMN",
      );
    }
    expect(await rows("bookmarks")).toEqual([agreeing]);
  });

  it("what agrees is for the column to say", async () => {
    for (const [plan, at] of [
      [1, 7],
      ["1", "7"],
      ["+1", "07"],
      [1n, "7"],
    ]) {
      const [entry] = [put("steps", "1.7", { plan, at, name: "x" })];
      expect(await send(alice, [entry as object]), `${plan} ${at}`).toBe("success");
    }
    for (const at of [8, "7.5", "x", null, true]) {
      expect(await send(alice, [put("steps", "1.7", { at })]), String(at)).toBe("FORBIDDEN_COLUMN");
    }
    expect(await rows("steps")).toHaveLength(1);
    const expected = dialect.uuids ? "success" : "FORBIDDEN_COLUMN";
    expect(await send(alice, [put("labels", small, { id: capitals, name: "x" })])).toBe(expected);
    expect(await send(alice, [put("labels", small, { id: small, name: "x" })])).toBe("success");
    const other = small.replace("a", "b");
    expect(await send(alice, [put("labels", small, { id: other })])).toBe("FORBIDDEN_COLUMN");
  });

  it("a row id that comes back in another spelling is named once a table", async () => {
    const writes = open();
    expect(await send(alice, [put("labels", small, { name: "a" })], writes)).toBe("success");
    expect(mentions("row_id_respelled")).toEqual([]);
    for (let time = 0; time < 2; time += 1)
      expect(await send(alice, [put("labels", capitals, { name: "b" })], writes)).toBe("success");
    expect(await send(alice, [put("stock", capitals, { amount: 1 })], writes)).toBe("success");
    const named = { type: "row_id_respelled", id: capitals };
    expect(mentions("row_id_respelled")).toEqual(
      dialect.uuids
        ? [
            expect.objectContaining({ ...named, table: "labels", column: "id" }),
            expect.objectContaining({ ...named, table: "stock", column: "item" }),
          ]
        : [],
    );
    if (dialect.uuids) expect(await rows("labels")).toEqual([{ id: small, name: "b" }]);
  });

  it("a caller's id that does not fit its column is not the device's fault", async () => {
    expect(await send(alice, [put("numbered", "7", { name: "x" })])).toBe("retryable_error");
    expect(mentions("server_value")).toMatchObject([{ table: "steps", column: "plan" }]);
    // What the client spelled is its own.
    expect(await send({ userId: "7" }, [put("numbered", "x", {})])).toBe("INVALID_DATA");
    expect(await send({ userId: "7" }, [put("numbered", "8", {})])).toBe("success");
  });

  it("a split that throws is retryable, and one of too few values is INVALID_DATA", async () => {
    expect(await send({ userId: "carol" }, [put("stock", small, { amount: 1 })])).toBe(
      "retryable_error",
    );
    expect(await send(alice, [put("short", "x", { name: "x" })])).toBe("INVALID_DATA");
  });

  describe("in dead letters", () => {
    const letters = async (writes = open()) => (await writes.deadLetters.list()).letters;

    it("what needs a row that one would create is its dependant, and retried with it", async () => {
      const writes = open();
      expect(await send(alice, [put("stock", small, { amount: -1 })], writes)).toBe(
        "CHECK_VIOLATION",
      );
      expect(await send(bob, [put("stock", small, { amount: 5 })], writes)).toBe("success");
      // In another spelling.
      const spelled = dialect.uuids ? capitals : small;
      expect(await send(alice, [patch("stock", spelled, { amount: 3 })], writes)).toBe(
        "DEPENDS_ON_DEAD_LETTER",
      );
      const root = (await letters()).find((letter) => letter.root === undefined)?.id ?? "";
      const mended = { crud: [put("stock", small, { amount: 2 })] };
      expect(await writes.deadLetters.edit(root, mended)).toEqual({ status: "edited" });
      // The index has been made anew, with the same key.
      expect(await send(alice, [patch("stock", small, { amount: 4 })], writes)).toBe(
        "DEPENDS_ON_DEAD_LETTER",
      );
      expect(await writes.deadLetters.retry(root)).toMatchObject({
        status: "retried",
        dependants: { waiting: 0 },
      });
      const stock = (await rows("stock", "shop")).map(({ shop, amount }) =>
        [shop, amount].map(Number),
      );
      expect(stock).toEqual([
        [1, 4],
        [2, 5],
      ]);
    });

    it("a letter is stale when its sender's row has changed, and not when another's has", async () => {
      const writes = open();
      for (const caller of [alice, bob])
        expect(await send(caller, [put("bookmarks", url, { title: "good" })])).toBe("success");
      expect(await send(alice, [patch("bookmarks", url, { title: "bad" })])).toBe(
        "CHECK_VIOLATION",
      );
      const [{ id } = { id: "" }] = await letters();
      expect(await send(bob, [patch("bookmarks", url, { title: "new" })])).toBe("success");
      expect(await writes.deadLetters.retry(id)).toMatchObject({
        status: "failed",
        errorCode: "CHECK_VIOLATION",
      });
      expect(await send(alice, [patch("bookmarks", url, { title: "newer" })])).toBe("success");
      expect(await writes.deadLetters.retry(id)).toEqual({
        status: "stale",
        rows: [{ table: "bookmarks", id: url }],
      });
    });

    it("a PUT of the row by its sender overtakes the letter, and one by another does not", async () => {
      const writes = open();
      expect(await send(alice, [put("bookmarks", url, { title: "bad" })])).toBe("CHECK_VIOLATION");
      expect(await send(bob, [put("bookmarks", url, { title: "good" })])).toBe("success");
      expect(await letters()).toMatchObject([{ status: "open" }]);
      expect(await send(alice, [put("bookmarks", url, { title: "good" })])).toBe("success");
      expect(await letters()).toMatchObject([{ status: "stale" }]);
      const [{ id } = { id: "" }] = await letters();
      expect(await writes.deadLetters.retry(id)).toMatchObject({ status: "stale" });
    });

    it("where a letter does not keep its sender, `principal` says who it is", async () => {
      const writes = open({
        deadLetters: { keepPrincipal: false, principal: ({ userId }) => ({ userId, shop: 1 }) },
      });
      expect(await send(alice, [put("stock", small, { amount: -1 })], writes)).toBe(
        "CHECK_VIOLATION",
      );
      const [{ id } = { id: "" }] = await letters();
      const mended = { crud: [put("stock", small, { amount: 2 })] };
      expect(await writes.deadLetters.edit(id, mended)).toEqual({ status: "edited" });
      expect(await send(alice, [patch("stock", small, { amount: 3 })], writes)).toBe(
        "DEPENDS_ON_DEAD_LETTER",
      );
      // Nobody says which shop it is: the id alone is known, and `split` throws.
      const nameless = open({ deadLetters: { keepPrincipal: false } });
      expect(await nameless.deadLetters.edit(id, mended)).toEqual({ status: "edited" });
      expect(await send(alice, [patch("stock", small, { amount: 4 })], nameless)).toBe(
        "DEPENDS_ON_DEAD_LETTER",
      );
      expect(await writes.deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect(await rows("stock")).toHaveLength(1);
    });
  });
});
