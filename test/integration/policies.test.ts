/** What policies and grants of the database's own allow and refuse, whatever triggers there are: a refusal is never success, and a right to insert is enough to insert. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, rls, type TableRule, type WriteEvent } from "../../src/index.js";
import { type Supabase, supabases } from "../support/supabase.js";

type Schema = Record<string, Record<string, unknown>>;
type Caller = { userId: string };
type Tables = Readonly<Record<string, TableRule<Caller, Schema>>>;

const alice = "aaaaaaaa-0000-4000-8000-000000000001";
const bob = "bbbbbbbb-0000-4000-8000-000000000002";
const everyone: Tables = {
  docs: { access: "everyone" },
  orgs: { access: "everyone" },
  members: { access: "everyone", id: ["org_id", "user_id"] },
};

const stamp = [
  "create or replace function stamp() returns trigger language plpgsql as $$ begin new.updated_at = now(); return new; end $$",
  ...["docs", "orgs"].map(
    (table) =>
      `create trigger stamp before insert or update on ${table} for each row execute function stamp()`,
  ),
];

describe.each(supabases)("$name", async (on) => {
  describe.skipIf(!(await on.available()))("", () => {
    let supabase: Supabase;
    let admin: Kysely<Schema>;
    let database: Kysely<Schema>;
    let role: string;
    let events: WriteEvent[] = [];
    let lastOp = 0;
    const run = async (...statements: readonly string[]) => {
      for (const statement of statements) await sql.raw(statement).execute(admin);
    };

    beforeAll(async () => {
      supabase = await on.open();
      admin = supabase.admin as unknown as Kysely<Schema>;
      database = supabase.connect() as unknown as Kysely<Schema>;
      role = `"${supabase.roles.authenticated}"`;
    });
    afterAll(() => supabase.close());
    beforeEach(async () => {
      await supabase.reset();
      await run(
        "drop table if exists members, docs, orgs, trash cascade",
        "create table docs (id text primary key, owner_id uuid default auth.uid(), body text, deleted_at text, updated_at timestamptz)",
        "create table orgs (id text primary key, name text, created_by uuid default auth.uid(), updated_at timestamptz)",
        "create table members (org_id text references orgs (id), user_id uuid, role text, primary key (org_id, user_id))",
        ...["docs", "orgs", "members"].map(
          (each) => `alter table ${each} enable row level security`,
        ),
        `insert into docs (id, owner_id, body) values ('mine', '${alice}', 'old'), ('bobs', '${bob}', 'old')`,
      );
    });

    const sending = (tables: Tables = everyone) => {
      const writes = createWrites<Caller, Schema>({
        authenticate: () => ({ userId: alice }),
        database,
        tables,
        rls: rls({ role: supabase.roles.authenticated }),
        logger: false,
        onEvent: (event) => void events.push(event),
      });
      return async (...crud: readonly object[]) => {
        events = [];
        const body = { crud: crud.map((entry) => ({ ...entry, op_id: ++lastOp })) };
        const result = await writes.processTransaction(body, {
          principal: { userId: alice },
          clientId: "phone",
        });
        const heard = events.flatMap(({ type }) => (type.startsWith("row_") ? [type] : []));
        return [
          result.status === "fatal_error" ? result.failedOperation.errorCode : result.status,
          ...heard,
        ];
      };
    };
    const entry = (op: string, table: string, id: string, op_data?: object) => ({
      op,
      table,
      id,
      ...(op_data && { op_data }),
    });
    const body = async (id: string) =>
      (await admin.selectFrom("docs").select("body").where("id", "=", id).executeTakeFirst())?.[
        "body"
      ];

    describe.each([false, true])("with a trigger that stamps: %s", (stamped) => {
      const make = (...statements: readonly string[]) =>
        run(...(stamped ? stamp : []), ...statements);
      const ofDocs = [
        "create policy see on docs for select using (true)",
        "create policy make on docs for insert with check (owner_id = auth.uid())",
        "create policy change on docs for update using (owner_id = auth.uid())",
        "create policy remove on docs for delete using (owner_id = auth.uid())",
      ];
      const grant = () => `grant all on docs, orgs, members to ${role}`;

      it("a policy hides a row from UPDATE and DELETE, which everyone sees", async () => {
        await make(...ofDocs, grant());
        const send = sending();
        for (let time = 0; time < 2; time += 1) {
          expect(await send(entry("PATCH", "docs", "bobs", { body: "x" }))).toEqual([
            "UNAUTHORIZED",
          ]);
          expect(await send(entry("DELETE", "docs", "bobs"))).toEqual(["UNAUTHORIZED"]);
          expect(await send(entry("PUT", "docs", "bobs", { body: "x" }))).toEqual(["UNAUTHORIZED"]);
        }
        expect(await body("bobs")).toBe("old");
        expect(await send(entry("PATCH", "docs", "mine", { body: "new" }))).toEqual(["success"]);
        expect(await body("mine")).toBe("new");
        expect(await send(entry("PATCH", "docs", "none", { body: "x" }))).toEqual([
          "success",
          "row_missing",
        ]);
        expect(await send(entry("DELETE", "docs", "mine"))).toEqual(["success"]);
        expect(await body("mine")).toBeUndefined();
      });

      it("a soft delete by trigger, beside a policy that hides others' rows from it", async () => {
        await make(
          ...ofDocs,
          "create or replace function soft() returns trigger language plpgsql as $$ begin begin update docs set deleted_at = 'now' where id = old.id; exception when division_by_zero then null; end; return null; end $$",
          "create trigger soft before delete on docs for each row execute function soft()",
          grant(),
        );
        const send = sending();
        for (let time = 0; time < 2; time += 1) {
          expect(
            await send(
              entry("PATCH", "docs", "mine", { body: "x" }),
              entry("DELETE", "docs", "mine"),
            ),
          ).toEqual(["success", "row_declined"]);
          expect(await send(entry("DELETE", "docs", "bobs"))).toEqual(["UNAUTHORIZED"]);
        }
        const rows = await admin
          .selectFrom("docs")
          .select(["id", "deleted_at"])
          .orderBy("id")
          .execute();
        expect(rows).toEqual([
          { id: "bobs", deleted_at: null },
          { id: "mine", deleted_at: "now" },
        ]);
      });

      it("a DELETE whose policy refuses what this transaction has just changed", async () => {
        await make(
          "create policy see on docs for select using (true)",
          "create policy change on docs for update using (true)",
          "create policy remove on docs for delete using (owner_id = auth.uid())",
          "create or replace function soft() returns trigger language plpgsql as $$ begin return null; end $$",
          "create trigger soft before delete on docs for each row execute function soft()",
          grant(),
        );
        const send = sending();
        expect(
          await send(
            entry("PATCH", "docs", "bobs", { body: "x" }),
            entry("DELETE", "docs", "bobs"),
          ),
        ).toEqual(["UNAUTHORIZED"]);
        expect(await body("bobs")).toBe("old");
      });

      it("last write wins by a trigger, and a policy's refusal beside it", async () => {
        await make(
          ...ofDocs,
          "create or replace function keeps() returns trigger language plpgsql as $$ begin if new.body = 'stale' then return null; end if; return new; end $$",
          "create trigger a_keeps before update on docs for each row execute function keeps()",
          grant(),
        );
        const send = sending();
        for (const op of ["PATCH", "PUT"]) {
          expect(await send(entry(op, "docs", "mine", { body: "stale" }))).toEqual([
            "success",
            "row_declined",
          ]);
          expect(await send(entry(op, "docs", "bobs", { body: "stale" }))).toEqual([
            "UNAUTHORIZED",
          ]);
        }
        expect([await body("mine"), await body("bobs")]).toEqual(["old", "old"]);
      });

      describe.each([
        ["no policy for UPDATE", []],
        [
          "one for its members",
          [
            "create policy change on orgs for update using (exists (select from members m where m.org_id = orgs.id and m.user_id = auth.uid() and m.role = 'admin'))",
          ],
        ],
      ])("an organization, then its membership: %s", (_name, more) => {
        const ofOrgs = [
          "create policy see on orgs for select using (exists (select from members m where m.org_id = orgs.id and m.user_id = auth.uid()))",
          "create policy make on orgs for insert with check (created_by = auth.uid())",
          "create policy see on members for select using (user_id = auth.uid())",
          "create policy make on members for insert with check (user_id = auth.uid())",
        ];
        it.each([undefined, "insert"] as const)("put: %s", async (put) => {
          await make(...ofOrgs, ...more, grant());
          const rule = { access: "everyone", operations: ["PUT"], ...(put && { put }) } as const;
          const send = sending({
            ...everyone,
            orgs: rule,
            members: { ...rule, id: ["org_id", "user_id"] },
          });
          const org = (id: string, name: string) => entry("PUT", "orgs", id, { name });
          const member = (id: string) =>
            entry("PUT", "members", `${id}.${alice}`, { role: "member" });
          expect(await send(org("acme", "Acme"), member("acme"))).toEqual(["success"]);
          const ids = ["b", "c", "d", "e", "f", "g", "h"];
          expect(await send(...ids.flatMap((id) => [org(id, id), member(id)]))).toEqual([
            "success",
          ]);
          // The same again, by another operation's number.
          expect(await send(org("acme", "Acme"), member("acme"))).toEqual(
            put === undefined && more.length > 0 ? ["UNAUTHORIZED"] : ["success"],
          );
          const other = await send(org("acme", "Other"));
          expect(other).toEqual([
            put === undefined && more.length > 0 ? "UNAUTHORIZED" : "UNIQUE_VIOLATION",
          ]);
          // One that the caller can't see.
          await run(`insert into orgs (id, name, created_by) values ('bobs', 'B', '${bob}')`);
          const hidden = await send(org("bobs", "B"));
          expect(["UNIQUE_VIOLATION", "UNAUTHORIZED"]).toContain(hidden[0]);
          const { length } = await admin.selectFrom("orgs").select("id").execute();
          expect(length).toBe(9);
        });
      });

      it("a role that may only insert", async () => {
        await make(
          "create policy all_of_it on docs for all using (true)",
          "create policy all_of_it on orgs for all using (true)",
          `grant insert on docs to ${role}`,
          `grant insert, select on orgs to ${role}`,
        );
        const rule = { access: "everyone", operations: ["PUT"] } as const;
        const send = sending({ docs: rule, orgs: rule });
        expect(await send(entry("PUT", "docs", "new", { body: "new" }))).toEqual(["success"]);
        expect(await send(entry("PUT", "docs", "new", { body: "newer" }))).toEqual([
          "UNIQUE_VIOLATION",
        ]);
        expect(await body("new")).toBe("new");
        expect(await send(entry("PUT", "orgs", "new", { name: "new" }))).toEqual(["success"]);
        expect(await send(entry("PUT", "orgs", "new", { name: "new" }))).toEqual(["success"]);
        expect(await send(entry("PUT", "orgs", "new", { name: "newer" }))).toEqual([
          "UNIQUE_VIOLATION",
        ]);
      });

      it("UPDATE is granted by column, and the owner is only inserted", async () => {
        await make(
          "create policy all_of_it on docs for all using (true)",
          `grant select, insert on docs to ${role}`,
          `grant update (body) on docs to ${role}`,
        );
        const send = sending({ docs: { owner: "owner_id" } });
        expect(await send(entry("PUT", "docs", "new", { body: "new" }))).toEqual(["success"]);
        expect(await send(entry("PUT", "docs", "new", { body: "newer" }))).toEqual(["success"]);
        expect(await body("new")).toBe("newer");
        expect(await send(entry("PUT", "docs", "bobs", { body: "x" }))).toEqual(["UNAUTHORIZED"]);
        const whole = { body: "x", deleted_at: "now" };
        expect(await send(entry("PUT", "docs", "whole", whole))).toEqual(["success"]);
        expect(await send(entry("PUT", "docs", "mine", whole))).toEqual(["UNAUTHORIZED"]);
        expect(await send(entry("PUT", "docs", "empty", {}))).toEqual(["success"]);
        expect(await body("mine")).toBe("old");
      });
    });
  });
});
