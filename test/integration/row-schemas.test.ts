/** What a rule's `validate` refuses: a schema of zod's, and others that follow Standard Schema, on every database. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type as arktype } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import {
  createTables,
  createWrites,
  fatal,
  type Principal,
  type StandardSchema,
  type TransactionResult,
  type WriteEvent,
  type WritesConfig,
} from "../../src/index.js";
import { dialects, postgres, type TestDatabase } from "../support/databases.js";
import { createRuleTables, emptyRuleTables, type RuleSchema } from "../support/rule-tables.js";
import { byName } from "../support/writes.js";

type Config = WritesConfig<Principal, RuleSchema>;
type Rule = Config["tables"][string];

const put = (id: string, op_data: object = {}) => ({ op: "PUT", table: "notes", id, op_data });
const patch = (id: string, op_data: object) => ({ op: "PATCH", table: "notes", id, op_data });
const del = (id: string) => ({ op: "DELETE", table: "notes", id });

const wordOf = (result: TransactionResult) =>
  result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;

const note = z.object({
  folder_id: z.string().nullish(),
  text: z.string().min(2, "Too short."),
  revision: z.int().nonnegative().optional(),
});
const rule: Rule = {
  access: "everyone",
  columns: { folder_id: true, text: "body", revision: true },
  validate: note,
};

/** A schema by hand. */
const schema = (
  validate: StandardSchema["~standard"]["validate"],
): StandardSchema & { partial(): StandardSchema } => {
  const made: StandardSchema = { "~standard": { version: 1, vendor: "test", validate } };
  return { ...made, partial: () => made };
};

for (const dialect of dialects) {
  describe.skipIf(!(await dialect.available()))(dialect.name, () => {
    let database: TestDatabase;
    let db: Kysely<RuleSchema>;
    const events: WriteEvent[] = [];

    beforeAll(async () => {
      database = await dialect.open();
      db = await createRuleTables(database);
      await createTables(database.db);
    });
    beforeEach(async () => {
      await emptyRuleTables(db);
      events.length = 0;
    });
    afterAll(() => database.close());

    const writes = (given: Rule, config: Partial<Config> = {}) =>
      createWrites<Principal, RuleSchema>({
        authenticate: byName,
        database: db,
        logger: false,
        onEvent: (event) => void events.push(event),
        ...config,
        tables: { notes: given },
      });
    const answer = (given: Rule, ...crud: readonly object[]) =>
      writes(given).processTransaction({ crud }, { principal: { userId: "alice" } });
    const write = async (given: Rule, ...crud: readonly object[]) =>
      wordOf(await answer(given, ...crud));
    const notes = async () => {
      const rows = await db.selectFrom("notes").select(["id", "body", "revision"]).execute();
      // SQLite's driver gives a bigint.
      return rows.map((row) => ({ ...row, revision: row.revision && Number(row.revision) }));
    };

    it("a PUT must fit it whole, and a PATCH as far as it goes", async () => {
      expect(await write(rule, put("n", { text: "abc", revision: 1 }))).toBe("success");
      expect(await write(rule, put("m", { revision: 1 }))).toBe("INVALID_DATA");
      expect(await write(rule, put("m", { text: "a" }))).toBe("INVALID_DATA");
      expect(await write(rule, patch("n", { revision: 2 }))).toBe("success");
      expect(await write(rule, patch("n", { revision: -1 }))).toBe("INVALID_DATA");
      expect(await write(rule, patch("n", { text: null }))).toBe("INVALID_DATA");
      expect(await write(rule, patch("n", {}))).toBe("success");
      expect(await notes()).toEqual([{ id: "n", body: "abc", revision: 2 }]);
      expect(await write(rule, del("n"))).toBe("success");
    });

    const valibot = v.object({
      folder_id: v.nullish(v.string()),
      text: v.pipe(v.string(), v.minLength(2)),
      revision: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    });
    it.each<[string, NonNullable<Rule["validate"]>]>([
      [
        "arktype",
        arktype({
          "folder_id?": "string | null",
          text: "string >= 2",
          "revision?": "number.integer >= 0",
        }),
      ],
      // Valibot's has no method for it.
      ["valibot", { put: valibot, patch: v.partial(valibot) }],
    ])("one of %s's does the same", async (_vendor, validate) => {
      const given: Rule = { ...rule, validate };
      expect(await write(given, put("n", { text: "abc", revision: 1 }))).toBe("success");
      expect(await write(given, put("m", { revision: 1 }))).toBe("INVALID_DATA");
      expect(await write(given, patch("n", { revision: 2 }))).toBe("success");
      expect(await write(given, patch("n", { text: null }))).toBe("INVALID_DATA");
      expect(await answer(given, patch("n", { text: "abc", revision: -1 }))).toMatchObject({
        failedOperation: { details: { column: "revision", issues: [{ column: "revision" }] } },
      });
      expect(await notes()).toEqual([{ id: "n", body: "abc", revision: 2 }]);
    });

    it("its issues go to the client by column, and nothing of the transaction is written", async () => {
      const result = await answer(
        rule,
        put("n", { text: "abc" }),
        put("m", { text: "a", revision: 0.5 }),
      );
      expect(result).toEqual({
        status: "fatal_error",
        requiresClientHandling: false,
        message: "The row's values do not match the table's schema.",
        failedOperation: {
          errorCode: "INVALID_DATA",
          message: "The row's values do not match the table's schema.",
          operationIndex: 1,
          details: {
            column: "text",
            issues: [
              { column: "text", message: "Too short." },
              { column: "revision", message: expect.any(String) },
            ],
          },
        },
      });
      expect(await notes()).toEqual([]);
    });

    it("an earlier operation's failure in the database goes before it", async () => {
      const result = await answer(
        { ...rule, put: "insert" },
        put("n", { text: "abc" }),
        put("n", { text: "other" }),
        put("m", { text: "a" }),
      );
      expect(result).toMatchObject({
        failedOperation: { errorCode: "UNIQUE_VIOLATION", operationIndex: 1 },
      });
    });

    it("it stands before `authorize`, and sees what was sent and not what is made of it", async () => {
      const seen: unknown[] = [];
      const given: Rule = {
        access: "everyone",
        columns: { n: { column: "revision", convert: (value) => Number(value) + 1 } },
        validate: schema((value) => {
          seen.push(value);
          return { value: { n: 70 } };
        }),
      };
      expect(await write(given, put("n", { n: "6" }))).toBe("success");
      expect(seen).toEqual([{ n: "6" }]);
      expect((await notes())[0]?.revision).toBe(7);
      const refusing: Rule = {
        columns: ["revision"],
        validate: schema(() => ({ issues: [{ message: "No." }] })),
        authorize: () => {
          throw fatal("ASKED", "It was asked.");
        },
      };
      const result = await answer(refusing, put("n", { revision: 1 }));
      expect(result).toMatchObject({
        failedOperation: { errorCode: "INVALID_DATA", details: { issues: [{ message: "No." }] } },
      });
      expect(result).not.toHaveProperty("failedOperation.details.column");
    });

    it("it may answer later, and one that throws is the server's fault", async () => {
      const { validate } = note["~standard"];
      const later: Rule = { ...rule, validate: schema(async (value) => validate(value)) };
      expect(await write(later, put("n", { text: "abc" }))).toBe("success");
      expect(await write(later, put("n", { text: "a" }))).toBe("INVALID_DATA");
      for (const failing of [
        schema(() => {
          throw new Error("A bug.");
        }),
        schema(() => Promise.reject(new Error("A bug."))),
        schema(() => undefined as never),
        // Nothing that a schema throws is fatal by accident.
        schema(() => {
          throw Object.assign(new Error("duplicate key"), { code: "23505" });
        }),
      ]) {
        expect(await write({ ...rule, validate: failing }, put("n", { text: "x" }))).toBe(
          "retryable_error",
        );
      }
      expect((await notes())[0]?.body).toBe("abc");
    });

    it("a dead letter's edited payload passes through it", async () => {
      const { processTransaction, deadLetters } = writes(rule);
      const principal = { userId: "alice" };
      const send = { client_id: "d", transaction_id: 1, crud: [put("n", { text: "a" })] };
      expect(wordOf(await processTransaction(send, { principal }))).toBe("INVALID_DATA");
      const { letters } = await deadLetters.list({ userId: "alice" });
      const [letter] = letters;
      const id = letter?.id ?? "";
      expect(letter?.errorCode).toBe("INVALID_DATA");
      const edited = (text: string) => ({ crud: [put("n", { text })] });
      await deadLetters.edit(id, edited("b"));
      expect(await deadLetters.retry(id)).toMatchObject({
        status: "failed",
        errorCode: "INVALID_DATA",
      });
      await deadLetters.edit(id, edited("long enough"));
      expect(await deadLetters.retry(id)).toMatchObject({ status: "retried" });
      expect((await notes())[0]?.body).toBe("long enough");
    });

    it("what it tells is bounded", async () => {
      const long = "x".repeat(100_000);
      const issues = Array.from({ length: 1_000 }, () => ({
        message: long,
        path: [Symbol("revision"), { key: "deep" }, 0, long],
      }));
      const given: Rule = { access: "everyone", validate: schema(() => ({ issues })) };
      const result = await answer(given, put("n"));
      expect(JSON.stringify(result).length).toBeLessThan(100_000);
      expect(result).toHaveProperty("failedOperation.details.issues.length", 20);
      expect(result).toHaveProperty("failedOperation.details.issues.0.path.0", "deep");
    });
  });
}

