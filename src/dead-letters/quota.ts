/**
 * How many open dead letters one caller may have: a device that makes nothing but mistakes must not fill the database.
 * What can't be recorded stays on the device, and for a while the caller is answered without the database being asked again.
 */
import type { Kysely, Transaction } from "kysely";
import { sha256 } from "../wire/digest.js";
import type { Own } from "../sql/tables.js";
import type { RetryableResult } from "../model.js";

const pauseMs = 30_000;
/** Callers remembered for each database. Of more, those who came first are asked for again. */
const remembered = 10_000;

export interface LetterBound {
  /**
   * In the transaction that records the next one. Attempts that run at once don't see each other's letters, so there may be as many more.
   *
   * @throws TooManyLetters where there are as many as may be
   */
  check<DB>(tx: Transaction<DB>, userId: string): Promise<void>;
  /** The answer to a caller of whom it has just been found out. */
  refusal<DB>(database: Kysely<DB>, userId: string): RetryableResult | undefined;
}

export class TooManyLetters extends Error {}

export function createLetterBound(own: Own, most: number): LetterBound {
  // By the executor's adapter, which is one for a database: in another one, the same name may be another caller.
  const databases = new WeakMap<object, Map<string, number>>();

  return {
    check: async (tx, userId) => {
      if (most === Infinity) return;
      const subject = await sha256(userId);
      const open = own
        .on(tx)
        .selectFrom("powersync_dead_letters")
        .select("id")
        // Letters of the first form have no subject; of those there may be more.
        .where("subject", "=", subject)
        .where("status", "in", ["open", "stale"])
        // Counting all of them would take the longer, the more there are.
        .limit(most);
      const { count } = await own
        .on(tx)
        .selectFrom(open.as("open"))
        .select((eb) => eb.fn.countAll<string | number | bigint>().as("count"))
        .executeTakeFirstOrThrow();
      if (Number(count) < most) return;
      const { adapter } = tx.getExecutor();
      const full = databases.get(adapter) ?? new Map<string, number>();
      databases.set(adapter, full);
      // Behind the others, so that whoever stands first has been there longest.
      full.delete(userId);
      full.set(userId, performance.now() + pauseMs);
      for (const oldest of full.keys()) {
        if (full.size <= remembered) break;
        full.delete(oldest);
      }
      throw new TooManyLetters(
        `The caller has ${most} open dead letters (limits.openDeadLetters): retry or discard some. Nothing has been recorded.`,
      );
    },

    refusal: (database, userId) => {
      const full = databases.get(database.getExecutor().adapter);
      const until = full?.get(userId);
      if (until === undefined) return undefined;
      const retryAfterMs = Math.ceil(until - performance.now());
      if (retryAfterMs > 0) {
        return {
          status: "retryable_error",
          message: "Too many of your changes have failed and wait to be looked at.",
          retryAfterMs,
          tooManyDeadLetters: true,
        };
      }
      full?.delete(userId);
      return undefined;
    },
  };
}
