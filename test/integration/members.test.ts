/** Who is a member by `isMember`, on every store: by a row of another table, and not by the row that is just being written. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anyOf,
  createWrites,
  isMember,
  isOwner,
  type Principal,
  type TransactionResult,
  type WriteEvent,
  type Writes,
  type WritesConfig,
} from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { dialects, postgres } from "../support/databases.js";
import { createCollection, openMongo } from "../support/mongodb.js";
import { byName } from "../support/writes.js";

type Tables = WritesConfig<Principal, never>["tables"];
type Row = Readonly<Record<string, unknown>>;

interface Opened {
  /** There is a view of `folder_members`, `current_members`. Writable: a row can be put into it. */
  readonly views?: "readable" | "writable";
  /** There is `made_members`, whose `folder_id` is computed of `slug`. */
  readonly computes?: boolean;
  writes(tables: Tables): Writes<Principal>;
  /** As any client would see them, by id. */
  rows(table: "folders" | "folder_members"): Promise<readonly Row[]>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

interface Place {
  readonly name: string;
  /** Whole transactions are sent at once. */
  readonly flights: boolean;
  available(): Promise<boolean>;
  open(events: WriteEvent[]): Promise<Opened>;
}

const names = ["folders", "folder_members"] as const;

/** Nothing waits behind what has been refused before. */
const unrecorded = { requiresClientHandling: () => true };

function onSql(dialect: (typeof dialects)[number], flights: boolean): Place {
  return {
    name: dialect === postgres && !flights ? `${dialect.name}, step by step` : dialect.name,
    flights,
    available: () => dialect.available(),
    open: async (events) => {
      const database = await dialect.open({ flights });
      const db = database.db as never as typeof database.db;
      await sql`create table folders (id varchar(40) primary key, owner_id varchar(40), name varchar(40))`.execute(
        db,
      );
      await sql`create table folder_members (id varchar(40) primary key, folder_id varchar(40), user_id varchar(40), role varchar(20), note varchar(40), level bigint, active boolean, left_on date)`.execute(
        db,
      );
      await sql`create view current_members as select id, folder_id, user_id, role, note from folder_members where left_on is null`.execute(
        db,
      );
      await sql`create table made_members (id varchar(40) primary key, slug varchar(40), folder_id varchar(40) generated always as (slug) stored, user_id varchar(40), note varchar(40))`.execute(
        db,
      );
      return {
        views: dialect.family === "sqlite" ? "readable" : "writable",
        computes: true,
        writes: (tables) =>
          createWrites<Principal, never>({
            authenticate: byName,
            database: db as never,
            tables,
            logger: false,
            deadLetters: unrecorded,
            onEvent: (event) => void events.push(event),
          }),
        rows: async (table) =>
          (await sql<Row>`select * from ${sql.table(table)} order by id`.execute(db)).rows,
        reset: async () => {
          for (const name of [...names, "made_members"])
            await sql`delete from ${sql.table(name)}`.execute(db);
        },
        close: () => database.close(),
      };
    },
  };
}

const places: readonly Place[] = [
  ...dialects.map((dialect) => onSql(dialect, dialect.flies)),
  onSql(postgres, false),
  {
    name: "memory",
    flights: false,
    available: async () => isChosen("memory"),
    open: async (events) => {
      const text = "text" as const;
      const texts = { id: text, folder_id: text, user_id: text, role: text, note: text };
      const member = { ...texts, level: "bigint", active: "boolean", left_on: "date" } as const;
      const tables = {
        folders: { columns: { id: text, owner_id: text, name: text } },
        folder_members: { columns: member },
      };
      let store = memoryStore({ tables });
      return {
        writes: (rules) =>
          createWrites<Principal, never>({
            authenticate: byName,
            database: store as never,
            tables: rules,
            logger: false,
            deadLetters: unrecorded,
            onEvent: (event) => void events.push(event),
          }),
        rows: async (table) => store.rows(table),
        reset: async () => {
          store = memoryStore({ tables });
        },
        close: async () => undefined,
      };
    },
  },
  {
    name: "MongoDB",
    flights: false,
    available: async () => isChosen("mongodb"),
    open: async (events) => {
      const { db, store, close } = await openMongo();
      const text = { bsonType: ["string", "null"] };
      const id = { bsonType: "string" };
      await createCollection(db, "folders", { _id: id, owner_id: text, name: text });
      const texts = { _id: id, folder_id: text, user_id: text, role: text, note: text };
      const members = {
        ...texts,
        level: { bsonType: ["long", "null"] },
        active: { bsonType: ["bool", "null"] },
        left_on: { bsonType: ["date", "null"] },
      };
      await createCollection(db, "folder_members", members);
      await db.createCollection("current_members", { viewOn: "folder_members", pipeline: [] });
      return {
        views: "readable",
        writes: (tables) =>
          createWrites<Principal, never>({
            authenticate: byName,
            database: store as never,
            tables,
            logger: false,
            deadLetters: unrecorded,
            onEvent: (event) => void events.push(event),
          }),
        rows: async (table) => {
          const found = await db.collection(table).find().sort({ _id: 1 }).toArray();
          return found.map(({ _id, ...row }) => ({ id: _id, ...row }));
        },
        reset: async () => {
          for (const name of names) await db.collection(name).deleteMany({});
        },
        close,
      };
    },
  },
];

