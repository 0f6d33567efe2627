/** The app's part: each function queues a mutation, and shows its effect on the device until the server's result has synced. */
import type { AbstractPowerSyncDatabase } from "@powersync/common";
import { createMutators } from "../../src/client/index.js";
import { definitions } from "./definitions.js";

const addMember = "INSERT INTO list_members (id, list_id, user_id) VALUES (?, ?, ?)";

export function todoApp(database: AbstractPowerSyncDatabase) {
  const mutate = createMutators(database, definitions);
  return {
    createTodo: (todo: { id: string; list: string; text: string }) =>
      mutate("todo.create", todo, (tx) =>
        tx.execute(
          `INSERT INTO todos (id, list_id, text, done, position)
            SELECT ?, ?, ?, 0, coalesce(max(position), 0) + 1 FROM todos WHERE list_id = ?`,
          [todo.id, todo.list, todo.text, todo.list],
        ),
      ),
    completeTodo: (todo: { id: string; list: string }) =>
      mutate("todo.complete", todo, (tx) =>
        tx.execute("UPDATE todos SET done = 1 WHERE id = ?", [todo.id]),
      ),
    shareList: (member: { id: string; list: string; with: string }) =>
      mutate("list.share", member, (tx) =>
        tx.execute(addMember, [member.id, member.list, member.with]),
      ),
    reorderTodo: (move: { id: string; list: string; before: string | null }) =>
      mutate("todo.reorder", move, (tx) =>
        tx.execute(
          `UPDATE todos SET position = coalesce(
            (SELECT position - 0.5 FROM todos WHERE id = ? AND list_id = ?),
            (SELECT max(position) + 1 FROM todos WHERE list_id = ?)) WHERE id = ?`,
          [move.before, move.list, move.list, move.id],
        ),
      ),
  };
}
