/** Statements are compiled once: for each caller with the caller's own values, for each table as it is now, and not where a plugin makes another of them. */
import { type KyselyPlugin, OperationNodeTransformer, sql, type ValueNode } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWrites } from "../../src/index.js";
import { dialects, type TestDatabase } from "../support/databases.js";
import type { TestPrincipal } from "../support/writes.js";

const tables = {
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
} as const;

const put = (table: string, id: string, op_data: object) => ({
  crud: [{ op: "PUT", table, id, op_data }],
});

for (const dialect of dialects) {
  const available = await dialect.available();
  describe.skipIf(!available)(`compiled statements on ${dialect.name}`, () => {
    let database: TestDatabase;
    beforeAll(async () => {
      database = await dialect.open();
    });
    afterAll(() => database.close());

    const writes = (db = database.db) =>
      createWrites<TestPrincipal, never>({
        authenticate: () => ({ userId: "" }),
        database: db as never,
        tables,
        logger: false,
      });
    const status = async (
      target: ReturnType<typeof writes>,
      userId: string,
      body: object,
    ): Promise<string> => (await target.processTransaction(body, { principal: { userId } })).status;

    it("hold the scope of whoever calls", async () => {
      const target = writes();
      const ids = new Map<string, string>();
      for (const user of ["ann", "ben", "cid"]) {
        const id = crypto.randomUUID();
        ids.set(user, id);
        expect(await status(target, user, put("lists", id, { name: user }))).toBe("success");
      }
      for (const user of ["ann", "ben", "cid"]) {
        for (const [owner, list_id] of ids) {
          const expected = owner === user ? "success" : "fatal_error";
          const change = put("lists", list_id, { name: `by ${user}` });
          expect(await status(target, user, change)).toBe(expected);
          const todo = put("todos", crypto.randomUUID(), { list_id, description: user });
          expect(await status(target, user, todo)).toBe(expected);
        }
      }
      const rows = await database.db.selectFrom("lists").select(["name", "owner_id"]).execute();
      for (const { name, owner_id } of rows) expect(name).toBe(`by ${owner_id}`);
    });

    it("follow the columns that are sent", async () => {
      const target = writes();
      const id = crypto.randomUUID();
      const row = async () => {
        const found = await database.db
          .selectFrom("lists")
          .selectAll()
          .where("id", "=", id)
          .execute();
        return found.map(({ name, settings }) => ({ name, settings: settings !== null }));
      };
      for (const [op_data, expected] of [
        [{ name: "a" }, { name: "a", settings: false }],
        [{ settings: '{"b":1}' }, { name: "a", settings: true }],
        [
          { settings: null, name: "c" },
          { name: "c", settings: false },
        ],
        [
          { name: null, settings: "{}" },
          { name: null, settings: true },
        ],
      ] as const) {
        expect(await status(target, "dan", put("lists", id, op_data))).toBe("success");
        expect(await row()).toEqual([expected]);
      }
    });

    it("are not kept where a plugin makes others of them", async () => {
      let suffix = "";
      class Suffixing extends OperationNodeTransformer {
        override transformValue(node: ValueNode): ValueNode {
          return typeof node.value === "string" && node.value.startsWith("called ")
            ? { ...node, value: `${node.value}${suffix}` }
            : node;
        }
        override transformPrimitiveValueList(
          ...args: Parameters<OperationNodeTransformer["transformPrimitiveValueList"]>
        ) {
          const [node] = args;
          return {
            ...node,
            values: node.values.map((value) =>
              typeof value === "string" && value.startsWith("called ")
                ? `${value}${suffix}`
                : value,
            ),
          };
        }
      }
      const plugin: KyselyPlugin = {
        transformQuery: ({ node, queryId }) => new Suffixing().transformNode(node, queryId),
        transformResult: async ({ result }) => result,
      };
      const target = writes(database.db.withPlugin(plugin));
      const names: (string | null)[] = [];
      for (suffix of [" once", " twice"]) {
        const id = crypto.randomUUID();
        expect(await status(target, "eve", put("lists", id, { name: "called so" }))).toBe(
          "success",
        );
        const { name } = await database.db
          .selectFrom("lists")
          .select("name")
          .where(sql.ref("id"), "=", id)
          .executeTakeFirstOrThrow();
        names.push(name);
      }
      expect(names).toEqual(["called so once", "called so twice"]);
    });
  });
}