describe.skipIf(!(await postgres.available()))("in a flight", () => {
  it("a schema that answers at once is asked before it, and one that does not has a transaction", async () => {
    const database = await postgres.open({ flights: true });
    const flown: (boolean | undefined)[] = [];
    const { validate } = z.object({ name: z.string().min(2) })["~standard"];
    const writesOf = (given: StandardSchema) =>
      createWrites<Principal, never>({
        authenticate: () => ({ userId: "" }),
        database: database.db as never,
        tables: { lists: { owner: "owner_id", validate: given } },
        logger: false,
        onEvent: (event) => {
          if (event.type === "transaction") flown.push(event.flown);
        },
      });
    let opId = 0;
    const sending = (given: StandardSchema) => {
      const { processTransaction } = writesOf(given);
      return async (name: string) => {
        const id = "00000000-0000-4000-8000-000000000001";
        const entry = { op: "PUT", table: "lists", id, op_data: { name }, op_id: (opId += 1) };
        const body = { client_id: "d", crud: [entry] };
        const result = await processTransaction(body, { principal: { userId: "alice" } });
        return `${wordOf(result)} ${String(flown.at(-1))}`;
      };
    };
    try {
      const now = sending(schema((value) => validate(value)));
      for (let time = 0; time < 4; time += 1) await now("warm");
      expect(await now("good")).toBe("success true");
      expect(await now("x")).toBe("INVALID_DATA false");
      const later = sending(schema(async (value) => validate(value)));
      for (let time = 0; time < 4; time += 1) await later("warm");
      expect(await later("good")).toBe("success false");
      expect(await later("x")).toBe("INVALID_DATA false");
      const { rows } = await sql<{ name: string }>`select name from lists`.execute(database.db);
      expect(rows).toEqual([{ name: "good" }]);
    } finally {
      await database.close();
    }
  });
});
