/** Row-level security: the database's own policies decide, in the caller's name, and nothing of one caller is left for the next. */
import { type Kysely, sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createTables,
  createWrites,
  fatal,
  type Hooks,
  type Principal,
  rls,
  type RlsOptions,
  type TransactionResult,
  type WriteEvent,
  type WriteRequest,
  type WritesConfig,
} from "../../src/index.js";
import {
  type Supabase,
  supabaseOnPglite,
  supabaseOnPostgres,
  type SupabaseSchema,
} from "../support/supabase.js";
import { betterSqlite3 } from "../support/databases.js";

type Config = WritesConfig<Caller, SupabaseSchema>;

interface Caller extends Principal {
  readonly role?: string;
}

const alice: Caller = { userId: "aaaaaaaa-0000-4000-8000-000000000001" };
const bob: Caller = { userId: "bbbbbbbb-0000-4000-8000-000000000002" };
const uuid = () => crypto.randomUUID() as string;

interface Entry {
  readonly op: "PUT" | "PATCH" | "DELETE";
  readonly table: string;
  readonly id: string;
  readonly op_data?: Readonly<Record<string, unknown>>;
  readonly metadata?: string;
}
const put = (table: string, id: string, data: object = {}): Entry => ({
  op: "PUT",
  table,
  id,
  op_data: { ...data },
});
const patch = (table: string, id: string, data: object): Entry => ({
  ...put(table, id, data),
  op: "PATCH",
});
const remove = (table: string, id: string): Entry => ({ op: "DELETE", table, id });

/** `success`, or the code of the failure. */
function said(result: TransactionResult): string {
  return result.status === "fatal_error" ? result.failedOperation.errorCode : result.status;
}

