/** The library's own tables, where they are and by what names. */
import { type Expression, type Kysely, sql, type Transaction } from "kysely";
import type { OwnTable, OwnTables, OwnTablesOptions } from "./own-tables.js";
import { renaming } from "../persist/rename.js";

/** The way to the library's own tables. */
export interface Own {
  /** Plugins of the application's (other names, another schema) are not for them. */
  on<DB>(tx: Transaction<DB>): Transaction<OwnTables>;
  on<DB>(db: Kysely<DB>): Kysely<OwnTables>;
  /** The table's real name, without schema. */
  nameOf(table: OwnTable): string;
  /** The table, for SQL of one's own. */
  table(table: OwnTable): Expression<unknown>;
}

export function createOwn({ schema, names = {} }: OwnTablesOptions = {}): Own {
  const renames = Object.entries(names).some(([table, name]) => table !== name);
  const plugin = renames ? renaming(new Map(Object.entries(names))) : undefined;
  function on<DB>(tx: Transaction<DB>): Transaction<OwnTables>;
  function on<DB>(db: Kysely<DB>): Kysely<OwnTables>;
  function on<DB>(db: Kysely<DB>): Kysely<OwnTables> {
    const plain = db.withoutPlugins() as unknown as Kysely<OwnTables>;
    const placed = schema === undefined ? plain : plain.withSchema(schema);
    return plugin === undefined ? placed : placed.withPlugin(plugin);
  }
  const nameOf = (table: OwnTable): string => names[table] ?? table;
  return {
    on,
    nameOf,
    table: (table) => {
      const name = nameOf(table);
      return sql`${schema === undefined ? sql.id(name) : sql.id(schema, name)}`;
    },
  };
}
