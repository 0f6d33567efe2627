/** What a rule keeps, sets and shares, on every database: `set`, `setOnInsert`, `insertOnly`, a scope of conditions, and `persist` of one table. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  anyOf,
  createWrites,
  fatal,
  isMember,
  isOwner,
  type Principal,
  type TransactionResult,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { memoryStore } from "../../src/store/memory.js";
import { isChosen } from "../support/chosen.js";
import { dialects, postgres, type TestDatabase } from "../support/databases.js";
import { createRuleTables, emptyRuleTables, type RuleSchema } from "../support/rule-tables.js";
import { byName } from "../support/writes.js";

type Config = WritesConfig<Principal, RuleSchema>;
type Tables = Config["tables"];

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

const members = isMember({ table: "folder_members", row: "folder_id", user: "user_id" });
const shared = {
  folders: { scope: anyOf(isOwner("owner_id"), members) },
  folder_members: { access: "everyone" },
  notes: { belongsTo: { folder_id: "folders" } },
} satisfies Tables;

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

    const answer = async (
      tables: Tables,
      userId: string,
      crud: readonly object[],
      config: Partial<Config> = {},
    ) => {
      const { processTransaction } = createWrites<Principal, RuleSchema>({
        authenticate: byName,
        database: db,
        logger: false,
        onEvent: (event) => void events.push(event),
        ...config,
        tables,
      });
      return processTransaction({ crud }, { principal: { userId } });
    };
    const write = async (tables: Tables, userId: string, ...crud: readonly object[]) =>
      wordOf(await answer(tables, userId, crud));
    const stamped = () =>
      db.selectFrom("stamped").select(["body", "created_by", "updated_by"]).executeTakeFirst();

    describe("what the server sets", () => {
      const tables: Tables = {
        stamped: {
          access: "everyone",
          set: { updated_by: ({ principal }) => principal.userId },
          setOnInsert: { created_by: ({ principal }) => principal.userId },
        },
      };

      it("leaves all other columns to the client, who need not be listed", async () => {
        expect(await write(tables, "alice", put("stamped", "s", { body: "1", big: 7 }))).toBe(
          "success",
        );
        expect(await write(tables, "bob", patch("stamped", "s", { body: "2" }))).toBe("success");
        expect(await stamped()).toEqual({ body: "2", created_by: "alice", updated_by: "bob" });
        for (const column of ["created_by", "updated_by"]) {
          const forged = { [column]: "eve" };
          expect(await write(tables, "eve", patch("stamped", "s", forged))).toBe(
            "FORBIDDEN_COLUMN",
          );
          expect(await write(tables, "eve", put("stamped", "t", forged))).toBe("FORBIDDEN_COLUMN");
        }
      });

      it("is left out of what a client sends, where the rule says so", async () => {
        const { stamped: rule } = tables;
        const lenient: Tables = {
          stamped: { ...rule, access: "everyone", unknownColumns: "ignore" },
        };
        const listed: Tables = {
          stamped: {
            ...rule,
            access: "everyone",
            columns: { body: true, updated_by: { readOnly: "ignore" } },
          },
        };
        for (const given of [lenient, listed]) {
          const sent = { body: "x", updated_by: "forged" };
          expect(await write(given, "alice", put("stamped", "s", sent))).toBe("success");
          expect(await stamped()).toEqual({ body: "x", created_by: "alice", updated_by: "alice" });
        }
      });
    });

    describe("a column that is set once", () => {
      const once: Tables = { stamped: { access: "everyone", insertOnly: ["created_by"] } };
      const made = async () =>
        expect(
          await write(once, "alice", put("stamped", "s", { body: "1", created_by: "alice" })),
        ).toBe("success");

      it("takes the value of the PUT that makes the row, and repeats of it", async () => {
        await made();
        for (const [body, entry] of [
          ["2", put("stamped", "s", { body: "2", created_by: "alice" })],
          ["3", patch("stamped", "s", { body: "3", created_by: "alice" })],
          ["3", patch("stamped", "s", { created_by: "alice" })],
          ["3", put("stamped", "s", { created_by: "alice" })],
          ["4", put("stamped", "s", { body: "4" })],
          ["4", put("stamped", "s")],
        ] as const) {
          expect(await write(once, "bob", entry), JSON.stringify(entry)).toBe("success");
          expect(await stamped()).toEqual({ body, created_by: "alice", updated_by: null });
        }
      });

      it("refuses what would change it, and then changes nothing", async () => {
        await made();
        for (const created_by of ["bob", "Alice", "alice2", "", null]) {
          for (const entry of [
            put("stamped", "s", { body: "x", created_by }),
            patch("stamped", "s", { body: "x", created_by }),
            patch("stamped", "s", { created_by }),
          ]) {
            const text = JSON.stringify(entry);
            expect(await write(once, "bob", entry), text).toBe("FORBIDDEN_COLUMN");
          }
        }
        expect(await stamped()).toEqual({ body: "1", created_by: "alice", updated_by: null });
      });

      it("is none the less set once where it was left empty", async () => {
        expect(await write(once, "alice", put("stamped", "s", { body: "1" }))).toBe("success");
        expect(await write(once, "bob", patch("stamped", "s", { created_by: "bob" }))).toBe(
          "FORBIDDEN_COLUMN",
        );
        expect(await write(once, "bob", put("stamped", "s", { created_by: null, body: "2" }))).toBe(
          "success",
        );
        expect(await stamped()).toEqual({ body: "2", created_by: null, updated_by: null });
      });

      it("is named to the client by the client's name", async () => {
        const renamed: Tables = {
          stamped: {
            access: "everyone",
            columns: { body: true, author: "created_by" },
            insertOnly: ["created_by"],
          },
        };
        await made();
        const result = await answer(renamed, "bob", [
          patch("stamped", "s", { body: "x" }),
          patch("stamped", "s", { author: "bob" }),
        ]);
        expect(result).toMatchObject({
          status: "fatal_error",
          failedOperation: {
            errorCode: "FORBIDDEN_COLUMN",
            details: { column: "author" },
            operationIndex: 1,
          },
        });
        expect((await stamped())?.body).toBe("1");
      });

      it("is nobody's business where there is no row, or one of somebody else's", async () => {
        const folders: Tables = {
          folders: { owner: "owner_id", insertOnly: ["name", "owner_id"] },
        };
        expect(await write(folders, "alice", patch("folders", "f", { name: "x" }))).toBe("success");
        expect(await write(folders, "alice", put("folders", "f", { name: "a" }))).toBe("success");
        expect(await write(folders, "bob", patch("folders", "f", { name: "x" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(folders, "bob", put("folders", "f", { name: "x" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(folders, "alice", patch("folders", "f", { name: "x" }))).toBe(
          "FORBIDDEN_COLUMN",
        );
        expect(await write(folders, "alice", patch("folders", "f", { owner_id: "bob" }))).toBe(
          "FORBIDDEN_COLUMN",
        );
        const again = put("folders", "f", { name: "a", parent_id: "p" });
        expect(await write(folders, "alice", again)).toBe("success");
        expect(await db.selectFrom("folders").selectAll().execute()).toEqual([
          { id: "f", owner_id: "alice", name: "a", parent_id: "p" },
        ]);
      });

      it("is compared as its type has it", async () => {
        const big: Tables = { stamped: { access: "everyone", insertOnly: ["big"] } };
        const largest = "9007199254740993";
        expect(await write(big, "alice", put("stamped", "s", { big: largest }))).toBe("success");
        expect(await write(big, "alice", patch("stamped", "s", { big: largest }))).toBe("success");
        expect(await write(big, "alice", patch("stamped", "s", { big: "9007199254740992" }))).toBe(
          "FORBIDDEN_COLUMN",
        );
      });

      it("stays where a PUT replaces the others, and where it changes none", async () => {
        const columns = ["body", "created_by"];
        const rule = { access: "everyone", columns, insertOnly: ["created_by"] } as const;
        await made();
        const replacing: Tables = { stamped: { ...rule, put: "replace" } };
        expect(await write(replacing, "bob", put("stamped", "s"))).toBe("success");
        expect(await stamped()).toEqual({ body: null, created_by: "alice", updated_by: null });
        const inserting: Tables = { stamped: { ...rule, put: "insert" } };
        expect(await write(inserting, "bob", put("stamped", "s", { created_by: "alice" }))).toBe(
          "success",
        );
        expect(await write(inserting, "bob", put("stamped", "s", { created_by: "bob" }))).toBe(
          "UNIQUE_VIOLATION",
        );
        expect(await write(inserting, "bob", patch("stamped", "s", { created_by: "bob" }))).toBe(
          "FORBIDDEN_COLUMN",
        );
      });

      it("is the one of whoever came first, however many come at once", async () => {
        const names = ["a", "b", "c", "d", "e", "f"];
        const answers = await Promise.all(
          names.map((name) =>
            write(once, name, put("stamped", "s", { created_by: name, body: name })),
          ),
        );
        const winners = names.filter((_, index) => answers[index] === "success");
        expect(winners).toHaveLength(1);
        expect(answers.filter((each) => each === "FORBIDDEN_COLUMN")).toHaveLength(5);
        expect(await stamped()).toMatchObject({ created_by: winners[0], body: winners[0] });
      });

      it("also where many rows are written at once", async () => {
        const rows = Array.from({ length: 30 }, (_, index) => `s${index}`);
        const all = (body: string, by: (id: string) => string) =>
          rows.map((id) => put("stamped", id, { body, created_by: by(id) }));
        expect(await write(once, "alice", ...all("1", () => "alice"))).toBe("success");
        expect(await write(once, "bob", ...all("2", () => "alice"))).toBe("success");
        const other = (id: string) => (id === "s17" ? "bob" : "alice");
        const refused = await answer(once, "bob", all("3", other));
        expect(refused).toMatchObject({
          failedOperation: { errorCode: "FORBIDDEN_COLUMN", operationIndex: 17 },
        });
        const stored = await db.selectFrom("stamped").select(["body", "created_by"]).execute();
        expect(new Set(stored.map((row) => `${row.body} ${row.created_by}`))).toEqual(
          new Set(["2 alice"]),
        );
      });

      it("of a row that lacks what a new one needs", async () => {
        await sql`create table needing (id varchar(40) primary key, need varchar(40) not null, made_by varchar(40))`.execute(
          db,
        );
        const needing: Tables = { needing: { access: "everyone", insertOnly: ["made_by"] } };
        const full = put("needing", "n", { need: "x", made_by: "alice" });
        expect(await write(needing, "alice", full)).toBe("success");
        expect(await write(needing, "bob", put("needing", "n", { made_by: "alice" }))).toBe(
          "success",
        );
        expect(await write(needing, "bob", put("needing", "n", { made_by: "bob" }))).toBe(
          "FORBIDDEN_COLUMN",
        );
      });

      it("of a table with a trigger, which could have declined", async () => {
        if (dialect.family === "mysql") return; // where no trigger can
        await sql`create table watched (id varchar(40) primary key, made_by varchar(40), body varchar(40))`.execute(
          db,
        );
        if (dialect.family === "postgres") {
          await sql`create function pass() returns trigger language plpgsql as 'begin return new; end'`.execute(
            db,
          );
          await sql`create trigger pass before update on watched for each row execute function pass()`.execute(
            db,
          );
        } else {
          await sql`create trigger pass before update on watched begin select 1; end`.execute(db);
        }
        const watched: Tables = { watched: { access: "everyone", insertOnly: ["made_by"] } };
        const made_by = "alice";
        expect(await write(watched, "alice", put("watched", "w", { made_by }))).toBe("success");
        for (const op of [put, patch]) {
          const other = op("watched", "w", { made_by: "bob", body: "x" });
          expect(await write(watched, "bob", other)).toBe("FORBIDDEN_COLUMN");
          expect(await write(watched, "bob", op("watched", "w", { made_by, body: "y" }))).toBe(
            "success",
          );
        }
      });
    });

    describe("a scope of conditions", () => {
      const folder = () => db.selectFrom("folders").select(["owner_id", "name"]).executeTakeFirst();
      const join = (user_id: string, folder_id = "f") =>
        put("folder_members", `${folder_id} ${user_id}`, { folder_id, user_id });

      beforeEach(async () => {
        expect(await write(shared, "alice", put("folders", "f", { name: "a" }))).toBe("success");
        expect(await folder()).toEqual({ owner_id: "alice", name: "a" });
      });

      it("lets the owner and the members write, and nobody else", async () => {
        expect(await write(shared, "bob", patch("folders", "f", { name: "b" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(shared, "bob", put("notes", "n", { folder_id: "f" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(shared, "alice", join("bob"))).toBe("success");
        expect(await write(shared, "bob", patch("folders", "f", { name: "b" }))).toBe("success");
        expect(await write(shared, "bob", put("notes", "n", { folder_id: "f" }))).toBe("success");
        expect(await write(shared, "alice", patch("notes", "n", { body: "x" }))).toBe("success");
        for (const other of ["Bob", "BOB", "bob ", "carol"]) {
          expect(await write(shared, other, patch("folders", "f", { name: "c" })), other).toBe(
            "UNAUTHORIZED",
          );
          expect(await write(shared, other, del("notes", "n")), other).toBe("UNAUTHORIZED");
        }
        expect(await folder()).toEqual({ owner_id: "alice", name: "b" });
        expect(await write(shared, "bob", del("folders", "f"))).toBe("success");
      });

      it("gives a new row to whoever makes it, and a row that is there to nobody else", async () => {
        expect(await write(shared, "alice", join("bob"))).toBe("success");
        expect(await write(shared, "bob", put("folders", "f", { name: "b" }))).toBe("success");
        expect(await folder()).toEqual({ owner_id: "alice", name: "b" });
        expect(await write(shared, "bob", put("folders", "g", { owner_id: "alice" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(shared, "bob", put("folders", "f", { owner_id: "bob" }))).toBe(
          "success",
        );
        expect((await folder())?.owner_id).toBe("bob");
      });

      it("with an owner that is set once, no member takes the row over", async () => {
        const kept: Tables = {
          ...shared,
          folders: { ...shared.folders, insertOnly: ["owner_id"] },
        };
        expect(await write(kept, "alice", join("bob"))).toBe("success");
        for (const op of [put, patch]) {
          expect(await write(kept, "bob", op("folders", "f", { owner_id: "bob" }))).toBe(
            "FORBIDDEN_COLUMN",
          );
          expect(await write(kept, "bob", op("folders", "f", { name: "b" }))).toBe("success");
        }
        expect(await folder()).toEqual({ owner_id: "alice", name: "b" });
      });

      it("sees what the transaction has written before", async () => {
        expect(await write(shared, "bob", join("bob"), patch("folders", "f", { name: "b" }))).toBe(
          "success",
        );
        expect(
          await write(
            shared,
            "bob",
            del("folder_members", "f bob"),
            patch("folders", "f", { name: "c" }),
          ),
        ).toBe("UNAUTHORIZED");
        expect(await folder()).toEqual({ owner_id: "alice", name: "b" });
      });

      it("may go by another column than the key, also in the members' own table", async () => {
        const byFolder = isMember({
          table: "folder_members",
          row: "folder_id",
          user: "user_id",
          by: "folder_id",
        });
        const tables: Tables = {
          notes: { scope: byFolder },
          folder_members: { scope: anyOf(byFolder, isOwner("user_id")) },
        };
        expect(await write(tables, "bob", put("notes", "n", { folder_id: "f" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(tables, "bob", join("carol"))).toBe("UNAUTHORIZED");
        expect(await write(shared, "alice", join("bob"))).toBe("success");
        expect(await write(tables, "bob", put("notes", "n", { folder_id: "f" }))).toBe("success");
        expect(await write(tables, "bob", put("notes", "m"))).toBe("UNAUTHORIZED");
        expect(await write(tables, "bob", patch("notes", "n", { folder_id: "g" }))).toBe(
          "UNAUTHORIZED",
        );
        expect(await write(tables, "bob", join("carol"))).toBe("success");
        expect(await write(tables, "carol", del("folder_members", "f bob"))).toBe("success");
        // One after the other: who is made a member last was none when the others were.
        const others = Array.from({ length: 30 }, (_, index) => join(`c${index}`, "g"));
        expect(await write(tables, "dave", ...others, join("dave", "g"))).toBe("UNAUTHORIZED");
        expect(await write(tables, "dave", join("dave", "g"), ...others)).toBe("success");
      });

      it("stands beside `owner` and a table's other options, where all must hold", async () => {
        const tables: Tables = {
          notes: { belongsTo: { folder_id: "folders" }, scope: isOwner("body") },
          folders: shared.folders,
        };
        expect(await write(tables, "alice", put("notes", "n", { folder_id: "f" }))).toBe("success");
        expect(await db.selectFrom("notes").select("body").execute()).toEqual([{ body: "alice" }]);
        expect(await write(shared, "alice", join("bob"))).toBe("success");
        expect(await write(tables, "bob", patch("notes", "n", { revision: 1 }))).toBe(
          "UNAUTHORIZED",
        );
      });

      it("of a column that can't hold the caller's id is the server's mistake", async () => {
        const tables: Tables = {
          folders: {
            scope: anyOf(
              isOwner("owner_id"),
              isMember({ table: "notes", row: "folder_id", user: "revision" }),
            ),
          },
        };
        expect(await write(tables, "alice", patch("folders", "f", { name: "b" }))).toBe(
          "retryable_error",
        );
        expect(events.filter(({ type }) => type === "server_value")).toMatchObject([
          { table: "notes", column: "revision" },
        ]);
      });
    });

    describe("persist of one table", () => {
      it("stands for the layer in that table alone", async () => {
        const tables: Tables = {
          notes: { access: "everyone" },
          stamped: {
            access: "everyone",
            persist: async (write, { tx, principal }, next) => {
              if (write.op === "DELETE") throw fatal("KEPT", "Nobody deletes these.");
              const found = await tx.selectFrom("notes").select("id").execute();
              const values = { ...write.values, updated_by: `${principal.userId} ${found.length}` };
              return next({ ...write, values });
            },
          },
        };
        expect(
          await write(
            tables,
            "alice",
            put("notes", "n"),
            put("stamped", "s", { body: "1" }),
            put("notes", "m"),
            patch("stamped", "s", { body: "2" }),
            del("notes", "n"),
          ),
        ).toBe("success");
        expect(await stamped()).toEqual({ body: "2", created_by: null, updated_by: "alice 2" });
        expect(await write(tables, "alice", del("notes", "m"), del("stamped", "s"))).toBe("KEPT");
        expect(await db.selectFrom("notes").select("id").execute()).toEqual([{ id: "m" }]);
      });

      it("need not write the row at all, and what it throws is classified", async () => {
        const seen: unknown[] = [];
        const tables: Tables = {
          stamped: {
            access: "everyone",
            persist: async ({ id, values }, { tx }) => {
              seen.push(values);
              await tx
                .insertInto("notes")
                .values({ id, body: String(values["body"]) })
                .execute();
              return { effect: "written" };
            },
          },
        };
        expect(await write(tables, "alice", put("stamped", "s", { body: "1" }))).toBe("success");
        expect(seen).toEqual([{ body: "1" }]);
        expect(await stamped()).toBeUndefined();
        expect(await db.selectFrom("notes").select(["id", "body"]).execute()).toEqual([
          { id: "s", body: "1" },
        ]);
        // The same key again.
        expect(await write(tables, "alice", put("stamped", "s", { body: "2" }))).toBe(
          "UNIQUE_VIOLATION",
        );
        const failing: Tables = {
          stamped: {
            access: "everyone",
            persist: () => {
              throw new Error("A bug.");
            },
          },
        };
        expect(await write(failing, "alice", put("stamped", "t"))).toBe("retryable_error");
      });

      it("stands behind a global one and inside the hooks", async () => {
        const order: string[] = [];
        const result = await answer(
          {
            stamped: {
              access: "everyone",
              persist: (write, _context, next) => {
                order.push("table");
                return next(write);
              },
            },
          },
          "alice",
          [put("stamped", "s", { body: "1" })],
          {
            hooks: {
              persist: {
                before: () => void order.push("before"),
                after: () => void order.push("after"),
              },
            },
            persist: (write, _context, next) => {
              order.push("global");
              return next(write);
            },
          },
        );
        expect(result.status).toBe("success");
        expect(order).toEqual(["before", "global", "table", "after"]);
        expect((await stamped())?.body).toBe("1");
      });
    });
  });
}

describe.skipIf(!(await postgres.available()))("a flight", () => {
  const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  let database: TestDatabase;
  let opId = 0;
  let flown: (boolean | undefined)[] = [];

  beforeAll(async () => {
    database = await postgres.open({ flights: true });
  });
  afterAll(() => database.close());

  const writes = () =>
    createWrites<Principal, never>({
      authenticate: () => ({ userId: "" }),
      database: database.db as never,
      tables: {
        lists: {
          scope: anyOf(
            isOwner("owner_id"),
            isMember({ table: "members", row: "list_id", user: "user_name" }),
          ),
          insertOnly: ["owner_id"],
        },
        todos: { belongsTo: { list_id: "lists" } },
        members: {
          id: ["list_id", "user_name"],
          scope: isMember({
            table: "members",
            row: "list_id",
            user: "user_name",
            by: "list_id",
          }),
        },
      },
      logger: false,
      onEvent: (event) => {
        if (event.type === "transaction") flown.push(event.flown);
      },
    });

  it("takes conditions and columns that are set once, and decides nothing against them", async () => {
    const { processTransaction } = writes();
    const send = async (userId: string, ...crud: readonly object[]) => {
      flown = [];
      const entries = crud.map((entry) => ({ ...entry, op_id: (opId += 1) }));
      const body = { client_id: `of ${userId}`, crud: entries };
      const result = wordOf(await processTransaction(body, { principal: { userId } }));
      return `${result} ${String(flown.at(-1))}`;
    };
    const list = (n: number, op_data: object) => put("lists", uuid(n), op_data);
    const todo = (n: number, of: number) =>
      put("todos", uuid(n), { list_id: uuid(of), description: "x" });
    // Both devices are known, and all tables.
    for (const user of ["alice", "bob"]) {
      for (let time = 0; time < 3; time += 1) await send(user, list(user === "alice" ? 1 : 2, {}));
    }
    await sql`insert into members (list_id, user_name) values (${uuid(1)}, 'bob')`.execute(
      database.db,
    );
    await send("bob", todo(10, 1), patch("lists", uuid(1), { name: "b" }));
    await send("bob", put("members", `${uuid(1)}.carol`, {}));

    expect(await send("bob", patch("lists", uuid(1), { name: "c" }))).toBe("success true");
    expect(await send("bob", list(1, { name: "d" }), list(2, { name: "d" }))).toBe("success true");
    expect(await send("alice", list(1, { name: "e", owner_id: "alice" }))).toBe("success true");
    expect(await send("bob", todo(11, 1), todo(12, 2), todo(13, 1))).toBe("success true");
    expect(await send("bob", put("members", `${uuid(1)}.dave`, {}))).toBe("success true");

    expect(await send("bob", list(1, { name: "x", owner_id: "bob" }))).toBe(
      "FORBIDDEN_COLUMN false",
    );
    expect(await send("bob", patch("lists", uuid(1), { owner_id: "bob" }))).toBe(
      "FORBIDDEN_COLUMN false",
    );
    const taking = [1, 2].map((n) => list(n, { name: "x", owner_id: "bob" }));
    expect(await send("bob", ...taking)).toBe("FORBIDDEN_COLUMN false");
    expect(await send("alice", list(2, { name: "x" }))).toBe("UNAUTHORIZED false");
    expect(await send("alice", todo(14, 2))).toBe("UNAUTHORIZED false");
    expect(await send("bob", put("members", `${uuid(2)}.dave`, {}))).toBe("UNAUTHORIZED false");
    const rows = await database.db.selectFrom("lists").select(["name", "owner_id"]).execute();
    expect(rows).toEqual(
      expect.arrayContaining([
        { name: "e", owner_id: "alice" },
        { name: "d", owner_id: "bob" },
      ]),
    );
    expect(rows).toHaveLength(2);
  });
});

describe.skipIf(!isChosen("memory"))("the memory store", () => {
  it("knows conditions and columns that are set once", async () => {
    const store = memoryStore({
      tables: {
        folders: { columns: { id: "text", owner_id: "text", name: "text" } },
        folder_members: { columns: { id: "text", folder_id: "text", user_id: "text" } },
        notes: { columns: { id: "text", folder_id: "text", revision: "integer" } },
      },
    });
    const { processTransaction, check } = createWrites({
      authenticate: byName,
      database: store,
      tables: {
        ...shared,
        folders: { ...shared.folders, insertOnly: ["owner_id"] },
        wrong: {
          table: "folders",
          scope: isMember({ table: "notes", row: "folder_id", user: "revision" }),
        },
      },
      logger: false,
    });
    const send = async (userId: string, ...crud: readonly object[]) =>
      wordOf(await processTransaction({ crud }, { principal: { userId } }));
    expect(await send("alice", put("folders", "f", { name: "a" }))).toBe("success");
    expect(store.rows("folders")).toEqual([{ id: "f", owner_id: "alice", name: "a" }]);
    expect(await send("bob", patch("folders", "f", { name: "b" }))).toBe("UNAUTHORIZED");
    expect(await send("bob", put("folder_members", "m", { folder_id: "f", user_id: "bob" }))).toBe(
      "success",
    );
    expect(await send("bob", put("folders", "f", { name: "b" }))).toBe("success");
    expect(await send("bob", put("notes", "n", { folder_id: "f" }))).toBe("success");
    expect(await send("carol", put("notes", "n", { folder_id: "f" }))).toBe("UNAUTHORIZED");
    expect(await send("bob", patch("folders", "f", { owner_id: "bob" }))).toBe("FORBIDDEN_COLUMN");
    expect(await send("bob", patch("folders", "f", { owner_id: "alice" }))).toBe("success");
    expect(store.rows("folders")).toEqual([{ id: "f", owner_id: "alice", name: "b" }]);
    expect(await send("alice", patch("wrong", "f", { name: "x" }))).toBe("retryable_error");
    const found = await check(undefined, { principal: { userId: "alice" } });
    expect(found.map(({ code, table }) => `${code} ${table}`)).toEqual(["scope_fails wrong"]);
  });
});
