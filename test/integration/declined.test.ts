/** Writes of which a trigger or a rule of the database's own makes something else: they succeed, are sent once, and an event says so. What is foreign stays refused. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };
type Tables = WritesConfig<Caller, Schema>["tables"];

/** Statements by family, and by what is on the tables beside: a trigger that stamps each update is on nearly every table. */
interface Making {
  readonly postgres: readonly string[];
  readonly sqlite?: readonly string[];
}

const columns =
  "id varchar(40) primary key, owner_id varchar(40), list_id varchar(40), body varchar(40), version integer, deleted_at varchar(40), updated_at varchar(40)";
const tables = ["items", "archive", "circles"];
const fn = (body: string) =>
  `create function declining() returns trigger language plpgsql as $$ begin ${body} end $$`;
const trigger = (when: string) =>
  `create trigger a_declining ${when} on items for each row execute function declining()`;
const stamps: Readonly<Record<string, readonly string[]>> = {
  postgres: [
    "create function stamp() returns trigger language plpgsql as $$ begin new.updated_at = 'now'; return new; end $$",
    "create trigger stamp before insert or update on items for each row execute function stamp()",
  ],
  sqlite: [
    "create trigger stamp after update on items when new.updated_at is old.updated_at begin update items set updated_at = 'now' where id = new.id; end",
  ],
  mysql: ["create trigger stamp before update on items for each row set new.updated_at = 'now'"],
};

const trashThenPurge: Making = {
  postgres: [
    fn(
      "if old.deleted_at is null then update items set deleted_at = 'now' where id = old.id; return null; end if; return old;",
    ),
    trigger("before delete"),
  ],
  sqlite: [
    `create trigger a_declining before delete on items when old.deleted_at is null begin
      update items set deleted_at = 'now' where id = old.id; select raise(ignore); end`,
  ],
};
const softDelete: Making = {
  postgres: [
    fn("update items set deleted_at = 'now' where id = old.id; return null;"),
    trigger("before delete"),
  ],
  sqlite: [
    `create trigger a_declining before delete on items begin
      update items set deleted_at = 'now' where id = old.id; select raise(ignore); end`,
  ],
};
const softDeleteByRule: Making = {
  postgres: [
    "create rule a_declining as on delete to items do instead update items set deleted_at = 'now' where id = old.id",
  ],
};
const lastWriteWins: Making = {
  postgres: [
    fn("if new.version < old.version then return null; end if; return new;"),
    trigger("before update"),
  ],
  sqlite: [
    "create trigger a_declining before update on items when new.version < old.version begin select raise(ignore); end",
  ],
};
const routes: Making = {
  postgres: [
    fn(
      "insert into archive (id, owner_id, body) values (new.id, new.owner_id, new.body); return null;",
    ),
    trigger("before insert"),
  ],
  sqlite: [
    `create trigger a_declining before insert on items begin
      insert into archive (id, owner_id, body) values (new.id, new.owner_id, new.body); select raise(ignore); end`,
  ],
};
const disowns: Making = {
  postgres: [
    fn("update items set owner_id = 'trash' where id = old.id; return null;"),
    trigger("before delete"),
  ],
  sqlite: [
    `create trigger a_declining before delete on items begin
      update items set owner_id = 'trash' where id = old.id; select raise(ignore); end`,
  ],
};
const movesAway: Making = {
  postgres: [
    fn(
      "if new.deleted_at is not null then delete from items where id = new.id; insert into archive (id, body) values (new.id, new.body); end if; return null;",
    ),
    trigger("after update"),
  ],
};
const live = "create view live as select * from items where deleted_at is null";
const liveSqlite = [
  live,
  `create trigger live_insert instead of insert on live begin
    insert into items (id, owner_id, list_id, body, deleted_at) values (new.id, new.owner_id, new.list_id, new.body, new.deleted_at); end`,
  `create trigger live_update instead of update on live begin
    update items set owner_id = new.owner_id, list_id = new.list_id, body = new.body, deleted_at = new.deleted_at where id = old.id; end`,
  `create trigger live_delete instead of delete on live begin delete from items where id = old.id; end`,
];
const insteadOf: Making = {
  postgres: [
    live,
    `create function instead() returns trigger language plpgsql as $$ begin
      if tg_op = 'INSERT' then insert into items (id, owner_id, list_id, body, deleted_at) values (new.id, new.owner_id, new.list_id, new.body, new.deleted_at); return new; end if;
      if tg_op = 'UPDATE' then
        if new.body = 'refused' then return null; end if;
        update items set owner_id = new.owner_id, list_id = new.list_id, body = new.body, deleted_at = new.deleted_at where id = old.id; return new;
      end if;
      update items set deleted_at = 'now' where id = old.id; return old; end $$`,
    "create trigger instead instead of insert or update or delete on live for each row execute function instead()",
  ],
  sqlite: liveSqlite,
};