describe.each([supabaseOnPglite, supabaseOnPostgres])("$name", async (on) => {
  describe.skipIf(!(await on.available()))("", () => {
    let supabase: Supabase;
    let database: Kysely<SupabaseSchema>;
    let events: WriteEvent[];
    let lastOp = 0;

    beforeAll(async () => {
      supabase = await on.open();
      database = supabase.connect();
    });
    afterAll(() => supabase.close());
    beforeEach(async () => {
      events = [];
      await supabase.reset();
    });

    function writesWith(options: RlsOptions<Caller> = {}, config: Partial<Config> = {}) {
      return createWrites<Caller, SupabaseSchema>({
        authenticate: () => alice,
        database,
        tables: { lists: { access: "everyone" }, todos: { access: "everyone" } },
        rls: rls({ role: supabase.roles.authenticated, ...options }),
        onEvent: (event) => void events.push(event),
        ...config,
      });
    }
    type TestWrites = ReturnType<typeof writesWith>;

    const run = async (writes: TestWrites, principal: Caller, ...crud: readonly Entry[]) => {
      const body = { crud: crud.map((entry) => ({ ...entry, op_id: ++lastOp })) };
      return writes.processTransaction(body, { principal, clientId: "phone" });
    };
    const listsStored = () =>
      supabase.admin.selectFrom("lists").selectAll().orderBy("name").execute();
    const counted = async (table: keyof SupabaseSchema) => {
      const { n } = await supabase.admin
        .selectFrom(table)
        .select((eb) => eb.fn.countAll().as("n"))
        .executeTakeFirstOrThrow();
      return Number(n);
    };
    const errors = () => events.filter((event) => event.type === "error");
    /** What whoever gets the connection next is. */
    const leftBehind = async () => {
      const { rows } = await sql<{ own: boolean; claims: string | null }>`
        select current_user = session_user as own, current_setting('request.jwt.claims', true) as claims
      `.execute(database);
      return rows[0];
    };
    const nothingLeft = async () => {
      const { own, claims } = (await leftBehind()) ?? {};
      expect([own, claims ?? ""]).toEqual([true, ""]);
    };

    describe("the policies of a Supabase project", () => {
      it("let their owner write lists and todos, in one transaction, in any order that the constraints allow", async () => {
        const [list, todo] = [uuid(), uuid()];
        const writes = writesWith();
        expect(
          await run(
            writes,
            alice,
            put("lists", list, { name: "one" }),
            put("todos", todo, { list_id: list, description: "first" }),
            patch("lists", list, { name: "two" }),
            patch("todos", todo, { completed: 1 }),
          ),
        ).toEqual({ status: "success" });
        // `default auth.uid()` is the caller's.
        expect(await listsStored()).toEqual([{ id: list, name: "two", owner_id: alice.userId }]);
        expect(said(await run(writes, alice, put("lists", list, { name: "three" })))).toBe(
          "success",
        );
        expect(said(await run(writes, alice, remove("lists", list)))).toBe("success");
        expect(await counted("todos")).toBe(0);
        expect(errors()).toEqual([]);
        await nothingLeft();
      });

      it("hide a foreign row from PATCH and DELETE: success, and nothing written", async () => {
        const [list, todo] = [uuid(), uuid()];
        const writes = writesWith();
        await run(
          writes,
          alice,
          put("lists", list, { name: "hers" }),
          put("todos", todo, { list_id: list, description: "hers" }),
        );
        for (const entry of [
          patch("lists", list, { name: "his" }),
          patch("lists", list, { owner_id: bob.userId }),
          remove("lists", list),
          patch("todos", todo, { description: "his" }),
          remove("todos", todo),
        ]) {
          expect(await run(writes, bob, entry)).toEqual({ status: "success" });
        }
        const missing = events.filter(({ type }) => type === "row_missing");
        expect(missing).toHaveLength(5);
        expect(await listsStored()).toEqual([{ id: list, name: "hers", owner_id: alice.userId }]);
        expect(await supabase.admin.selectFrom("todos").select("description").execute()).toEqual([
          { description: "hers" },
        ]);
      });

      it.each([
        ["a PUT onto a foreign row", (list: string) => put("lists", list, { name: "his" })],
        [
          "and with himself as its owner",
          (list: string) => put("lists", list, { owner_id: bob.userId }),
        ],
        ["a row in a foreign name", () => put("lists", uuid(), { owner_id: alice.userId })],
        [
          "a todo in a foreign list",
          (list: string) => put("todos", uuid(), { list_id: list, description: "his" }),
        ],
        ["a todo in no list", () => put("todos", uuid(), { list_id: uuid(), description: "his" })],
      ])("refuse %s", async (_name, entry) => {
        const list = uuid();
        const writes = writesWith();
        await run(writes, alice, put("lists", list, { name: "hers" }));
        const result = await run(writes, bob, put("lists", uuid(), { name: "gone" }), entry(list));
        expect(result).toEqual({
          status: "fatal_error",
          message: "The caller may not write this row.",
          failedOperation: {
            errorCode: "UNAUTHORIZED",
            message: "The caller may not write this row.",
            operationIndex: 1,
          },
          requiresClientHandling: false,
        });
        expect(await listsStored()).toEqual([{ id: list, name: "hers", owner_id: alice.userId }]);
        // Recorded by the login role: the caller's has no grant on the library's tables.
        expect(await counted("powersync_dead_letters")).toBe(1);
        await nothingLeft();
      });

      it("refuse to give a row away, or to move it into a foreign list", async () => {
        const writes = writesWith();
        const [hers, his, todo] = [uuid(), uuid(), uuid()];
        await run(writes, alice, put("lists", hers));
        await run(
          writes,
          bob,
          put("lists", his),
          put("todos", todo, { list_id: his, description: "x" }),
        );
        for (const entry of [
          patch("lists", his, { owner_id: alice.userId }),
          put("lists", his, { owner_id: alice.userId }),
          patch("todos", todo, { list_id: hers }),
          put("todos", todo, { list_id: hers, description: "y" }),
        ]) {
          expect(said(await run(writes, bob, entry))).toBe("UNAUTHORIZED");
        }
        expect(await supabase.admin.selectFrom("todos").select("list_id").execute()).toEqual([
          { list_id: his },
        ]);
      });

      it("hold beside the rules' own scope", async () => {
        const writes = writesWith(
          {},
          { tables: { lists: { owner: "owner_id" }, todos: { access: "everyone" } } },
        );
        const list = uuid();
        expect(said(await run(writes, alice, put("lists", list, { name: "hers" })))).toBe(
          "success",
        );
        expect(said(await run(writes, bob, patch("lists", list, { name: "his" })))).toBe("success");
        expect(said(await run(writes, bob, put("lists", list, { name: "his" })))).toBe(
          "UNAUTHORIZED",
        );
        expect(said(await run(writes, alice, patch("lists", list, { owner_id: bob.userId })))).toBe(
          "UNAUTHORIZED",
        );
        expect(await listsStored()).toEqual([{ id: list, name: "hers", owner_id: alice.userId }]);
      });

      it("refuse a hidden row also to whoever has looked for it and seen none", async () => {
        const seen: unknown[] = [];
        const look: Config["authorize"] = async (_write, { stored }) =>
          void seen.push((await stored())?.["name"]);
        const list = uuid();
        const writes = writesWith({}, { authorize: look });
        await run(writes, alice, put("lists", list, { name: "hers" }));
        expect(said(await run(writes, alice, put("lists", list, { name: "still" })))).toBe(
          "success",
        );
        // First, for it would wait behind a letter that may be there to create the row.
        expect(said(await run(writes, bob, patch("lists", list, { name: "his" })))).toBe("success");
        expect(said(await run(writes, bob, put("lists", list, { name: "his" })))).toBe(
          "UNAUTHORIZED",
        );
        expect(seen).toEqual([undefined, "hers", undefined, undefined]);
        expect(await listsStored()).toEqual([{ id: list, name: "still", owner_id: alice.userId }]);
      });

      it("see the claims of the token, by auth.jwt() and auth.role()", async () => {
        const seen: unknown[] = [];
        const writes = writesWith(
          {},
          {
            hooks: {
              persist: {
                before: async (_write, { tx }) => {
                  const { rows } = await sql`
                    select auth.jwt() as jwt, auth.role() as role, auth.uid()::text as uid, current_user::text as "user"
                  `.execute(tx);
                  seen.push(rows[0]);
                },
              },
            },
          },
        );
        const claims = { sub: alice.userId, role: "authenticated", tenants: [1, "zwei"] };
        expect(said(await run(writes, { ...alice, claims }, put("lists", uuid())))).toBe("success");
        const user = supabase.roles.authenticated;
        expect(seen).toEqual([{ jwt: claims, role: "authenticated", uid: alice.userId, user }]);
        // Without claims of its own, a principal is its `userId`.
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
        expect(seen[1]).toEqual({
          jwt: { sub: alice.userId, role: user },
          role: user,
          uid: alice.userId,
          user,
        });
      });
    });

    describe("the transaction", () => {
      it("takes one statement more, after the ledger's row; a replay takes none", async () => {
        const body = { crud: [{ ...put("lists", uuid()), op_id: ++lastOp }] };
        const send = (writes: TestWrites) =>
          writes.processTransaction(body, { principal: alice, clientId: "phone" });
        const writes = writesWith();
        await run(writes, alice, put("lists", uuid()));
        events = [];
        await send(writes);
        await send(writesWith({ role: supabase.roles.anon }));
        const told = events.flatMap((event) =>
          event.type === "transaction" ? [[event.ledger, event.status, event.statements]] : [],
        );
        // The ledger's row, role and claims, the row. Of the replay: the ledger's row, tried, read and renewed; and not a word of role and claims.
        expect(told).toEqual([
          ["miss", "success", 3],
          ["hit", "success", 3],
        ]);
      });

      it("is the caller's in every hook of the data, and the login role's in those of dead letters", async () => {
        const users: string[] = [];
        const look = async (tx: Kysely<SupabaseSchema>, where: string) => {
          const { rows } = await sql<{
            who: string;
          }>`select case when current_user = session_user then 'login' else current_user::text end as who`.execute(
            tx,
          );
          users.push(`${where} ${rows[0]?.who}`);
        };
        const hooks: Hooks<Caller, SupabaseSchema> = {
          map: { before: async (_entry, { tx }) => look(tx, "map") },
          authorize: { after: async (_write, { tx }) => look(tx, "authorize") },
          persist: { after: async (_outcome, { tx }) => look(tx, "persist") },
          deadLetter: { before: async (_letter, { tx }) => look(tx, "deadLetter") },
        };
        const writes = writesWith({}, { hooks });
        const user = supabase.roles.authenticated;
        await run(writes, alice, put("lists", uuid()));
        expect(users).toEqual([`map ${user}`, `authorize ${user}`, `persist ${user}`]);
        users.length = 0;
        await run(writes, alice, put("lists", uuid(), { owner_id: bob.userId }));
        expect(users).toEqual([`map ${user}`, `authorize ${user}`, "deadLetter login"]);
      });

      it("asks the policies also on a connection where row_security is off", async () => {
        await sql`set row_security = off`.execute(database);
        try {
          const writes = writesWith();
          expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
          expect(said(await run(writes, bob, patch("lists", uuid(), { name: "x" })))).toBe(
            "success",
          );
        } finally {
          await sql`reset row_security`.execute(database);
        }
      });

      it("needs no right of the caller's role to where the library's tables are", async () => {
        const { admin, roles } = supabase;
        const ownTables = { schema: "powersync" };
        await sql`create schema powersync`.execute(admin);
        await createTables(admin, ownTables);
        await sql`grant usage on schema powersync to ${sql.id(roles.login)}`.execute(admin);
        const own = sql`powersync.powersync_ledger, powersync.powersync_devices, powersync.powersync_accounts, powersync.powersync_named, powersync.powersync_versions, powersync.powersync_dead_letters, powersync.powersync_letter_parts, powersync.powersync_letter_rows, powersync.powersync_attempts, powersync.powersync_checkpoints`;
        await sql`grant select, insert, update, delete on ${own} to ${sql.id(roles.login)}`.execute(
          admin,
        );
        const writes = writesWith({}, { ownTables });
        expect(await writes.ready()).toEqual({ ready: true });
        const list = uuid();
        expect(said(await run(writes, alice, put("lists", list)))).toBe("success");
        expect(said(await run(writes, bob, put("lists", list)))).toBe("UNAUTHORIZED");
        const { rows } = await sql`select error_code from powersync.powersync_dead_letters`.execute(
          admin,
        );
        expect(rows).toEqual([{ error_code: "UNAUTHORIZED" }]);
        expect([await counted("powersync_ledger"), await writes.prune()]).toEqual([0, 0]);
      });

      it("keeps the caller through a hook's savepoint", async () => {
        const hooks: Hooks<Caller, SupabaseSchema> = {
          persist: {
            before: async (_write, { tx }) => {
              await sql`savepoint s`.execute(tx);
              await sql`set local role none`.execute(tx);
              await sql`select set_config('request.jwt.claims', '{}', true)`.execute(tx);
              await sql`rollback to savepoint s`.execute(tx);
            },
          },
        };
        const writes = writesWith({}, { hooks });
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
        expect(said(await run(writes, alice, put("lists", uuid(), { owner_id: bob.userId })))).toBe(
          "UNAUTHORIZED",
        );
      });

      it("is the caller's until the COMMIT has checked what was deferred", async () => {
        await sql
          .raw(`
          create function who() returns trigger language plpgsql as $$
          begin
            if current_user <> '${supabase.roles.authenticated}' or auth.uid() is null then raise exception 'not the caller'; end if;
            return null;
          end $$;
        `)
          .execute(supabase.admin);
        await sql`create constraint trigger who after insert on lists deferrable initially deferred for each row execute function who()`.execute(
          supabase.admin,
        );
        try {
          const writes = writesWith();
          const list = uuid();
          expect(said(await run(writes, alice, put("lists", list)))).toBe("success");
          // The list comes after its todo would need it: the policy asks at once, so this one is no matter of the constraint's.
          const result = await run(
            writes,
            alice,
            put("todos", uuid(), { list_id: list, description: "x" }),
            remove("lists", list),
          );
          expect(said(result)).toBe("success");
          expect(await counted("todos")).toBe(0);
        } finally {
          await sql`drop trigger who on lists`.execute(supabase.admin);
          await sql`drop function who`.execute(supabase.admin);
        }
      });

      it("is retryable where the role has gone, though its code is that of wrong data elsewhere", async () => {
        const { admin, roles } = supabase;
        const role = `gone_${roles.anon}`;
        await sql`create role ${sql.id(role)} nologin in role ${sql.id(roles.authenticated)}`.execute(
          admin,
        );
        await sql`grant ${sql.id(role)} to ${sql.id(roles.login)}`.execute(admin);
        const writes = writesWith({ role });
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
        await sql`drop role ${sql.id(role)}`.execute(admin);
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("retryable_error");
        expect(errors()).toMatchObject([{ during: "begin", error: { code: "22023" } }]);
        expect(await counted("powersync_dead_letters")).toBe(0);
        await nothingLeft();
      });
    });

    describe("who the caller is", () => {
      it("is never the request's to say", async () => {
        const writes = writesWith();
        const entry = {
          ...put("lists", uuid(), { owner_id: alice.userId }),
          metadata: JSON.stringify({ sub: alice.userId, role: supabase.roles.service }),
        };
        const body = {
          role: supabase.roles.service,
          claims: { sub: alice.userId },
          crud: [{ ...entry, op_id: ++lastOp, role: supabase.roles.service }],
        };
        const result = await writes.processTransaction(body, { principal: bob, clientId: "phone" });
        expect(said(result)).toBe("UNAUTHORIZED");
        expect(await counted("lists")).toBe(0);
      });

      it.each([
        ["quotes", `'"); select set_config('role', 'postgres', false); --`],
        ["lines", "a\nb\r\n\tc"],
        ["backslashes", String.raw`\\u0000 \u0000 \'`],
        ["all languages", "Ångström 東京 🦊 ‮ \u{10ffff}"],
        ["much", "x".repeat(200_000)],
        ["a placeholder", "$1 ? :a @b {{c}}"],
      ])("may have claims with %s", async (_name, text) => {
        let seen: unknown;
        const hooks: Hooks<Caller, SupabaseSchema> = {
          persist: {
            before: async (_write, { tx }) => {
              const { rows } = await sql<{
                text: string;
              }>`select auth.jwt() ->> 'name' as text`.execute(tx);
              seen = rows[0]?.text;
            },
          },
        };
        const writes = writesWith({}, { hooks });
        const principal = { ...alice, claims: { sub: alice.userId, name: text } };
        expect(said(await run(writes, principal, put("lists", uuid())))).toBe("success");
        expect(seen).toBe(text);
        await nothingLeft();
      });

      it.each([
        ["NUL", { name: "a\0b" }],
        ["NUL in text of one's own", "\0"],
        ["half a surrogate pair", { name: "\ud800" }],
        ["nothing", undefined],
        ["null", null],
        ["a number", 7],
        ["a circle", circle()],
      ])("is not written as, with claims of %s: retryable, not recorded", async (_name, claims) => {
        const writes = writesWith({ claims: () => claims as object });
        const result = await run(writes, alice, put("lists", uuid()));
        expect(result).toMatchObject({ status: "retryable_error" });
        expect(errors().map(({ during }) => during)).toContain("rls");
        expect([await counted("lists"), await counted("powersync_dead_letters")]).toEqual([0, 0]);
      });

      it.each([undefined, null, "", "none", 7, "a\0b", "\udfff"])(
        "is nobody where the role is %j",
        async (role) => {
          const writes = writesWith({ role: () => role as string });
          expect(await run(writes, alice, put("lists", uuid()))).toMatchObject({
            status: "retryable_error",
          });
          expect(errors()[0]).toMatchObject({ during: "rls", outcome: "retryable" });
          expect([await counted("lists"), await counted("powersync_dead_letters")]).toEqual([0, 0]);
        },
      );

      it.each(["no_such_role", `x"; reset role; --`, "authenticated'", "NONE", "x".repeat(100)])(
        "is nobody where there is no role %j",
        async (role) => {
          const writes = writesWith({ role: () => role });
          expect(said(await run(writes, alice, put("lists", uuid())))).toBe("retryable_error");
          const problems = events.flatMap((event) =>
            event.type === "not_ready" ? event.problems : [],
          );
          expect(problems).toEqual([expect.stringMatching(/^There is no role "/)]);
          expect(await counted("lists")).toBe(0);
        },
      );

      it("may be of a role whose name needs quoting", async () => {
        const role = `Odd "role'; ${supabase.roles.anon}`;
        const { admin, roles } = supabase;
        await sql`create role ${sql.id(role)} nologin`.execute(admin);
        try {
          await sql`grant ${sql.id(roles.authenticated)} to ${sql.id(role)} `.execute(admin);
          await sql`grant ${sql.id(role)} to ${sql.id(roles.login)}`.execute(admin);
          const writes = writesWith({ role: ({ role: own = roles.authenticated }) => own });
          expect(said(await run(writes, { ...alice, role }, put("lists", uuid())))).toBe("success");
          expect(
            said(
              await run(writes, { ...alice, role }, put("lists", uuid(), { owner_id: bob.userId })),
            ),
          ).toBe("UNAUTHORIZED");
        } finally {
          await sql`drop role ${sql.id(role)}`.execute(admin);
        }
      });

      it("may be told in settings of the application's own", async () => {
        const seen: unknown[] = [];
        const hooks: Hooks<Caller, SupabaseSchema> = {
          persist: {
            before: async (_write, { tx }) => {
              const { rows } = await sql`
                select current_setting('app.user_id', true) as "user", current_setting('app.tenant', true) as tenant,
                  current_setting('app.claims', true) as claims
              `.execute(tx);
              seen.push(rows[0]);
            },
          },
        };
        const writes = writesWith(
          {
            setting: "app.claims",
            claims: () => "as it is",
            settings: ({ userId }) => ({ "app.user_id": userId, "app.tenant": "" }),
          },
          { hooks },
        );
        // These policies look elsewhere.
        expect(
          said(await run(writes, alice, put("lists", uuid(), { owner_id: alice.userId }))),
        ).toBe("UNAUTHORIZED");
        expect(seen).toEqual([{ user: alice.userId, tenant: "", claims: "as it is" }]);
      });

      it.each([
        ["role", { role: "postgres" }],
        ["session_authorization", { session_authorization: "postgres" }],
        ["search_path", { search_path: "evil" }],
        ["no name", { "": "x" }],
        ["a value that is none", { "app.user_id": undefined }],
        ["a number", { "app.user_id": 1 }],
        ["NUL", { "app.user_id": "a\0" }],
      ])("is not told in a setting with %s", async (_name, settings) => {
        const writes = writesWith({
          settings: () => settings as unknown as Record<string, string>,
        });
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("retryable_error");
        expect(await counted("lists")).toBe(0);
      });

      it("can't be made by a function that fails: retryable, whatever it throws", async () => {
        for (const error of [new Error("bug"), fatal("UNAUTHORIZED", "No.")]) {
          const fail = () => {
            throw error;
          };
          for (const options of [{ role: fail }, { claims: fail }, { settings: fail }]) {
            const result = await run(writesWith(options), alice, put("lists", uuid()));
            expect(said(result)).toBe("retryable_error");
          }
        }
        expect(await counted("powersync_dead_letters")).toBe(0);
      });
    });

    describe("a role without grants", () => {
      it("is UNAUTHORIZED where the role is the caller's", async () => {
        const { admin, roles } = supabase;
        await sql`revoke insert on lists from ${sql.id(roles.anon)}`.execute(admin);
        const writes = writesWith({ role: ({ role = roles.authenticated }) => role });
        expect(said(await run(writes, { ...bob, role: roles.anon }, put("lists", uuid())))).toBe(
          "UNAUTHORIZED",
        );
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
        await sql`grant insert on lists to ${sql.id(roles.anon)}`.execute(admin);
      });

      it("sees nothing of a schema that it may not use, and hides nothing from others", async () => {
        const { admin, roles } = supabase;
        await sql`revoke usage on schema public from public`.execute(admin);
        await sql`grant usage on schema public to ${sql.id(roles.authenticated)}, ${sql.id(roles.login)}`.execute(
          admin,
        );
        try {
          const writes = writesWith({ role: ({ role = roles.authenticated }) => role });
          for (let round = 0; round < 3; round++) {
            const shut = await run(writes, { ...bob, role: roles.anon }, put("lists", uuid()));
            expect(said(shut)).toBe("retryable_error");
            expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
          }
        } finally {
          await sql`grant usage on schema public to public`.execute(admin);
        }
      });

      it("is retryable in a hook's statement", async () => {
        const hooks: Hooks<Caller, SupabaseSchema> = {
          persist: {
            before: async (_write, { tx }) => {
              await tx.selectFrom("powersync_ledger").select("identity").execute();
            },
          },
        };
        expect(said(await run(writesWith({}, { hooks }), alice, put("lists", uuid())))).toBe(
          "retryable_error",
        );
      });
    });

    describe("the gate and ready()", () => {
      afterEach(() => void vi.useRealTimers());

      const problemsOf = async (writes: TestWrites, principal?: Caller) => {
        const readiness = await writes.ready(principal);
        return readiness.ready ? [] : readiness.problems;
      };
      const refused = async (writes: TestWrites, principal = alice) => {
        expect(said(await run(writes, principal, put("lists", uuid())))).toBe("retryable_error");
        expect([await counted("lists"), await counted("powersync_dead_letters")]).toEqual([0, 0]);
      };

      it("let through what is set up as it should be", async () => {
        const writes = writesWith();
        expect(await writes.ready()).toEqual({ ready: true });
        expect(await writes.ready(alice)).toEqual({ ready: true });
        expect(writes.health()).toEqual({ status: "ok", inFlight: 0 });
        await writes.drain(0);
        expect(writes.health()).toEqual({ status: "draining", inFlight: 0 });
        expect(await writes.ready()).toEqual({
          ready: false,
          problems: ["The server is being stopped."],
        });
        await nothingLeft();
      });

      it.each([
        ["a superuser", "superuser", /^The role ".+" is a superuser, so no policy binds it\./],
        ["BYPASSRLS", "bypassrls", /^The role ".+" has BYPASSRLS, so no policy binds it\./],
      ])("refuse %s", async (_name, attribute, message) => {
        const { admin, roles } = supabase;
        await sql.raw(`alter role "${roles.anon}" ${attribute}`).execute(admin);
        try {
          const writes = writesWith({ role: roles.anon });
          expect(await problemsOf(writes)).toEqual([expect.stringMatching(message)]);
          await refused(writes);
        } finally {
          await sql.raw(`alter role "${roles.anon}" no${attribute}`).execute(admin);
        }
      });

      it("refuse service_role, which a principal's token may name", async () => {
        const { roles } = supabase;
        const writes = writesWith({ role: ({ role = roles.authenticated }) => role });
        const service = { ...alice, role: roles.service };
        expect(await writes.ready()).toEqual({ ready: true });
        expect(await problemsOf(writes, service)).toEqual([expect.stringContaining("BYPASSRLS")]);
        await refused(writes, service);
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
      });

      it("refuse an owner, and a member of the owner, until the table's policies are forced", async () => {
        const { admin, roles } = supabase;
        const owner = `owner_${roles.anon}`;
        await sql`create role ${sql.id(owner)}`.execute(admin);
        try {
          await sql`alter table lists owner to ${sql.id(owner)}`.execute(admin);
          await sql`grant ${sql.id(owner)} to ${sql.id(roles.authenticated)}`.execute(admin);
          const member = [
            expect.stringMatching(/ owns the table "lists", or is a member of its owner/),
          ];
          // Without INHERIT a membership gives nothing.
          expect(await problemsOf(writesWith())).toEqual([]);
          await sql`revoke ${sql.id(owner)} from ${sql.id(roles.authenticated)}`.execute(admin);
          await sql`alter role ${sql.id(roles.authenticated)} inherit`.execute(admin);
          await sql`grant ${sql.id(owner)} to ${sql.id(roles.authenticated)}`.execute(admin);
          expect(await problemsOf(writesWith())).toEqual(member);
          await refused(writesWith());
          await sql`alter table lists force row level security`.execute(admin);
          expect(await problemsOf(writesWith())).toEqual([]);
          expect(
            said(await run(writesWith(), alice, put("lists", uuid(), { owner_id: bob.userId }))),
          ).toBe("UNAUTHORIZED");
        } finally {
          await sql`alter table lists no force row level security`.execute(admin);
          await sql`alter table lists owner to current_user`.execute(admin);
          await sql`drop owned by ${sql.id(owner)}`.execute(admin);
          await sql`drop role ${sql.id(owner)}`.execute(admin);
          await sql`alter role ${sql.id(roles.authenticated)} noinherit`.execute(admin);
        }
      });

      it("refuse tables without row-level security, by name, and views that write as their owner", async () => {
        const { admin } = supabase;
        await sql`alter table todos disable row level security`.execute(admin);
        await sql`create view all_lists as select * from lists`.execute(admin);
        try {
          const tables = {
            lists: { access: "everyone" },
            todos: { access: "everyone" },
            other: { access: "everyone", table: "public.todos" },
            all: { access: "everyone", table: "public.all_lists" },
          } as const;
          const writes = writesWith({}, { tables });
          expect(await problemsOf(writes)).toEqual([
            expect.stringMatching(
              /^The table "todos" has no row-level security\. Remedy: alter table "todos" enable/,
            ),
            expect.stringMatching(/^The table "public"."todos" has no row-level security\./),
            expect.stringMatching(/^The view "public"."all_lists" writes with its owner's rights/),
          ]);
          await refused(writes);
          await sql`alter view all_lists set (security_invoker = on)`.execute(admin);
          expect(
            await problemsOf(
              writesWith({}, { tables: { all: { access: "everyone", table: "all_lists" } } }),
            ),
          ).toEqual([expect.stringContaining("may write nothing")]);
        } finally {
          await sql`drop view all_lists`.execute(admin);
          await sql`alter table todos enable row level security`.execute(admin);
        }
      });

      it("refuse one role for all that may write nothing in a table, and not where a persist of one's own may do it otherwise", async () => {
        const { admin, roles } = supabase;
        await sql`revoke all on todos from ${sql.id(roles.authenticated)}`.execute(admin);
        try {
          expect(await problemsOf(writesWith())).toEqual([
            expect.stringMatching(
              / may write nothing in the table "todos"\. Remedy: grant select, insert/,
            ),
          ]);
          await refused(writesWith());
          expect(
            await problemsOf(writesWith({}, { persist: (write, _context, next) => next(write) })),
          ).toEqual([]);
          expect(await problemsOf(writesWith({ role: () => roles.authenticated }), alice)).toEqual(
            [],
          );
          await sql`grant update (completed) on todos to ${sql.id(roles.authenticated)}`.execute(
            admin,
          );
          expect(await problemsOf(writesWith())).toEqual([]);
        } finally {
          await sql`grant all on todos to ${sql.id(roles.authenticated)}`.execute(admin);
        }
      });

      it("are no obstacle to a table that is not there yet, and look again", async () => {
        const writes = writesWith(
          {},
          { tables: { lists: { access: "everyone" }, notes: { access: "everyone" } } },
        );
        // It is not ready, and serves what there is.
        expect(await writes.ready()).toEqual({
          ready: false,
          problems: [expect.stringMatching(/no table "notes"/)],
        });
        expect(said(await run(writes, alice, put("lists", uuid())))).toBe("success");
        expect(said(await run(writes, alice, put("notes", uuid())))).toBe("retryable_error");
      });

      it("say that the library's tables are missing", async () => {
        const { admin } = supabase;
        await sql`alter table powersync_dead_letters rename to elsewhere`.execute(admin);
        try {
          expect(await problemsOf(writesWith())).toEqual([
            expect.stringMatching(/"powersync_dead_letters" is missing\. Remedy: run createTables/),
          ]);
        } finally {
          await sql`alter table elsewhere rename to powersync_dead_letters`.execute(admin);
        }
      });

      it("answer 503 with Retry-After, and 200 again when it has been mended", async () => {
        const { admin } = supabase;
        // No time passes for the gate but what the test lets pass.
        vi.useFakeTimers({ toFake: ["performance"] });
        await sql`alter table todos disable row level security`.execute(admin);
        const writes = writesWith();
        const body = () =>
          JSON.stringify({
            client_id: "phone",
            crud: [{ ...put("lists", uuid()), op_id: ++lastOp }],
          });
        const request = (): WriteRequest => ({
          method: "POST",
          url: "/api/data",
          headers: new Headers({ "content-type": "application/json" }),
          body: async () => new TextEncoder().encode(body()),
          signal: new AbortController().signal,
        });
        const answers = await Promise.all(
          [request(), request(), request()].map((each) => writes.handle(each)),
        );
        for (const answer of answers) {
          expect(answer.status).toBe(503);
          expect(answer.headers).toMatchObject({ "retry-after": "3" });
          expect(answer.body).toBe('{"message":"The server is not set up for writing right now."}');
        }
        // One look for all of them.
        expect(events.filter(({ type }) => type === "not_ready")).toHaveLength(1);
        await sql`alter table todos enable row level security`.execute(admin);
        expect((await writes.handle(request())).status).toBe(503);
        vi.advanceTimersByTime(3_100);
        expect((await writes.handle(request())).status).toBe(200);
      });
    });
  });
});

describe("rls()", () => {
  it.each(["", "none", 7, null, "a\0"])("takes no %j for a role", (role) => {
    expect(() => rls({ role: role as string })).toThrow(TypeError);
  });
  it.each(["", "role", "claims", "a b.c", "a.", "a.b; reset role"])(
    "takes no %j for a setting",
    (setting) => {
      expect(() => rls({ setting })).toThrow(TypeError);
      const config = { authenticate: () => alice, database: () => nowhere, tables: {} };
      expect(() => createWrites({ ...config, rls: { setting } })).toThrow(TypeError);
    },
  );
  it("is Postgres' alone", async () => {
    const { db, close } = await betterSqlite3.open();
    try {
      const config = { authenticate: () => alice, tables: {}, rls: rls() };
      expect(() => createWrites({ ...config, database: db })).toThrow(
        /^rls: sqlite has no row-level security/,
      );
      const writes = createWrites({ ...config, database: () => db });
      const result = await writes.processTransaction(
        { crud: [put("lists", uuid())] },
        { principal: alice },
      );
      expect(said(result)).toBe("retryable_error");
    } finally {
      await close();
    }
  });
});

/** Never asked for. */
const nowhere = undefined as unknown as Kysely<object>;

function circle(): object {
  const one: { self?: unknown } = {};
  one.self = one;
  return one;
}
