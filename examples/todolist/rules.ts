/** Who may write what: a list belongs to its owner, a todo to whoever owns its list. */
import { defineTables } from "../../src/index.js";
import type { Database } from "./schema.js";

export const tables = defineTables<Database>()({
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
});
