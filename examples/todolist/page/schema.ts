/** The tables on the device. */
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
  // Conflicts are found by the values that the device had before.
  list_notes: new Table(
    { list_id: column.text, note: column.text, people: column.integer },
    { trackPrevious: true, indexes: { list: ["list_id"] } },
  ),
  list_members: new Table({ list_id: column.text, user_id: column.text }),
  // Mutations that are queued for the server.
  powersync_mutations: new Table({ name: column.text, args: column.text }, { insertOnly: true }),
  // Writes that the server has refused. The connector keeps them on this device and never uploads them.
  [rejectedWrites]: new Table(
    { failure: column.text, crud: column.text, rejected_at: column.text },
    { localOnly: true },
  ),
});