const rules: Readonly<Record<string, Tables>> = {
  owner: { items: { owner: "owner_id" } },
  belongsTo: { circles: { owner: "owner_id" }, items: { belongsTo: { list_id: "circles" } } },
  scope: {
    items: {
      scope: (eb, { principal }) =>
        eb.exists(
          eb
            .selectFrom("circles")
            .select("circles.id")
            .whereRef("circles.id", "=", "items.list_id")
            .where("circles.owner_id", "=", principal.userId),
        ),
    },
  },
  everyone: { items: { access: "everyone" } },
};
const on = (view: string, tables: Tables): Tables => ({
  ...tables,
  items: { ...tables["items"], table: view } as Tables[string],
});

describe.each(dialects)("$name", (dialect) => {
  const { family } = dialect;
  let database: TestDatabase;
  let db: Kysely<Schema>;
  let available = true;
  let events: WriteEvent[] = [];
  const run = async (statements: readonly string[]) => {
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
    await run(["drop view if exists live"]);
    for (const table of tables) await run([`drop table if exists ${table}`]);
    if (family === "postgres") {
      for (const each of ["declining", "stamp", "instead"])
        await run([`drop function if exists ${each}() cascade`]);
    }
    for (const table of tables) await run([`create table ${table} (${columns})`]);
    await db
      .insertInto("circles")
      .values([
        { id: "alices", owner_id: "alice" },
        { id: "bobs", owner_id: "bob" },
      ])
      .execute();
    await db
      .insertInto("items")
      .values([
        { id: "mine", owner_id: "alice", list_id: "alices", body: "old", version: 5 },
        { id: "bobs", owner_id: "bob", list_id: "bobs", body: "old", version: 5 },
      ])
      .execute();
    await db.deleteFrom("powersync_dead_letters").execute();
  });

  /** `success`, or the code; and what has been heard of rows. */
  const sending = (tables: Tables, given: Partial<WritesConfig<Caller, Schema>> = {}) => {
    const writes = createWrites<Caller, Schema>({
      authenticate: () => ({ userId: "alice" }),
      database: db,
      tables,
      ledger: false,
      logger: false,
      onEvent: (event) => void events.push(event),
      ...given,
    });
    return async (...crud: readonly object[]) => {
      events = [];
      const result = await writes.processTransaction({ crud }, { principal: { userId: "alice" } });
      const heard = events.flatMap((event) =>
        event.type === "row_declined" || event.type === "row_missing" ? [event.type] : [],
      );
      const said =
        result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
      return [said, ...heard];
    };
  };
  const entry = (op: string, id: string, op_data?: object) => ({
    op,
    table: "items",
    id,
    ...(op_data && { op_data }),
  });
  const put = (id: string, data: object) => entry("PUT", id, data);
  const patch = (id: string, data: object) => entry("PATCH", id, data);
  const remove = (id: string) => entry("DELETE", id);
  const row = async (id: string, table = "items") =>
    db
      .selectFrom(table)
      .select(["id", "owner_id", "body", "deleted_at"])
      .where("id", "=", id)
      .executeTakeFirst();

  describe.each([false, true])("with a trigger that stamps: %s", (stamped) => {
    const make = async (making: Making | readonly string[]) => {
      const statements = "postgres" in making ? making[family as keyof Making] : making;
      await run([...(stamped ? (stamps[family] ?? []) : []), ...(statements ?? [])]);
    };

    describe.each(family === "mysql" ? ["owner", "belongsTo"] : Object.keys(rules))(
      "%s",
      (kind) => {
        const given = rules[kind] ?? {};
        const guarded = kind !== "everyone";
        const itHas = (making: Making) =>
          (family === "mysql" ? undefined : making[family]) === undefined ? () => {} : it;

        itHas(trashThenPurge)("trash, then purge", async () => {
          await make(trashThenPurge);
          const send = sending(given);
          expect(await send(remove("mine"))).toEqual(["success", "row_declined"]);
          expect(await row("mine")).toMatchObject({ deleted_at: "now" });
          expect(await send(remove("mine"))).toEqual(["success"]);
          expect(await row("mine")).toBeUndefined();
          expect(await send(remove("mine"))).toEqual(["success", "row_missing"]);
          if (guarded) expect(await send(remove("bobs"))).toEqual(["UNAUTHORIZED"]);
          expect(await row("bobs")).toMatchObject({ deleted_at: guarded ? null : null });
        });

        for (const [name, making] of Object.entries({ softDelete, softDeleteByRule })) {
          itHas(making)(name, async () => {
            await make(making);
            const send = sending(given);
            for (let time = 0; time < 2; time += 1) {
              expect(await send(patch("mine", { body: "new" }), remove("mine"))).toEqual([
                "success",
                "row_declined",
              ]);
            }
            expect(await row("mine")).toMatchObject({ body: "new", deleted_at: "now" });
            if (guarded) expect(await send(remove("bobs"))).toEqual(["UNAUTHORIZED"]);
            expect(await row("bobs")).toMatchObject({ deleted_at: null });
            expect(await send(remove("nobody's"))).toEqual(["success", "row_missing"]);
          });
        }

        itHas(lastWriteWins)("last write wins", async () => {
          await make(lastWriteWins);
          const send = sending(given);
          const stale = { body: "stale", version: 4, list_id: "alices" };
          expect(await send(patch("mine", stale))).toEqual(["success", "row_declined"]);
          expect(await send(put("mine", stale))).toEqual(["success", "row_declined"]);
          expect(await send(patch("mine", stale), put("mine", stale))).toEqual([
            "success",
            "row_declined",
            "row_declined",
          ]);
          expect(await row("mine")).toMatchObject({ body: "old" });
          if (guarded) {
            expect(await send(patch("bobs", stale))).toEqual(["UNAUTHORIZED"]);
            expect(await send(put("bobs", stale))).toEqual(["UNAUTHORIZED"]);
          }
          const fresh = { ...stale, body: "new", version: 6 };
          expect(await send(patch("mine", fresh), put("mine", fresh))).toEqual(["success"]);
          expect(await row("mine")).toMatchObject({ body: "new" });
          expect(await send(put("another", fresh))).toEqual(["success"]);
        });

        itHas(routes)("an INSERT goes elsewhere", async () => {
          await make(routes);
          const send = sending(given);
          const data = { body: "new", list_id: "alices", owner_id: "alice" };
          expect(await send(put("new", data))).toEqual(["success", "row_declined"]);
          expect(await row("new")).toBeUndefined();
          const { length } = await db.selectFrom("archive").select("id").execute();
          expect(length).toBe(1);
          if (guarded) expect(await send(put("bobs", data))).toEqual(["UNAUTHORIZED"]);
          expect(await row("bobs")).toMatchObject({ body: "old" });
        });

        itHas(disowns)("a DELETE that takes the row out of its scope", async () => {
          await make(disowns);
          const send = sending(given);
          expect(await send(remove("mine"))).toEqual(["success", "row_declined"]);
          expect(await row("mine")).toMatchObject({ owner_id: "trash" });
          if (guarded) expect(await send(remove("bobs"))).toEqual(["UNAUTHORIZED"]);
        });

        if (kind !== "scope") {
          itHas(movesAway)("an UPDATE behind which the row goes elsewhere", async () => {
            await make(movesAway);
            const send = sending(given);
            expect(await send(patch("mine", { deleted_at: "x" }))).toEqual(["success"]);
            expect(await row("mine")).toBeUndefined();
            expect(await row("mine", "archive")).toMatchObject({ id: "mine" });
          });
          if (family !== "sqlite") {
            it("a row leaves its view by the very write", async () => {
              await make([live]);
              const send = sending(on("live", given));
              const data = { body: "new", list_id: "alices" };
              expect(await send(patch("mine", { body: "new", deleted_at: "x" }))).toEqual([
                "success",
              ]);
              expect(await row("mine")).toMatchObject({ deleted_at: "x", body: "new" });
              expect(await send(put("new", { ...data, deleted_at: "x" }))).toEqual(["success"]);
              expect(await row("new")).toMatchObject({ deleted_at: "x" });
              if (!guarded) return;
              const foreign = { deleted_at: "x", list_id: "bobs", owner_id: "bob" };
              await db.updateTable("items").set({ deleted_at: null }).execute();
              expect(await send(patch("bobs", { deleted_at: "x" }))).toEqual(["UNAUTHORIZED"]);
              expect(await send(patch("mine", foreign))).toEqual(["UNAUTHORIZED"]);
              expect(await send(put("more", foreign))).toEqual(["UNAUTHORIZED"]);
              expect(await row("mine")).toMatchObject({ deleted_at: null });
            });
          }
          itHas(insteadOf)("a view with INSTEAD OF", async () => {
            await make(insteadOf);
            const send = sending(on("live", given));
            const data = { body: "new", list_id: "alices" };
            expect(await send(put("new", data), put("mine", { ...data }))).toEqual(["success"]);
            expect(await row("new")).toMatchObject({ body: "new" });
            expect(await row("mine")).toMatchObject({ body: "new" });
            expect(await send(patch("mine", { body: "newer" }))).toEqual(["success"]);
            expect(await row("mine")).toMatchObject({ body: "newer" });
            if (family === "postgres") {
              expect(await send(patch("mine", { body: "refused" }))).toEqual([
                "success",
                "row_declined",
              ]);
            }
            expect(await send(patch("mine", { body: "last", deleted_at: "x" }))).toEqual([
              "success",
            ]);
            expect(await send(patch("mine", { body: "last" }))).toEqual(["success", "row_missing"]);
            expect(await send(remove("new"), remove("new"))).toEqual(["success", "row_missing"]);
            if (!guarded) return;
            const foreign = { body: "x", list_id: "bobs", owner_id: "bob" };
            expect(await send(patch("bobs", { body: "x" }))).toEqual(["UNAUTHORIZED"]);
            expect(await send(put("bobs", data))).toEqual(["UNAUTHORIZED"]);
            expect(await send(put("more", foreign))).toEqual(["UNAUTHORIZED"]);
            expect(await send(put("more", { ...foreign, deleted_at: "x" }))).toEqual([
              "UNAUTHORIZED",
            ]);
            expect(await send(remove("bobs"))).toEqual(["UNAUTHORIZED"]);
            expect(await row("bobs")).toMatchObject({ body: "old" });
          });
        }
      },
    );

    it("a stored row that nothing declines is changed as ever", async () => {
      await make([]);
      const send = sending(rules["owner"] ?? {});
      expect(await send(put("mine", { body: "new" }), patch("mine", { version: 6 }))).toEqual([
        "success",
      ]);
      expect(await send(patch("bobs", { body: "x" }))).toEqual(["UNAUTHORIZED"]);
      expect(await send(patch("nobody's", { body: "x" }))).toEqual(["success", "row_missing"]);
      expect(await send(remove("mine"))).toEqual(["success"]);
    });
  });
});
