/** Scopes as applications write them, on every database: whatever is in them, a write reaches its own row alone, and only where the scope says so. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type WriteEvent, type WritesConfig } from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { createRuleTables, emptyRuleTables, type RuleSchema } from "../support/rule-tables.js";
import type { TestPrincipal } from "../support/writes.js";

type Tables = WritesConfig<TestPrincipal, RuleSchema>["tables"];
type Rule = Tables[string];

const alice = { userId: "alice" };

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let db: Kysely<RuleSchema>;
    let events: WriteEvent[] = [];
    let lines: string[] = [];
    let last = 0;

    beforeAll(async () => {
      database = await dialect.open();
      db = await createRuleTables(database);
    });
    beforeEach(async () => {
      await database.reset();
      await emptyRuleTables(db);
      events = [];
      lines = [];
      const folder = { parent_id: null };
      await db
        .insertInto("folders")
        .values([
          { ...folder, id: "mine", owner_id: "alice", name: "x" },
          { ...folder, id: "edited", owner_id: "bob", name: "alice" },
          { ...folder, id: "secret", owner_id: "bob", name: "x" },
          { ...folder, id: "nobody", owner_id: null, name: null },
        ])
        .execute();
      await db
        .insertInto("notes")
        .values([
          { id: "n-mine", folder_id: "mine", body: "alice", revision: 1 },
          { id: "n-other", folder_id: "mine", body: "bob", revision: 1 },
          { id: "n-secret", folder_id: "secret", body: "bob", revision: 1 },
        ])
        .execute();
      await db
        .insertInto("stamped")
        .values([
          { id: "s1", body: "one", created_by: "bob", updated_by: "bob" },
          { id: "s2", body: "two", created_by: "bob", updated_by: "bob" },
        ])
        .execute();
    });
    afterAll(() => database.close());

    const write = async (
      tables: Tables,
      op: string,
      table: string,
      id: string,
      values?: object,
    ) => {
      const line = (text: string) => void lines.push(text);
      const writes = createWrites<TestPrincipal, RuleSchema>({
        authenticate: () => alice,
        database: db,
        tables,
        onEvent: (event) => void events.push(event),
        logger: { error: line, warn: () => undefined },
      });
      const body = { crud: [{ op, table, id, op_id: ++last, ...(values && { op_data: values }) }] };
      const result = await writes.processTransaction(body, { principal: alice, clientId: "phone" });
      return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
    };
    const folders = async () =>
      (await db.selectFrom("folders").select(["id", "name"]).orderBy("id").execute())
        .map(({ id, name }) => `${id}:${name}`)
        .join(" ");
    const notes = async () =>
      (await db.selectFrom("notes").select(["id", "body"]).orderBy("id").execute())
        .map(({ id, body }) => `${id}:${body}`)
        .join(" ");
    const asBefore = "edited:alice mine:x nobody:null secret:x";

    describe("raw SQL with OR at its top, and a comment at its end", () => {
      const either = (me: string) =>
        sql<boolean>`folders.owner_id = ${me} or folders.name = ${me} -- or whoever it is`;
      const scope: Rule["scope"] = (_eb, { principal }) => either(principal.userId);

      it("reaches the one row alone", async () => {
        expect(await write({ folders: { scope } }, "PATCH", "folders", "mine", { name: "y" })).toBe(
          "success",
        );
        expect(await folders()).toBe("edited:alice mine:y nobody:null secret:x");
        expect(await write({ folders: { scope } }, "DELETE", "folders", "edited")).toBe("success");
        expect(await folders()).toBe("mine:y nobody:null secret:x");
      });

      it("reaches no other's row", async () => {
        const refused = [
          await write({ folders: { scope } }, "PATCH", "folders", "secret", { name: "y" }),
          await write({ folders: { scope } }, "PUT", "folders", "secret", { name: "y" }),
          await write({ folders: { scope } }, "DELETE", "folders", "secret"),
        ];
        expect(refused).toEqual(["UNAUTHORIZED", "UNAUTHORIZED", "UNAUTHORIZED"]);
        expect(await folders()).toBe(asBefore);
      });

      it("does not outweigh owner", async () => {
        const tables: Tables = { folders: { owner: "owner_id", scope } };
        expect(await write(tables, "PATCH", "folders", "edited", { parent_id: "z" })).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(tables, "DELETE", "folders", "edited")).toBe("UNAUTHORIZED");
        expect(await write(tables, "DELETE", "folders", "secret")).toBe("UNAUTHORIZED");
        expect(await folders()).toBe(asBefore);
        expect(await write(tables, "DELETE", "folders", "mine")).toBe("success");
        expect(await folders()).toBe("edited:alice nobody:null secret:x");
      });

      it("does not outweigh belongsTo, as the child's or as the parent's", async () => {
        const ofChild: Tables = {
          folders: { owner: "owner_id" },
          notes: {
            belongsTo: { folder_id: "folders" },
            scope: (_eb, { principal: { userId } }) =>
              sql<boolean>`notes.body = ${userId} or notes.revision = 1 -- any`,
          },
        };
        const ofParent: Tables = {
          folders: { scope },
          notes: { belongsTo: { folder_id: "folders" } },
        };
        for (const tables of [ofChild, ofParent]) {
          for (const op of ["PATCH", "DELETE"]) {
            const values = op === "PATCH" ? { body: "y" } : undefined;
            expect(await write(tables, op, "notes", "n-secret", values)).toBe("UNAUTHORIZED");
          }
          expect(await notes()).toBe("n-mine:alice n-other:bob n-secret:bob");
        }
        expect(await write(ofChild, "DELETE", "notes", "n-mine")).toBe("success");
        expect(await write(ofParent, "DELETE", "notes", "n-other")).toBe("success");
        expect(await notes()).toBe("n-secret:bob");
      });
    });

    describe("a key or a reference that is raw SQL, with OR at its top, or a comment at its end", () => {
      const named = (id: string) => [
        sql`concat(${id}, '') or 1 = 1 -- any`,
        sql`${id} or 1 = 1 -- any`,
      ];
      const byExpression = (make: (id: string) => unknown): Rule => ({
        owner: "owner_id",
        id: { columns: ["id"], split: (id: string) => [make(id)] },
      });

      it("reaches no row that it does not name", async () => {
        for (const at of [0, 1]) {
          const tables: Tables = { folders: byExpression((id) => named(id)[at]) };
          await write(tables, "DELETE", "folders", "zzz");
          await write(tables, "PATCH", "folders", "zzz", { name: "taken" });
          expect(await folders()).toBe(asBefore);
        }
      });

      it("does not hide the scope behind it", async () => {
        const tables: Tables = {
          folders: byExpression((id) => sql`lower(${id}) -- by the server`),
        };
        expect(await write(tables, "PATCH", "folders", "SECRET", { name: "y" })).toBe(
          "UNAUTHORIZED",
        );
        expect(await folders()).toBe(asBefore);
        expect(await write(tables, "PATCH", "folders", "MINE", { name: "y" })).toBe("success");
        expect(await write(tables, "PUT", "folders", "NEW", { name: "n" })).toBe("success");
        expect(await folders()).toBe("edited:alice mine:y new:n nobody:null secret:x");
        expect(await write(tables, "DELETE", "folders", "MINE")).toBe("success");
        expect(await folders()).toBe("edited:alice new:n nobody:null secret:x");
      });

      it("looks up no other row", async () => {
        const folder_id = {
          convert: (value: unknown) => sql`${value} or owner_id = 'bob' -- any`,
          references: { table: "folders", match: "id", take: "id" },
        };
        const tables: Tables = {
          notes: { access: "everyone", columns: { body: true, folder_id } },
        };
        await write(tables, "PATCH", "notes", "n-mine", { folder_id: "nope" });
        const note = await db
          .selectFrom("notes")
          .select("folder_id")
          .where("id", "=", "n-mine")
          .executeTakeFirstOrThrow();
        expect(note.folder_id).toBe("mine");
      });
    });

    describe("a scope that filters nothing", () => {
      it.each<[string, NonNullable<Rule["scope"]>]>([
        ["an AND of nothing", (eb) => eb.and([])],
        ["an AND of what is undefined", (eb) => eb.and({ owner_id: undefined as never })],
        ["one inside an OR", (eb) => eb.or([eb("name", "=", "q"), eb.and([])])],
      ])("lets nobody write: %s", async (_, scope) => {
        const rules: Tables[] = [
          { folders: { scope } },
          { folders: { owner: "owner_id", scope } },
          { folders: { scope }, notes: { belongsTo: { folder_id: "folders" } } },
        ];
        for (const tables of rules) {
          const [table, id] =
            tables["notes"] === undefined ? ["folders", "mine"] : ["notes", "n-mine"];
          lines = [];
          expect(await write(tables, "DELETE", table, id)).toBe("retryable_error");
          expect(lines.join("\n")).toContain(
            "The scope of folders holds a filter that lets every row through",
          );
        }
        expect(await folders()).toBe(asBefore);
        expect(await notes()).toBe("n-mine:alice n-other:bob n-secret:bob");
      });
    });

    describe("a scope that gives no filter", () => {
      it.each<[string, unknown]>([
        ["undefined", undefined],
        ["null", null],
        ["false", false],
        ["a string", "owner_id = 'alice'"],
        ["an object", { owner_id: "alice" }],
        ["a promise", Promise.resolve(true)],
        ["a function", () => true],
      ])("but %s lets nobody write, and says what to write", async (said, given) => {
        const scope = (() => given) as unknown as NonNullable<Rule["scope"]>;
        const rules: Tables[] = [
          { folders: { scope } },
          { folders: { owner: "owner_id", scope } },
          { folders: { scope }, notes: { belongsTo: { folder_id: "folders" } } },
        ];
        for (const [index, tables] of rules.entries()) {
          lines = [];
          const attempts =
            index < 2
              ? ([
                  ["PATCH", "folders", "mine", { name: "y" }],
                  ["DELETE", "folders", "secret"],
                  ["PUT", "folders", "new", { name: "y", owner_id: "alice" }],
                ] as const)
              : ([["DELETE", "notes", "n-secret"]] as const);
          for (const [op, table, id, values] of attempts) {
            expect(await write(tables, op, table, id, values)).toBe("retryable_error");
          }
          const message = `tables.folders: the scope gave ${said} and no filter. Return an expression; or true, for no restriction.`;
          expect(lines.join("\n")).toContain(message);
          expect(events).toContainEqual(
            expect.objectContaining({ type: "error", outcome: "retryable", during: "persist" }),
          );
        }
        expect(await folders()).toBe(asBefore);
        expect(await notes()).toBe("n-mine:alice n-other:bob n-secret:bob");
      });

      it("is none where it gives true", async () => {
        const tables: Tables = { folders: { scope: () => true } };
        expect(await write(tables, "PATCH", "folders", "nobody", { name: "y" })).toBe("success");
        const owned: Tables = { folders: { owner: "owner_id", scope: () => true } };
        expect(await write(owned, "PATCH", "folders", "secret", { name: "y" })).toBe(
          "UNAUTHORIZED",
        );
        expect(await folders()).toBe("edited:alice mine:x nobody:y secret:x");
      });
    });

    it("a comment at the end of what a column is set to hides nothing behind it", async () => {
      const set = () => sql`upper('me') -- whoever it is`;
      const tables: Tables = {
        stamped: {
          access: "everyone",
          set: { updated_by: set },
          setOnInsert: { created_by: set },
          delete: { set: { deleted_at: () => sql`upper('now') -- gone` } },
        },
      };
      expect(await write(tables, "PATCH", "stamped", "s1", { body: "x" })).toBe("success");
      expect(await write(tables, "DELETE", "stamped", "s2")).toBe("success");
      expect(await write(tables, "PUT", "stamped", "s3", { body: "z" })).toBe("success");
      const rows = await db
        .selectFrom("stamped")
        .select(["id", "body", "created_by", "updated_by", "deleted_at"])
        .orderBy("id")
        .execute();
      expect(rows.map((row) => Object.values(row).join())).toEqual([
        "s1,x,bob,ME,",
        "s2,two,bob,bob,NOW",
        "s3,z,ME,ME,",
      ]);
    });

    it("a column may be set to its default", async () => {
      if (dialect.name.startsWith("SQLite")) return; // which has no such word
      const tables: Tables = {
        stamped: {
          access: "everyone",
          set: { created_by: () => sql`default` },
        },
      };
      expect(await write(tables, "PATCH", "stamped", "s1", { body: "x" })).toBe("success");
    });
  });
}

describe("the memory store", () => {
  it.each([undefined, null, false, "owner", { owner: "alice" }, Promise.resolve(true)])(
    "lets nobody write where the scope gives %o",
    async (given) => {
      const store = memoryStore({
        tables: { folders: { columns: { id: "text", name: "text" }, key: ["id"] } },
      });
      const lines: string[] = [];
      const writes = createWrites({
        authenticate: () => alice,
        database: store,
        tables: { folders: { scope: () => given } },
        logger: { error: (line) => void lines.push(line), warn: () => undefined },
      });
      const crud = [{ op: "PUT", table: "folders", id: "a", op_id: 1, op_data: { name: "x" } }];
      expect(await writes.processTransaction({ crud }, { principal: alice })).toMatchObject({
        status: "retryable_error",
      });
      expect(store.rows("folders")).toEqual([]);
      expect(lines.join("\n")).toContain("Return an expression; or true, for no restriction.");
    },
  );
});
