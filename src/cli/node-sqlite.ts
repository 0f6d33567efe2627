/** Adapts Node's own SQLite to Kysely's dialect, if `better-sqlite3` is not installed. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { SqliteDatabase } from "kysely";

export function nodeSqlite(file: string): SqliteDatabase {
  const database = new DatabaseSync(file);
  return {
    close: () => database.close(),
    prepare: (text) => {
      const statement = database.prepare(text);
      const inputs = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...inputs(parameters)),
        run: (parameters) => statement.run(...inputs(parameters)),
        iterate: (parameters) => statement.iterate(...inputs(parameters)),
      };
    },
  };
}
