/** Tables that take no plain upsert: keys that are deferrable, or not unique, rules, views. And rules that insert, and never change a row. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WritesConfig } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { itWhere } from "../support/it-where.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };
type Rule = WritesConfig<Caller, Schema>["tables"][string];

const columns = "owner_id varchar(40), body varchar(40), note varchar(40), size integer";
const stamps: Readonly<Record<string, readonly string[]>> = {
  postgres: [
    "create or replace function stamp() returns trigger language plpgsql as $$ begin new.note = 'stamped'; return new; end $$",
    "create trigger stamp before insert or update on items for each row execute function stamp()",
  ],
  sqlite: [
    "create trigger stamp after update on items when new.note is not 'stamped' begin update items set note = 'stamped' where id = new.id; end",
  ],
  mysql: ["create trigger stamp before update on items for each row set new.note = 'stamped'"],
};
const plain = [`create table items (id varchar(40) primary key, ${columns})`];

describe.each(dialects)("$name", (dialect) => {
  const { family } = dialect;
  const itOnPostgres = itWhere(family === "postgres");
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  const run = async (...statements: readonly string[]) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  };

  beforeAll(async () => {
    available = await dialect.available();
    if (!available) return;
    database = await dialect.open();
    db = database.db as unknown as Kysely<Schema>;
  });
  afterAll(async () => {
    if (available) await database.close();
  });
  beforeEach(async ({ skip }) => {
    skip(!available);
    await run(
      "drop view if exists live",
      "drop table if exists items",
      "drop table if exists audit",
    );
    await db.deleteFrom("powersync_dead_letters").execute();
  });

  const sending = (rule: Rule, user = "alice") => {
    const writes = createWrites<Caller, Schema>({
      authenticate: () => ({ userId: user }),
      database: db,
      tables: { items: rule },
      ledger: false,
      logger: false,
    });
    return async (...crud: readonly object[]) => {
      const result = await writes.processTransaction({ crud }, { principal: { userId: user } });
      return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
    };
  };
  const entry = (op: string, id: string, op_data?: object) => ({
    op,
    table: "items",
    id,
    ...(op_data && { op_data }),
  });
  const bodies = async (table = "items") =>
    (await db.selectFrom(table).select(["body"]).orderBy("body").execute()).map(({ body }) => body);

  describe.each([false, true])("with a trigger that stamps: %s", (stamped) => {
    const make = (...statements: readonly string[]) =>
      run(...statements, ...(stamped ? (stamps[family] ?? []) : []));

    /** What any table does, however it is made. */
    const asEver = async (rule: Rule, base = "items") => {
      const [send, sendAsBob] = [sending(rule), sending(rule, "bob")];
      expect(await send(entry("PUT", "a", { body: "one" }), entry("PUT", "b", { body: "b" }))).toBe(
        "success",
      );
      expect(await send(entry("PUT", "a", { body: "two" }), entry("PUT", "a", { size: 3 }))).toBe(
        "success",
      );
      expect(await bodies(base)).toEqual(["b", "two"]);
      expect(await send(entry("PATCH", "a", { body: "three" }))).toBe("success");
      expect(await sendAsBob(entry("PUT", "a", { body: "bob's" }))).toBe("UNAUTHORIZED");
      expect(await sendAsBob(entry("PATCH", "a", { body: "bob's" }))).toBe("UNAUTHORIZED");
      expect(await sendAsBob(entry("DELETE", "a"))).toBe("UNAUTHORIZED");
      expect(await bodies(base)).toEqual(["b", "three"]);
      expect(await send(entry("DELETE", "b"), entry("DELETE", "b"))).toBe("success");
      const puts = Array.from({ length: 6 }, (_, n) => send(entry("PUT", "new", { size: n })));
      expect(await Promise.all(puts)).toEqual(puts.map(() => "success"));
      expect(await send(entry("PUT", "new", { body: "new" }))).toBe("success");
      expect(await bodies(base)).toEqual(["new", "three"]);
    };

    it("a plain table", async () => {
      await make(...plain);
      await asEver({ owner: "owner_id" });
    });

    for (const deferred of ["immediate", "deferred"]) {
      itOnPostgres(`a deferrable key, initially ${deferred}`, async () => {
        await make(
          `create table items (id varchar(40) primary key deferrable initially ${deferred}, ${columns})`,
        );
        await asEver({ owner: "owner_id" });
      });
    }

    itOnPostgres("a key that is a part of a partitioned table's", async () => {
      await make(
        `create table items (id varchar(40), made date not null default '2026-01-01', ${columns}, primary key (id, made)) partition by range (made)`,
        "create table items_2026 partition of items for values from ('2026-01-01') to ('2027-01-01')",
        "create table items_2027 partition of items for values from ('2027-01-01') to ('2028-01-01')",
      );
      await asEver({ owner: "owner_id" });
    });

    itOnPostgres("rules that note what is done", async () => {
      await make(
        ...plain,
        "create table audit (id varchar(40), body varchar(40))",
        "create rule note_insert as on insert to items do also insert into audit values (new.id, new.body)",
        "create rule note_update as on update to items do also insert into audit values (new.id, new.body)",
      );
      await asEver({ owner: "owner_id" });
      expect(await bodies("audit")).toContain("three");
    });

    itOnPostgres("a view that is written by rules", async () => {
      await make(
        ...plain,
        "create view live as select * from items",
        "create rule live_insert as on insert to live do instead insert into items (id, owner_id, body, size) values (new.id, new.owner_id, new.body, new.size)",
        "create rule live_update as on update to live do instead update items set owner_id = new.owner_id, body = new.body, size = new.size where id = old.id",
        "create rule live_delete as on delete to live do instead delete from items where id = old.id",
      );
      await asEver({ owner: "owner_id", table: "live" });
    });

    itWhere(family !== "sqlite")("a simple view", async () => {
      await make(...plain, "create view live as select * from items");
      await asEver({ owner: "owner_id", table: "live" });
    });

    itWhere(family === "mysql")("a partitioned table", async () => {
      await make(
        `create table items (id varchar(40) primary key, ${columns}) partition by key (id) partitions 4`,
      );
      await asEver({ owner: "owner_id" });
    });

    itWhere(family !== "mysql")("a trigger that is younger than what has been read", async () => {
      await make(...plain);
      const [send, other] = [sending({ owner: "owner_id" }), sending({ owner: "owner_id" })];
      expect(await send(entry("PUT", "a", { body: "one", size: 5 }))).toBe("success");
      expect(await other(entry("PUT", "a", { size: 5 }))).toBe("success");
      await run(
        ...(family === "sqlite"
          ? [
              "create trigger a_keeps before update on items when new.size < old.size begin select raise(ignore); end",
            ]
          : [
              "create or replace function keeps() returns trigger language plpgsql as $$ begin if new.size < old.size then return null; end if; return new; end $$",
              "create trigger a_keeps before update on items for each row execute function keeps()",
            ]),
      );
      expect(await send(entry("PATCH", "a", { body: "two", size: 1 }))).toBe("success");
      expect(await other(entry("PUT", "a", { body: "two", size: 1 }))).toBe("success");
      expect(await sending({ owner: "owner_id" }, "bob")(entry("PATCH", "a", { size: 1 }))).toBe(
        "UNAUTHORIZED",
      );
      expect(await bodies()).toEqual(["one"]);
    });

    describe("a rule that never changes a row", () => {
      const owned = { owner: "owner_id", put: "insert" } as const;
      it.each([owned, { access: "everyone", put: "insert" } as const])("%j", async (rule) => {
        await make(...plain);
        const send = sending(rule);
        const first = { body: "One", size: 1 };
        expect(await send(entry("PUT", "a", first))).toBe("success");
        expect(await send(entry("PUT", "a", first), entry("PUT", "a", { size: 1 }))).toBe(
          "success",
        );
        for (const other of [{ body: "one" }, { size: 2 }, { size: null }, { ...first, note: "x" }])
          expect(await send(entry("PUT", "a", { ...first, ...other }))).toBe("UNIQUE_VIOLATION");
        expect(await bodies()).toEqual(["One"]);
        if ("owner" in rule)
          expect(await sending(rule, "bob")(entry("PUT", "a", first))).toBe("UNAUTHORIZED");
        const puts = Array.from({ length: 6 }, (_, n) =>
          send(entry("PUT", "new", { body: "new", size: n % 2 })),
        );
        const said = await Promise.all(puts);
        expect(said.toSorted()).toEqual([
          ...Array.from({ length: 3 }, () => "UNIQUE_VIOLATION"),
          ...Array.from({ length: 3 }, () => "success"),
        ]);
        expect(await send(entry("PATCH", "a", { body: "two" }))).toBe("success");
        expect(await bodies()).toEqual(["new", "two"]);
      });

      it("and another column that is taken", async () => {
        await make(`create table items (id varchar(40) primary key, ${columns}, unique (body))`);
        const send = sending(owned);
        expect(await send(entry("PUT", "a", { body: "x" }))).toBe("success");
        expect(await send(entry("PUT", "b", { body: "x" }))).toBe("UNIQUE_VIOLATION");
      });

      it("and columns that the server sets", async () => {
        await make(...plain);
        let number = 0;
        const send = sending({
          ...owned,
          set: { size: () => (number += 1) },
        });
        expect(await send(entry("PUT", "a", { body: "x" }))).toBe("success");
        expect(await send(entry("PUT", "a", { body: "x" }))).toBe("success");
        expect(await send(entry("PUT", "a", { body: "y" }))).toBe("UNIQUE_VIOLATION");
      });
    });
  });
});
