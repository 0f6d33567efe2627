/** Looks at a database without leaving anything in it. */
import type { Kysely, Transaction } from "kysely";
import { begin, type TransactionSettings } from "../begin.js";

export type Look<DB> = <T>(run: (tx: Transaction<DB>) => Promise<T>) => Promise<T>;

/** Each look is a transaction of its own, bounded in time like all others, and rolled back. */
export function createLook<DB>(database: Kysely<DB>, settings: TransactionSettings): Look<DB> {
  return async <T>(run: (tx: Transaction<DB>) => Promise<T>) => {
    let seen: { readonly value: T } | undefined;
    const undo = new Error("Seen.");
    try {
      await begin(database, settings, async (tx) => {
        seen = { value: await run(tx) };
        throw undo;
      });
    } catch (error) {
      if (error !== undo) throw error;
    }
    // `begin` has resolved only if it has thrown, and it has thrown only behind this.
    return (seen as { readonly value: T }).value;
  };
}
