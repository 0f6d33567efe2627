/**
 * The floor on SQLite: `node:http` and `better-sqlite3`, each statement prepared once for all requests, and each transaction run in one go, with the row by
 * which it is applied once. Nothing is verified or checked. In the process there is nothing to wait for, so it shows what SQLite itself costs.
 */
import Sqlite from "better-sqlite3";
import type { SqliteStatement } from "kysely";
import { servingFloor } from "./floor.js";
import type { Listening, Transaction } from "./serving.js";
import { entering, statementOf } from "./usual.js";

export function serveSqliteFloor(url: string): Promise<Listening> {
  const database = new Sqlite(url.slice("sqlite:".length));
  database.pragma("journal_mode = wal");
  database.pragma("foreign_keys = on");
  const prepared = new Map<string, SqliteStatement>();
  const run = ([text, values]: readonly [text: string, values: readonly unknown[]]): number => {
    let statement = prepared.get(text);
    if (statement === undefined) prepared.set(text, (statement = database.prepare(text)));
    return Number(statement.run(values).changes);
  };
  const apply = ({ crud }: Transaction) => {
    run(["begin immediate", []]);
    try {
      if (run(entering(crud, "sqlite")) > 0)
        for (const entry of crud) run(statementOf(entry, "sqlite"));
      run(["commit", []]);
    } catch (error) {
      run(["rollback", []]);
      throw error;
    }
  };
  return servingFloor(async (transactions) => {
    for (const transaction of transactions) apply(transaction);
  });
}