const put = (table: string, id: string, op_data: object = {}) => ({
  op: "PUT",
  table,
  id,
  op_data,
});
const patch = (table: string, id: string, op_data: object) => ({ op: "PATCH", table, id, op_data });
const del = (table: string, id: string) => ({ op: "DELETE", table, id });

/** `success`, the error's code, or `retryable_error`. */
const wordOf = (result: TransactionResult) =>
  result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;

const members = { table: "folder_members", row: "folder_id", user: "user_id" } as const;
const join = (id: string, user_id: string, more: object = {}) =>
  put("folder_members", id, { folder_id: "f", user_id, ...more });

for (const place of places) {
  describe.skipIf(!(await place.available()))(`members, on ${place.name}`, () => {
    const events: WriteEvent[] = [];
    let opened: Opened;
    let opId = 0;

    beforeAll(async () => {
      opened = await place.open(events);
    });
    beforeEach(async () => {
      await opened.reset();
      events.length = 0;
    });
    afterAll(() => opened.close());

    /** Each rule's writes are made once, so that what they know of tables and devices is known the second time. */
    const made = new Map<Tables, Writes<Principal>>();
    const send = async (tables: Tables, userId: string, ...crud: readonly object[]) => {
      const writes = made.get(tables) ?? opened.writes(tables);
      made.set(tables, writes);
      const entries = crud.map((entry) => ({ ...entry, op_id: (opId += 1) }));
      const body = { client_id: `of ${userId}`, crud: entries };
      return wordOf(await writes.processTransaction(body, { principal: { userId } }));
    };
    beforeEach(() => made.clear());

    describe("the row that is being written", () => {
      const byFolder: Tables = {
        folders: { owner: "owner_id" },
        folder_members: { scope: isMember({ ...members, by: "folder_id" }) },
      };
      const byParent: Tables = {
        folders: { scope: anyOf(isOwner("owner_id"), isMember(members)) },
        folder_members: { belongsTo: { folder_id: "folders" } },
      };
      const open: Tables = { folder_members: { access: "everyone" } };

      it("makes nobody a member by itself", async () => {
        for (const tables of [byFolder, byParent]) {
          await opened.reset();
          made.clear();
          expect(await send(byParent, "alice", put("folders", "f"), put("folders", "g"))).toBe(
            "success",
          );
          expect(await send(open, "alice", join("1", "bob"))).toBe("success");
          // Twice: what is known of tables and devices by then is sent another way.
          for (const time of ["first", "second"]) {
            const say = `${tables === byFolder ? "by folder" : "by parent"}, ${time}`;
            expect(await send(tables, "eve", join("e", "eve")), say).toBe("UNAUTHORIZED");
            // Nor does a row that was a membership of something else, or of somebody else.
            const moved = { folder_id: "g" };
            expect(await send(tables, "bob", patch("folder_members", "1", moved)), say).toBe(
              "UNAUTHORIZED",
            );
            expect(
              await send(tables, "bob", put("folder_members", "1", { ...moved, user_id: "bob" })),
              say,
            ).toBe("UNAUTHORIZED");
            expect(
              await send(tables, "eve", patch("folder_members", "1", { user_id: "eve" })),
              say,
            ).toBe("UNAUTHORIZED");
            expect(await send(tables, "bob", join("2", "carol")), say).toBe("success");
            expect(await send(tables, "carol", join("3", "dave", { note: say })), say).toBe(
              "success",
            );
          }
          expect(
            (await opened.rows("folder_members")).map(
              ({ id, folder_id, user_id }) =>
                `${String(id)} ${String(folder_id)} ${String(user_id)}`,
            ),
          ).toEqual(["1 f bob", "2 f carol", "3 f dave"]);
          const flown = events.filter((event) => event.type === "transaction" && event.flown);
          // Elsewhere, what reads the table that it writes is written step by step.
          expect(flown.length > 0).toBe(place.flights && place.name === postgres.name);
        }
      });

      it("counts where the write does not decide whose membership it is", async () => {
        expect(await send(byParent, "alice", put("folders", "f"))).toBe("success");
        expect(await send(open, "alice", join("1", "bob"))).toBe("success");
        for (const tables of [byFolder, byParent]) {
          const note = patch("folder_members", "1", { note: "mine" });
          expect(await send(tables, "bob", note)).toBe("success");
          expect(await send(tables, "eve", note)).toBe("UNAUTHORIZED");
        }
        expect(await send(byFolder, "bob", del("folder_members", "1"))).toBe("success");
        expect(await opened.rows("folder_members")).toEqual([]);
        expect(await send(byFolder, "bob", join("1", "bob"))).toBe("UNAUTHORIZED");
      });

      it("gives nobody a role", async () => {
        const owners: Tables = {
          folders: { owner: "owner_id" },
          folder_members: {
            scope: isMember({ ...members, by: "folder_id", where: { role: "owner" } }),
          },
        };
        expect(await send(byParent, "alice", put("folders", "f"))).toBe("success");
        const editor = { role: "editor" };
        expect(
          await send(
            open,
            "alice",
            join("1", "alice", { role: "owner" }),
            join("2", "bob", editor),
          ),
        ).toBe("success");
        const raised = { role: "owner" };
        expect(await send(owners, "bob", patch("folder_members", "2", raised))).toBe(
          "UNAUTHORIZED",
        );
        expect(await send(owners, "bob", join("2", "bob", raised))).toBe("UNAUTHORIZED");
        expect(await send(owners, "bob", join("3", "bob", raised))).toBe("UNAUTHORIZED");
        expect(await send(owners, "bob", patch("folder_members", "2", { note: "x" }))).toBe(
          "UNAUTHORIZED",
        );
        // The last owner stays one, until another has been made.
        expect(await send(owners, "alice", patch("folder_members", "1", editor))).toBe(
          "UNAUTHORIZED",
        );
        expect(await send(owners, "alice", patch("folder_members", "1", { note: "x" }))).toBe(
          "success",
        );
        expect(await send(owners, "alice", patch("folder_members", "2", raised))).toBe("success");
        expect(await send(owners, "bob", patch("folder_members", "1", editor))).toBe("success");
        expect((await opened.rows("folder_members")).map(({ role }) => role)).toEqual([
          "editor",
          "owner",
        ]);
      });

      it("is none under another name", async ({ skip }) => {
        const { views } = opened;
        skip(views === undefined);
        const seen = { ...members, table: "current_members", by: "folder_id" };
        const shown = anyOf(
          isOwner("owner_id"),
          isMember({ ...members, table: "current_members", where: { role: "editor" } }),
        );
        const all: Tables[] = [
          { folder_members: { scope: isMember(seen) } },
          {
            folders: { scope: shown },
            folder_members: { belongsTo: { folder_id: "folders" } },
          },
          {
            folder_members: {
              table: "current_members",
              scope: isMember({ ...seen, table: "folder_members" }),
            },
          },
        ];
        for (const [index, tables] of all.slice(0, views === "writable" ? 3 : 2).entries()) {
          await opened.reset();
          made.clear();
          const editor = { role: "editor" };
          expect(await send(byParent, "alice", put("folders", "f"), put("folders", "g"))).toBe(
            "success",
          );
          expect(await send(open, "alice", join("1", "bob", editor))).toBe("success");
          const e = join("e", "eve", editor);
          const mine = join("1", "bob", editor);
          for (const time of ["first", "second"]) {
            const say = `${index}, ${time}`;
            expect(await send(tables, "eve", e), say).toBe("UNAUTHORIZED");
            expect(await send(tables, "eve", e, e), say).toBe("UNAUTHORIZED");
            const moved = patch("folder_members", "1", { folder_id: "g" });
            expect(await send(tables, "bob", moved), say).toBe("UNAUTHORIZED");
            expect(await send(tables, "bob", { ...moved, op: "PUT" }), say).toBe("UNAUTHORIZED");
            expect(await send(tables, "bob", mine, moved), say).toBe("UNAUTHORIZED");
            const note = patch("folder_members", "1", { note: say });
            expect(await send(tables, "eve", note), say).toBe("UNAUTHORIZED");
            expect(await send(tables, "bob", note), say).toBe("success");
            expect(await send(tables, "bob", join("2", "carol", editor)), say).toBe("success");
            expect(await send(tables, "bob", join("2", "carol", editor), note), say).toBe(
              "success",
            );
            expect(await send(tables, "carol", join("3", "dave", editor)), say).toBe("success");
            expect(await send(tables, "dave", del("folder_members", "3")), say).toBe("success");
          }
          expect(
            (await opened.rows("folder_members")).map(
              ({ id, folder_id, user_id }) =>
                `${String(id)} ${String(folder_id)} ${String(user_id)}`,
            ),
          ).toEqual(["1 f bob", "2 f carol"]);
        }
        // Of a table whose rows it does not show, nothing is asked beforehand.
        made.clear();
        events.length = 0;
        const plain: Tables = { folders: { scope: isMember({ ...members, table: seen.table }) } };
        for (const time of ["first", "second"])
          expect(await send(plain, "bob", patch("folders", "f", { name: time }))).toBe("success");
        const flown = events.filter((event) => event.type === "transaction" && event.flown);
        // Elsewhere, what reads the table that it writes is written step by step.
        expect(flown.length > 0).toBe(place.flights && place.name === postgres.name);
      });

      it("is none by a column that the database computes", async ({ skip }) => {
        skip(opened.computes !== true);
        const own = { ...members, table: "made_members", by: "folder_id" };
        const joining = (id: string, user_id: string) =>
          put("made_members", id, { slug: "f", user_id });
        const tables: Tables = { made_members: { scope: isMember(own) } };
        const anybody: Tables = { made_members: { access: "everyone" } };
        expect(await send(anybody, "alice", joining("1", "bob"), joining("2", "bob"))).toBe(
          "success",
        );
        for (const time of ["first", "second"]) {
          expect(await send(tables, "eve", joining("e", "eve")), time).toBe("UNAUTHORIZED");
          const moved = patch("made_members", "1", { slug: "g" });
          expect(await send(tables, "bob", moved), time).toBe("UNAUTHORIZED");
          const note = patch("made_members", "1", { note: time });
          expect(await send(tables, "bob", note), time).toBe("success");
        }
      });

      it("is none by what was sent of the row before", async () => {
        const note = (more: object) => patch("folder_members", "1", { note: stamp, ...more });
        const stamp = "2026-01-31T12:00:00.000Z";
        const tables: Tables = {
          folder_members: {
            columns: ["folder_id", "user_id", "role", "note"],
            scope: isMember({ ...members, by: "folder_id" }),
            conflict: { newest: { folder_id: "note" } },
          },
        };
        expect(await send(open, "alice", join("1", "bob"))).toBe("success");
        const before = (folder_id: string) => ({ previous_values: { folder_id, note: null } });
        // A value that was set to what it was is not sent.
        expect(await send(tables, "bob", { ...note({}), ...before("g") })).toBe("UNAUTHORIZED");
        expect((await opened.rows("folder_members")).map((row) => row["folder_id"])).toEqual(["f"]);
      });

      it("is one for what comes behind it", async () => {
        const tables: Tables = { ...byParent, folder_members: { access: "everyone" } };
        expect(await send(tables, "alice", put("folders", "f"))).toBe("success");
        const rename = patch("folders", "f", { name: "b" });
        expect(await send(tables, "bob", rename, join("1", "bob"))).toBe("UNAUTHORIZED");
        expect(await send(tables, "bob", join("1", "bob"), rename)).toBe("success");
      });
    });

    describe("what a member's row must hold", () => {
      type Where = NonNullable<Parameters<typeof isMember>[0]["where"]>;
      const rename = patch("folders", "f", { name: "b" });
      const withMembers = async (...rows: readonly object[]) => {
        const tables: Tables = {
          folders: { owner: "owner_id" },
          folder_members: { access: "everyone" },
        };
        const all = rows.map((row, index) => join(`m${index}`, `u${index}`, row));
        expect(await send(tables, "alice", put("folders", "f"), ...all)).toBe("success");
      };
      /** Of each of the members, in order, whether they may write. */
      const may = async (where: Where, count: number) => {
        const tables: Tables = { folders: { scope: isMember({ ...members, where }) } };
        const said: string[] = [];
        for (let index = 0; index < count; index += 1)
          said.push(await send(tables, `u${index}`, rename));
        return said.map((word) => word === "success" || (word === "UNAUTHORIZED" ? false : word));
      };

      it("is one of these texts, letter by letter", async () => {
        const roles = ["owner", "editor", "viewer", "Editor", "EDITOR", "editor ", "", null];
        await withMembers(...roles.map((role) => ({ role })));
        const { length } = roles;
        const expected = (...them: readonly unknown[]) => roles.map((role) => them.includes(role));
        expect(await may({ role: ["editor", "owner"] }, length)).toEqual(
          expected("editor", "owner"),
        );
        expect(await may({ role: "owner" }, length)).toEqual(expected("owner"));
        expect(await may({ role: "" }, length)).toEqual(expected(""));
        expect(await may({ role: null }, length)).toEqual(expected(null));
        expect(await may({ role: ["viewer", null] }, length)).toEqual(expected("viewer", null));
        expect(await may({ role: "nobody's" }, length)).toEqual(expected());
      });

      it("is a number, a boolean or nothing, and all of them at once", async () => {
        const largest = 9007199254740993n;
        const rows = [
          { level: 1, active: true, left_on: null, role: "editor" },
          { level: 2, active: false, left_on: null, role: "editor" },
          { level: String(largest), active: true, left_on: "2026-01-31", role: "editor" },
          { level: String(largest - 1n), active: true, left_on: null, role: "viewer" },
          { role: "editor" },
        ];
        await withMembers(...rows);
        const may5 = (where: Where) => may(where, 5);
        expect(await may5({ level: 1 })).toEqual([true, false, false, false, false]);
        expect(await may5({ level: [2, "1"] })).toEqual([true, true, false, false, false]);
        expect(await may5({ level: largest })).toEqual([false, false, true, false, false]);
        expect(await may5({ level: [null, -1] })).toEqual([false, false, false, false, true]);
        expect(await may5({ active: true })).toEqual([true, false, true, true, false]);
        expect(await may5({ active: [false, null] })).toEqual([false, true, false, false, true]);
        expect(await may5({ left_on: null })).toEqual([true, true, false, true, true]);
        expect(await may5({ active: true, left_on: null, role: ["editor", "owner"] })).toEqual([
          true,
          false,
          false,
          false,
          false,
        ]);
        expect(await may5({ role: "editor", level: null })).toEqual([
          false,
          false,
          false,
          false,
          true,
        ]);
      });

      it("is asked where a table belongs to it, and by another column", async () => {
        await withMembers({ role: "editor" }, { role: "viewer" });
        const where = { role: ["editor"] };
        const tables: Tables = {
          folders: { scope: anyOf(isOwner("owner_id"), isMember({ ...members, where })) },
          folder_members: { belongsTo: { folder_id: "folders" } },
        };
        expect(await send(tables, "u0", join("n", "carol"), rename)).toBe("success");
        expect(await send(tables, "u1", join("n2", "carol"))).toBe("UNAUTHORIZED");
        expect(await send(tables, "alice", join("n2", "carol"))).toBe("success");
        const mine: Tables = {
          folder_members: { scope: isMember({ ...members, by: "folder_id", where }) },
        };
        expect(await send(mine, "u0", del("folder_members", "n"))).toBe("success");
        expect(await send(mine, "u1", del("folder_members", "n2"))).toBe("UNAUTHORIZED");
      });

      it("is each rule's own, however often it is asked", async () => {
        await withMembers({ role: "editor", level: 1 }, { role: "owner", level: 2 });
        const of = (where: Where) => ({ table: "folders", scope: isMember({ ...members, where }) });
        const rules = {
          editors: of({ role: "editor" }),
          owners: of({ role: "owner" }),
          both: of({ role: ["owner", "editor"] }),
          first: of({ level: 1n }),
          second: of({ level: "2" }),
          neither: of({ level: null }),
        };
        const [first, second] = ["u0", "u1"];
        const expected = {
          editors: first,
          owners: second,
          both: "u0 u1",
          first,
          second,
          neither: "",
        };
        // Nothing is refused before: a caller whose flights fail is not flown.
        for (const [table, users] of Object.entries(expected))
          for (const user of users.split(" ").filter((each) => each !== ""))
            for (const time of ["first", "second", "third"])
              expect(await send(rules, user, patch(table, "f", { name: time }))).toBe("success");
        const flown = events.filter((event) => event.type === "transaction" && event.flown);
        expect(flown.length > 0).toBe(place.flights);
        for (let time = 0; time < 3; time += 1) {
          const may: Record<string, string> = {};
          for (const table of Object.keys(rules)) {
            const said = [];
            for (const user of ["u0", "u1"])
              if ((await send(rules, user, patch(table, "f", { name: user }))) === "success")
                said.push(user);
            may[table] = said.join(" ");
          }
          expect(may).toEqual(expected);
        }
      });

      it("is the server's mistake where its column can't hold it", async () => {
        await withMembers({ level: 1, active: true });
        for (const where of [
          { level: "high" },
          { level: 1.5 },
          { level: 2n ** 70n },
          { active: "perhaps" },
          { role: ["owner", "x".repeat(21)] },
        ] satisfies Where[]) {
          const isUnbounded = !("level" in where) && !("active" in where);
          // Neither declares how long a text may be.
          if (isUnbounded && ["memory", "MongoDB"].includes(place.name)) continue;
          events.length = 0;
          const tables: Tables = {
            folders: { scope: anyOf(isOwner("owner_id"), isMember({ ...members, where })) },
          };
          const [column = ""] = Object.keys(where);
          expect(await send(tables, "alice", rename), column).toBe("retryable_error");
          const told = events.filter(({ type }) => type === "server_value");
          expect(told, column).toMatchObject([{ table: "folder_members", column }]);
          const found = await opened.writes(tables).check(undefined, {
            principal: { userId: "alice" },
          });
          expect(
            found.flatMap(({ code, table, column: named }) =>
              code === "scope_fails" ? `${table}.${named}` : [],
            ),
          ).toEqual([`folders.${column}`]);
        }
      });

      it("is named by check() and ready() where its table or column is missing", async () => {
        for (const [given, code, said] of [
          [{ ...members, table: "folder_member" }, "table_missing", 'the table "folder_member"'],
          [{ ...members, user: "user" }, "column_missing", "scope.isMember.user"],
          [{ ...members, row: "folder" }, "column_missing", "scope.isMember.row"],
          [{ ...members, by: "folder" }, "column_missing", "scope.isMember.by"],
          [{ ...members, where: { rol: "x" } }, "column_missing", "scope.isMember.where.rol"],
        ] as const) {
          const writes = opened.writes({
            folders: { scope: anyOf(isOwner("owner_id"), isMember(given)) },
          });
          const found = await writes.check(undefined, { principal: { userId: "alice" } });
          expect(
            found.filter((each) => each.severity === "error").map((each) => each.code),
            said,
          ).toEqual([code]);
          expect(found.find((each) => each.code === code)?.message).toContain(said);
          const ready = await writes.ready();
          expect(JSON.stringify(ready)).toContain(said.replaceAll('"', '\\"'));
        }
      });
    });
  });
}

