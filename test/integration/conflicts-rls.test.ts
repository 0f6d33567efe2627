/** Conflicts under row-level security: the data is the caller's role's, and who wrote which version is the login role's to know. */
import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWrites, type Principal, rls, type TableRule } from "../../src/index.js";
import { type Supabase, supabases, type SupabaseSchema } from "../support/supabase.js";

const alice: Principal = { userId: "aaaaaaaa-0000-4000-8000-000000000001" };
const bob: Principal = { userId: "bbbbbbbb-0000-4000-8000-000000000002" };
const id = "11111111-0000-4000-8000-000000000001";

type Rule = TableRule<Principal, SupabaseSchema>;

describe.each(supabases)("$name", async (on) => {
  describe.skipIf(!(await on.available()))("", () => {
    let supabase: Supabase;
    let database: Kysely<SupabaseSchema>;

    beforeAll(async () => {
      supabase = await on.open();
      database = supabase.connect();
      const { admin, roles } = supabase;
      const role = sql.id(roles.authenticated);
      await sql`alter table lists add column version bigint, add column secret text default 'hush'`.execute(
        admin,
      );
      // Nobody reads the secret.
      await sql`revoke all on lists from ${role}`.execute(admin);
      await sql`grant select (id, name, owner_id, version), insert, delete, update on lists to ${role}`.execute(
        admin,
      );
    });
    afterAll(() => supabase.close());
    beforeEach(() => supabase.reset());

    const writesWith = (conflict: NonNullable<Rule["conflict"]>) =>
      createWrites<Principal, SupabaseSchema>({
        authenticate: () => alice,
        database,
        logger: false,
        tables: { lists: { access: "everyone", conflict } },
        rls: rls({ role: supabase.roles.authenticated }),
      });

    let opId = 0;
    const send = async (
      writes: ReturnType<typeof writesWith>,
      clientId: string,
      entry: object,
      principal = alice,
    ) => {
      opId += 1;
      const crud = [{ table: "lists", id, op_id: opId, ...entry }];
      const result = await writes.processTransaction({ crud }, { principal, clientId });
      if (result.status !== "fatal_error") return { code: result.status };
      return { code: result.failedOperation.errorCode, details: result.failedOperation.details };
    };
    const put = (name: string) => ({ op: "PUT", op_data: { name } });
    const patch = (name: string, version: number | null) => ({
      op: "PATCH",
      op_data: { name },
      previous_values: { version },
    });
    const stored = () => supabase.admin.selectFrom("lists").selectAll().execute();

    it("knows whose versions are whose", async () => {
      const writes = writesWith({ version: "version" });
      for (const entry of [put("a"), patch("b", null), patch("c", 1)])
        expect((await send(writes, "phone", entry)).code).toBe("success");
      expect(await stored()).toMatchObject([{ name: "c", version: "3" }]);
      expect((await send(writes, "tablet", patch("x", 2))).code).toBe("CONFLICT");
      expect((await send(writes, "tablet", patch("d", 3))).code).toBe("success");
      const { code, details } = await send(writes, "phone", patch("y", 1));
      expect(code).toBe("CONFLICT");
      expect(details).toMatchObject({ theirs: { name: "d", version: "4" } });
      expect(
        (await send(writes, "phone", { op: "DELETE", previous_values: { version: 3 } })).code,
      ).toBe("CONFLICT");
      expect(
        (await send(writes, "phone", { op: "DELETE", previous_values: { version: 4 } })).code,
      ).toBe("success");
      // The role is the login role's again behind it.
      const { rows } = await sql<{
        own: boolean;
      }>`select current_user = session_user as own`.execute(database);
      expect(rows).toEqual([{ own: true }]);
    });

    it("tells nothing that the role may not read", async () => {
      const writes = writesWith({ version: "version", readable: ["name", "secret"] });
      await send(writes, "phone", put("a"));
      const { details } = await send(writes, "tablet", {
        ...patch("x", 7),
        previous_values: { version: 7, secret: "?" },
      });
      expect(details).toMatchObject({ theirs: { name: "a" } });
      expect(JSON.stringify(details)).not.toContain("hush");
    });

    it("leaves it to the policies whose rows they are", async () => {
      const writes = writesWith({ version: "version" });
      await send(writes, "phone", put("a"));
      // To others it is not there.
      expect((await send(writes, "other", patch("x", 9), bob)).code).toBe("success");
      expect((await send(writes, "other", put("x"), bob)).code).toBe("UNAUTHORIZED");
      expect(await stored()).toMatchObject([{ name: "a", version: "1" }]);
    });

    it("resolves with the row locked", async () => {
      const writes = writesWith({
        version: "version",
        resolve: ({ theirs, yours }) => ({
          name: `${String(theirs["name"])}+${String(yours["name"])}`,
        }),
      });
      await send(writes, "phone", put("a"));
      expect((await send(writes, "tablet", patch("b", 0))).code).toBe("success");
      expect(await stored()).toMatchObject([{ name: "a+b", version: "2" }]);
    });
  });
});
