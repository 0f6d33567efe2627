/** Who may write what: a list belongs to its owner; a todo and a note belong to whoever owns their list. */
import { defineTables } from "../../src/index.js";
import type { Database } from "./schema.js";

export const rules = {
  lists: { owner: "owner_id" },
  todos: { belongsTo: { list_id: "lists" } },
  list_notes: {
    belongsTo: { list_id: "lists" },
    // The numbers of two devices are added up. If two devices write different notes, the later one gets a conflict.
    conflict: { add: { people: { min: 0 } }, changed: "merge" },
  },
} as const;

export const tables = defineTables<Database>()(rules);
