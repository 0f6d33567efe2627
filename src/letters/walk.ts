/** Letters one after the other, oldest first, read in small pages: however many there are, few are held, and no connection while one is dealt with. */
import type { Kysely } from "kysely";
import type { Own } from "../own/own.js";
import type { InTransaction } from "./in-transaction.js";
import { change, list, type ListedLetter, lockWaiting, waitingQueues } from "./store.js";
import { cursorOf, type Position, type Wanted } from "./wanted.js";

const pageSize = 100;

export interface Walk {
  letters(wanted: Wanted, after?: Position): AsyncGenerator<ListedLetter, void, undefined>;
  waitingQueues(wanted: Wanted, until: Position): Promise<readonly string[]>;
  /** Gives those that still waited. */
  discard(ids: readonly string[], reason: string): Promise<readonly string[]>;
}

export function createWalk(inTransaction: InTransaction, own: Own) {
  return <DB>(database: Kysely<DB>): Walk => ({
    letters: async function* (wanted, after) {
      for (let position = after; ;) {
        const page = { newest: false, limit: pageSize, after: position };
        const found = await inTransaction(database, (tx) => list(own.on(tx), wanted, page));
        yield* found;
        const last = found.at(-1);
        if (last === undefined || found.length < pageSize) return;
        position = positionAt(last);
      }
    },
    waitingQueues: (wanted, until) =>
      inTransaction(database, (tx) => waitingQueues(own.on(tx), wanted, until)),
    discard: (ids, reason) =>
      inTransaction(database, async (tx) => {
        const still = await lockWaiting(own.on(tx), ids);
        if (still.length > 0) {
          await change(own.on(tx), still, { closed: { status: "discarded", reason } });
        }
        return still;
      }),
  });
}

export function positionAt({ firstSeenAt, id }: ListedLetter): Position {
  return { at: firstSeenAt, id };
}

export function cursorAt(letter: ListedLetter): string {
  return cursorOf(positionAt(letter));
}
