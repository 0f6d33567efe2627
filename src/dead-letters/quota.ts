/**
 * How many open dead letters one caller may have: a device that makes nothing but mistakes must not fill the database.
 * What can't be recorded stays on the device, and for a while the caller is answered without the database being asked again.
 */
import type { RetryableResult } from "../model.js";
import type { Unit } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import { checkLimit } from "../wire/limits.js";

const pauseMs = 30_000;
/** Callers remembered for each database. Of more, those who came first are asked for again. */
const remembered = 10_000;

export interface LetterQuota {
  /**
   * In the transaction that records the next one. Attempts that run at once don't see each other's letters, so there may be as many more.
   *
   * @throws TooManyLetters where there are as many as may be
   */
  check(unit: Unit, memory: Refusals, userId: string): Promise<void>;
  /** The answer to a caller who was over the limit a moment ago. */
  refusal(memory: Refusals, userId: string): RetryableResult | undefined;
}

type Refusals = { readonly refused: Map<string, number> };

export class TooManyLetters extends Error {}

const defaultMost = 1_000;

/** @throws TypeError for what is no limit */
export function createLetterQuota(most = defaultMost): LetterQuota {
  checkLimit("deadLetters.open", most);
  return {
    check: async (unit, { refused }, userId) => {
      if (most === Infinity) return;
      if ((await unit.letters.countWaiting(await sha256(userId), most)) < most) return;
      // Behind the others, so that whoever stands first has been there longest.
      refused.delete(userId);
      refused.set(userId, performance.now() + pauseMs);
      for (const oldest of refused.keys()) {
        if (refused.size <= remembered) break;
        refused.delete(oldest);
      }
      throw new TooManyLetters(
        `The caller has ${most} open dead letters (deadLetters.open): retry or discard some. Nothing has been recorded.`,
      );
    },

    refusal: ({ refused }, userId) => {
      const until = refused.get(userId);
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
      refused.delete(userId);
      return undefined;
    },
  };
}
