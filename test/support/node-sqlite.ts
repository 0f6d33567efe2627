/** What Kysely's SQLite dialect asks of a database, of Node's own module. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { SqliteDatabase } from "kysely";

export interface NodeSqliteOptions {
  readonly readOnly?: boolean;
  /** Integers are read as `bigint`; without it, one that is no safe number throws. */
  readonly bigInts?: boolean;
}

export function nodeSqlite(
  file: string,
  { readOnly = false, bigInts = false }: NodeSqliteOptions = {},
): SqliteDatabase {
  const database = new DatabaseSync(file, { readOnly });
  return {
    close: () => database.close(),
    prepare: (text) => {
      const statement = database.prepare(text);
      statement.setReadBigInts(bigInts);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...inputs(parameters)),
        run: (parameters) => statement.run(...inputs(parameters)),
        iterate: (parameters) => statement.iterate(...inputs(parameters)),
      };
    },
  };
}

function inputs(parameters: readonly unknown[]): SQLInputValue[] {
  return parameters as SQLInputValue[];
}
