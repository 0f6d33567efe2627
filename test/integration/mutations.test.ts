/** Named mutations on every database: run once and in order among raw writes, refused and retried like them, and what stands beside them is left to them. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type as arktype } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import {
  createTables,
  type Committed,
  createWrites,
  defineMutators,
  fatal,
  type Principal,
  type StandardSchema,
  type TransactionResult,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import { createRuleTables, emptyRuleTables, type RuleSchema } from "../support/rule-tables.js";
import { byName } from "../support/writes.js";

type Config = WritesConfig<Principal, RuleSchema>;

const put = (table: string, id: string, op_data: object = {}) => ({
  op: "PUT",
  table,
  id,
  op_data,
});
const patch = (table: string, id: string, op_data: object) => ({ op: "PATCH", table, id, op_data });
const mutation = (name: string, args?: unknown, id = "m") =>
  put("powersync_mutations", id, {
    name,
    ...(args !== undefined && { args: JSON.stringify(args) }),
  });

const wordOf = (result: TransactionResult) =>
  result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;

const definitions = {
  "folder.share": z.object({ folder: z.string(), with: z.string().min(2, "Who is it?") }),
  "note.append": z.object({ note: z.string(), text: z.string().transform((text) => `+${text}`) }),
};

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let db: Kysely<RuleSchema>;
    let runs = 0;
    const events: WriteEvent[] = [];
    const committed: Committed[] = [];

    beforeAll(async () => {
      database = await dialect.open();
      db = await createRuleTables(database);
      await createTables(database.db);
    });
    beforeEach(async () => {
      await emptyRuleTables(db);
      for (const table of [
        "powersync_letter_rows",
        "powersync_letter_parts",
        "powersync_dead_letters",
      ])
        await sql`delete from ${sql.table(table)}`.execute(db);
      events.length = committed.length = 0;
      runs = 0;
    });
    afterAll(() => database.close());

    const mutators: NonNullable<Config["mutators"]> = {
      ...defineMutators<RuleSchema>()(definitions, {
        "folder.share": async ({ folder, with: user_id }, { tx, principal }) => {
          runs += 1;
          const found = await tx
            .selectFrom("folders")
            .select("owner_id")
            .where("id", "=", folder)
            .executeTakeFirst();
          if (found?.owner_id !== principal.userId)
            throw fatal("NOT_YOURS", "The folder is not yours.", { folder });
          const id = `${folder} ${user_id}`;
          await tx
            .insertInto("folder_members")
            .values({ id, folder_id: folder, user_id })
            .execute();
        },
        "note.append": {
          run: async ({ note, text }, { tx }) => {
            const found = await tx
              .selectFrom("notes")
              .select("body")
              .where("id", "=", note)
              .executeTakeFirst();
            const body = `${found?.body ?? ""}${text}`;
            await tx.updateTable("notes").set({ body }).where("id", "=", note).execute();
          },
          optimistic: "apply",
        },
      }),
      "folder.share@2": () => {
        throw fatal("TOO_NEW", "Nobody has this version yet.");
      },
      plain: (args, { operation, operationIndex }) => {
        throw fatal("PLAIN", "As it came.", { args, id: operation.id, operationIndex });
      },
      buggy: () => {
        throw new Error("A bug.");
      },
    };
    const writes = () =>
      createWrites<Principal, RuleSchema>({
        authenticate: byName,
        database: db,
        tables: {
          folders: { owner: "owner_id" },
          folder_members: { belongsTo: { folder_id: "folders" } },
          notes: { access: "everyone" },
        },
        mutators,
        hooks: { committed: (told) => void committed.push(told) },
        logger: false,
        onEvent: (event) => void events.push(event),
      });
    let transactionId = 0;
    const answer = (userId: string, ...crud: readonly object[]) =>
      writes().processTransaction(
        { client_id: `of ${userId}`, transaction_id: (transactionId += 1), crud },
        { principal: { userId } },
      );
    const write = async (userId: string, ...crud: readonly object[]) =>
      wordOf(await answer(userId, ...crud));
    const members = async () =>
      (await db.selectFrom("folder_members").select("user_id").orderBy("user_id").execute()).map(
        ({ user_id }) => user_id,
      );
    const unmatched = () =>
      events.flatMap((event) =>
        event.type === "entry_unmatched" ? [`${event.table} ${event.id}`] : [],
      );
    const share = (user: string, id?: string) =>
      mutation("folder.share", { folder: "f", with: user }, id);

    it("is run in the write transaction, once, among the others of its queue", async () => {
      expect(await write("alice", put("folders", "f"))).toBe("success");
      const body = { client_id: "d", transaction_id: 9_999, crud: [share("bob")] };
      const { processTransaction } = writes();
      for (let time = 0; time < 3; time += 1) {
        const result = await processTransaction(body, { principal: { userId: "alice" } });
        expect(result.status).toBe("success");
      }
      expect(runs).toBe(1);
      expect(await members()).toEqual(["bob"]);
      // The hook hears of it once, and no raw write is in it.
      expect(committed.slice(1)).toMatchObject([
        {
          writes: [],
          mutations: [
            {
              name: "folder.share",
              args: { folder: "f", with: "bob" },
              id: "m",
              operationIndex: 0,
            },
          ],
        },
      ]);
      expect(await write("bob", share("carol"))).toBe("NOT_YOURS");
      expect(await members()).toEqual(["bob"]);
    });

    it("leaves nothing where it fails, of itself or of what stands before it", async () => {
      expect(await write("alice", put("folders", "f"), share("bob"))).toBe("NOT_YOURS");
      expect(await write("alice", put("folders", "f"))).toBe("success");
      expect(await write("alice", share("bob"))).toBe("success");
      // The key is taken: the mutator's own statement is judged as the library's are.
      expect(await write("alice", share("carol", "m1"), share("bob", "m2"))).toBe(
        "UNIQUE_VIOLATION",
      );
      expect(await write("alice", mutation("buggy"))).toBe("retryable_error");
      expect(await members()).toEqual(["bob"]);
    });

    it("its transaction's other entries are left to it, and those that it has not matched are told", async () => {
      expect(await write("alice", put("folders", "f"))).toBe("success");
      const optimistic = put("folder_members", "f bob", { folder_id: "f", user_id: "bobby" });
      expect(await write("alice", optimistic, share("bob"))).toBe("success");
      expect(await members()).toEqual(["bob"]);
      expect(unmatched()).toEqual([]);
      expect(
        await write(
          "alice",
          share("carol"),
          patch("folders", "f", { name: "x" }),
          put("notes", "n"),
        ),
      ).toBe("success");
      expect(unmatched()).toEqual(["folders f", "notes n"]);
      expect(await db.selectFrom("notes").select("id").execute()).toEqual([]);
      expect(await db.selectFrom("folders").select("name").execute()).toEqual([{ name: null }]);
      // Nor are they judged: what a device shows meanwhile may be what it could not write.
      expect(await write("alice", put("nowhere", "x"), share("dave"))).toBe("success");
    });

    it("or applied in their order, where the mutator says so", async () => {
      const append = mutation("note.append", { note: "n", text: "b" });
      expect(await write("alice", put("notes", "n", { body: "a" }), append)).toBe("success");
      expect(await db.selectFrom("notes").select("body").execute()).toEqual([{ body: "a+b" }]);
      // As it was sent, and not as its schema makes it.
      expect(committed).toMatchObject([
        {
          writes: [{ table: "notes", id: "n" }],
          mutations: [{ name: "note.append", args: { note: "n", text: "b" }, operationIndex: 1 }],
        },
      ]);
      expect(
        await write("alice", append, patch("notes", "n", { body: "c" }), { ...append, id: "m2" }),
      ).toBe("success");
      expect(await db.selectFrom("notes").select("body").execute()).toEqual([{ body: "c+b" }]);
      expect(unmatched()).toEqual([]);
    });

    it("of an unknown name, or with arguments that its schema refuses, is fatal", async () => {
      expect(await write("alice", mutation("folder.unshare", {}))).toBe("UNKNOWN_MUTATOR");
      expect(await write("alice", mutation("toString", {}))).toBe("UNKNOWN_MUTATOR");
      expect(await write("alice", put("powersync_mutations", "m"))).toBe("UNKNOWN_MUTATOR");
      expect(await write("alice", mutation("folder.share@2", {}))).toBe("TOO_NEW");
      expect(await write("alice", patch("powersync_mutations", "m", { name: "plain" }))).toBe(
        "FORBIDDEN_OPERATION",
      );
      for (const args of ["{", "", 7, true]) {
        const entry = put("powersync_mutations", "m", { name: "plain", args });
        expect(await answer("alice", entry), String(args)).toMatchObject({
          failedOperation: { errorCode: "INVALID_DATA", details: { column: "args" } },
        });
      }
      const result = await answer("alice", mutation("folder.share", { folder: 1, with: "b" }));
      expect(result).toMatchObject({
        failedOperation: {
          errorCode: "INVALID_DATA",
          operationIndex: 0,
          details: {
            column: "args",
            issues: [{ path: ["folder"] }, { path: ["with"], message: "Who is it?" }],
          },
        },
      });
      expect(await answer("alice", mutation("plain", { big: "x", n: [1, null] }))).toMatchObject({
        failedOperation: {
          errorCode: "PLAIN",
          details: { args: { big: "x", n: [1, null] }, id: "m", operationIndex: 0 },
        },
      });
      expect(await answer("alice", mutation("plain"))).toMatchObject({
        failedOperation: { details: { id: "m", operationIndex: 0 } },
      });
    });

    it("has its arguments checked, and made, by any library that follows Standard Schema", async () => {
      const schemas: Readonly<Record<string, StandardSchema<unknown, { n: number }>>> = {
        zod: z.object({ n: z.string().transform(Number).pipe(z.int()) }),
        valibot: v.object({ n: v.pipe(v.string(), v.transform(Number), v.integer()) }),
        "valibot, asynchronous": v.objectAsync({
          n: v.pipeAsync(
            v.string(),
            v.transformAsync(async (text) => Number(text)),
            v.integer(),
          ),
        }),
        arktype: arktype({ n: "string.integer.parse" }),
      };
      for (const [vendor, args] of Object.entries(schemas)) {
        const seen: unknown[] = [];
        const { processTransaction } = createWrites<Principal, RuleSchema>({
          authenticate: byName,
          database: db,
          tables: {},
          mutators: { take: { args, run: (given: unknown) => void seen.push(given) } },
          logger: false,
        });
        const take = (given: unknown) =>
          processTransaction(
            {
              client_id: "d",
              transaction_id: (transactionId += 1),
              crud: [mutation("take", given)],
            },
            // With a letter open, a transaction may be begun again, and its mutator be run again.
            { principal: { userId: vendor } },
          );
        expect(wordOf(await take({ n: "7" })), vendor).toBe("success");
        expect(seen, vendor).toEqual([{ n: 7 }]);
        expect(await take({ n: "7.5" }), vendor).toMatchObject({
          failedOperation: {
            errorCode: "INVALID_DATA",
            details: { column: "args", issues: [{ path: ["n"], message: expect.any(String) }] },
          },
        });
        expect(seen, vendor).toHaveLength(1);
      }
    });

    it("becomes a dead letter, whose arguments can be put right", async () => {
      expect(await write("alice", put("folders", "f"))).toBe("success");
      const optimistic = put("notes", "n", { body: "shared" });
      expect(await write("alice", share("b"), optimistic)).toBe("INVALID_DATA");
      const { deadLetters } = writes();
      const { letters } = await deadLetters.list({ status: "open" });
      const id = letters[0]?.id ?? "";
      // What its optimistic entries would create, it stands for.
      expect(await write("alice", patch("notes", "n", { body: "x" }))).toBe(
        "DEPENDS_ON_DEAD_LETTER",
      );
      await deadLetters.edit(id, { crud: [share("bob"), optimistic] });
      committed.length = 0;
      expect(await deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect(committed[0]).toMatchObject({ mutations: [{ args: { with: "bob" } }] });
      expect(await members()).toEqual(["bob"]);
    });
  });
}
