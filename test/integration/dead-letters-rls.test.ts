/** Under row-level security a letter is kept by the login role and retried as the user's: the policies decide, then as at the first time. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type Principal, rls, type WriteEvent } from "../../src/index.js";
import { type Supabase, supabases, type SupabaseSchema } from "../support/supabase.js";

const alice: Principal = { userId: "aaaaaaaa-0000-4000-8000-000000000001" };
const bob: Principal = { userId: "bbbbbbbb-0000-4000-8000-000000000002" };
const list = "11111111-0000-4000-8000-000000000001";

describe.each(supabases)("$name", async (on) => {
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

    it("records a chain of twenty, from two devices, and applies it as the user", async () => {
      const { processTransaction, deadLetters } = createWrites<Principal, SupabaseSchema>({
        authenticate: () => alice,
        database: supabase.connect({ connections: 2 }),
        tables: { lists: { access: "everyone" }, todos: { access: "everyone" } },
        rls: rls({ role: supabase.roles.authenticated }),
        logger: false,
      });
      let opId = 1;
      const send = (device: string, crud: readonly object[]) => {
        const numbered = crud.map((entry) => ({ op_id: opId++, ...entry }));
        return processTransaction({ client_id: device, crud: numbered }, { principal: alice });
      };
      const id = (n: number) => `22222222-0000-4000-8000-${String(n).padStart(12, "0")}`;
      const putList = (owner: Principal) => ({
        op: "PUT",
        table: "lists",
        id: list,
        op_data: { owner_id: owner.userId, name: "New" },
      });
      const put = (n: number) => ({
        op: "PUT",
        table: "todos",
        id: id(n),
        op_data: { list_id: list, description: `todo ${n}` },
      });
      const patch = (n: number, op_data: object) => ({
        op: "PATCH",
        table: "todos",
        id: id(n),
        op_data,
      });
      const remove = (n: number) => ({ op: "DELETE", table: "todos", id: id(n) });
      const name = (text: string) => ({
        op: "PATCH",
        table: "lists",
        id: list,
        op_data: { name: text },
      });
      const behind: readonly (readonly object[])[] = [
        [put(1)],
        [put(2), put(3)],
        [patch(1, { description: "first" })],
        [name("Renamed")],
        [remove(2)],
        [patch(3, { completed: true }), patch(1, { completed: true })],
        [put(4)],
        [remove(4)],
        [put(5), name("Fifth")],
        [patch(5, { description: "fifth" })],
        [patch(5, { description: "fifth, again" })],
        [put(6), patch(6, { completed: true })],
        [put(7)],
        [patch(7, { description: "seventh" }), remove(6)],
        [put(6)],
        [name("Sixth")],
        [put(8), put(9)],
        [remove(8), remove(9)],
        [name("The end")],
      ];
      const content = async () => ({
        lists: await supabase.admin.selectFrom("lists").selectAll().execute(),
        todos: await supabase.admin.selectFrom("todos").selectAll().orderBy("id").execute(),
      });
      for (const crud of [[putList(alice)], ...behind]) {
        expect(await send("phone", crud)).toEqual({ status: "success" });
      }
      const whole = await content();
      await supabase.reset();

      // The policy refuses it: she can't make a list of Bob's.
      expect(await send("phone", [putList(bob)])).toMatchObject({
        failedOperation: { errorCode: "UNAUTHORIZED" },
      });
      for (const [index, crud] of behind.entries()) {
        expect(await send(index % 2 === 0 ? "tablet" : "phone", crud)).toMatchObject({
          failedOperation: { errorCode: "DEPENDS_ON_DEAD_LETTER" },
        });
      }
      // What nobody would create is answered as ever.
      expect(await send("phone", [remove(77)])).toEqual({ status: "success" });
      expect(await content()).toEqual({ lists: [], todos: [] });
      const { letters } = await deadLetters.list({ order: "oldest" });
      const [root, ...others] = letters;
      expect(root).toMatchObject({ dependants: 19 });
      expect(others.map((letter) => letter.root)).toEqual(behind.map(() => root?.id));
      expect(await deadLetters.edit(root?.id ?? "", { crud: [putList(alice)] })).toEqual({
        status: "edited",
      });
      expect(await deadLetters.retry(root?.id ?? "")).toMatchObject({
        status: "retried",
        dependants: { waiting: 0 },
      });
      expect(await content()).toEqual(whole);
    });
  });
});
