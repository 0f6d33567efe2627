/** The tables of these examples, for the server and for the device. */
import { column, Schema, Table } from "@powersync/common";

export interface Database {
  /** `revision` counts the mutations of a list. */
  lists: { id: string; owner_id: string; revision: number };
  /** `(list_id, user_id)` is unique. */
  list_members: { id: string; list_id: string; user_id: string };
  todos: { id: string; list_id: string; text: string; done: number; position: number };
}

export const schema = new Schema({
  lists: new Table({ owner_id: column.text, revision: column.integer }),
  list_members: new Table({ list_id: column.text, user_id: column.text }),
  todos: new Table({
    list_id: column.text,
    text: column.text,
    done: column.integer,
    position: column.real,
  }),
  powersync_mutations: new Table({ name: column.text, args: column.text }, { insertOnly: true }),
});
