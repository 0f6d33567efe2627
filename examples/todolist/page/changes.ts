/** The user's actions as changes of the local database, which PowerSync queues for upload. */
import type { PowerSyncDatabase } from "@powersync/web";
import { createMutators } from "../../../src/client/index.js";
import { definitions } from "../mutations.js";

export function createChanges(database: PowerSyncDatabase, user: string) {
  const now = () => new Date().toISOString();
  const run = async (sql: string, parameters: unknown[]): Promise<void> => {
    await database.execute(sql, parameters);
  };

  const mutate = createMutators(database, definitions);

  return {
    /** A mutation: the server runs it. The row that is written here is shown until the server's row arrives. */
    shareList: (list: string, user: string) => {
      const id = crypto.randomUUID();
      return mutate("list.share", { id, list, with: user }, async (tx) => {
        await tx.execute("INSERT INTO list_members (id, list_id, user_id) VALUES (?, ?, ?)", [
          id,
          list,
          user,
        ]);
      });
    },
    addList: (id: string, name: string, owner = user) =>
      run("INSERT INTO lists (id, name, owner_id, created_at) VALUES (?, ?, ?, ?)", [
        id,
        name,
        owner,
        now(),
      ]),
    renameList: (id: string, name: string) =>
      run("UPDATE lists SET name = ? WHERE id = ?", [name, id]),
    /** One transaction: the list is deleted together with its todos, or not at all. */
    removeList: (id: string) =>
      database.writeTransaction(async (tx) => {
        await tx.execute("DELETE FROM todos WHERE list_id = ?", [id]);
        // The database also deletes the list's note and members.
        await tx.execute("DELETE FROM lists WHERE id = ?", [id]);
      }),
    addTodo: (listId: string, description: string) =>
      run(
        "INSERT INTO todos (id, list_id, description, completed, created_at) VALUES (?, ?, ?, 0, ?)",
        [crypto.randomUUID(), listId, orNull(description), now()],
      ),
    describeTodo: (id: string, description: string) =>
      run("UPDATE todos SET description = ? WHERE id = ?", [orNull(description), id]),
    tickTodo: (id: string, completed: boolean) =>
      run("UPDATE todos SET completed = ? WHERE id = ?", [Number(completed), id]),
    /** The first note of a list creates its row. */
    addNote: (listId: string, note: string, people: number) =>
      run("INSERT INTO list_notes (id, list_id, note, people) VALUES (?, ?, ?, ?)", [
        crypto.randomUUID(),
        listId,
        note,
        people,
      ]),
    writeNote: (id: string, note: string) =>
      run("UPDATE list_notes SET note = ? WHERE id = ?", [note, id]),
    countPeople: (id: string, by: number) =>
      run("UPDATE list_notes SET people = coalesce(people, 0) + ? WHERE id = ?", [by, id]),
    removeTodo: (id: string) => run("DELETE FROM todos WHERE id = ?", [id]),
  };
}

export type Changes = ReturnType<typeof createChanges>;

/** An empty text becomes NULL. It is not checked here, so that the page can show what happens when the database refuses a write. */
function orNull(text: string): string | null {
  return text === "" ? null : text;
}
