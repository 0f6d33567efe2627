/** Reads the data that the page shows from the local database, whenever it changes. */
import type { RejectedWrite } from "../../../src/client/index.js";
import { rejectedWrites } from "./schema.js";
import type { Session } from "./session.js";

/** `waiting`: a change of the row is in the upload queue. `rejected`: a change was refused. */
export type Mark = "waiting" | "rejected" | null;

export interface List {
  readonly id: string;
  readonly name: string | null;
  readonly owner_id: string | null;
  readonly mark: Mark;
}

export interface Todo {
  readonly id: string;
  readonly list_id: string | null;
  readonly description: string | null;
  readonly completed: number | null;
  readonly mark: Mark;
}

/** A note about a list, and a number of people. */
export interface Note {
  readonly id: string;
  readonly list_id: string | null;
  readonly note: string | null;
  readonly people: number | null;
  readonly mark: Mark;
}

/** A user with whom a list is shared. */
export interface Member {
  readonly id: string;
  readonly list_id: string | null;
  readonly user_id: string | null;
  readonly mark: Mark;
}

export interface Data {
  readonly lists: readonly List[];
  readonly todos: readonly Todo[];
  readonly notes: readonly Note[];
  readonly members: readonly Member[];
  readonly rejected: readonly RejectedWrite[];
  /** Changes of rows in the upload queue. */
  readonly pending: number;
}

const mark = (table: string) => `CASE
  WHEN EXISTS (SELECT 1 FROM ps_crud c WHERE c.data ->> 'id' = ${table}.id) THEN 'waiting'
  WHEN EXISTS (SELECT 1 FROM ${rejectedWrites} r, json_each(r.crud) e WHERE e.value ->> 'id' = ${table}.id) THEN 'rejected'
END AS mark`;

export function watchData(
  { database, connector }: Session,
  show: (data: Data) => void,
  failed: (error: unknown) => void,
): void {
  const read = async () => {
    // The queries may see different states, but the next change reads everything again.
    const [lists, todos, notes, members, rejected, queue] = await Promise.all([
      database.getAll<List>(
        `SELECT id, name, owner_id, ${mark("lists")} FROM lists ORDER BY created_at, id`,
      ),
      database.getAll<Todo>(
        `SELECT id, list_id, description, completed, ${mark("todos")} FROM todos ORDER BY created_at, id`,
      ),
      database.getAll<Note>(
        `SELECT id, list_id, note, people, ${mark("list_notes")} FROM list_notes ORDER BY id`,
      ),
      database.getAll<Member>(
        `SELECT id, list_id, user_id, ${mark("list_members")} FROM list_members ORDER BY user_id, id`,
      ),
      connector.rejected(database),
      database.get<{ pending: number }>("SELECT count(*) AS pending FROM ps_crud"),
    ]);
    show({ lists, todos, notes, members, rejected, pending: queue.pending });
  };
  const onChange = () => read().catch(failed);
  database.onChange(
    { onChange },
    {
      tables: ["lists", "todos", "list_notes", "list_members", rejectedWrites, "ps_crud"],
      throttleMs: 30,
    },
  );
  void onChange();
}
