/** A database transaction about letters, tried again where others were in the way. */
import type { Kysely, Transaction } from "kysely";
import { begin, type TransactionSettings } from "../begin.js";
import { classify } from "../persist/classify.js";
import type { Again } from "../retry.js";

/** Rejects with the database's errors, and with what `run` throws. */
export type InTransaction = <DB, T>(
  database: Kysely<DB>,
  run: (tx: Transaction<DB>) => Promise<T>,
) => Promise<T>;

export function createInTransaction(settings: TransactionSettings, again: Again): InTransaction {
  return async (database, run) => {
    const { signal } = new AbortController();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await begin(database, settings, run);
      } catch (error) {
        if (!(await again(classify(error, database, false), attempt, { database, signal })))
          throw error;
      }
    }
  };
}
