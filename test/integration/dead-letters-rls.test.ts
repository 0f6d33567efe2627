/** Under row-level security a letter is kept by the login role and retried as the user's: the policies decide, then as at the first time. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type Principal, rls, type WriteEvent } from "../../src/index.js";
import {
  type Supabase,
  supabaseOnPglite,
  supabaseOnPostgres,
  type SupabaseSchema,
} from "../support/supabase.js";

const alice: Principal = { userId: "aaaaaaaa-0000-4000-8000-000000000001" };
const bob: Principal = { userId: "bbbbbbbb-0000-4000-8000-000000000002" };
const list = "11111111-0000-4000-8000-000000000001";

describe.each([supabaseOnPglite, supabaseOnPostgres])("$name", async (on) => {
  describe.skipIf(!(await on.available()))("", () => {
    let supabase: Supabase;
    beforeAll(async () => {
      supabase = await on.open();
    });
    beforeEach(() => supabase.reset());
    afterAll(() => supabase?.close());

    it("retries as the user, and closes the letter as itself", async () => {
      const events: WriteEvent[] = [];
      const { processTransaction, deadLetters } = createWrites<Principal, SupabaseSchema>({
        authenticate: () => alice,
        database: supabase.connect({ connections: 2 }),
        tables: { lists: { access: "everyone" } },
        rls: rls({ role: supabase.roles.authenticated }),
        onEvent: (event) => void events.push(event),
      });
      const crud = [
        {
          op: "PUT",
          table: "lists",
          id: list,
          op_id: 1,
          op_data: { owner_id: bob.userId, name: "Theirs" },
        },
      ];
      const body = { client_id: "phone", crud };
      expect(await processTransaction(body, { principal: alice })).toMatchObject({
        failedOperation: { errorCode: "UNAUTHORIZED" },
      });
      const [{ id } = { id: "" }] = (await deadLetters.list()).letters;
      // Still not Alice's to write, whoever the login role may be.
      expect(await deadLetters.retry(id, { force: true })).toMatchObject({
        status: "failed",
        errorCode: "UNAUTHORIZED",
      });
      expect(await supabase.admin.selectFrom("lists").selectAll().execute()).toEqual([]);
      const mended = [{ ...crud[0], op_data: { owner_id: alice.userId, name: "Mine" } }];
      expect(await deadLetters.edit(id, { crud: mended })).toEqual({ status: "edited" });
      expect(await deadLetters.retry(id)).toEqual({ status: "retried" });
      expect(await deadLetters.get(id)).toMatchObject({ status: "retried", attempts: 2 });
      expect(await supabase.admin.selectFrom("lists").selectAll().execute()).toMatchObject([
        { id: list, owner_id: alice.userId, name: "Mine" },
      ]);
      const failures = events.filter(
        (event) => event.type === "error" && event.during === "rowStates",
      );
      expect(failures).toEqual([]);
    });

    it("records what depends on a letter, and applies the chain as the user", async () => {
      const events: WriteEvent[] = [];
      const { processTransaction, deadLetters } = createWrites<Principal, SupabaseSchema>({
        authenticate: () => alice,
        database: supabase.connect({ connections: 2 }),
        tables: { lists: { access: "everyone" }, todos: { access: "everyone" } },
        rls: rls({ role: supabase.roles.authenticated }),
        logger: false,
        onEvent: (event) => void events.push(event),
      });
      const todo = "22222222-0000-4000-8000-000000000001";
      const put = { op: "PUT", table: "lists", id: list, op_data: { owner_id: alice.userId } };
      let opId = 1;
      const send = (...crud: readonly object[]) => {
        const body = {
          client_id: "phone",
          crud: crud.map((entry) => ({ op_id: opId++, ...entry })),
        };
        return processTransaction(body, { principal: alice });
      };
      const depends = { failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" } };
      const bad = { ...put, op_data: { owner_id: bob.userId, name: "Theirs" } };
      expect(await send(bad)).toMatchObject({ failedOperation: { errorCode: "UNAUTHORIZED" } });
      expect(
        await send({
          op: "PUT",
          table: "todos",
          id: todo,
          op_data: { list_id: list, description: "x" },
        }),
      ).toMatchObject(depends);
      expect(
        await send({ op: "PATCH", table: "todos", id: todo, op_data: { description: "y" } }),
      ).toMatchObject(depends);
      expect(
        await send({ op: "PATCH", table: "lists", id: list, op_data: { name: "Mine" } }),
      ).toMatchObject(depends);
      expect(await send({ op: "DELETE", table: "todos", id: alice.userId })).toEqual({
        status: "success",
      });
      const { letters } = await deadLetters.list({ order: "oldest" });
      expect(letters).toMatchObject([{ dependants: 3 }, {}, {}, {}]);
      const id = letters[0]?.id ?? "";
      expect(await deadLetters.edit(id, { crud: [put] })).toEqual({ status: "edited" });
      expect(await deadLetters.retry(id)).toMatchObject({
        status: "retried",
        dependants: { waiting: 0 },
      });
      expect(await supabase.admin.selectFrom("lists").selectAll().execute()).toMatchObject([
        { id: list, owner_id: alice.userId, name: "Mine" },
      ]);
      expect(await supabase.admin.selectFrom("todos").selectAll().execute()).toMatchObject([
        { id: todo, description: "y" },
      ]);
    });
  });
});
