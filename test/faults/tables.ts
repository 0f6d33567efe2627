/** The tables that the devices write to. Where the database keeps no log that can be read back, triggers write the history. */
import { sharedRows } from "./workload.js";

export const tables = ["marks", "items", "shared"] as const;

const shared = `insert into shared (id) values ${sharedRows.map((id) => `('${id}')`).join(", ")}`;

const standard = (uuid: string, text: string, exact = text): readonly string[] => [
  `create table marks (id ${uuid} primary key, owner ${exact}, number integer, tag ${text})`,
  `create table items (id ${uuid} primary key, size integer, tag ${text}, constraint items_size check (size >= 0))`,
  `create table shared (id ${uuid} primary key, tag ${text})`,
];

/** With the old row in the log: a DELETE is known by what it has removed. */
export const postgresTables: readonly string[] = [
  ...standard("uuid", "text"),
  ...tables.map((table) => `alter table ${table} replica identity full`),
  shared,
  // Answers with an error of the server's own making.
  `create function fail_with(state text) returns integer language plpgsql as $$
   begin raise exception using errcode = state, message = 'made to fail'; end $$`,
];

export const pgliteTables: readonly string[] = [
  ...standard("uuid", "text"),
  "create table history (number bigserial primary key, effect text)",
  `create function write_history() returns trigger language plpgsql as $$
   begin
     if tg_op = 'DELETE' then
       insert into history (effect) values (tg_table_name || ' ' || old.id || ' - ' || old.tag);
     else
       insert into history (effect) values (tg_table_name || ' ' || new.id || ' = ' || new.tag);
     end if;
     return null;
   end $$`,
  shared,
  ...tables.map(
    (table) =>
      `create trigger history after insert or update or delete on ${table} for each row execute function write_history()`,
  ),
];

const events = [
  ["insert", "new", "="],
  ["update", "new", "="],
  ["delete", "old", "-"],
] as const;

export const mysqlTables: readonly string[] = [
  ...standard(
    "char(36) character set ascii collate ascii_bin",
    "varchar(100)",
    "varchar(100) collate utf8mb4_bin",
  ),
  "create table history (number bigint auto_increment primary key, effect varchar(200) not null)",
  shared,
  ...tables.flatMap((table) =>
    events.map(
      ([event, row, sign]) =>
        `create trigger ${table}_${event} after ${event} on ${table} for each row
         insert into history (effect) values (concat('${table} ', ${row}.id, ' ${sign} ', ${row}.tag))`,
    ),
  ),
];

export const sqliteTables: readonly string[] = [
  ...standard("uuid", "text"),
  "create table history (number integer primary key autoincrement, effect text not null)",
  shared,
  ...tables.flatMap((table) =>
    events.map(
      ([event, row, sign]) =>
        `create trigger ${table}_${event} after ${event} on ${table} begin
           insert into history (effect) values ('${table} ' || ${row}.id || ' ${sign} ' || ${row}.tag);
         end`,
    ),
  ),
];
