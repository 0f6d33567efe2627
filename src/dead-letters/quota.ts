/**
 * How many open dead letters a user and a device may have, and how large: what makes nothing but mistakes must not fill the database.
 * What can't be recorded stays on its device, and for a while that device is answered without the database being asked again. A user's other devices go on.
 */
import type { RetryableResult } from "../model.js";
import type { Chain, WaitingLetters } from "../store/letters.js";
import type { Unit } from "../store/store.js";
import { sha256 } from "../wire/serialize.js";
import { checkLimit } from "../wire/limits.js";

const pauseMs = 30_000;
/** Devices remembered for each database. Of more, those who came first are asked for again. */
const rememberedDevices = 10_000;

/** Where a letter comes from. */
interface LetterSender {
  readonly userId: string;
  readonly clientId?: string | undefined;
  readonly queueId?: string | undefined;
  /** The letter that it depends on, where it does: then its bytes are counted alone. */
  readonly root?: string | undefined;
}

export interface LetterQuota {
  /**
   * In the transaction that records the next one. Attempts that run at once don't see each other's letters, so there may be as many more.
   *
   * @param repeats whether the letter waits already: to count it once more takes no room. Asked only at the limit
   * @throws TooManyLetters where there are as many as may be
   */
  check(unit: Unit, memory: Refusals, sender: LetterSender, repeats: Repeats): Promise<void>;
  /**
   * A chain counts as one letter, and has bounds of its own: as many dependants as letters may wait, and a device's share of the bytes.
   *
   * @throws ChainFull
   */
  checkChain(chain: Chain, root: string, repeats: Repeats): Promise<void>;
  /** The answer to a device that was over the limit a moment ago. */
  refusal(memory: Refusals, sender: LetterSender): RetryableResult | undefined;
}

type Repeats = () => Promise<boolean>;

type Refusals = { readonly refused: Map<string, number> };

export class TooManyLetters extends Error {}

/** One queue's: what a chain does not take stops nobody else. */
export class ChainFull extends Error {
  readonly root: string;

  constructor(root: string) {
    super(
      `The chain behind the dead letter ${root} is full (deadLetters.open letters, or half of deadLetters.openBytes): retry or discard the letter. Nothing has been recorded.`,
    );
    this.root = root;
  }
}

interface LetterBounds {
  readonly open?: number;
  readonly openBytes?: number;
}

const defaults = { open: 1_000, openBytes: 64 * 1024 * 1024 };

/** Of a user's room, for one device that says which it is: so that a broken one leaves some to the others. */
const share = 1 / 2;

/** @throws TypeError for what is no limit */
export function createLetterQuota({
  open = defaults.open,
  openBytes = defaults.openBytes,
}: LetterBounds = {}): LetterQuota {
  checkLimit("deadLetters.open", open);
  checkLimit("deadLetters.openBytes", openBytes);

  const pause = ({ refused }: Refusals, sender: LetterSender): void => {
    const key = queueOf(sender);
    if (key === undefined) return;
    // Behind the others, so that whoever stands first has been there longest.
    refused.delete(key);
    refused.set(key, performance.now() + pauseMs);
    for (const oldest of refused.keys()) {
      if (refused.size <= rememberedDevices) break;
      refused.delete(oldest);
    }
  };

  /** In words. Bytes leave room for one letter more, however large it is: else it would never be recorded. */
  const fullOf = (
    { root }: LetterSender,
    who: string,
    { letters, bytes }: WaitingLetters,
    part: number,
  ) => {
    if (root === undefined && letters >= Math.ceil(open * part)) {
      return `The ${who} has ${letters} open dead letters (deadLetters.open)`;
    }
    if (bytes < openBytes * part) return undefined;
    return `The ${who} has open dead letters of ${bytes} bytes (deadLetters.openBytes)`;
  };

  return {
    check: async (unit, memory, sender, repeats) => {
      if (open === Infinity && openBytes === Infinity) return;
      const { userId, clientId } = sender;
      const subject = await sha256(userId);
      const { ofUser, ofClient } = await unit.letters.countWaiting(subject, clientId, open);
      const full =
        (clientId === undefined ? undefined : fullOf(sender, "device", ofClient, share)) ??
        fullOf(sender, "caller", ofUser, 1);
      if (full === undefined || (await repeats())) return;
      pause(memory, sender);
      throw new TooManyLetters(`${full}: retry or discard some. Nothing has been recorded.`);
    },

    checkChain: async ({ length, bytes }, root, repeats) => {
      const full = length >= open || bytes >= openBytes * share;
      if (full && !(await repeats())) throw new ChainFull(root);
    },

    refusal: ({ refused }, sender) => {
      const key = queueOf(sender);
      const until = key === undefined ? undefined : refused.get(key);
      if (key === undefined || until === undefined) return undefined;
      const retryAfterMs = Math.ceil(until - performance.now());
      if (retryAfterMs > 0) return tooManyLetters(retryAfterMs);
      refused.delete(key);
      return undefined;
    },
  };
}

/** A device that does not say which it is can't be told from the user's others: it is never refused for what it has sent before. */
function queueOf({ userId, clientId, queueId }: LetterSender): string | undefined {
  return clientId === undefined ? undefined : JSON.stringify([userId, clientId, queueId ?? null]);
}

export function tooManyLetters(retryAfterMs = pauseMs): RetryableResult {
  return {
    status: "retryable_error",
    message: "Too many of your changes have failed and are waiting for review.",
    retryAfterMs,
    tooManyDeadLetters: true,
  };
}