describe.skipIf(!isChosen("mongodb"))(
  "members, in a collection that takes two texts for one",
  () => {
    it("is none by a key that is spelled another way", async () => {
      const { db, store, close } = await openMongo();
      try {
        await db.createCollection("folder_members", { collation: { locale: "en", strength: 2 } });
        const its = { _id: "one", folder_id: "f", user_id: "bob", role: "editor" };
        await db.collection<typeof its>("folder_members").insertOne(its);
        const writes = createWrites<Principal, never>({
          authenticate: byName,
          database: store as never,
          tables: {
            folder_members: {
              columns: ["folder_id", "user_id", "note"],
              scope: isMember({ ...members, by: "folder_id" }),
            },
          },
          logger: false,
          deadLetters: unrecorded,
        });
        let opId = 0;
        const send = async (op: string, op_data: object) => {
          const entry = { op, table: "folder_members", id: "ONE", op_data, op_id: (opId += 1) };
          const principal = { userId: "bob" };
          return wordOf(await writes.processTransaction({ crud: [entry] }, { principal }));
        };
        expect(await send("PATCH", { note: "mine" })).toBe("success");
        expect(await send("PATCH", { folder_id: "g" })).toBe("UNAUTHORIZED");
        expect(await send("PUT", { folder_id: "g", user_id: "bob" })).toBe("UNAUTHORIZED");
        const left = await db.collection("folder_members").find().toArray();
        expect(left).toEqual([{ ...its, note: "mine" }]);
      } finally {
        await close();
      }
    });
  },
);
