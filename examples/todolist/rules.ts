/** Who may write what: a list belongs to its owner, a todo to whoever owns its list. */
import type { Principal, TableRule } from "../../src/index.js";
import type { Database } from "./schema.js";

export const tables: Readonly<Record<keyof Database, TableRule<Principal, Database>>> = {
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
};
