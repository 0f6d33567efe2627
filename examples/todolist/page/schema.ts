/** The tables as the device has them. */
import { column, Schema, Table } from "@powersync/web";

export const rejectedWrites = "rejected_writes";

export const schema = new Schema({
  lists: new Table(
    { name: column.text, owner_id: column.text, created_at: column.text },
    { trackPrevious: true },
  ),
  todos: new Table(
    {
      list_id: column.text,
      description: column.text,
      completed: column.integer,
      created_at: column.text,
    },
    { trackPrevious: true, indexes: { list: ["list_id"] } },
  ),
  // A conflict is judged by what the device had before.
  list_notes: new Table(
    { list_id: column.text, note: column.text, people: column.integer },
    { trackPrevious: true, indexes: { list: ["list_id"] } },
  ),
  list_members: new Table({ list_id: column.text, user_id: column.text }),
  // Mutations, on their way to the server.
  powersync_mutations: new Table({ name: column.text, args: column.text }, { insertOnly: true }),
  // What the server has refused: kept on this device by the connector, and never uploaded.
  [rejectedWrites]: new Table(
    { failure: column.text, crud: column.text, rejected_at: column.text },
    { localOnly: true },
  ),
});
