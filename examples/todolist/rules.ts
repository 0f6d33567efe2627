/** Who may write what: a list belongs to its owner; a todo and a note belong to whoever owns their list. */
import { defineTables } from "../../src/index.js";
import type { Database } from "./schema.js";

export const rules = {
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
  list_notes: {
    belongsTo: { list_id: "lists" },
    // Two devices that both count are added up. Of two that write different notes, the later one is asked.
    conflict: { add: { people: { min: 0 } }, changed: "merge" },
  },
} as const;

export const tables = defineTables<Database>()(rules);
