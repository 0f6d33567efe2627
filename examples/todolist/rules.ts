/** Who may write what: a list belongs to its owner, a todo to whoever owns its list. */
import type { Principal, TableRule } from "../../src/index.js";
import type { Database } from "./schema.js";

export const tables: Readonly<Record<keyof Database, TableRule<Principal, Database>>> = {
  lists: { owner: "owner_id" },
  todos: {
    scope: (eb, { principal }) =>
      eb.exists(
        eb
          .selectFrom("lists")
          .select("lists.id")
          .whereRef("lists.id", "=", "todos.list_id")
          .where("lists.owner_id", "=", principal.userId),
      ),
  },
};
