/** What table rules allow and refuse, on every database: rows that belong to others, columns that the server sets, and the row as it is stored. */
import Sqlite from "better-sqlite3";
import { type Dialect, Kysely, MysqlDialect, sql, SqliteDialect } from "kysely";
import mysql from "mysql2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createWrites,
  type Principal,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { itWhere } from "../support/it-where.js";
import { createMysqlDatabase } from "../support/mysql.js";
import { nodeSqlite } from "../support/node-sqlite.js";
import { createRuleTables, emptyRuleTables, type RuleSchema } from "../support/rule-tables.js";
import { noUuid } from "../support/schema.js";
import { type MysqlServer, mysqlServers } from "../support/servers.js";
import { byName } from "../support/writes.js";

type Config = WritesConfig<Principal, RuleSchema>;
type Tables = Config["tables"];
type Entry = {
  readonly op: string;
  readonly table: string;
  readonly id: string;
  readonly op_data?: object;
};

const put = (table: string, id: string, op_data: object = {}): Entry => ({
  op: "PUT",
  table,
  id,
  op_data,
});
const patch = (table: string, id: string, op_data: object): Entry => ({
  op: "PATCH",
  table,
  id,
  op_data,
});
const del = (table: string, id: string): Entry => ({ op: "DELETE", table, id });

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let db: Kysely<RuleSchema>;
    const events: WriteEvent[] = [];

    beforeAll(async () => {
      database = await dialect.open();
      db = await createRuleTables(database);
    });
    beforeEach(async () => {
      await emptyRuleTables(db);
      events.length = 0;
    });
    afterAll(() => database.close());

    /** One transaction. `success`, the error's code, or `retryable_error`. */
    async function write(
      given: Tables | (Partial<Config> & { readonly tables: Tables }),
      userId: string,
      ...crud: readonly Entry[]
    ): Promise<string> {
      const config = isConfig(given) ? given : { tables: given };
      const { processTransaction } = createWrites<Principal, RuleSchema>({
        logger: false,
        authenticate: byName,
        database: db,
        onEvent: (event) => void events.push(event),
        ...config,
      });
      const result = await processTransaction({ crud }, { principal: { userId } });
      return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
    }

    const statements = () =>
      events.flatMap((event) => (event.type === "transaction" ? event.statements : [])).at(-1);
    const folders = () =>
      db.selectFrom("folders").select(["id", "owner_id", "parent_id"]).orderBy("id").execute();
    const notes = () => db.selectFrom("notes").select(["id", "folder_id"]).orderBy("id").execute();

    async function twoFolders(): Promise<void> {
      await db
        .insertInto("folders")
        .values([
          { id: "a", owner_id: "alice", parent_id: null, name: "A" },
          { id: "b", owner_id: "bob", parent_id: null, name: "B" },
        ])
        .execute();
      await db
        .insertInto("notes")
        .values([
          { id: "na", folder_id: "a", body: "mine", revision: 1 },
          { id: "nb", folder_id: "b", body: "not mine", revision: 1 },
          { id: "none", folder_id: null, body: "nobody's", revision: 1 },
        ])
        .execute();
    }

    describe("belongsTo", () => {
      const tables: Tables = {
        folders: { owner: "owner_id" },
        notes: { belongsTo: { folder_id: "folders" } },
      };

      it.each<[string, Entry, string]>([
        ["puts into one's own folder", put("notes", "new", { folder_id: "a" }), "success"],
        ["puts into another's", put("notes", "new", { folder_id: "b" }), "UNAUTHORIZED"],
        ["puts into none", put("notes", "new", { body: "x" }), "UNAUTHORIZED"],
        [
          "puts into one that does not exist",
          put("notes", "new", { folder_id: "x" }),
          "UNAUTHORIZED",
        ],
        ["changes one's own", patch("notes", "na", { body: "x" }), "success"],
        ["changes another's", patch("notes", "nb", { body: "x" }), "UNAUTHORIZED"],
        ["changes nobody's", patch("notes", "none", { body: "x" }), "UNAUTHORIZED"],
        ["moves one's own to another's", patch("notes", "na", { folder_id: "b" }), "UNAUTHORIZED"],
        ["moves one's own to nowhere", patch("notes", "na", { folder_id: null }), "UNAUTHORIZED"],
        ["takes another's", patch("notes", "nb", { folder_id: "a" }), "UNAUTHORIZED"],
        ["takes another's by PUT", put("notes", "nb", { folder_id: "a" }), "UNAUTHORIZED"],
        ["takes nobody's by PUT", put("notes", "none", { folder_id: "a" }), "UNAUTHORIZED"],
        ["moves by PUT", put("notes", "na", { folder_id: "b" }), "UNAUTHORIZED"],
        ["puts what it does not move", put("notes", "na", { body: "x" }), "success"],
        ["deletes one's own", del("notes", "na"), "success"],
        ["deletes another's", del("notes", "nb"), "UNAUTHORIZED"],
      ])("%s", async (_name, entry, expected) => {
        await twoFolders();
        const before = await notes();
        expect(await write(tables, "alice", entry)).toBe(expected);
        if (expected !== "success") expect(await notes()).toEqual(before);
      });

      it("takes the folder from earlier in the transaction", async () => {
        const crud = [put("folders", "new"), put("notes", "n", { folder_id: "new" })];
        expect(await write(tables, "alice", ...crud)).toBe("success");
        expect(await notes()).toEqual([{ id: "n", folder_id: "new" }]);
        expect(await write(tables, "alice", ...crud.toReversed(), put("folders", "b"))).toBe(
          "success",
        );
      });

      it("takes no more statements than a scope that says the same", async () => {
        await twoFolders();
        const byHand: Tables = {
          notes: {
            scope: (eb, { principal }) =>
              eb.exists(
                eb
                  .selectFrom("folders")
                  .select("folders.id")
                  .whereRef("folders.id", "=", "notes.folder_id")
                  .where("folders.owner_id", "=", principal.userId),
              ),
          },
        };
        for (const entry of [
          put("notes", "na", { folder_id: "a" }),
          patch("notes", "na", { body: "x" }),
          del("notes", "na"),
        ]) {
          expect(await write(byHand, "alice", entry)).toBe("success");
          const count = statements();
          await emptyRuleTables(db);
          await twoFolders();
          // The tables' columns have been read by the first of them.
          const { processTransaction } = createWrites<Principal, RuleSchema>({
            logger: false,
            authenticate: byName,
            database: db,
            tables,
            onEvent: (event) => void events.push(event),
          });
          await processTransaction(
            { crud: [patch("folders", "a", { name: "x" })] },
            { principal: { userId: "alice" } },
          );
          await processTransaction(
            { crud: [put("notes", "x", { folder_id: "a" })] },
            { principal: { userId: "alice" } },
          );
          await processTransaction({ crud: [entry] }, { principal: { userId: "alice" } });
          // `write` made its own two readings of the one table that it knows, and of whether letters are kept.
          expect(statements()).toBeLessThanOrEqual((count ?? 0) - 3);
        }
      });

      it("goes up a chain, under other names, with and without what the parents add", async () => {
        await twoFolders();
        const chain: Tables = {
          drawers: {
            table: "folders",
            owner: "owner_id",
            scope: (eb) => eb("name", "!=", "locked"),
          },
          papers: { table: "notes", belongsTo: { folder_id: "drawers" } },
          stamps: { table: "stamped", belongsTo: { body: "papers" } },
        };
        expect(await write(chain, "alice", put("stamps", "s1", { body: "na" }))).toBe("success");
        expect(await write(chain, "alice", put("stamps", "s2", { body: "nb" }))).toBe(
          "UNAUTHORIZED",
        );
        await db.updateTable("folders").set({ name: "locked" }).where("id", "=", "a").execute();
        expect(await write(chain, "alice", patch("stamps", "s1", { big: 1 }))).toBe("UNAUTHORIZED");
        expect(await write(chain, "alice", patch("papers", "na", { body: "x" }))).toBe(
          "UNAUTHORIZED",
        );
      });

      it("lets NULL be, where the parent is optional", async () => {
        await twoFolders();
        const optional: Tables = {
          folders: { owner: "owner_id" },
          notes: { belongsTo: { folder_id: { table: "folders", optional: true } } },
        };
        expect(await write(optional, "alice", put("notes", "new", { body: "x" }))).toBe("success");
        expect(await write(optional, "alice", patch("notes", "none", { folder_id: "a" }))).toBe(
          "success",
        );
        expect(await write(optional, "alice", patch("notes", "na", { folder_id: "b" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(optional, "alice", patch("notes", "nb", { folder_id: null }))).toBe(
          "UNAUTHORIZED",
        );
      });

      it("asks for owner, scope and every parent together", async () => {
        await twoFolders();
        const both: Tables = {
          folders: { owner: "owner_id", belongsTo: { name: { table: "notes", optional: true } } },
          notes: { scope: (eb) => eb("body", "=", "mine") },
        };
        expect(await write(both, "alice", put("folders", "c", { name: "na" }))).toBe("success");
        expect(await write(both, "alice", put("folders", "d", { name: "nb" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(
          await write(both, "alice", put("folders", "e", { owner_id: "bob", name: "na" })),
        ).toBe("UNAUTHORIZED");
      });

      it("refers by another column than the key, where it is told which", async () => {
        await twoFolders();
        const by: Tables = {
          folders: { owner: "owner_id" },
          notes: { belongsTo: { body: { table: "folders", by: "name" } } },
        };
        expect(await write(by, "alice", put("notes", "x", { body: "A" }))).toBe("success");
        expect(await write(by, "alice", put("notes", "y", { body: "B" }))).toBe("UNAUTHORIZED");
      });

      describe("of a table that refers to itself", () => {
        const tree: Tables = {
          folders: {
            owner: "owner_id",
            belongsTo: { parent_id: { table: "folders", optional: true } },
          },
          notes: { belongsTo: { folder_id: "folders" } },
        };

        it("judges the parent, and never the row itself in its place", async () => {
          await twoFolders();
          // If a name inside meant the row outside, this one would speak for every row.
          await db.updateTable("folders").set({ parent_id: "a" }).where("id", "=", "a").execute();
          expect(await write(tree, "alice", put("folders", "c", { parent_id: "a" }))).toBe(
            "success",
          );
          expect(await write(tree, "alice", put("folders", "d", { parent_id: "b" }))).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(tree, "alice", put("folders", "e", { parent_id: "x" }))).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(tree, "alice", patch("folders", "c", { parent_id: "b" }))).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(tree, "alice", patch("folders", "b", { parent_id: "a" }))).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(tree, "alice", patch("folders", "c", { parent_id: null }))).toBe(
            "success",
          );
          expect(await write(tree, "alice", put("folders", "f", { parent_id: "f" }))).toBe(
            "success",
          );
          expect(await write(tree, "alice", del("folders", "c"))).toBe("success");
          expect(await write(tree, "alice", put("notes", "n", { folder_id: "b" }))).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(tree, "alice", put("notes", "n", { folder_id: "f" }))).toBe("success");
          expect(await folders()).toEqual([
            { id: "a", owner_id: "alice", parent_id: "a" },
            { id: "b", owner_id: "bob", parent_id: null },
            { id: "f", owner_id: "alice", parent_id: "f" },
          ]);
        });

        it("is asked one level up: whose the folder around is, not whose is around that", async () => {
          await twoFolders();
          await db.updateTable("folders").set({ parent_id: "b" }).where("id", "=", "a").execute();
          expect(await write(tree, "alice", put("folders", "c", { parent_id: "a" }))).toBe(
            "success",
          );
          // A note's folder must be one that its own rule lets alice write, and this one lies in Bob's.
          expect(await write(tree, "alice", put("notes", "n", { folder_id: "a" }))).toBe(
            "UNAUTHORIZED",
          );
        });

        it.each<[string, Tables[string]["scope"]]>([
          ["bare columns", (eb, { principal }) => eb("owner_id", "=", principal.userId)],
          [
            "columns by the table's name",
            (eb, { principal }) => eb("folders.owner_id", "=", principal.userId),
          ],
          ["raw SQL", (_eb, { principal }) => sql<boolean>`folders.owner_id = ${principal.userId}`],
          [
            "a subquery on the same table",
            (eb, { principal }) =>
              eb.exists(
                eb
                  .selectFrom("folders as mine")
                  .select("mine.id")
                  .whereRef("mine.id", "=", "folders.id")
                  .where("mine.owner_id", "=", principal.userId),
              ),
          ],
        ])("by another rule on the same table, whose scope names %s", async (_name, scope) => {
          await twoFolders();
          await db.updateTable("folders").set({ parent_id: "a" }).where("id", "=", "a").execute();
          const two: Tables = {
            roots: { table: "folders", scope: scope as NonNullable<typeof scope> },
            leaves: { table: "folders", belongsTo: { parent_id: "roots" } },
          };
          expect(await write(two, "alice", put("leaves", "c", { parent_id: "a" }))).toBe("success");
          expect(await write(two, "alice", put("leaves", "d", { parent_id: "b" }))).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(two, "alice", patch("leaves", "c", { parent_id: "b" }))).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(two, "bob", patch("leaves", "c", { name: "x" }))).toBe("UNAUTHORIZED");
          expect(await write(two, "alice", patch("leaves", "c", { name: "x" }))).toBe("success");
        });
      });
    });

    describe("the owner", () => {
      it("is the one whose id it is letter by letter, whatever the column's collation", async () => {
        await twoFolders();
        const tables: Tables = {
          folders: { owner: "owner_id" },
          notes: { belongsTo: { folder_id: "folders" } },
        };
        for (const other of ["Alice", "ALICE", "álice", "alice ", " alice"]) {
          expect(await write(tables, other, patch("folders", "a", { name: "x" })), other).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(tables, other, put("notes", "x", { folder_id: "a" })), other).toBe(
            "UNAUTHORIZED",
          );
          expect(
            await write(tables, "alice", patch("folders", "a", { owner_id: other })),
            other,
          ).toBe("UNAUTHORIZED");
        }
        expect(await write(tables, "alice", patch("folders", "a", { name: "x" }))).toBe("success");
      });
    });

    describe("columns that the server sets", () => {
      const tables: Tables = {
        stamped: {
          access: "everyone",
          columns: ["body"],
          set: { updated_by: async ({ principal }) => principal.userId },
          setOnInsert: { created_by: ({ principal }) => principal.userId },
        },
      };
      const row = () =>
        db.selectFrom("stamped").select(["body", "created_by", "updated_by"]).executeTakeFirst();

      it("once, where the row is made; or with every write", async () => {
        expect(await write(tables, "alice", put("stamped", "s", { body: "1" }))).toBe("success");
        expect(await row()).toEqual({ body: "1", created_by: "alice", updated_by: "alice" });
        expect(await write(tables, "bob", put("stamped", "s", { body: "2" }))).toBe("success");
        expect(await row()).toEqual({ body: "2", created_by: "alice", updated_by: "bob" });
        expect(await write(tables, "carol", patch("stamped", "s", { body: "3" }))).toBe("success");
        expect(await row()).toEqual({ body: "3", created_by: "alice", updated_by: "carol" });
        expect(await write(tables, "dave", put("stamped", "s"))).toBe("success");
        expect(await row()).toEqual({ body: "3", created_by: "alice", updated_by: "dave" });
        for (const column of ["created_by", "updated_by"]) {
          expect(await write(tables, "eve", patch("stamped", "s", { [column]: "eve" }))).toBe(
            "FORBIDDEN_COLUMN",
          );
          expect(await write(tables, "eve", put("stamped", "s", { [column]: "eve" }))).toBe(
            "FORBIDDEN_COLUMN",
          );
        }
      });

      it("where a PUT makes the row, also if nothing else is sent or the rest becomes NULL", async () => {
        const replacing: Tables = {
          stamped: {
            access: "everyone",
            put: "replace",
            columns: ["body"],
            setOnInsert: { created_by: ({ principal }) => principal.userId },
          },
        };
        expect(await write(replacing, "alice", put("stamped", "s"))).toBe("success");
        expect(await write(replacing, "alice", patch("stamped", "s", { body: "x" }))).toBe(
          "success",
        );
        expect(await write(replacing, "bob", put("stamped", "s"))).toBe("success");
        expect(await row()).toEqual({ body: null, created_by: "alice", updated_by: null });
      });

      it("by an expression of the database's", async () => {
        const expressed: Tables = {
          stamped: {
            access: "everyone",
            columns: ["body"],
            set: { updated_by: () => sql`upper('you')` },
            setOnInsert: { created_by: () => sql`upper('me')` },
          },
        };
        expect(await write(expressed, "alice", put("stamped", "s", { body: "1" }))).toBe("success");
        expect(await row()).toEqual({ body: "1", created_by: "ME", updated_by: "YOU" });
        await db.updateTable("stamped").set({ created_by: "x" }).execute();
        expect(await write(expressed, "alice", put("stamped", "s", { body: "2" }))).toBe("success");
        expect(await row()).toEqual({ body: "2", created_by: "x", updated_by: "YOU" });
      });
    });

    describe("a soft delete", () => {
      const tables: Tables = {
        stamped: { access: "everyone", delete: { set: { deleted_at: () => "now" } } },
      };
      const deletedAt = async () =>
        (await db.selectFrom("stamped").select("deleted_at").executeTakeFirst())?.deleted_at;

      it("is nobody's to take back or to forge", async () => {
        expect(await write(tables, "alice", put("stamped", "s", { deleted_at: "x" }))).toBe(
          "FORBIDDEN_COLUMN",
        );
        expect(await write(tables, "alice", put("stamped", "s"), del("stamped", "s"))).toBe(
          "success",
        );
        for (const entry of [
          patch("stamped", "s", { deleted_at: null }),
          put("stamped", "s", { deleted_at: null }),
        ])
          expect(await write(tables, "alice", entry)).toBe("FORBIDDEN_COLUMN");
        expect(await write(tables, "alice", put("stamped", "s", { body: "x" }))).toBe("success");
        expect(await deletedAt()).toBe("now");
      });

      it("is for its rule to allow", async () => {
        const listed: Tables = {
          stamped: {
            access: "everyone",
            columns: ["body", "deleted_at"],
            delete: { set: { deleted_at: () => "now" } },
          },
        };
        expect(await write(listed, "alice", put("stamped", "s"), del("stamped", "s"))).toBe(
          "success",
        );
        expect(await write(listed, "alice", patch("stamped", "s", { deleted_at: null }))).toBe(
          "success",
        );
        expect(await deletedAt()).toBe(null);
      });

      it("comes twice without harm, where deleted rows are out of scope and hidden", async () => {
        const hidden: Tables = {
          stamped: {
            scope: (eb) => eb("deleted_at", "is", null),
            delete: { set: { deleted_at: () => "now" } },
            hideForeign: true,
          },
        };
        expect(await write(hidden, "alice", put("stamped", "s"), del("stamped", "s"))).toBe(
          "success",
        );
        for (const entry of [del("stamped", "s"), patch("stamped", "s", { body: "x" })])
          expect(await write(hidden, "bob", entry)).toBe("success");
        expect(await write(hidden, "bob", put("stamped", "s", { body: "x" }))).toBe("UNAUTHORIZED");
        expect(await db.selectFrom("stamped").select(["body", "deleted_at"]).execute()).toEqual([
          { body: null, deleted_at: "now" },
        ]);
      });
    });

    describe("context.stored()", () => {
      const seen: unknown[] = [];
      beforeEach(() => void (seen.length = 0));
      const looking: Tables = {
        notes: { authorize: async (_write, { stored }) => void seen.push(await stored()) },
      };

      it("is the row as it is before the write, whoever's it is, and undefined where there is none", async () => {
        await twoFolders();
        const scoped: Tables = {
          notes: { ...looking["notes"], scope: (eb) => eb("body", "=", "mine") },
        };
        expect(await write(scoped, "alice", patch("notes", "na", { revision: 2 }))).toBe("success");
        expect(await write(scoped, "alice", patch("notes", "nb", { revision: 2 }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(scoped, "alice", put("notes", "new", { body: "mine" }))).toBe("success");
        // Somebody without a dead letter: for others such a row is looked at twice.
        expect(await write(scoped, "dora", del("notes", "gone"))).toBe("success");
        const plain = seen.map(
          (row) => row && { ...row, revision: Number((row as { revision: number }).revision) },
        );
        expect(plain).toEqual([
          { id: "na", folder_id: "a", body: "mine", revision: 1 },
          { id: "nb", folder_id: "b", body: "not mine", revision: 1 },
          undefined,
          undefined,
        ]);
      });

      it("shows what the transaction has written so far", async () => {
        expect(
          await write(
            looking,
            "alice",
            put("notes", "n", { body: "1" }),
            patch("notes", "n", { body: "2" }),
            del("notes", "n"),
            put("notes", "n"),
          ),
        ).toBe("success");
        expect(seen.map((row) => (row as { body?: unknown } | undefined)?.body)).toEqual([
          undefined,
          "1",
          "2",
          undefined,
        ]);
      });

      it("is one statement, however often it is asked, and none where nobody asks", async () => {
        await twoFolders();
        const plain: Tables = { notes: { access: "everyone" } };
        const often: Tables = {
          notes: {
            authorize: async (_write, { stored }) => void (await Promise.all([stored(), stored()])),
          },
        };
        await write(plain, "alice", patch("notes", "na", { body: "x" }));
        const without = statements() ?? 0;
        await write(
          {
            tables: often,
            authorize: async (_write, { stored }) => void (await stored()),
            hooks: {
              persist: {
                before: async (_write, { stored }) => void (await stored()),
                after: async (_outcome, { stored }) => void (await stored()),
              },
            },
          },
          "alice",
          patch("notes", "na", { body: "y" }),
        );
        expect(statements()).toBe(without + 1);
      });

      it("is there for hooks, converted and computed columns, and remembers the old row behind the write", async () => {
        await twoFolders();
        const counting: Tables = {
          notes: {
            access: "everyone",
            columns: {
              body: {
                convert: async (value, { stored }) =>
                  `${String((await stored())?.["body"] ?? "")}+${String(value)}`,
              },
            },
            set: {
              revision: async ({ stored }) => Number((await stored())?.["revision"] ?? 0) + 1,
            },
          },
        };
        const config = {
          tables: counting,
          hooks: {
            persist: {
              after: async (_outcome: unknown, { stored }: { stored(): Promise<unknown> }) =>
                void seen.push(await stored()),
            },
          },
        };
        expect(await write(config, "alice", patch("notes", "na", { body: "x" }))).toBe("success");
        expect(seen).toMatchObject([{ id: "na", body: "mine" }]);
        expect(
          await db
            .selectFrom("notes")
            .select("body")
            .where("id", "=", "na")
            .where("revision", "=", 2)
            .execute(),
        ).toEqual([{ body: "mine+x" }]);
      });

      it("is not to be asked for the first time behind the write", async () => {
        await twoFolders();
        const config = {
          tables: { notes: { access: "everyone" as const } },
          hooks: {
            persist: {
              after: async (_outcome: unknown, { stored }: { stored(): Promise<unknown> }) =>
                void (await stored()),
            },
          },
        };
        expect(await write(config, "alice", patch("notes", "na", { body: "x" }))).toBe(
          "retryable_error",
        );
        const errors = events.flatMap((event) =>
          event.type === "error" ? [String(event.error)] : [],
        );
        expect(errors).toEqual([expect.stringContaining("Call it before the write")]);
        expect(
          await db.selectFrom("notes").select("body").where("id", "=", "na").execute(),
        ).toEqual([{ body: "mine" }]);
      });

      it("is about the row that hooks have made of the device's", async () => {
        await twoFolders();
        const config = {
          tables: looking,
          hooks: {
            map: { before: (entry: object) => ({ ...entry, table: "notes" }) as never },
            authorize: { before: (given: object) => ({ ...given, id: "nb" }) as never },
          },
        };
        expect(await write(config, "alice", patch("papers", "na", { body: "x" }))).toBe("success");
        expect(seen).toMatchObject([{ id: "nb" }]);
      });

      it("keeps every digit of an integer", async () => {
        const big = "9007199254740993";
        await sql.raw(`insert into stamped (id, big) values ('s', ${big})`).execute(db);
        const tables: Tables = {
          stamped: {
            authorize: async (_write, { stored }) =>
              void seen.push(String((await stored())?.["big"])),
          },
        };
        expect(await write(tables, "alice", patch("stamped", "s", { body: "x" }))).toBe("success");
        expect(seen).toEqual([big]);
      });

      it("finds rows by keys of several columns, and by converted ones", async () => {
        const id = "11111111-1111-4111-8111-111111111111";
        const tables: Tables = {
          members: {
            id: ["list_id", "user_name"],
            authorize: async (_write, { stored }) => void seen.push(await stored()),
          },
          lists: { authorize: async (_write, { stored }) => void seen.push(await stored()) },
        };
        await database.reset();
        expect(
          await write(
            tables,
            "alice",
            put("members", `${id}.x`, { role: "r" }),
            patch("members", `${id.toUpperCase()}.x`, { role: "s" }),
          ),
        ).toBe("success");
        expect(seen).toMatchObject([undefined, { user_name: "x", role: "r" }]);
        expect(await write(tables, "alice", patch("members", "one", { role: "s" }))).toBe(
          "INVALID_DATA",
        );
        // It can never be one, so the device must not keep it for ever.
        expect(await write(tables, "alice", patch("lists", noUuid, { name: "s" }))).toBe(
          "INVALID_DATA",
        );
      });

      it("is retryable where the table is not there right now", async () => {
        const tables: Tables = {
          gone: {
            table: "no_such_table",
            columns: ["a"],
            authorize: async (_write, { stored }) => void (await stored()),
          },
        };
        expect(await write(tables, "alice", put("gone", "x", { a: 1 }))).toBe("retryable_error");
        expect(events.map(({ type }) => type)).toContain("schema_missing");
      });

      itWhere(dialect.concurrent)("locks the row it gave", async () => {
        await twoFolders();
        let another: Promise<unknown> | undefined;
        const order: string[] = [];
        const tables: Tables = {
          notes: {
            authorize: async (_write, { stored }) => {
              await stored();
              another ??= db
                .updateTable("notes")
                .set({ revision: 9 })
                .where("id", "=", "na")
                .execute()
                .then(() => order.push("another"));
              await new Promise((resolve) => setTimeout(resolve, 150));
              order.push("checked");
            },
          },
        };
        expect(await write(tables, "alice", patch("notes", "na", { revision: 2 }))).toBe("success");
        await another;
        expect(order).toEqual(["checked", "another"]);
      });

      itWhere(dialect.concurrent).each<[string, Entry]>([
        ["PUT", put("notes", "new", { body: "late" })],
        ["PATCH", patch("notes", "new", { body: "late" })],
        ["DELETE", del("notes", "new")],
      ])("is asked again where a row that was not there has come: %s", async (_op, entry) => {
        let tried = 0;
        const tables: Tables = {
          notes: {
            authorize: async (_write, { stored }) => {
              seen.push((await stored())?.["body"]);
              tried += 1;
              if (tried === 1)
                await db
                  .insertInto("notes")
                  .values({ id: "new", body: "first", folder_id: null, revision: 1 })
                  .execute();
              if ((await stored()) !== undefined) throw Object.assign(new Error("seen"), {});
            },
          },
        };
        // What it would have allowed for a row that is not there, it refuses for this one.
        expect(await write(tables, "alice", entry)).toBe("retryable_error");
        expect(seen).toEqual([undefined, "first"]);
        expect(await db.selectFrom("notes").select("body").execute()).toEqual([{ body: "first" }]);
      });
    });
  });
}

describe("integers beyond 2^53, by drivers as they come", () => {
  const big = "9007199254740993";
  const drivers: readonly (readonly [
    string,
    () => Promise<{ dialect: Dialect; drop?: () => Promise<void> }>,
    MysqlServer?,
  ])[] = [
    [
      "better-sqlite3",
      async () => ({ dialect: new SqliteDialect({ database: new Sqlite(":memory:") }) }),
    ],
    [
      "node:sqlite",
      async () => ({ dialect: new SqliteDialect({ database: nodeSqlite(":memory:") }) }),
    ],
    ...mysqlServers.map(
      (server) =>
        [
          `mysql2 and ${server.name}`,
          async () => {
            const { url, drop } = await createMysqlDatabase(server);
            return { dialect: new MysqlDialect({ pool: mysql.createPool(url) }), drop };
          },
          server,
        ] as const,
    ),
  ];

  it.for(drivers)(
    "keep every digit in stored() and in references: %s",
    async ([, open, server], { skip }) => {
      if (server !== undefined && !(await server.available())) return skip();
      const { dialect, drop } = await open();
      const db = new Kysely<RuleSchema>({ dialect });
      try {
        await sql`create table people (id varchar(40) primary key, number bigint)`.execute(db);
        await sql`create table works (id varchar(40) primary key, person bigint)`.execute(db);
        await sql.raw(`insert into people (id, number) values ('p', ${big})`).execute(db);
        const seen: unknown[] = [];
        const { processTransaction } = createWrites<Principal, RuleSchema>({
          logger: false,
          authenticate: byName,
          database: db,
          // The driver alone is meant: the library has no tables here.
          ledger: false,
          tables: {
            people: {
              authorize: async (_write, { stored }) =>
                void seen.push(String((await stored())?.["number"])),
            },
            works: {
              access: "everyone",
              columns: { person: { references: { table: "people", match: "id", take: "number" } } },
            },
          },
        });
        const crud = [
          del("people", "none"),
          patch("people", "p", { number: big }),
          put("works", "w", { person: "p" }),
        ];
        const result = await processTransaction({ crud }, { principal: { userId: "alice" } });
        expect(result).toEqual({ status: "success" });
        expect(seen).toEqual(["undefined", big]);
        const { rows } = await sql<{
          person: string;
        }>`select cast(person as char(20)) as person from works`.execute(db);
        expect(rows).toEqual([{ person: big }]);
      } finally {
        await db.destroy();
        await drop?.();
      }
    },
  );
});

function isConfig(given: object): given is Partial<Config> & { readonly tables: Tables } {
  return "tables" in given;
}
